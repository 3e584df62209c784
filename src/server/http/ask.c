/* ask.c: from a request to its answer. SPDX-License-Identifier: MIT */
#include "server/http/ask.h"

#include "base/must.h"
#include "net/clock.h"
#include "server/http/adopt.h"
#include "server/http/change.h"
#include "server/http/compress.h"
#include "server/http/cors.h"
#include "server/http/depart.h"
#include "server/http/early.h"
#include "server/http/history.h"
#include "server/http/look.h"
#include "server/http/parts.h"
#include "server/http/probe.h"
#include "server/http/pump.h"
#include "server/http/purge.h"
#include "server/http/quota.h"
#include "server/http/refuse.h"
#include "server/http/serve.h"
#include "server/http/tunnel.h"
#include "server/http/upload.h"
#include "server/http/visitor.h"
#include "server/http/wait.h"

#include <inttypes.h>
#include <stdio.h>

enum { TRIES_MAX = 8 };

struct asking {
    struct client *client;
    struct gate *gate;
    struct bytes raw;
    struct look look;
};

static void seek(struct asking *asking);

static int64_t now_ms(const struct asking *asking)
{
    return loop_now_ms(asking->gate->loop);
}

/* What was found, or a copy of it that the client likes better. */
static void serve_view(struct asking *asking, enum outcome outcome, enum gateway_reason reason)
{
    if ((asking->look.stored.flags & STORED_COMPRESSIBLE) != 0)
        compress_choose(&asking->look);
    serve_stored(asking->client, asking->look.head, &asking->look.view, outcome, reason);
}

/* Something stale, if there is any and it may be. */
static bool serve_stand_in(struct asking *asking, enum failure failure, enum gateway_reason reason)
{
    if (!look_stands_in(&asking->look, failure))
        return false;
    serve_view(asking, OUTCOME_STALE, reason);
    return true;
}

/* Something stale, or an error. What must not be used unasked makes it a 504 (RFC 9111 §5.2.2.2).
 */
static void refuse_failed(struct asking *asking, enum err err, enum failure failure)
{
    const struct look *look = &asking->look;

    if (serve_stand_in(asking, failure,
                       failure == FAILURE_STATUS ? REASON_ORIGIN_ERROR : refuse_reason(err)))
        return;
    if (failure == FAILURE_UNREACHABLE && err_class(err) == ERR_CLASS_PEER && look->has_stored &&
        (look->stored.flags & STORED_STRICT) != 0)
        refuse_forwarded(asking->client, look->head,
                         &(const struct refusal){
                             504, OUTCOME_FAILED, REASON_ORIGIN_ERROR,
                             "the origin does not answer, and what is stored must not be used "
                             "without asking it"});
    else
        refuse_err(asking->client, look->head, err);
}

/* ---- to the origin ----------------------------------------------------------------------- */

static void become_busy(struct asking *asking)
{
    if (!asking->client->is_busy)
        counter_add(&asking->gate->metrics.requests_waiting, 1);
    asking->client->is_busy = true;
}

static bool keep(struct asking *asking)
{
    if (client_keep_request(asking->client, asking->raw) == ERR_OK)
        return true;
    asking->client->keeps_alive = false;
    refuse(asking->client, asking->look.head,
           &(const struct refusal){503, OUTCOME_FAILED, REASON_MEMORY_PRESSURE,
                                   "there is no memory left for this"});
    return false;
}

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
        !serve_stand_in(asking, FAILURE_UNREACHABLE, REASON_ORIGIN_BUSY))
        return false;
    if (fetch_ask->has_lease)
        cache_fail(asking->gate->thread, &fetch_ask->lease, ERR_BUSY, route->settings->retry_ms,
                   now_ms(asking));
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
        refuse_failed(asking, err, FAILURE_UNREACHABLE);
        return;
    }
    become_busy(asking);
    request->outcome = outcome;
    pump_lead(client, fetch);
    if (fetch_ask->upgrade.size > 0)
        fetch->switched = tunnel_begin;
    bool begun = pump_begin(client, fetch);

    must(begun); /* nothing has come yet that could be gone */
    if (asking->look.head->framing != HTTP_NO_BODY)
        upload_begin(client, asking->look.head, fetch);
}

