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
    return sizeof *exchange + exchange->head_size + exchange->early.capacity;
}

void exchange_leave_ring(struct exchange *exchange)
{
    struct origin *origin = exchange->origin;

    if (exchange->phase == PHASE_QUEUED && !list_alone(&exchange->node)) {
        origin->queue_count--;
        counter_set(&origin->metrics.queued, origin->queue_count);
    }
    list_leave(&exchange->node);
}

static void exchange_free(struct exchange **owner)
{
    struct exchange *exchange = *owner;

    timer_clear(exchange->origin->loop, &exchange->timer);
    exchange_leave_ring(exchange);
    buf_fini(&exchange->early);
    exchange_charge(exchange, 0);
    mem_free(owner);
}

/* Its connection is let go already. */
static void finish(struct exchange *exchange, enum err err)
{
    struct origin *origin = exchange->origin;

    timer_clear(origin->loop, &exchange->timer);
    exchange_leave_ring(exchange);
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
    *owner = NULL;
    exchange_free(&exchange);
}

void exchange_complete(struct exchange *exchange)
{
    struct link *link = exchange->link;

    exchange->link = NULL;
    if (!exchange->body_ended) /* the request is cut off there */
        link->keep = false;
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

void exchange_lost(struct exchange *exchange, const struct link *link)
{
    bool stale = link->kept && !exchange->heard && exchange->idempotent && !exchange->has_body &&
                 !exchange->retried;

    if (!link->connected && exchange->attempts < exchange->origin->server_count) {
        try_again(exchange);
    } else if (!link->connected) {
        exchange_fail(exchange, ERR_PEER_DOWN);
    } else if (stale) {
        exchange->retried = true;
        counter_add(&exchange->origin->metrics.retries, 1);
        try_again(exchange);
    } else {
        exchange_fail(exchange, ERR_PEER_GONE);
    }
}

/* ---- the beginning ------------------------------------------------------------------------ */

static struct exchange *exchange_new(struct origin *origin, const struct exchange_request *request)
{
    struct bytes host = bytes_of_text(origin->settings->host);
    const struct server *server = &origin->servers[0];
    struct bytes fallback =
        server->address.any.sa_family == AF_UNIX ? BYTES("localhost") : bytes_of_text(server->text);
    size_t head_size = request_size(request, host, fallback);
    struct exchange *exchange = mem_try(sizeof *exchange + head_size);

    if (exchange == NULL)
        return NULL;
    *exchange = (struct exchange){
        .origin = origin,
        .start_ms = loop_now_ms(origin->loop),
        .since_ms = loop_now_ms(origin->loop),
        .to_head = http_method_of(request->method) == HTTP_METHOD_HEAD,
        .idempotent = http_method_is_idempotent(http_method_of(request->method)),
        .has_body = request->has_body,
        .chunked = request->has_body && !request->body_size_known,
        .body_ended = !request->has_body,
        .body_left = request->body_size,
        .head_size = head_size,
    };
    request_write(request, host, fallback, exchange->head);
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
    origin->queue_count++;
    counter_set(&origin->metrics.queued, origin->queue_count);
    list_append(&origin->queue, &exchange->node);
    exchange_enter(exchange, PHASE_QUEUED);
    return ERR_OK;
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
    /* Who waits already comes first. */
    enum err err = list_alone(&origin->queue) ? link_for(exchange) : ERR_BUSY;

    if (err == ERR_BUSY)
        err = wait_in_queue(exchange);
    if (err != ERR_OK) {
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

int64_t exchange_first_byte_ms(const struct exchange *exchange)
{
    return exchange->first_byte_ms;
}
