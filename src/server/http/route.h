/* route.h: which paths a route is for, and which of two routes knows better.
 * SPDX-License-Identifier: MIT
 *
 *   /api/products/{id}    one segment, not empty; its text is {id} in tags
 *   /api/products/{id?}   the same, or nothing at all; only as the last segment
 *   /img/ * /thumb        (without the blanks) any one segment
 *   /docs/ **             /docs and everything below; only as the last segment
 *
 * Two routes are compared segment by segment from the left: a literal before a capture or *, these
 * before the end, that before an optional one, that before **. So of all routes that fit a path
 * exactly one is the most specific, whatever the order in the file.
 *
 * Memory: texts point into the settings. Threads: any, once compiled.
 */
#ifndef LARDER_SERVER_HTTP_ROUTE_H
#define LARDER_SERVER_HTTP_ROUTE_H

#include "base/buf.h"
#include "base/fault.h"
#include "base/setting.h"
#include "proto/http.h"
#include "proto/url.h"
#include "server/http/coder.h"
#include "server/http/edit.h"
#include "server/http/limiter.h"

enum { ROUTE_CACHE_OFF, ROUTE_CACHE_ORIGIN, ROUTE_CACHE_FORCE };
enum { ROUTE_AUTH_NEVER, ROUTE_AUTH_IF_PUBLIC, ROUTE_AUTH_PER_USER };
enum { ROUTE_UPGRADE_OFF, ROUTE_UPGRADE_WEBSOCKET, ROUTE_UPGRADE_ANY };
enum route_cors { ROUTE_CORS_NONE, ROUTE_CORS_ALL, ROUTE_CORS_EACH };
enum { ROUTE_COOKIE_BYPASS, ROUTE_COOKIE_STRIP, ROUTE_COOKIE_STORE };

struct route_settings {
    const char *name; /* in routes: */
    const char *file; /* where it stands, for messages; NULL: nowhere */
    int line;
#define SETTING(field, path, kind, ...) SETTING_TYPE_##kind field;
#include "server/http/route.def"
#undef SETTING
};

enum {
    ROUTE_SEGMENTS_MAX = 32,
    ROUTE_CAPTURES_MAX = 8,
    ROUTE_KEYS_MAX = 16, /* header fields, or cookies, in a key */
    ROUTE_TAGS_MAX = 64,
    ROUTE_TTLS_MAX = 32
};

enum segment_kind {
    SEGMENT_REST, /* in the order of how specific they are */
    SEGMENT_OPTIONAL,
    SEGMENT_END,
    SEGMENT_ONE, /* {name} or * */
    SEGMENT_LITERAL
};

struct segment {
    enum segment_kind kind;
    struct bytes text; /* the literal, or the name of the capture ("" for *) */
};

enum { ROUTE_RATE_BY_ADDRESS, ROUTE_RATE_BY_HEADER, ROUTE_RATE_BY_COOKIE };

struct route_ttl { /* of statuses: single ones before classes */
    unsigned first;
    unsigned last;
    int64_t ms;
};

struct tally;

struct route {
    const struct route_settings *settings;
    size_t origin;         /* its number */
    struct tally *tallies; /* its counts, one a worker (tally.h); NULL: nobody counts */
    struct concurrency
        *concurrency;        /* the site's; NULL: as many as there are may be at the origin */
    struct limiter *limiter; /* the site's; NULL: there is no limit */
    struct limiter_rate rate;
    unsigned rate_by;
    struct bytes rate_name; /* of the header or cookie */
    uint64_t rate_salt;     /* sets routes apart */
    bool is_catch_all;
    bool has_rules; /* of the query */
    bool has_keys;  /* header fields or cookies in the key */
    struct url_rules rules;
    size_t segment_count;
    struct segment segments[ROUTE_SEGMENTS_MAX + 1]; /* the last is REST or END */
    size_t key_header_count;
    enum http_name key_headers[ROUTE_KEYS_MAX];
    size_t ttl_count; /* of `status_ttl` */
    struct route_ttl ttls[ROUTE_TTLS_MAX];
    enum route_cors cors;
    bool is_dressed; /* answers say what only their own request tells */
    struct edits answer_edits;
    struct edits request_edits;
    size_t coding_count; /* of `compress` */
    enum coding codings[CODINGS];
};

struct captures {
    size_t count;
    struct bytes names[ROUTE_CAPTURES_MAX];
    struct bytes values[ROUTE_CAPTURES_MAX]; /* empty: the optional segment was not there */
};

/* Everything but `origin`. ERR_SYNTAX: the fault says what and where. */
enum err route_compile(const struct route_settings *settings, struct route *ret_route,
                       struct fault *fault);

/* `path` is normalised and begins with '/'. */
bool route_fits(const struct route *route, struct bytes path, struct captures *ret_captures);

/* > 0: `a` is more specific; 0: there are paths that both fit equally well. */
int route_compare(const struct route *a, const struct route *b);

/* Appends the route's tags with what was captured to `out` and tells where each ends. A tag whose
 * capture was not there is left out. Returns how many. */
size_t route_tags(const struct route *route, const struct captures *captures, struct buf *out,
                  size_t ends[ROUTE_TAGS_MAX]);

/* What the route says for how long an answer with that status is fresh; 0: nothing. */
int64_t route_ttl_ms(const struct route *route, unsigned status);

/* The first of the protocols that the request wants to switch to and may; empty: there is none.
 * Only a GET without a body may. */
struct bytes route_upgrade(const struct route *route, const struct http_head *request);

bool route_allows_method(const struct route *route, struct bytes method);

#endif
