/* accesslog.c: the lines of a turn. SPDX-License-Identifier: MIT */
#include "server/http/accesslog.h"

#include "base/mem.h"

enum { LOG_BUFFER_MAX = 256 * 1024, LOG_WRITE_AT = 64 * 1024 };

struct accesslog {
    struct logwriter *writer;
    struct counter *lost;
    size_t line_count; /* in the buffer */
    struct buf lines;
};

struct accesslog *accesslog_new(struct logwriter *writer, struct counter *lost)
{
    struct accesslog *log = mem_new(1, sizeof *log);

    log->writer = writer;
    log->lost = lost;
    buf_init(&log->lines, LOG_BUFFER_MAX, NULL);
    return log;
}

void accesslog_free(struct accesslog **owner)
{
    if (*owner == NULL)
        return;
    accesslog_write(*owner);
    buf_fini(&(*owner)->lines);
    mem_free(owner);
}

void accesslog_add(struct accesslog *log, const struct logline_style *style,
                   const struct logline *line)
{
    struct buf *out = &log->lines;
    size_t before = out->size;

    logline_write(style, line, out);
    if (buf_failed(out) != ERR_OK) {
        counter_add(log->lost, 1);
        out->size = before;
        out->failed = false;
    } else {
        log->line_count++;
    }
    if (out->size >= LOG_WRITE_AT)
        accesslog_write(log);
}

void accesslog_write(struct accesslog *log)
{
    if (log->line_count == 0)
        return;
    if (!logwriter_add(log->writer, buf_bytes(&log->lines)))
        counter_add(log->lost, log->line_count);
    log->line_count = 0;
    buf_clear(&log->lines);
}
