/* adopt.c: which answers to POST are stored. SPDX-License-Identifier: MIT */
#include "server/http/adopt.h"

#include "server/http/change.h"

/* Whether the reference, seen from the URL of the request, is that URL. */
static bool is_own_url(const struct fetch *fetch, struct bytes reference)
{
    struct key_room *room = &fetch->gate->keys;
    struct url_parts here;
    struct url_parts there;
    struct target target;
    struct http_complaint complaint;

    if (url_split(fetch->url, &here) != ERR_OK ||
        url_resolve(&here, reference, room->second, sizeof room->second, &there) != ERR_OK)
        return false;
    struct http_head head = {.method_id = HTTP_METHOD_GET, .minor = 1};

    head.is_secure = bytes_begin_with(fetch->url, BYTES("https:"));
    head.host = there.host;
    head.path = there.target;

    return target_find(gate_site(fetch->gate, fetch->route), &head, room, &target, &complaint) ==
               ERR_OK &&
           bytes_equal(target.url, fetch->url);
}

static bool is_explicit(const struct verdict *verdict)
{
    return !verdict->by_route && verdict->source != FRESHNESS_NONE &&
           verdict->source != FRESHNESS_HEURISTIC;
}

static bool is_fit(struct fetch *fetch, const struct http_head *response,
                   const struct decide_facts *facts, struct verdict *ret_verdict)
{
    const struct http_field *location = http_find(response, HTTP_CONTENT_LOCATION);

    if (response->status != 200 || location == NULL || http_has(response, HTTP_VARY) ||
        http_has(response, HTTP_SET_COOKIE))
        return false;
    decide_store(facts, response, ret_verdict);
    return ret_verdict->store && ret_verdict->lifetime_ms > ret_verdict->age_ms &&
           is_explicit(ret_verdict) && is_own_url(fetch, location->value);
}

void adopt_lead(const struct look *look, struct fetch_ask *fetch_ask)
{
    if (look->head->method_id != HTTP_METHOD_POST || look->control.no_store ||
        look->target.route->settings->cache == ROUTE_CACHE_OFF ||
        http_has(look->head, HTTP_AUTHORIZATION))
        return;
    (void)fetch_ask_apart(look->gate, fetch_ask, 'p');
}

/* The URL's own key: what is there goes, and whoever loads it brings it to nobody new. */
static bool take_over(struct fetch *fetch, struct cache_lease *ret_lease)
{
    struct gate *gate = fetch->gate;
    int64_t now_ms = loop_now_ms(gate->loop);

    (void)cache_remove(gate->thread, cache_key(fetch->cache, CACHE_SPACE_HTTP, fetch->url), now_ms);
    if (!fetch_take_lease(gate, fetch->url, fetch->route->settings->lease_ms, ret_lease))
        return false;
    if (!fetch_is_purged(fetch, fetch->url, fetch->key))
        return true;
    cache_abandon(gate->thread, ret_lease, now_ms);
    return false;
}

bool adopt(struct fetch *fetch, const struct http_head *response, const struct decide_facts *facts)
{
    struct gate *gate = fetch->gate;
    struct cache_lease before = fetch->lease;
    struct cache_lease lease = {0, 0, 0};
    struct verdict verdict;

    if (!fetch->is_post || !fetch->has_lease)
        return false;
    fetch->has_lease = fetch->primary.size == fetch->url.size &&
                       is_fit(fetch, response, facts, &verdict) && take_over(fetch, &lease);
    cache_disperse(gate->thread, &before, 0, loop_now_ms(gate->loop));
    if (!fetch->has_lease)
        return false;
    counter_add(&gate->metrics.adopted, 1);
    fetch->lease = lease;
    fetch->key = fetch->primary;
    fetch->verdict = verdict;
    return true;
}
