/* cachecontrol.h: what a message's fields say about caching, and the arithmetic of freshness.
 * SPDX-License-Identifier: MIT
 *
 * RFC 9111, with RFC 5861 (stale-*), 8246 (immutable) and 9213 (CDN-Cache-Control). Where a field
 * contradicts itself or makes no sense the safer reading holds: the smaller lifetime, the
 * restriction over the permission, a lifetime that cannot be read is 0.
 *
 * All times are seconds; those of day since 1970. Nothing here knows a clock: `now` is handed in.
 *
 * Memory: lists of field names point into the head. Threads: any.
 */
#ifndef LARDER_PROTO_CACHECONTROL_H
#define LARDER_PROTO_CACHECONTROL_H

#include "proto/http.h"

enum {
    CACHE_LISTS_MAX = 4,
    CACHE_UNSET = -1,           /* a number that was not given */
    CACHE_HEURISTIC_MAX = 86400 /* seconds that a guessed lifetime may last */
};

#define CACHE_SECONDS_MAX INT64_C(2147483648) /* RFC 9111 §1.2.2: larger ones count as this */

/* private="a, b" and no-cache="a, b": responses may be stored without these fields. */
struct cache_lists {
    size_t count;
    struct bytes items[CACHE_LISTS_MAX]; /* lists of names */
};

struct cache_control {
    bool no_store;
    bool no_cache; /* without a list; Pragma: no-cache of a request too */
    bool no_transform;
    bool only_if_cached; /* requests */
    bool is_private;     /* responses from here; without a list */
    bool is_public;
    bool must_revalidate;
    bool proxy_revalidate;
    bool must_understand;
    bool immutable;
    int64_t max_age_s; /* CACHE_UNSET, or 0 to CACHE_SECONDS_MAX; so are the others */
    int64_t s_maxage_s;
    int64_t stale_while_revalidate_s;
    int64_t stale_if_error_s;
    int64_t max_stale_s; /* requests; without a value: CACHE_SECONDS_MAX */
    int64_t min_fresh_s; /* requests */
    struct cache_lists private_lists;
    struct cache_lists no_cache_lists;
};

void cache_control_init(struct cache_control *control);

/* Adds one field's value: Cache-Control is a list that may come in several fields. */
void cache_control_add(struct cache_control *control, struct bytes value);

/* One value of CDN-Cache-Control. ERR_SYNTAX: it is no structured dictionary, and has to be ignored
 * with all others of its name. */
enum err cache_control_add_targeted(struct cache_control *control, struct bytes value);

/* All of a request, Pragma included where there is no Cache-Control (RFC 9111 §5.4). */
void cache_control_of_request(const struct http_head *request, struct cache_control *ret_control);

/* Whether `name` is on one of the lists. */
bool cache_lists_have(const struct cache_lists *lists, struct bytes name);

/* ---- responses --------------------------------------------------------------------------- */

struct cache_response {
    unsigned status;
    struct cache_control control; /* of CDN-Cache-Control if that is there and valid, else of
                                     Cache-Control */
    bool is_targeted;             /* it is from CDN-Cache-Control: Expires does not count either */
    bool has_date;
    int64_t date_s;
    bool has_expires;
    int64_t expires_s; /* what is no date, or is given twice, lies in the past: 0 */
    bool has_last_modified;
    int64_t last_modified_s;
    int64_t age_s; /* 0 when there is none, or none that makes sense */
};

void cache_response_of(const struct http_head *response, int64_t now_s,
                       struct cache_response *ret_response);

enum freshness_source {
    FRESHNESS_NONE, /* nothing says for how long */
    FRESHNESS_TARGETED,
    FRESHNESS_S_MAXAGE,
    FRESHNESS_MAX_AGE,
    FRESHNESS_EXPIRES,
    FRESHNESS_HEURISTIC
};

struct freshness {
    enum freshness_source source;
    int64_t lifetime_s; /* 0 or more */
    int64_t age_s;      /* corrected_initial_age: at the time of the response */
};

/* RFC 9111 §4.2. `request_s` and `response_s`: when the request was sent and its answer came. */
struct freshness cache_freshness(const struct cache_response *response, int64_t request_s,
                                 int64_t response_s);

/* Statuses that may be stored without explicit freshness (RFC 9110 §15.1). */
bool cache_status_is_heuristic(unsigned status);

/* RFC 9111 §3.5: whether the answer to a request with Authorization may be stored and shared. */
bool cache_allows_authorized(const struct cache_control *response);

/* Whether the origin forbids that a stale answer is served (RFC 9111 §4.2.4): must-revalidate,
 * proxy-revalidate, s-maxage, no-cache. */
bool cache_forbids_stale(const struct cache_control *response);

/* ---- reuse ------------------------------------------------------------------------------- */

enum cache_use {
    CACHE_USE_FRESH,   /* serve it */
    CACHE_USE_STALE,   /* it is stale, but the client said that it takes it so (max-stale) */
    CACHE_USE_VALIDATE /* ask the origin first; only-if-cached: 504 */
};

/* What the request's directives make of a stored answer of that age and lifetime. */
enum cache_use cache_use_of(const struct cache_control *request,
                            const struct cache_control *response, int64_t age_s,
                            int64_t lifetime_s);

#endif
