/* accesslog.h: one JSON line for each request, gathered and written once a turn.
 * SPDX-License-Identifier: MIT
 *
 *   {"time":"2026-01-31T12:00:00.123Z","client":"127.0.0.1:5000","method":"GET","host":"a.example",
 *    "path":"/x?y","status":200,"bytes":1234,"duration_ms":0.123,"cache":"hit","reason":"",
 *    "route":"default","origin_ms":0}
 *
 * (one line). Query strings are written as they came; header fields never are, so that no
 * credential gets into the log.
 *
 * Memory: a buffer of 256 KiB at the most; what does not fit, or cannot be written, is lost and
 * counted, since a full disk must not stop the gateway. Threads: one.
 */
#ifndef LARDER_SERVER_HTTP_ACCESSLOG_H
#define LARDER_SERVER_HTTP_ACCESSLOG_H

#include "base/bytes.h"
#include "base/counter.h"
#include "net/address.h"

struct accesslog;

struct accesslog_line {
    int64_t wall_ms;
    const struct address *client;
    struct bytes method;
    const char *protocol;
    struct bytes host;
    struct bytes path;
    unsigned status;
    uint64_t bytes;
    int64_t duration_us;
    const char *cache;
    const char *reason;
    const char *route;
    int64_t origin_ms;
};

/* `fd` stays the caller's. `lost` counts lines. */
struct accesslog *accesslog_new(int fd, struct counter *lost);
void accesslog_free(struct accesslog **owner);

void accesslog_add(struct accesslog *log, const struct accesslog_line *line);
void accesslog_write(struct accesslog *log);

#endif
