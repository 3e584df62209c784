/* site.c: routes in order, names resolved. SPDX-License-Identifier: MIT */
#include "server/http/site.h"

#include "base/guess.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/random.h"
#include "server/http/tally.h"
#include "upstream/concurrency.h"

#include <stdlib.h>

struct site {
    const struct gateway_settings *settings;
    struct cache *cache;            /* NULL: it serves nobody yet */
    struct site_accounts *accounts; /* NULL: it serves nobody */
    struct hash_secret secret;
    struct limiter *limiter; /* NULL: no route limits */
    struct concurrency *limits;
    struct network *trusted;
    size_t trusted_count;
    size_t route_count;
    struct route routes[]; /* the most specific first */
};

static int compare(const void *a, const void *b)
{
    return route_compare(b, a);
}

static enum err find_origin(struct route *route, const struct text_list *origins,
                            struct fault *fault)
{
    const struct route_settings *settings = route->settings;

    if (settings->file != NULL)
        fault_at(fault, settings->file, settings->line, 0);
    if (origins->count == 0)
        return fault_say(fault, ERR_SYNTAX,
                         "route %s: there is no origin; name one under origins:", settings->name);
    if (settings->origin == NULL) {
        if (origins->count > 1)
            return fault_say(fault, ERR_SYNTAX,
                             "route %s: origin is not set, and there are several to choose from",
                             settings->name);
        return ERR_OK;
    }
    for (size_t i = 0; i < origins->count; i++) {
        if (strcmp(origins->items[i], settings->origin) == 0) {
            route->origin = i;
            return ERR_OK;
        }
    }
    const char *meant = guess(bytes_of_text(settings->origin), origins->items, origins->count);

    return fault_say(fault, ERR_SYNTAX, "route %s: origin: there is no \"%s\"%s%s%s",
                     settings->name, settings->origin, meant == NULL ? "" : "; did you mean \"",
                     meant == NULL ? "" : meant, meant == NULL ? "" : "\"?");
}

static enum err check_ties(const struct site *site, struct fault *fault)
{
    for (size_t i = 1; i < site->route_count; i++) {
        const struct route_settings *one = site->routes[i - 1].settings;
        const struct route_settings *other = site->routes[i].settings;

        if (route_compare(&site->routes[i - 1], &site->routes[i]) != 0)
            continue;
        if (other->file != NULL)
            fault_at(fault, other->file, other->line, 0);
        return fault_say(fault, ERR_SYNTAX,
                         "routes %s (\"%s\") and %s (\"%s\") fit the same paths equally well; make "
                         "one of them more specific, or take one out",
                         one->name, one->match, other->name, other->match);
    }
    return ERR_OK;
}

static enum err compile(struct site *site, const struct site_plan *plan, struct fault *fault)
{
    for (size_t i = 0; i < plan->route_count; i++) {
        TRY(route_compile(&plan->routes[i], &site->routes[i], fault));
        TRY(find_origin(&site->routes[i], plan->origins, fault));
    }
    if (plan->route_count > 1)
        qsort(site->routes, plan->route_count, sizeof site->routes[0], compare);
    return check_ties(site, fault);
}

static enum err read_trusted(struct site *site, struct fault *fault)
{
    const struct text_list *texts = &site->settings->trusted_proxies;

    site->trusted = mem_new(texts->count + 1, sizeof *site->trusted);
    for (size_t i = 0; i < texts->count; i++) {
        struct fault why;

        if (network_parse(bytes_of_text(texts->items[i]), &site->trusted[i], &why) != ERR_OK)
            return fault_say(fault, ERR_SYNTAX, "http.trusted_proxies: %s", why.text);
        site->trusted_count++;
    }
    return ERR_OK;
}

static void make_limiter(struct site *site)
{
    for (size_t i = 0; i < site->route_count; i++) {
        struct route *route = &site->routes[i];

        if (route->rate.interval_ns == 0)
            continue;
        if (site->limiter == NULL) {
            site->limiter = limiter_new(site->settings->visitors_max);
            if (site->accounts != NULL)
                account_force(&site->accounts->connections, limiter_size(site->limiter));
        }
        route->limiter = site->limiter;
        /* By name: a route that is there before and after a reload goes on with its buckets. */
        route->rate_salt =
            hash_bytes((struct hash_secret){{1, 2}}, bytes_of_text(route->settings->name));
    }
}

