/* reload_report.c: lines for the log, and JSON. SPDX-License-Identifier: MIT */
#include "cli/reload_report.h"

#include "cli/compare.h"
#include "cli/restart.h"

enum { REPORT_MAX = 4 << 20, LIST_MAX = 1 << 20 };

struct telling {
    struct reload_report *report;
    const struct config *was, *is;
    struct edition *kept; /* whose configuration `is` is */
    struct fault *fault;
    enum err err;
};

void reload_report_init(struct reload_report *report)
{
    *report = (struct reload_report){.changes = 0};
    buf_init(&report->json, REPORT_MAX, NULL);
    buf_init(&report->changed, LIST_MAX, NULL);
    buf_init(&report->waits, LIST_MAX, NULL);
    buf_init(&report->lines, LIST_MAX, NULL);
}

void reload_report_fini(struct reload_report *report)
{
    buf_fini(&report->json);
    buf_fini(&report->changed);
    buf_fini(&report->waits);
    buf_fini(&report->lines);
}

void reload_report_clear(struct reload_report *report)
{
    buf_clear(&report->json);
    buf_clear(&report->changed);
    buf_clear(&report->waits);
    buf_clear(&report->lines);
    report->changes = 0;
    report->restarts = 0;
}

static void add_text(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, "\"%s\": \"", name);
    buf_add_json(out, bytes_of_text(text));
    buf_add_text(out, "\"");
}

static void add_row(struct buf *list, const struct compare_row *row, const char *why)
{
    buf_add_text(list, list->size == 0 ? "{" : ", {");
    add_text(list, "setting", row->path);
    buf_add_text(list, ", ");
    if (row->kind != COMPARE_CHANGED) {
        buf_printf(list, "\"%s\": true}", row->kind == COMPARE_ADDED ? "added" : "removed");
        return;
    }
    add_text(list, "was", row->was);
    buf_add_text(list, ", ");
    add_text(list, "is", row->is);
    if (why != NULL) {
        buf_add_text(list, ", ");
        add_text(list, "why", why);
    }
    buf_add_text(list, "}");
}

static const char *or_nothing(const char *text)
{
    return text[0] == '\0' ? "(nothing)" : text;
}

static void add_line(struct buf *lines, enum log_level level)
{
    buf_add_byte(lines, (uint8_t)('0' + level));
}

static void add_change(struct buf *lines, const struct compare_row *row)
{
    add_line(lines, LOG_INFO);
    if (row->kind != COMPARE_CHANGED)
        buf_printf(lines, "config: %s is %s", row->path,
                   row->kind == COMPARE_ADDED ? "new" : "gone");
    else
        buf_printf(lines, "config: %s: %s -> %s", row->path, or_nothing(row->was),
                   or_nothing(row->is));
    buf_add_byte(lines, 0);
}

static void add_wait(struct buf *lines, const struct compare_row *row, const char *why)
{
    add_line(lines, LOG_WARNING);
    buf_printf(lines, "config: %s: %s -> %s needs a restart (%s); until then it stays %s",
               row->path, or_nothing(row->was), or_nothing(row->is), why, or_nothing(row->was));
    buf_add_byte(lines, 0);
}

static void tell(void *context, const struct compare_row *row)
{
    struct telling *telling = context;
    struct reload_report *report = telling->report;
    const char *why = row->kind == COMPARE_CHANGED && row->section->items == NULL
                          ? restart_why(row, telling->was, telling->is)
                          : NULL;

    if (why == NULL) {
        report->changes++;
        add_row(&report->changed, row, NULL);
        add_change(&report->lines, row);
        return;
    }
    report->restarts++;
    add_row(&report->waits, row, why);
    add_wait(&report->lines, row, why);
    if (telling->err == ERR_OK)
        telling->err = compare_keep(telling->was, &telling->kept->setup.config, row->section,
                                    row->setting, telling->fault);
}

static void say_lines(const struct log *log, const struct buf *lines)
{
    struct bytes rest = buf_bytes(lines);

    while (rest.size > 0) {
        struct bytes line = bytes_cut(&rest, 0);

        log_say(log, (enum log_level)(line.data[0] - '0'), "cli", "%.*s",
                BYTES_ARG(bytes_skip(line, 1)));
    }
}

enum err reload_report_compare(struct reload_report *report, const struct edition *was,
                               struct edition *is, struct fault *fault)
{
    struct telling telling = {report, &was->setup.config, &is->setup.config, is, fault, ERR_OK};

    (void)compare(telling.was, telling.is, tell, &telling);
    if (report->restarts > 0)
        is->hash = compare_hash(telling.is);
    return telling.err;
}

void reload_report_done(struct reload_report *report, const struct log *log, uint64_t hash)
{
    struct buf *out = &report->json;

    buf_printf(out, "{\"reloaded\": true, \"hash\": \"%016llx\", \"changes\": [",
               (unsigned long long)hash);
    buf_add(out, buf_bytes(&report->changed));
    buf_add_text(out, "], \"restart\": [");
    buf_add(out, buf_bytes(&report->waits));
    buf_add_text(out, "]}");
    say_lines(log, &report->lines);
}

/* ---- what is wrong --------------------------------------------------------------------------- */

static void add_fault(struct buf *out, const struct fault *fault)
{
    buf_add_text(out, "{");
    if (fault->file[0] != '\0') {
        add_text(out, "file", fault->file);
        buf_printf(out, ", \"line\": %d, \"column\": %d, ", fault->line, fault->column);
    }
    add_text(out, "text", fault->text);
    buf_add_text(out, "}");
}

static void log_fault(const struct log *log, const struct fault *fault)
{
    if (fault->file[0] != '\0' && fault->column > 0)
        log_say(log, LOG_ERROR, "cli", "%s:%d:%d: %s", fault->file, fault->line, fault->column,
                fault->text);
    else if (fault->file[0] != '\0' && fault->line > 0)
        log_say(log, LOG_ERROR, "cli", "%s:%d: %s", fault->file, fault->line, fault->text);
    else
        log_say(log, LOG_ERROR, "cli", "%s", fault->text);
}

static void tell_faults(struct reload_report *report, const struct log *log,
                        const struct fault *faults, size_t count)
{
    struct buf *out = &report->json;

    buf_clear(out);
    buf_add_text(out, "{\"reloaded\": false, ");
    add_text(out, "error", count == 0 ? "the configuration cannot be used" : faults[0].text);
    buf_add_text(out, ", \"errors\": [");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_text(out, ", ");
        add_fault(out, &faults[i]);
        if (log != NULL)
            log_fault(log, &faults[i]);
    }
    buf_add_text(out, "]}");
    if (log != NULL)
        log_say(log, LOG_ERROR, "cli",
                "the new configuration is wrong: the one before it goes on as it was");
}

void reload_report_faults(struct reload_report *report, const struct log *log,
                          const struct config *config)
{
    tell_faults(report, log, config->faults, config->fault_count);
}

void reload_report_fault(struct reload_report *report, const struct log *log,
                         const struct fault *fault)
{
    tell_faults(report, log, fault, 1);
}
