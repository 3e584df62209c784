/* describe.c: Markdown from tables. SPDX-License-Identifier: MIT */
#include "cli/describe.h"

#include "base/guess.h"
#include "base/regex.h"
#include "cli/command.h"
#include "cli/config.h"
#include "cli/edition.h"
#include "cli/errand.h"
#include "cli/metric.h"
#include "cli/yaml.h"
#include "net/resolver.h"
#include "net/tls.h"
#include "proto/body.h"
#include "proto/proxy.h"
#include "proto/resp.h"
#include "proto/search.h"
#include "server/admin/admin.h"
#include "server/http/compress.h"
#include "server/http/gateway.h"
#include "server/http/history.h"
#include "server/http/logwriter.h"
#include "server/http/no_vary_search.h"
#include "server/http/parts.h"
#include "server/http/route.h"
#include "server/http/tally.h"
#include "upstream/fleet.h"

/* A cell: a bar would end it. */
static void add_cell(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            buf_add_byte(out, '\\');
        buf_add_byte(out, (uint8_t)*text);
    }
}

static void add_title(struct buf *out, const char *title, const char *text)
{
    buf_printf(out, "# %s\n\n%s\n", title, text);
}

/* ---- settings ------------------------------------------------------------------------------- */

static void add_setting(struct buf *out, const struct config_section *section,
                        const struct setting *setting)
{
    struct buf range;

    buf_init(&range, 1024, NULL);
    value_print_range(setting, &range);
    buf_add_text(out, "| `");
    if (section->name[0] != '\0')
        buf_printf(out, "%s.%s", section->name, section->items == NULL ? "" : "NAME.");
    buf_printf(out, "%s` | %s | ", setting->path, value_kind_name(setting->kind));
    if (setting->usual[0] != '\0')
        buf_printf(out, "`%s`", setting->usual);
    buf_printf(out, " | %.*s | ", BYTES_ARG(buf_bytes(&range)));
    add_cell(out, setting->text);
    buf_add_text(out, " |\n");
    buf_fini(&range);
}

static void describe_config(struct buf *out)
{
    add_title(
        out, "Settings",
        "Everything that `larder.yaml` may say. A setting `a.b` is the key `b` within the map "
        "`a`.\nA duration is a number with a unit (`ms`, `s`, `m`, `h`, `d`; `1m30s`), a size "
        "is a number of bytes or has a unit\n(`KiB`, `MiB`, `GiB`), a share is `5%` or "
        "`0.05`. `larder check -c FILE` checks a file.");
    for (size_t i = 0; i < config_sections_count; i++) {
        const struct config_section *section = &config_sections[i];

        buf_printf(out, "\n## %s\n\n%s\n\n",
                   section->name[0] == '\0' ? "The top of the file" : section->name, section->text);
        buf_add_text(out, "| setting | kind | default | may be | what it does |\n"
                          "| --- | --- | --- | --- | --- |\n");
        for (size_t j = 0; j < section->count; j++)
            add_setting(out, section, &section->settings[j]);
    }
}

/* ---- metrics -------------------------------------------------------------------------------- */

static void add_metrics_head(struct buf *out)
{
    buf_add_text(out, "| metric | kind | labels | what it counts |\n| --- | --- | --- | --- |\n");
}

static void add_metrics_of(struct buf *out, const struct metric_room *room)
{
    buf_printf(out, "\n## %s\n\n", room->text);
    add_metrics_head(out);
    for (size_t i = 0; i < room->count; i++) {
        const struct metric *metric = &room->rows[i];

        buf_add_text(out, "| `");
        metric_print_name(room, metric, out);
        buf_printf(out, "` | %s | %s | %s |\n", metric->is_counter ? "counter" : "gauge",
                   room->label == NULL ? "" : room->label, metric->text);
    }
}

static void describe_metrics(struct buf *out)
{
    add_title(
        out, "Metrics",
        "What `/metrics` of the admin door tells, in Prometheus' text format. Numbers are the "
        "sums over all workers.");
    for (size_t i = 0; i < METRICS_ROOMS; i++)
        add_metrics_of(out, &metric_rooms[i]);
    buf_add_text(out, "\n## By label, and the process.\n\n");
    add_metrics_head(out);
    for (size_t i = 0; i < SERIES_COUNT; i++)
        buf_printf(out, "| `%s` | %s | %s | %s |\n", series_rows[i].name, series_rows[i].kind,
                   series_rows[i].labels, series_rows[i].text);
}

/* ---- errors, reasons ------------------------------------------------------------------------ */

static void describe_errors(struct buf *out)
{
    static const char *const classes[] = {
        [ERR_CLASS_NONE] = "none",   [ERR_CLASS_CALLER] = "caller", [ERR_CLASS_STATE] = "state",
        [ERR_CLASS_LIMIT] = "limit", [ERR_CLASS_PEER] = "peer",     [ERR_CLASS_DISK] = "disk",
    };

    add_title(out, "Errors",
              "Every way in which Larder says no. A door turns the class into its protocol's own "
              "words: caller: ask differently\n(HTTP 400); state: ask about something else (404); "
              "limit: ask for less (413, 503, 507); peer: ask again later\n(502, 504); disk: ask "
              "the operator (500).");
    buf_add_text(out, "\n| error | class | what it means |\n| --- | --- | --- |\n");
    for (unsigned err = 0; err < ERR_COUNT; err++)
        buf_printf(out, "| `%s` | %s | %s |\n", err_name(err), classes[err_class(err)],
                   err_text(err));
}

