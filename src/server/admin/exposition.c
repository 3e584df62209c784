/* exposition.c: lines of Prometheus' text format. SPDX-License-Identifier: MIT */
#include "server/admin/exposition.h"

static void add_escaped(struct buf *out, struct bytes text, bool quotes)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte == '\n') {
            buf_add_text(out, "\\n");
            continue;
        }
        if (byte == '\\' || (quotes && byte == '"'))
            buf_add_byte(out, '\\');
        buf_add_byte(out, byte);
    }
}

void exposition_begin(struct buf *out, const char *name, const char *kind, const char *help)
{
    buf_printf(out, "# HELP %s ", name);
    add_escaped(out, bytes_of_text(help), false);
    buf_printf(out, "\n# TYPE %s %s\n", name, kind);
}

static void add_series(struct buf *out, const char *name, const char *suffix,
                       const struct exposition_label labels[2])
{
    const char *before = "{";

    buf_printf(out, "%s%s", name, suffix);
    for (size_t i = 0; labels != NULL && i < 2; i++) {
        if (labels[i].name == NULL)
            continue;
        buf_printf(out, "%s%s=\"", before, labels[i].name);
        add_escaped(out, labels[i].value, true);
        buf_add_text(out, "\"");
        before = ",";
    }
    buf_add_text(out, before[0] == ',' ? "} " : " ");
}

void exposition_count(struct buf *out, const char *name, const char *suffix,
                      const struct exposition_label labels[2], uint64_t value)
{
    add_series(out, name, suffix, labels);
    buf_add_u64(out, value);
    buf_add_byte(out, '\n');
}

void exposition_number(struct buf *out, const char *name, const char *suffix,
                       const struct exposition_label labels[2], double value)
{
    add_series(out, name, suffix, labels);
    buf_printf(out, "%.17g\n", value);
}
