/* seek.c: looking, waiting, joining. SPDX-License-Identifier: MIT */
#include "server/http/seek.h"

#include "base/must.h"
#include "server/http/early.h"
#include "server/http/lead.h"
#include "server/http/parts.h"
#include "server/http/pump.h"
#include "server/http/refuse.h"
#include "server/http/wait.h"

enum { TRIES_MAX = 8 };

/* ---- with others ------------------------------------------------------------------------- */

static void join(struct asking *asking, void *shared)
{
    struct client *client = asking->client;

    if (fetch_of(shared)->is_exclusive) {
        stream_drop(shared);
        lead_alone(asking);
        return;
    }
    if (!asking_keep(asking)) {
        stream_drop(shared);
        return;
    }
    asking_become_busy(asking);
    client->request.why = asking_why(asking);
    client->request.outcome = OUTCOME_COLLAPSED;
    if (pump_begin(client, fetch_of(shared)))
        pump_soon(client);
    else
        lead_pass(asking, REASON_TOO_LARGE, asking_why(asking));
}

static void late(struct client *client)
{
    struct asking asking;

    asking_resume_and_look(client, &asking);
    if (!asking_serve_stale(&asking, FAILURE_UNREACHABLE, REASON_LEASE_TIMEOUT))
        refuse(client, asking.look.head,
               &(const struct refusal){504, OUTCOME_FAILED, REASON_LEASE_TIMEOUT,
                                       "another request's fetch of this took too long"});
    client->hooks->idle(client);
}

static void let_go(struct client *client)
{
    struct request *request = &client->request;

    if (request->woken == CACHE_SHARED)
        stream_drop(request->woken_shared);
    if (request->woken == CACHE_PROMOTED)
        cache_abandon(client->gate->thread, &request->woken_lease, loop_now_ms(client->gate->loop));
    client_free_if_over(client);
}

/* Meanwhile the URL may have got variants: then the lease is not for this request's key any more.
 */
static void take_over(struct asking *asking, struct cache_lease lease)
{
    if (lease.hash == asking->look.key.hash) {
        lead(asking, &lease);
        return;
    }
    cache_abandon(asking->gate->thread, &lease, asking_now_ms(asking));
    seek(asking);
}

static void woken(struct client *client)
{
    struct request *request = &client->request;
    struct asking asking;

    if (client->conn == NULL) {
        let_go(client);
        return;
    }
    if (request->woken == CACHE_FAILED) {
        client->hooks->asks->failed(client, request->woken_err,
                                    request->woken_err == ERR_PEER_BROKEN ? FAILURE_STATUS
                                                                          : FAILURE_UNREACHABLE);
        return;
    }
    if (request->woken == CACHE_SHARED || request->woken == CACHE_PROMOTED)
        asking_resume_and_look(client, &asking);
    else
        asking_resume(client, &asking);
    if (request->woken == CACHE_SHARED)
        join(&asking, request->woken_shared);
    else if (request->woken == CACHE_PROMOTED)
        take_over(&asking, request->woken_lease);
    else
        seek(&asking);
    if (!client->is_busy)
        client->hooks->idle(client);
}

static void turn_away(struct asking *asking)
{
    if (!asking_serve_stale(asking, FAILURE_UNREACHABLE, REASON_WAITERS_FULL))
        refuse(
            asking->client, asking->look.head,
            &(const struct refusal){503, OUTCOME_FAILED, REASON_WAITERS_FULL,
                                    "too many requests wait for the same; try again in a moment"});
}

static void wait(struct asking *asking)
{
    struct client *client = asking->client;

    asking_become_busy(asking);
    wait_begin(client, late);
}

/* ---- the cache --------------------------------------------------------------------------- */

static void serve_hit(struct asking *asking)
{
    asking_serve(asking, asking->look.view.state == CACHE_FRESH ? OUTCOME_HIT : OUTCOME_STALE,
                 REASON_NONE);
}

/* The view that cache_get gave stands for what was looked at before. */
static bool look_again(struct asking *asking, const struct cache_view *view)
{
    struct look *look = &asking->look;

    look->view = *view;
    look->has_stored = stored_read(&look->view, &look->stored, &look->block, &look->body);
    return look->has_stored;
}

/* What was stale, and has been loaded in vain a moment ago, is not tried again for each request. */
static bool is_in_grace(const struct look *look)
{
    return look->has_stored && look->view.state == CACHE_GRACE && !look->control.no_cache &&
           (look->stored.flags & STORED_STRICT) == 0;
}