/* Not for the cache: the client's own request, and its own answer. */
static void pass(struct asking *asking, enum gateway_reason reason, enum fetch_why why)
{
    struct fetch_ask fetch_ask = fetch_ask_of(asking);

    if (!keep(asking))
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

static enum fetch_why why_of(const struct asking *asking)
{
    const struct look *look = &asking->look;

    if (look->view.state == CACHE_FRESH)
        return FETCH_REQUEST;
    if (look->has_stored)
        return FETCH_STALE;
    return look->is_variant ? FETCH_VARY_MISS : FETCH_URI_MISS;
}

/* Not with others: asks for itself, with what is stored if there is something. */
static void go_alone(struct asking *asking)
{
    struct fetch_ask fetch_ask = fetch_ask_of(asking);

    if (!keep(asking))
        return;
    if (!asking->look.has_stored && !probe_lead(&asking->look, &fetch_ask)) {
        pass(asking, REASON_PREDICTED_UNCACHEABLE, why_of(asking));
        return;
    }
    fetch_ask.for_cache = true;
    fetch_ask.why = why_of(asking);
    fetch_ask.pass_reason = REASON_PREDICTED_UNCACHEABLE;
    fetch_ask.old = asking->look.has_stored ? &asking->look.view : NULL;
    start(asking, &fetch_ask, OUTCOME_MISS);
}

/* A stale answer goes out now; the fresh one is fetched for the next. */
static void refresh(struct asking *asking, const struct cache_lease *lease)
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

/* The last request to the origin failed, and something stale may stand in for the next failure:
 * nobody waits for the origin then. */
static bool need_not_wait(const struct asking *asking)
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
    if (!need_not_wait(asking))
        return false;
    refresh(asking, lease);
    return serve_stand_in(asking, FAILURE_UNREACHABLE, REASON_ORIGIN_ERROR);
}

/* The lease is ours: fetch it for all. */
static void lead(struct asking *asking, const struct cache_lease *lease)
{
    const struct look *look = &asking->look;
    struct cache_lease mine = *lease;
    struct fetch_ask fetch_ask = fetch_ask_of(asking);

    if (lease->token == 0) {
        go_alone(asking);
        return;
    }
    if (spare_the_wait(asking, lease))
        return;
    if (!keep(asking)) {
        cache_abandon(asking->gate->thread, &mine, now_ms(asking));
        return;
    }
    fetch_ask.for_cache = true;
    fetch_ask.has_lease = true;
    fetch_ask.lease = *lease;
    fetch_ask.why = why_of(asking);
    fetch_ask.old = look->has_stored ? &look->view : NULL;
    start(asking, &fetch_ask, OUTCOME_MISS);
}

/* ---- with others ------------------------------------------------------------------------- */

static void join(struct asking *asking, void *shared)
{
    struct client *client = asking->client;

    if (fetch_of(shared)->is_exclusive) {
        stream_drop(shared);
        go_alone(asking);
        return;
    }
    if (!keep(asking)) {
        stream_drop(shared);
        return;
    }
    become_busy(asking);
    client->request.why = why_of(asking);
    client->request.outcome = OUTCOME_COLLAPSED;
    if (pump_begin(client, fetch_of(shared)))
        pump_soon(client);
    else
        pass(asking, REASON_TOO_LARGE, why_of(asking));
}

/* The body that was gathered becomes part of the key. */
static bool add_body(struct asking *asking)
{
    const struct key_body *key_body = asking->client->request.key_body;

    return look_add_body(&asking->look, bytes_of(key_body->hash, sizeof key_body->hash));
}

