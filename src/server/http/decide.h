/* decide.h: may the cache answer this request? may this answer be stored, for how long, for whom?
 * SPDX-License-Identifier: MIT
 *
 * RFC 9111 and the route's word, as pure functions of the heads: used for traffic and for
 * `larder explain` alike, so that what is explained is what happens.
 *
 * Threads: any. Memory: none.
 */
#ifndef LARDER_SERVER_HTTP_DECIDE_H
#define LARDER_SERVER_HTTP_DECIDE_H

#include "proto/cachecontrol.h"
#include "server/http/counts.h"
#include "server/http/route.h"
#include "server/http/stored.h"

/* ---- the request ------------------------------------------------------------------------- */

/* What of the request's directives counts on this route; all unset when the route does not obey
 * them. */
void decide_control(const struct route *route, const struct http_head *request,
                    struct cache_control *ret_control);

/* REASON_NONE: look into the cache. Else: pass it on, because. `control` as above. */
enum gateway_reason decide_lookup(const struct route *route, const struct http_head *request,
                                  const struct cache_control *control);

/* Whether what the request asks for stands in its body, too: QUERY, and POST where the route says
 * so. The body is part of the key then. */
bool decide_keys_body(const struct route *route, const struct http_head *request);

/* ---- the answer -------------------------------------------------------------------------- */

struct decide_facts {
    const struct route *route;
    bool authorized;   /* the request had Authorization, and the key does not hold it */
    int64_t request_s; /* wall clock, seconds */
    int64_t response_s;
    int64_t update_age_s; /* the Age of a 304 whose fields are part of the response; else 0 */
};

struct verdict {
    enum gateway_reason reason; /* why it is not stored; REASON_NONE */
    bool store;
    bool share;    /* those who wait for it meanwhile may have it; without `store`: only they. With
                      `store` alone: it may be had again only after the origin was asked */
    bool is_error; /* the origin failed: something stale is better, if there is any */
    bool strip_cookie;
    bool by_route; /* the lifetime is the route's */
    enum freshness_source source;
    uint16_t flags;      /* STORED_... */
    int64_t age_ms;      /* at the time of the response */
    int64_t lifetime_ms; /* from age 0 on */
    int64_t swr_ms;
    int64_t sie_ms;
    int64_t grace_ms;
    struct cache_lists unshared; /* fields that only the first client gets */
};

void decide_store(const struct decide_facts *facts, const struct http_head *response,
                  struct verdict *ret_verdict);

/* The fields that private="..." and no-cache="..." name: they are for the first client, and left
 * out of what is stored. False: they are more lists than there is room for. */
bool decide_unshared(const struct cache_control *control, struct cache_lists *ret_lists);

/* ---- reuse ------------------------------------------------------------------------------- */

enum reuse {
    REUSE_SERVE,
    REUSE_REFRESH /* not without asking the origin first */
};

/* A stored answer that the engine calls FRESH, STALE or GRACE, for a request with `control`.
 * `response` is the control of the stored answer. GRACE is served only to those who asked for
 * stale ones (max-stale). */
enum reuse decide_reuse(enum cache_state state, const struct stored *stored,
                        const struct cache_control *control, const struct cache_control *response,
                        int64_t now_ms);

/* The same for a request without directives. */
static inline enum reuse decide_reuse_plain(enum cache_state state)
{
    return state == CACHE_FRESH || state == CACHE_STALE ? REUSE_SERVE : REUSE_REFRESH;
}

enum failure {
    FAILURE_STATUS,     /* the origin answered 500, 502, 503 or 504 */
    FAILURE_UNREACHABLE /* it did not answer */
};

/* Whether a stale answer may stand in for a failure. */
bool decide_stand_in(const struct stored *stored, enum failure failure,
                     const struct cache_control *control, int64_t now_ms);

#endif
