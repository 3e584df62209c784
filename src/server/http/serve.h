/* serve.h: a known answer as this client wants it: whole, its head, a range, or "you have it".
 * SPDX-License-Identifier: MIT
 *
 * Preconditions in the order of RFC 9110 §13.2.2; ranges from whole bodies, several of them as
 * multipart/byteranges when they are in order (proto/range.h), else the whole. The same for stored
 * answers and for those that are still on their way.
 *
 * Threads: the loop's own.
 */
#ifndef LARDER_SERVER_HTTP_SERVE_H
#define LARDER_SERVER_HTTP_SERVE_H

#include "proto/sfield.h"
#include "server/http/client.h"

struct source {
    struct bytes block;
    bool has_size;
    uint64_t size;  /* of the body */
    bool is_judged; /* conditions and ranges are ours to judge; else the origin did */
    int64_t age_s;  /* negative: not told */
    const struct cache_status *status;
};

/* Sends the head and says what of the body is to follow. Returns the status that was sent. */
unsigned serve_head(struct client *client, const struct http_head *request,
                    const struct source *source, struct body_plan *ret_plan);

/* A stored answer, head and body, from the engine's view; finishes the request. */
void serve_stored(struct client *client, const struct http_head *request,
                  const struct cache_view *view, enum outcome outcome, enum gateway_reason reason);

/* A browser's question whether a page may ask (cors.h); finishes the request. */
void serve_preflight(struct client *client, const struct http_head *request);

/* Bytes that lie in an entry: by loan when they are many. */
void serve_piece(struct client *client, const struct cache_view *view, struct bytes body);

/* What the plan wants of a body that lies in an entry: by loan when it is large. */
void serve_body(struct client *client, const struct cache_view *view, struct bytes body,
                struct body_plan *plan);

#endif
