/* history_json.c: purges for those who ask who it was. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "server/http/history.h"

#include <time.h>

static void add_text(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ", \"%s\": \"", name);
    buf_add_json(out, bytes_of_text(text));
    buf_add_text(out, "\"");
}

void history_write_moment(struct buf *out, const char *name, int64_t wall_ms)
{
    time_t s = (time_t)(wall_ms / 1000);
    struct tm parts;
    char text[32];

    if (gmtime_r(&s, &parts) == NULL)
        return;
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    add_text(out, name, text);
}

void history_write_purge(struct buf *out, const struct history_purge *purge)
{
    buf_printf(out, "{\"by\": \"%s\"", history_by_text(purge->by));
    if (purge->by != HISTORY_BY_ALL)
        add_text(out, "text", purge->text);
    if (purge->is_cut)
        buf_add_text(out, ", \"text_is_cut\": true");
    buf_printf(out, ", \"soft\": %s", purge->soft ? "true" : "false");
    if (purge->has_matched)
        buf_printf(out, ", \"matched\": %llu", (unsigned long long)purge->matched);
    history_write_moment(out, "at", purge->wall_ms);
    add_text(out, "door", purge->door);
    add_text(out, "who", purge->who);
    buf_add_text(out, "}");
}

void history_write_purges(struct history *history, struct buf *out)
{
    struct history_purge *purges = mem_new(HISTORY_PURGES, sizeof *purges);
    size_t count = history_purges(history, purges);

    buf_add_text(out, "{\"purges\": [");
    for (size_t i = 0; i < count; i++) {
        buf_add_text(out, i == 0 ? "\n  " : ",\n  ");
        history_write_purge(out, &purges[i]);
    }
    buf_add_text(out, "]}");
    mem_free(&purges);
}
