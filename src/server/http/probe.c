/* probe.c: the way back to sharing. SPDX-License-Identifier: MIT */
#include "server/http/probe.h"

#include "proto/etag.h"

bool probe_lead(const struct look *look, struct fetch_ask *fetch_ask)
{
    if (look->head->method_id != HTTP_METHOD_GET || look->is_variant || look->is_authorized ||
        http_has(look->head, HTTP_RANGE) || precondition_is_asked(look->head) ||
        !fetch_ask_apart(look->gate, fetch_ask, 's'))
        return false;
    fetch_ask->for_cache = true;
    fetch_ask->is_probe = true;
    return true;
}

/* Ends the while, and leads from there on. */
static bool take_over(struct fetch *fetch, struct cache_lease *ret_lease)
{
    struct gate *gate = fetch->gate;
    int64_t now_ms = loop_now_ms(gate->loop);

    (void)cache_remove(gate->thread, cache_key(fetch->cache, CACHE_SPACE_HTTP, fetch->primary),
                       now_ms);
    if (!fetch_take_lease(gate, fetch->primary, fetch->route->settings->lease_ms, ret_lease))
        return false;
    if (!fetch_is_purged(fetch, fetch->url, fetch->primary))
        return true;
    cache_abandon(gate->thread, ret_lease, now_ms);
    return false;
}

void probe_settle(struct fetch *fetch)
{
    struct cache_lease before = fetch->lease;
    struct cache_lease lease = {0, 0, 0};

    if (!fetch->is_probe || !fetch->has_lease)
        return;
    fetch->has_lease = fetch->verdict.store && take_over(fetch, &lease);
    cache_disperse(fetch->gate->thread, &before, 0, loop_now_ms(fetch->gate->loop));
    if (fetch->has_lease) {
        fetch->lease = lease;
        fetch->key = fetch->primary;
        return;
    }
    fetch_refuse(fetch, REASON_PREDICTED_UNCACHEABLE);
}
