/* accesslog.c: lines of JSON. SPDX-License-Identifier: MIT */
#include "server/http/accesslog.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

enum { LOG_BUFFER_MAX = 256 * 1024, LOG_WRITE_AT = 64 * 1024 };

struct accesslog {
    int fd;
    struct counter *lost;
    size_t line_count; /* in the buffer */
    struct buf lines;
};

struct accesslog *accesslog_new(int fd, struct counter *lost)
{
    struct accesslog *log = mem_new(1, sizeof *log);

    log->fd = fd;
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

static void add_time(struct buf *out, int64_t wall_ms)
{
    time_t s = (time_t)(wall_ms / 1000);
    struct tm parts;

    if (gmtime_r(&s, &parts) == NULL)
        return;
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
               parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (int)(wall_ms % 1000));
}

static void add_text(struct buf *out, const char *name, struct bytes text)
{
    buf_add_text(out, ",\"");
    buf_add_text(out, name);
    buf_add_text(out, "\":\"");
    buf_add_json(out, text);
    buf_add_byte(out, '"');
}

static void add_number(struct buf *out, const char *name, uint64_t number)
{
    buf_add_text(out, ",\"");
    buf_add_text(out, name);
    buf_add_text(out, "\":");
    buf_add_u64(out, number);
}

void accesslog_add(struct accesslog *log, const struct accesslog_line *line)
{
    struct buf *out = &log->lines;
    size_t before = out->size;
    char client[ADDRESS_TEXT_SIZE];

    address_text(line->client, client);
    buf_add_text(out, "{\"time\":\"");
    add_time(out, line->wall_ms);
    buf_add_byte(out, '"');
    add_text(out, "client", bytes_of_text(client));
    add_text(out, "method", line->method);
    add_text(out, "protocol", bytes_of_text(line->protocol));
    add_text(out, "host", line->host);
    add_text(out, "path", line->path);
    add_number(out, "status", line->status);
    add_number(out, "bytes", line->bytes);
    buf_printf(out, ",\"duration_ms\":%lld.%03lld", (long long)(line->duration_us / 1000),
               (long long)(line->duration_us % 1000));
    add_text(out, "cache", bytes_of_text(line->cache));
    add_text(out, "reason", bytes_of_text(line->reason));
    add_text(out, "route", bytes_of_text(line->route));
    add_number(out, "origin_ms", (uint64_t)line->origin_ms);
    buf_add_text(out, "}\n");
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
    struct bytes rest = buf_bytes(&log->lines);

    while (rest.size > 0) {
        ssize_t written = write(log->fd, rest.data, rest.size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            counter_add(log->lost, log->line_count);
            break;
        }
        rest = bytes_skip(rest, (size_t)written);
    }
    log->line_count = 0;
    buf_clear(&log->lines);
}