static void make_limits(struct site *site)
{
    site->limits = mem_new(site->route_count + 1, sizeof *site->limits);
    for (size_t i = 0; i < site->route_count; i++) {
        const struct route_settings *settings = site->routes[i].settings;
        struct concurrency *concurrency = &site->limits[i];

        concurrency->inside_max = settings->inside_max;
        concurrency->waiting_max = settings->waiting_max;
        concurrency->wait_ms = settings->inside_wait_ms;
        if (settings->inside_max > 0)
            site->routes[i].concurrency = concurrency;
    }
}

enum err site_new(const struct site_plan *plan, struct site **ret_site, struct fault *fault)
{
    if (plan->route_count > SITE_ROUTES_MAX)
        return fault_say(fault, ERR_TOO_BIG, "routes: more than %d", SITE_ROUTES_MAX);
    struct site *site = mem_new(1, sizeof *site + plan->route_count * sizeof site->routes[0]);

    site->settings = plan->settings;
    site->route_count = plan->route_count;
    site->accounts = plan->accounts;
    site->secret = random_hash_secret();
    enum err err = compile(site, plan, fault);

    if (err == ERR_OK)
        err = read_trusted(site, fault);
    if (err != ERR_OK) {
        site_free(&site);
        return err;
    }
    make_limiter(site);
    make_limits(site);
    *ret_site = site;
    return ERR_OK;
}

void site_accounts_init(struct site_accounts *accounts, struct account *whole)
{
    account_init(&accounts->connections, whole, 0);
    account_init(&accounts->fills, whole, 0);
}

void site_set_limits(struct site *site)
{
    struct account *fills = &site->accounts->fills;
    size_t whole = atomic_load(&fills->whole->max);

    atomic_store(&fills->max, (size_t)((double)whole * site->settings->fills_max));
}

bool site_has_route(const struct site *site, const struct route *route)
{
    /* Routes of other sites are no part of this array: their addresses are compared as numbers. */
    uintptr_t at = (uintptr_t)route;

    return at >= (uintptr_t)site->routes && at < (uintptr_t)(site->routes + site->route_count);
}

void site_follow(struct site *site, const struct site *before)
{
    must(site->accounts != NULL);
    if (site->limiter == NULL || before->limiter == NULL ||
        limiter_size(site->limiter) != limiter_size(before->limiter))
        return;
    limiter_drop(&site->limiter);
    site->limiter = limiter_hold(before->limiter);
    site->secret = before->secret;
    for (size_t i = 0; i < site->route_count; i++) {
        if (site->routes[i].limiter != NULL)
            site->routes[i].limiter = site->limiter;
    }
}

void site_free(struct site **owner)
{
    struct site *site = *owner;

    if (site == NULL)
        return;
    if (site->limiter != NULL && site->accounts != NULL)
        account_refund(&site->accounts->connections, limiter_size(site->limiter));
    limiter_drop(&site->limiter);
    mem_free(&site->trusted);
    mem_free(&site->limits);
    mem_free(owner);
}

bool site_trusts(const struct site *site, const struct address *address)
{
    for (size_t i = 0; i < site->trusted_count; i++) {
        if (network_has(&site->trusted[i], address))
            return true;
    }
    return false;
}

struct hash_secret site_secret(const struct site *site)
{
    return site->secret;
}

const struct route *site_find_route(const struct site *site, struct bytes path,
                                    struct captures *ret_captures)
{
    for (size_t i = 0; i < site->route_count; i++) {
        if (route_fits(&site->routes[i], path, ret_captures))
            return &site->routes[i];
    }
    return NULL;
}

const struct gateway_settings *site_settings(const struct site *site)
{
    return site->settings;
}

void site_set_cache(struct site *site, struct cache *cache)
{
    site->cache = cache;
}

void site_set_tallies(struct site *site, struct tallies *tallies)
{
    for (size_t i = 0; i < site->route_count; i++)
        site->routes[i].tallies = tallies_of(tallies, site->routes[i].settings->name);
}

struct cache *site_cache(const struct site *site)
{
    must(site->cache != NULL);
    return site->cache;
}

struct account *site_connections(struct site *site)
{
    return &site->accounts->connections;
}

struct account *site_fills(struct site *site)
{
    return &site->accounts->fills;
}
