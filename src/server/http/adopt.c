/* adopt.c: which answers to POST are stored. SPDX-License-Identifier: MIT */
#include "server/http/adopt.h"

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
    return target_find(fetch->gate->site, &head, room, &target, &complaint) == ERR_OK &&
           bytes_equal(target.url, fetch->url);
}

static bool is_explicit(const struct verdict *verdict)
{
    return !verdict->by_route && verdict->source != FRESHNESS_NONE &&
           verdict->source != FRESHNESS_HEURISTIC;
}

static bool take_lease(struct fetch *fetch)
{
    const struct cache_ask ask = {
        .lease_ms = fetch->route->settings->lease_ms,
        .refresh = true,
        .no_stale = true,
        .no_wait = true,
        .hold_shared = fetch_hold_shared,
    };
    struct cache_view view;
    struct cache_lease lease = {0, 0, 0};
    void *shared = NULL;
    enum cache_answer answer =
        cache_get(fetch->gate->thread, cache_key(fetch->cache, CACHE_SPACE_HTTP, fetch->key), &ask,
                  loop_now_ms(fetch->gate->loop), NULL, &view, &lease, &shared);

    if ((answer != CACHE_LEAD && answer != CACHE_HIT_LEAD) || lease.token == 0)
        return false;
    fetch->lease = lease;
    fetch->has_lease = true;
    return true;
}

void adopt(struct fetch *fetch, const struct http_head *response, const struct decide_facts *facts)
{
    const struct http_field *location = http_find(response, HTTP_CONTENT_LOCATION);
    struct verdict verdict;

    if (!fetch->is_post || fetch->route->settings->cache == ROUTE_CACHE_OFF ||
        response->status != 200 || location == NULL || http_has(response, HTTP_VARY) ||
        http_has(response, HTTP_SET_COOKIE))
        return;
    decide_store(facts, response, &verdict);
    if (!verdict.store || !is_explicit(&verdict) || !is_own_url(fetch, location->value) ||
        !take_lease(fetch))
        return;
    fetch->verdict = verdict;
}
