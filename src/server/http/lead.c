/* lead.c: requests that go to the origin. SPDX-License-Identifier: MIT */
#include "server/http/lead.h"

#include "base/must.h"
#include "server/http/adopt.h"
#include "server/http/depart.h"
#include "server/http/parts.h"
#include "server/http/probe.h"
#include "server/http/pump.h"
#include "server/http/tunnel.h"
#include "server/http/upload.h"
#include "server/http/visitor.h"

#include <inttypes.h>
#include <stdio.h>

static struct fetch_ask fetch_ask_of(const struct asking *asking)
{
    const struct look *look = &asking->look;

    return (struct fetch_ask){
        .request = look->head,
        .raw = asking->raw,
        .target = &look->target,
        .key = look->key.name,
        .plain_size = look->plain_size,
        .is_variant = look->is_variant,
        .is_alike = look->is_alike,
        .peer = visitor_address(asking->client->gate, client_visitor(asking->client), look->head),
        .authorized = look->is_authorized,
    };
}

/* A trace begins here when nobody began one before. */
static void begin_trace(struct asking *asking, struct fetch_ask *fetch_ask)
{
    struct random *random = &asking->gate->random;
    struct request *request = &asking->client->request;

    request->trace[0] = '\0';
    if (!fetch_ask->target->route->settings->trace ||
        http_find_text(fetch_ask->request, BYTES("traceparent"), NULL) != NULL)
        return;
    (void)snprintf(request->trace, sizeof request->trace,
                   "00-%016" PRIx64 "%016" PRIx64 "-%016" PRIx64 "-00", random_next(random) | 1,
                   random_next(random), random_next(random) | 1);
    fetch_ask->trace = bytes_of_text(request->trace);
}

/* The route has as many requests at the origin as it may: something stale is better than a place in
 * the queue. */
static bool spares_origin(struct asking *asking, struct fetch_ask *fetch_ask)
{
    const struct route *route = fetch_ask->target->route;

    if (route->concurrency == NULL || !concurrency_is_full(route->concurrency) ||
        !asking_serve_stale(asking, FAILURE_UNREACHABLE, REASON_ORIGIN_BUSY))
        return false;
    if (fetch_ask->has_lease)
        cache_fail(asking->gate->thread, &fetch_ask->lease, ERR_BUSY, route->settings->retry_ms,
                   asking_now_ms(asking));
    return true;
}

static void start(struct asking *asking, struct fetch_ask *fetch_ask, enum outcome outcome)
{
    struct client *client = asking->client;
    struct request *request = &client->request;
    struct fetch *fetch = NULL;

    if (spares_origin(asking, fetch_ask))
        return;
    begin_trace(asking, fetch_ask);
    enum err err = depart(asking->gate, fetch_ask, &fetch);

    request->why = fetch_ask->why;
    if (err != ERR_OK) {
        asking_refuse_failed(asking, err, FAILURE_UNREACHABLE);
        return;
    }
    asking_become_busy(asking);
    request->outcome = outcome;
    pump_lead(client, fetch);
    if (fetch_ask->upgrade.size > 0)
        fetch->switched = tunnel_begin;
    bool begun = pump_begin(client, fetch);

    must(begun); /* nothing has come yet that could be gone */
    if (asking->look.head->framing != HTTP_NO_BODY)
        upload_begin(client, asking->look.head, fetch);
}

/* ---- for itself -------------------------------------------------------------------------- */

void lead_pass(struct asking *asking, enum gateway_reason reason, enum fetch_why why)
{
    struct fetch_ask fetch_ask = fetch_ask_of(asking);

    if (!asking_keep(asking))
        return;
    fetch_ask.is_variant = false;
    fetch_ask.why = why;
    fetch_ask.pass_reason = reason;
    if (reason == REASON_METHOD)
        adopt_lead(&asking->look, &fetch_ask);
    else
        parts_lead(&asking->look, reason, &fetch_ask);
    if (reason == REASON_UPGRADE)
        fetch_ask.upgrade = route_upgrade(asking->look.target.route, asking->look.head);
    start(asking, &fetch_ask, OUTCOME_PASS);
}

void lead_alone(struct asking *asking)
{
    struct fetch_ask fetch_ask = fetch_ask_of(asking);

    if (!asking_keep(asking))
        return;
    if (!asking->look.has_stored && !probe_lead(&asking->look, &fetch_ask)) {
        lead_pass(asking, REASON_PREDICTED_UNCACHEABLE, asking_why(asking));
        return;
    }
    fetch_ask.for_cache = true;
    fetch_ask.why = asking_why(asking);
    fetch_ask.pass_reason = REASON_PREDICTED_UNCACHEABLE;
    fetch_ask.old = asking->look.has_stored ? &asking->look.view : NULL;
    start(asking, &fetch_ask, OUTCOME_MISS);
}

/* ---- for all ----------------------------------------------------------------------------- */

void lead_refresh(struct asking *asking, const struct cache_lease *lease)
{
    struct fetch_ask fetch_ask = fetch_ask_of(asking);
    struct fetch *fetch = NULL;

    if (lease->token == 0)
        return;
    fetch_ask.for_cache = true;
    fetch_ask.is_background = true;
    fetch_ask.has_lease = true;
    fetch_ask.lease = *lease;
    fetch_ask.why = FETCH_STALE;
    fetch_ask.old = &asking->look.view;
    counter_add(&asking->gate->metrics.refreshes, 1);
    if (depart(asking->gate, &fetch_ask, &fetch) != ERR_OK)
        return;
    upload_again(asking->client, fetch);
    stream_drop(&fetch->stream);
}

bool lead_is_spared(const struct asking *asking)
{
    const struct look *look = &asking->look;
    const struct gate *gate = asking->gate;

    return look->has_stored && look->view.state != CACHE_FRESH && !look->control.no_cache &&
           origin_is_suspect(gate->origins[look->target.route->origin]) &&
           look_stands_in(look, FAILURE_UNREACHABLE);
}

/* What is stale goes out now, and the request that would have waited for the origin is made all the
 * same. */
static bool spare_the_wait(struct asking *asking, const struct cache_lease *lease)
{
    if (!lead_is_spared(asking))
        return false;
    lead_refresh(asking, lease);
    return asking_serve_stale(asking, FAILURE_UNREACHABLE, REASON_ORIGIN_ERROR);
}

void lead(struct asking *asking, const struct cache_lease *lease)
{
    const struct look *look = &asking->look;
    struct cache_lease mine = *lease;
    struct fetch_ask fetch_ask = fetch_ask_of(asking);

    if (lease->token == 0) {
        lead_alone(asking);
        return;
    }
    if (spare_the_wait(asking, lease))
        return;
    if (!asking_keep(asking)) {
        cache_abandon(asking->gate->thread, &mine, asking_now_ms(asking));
        return;
    }
    fetch_ask.for_cache = true;
    fetch_ask.has_lease = true;
    fetch_ask.lease = *lease;
    fetch_ask.why = asking_why(asking);
    fetch_ask.old = look->has_stored ? &look->view : NULL;
    start(asking, &fetch_ask, OUTCOME_MISS);
}
