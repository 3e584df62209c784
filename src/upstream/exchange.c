/* exchange.c: an exchange from its beginning to its end. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/must.h"
#include "upstream/parts.h"
#include "upstream/request.h"

enum { EARLY_MAX = 1024 * 1024 /* bytes of a body that came before the connection */ };

int64_t exchange_now_ms(const struct exchange *exchange)
{
    return loop_now_ms(exchange->origin->loop);
}

/* ---- the end ------------------------------------------------------------------------------ */

void exchange_charge(struct exchange *exchange, size_t size)
{
    struct account *account = exchange->origin->account;

    if (account != NULL && size > exchange->charged)
        account_force(account, size - exchange->charged);
    if (account != NULL && size < exchange->charged)
        account_refund(account, exchange->charged - size);
    exchange->charged = size;
}

size_t exchange_size(const struct exchange *exchange)
{
    return sizeof *exchange + exchange->head_size + exchange->upgrade.size +
           exchange->early.capacity;
}

void exchange_leave_ring(struct exchange *exchange)
{
    struct origin *origin = exchange->origin;

    if (exchange->phase == PHASE_QUEUED && exchange->place != PLACE_WAITING &&
        !list_alone(&exchange->node)) {
        origin->queue_count--;
        counter_set(&origin->metrics.queued, origin->queue_count);
    }
    list_leave(&exchange->node);
}

static void exchange_free(struct exchange **owner)
{
    struct exchange *exchange = *owner;

    timer_clear(exchange->origin->loop, &exchange->timer);
    exchange_leave_limit(exchange);
    exchange_leave_ring(exchange);
    buf_fini(&exchange->early);
    exchange_charge(exchange, 0);
    mem_free(owner);
}

/* ---- what is learnt of the origin --------------------------------------------------------- */

enum { FAILED_MS = 1000 /* what a failure counts at least, among the times of answers */ };

static void note_request(struct exchange *exchange, enum err err)
{
    struct fleet *fleet = exchange->origin->fleet;

    if (err == ERR_OK || exchange->is_blamed)
        fleet_note_request(fleet, err, exchange->status, exchange->is_probe,
                           exchange_now_ms(exchange));
    else if (exchange->is_probe)
        breaker_forget(&fleet->breaker, exchange_now_ms(exchange));
    exchange->is_probe = false;
}

void exchange_note_head(struct exchange *exchange, unsigned status)
{
    int64_t now_ms = exchange_now_ms(exchange);

    exchange->status = status;
    ewma_note(&exchange->link->pool->member->ewma, now_ms - exchange->attempt_ms, now_ms);
    if (exchange->is_probe) /* the body may last for hours */
        note_request(exchange, ERR_OK);
}

void exchange_blame(struct exchange *exchange, const struct link *link, enum err err)
{
    struct member *member = link->pool->member;
    int64_t now_ms = exchange_now_ms(exchange), took_ms = now_ms - exchange->attempt_ms;

    exchange->is_blamed = true;
    ewma_note(&member->ewma, took_ms > FAILED_MS ? took_ms : FAILED_MS, now_ms);
    fleet_note_attempt(exchange->origin->fleet, member, err, 0, now_ms);
}

/* Its connection is let go already. */
static void finish(struct exchange *exchange, enum err err)
{
    struct origin *origin = exchange->origin;

    timer_clear(origin->loop, &exchange->timer);
    exchange_leave_limit(exchange);
    exchange_leave_ring(exchange);
    note_request(exchange, err);
    counter_add(err == ERR_OK ? &origin->metrics.responses : &origin->metrics.failures, 1);
    exchange->events->done(exchange, exchange->owner, err);
    exchange_free(&exchange);
}

void exchange_fail(struct exchange *exchange, enum err err)
{
    if (exchange->link != NULL)
        link_drop(exchange->link);
    exchange->link = NULL;
    finish(exchange, err);
}

void exchange_cancel(struct exchange **owner)
{
    struct exchange *exchange = *owner;

    if (exchange == NULL)
        return;
    if (exchange->link != NULL)
        link_drop(exchange->link);
    note_request(exchange, ERR_STOPPING);
    *owner = NULL;
    exchange_free(&exchange);
}

void exchange_complete(struct exchange *exchange)
{
    struct link *link = exchange->link;

    fleet_note_attempt(exchange->origin->fleet, link->pool->member, ERR_OK, exchange->status,
                       exchange_now_ms(exchange));
    exchange->link = NULL;
    if (!exchange->body_ended) /* the request is cut off there */
        link->keep = false;
    if (link->switched)
        link_close(link);
    else
        link_release(link);
    finish(exchange, ERR_OK);
}

/* ---- what is tried again ------------------------------------------------------------------ */

static void try_again(struct exchange *exchange)
{
    enum err err;

    exchange_leave_ring(exchange);
    list_append(&exchange->origin->active, &exchange->node);
    exchange->sent = false;
    err = link_new_for(exchange);
    if (err != ERR_OK)
        exchange_fail(exchange, err);
}

/* Whether it may be sent again, or go on to another server. */
static bool has_another_try(struct exchange *exchange, bool was_connected)
{
    const struct origin *origin = exchange->origin;

    if (was_connected && (exchange->heard || !exchange->idempotent || exchange->has_body ||
                          exchange->retries >= origin->settings->retry_max))
        return false;
    if (!was_connected && exchange->attempts >= origin->roster->count)
        return false;
    return budget_take(&origin->fleet->budget);
}