static void serve_found(struct asking *asking, const struct cache_view *view)
{
    if (!look_again(asking, view))
        seek(asking); /* a marker was put there meanwhile */
    else if (view->state != CACHE_GRACE)
        serve_hit(asking);
    else if (!asking_serve_stale(asking, FAILURE_UNREACHABLE, REASON_ORIGIN_ERROR))
        lead_pass(asking, REASON_ORIGIN_ERROR, FETCH_STALE);
}

/* Nothing in the cache is good enough, or it is stale. */
static void get(struct asking *asking)
{
    struct look *look = &asking->look;
    struct client *client = asking->client;
    struct cache_view view = {.state = CACHE_MISS};
    struct cache_lease lease = {0, 0, 0};
    void *shared = NULL;
    bool is_good = look->has_stored && look->reuse == REUSE_SERVE;
    bool asks_alone = look->has_stored && (look->stored.flags & STORED_ASK) != 0;
    bool is_spared = lead_is_spared(asking);
    const struct cache_ask cache_ask = {
        .lease_ms = look->target.route->settings->lease_ms,
        .refresh = look->has_stored && !is_good,
        .no_stale = !is_good && !is_in_grace(look),
        .no_wait = asks_alone || is_spared,
        .hold_shared = fetch_hold_shared,
    };

    client->request.route = look->target.route;
    if (!asking_keep(asking))
        return;
    switch (cache_get(asking->gate->thread, look->key, &cache_ask, asking_now_ms(asking),
                      wait_prepare(client, woken), &view, &lease, &shared)) {
    case CACHE_HIT:
    case CACHE_HIT_STALE:
        serve_found(asking, &view);
        return;
    case CACHE_HIT_LEAD:
        if (look_again(asking, &view) && is_good) {
            lead_refresh(asking, &lease);
            serve_hit(asking);
        } else {
            lead(asking, &lease);
        }
        return;
    case CACHE_LEAD:
        lead(asking, &lease);
        return;
    case CACHE_WAIT:
        wait(asking);
        return;
    case CACHE_JOIN:
        join(asking, shared);
        return;
    case CACHE_REFUSED:
        if (is_spared && asking_serve_stale(asking, FAILURE_UNREACHABLE, REASON_ORIGIN_ERROR))
            return;
        if (asks_alone)
            lead_alone(asking);
        else
            turn_away(asking);
        return;
    }
    never("an answer that is none");
}

/* Somebody's hit in the last part of a time refreshes it for all (early.h). */
static void refresh_early(struct asking *asking)
{
    const struct look *look = &asking->look;
    const struct route_settings *settings = look->target.route->settings;
    const struct cache_ask cache_ask = {
        .lease_ms = settings->lease_ms,
        .refresh = true,
        .no_wait = true,
        .hold_shared = fetch_hold_shared,
    };
    struct cache_view view;
    struct cache_lease lease = {0, 0, 0};
    void *shared = NULL;

    if (look->view.state != CACHE_FRESH ||
        !early_is_due(&look->stored, look->view.expires_ms, asking_now_ms(asking), settings->beta,
                      random_unit(&asking->gate->random)))
        return;
    enum cache_answer answer = cache_get(asking->gate->thread, look->key, &cache_ask,
                                         asking_now_ms(asking), NULL, &view, &lease, &shared);

    if (answer == CACHE_HIT_LEAD)
        lead_refresh(asking, &lease);
    else if (answer == CACHE_LEAD && lease.token != 0)
        cache_abandon(asking->gate->thread, &lease, asking_now_ms(asking));
}

void seek(struct asking *asking)
{
    struct look *look = &asking->look;
    struct client *client = asking->client;

    if (!look_up(look)) {
        lead_pass(asking, REASON_KEY_TOO_LARGE, FETCH_BYPASS);
        return;
    }
    bool is_good = look->has_stored && look->reuse == REUSE_SERVE;

    /* In grace it is good only for those who said that they take it so. */
    if (is_good && look->view.state != CACHE_STALE) {
        if (look->target.route->settings->beta > 0)
            refresh_early(asking);
        serve_hit(asking);
        return;
    }
    if (!look->has_stored && http_has(look->head, HTTP_RANGE) && parts_serve(client, look))
        return;
    if (look->control.only_if_cached) {
        if (is_good)
            serve_hit(asking);
        else
            refuse(asking->client, asking->look.head,
                   &(const struct refusal){
                       504, OUTCOME_REFUSED, REASON_ONLY_IF_CACHED,
                       "nothing usable is stored, and the request wants nothing else"});
        return;
    }
    if (++client->request.tries > TRIES_MAX)
        lead_pass(asking, REASON_PREDICTED_UNCACHEABLE, asking_why(asking));
    else
        get(asking);
}
