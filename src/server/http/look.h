/* look.h: what the cache has for a request, and whether it is good enough for it.
 * SPDX-License-Identifier: MIT
 *
 * Threads: the loop's own. Memory: points into the gate's rooms and the engine's entries, until the
 * end of the turn.
 */
#ifndef LARDER_SERVER_HTTP_LOOK_H
#define LARDER_SERVER_HTTP_LOOK_H

#include "server/http/decide.h"
#include "server/http/gate.h"

struct look {
    struct gate *gate;
    const struct http_head *head;
    struct target target;
    size_t plain_size; /* of the key, before credentials set it apart */
    bool has_control;  /* the request has directives that count here */
    struct cache_control control;
    bool is_authorized; /* and the key does not hold the credential */
    bool is_variant;
    bool is_alike;        /* the key is that of URLs that are answered alike (no_vary_search.h) */
    struct cache_key key; /* where the answer is, or will be */
    struct cache_view view;
    bool has_stored; /* the view is a response that may be used for this request at all */
    struct stored stored;
    struct bytes block;
    struct bytes body;
    enum reuse reuse; /* when there is one */
};

/* Route, key and directives, as `site` has them: the gate's for a new request, the one that it
 * began with for one that is taken up again. ERR_SYNTAX, ERR_TOO_BIG, ERR_MISS: refused as the
 * complaint says. */
enum err look_begin(struct gate *gate, const struct site *site, const struct http_head *head,
                    struct look *ret_look, struct http_complaint *complaint);

/* Before look_up: the hash of the request's body is part of the key. False: the key is too long. */
bool look_add_body(struct look *look, struct bytes hash);

/* Looks into the cache. False: the key is too long to be one. */
bool look_up(struct look *look);

/* Whether what is there may stand in for an origin that failed. */
bool look_stands_in(const struct look *look, enum failure failure);

#endif