static void describe_reasons(struct buf *out)
{
    static const struct {
        const char *text, *meaning;
    } rows[] = {
#define REASON(name, text, meaning) {text, meaning},
#include "server/http/reasons.def"
#undef REASON
    };

    add_title(out, "Reasons",
              "Why an answer of the gateway was not taken from the cache, or was not stored: the "
              "closed list behind\n`Cache-Status: larder; ...; detail=REASON`.");
    buf_add_text(out, "\n| reason | what it means |\n| --- | --- |\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].text[0] != '\0')
            buf_printf(out, "| `%s` | %s |\n", rows[i].text, rows[i].meaning);
    }
}

/* ---- limits --------------------------------------------------------------------------------- */

static void describe_fixed_limits(struct buf *out)
{
    static const struct {
        uint64_t value;
        const char *unit;
        enum err err;
        const char *metric, *text;
    } rows[] = {
#define LIMIT(value, unit, error, metric, text) {value, unit, ERR_##error, metric, text},
#include "cli/limits.def"
#undef LIMIT
    };

    buf_add_text(out, "\n## Built in\n\n| what | at most | error | counted by |\n"
                      "| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        buf_printf(out, "| %s | %llu %s | `%s` | %s%s%s |\n", rows[i].text,
                   (unsigned long long)rows[i].value, rows[i].unit, err_name(rows[i].err),
                   rows[i].metric[0] == '\0' ? "" : "`", rows[i].metric,
                   rows[i].metric[0] == '\0' ? "" : "`");
}

static bool is_limit(const struct setting *setting)
{
    return strstr(setting->path, "max") != NULL || strcmp(setting->path, "memory") == 0;
}

static void describe_limits(struct buf *out)
{
    add_title(out, "Limits",
              "Everything that can grow has a limit. What meets one gets an error that says so; "
              "nothing is cut short in silence.");
    buf_add_text(out, "\n## Set in larder.yaml\n\n"
                      "| setting | kind | default | may be | what it does |\n"
                      "| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < config_sections_count; i++) {
        const struct config_section *section = &config_sections[i];

        for (size_t j = 0; j < section->count; j++) {
            if (is_limit(&section->settings[j]))
                add_setting(out, section, &section->settings[j]);
        }
    }
    describe_fixed_limits(out);
}

/* ---- commands of the RESP door --------------------------------------------------------------- */

static void add_command(void *context, const struct resp_command_row *row)
{
    struct buf *out = context;

    buf_add_text(out, "| `");
    add_cell(out, row->name);
    buf_printf(out, "` | %s | %d | %s | %s | ", row->group, row->arity, row->since,
               row->complexity);
    add_cell(out, row->summary);
    buf_add_text(out, " |\n");
}

static void describe_commands(struct buf *out)
{
    add_title(out, "Commands",
              "What the door for Redis clients understands, as Redis 7.0 has it; `LARDER.*` is "
              "Larder's own. The arity counts the\ncommand's name; a negative one is a least "
              "number.");
    buf_add_text(out, "\n| command | group | arity | since | complexity | what it does |\n"
                      "| --- | --- | --- | --- | --- | --- |\n");
    resp_describe_commands(add_command, out);
}

/* ---- the command line ----------------------------------------------------------------------- */

static void describe_cli(struct buf *out)
{
    add_title(out, "The command line",
              "`larder COMMAND --help` says the same. Exit status: 0 done, 1 failed, 2 the command "
              "line makes no sense.");
    for (size_t i = 0; i < commands_count; i++) {
        buf_printf(out, "\n## larder %s\n\n```\n", commands[i]->name);
        command_help(commands[i], out);
        buf_add_text(out, "```\n");
    }
}

static const struct {
    const char *name;
    void (*describe)(struct buf *out);
} tables[] = {
    {"config", describe_config}, {"metrics", describe_metrics}, {"commands", describe_commands},
    {"errors", describe_errors}, {"reasons", describe_reasons}, {"limits", describe_limits},
    {"cli", describe_cli},
};

enum { TABLES = sizeof tables / sizeof tables[0] };

enum err describe(const char *table, struct buf *out, struct fault *fault)
{
    const char *names[TABLES];
    struct buf all;

    buf_init(&all, 1024, NULL);
    for (size_t i = 0; i < TABLES; i++) {
        names[i] = tables[i].name;
        buf_printf(&all, "%s%s", i == 0 ? "" : ", ", names[i]);
        if (strcmp(table, "tables") == 0)
            buf_printf(out, "%s\n", names[i]);
        if (strcmp(table, names[i]) == 0)
            tables[i].describe(out);
    }
    const char *near = guess(bytes_of_text(table), names, TABLES);
    enum err err = ERR_OK;

    if (out->size == 0)
        err =
            fault_say(fault, ERR_SYNTAX, "there is no table \"%s\"%s%s%s (there are: tables, %.*s)",
                      table, near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
                      near == NULL ? "" : "\"?", BYTES_ARG(buf_bytes(&all)));
    buf_fini(&all);
    return err;
}
