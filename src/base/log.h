/* log.h: what Larder tells its operator, one line each, and to whom.
 * SPDX-License-Identifier: MIT
 *
 * There is no global log: cli/ makes one and gives it to every room that has something to say.
 * Lines go out as JSON or as text: time, level, room, sentence. Secrets and bodies never go in.
 *
 * Threads: any thread may say something and change level and format; a line is written with one
 * write and never mixed.
 */
#ifndef LARDER_BASE_LOG_H
#define LARDER_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log {
    int fd;                       /* where lines go */
    _Atomic enum log_level level; /* lines above it are not written */
    atomic_bool json;
};

/* `room` is the name of the folder that speaks. The text is one sentence without a full stop. At
 * most 2 KiB of it are written. */
void log_say(const struct log *log, enum log_level level, const char *room, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
