/* logline.h: one request as a line of the access log.
 * SPDX-License-Identifier: MIT
 *
 *   {"time":"2026-01-31T12:00:00.123Z","client":"127.0.0.1:5000","method":"GET",
 *    "protocol":"HTTP/1.1","host":"a.example","path":"/x?y","status":200,"bytes":1234,
 *    "duration_ms":0.123,"cache":"hit","reason":"","route":"default","origin_ms":0,
 *    "traceparent":"00-..."}
 *
 * (one line; `traceparent` only where there is one), or as every tool reads it, with what is ours
 * behind it:
 *
 *   127.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /x?y HTTP/1.1" 200 1234 "-" "curl/8"
 *   host=a.example cache=hit reason=- route=default duration_ms=0.123 origin_ms=0 trace=-
 *
 * Nothing secret gets into it: of the header fields only Referer and User-Agent (combined), and the
 * values of parameters whose names are masked are written as ***, in the path and in Referer.
 *
 * Memory: into the buffer given. Threads: any.
 */
#ifndef LARDER_SERVER_HTTP_LOGLINE_H
#define LARDER_SERVER_HTTP_LOGLINE_H

#include "base/buf.h"
#include "base/setting.h"
#include "net/address.h"

enum { LOGLINE_JSON, LOGLINE_COMBINED };

struct logline_style {
    unsigned format;
    const struct text_list *mask; /* names, with * and ?; empty: those that are masked by custom */
};

struct logline {
    int64_t wall_ms;
    const struct address *client;
    struct bytes method;
    const char *protocol;
    struct bytes host;
    struct bytes path;
    struct bytes referer;
    struct bytes agent;
    struct bytes trace; /* traceparent; empty: none */
    unsigned status;
    uint64_t bytes;
    int64_t duration_us;
    const char *cache;
    const char *reason;
    const char *route;
    int64_t origin_ms;
};

/* Appends it with its end of line. */
void logline_write(const struct logline_style *style, const struct logline *line, struct buf *out);

#endif
