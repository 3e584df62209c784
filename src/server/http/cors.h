/* cors.h: which pages of other sites may read a route's answers (the Fetch standard's CORS).
 * SPDX-License-Identifier: MIT
 *
 * Where the route names origins that may, it speaks for the application: preflights are answered
 * here, Access-Control-... fields of the origin stay out, and each answer says what its own request
 * needs. So an answer that is stored for all names nobody.
 *
 *   every origin, no credentials    Access-Control-Allow-Origin: *  in the stored head
 *   else                            Vary: Origin in the stored head, the rest with each answer
 *
 * Memory: none. Threads: any.
 */
#ifndef LARDER_SERVER_HTTP_CORS_H
#define LARDER_SERVER_HTTP_CORS_H

#include "base/buf.h"
#include "server/http/route.h"

/* A question of a browser that is answered here. */
bool cors_is_preflight(const struct route *route, const struct http_head *request);

/* The fields of that answer. */
void cors_write_preflight(const struct route *route, const struct http_head *request,
                          struct buf *out);

/* Whether a field of the origin's is ours to say. */
bool cors_takes(const struct route *route, struct bytes name);

/* The fields that are the same for all: part of the head that is stored. */
void cors_write_common(const struct route *route, struct buf *out);

/* Those for one request's answer; nothing when its page may not read it. */
void cors_write_own(const struct route *route, const struct http_head *request, struct buf *out);

#endif