/* Takes up a request whose head was kept. */
static void resume(struct client *client, struct asking *ret_asking)
{
    struct http_complaint complaint = {400, ""};

    ret_asking->client = client;
    ret_asking->gate = client->gate;
    ret_asking->raw = bytes_of(client->request.raw, client->request.raw_size);
    const struct http_head *head = client_request_head(client);
    const struct site *site = gate_site(client->gate, client->request.route);
    enum err err = look_begin(client->gate, site, head, &ret_asking->look, &complaint);

    must(err == ERR_OK); /* it was well before */
    if (client->request.key_body != NULL && client->request.key_body->is_whole)
        must(add_body(ret_asking));
}

/* What a request whose body did not become part of the key asks for is not known. */
static bool is_known(const struct asking *asking)
{
    const struct look *look = &asking->look;
    const struct key_body *key_body = asking->client->request.key_body;

    return decide_lookup(look->target.route, look->head, &look->control) == REASON_NONE &&
           (!decide_keys_body(look->target.route, look->head) ||
            (key_body != NULL && key_body->is_whole));
}

/* The same, and looks what the cache has, if that is for this request at all. */
static void resume_and_look(struct client *client, struct asking *ret_asking)
{
    struct look *look = &ret_asking->look;

    resume(client, ret_asking);
    if (!is_known(ret_asking) || !look_up(look))
        look->has_stored = false;
}

static void late(struct client *client)
{
    struct asking asking;

    resume_and_look(client, &asking);
    if (!serve_stand_in(&asking, FAILURE_UNREACHABLE, REASON_LEASE_TIMEOUT))
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
    cache_abandon(asking->gate->thread, &lease, now_ms(asking));
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
        ask_failed(client, request->woken_err,
                   request->woken_err == ERR_PEER_BROKEN ? FAILURE_STATUS : FAILURE_UNREACHABLE);
        return;
    }
    if (request->woken == CACHE_SHARED || request->woken == CACHE_PROMOTED)
        resume_and_look(client, &asking);
    else
        resume(client, &asking);
    if (request->woken == CACHE_SHARED)
        join(&asking, request->woken_shared);
    else if (request->woken == CACHE_PROMOTED)
        take_over(&asking, request->woken_lease);
    else
        seek(&asking);
    if (!client->is_busy)
        client->hooks->idle(client);
}

/* ---- the cache --------------------------------------------------------------------------- */

static void serve_hit(struct asking *asking)
{
    serve_view(asking, asking->look.view.state == CACHE_FRESH ? OUTCOME_HIT : OUTCOME_STALE,
               REASON_NONE);
}

static void turn_away(struct asking *asking)
{
    if (!serve_stand_in(asking, FAILURE_UNREACHABLE, REASON_WAITERS_FULL))
        refuse(
            asking->client, asking->look.head,
            &(const struct refusal){503, OUTCOME_FAILED, REASON_WAITERS_FULL,
                                    "too many requests wait for the same; try again in a moment"});
}

/* The view that cache_get gave stands for what was looked at before. */
static bool look_again(struct asking *asking, const struct cache_view *view)
{
    struct look *look = &asking->look;

    look->view = *view;
    look->has_stored = stored_read(&look->view, &look->stored, &look->block, &look->body);
    return look->has_stored;
}

