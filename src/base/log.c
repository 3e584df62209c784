/* log.c: one line, one write. SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_BYTES_MAX = 2048, LINE_BYTES_MAX = 8 * TEXT_BYTES_MAX };

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_say(const struct log *log, enum log_level level, const char *room, const char *format, ...)
{
    char text[TEXT_BYTES_MAX];
    char stamp[32];
    struct timespec wall;
    struct tm parts;
    struct buf line;
    va_list arguments;

    if (log == NULL || level > log->level)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    /* A log line's time is for people; nothing is decided by it, so it may be read down here. */
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)gmtime_r(&wall.tv_sec, &parts);
    (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts);

    buf_init(&line, LINE_BYTES_MAX, NULL);
    if (log->json) {
        buf_printf(&line, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"room\":\"%s\",\"text\":\"",
                   stamp, wall.tv_nsec / 1000000, level_names[level], room);
        buf_add_json(&line, bytes_of_text(text));
        buf_add_text(&line, "\"}\n");
    } else {
        buf_printf(&line, "%s.%03ldZ %-7s %s: %s\n", stamp, wall.tv_nsec / 1000000,
                   level_names[level], room, text);
    }
    if (write(log->fd, line.data, line.size) < 0) {
        /* Nobody is left to be told. */
    }
    buf_fini(&line);
}