void exchange_lost(struct exchange *exchange, const struct link *link)
{
    struct origin_metrics *metrics = &exchange->origin->metrics;
    bool stale = link->kept && !exchange->heard && exchange->idempotent && !exchange->has_body &&
                 !exchange->retried;

    if (link->connected && stale) { /* it was closed while nobody used it */
        exchange->retried = true;
        counter_add(&metrics->retries, 1);
        try_again(exchange);
        return;
    }
    if (exchange->phase == PHASE_SWITCHED) { /* which says nothing about how it answers requests */
        exchange_fail(exchange, ERR_PEER_GONE);
        return;
    }
    if (!link->connected)
        counter_add(&metrics->connect_failures, 1);
    exchange_blame(exchange, link, link->connected ? ERR_PEER_GONE : link->lost);
    if (!has_another_try(exchange, link->connected)) {
        exchange_fail(exchange, link->connected ? ERR_PEER_GONE : link->lost);
        return;
    }
    exchange->retries += link->connected;
    counter_add(link->connected ? &metrics->retries : &metrics->passed_on, 1);
    try_again(exchange);
}

/* ---- the beginning ------------------------------------------------------------------------ */

static struct exchange *exchange_new(struct origin *origin, const struct exchange_request *request)
{
    struct bytes host = bytes_of_text(origin->settings->host);
    struct bytes fallback = bytes_of_text(origin->fleet->host);
    size_t head_size = request_size(request, host, fallback);
    struct exchange *exchange = mem_try(sizeof *exchange + head_size + request->upgrade.size);

    if (exchange == NULL)
        return NULL;
    *exchange = (struct exchange){
        .origin = origin,
        .start_ms = loop_now_ms(origin->loop),
        .since_ms = loop_now_ms(origin->loop),
        .key = balance_key(request->affinity.size > 0 ? request->affinity : request->target),
        .to_head = http_method_of(request->method) == HTTP_METHOD_HEAD,
        .idempotent = http_method_is_idempotent(http_method_of(request->method)),
        .has_body = request->has_body,
        .chunked = request->has_body && !request->body_size_known,
        .body_ended = !request->has_body,
        .body_left = request->body_size,
        .concurrency = request->concurrency,
        .head_size = head_size,
    };
    request_write(request, host, fallback, exchange->head);
    exchange->upgrade = bytes_of(exchange->head + head_size, request->upgrade.size);
    if (request->upgrade.size > 0)
        memcpy(exchange->head + head_size, request->upgrade.data, request->upgrade.size);
    list_init(&exchange->node);
    timer_init(&exchange->timer, exchange_look_at_the_time);
    buf_init(&exchange->early, EARLY_MAX, NULL);
    exchange_charge(exchange, exchange_size(exchange));
    return exchange;
}

static enum err wait_in_queue(struct exchange *exchange)
{
    struct origin *origin = exchange->origin;

    if (origin->queue_count >= origin->settings->queue_max) {
        counter_add(&origin->metrics.refused, 1);
        return ERR_BUSY;
    }
    if (origin->queue_count++ == 0)
        origin->queue_since_ms = exchange_now_ms(exchange);
    counter_set(&origin->metrics.queued, origin->queue_count);
    list_append(&origin->queue, &exchange->node);
    exchange_enter(exchange, PHASE_QUEUED);
    origin_watch_queue(origin);
    return ERR_OK;
}

enum err exchange_go(struct exchange *exchange)
{
    /* Who waits already comes first. */
    enum err err = list_alone(&exchange->origin->queue) ? link_for(exchange) : ERR_BUSY;

    return err == ERR_BUSY ? wait_in_queue(exchange) : err;
}

/* The same, if breaker and concurrency limit let it. */
static enum err find_way(struct exchange *exchange)
{
    struct origin *origin = exchange->origin;
    enum breaker_leave leave = fleet_ask(origin->fleet, exchange_now_ms(exchange));

    if (leave == BREAKER_REFUSE) {
        counter_add(&origin->metrics.avoided, 1);
        return ERR_PEER_AVOIDED;
    }
    exchange->is_probe = leave == BREAKER_PROBE;
    if (exchange->concurrency != NULL && !concurrency_enter(exchange->concurrency))
        return exchange_queue_up(exchange);
    if (exchange->concurrency != NULL)
        exchange->place = PLACE_INSIDE;
    return exchange_go(exchange);
}

enum err exchange_start(struct origin *origin, const struct exchange_request *request,
                        const struct exchange_events *events, void *owner,
                        struct exchange **ret_exchange)
{
    if (origin->gone)
        return ERR_STOPPING;
    TRY(request_check(request));
    struct exchange *exchange = exchange_new(origin, request);

    if (exchange == NULL)
        return ERR_FULL;
    exchange->events = events;
    exchange->owner = owner;
    enum err err = find_way(exchange);

    if (err != ERR_OK) {
        note_request(exchange, err);
        exchange_free(&exchange);
        return err;
    }
    counter_add(&origin->metrics.requests, 1);
    *ret_exchange = exchange;
    return ERR_OK;
}

/* ---- the reader's pace -------------------------------------------------------------------- */

void exchange_pause(struct exchange *exchange)
{
    exchange->paused = true;
    if (exchange->link != NULL)
        conn_pause(exchange->link->conn);
}

void exchange_resume(struct exchange *exchange)
{
    if (!exchange->paused)
        return;
    exchange->paused = false;
    exchange->since_ms = exchange_now_ms(exchange);
    if (exchange->link != NULL)
        conn_resume(exchange->link->conn);
}

void exchange_give(struct exchange *exchange, const struct exchange_events *events, void *owner)
{
    exchange->events = events;
    exchange->owner = owner;
}

int64_t exchange_first_byte_ms(const struct exchange *exchange)
{
    return exchange->first_byte_ms;
}