static void wait(struct asking *asking)
{
    struct client *client = asking->client;

    become_busy(asking);
    wait_begin(client, late);
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
    else if (!serve_stand_in(asking, FAILURE_UNREACHABLE, REASON_ORIGIN_ERROR))
        pass(asking, REASON_ORIGIN_ERROR, FETCH_STALE);
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
    bool is_spared = need_not_wait(asking);
    const struct cache_ask cache_ask = {
        .lease_ms = look->target.route->settings->lease_ms,
        .refresh = look->has_stored && !is_good,
        .no_stale = !is_good && !is_in_grace(look),
        .no_wait = asks_alone || is_spared,
        .hold_shared = fetch_hold_shared,
    };

    client->request.route = look->target.route;
    if (!keep(asking))
        return;
    switch (cache_get(asking->gate->thread, look->key, &cache_ask, now_ms(asking),
                      wait_prepare(client, woken), &view, &lease, &shared)) {
    case CACHE_HIT:
    case CACHE_HIT_STALE:
        serve_found(asking, &view);
        return;
    case CACHE_HIT_LEAD:
        if (look_again(asking, &view) && is_good) {
            refresh(asking, &lease);
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
        if (is_spared && serve_stand_in(asking, FAILURE_UNREACHABLE, REASON_ORIGIN_ERROR))
            return;
        if (asks_alone)
            go_alone(asking);
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
        !early_is_due(&look->stored, look->view.expires_ms, now_ms(asking), settings->beta,
                      random_unit(&asking->gate->random)))
        return;
    enum cache_answer answer = cache_get(asking->gate->thread, look->key, &cache_ask,
                                         now_ms(asking), NULL, &view, &lease, &shared);

    if (answer == CACHE_HIT_LEAD)
        refresh(asking, &lease);
    else if (answer == CACHE_LEAD && lease.token != 0)
        cache_abandon(asking->gate->thread, &lease, now_ms(asking));
}

static void seek(struct asking *asking)
{
    struct look *look = &asking->look;
    struct client *client = asking->client;

    if (!look_up(look)) {
        pass(asking, REASON_KEY_TOO_LARGE, FETCH_BYPASS);
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
        pass(asking, REASON_PREDICTED_UNCACHEABLE, why_of(asking));
    else
        get(asking);
}

/* ---- bodies that say what is asked for --------------------------------------------------- */

static void take_key_body(struct asking *asking)
{
    struct client *client = asking->client;
    const struct http_head *head = asking->look.head;
    size_t max = asking->look.target.route->settings->key_body_max;

    if (head->framing == HTTP_SIZED && head->content_length > max) {
        pass(asking, REASON_BODY_TOO_LARGE_FOR_KEY, FETCH_METHOD);
        return;
    }
    if (!keep(asking))
        return;
    if (upload_key_body(client, head, max) != ERR_OK) {
        client->keeps_alive = false;
        refuse(client, head,
               &(const struct refusal){503, OUTCOME_FAILED, REASON_MEMORY_PRESSURE,
                                       "there is no memory left for this"});
        return;
    }
    become_busy(asking);
    if (client->request.key_body->is_whole)
        ask_with_key_body(client);
}

void ask_with_key_body(struct client *client)
{
    struct asking asking;

    resume(client, &asking);
    if (client->request.key_body->is_whole)
        seek(&asking);
    else
        pass(&asking, REASON_BODY_TOO_LARGE_FOR_KEY, FETCH_METHOD);
}

/* ---- the request ------------------------------------------------------------------------- */

static void remember_purge(const struct asking *asking)
{
    struct history_purge purge = {.wall_ms = clock_wall_ms(), .by = HISTORY_BY_URL, .door = "http"};
    char who[ADDRESS_TEXT_SIZE];

    if (asking->gate->history == NULL)
        return;
    address_text(
        visitor_address(asking->client->gate, client_visitor(asking->client), asking->look.head),
        who);
    history_purge_init(&purge, bytes_of_text(who), asking->look.target.url);
    history_purged(asking->gate->history, &purge);
}

static void purge(struct asking *asking)
{
    struct gate *gate = asking->gate;
    const struct purge_place place = {gate->site, gate->thread, gate->cache, &gate->keys,
                                      now_ms(asking)};

    counter_add(&gate->metrics.invalidated, 1);
    purge_url(&place, asking->look.target.url, false);
    remember_purge(asking);
    refuse(asking->client, asking->look.head,
           &(const struct refusal){200, OUTCOME_REFUSED, REASON_METHOD, "purged"});
}

/* What routes and limits forbid, and what is answered here. */
static bool is_settled(struct asking *asking)
{
    const struct http_head *head = asking->look.head;
    const struct route *route = asking->look.target.route;

    if (head->framing == HTTP_SIZED && head->content_length > route->settings->request_body_max) {
        refuse_upload(asking->client, head, 413);
        return true;
    }
    if (cors_is_preflight(route, head)) {
        serve_preflight(asking->client, head);
        return true;
    }
    bool is_purge = head->method_id == HTTP_METHOD_PURGE;

    if (is_purge && route->settings->purge_method) {
        purge(asking);
        return true;
    }
    if (is_purge || head->method_id == HTTP_METHOD_TRACE ||
        head->method_id == HTTP_METHOD_CONNECT || !route_allows_method(route, head->method)) {
        refuse(asking->client, asking->look.head,
               &(const struct refusal){405, OUTCOME_REFUSED, REASON_REFUSED,
                                       "this method is not allowed here"});
        return true;
    }
    return false;
}

static enum fetch_why why_passed(enum gateway_reason reason)
{
    if (reason == REASON_METHOD)
        return FETCH_METHOD;
    return reason == REASON_REQUEST_NO_STORE ? FETCH_REQUEST : FETCH_BYPASS;
}

void ask(struct client *client, const struct http_head *head, struct bytes raw)
{
    struct asking asking;
    struct http_complaint complaint = {400, ""};

    asking.client = client;
    asking.gate = client->gate;
    asking.raw = raw;
    asking.look.head = head;
    client->request.tries = 0;
    client->request.upload_fault = 0;
    client->request.reason = REASON_NONE;
    if (bytes_equal(head->path, BYTES("*"))) {
        refuse(client, asking.look.head,
               &(const struct refusal){204, OUTCOME_REFUSED, REASON_NONE, ""});
        return;
    }
    enum err err = look_begin(client->gate, client->gate->site, head, &asking.look, &complaint);

    if (err != ERR_OK) {
        client->keeps_alive = client->keeps_alive && err == ERR_MISS;
        refuse(client, asking.look.head,
               &(const struct refusal){
                   complaint.status, err == ERR_MISS ? OUTCOME_REFUSED : OUTCOME_MALFORMED,
                   err == ERR_MISS ? REASON_REFUSED : REASON_MALFORMED, complaint.text});
        return;
    }
    client->request.route = asking.look.target.route;
    if (asking.look.target.route->limiter != NULL &&
        !quota_allows(client, asking.look.target.route, head))
        return;
    if (is_settled(&asking))
        return;
    enum gateway_reason reason =
        decide_lookup(asking.look.target.route, head, &asking.look.control);

    if (reason == REASON_UPGRADE && !tunnel_has_room(client->gate))
        tunnel_refuse(client, head);
    else if (reason != REASON_NONE)
        pass(&asking, reason, why_passed(reason));
    else if (decide_keys_body(asking.look.target.route, head))
        take_key_body(&asking);
    else
        seek(&asking);
}

void ask_failed(struct client *client, enum err err, enum failure failure)
{
    struct asking asking;

    resume_and_look(client, &asking);
    if (client->request.upload_fault != 0)
        refuse_upload(client, asking.look.head, client->request.upload_fault);
    else
        refuse_failed(&asking, err, failure);
    client->hooks->idle(client);
}

void ask_again(struct client *client)
{
    struct asking asking;

    resume(client, &asking);
    seek(&asking);
    if (!client->is_busy)
        client->hooks->idle(client);
}

bool ask_takes_stale(struct client *client)
{
    struct asking asking;

    resume_and_look(client, &asking);
    return look_stands_in(&asking.look, FAILURE_STATUS);
}

void ask_part(struct client *client)
{
    struct asking asking;

    resume(client, &asking);
    pass(&asking, REASON_TOO_LARGE, FETCH_PARTIAL);
    if (!client->is_busy)
        client->hooks->idle(client);
}

void ask_end(struct client *client)
{
    (void)wait_cancel(client);
    pump_end(client);
}
