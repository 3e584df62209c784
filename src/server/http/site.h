/* site.h: what all workers of the gateway share: routes, rules, memory accounts.
 * SPDX-License-Identifier: MIT
 *
 * The routes of larder.yaml are compiled once: patterns are put in the order of how specific they
 * are, names are resolved, contradictions are told with the file and line they stand in. After that
 * a site does not change; every worker reads it without a lock.
 *
 * It also answers the two questions that need no traffic: what would happen to this request
 * (site_explain), and which entries does this purge concern (site_purge).
 */
#ifndef LARDER_SERVER_HTTP_SITE_H
#define LARDER_SERVER_HTTP_SITE_H

#include "base/account.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/setting.h"
#include "cache/cache.h"
#include "net/network.h"
#include "server/http/route.h"

struct gateway_settings {
#define SETTING(field, path, kind, ...) SETTING_TYPE_##kind field;
#include "server/http/gateway.def"
#undef SETTING
};

enum { SITE_ROUTES_MAX = 1024 };

struct site;
struct origin;
struct tallies;

/* What connections, and bodies on their way, are charged to. Several sites that follow each other
 * share one, since connections and bodies outlive a site. */
struct site_accounts {
    struct account connections;
    struct account fills;
};

/* `whole`: what both are a part of (cache_account). */
void site_accounts_init(struct site_accounts *accounts, struct account *whole);

/* All of it is borrowed and outlives the site. */
struct site_plan {
    const struct gateway_settings *settings;
    const struct route_settings *routes;
    size_t route_count;
    const struct text_list *origins; /* the names that a route may choose from, in the order in
                                        which gateway_new gets them */
    struct site_accounts *accounts;  /* NULL: it will serve nobody */
};

/* ERR_SYNTAX  a route makes no sense, or two routes are equally specific; the fault says which */
enum err site_new(const struct site_plan *plan, struct site **ret_site, struct fault *fault);
void site_free(struct site **owner);

/* The most specific route of a normalised path; NULL: there is none. */
const struct route *site_find_route(const struct site *site, struct bytes path,
                                    struct captures *ret_captures);

const struct gateway_settings *site_settings(const struct site *site);

/* The engine that the site's gateways use: told by the first of them, before any site_purge. */
void site_set_cache(struct site *site, struct cache *cache);
struct cache *site_cache(const struct site *site);

/* Where the site's routes count (tally.h), before it serves anybody; without: nowhere. */
void site_set_tallies(struct site *site, struct tallies *tallies);

/* From now on this site says how much bodies on their way may take (http.max-fill-memory). */
void site_set_limits(struct site *site);

/* Takes over what visitors have used up of their rates, by the names of routes, from the site that
 * it takes the place of. Before it serves anybody. */
void site_follow(struct site *site, const struct site *before);

/* Whether the route is one of this site's. */
bool site_has_route(const struct site *site, const struct route *route);

/* Whether it is a proxy that is believed when it says for whom it asks. */
bool site_trusts(const struct site *site, const struct address *address);

/* For hashes of what visitors are told apart by. */
struct hash_secret site_secret(const struct site *site);

struct account *site_connections(struct site *site);
struct account *site_fills(struct site *site);

enum site_purge_by {
    SITE_PURGE_URL,    /* one URL with all its variants */
    SITE_PURGE_PREFIX, /* every URL that begins so, after the scheme and host */
    SITE_PURGE_HOST,   /* every URL of a host; with the port, if that is not the scheme's own */
    SITE_PURGE_REGEX,  /* every URL of which a part fits (base/regex.h) */
    SITE_PURGE_TAG,
    SITE_PURGE_ALL, /* every response of the gateway */
};

struct site_purge {
    enum site_purge_by by;
    struct bytes text; /* "http://host/path?query", or the tag */
    bool soft;         /* may still be served stale */
    bool dry;          /* only count */
    /* With `dry`: the first `examples_max` URLs that it concerns, as elements of a JSON list. */
    struct buf *examples;
    size_t examples_max;
};

/* `ret_count` is how many entries it concerns for `dry`, else 0: a purge does not walk. May be
 * called on any thread that has joined the cache.
 * ERR_SYNTAX  the text is no URL, host or expression; the fault says how it should look
 * ERR_FULL    too many prefixes and expressions are being swept; try again */
enum err site_purge(const struct site *site, struct cache_thread *thread,
                    const struct site_purge *purge, int64_t now_ms, size_t *ret_count,
                    struct fault *fault);

/* Where a setting was set: `field` is the address of one in the settings or routes that the site
 * was made from. False: it has its default. */
struct site_where {
    bool (*find)(void *context, const void *field, const char **ret_file, int *ret_line);
    /* Tells how the route's origin, the n-th, is asked; may be NULL. */
    void (*origin)(void *context, size_t origin, struct buf *out);
    void *context;
};

/* What would be done with this request: its key, its route and each decision with the file and line
 * that it comes from, as text. `head` is a whole request head ("GET /a HTTP/1.1\r\n...\r\n\r\n").
 * `where` may be NULL: then only the route's own line is told.
 * ERR_SYNTAX, ERR_TOO_BIG: it is refused, as it would be over the wire; the text says why. */
enum err site_explain(const struct site *site, struct bytes head, const struct site_where *where,
                      struct buf *out);

/* From one site to the next; requests under way keep theirs (change.h). */
struct site_change {
    struct site *site;             /* the new one; it was told its cache and its limits */
    struct origin *const *origins; /* in the order of its names */
    void (*left)(void *context);   /* no request of this gateway uses the old ones any more; on the
                                      loop, or from within gateway_free */
    void *context;
};

#endif
