/* exchange.c: one request and its response. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/must.h"
#include "upstream/parts.h"
#include "upstream/request.h"

#include <stdio.h>

enum {
    HEAD_MAX = 64 * 1024,
    INTERIM_MAX = 32,
    EARLY_MAX = 1024 * 1024 /* bytes of a body that came before the connection */
};

static const struct http_limits response_limits = {
    .head_max = HEAD_MAX,
    .target_max = 0,
    .fields_max = ORIGIN_FIELDS_MAX,
};

static int64_t now_ms(const struct exchange *exchange)
{
    return loop_now_ms(exchange->origin->loop);
}

/* ---- the end ------------------------------------------------------------------------------ */

static void charge(struct exchange *exchange, size_t size)
{
    struct account *account = exchange->origin->account;

    if (account != NULL && size > exchange->charged)
        account_force(account, size - exchange->charged);
    if (account != NULL && size < exchange->charged)
        account_refund(account, exchange->charged - size);
    exchange->charged = size;
}

static size_t own_size(const struct exchange *exchange)
{
    return sizeof *exchange + exchange->head_size + exchange->early.capacity;
}

static void leave_ring(struct exchange *exchange)
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
    leave_ring(exchange);
    buf_fini(&exchange->early);
    charge(exchange, 0);
    mem_free(owner);
}

/* Its connection is let go already. */
static void finish(struct exchange *exchange, enum err err)
{
    struct origin *origin = exchange->origin;

    timer_clear(origin->loop, &exchange->timer);
    leave_ring(exchange);
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

/* ---- time --------------------------------------------------------------------------------- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool waits_for_client(const struct exchange *exchange)
{
    if (exchange->phase == PHASE_WAITING)
        return exchange->paused ||
               (!exchange->body_ended && conn_output_size(exchange->link->conn) == 0);
    return exchange->phase == PHASE_BODY && exchange->paused;
}

/* When the present phase has taken too long, unless something happens. */
static int64_t phase_ends_ms(const struct exchange *exchange)
{
    const struct origin_settings *settings = exchange->origin->settings;
    int64_t since_ms = waits_for_client(exchange) ? now_ms(exchange) : exchange->since_ms;

    switch (exchange->phase) {
    case PHASE_QUEUED:
        return since_ms + settings->queue_wait_ms;
    case PHASE_CONNECTING:
        return since_ms + settings->connect_ms;
    case PHASE_WAITING:
        return later(since_ms, conn_last_progress_ms(exchange->link->conn)) +
               settings->first_byte_ms;
    case PHASE_BODY:
        return later(since_ms, conn_last_input_ms(exchange->link->conn)) +
               settings->between_bytes_ms;
    }
    never("an exchange in no phase");
}

static int64_t total_ends_ms(const struct exchange *exchange)
{
    return exchange->start_ms + exchange->origin->settings->total_ms;
}

static void arm(struct exchange *exchange)
{
    int64_t phase_ms = phase_ends_ms(exchange), total_ms = total_ends_ms(exchange);

    timer_set(exchange->origin->loop, &exchange->timer, phase_ms < total_ms ? phase_ms : total_ms);
}

static void enter_phase(struct exchange *exchange, enum phase phase)
{
    exchange->phase = phase;
    exchange->since_ms = now_ms(exchange);
    arm(exchange);
}

static void took_too_long(struct exchange *exchange)
{
    struct origin *origin = exchange->origin;

    if (exchange->phase == PHASE_QUEUED) {
        counter_add(&origin->metrics.refused, 1);
        exchange_fail(exchange, ERR_BUSY);
        return;
    }
    counter_add(&origin->metrics.timeouts, 1);
    exchange_fail(exchange, ERR_PEER_SLOW);
}

static void could_not_connect_in_time(struct exchange *exchange)
{
    struct link *link = exchange->link;

    counter_add(&exchange->origin->metrics.timeouts, 1);
    exchange->link = NULL;
    link_give_up(link);
    exchange_lost(exchange, link);
}

/* The timer is set to the earliest end and looks then what has happened in between, so that bytes
 * that come and go touch no timer. */
static void look_at_the_time(struct timer *timer)
{
    struct exchange *exchange = list_owner(timer, struct exchange, timer);

    bool total_is_over = now_ms(exchange) >= total_ends_ms(exchange);

    if (exchange->failing != ERR_OK)
        exchange_fail(exchange, exchange->failing);
    else if (!total_is_over && now_ms(exchange) < phase_ends_ms(exchange))
        arm(exchange);
    else if (!total_is_over && exchange->phase == PHASE_CONNECTING)
        could_not_connect_in_time(exchange);
    else
        took_too_long(exchange);
}

/* ---- the request -------------------------------------------------------------------------- */

static void send_bytes(struct exchange *exchange, struct bytes bytes)
{
    counter_add(&exchange->origin->metrics.sent_bytes, bytes.size);
    conn_send(exchange->link->conn, bytes);
}

static void send_piece(struct exchange *exchange, struct bytes piece)
{
    char line[24];

    if (piece.size == 0)
        return; /* an empty chunk would end the body */
    if (!exchange->chunked) {
        send_bytes(exchange, piece);
        return;
    }
    (void)snprintf(line, sizeof line, "%zx\r\n", piece.size);
    send_bytes(exchange, bytes_of_text(line));
    send_bytes(exchange, piece);
    send_bytes(exchange, BYTES("\r\n"));
}

static void send_request(struct exchange *exchange)
{
    if (exchange->failing != ERR_OK) {
        timer_set(exchange->origin->loop, &exchange->timer, now_ms(exchange));
        return;
    }
    exchange->sent = true;
    send_bytes(exchange, bytes_of(exchange->head, exchange->head_size));
    send_piece(exchange, buf_bytes(&exchange->early));
    buf_fini(&exchange->early);
    charge(exchange, own_size(exchange));
    if (exchange->has_body && exchange->body_ended && exchange->chunked)
        send_bytes(exchange, BYTES("0\r\n\r\n"));
    enter_phase(exchange, PHASE_WAITING);
}

static void tell_ready(struct exchange *exchange)
{
    if (!exchange->wants_ready || exchange->body_ended || conn_is_congested(exchange->link->conn))
        return;
    exchange->wants_ready = false;
    if (exchange->events->ready != NULL)
        exchange->events->ready(exchange, exchange->owner);
}

void exchange_attach(struct exchange *exchange, struct link *link)
{
    struct origin *origin = exchange->origin;

    leave_ring(exchange);
    list_append(&origin->active, &exchange->node);
    exchange->link = link;
    exchange->heard = false;
    link->exchange = exchange;
    link->keep = false;
    enter_phase(exchange, PHASE_CONNECTING);
    if (exchange->paused)
        conn_pause(link->conn);
    if (!link->connected)
        return;
    send_request(exchange);
    tell_ready(
        exchange); /* only one from the queue was told to stop, and that is served by events */
}

void exchange_connected(struct exchange *exchange)
{
    send_request(exchange);
    tell_ready(exchange);
}

void exchange_drained(struct exchange *exchange)
{
    tell_ready(exchange);
}

static bool keep_early(struct exchange *exchange, struct bytes piece)
{
    buf_add(&exchange->early, piece);
    charge(exchange, own_size(exchange));
    if (buf_failed(&exchange->early) != ERR_OK) {
        exchange->failing = ERR_FULL;
        timer_set(exchange->origin->loop, &exchange->timer, now_ms(exchange));
    }
    exchange->wants_ready = true;
    return false;
}

bool exchange_send(struct exchange *exchange, struct bytes piece)
{
    must(exchange->has_body && !exchange->body_ended);
    if (!exchange->chunked) {
        must(piece.size <= exchange->body_left);
        exchange->body_left -= piece.size;
    }
    if (!exchange->sent)
        return keep_early(exchange, piece);
    send_piece(exchange, piece);
    /* After a cut nothing is ever ready: the response, or the end, is on its way. */
    exchange->wants_ready =
        conn_is_congested(exchange->link->conn) || conn_is_cut(exchange->link->conn);
    return !exchange->wants_ready;
}

void exchange_send_end(struct exchange *exchange)
{
    must(exchange->has_body && !exchange->body_ended);
    must(exchange->chunked || exchange->body_left == 0);
    exchange->body_ended = true;
    if (exchange->sent && exchange->chunked)
        send_bytes(exchange, BYTES("0\r\n\r\n"));
    if (exchange->phase == PHASE_WAITING)
        exchange->since_ms = now_ms(exchange);
}

/* ---- the response ------------------------------------------------------------------------- */

static void fail_broken(struct exchange *exchange)
{
    counter_add(&exchange->origin->metrics.broken, 1);
    exchange_fail(exchange, ERR_PEER_BROKEN);
}

static void complete(struct exchange *exchange)
{
    struct link *link = exchange->link;

    exchange->link = NULL;
    if (!exchange->body_ended) /* the request is cut off there */
        link->keep = false;
    link_release(link);
    finish(exchange, ERR_OK);
}

static void consume(const struct exchange *exchange, size_t size)
{
    counter_add(&exchange->origin->metrics.received_bytes, size);
    conn_consume(exchange->link->conn, size);
}

static void take_interim(struct exchange *exchange, const struct http_head *head)
{
    /* We ask for no upgrade, so nobody may switch protocols. */
    if (head->status == 101 || ++exchange->interim_count > INTERIM_MAX) {
        fail_broken(exchange);
        return;
    }
    if (exchange->events->interim != NULL && head->status != 100)
        exchange->events->interim(exchange, exchange->owner, head);
}

static void take_final(struct exchange *exchange, struct http_head *head)
{
    if (dating_stands_still(&exchange->link->dating, head, now_ms(exchange)))
        http_drop(head, HTTP_DATE);
    exchange->link->keep = head->keep_alive && head->framing != HTTP_UNTIL_CLOSE;
    exchange->first_byte_ms = now_ms(exchange) - exchange->start_ms;
    http_body_init(&exchange->body, head);
    enter_phase(exchange, PHASE_BODY);
    exchange->events->head(exchange, exchange->owner, head);
}

/* One head. False: more has to arrive, or the exchange has ended. */
static bool take_head(struct exchange *exchange)
{
    struct link *link = exchange->link;
    struct bytes input = conn_input(link->conn);
    struct http_complaint complaint;
    struct http_head head;
    size_t size = 0;
    enum err err =
        http_parse_response(input, &response_limits, exchange->to_head, &head, &size, &complaint);

    if (err == ERR_AGAIN)
        return false;
    if (err != ERR_OK) {
        fail_broken(exchange);
        return false;
    }
    consume(exchange, size); /* what was consumed stays readable in this call */
    if (head.status < 200)
        take_interim(exchange, &head);
    else
        take_final(exchange, &head);
    return link->exchange == exchange;
}

/* One piece. False: more has to arrive, or the exchange has ended. */
static bool take_piece(struct exchange *exchange)
{
    struct link *link = exchange->link;
    struct bytes input = conn_input(link->conn);
    struct bytes piece = {0};
    size_t size = 0;
    bool done = false;
    enum err err = http_body_next(&exchange->body, input, &size, &piece, &done);

    consume(exchange, size);
    if (err != ERR_OK && err != ERR_AGAIN) {
        fail_broken(exchange);
        return false;
    }
    if (piece.size > 0)
        exchange->events->body(exchange, exchange->owner, piece);
    if (link->exchange != exchange)
        return false; /* cancelled in the event */
    if (done) {
        complete(exchange);
        return false;
    }
    return err == ERR_OK;
}

/* Nothing more has to arrive, so nobody would call again after a pause. */
static bool body_is_over(const struct exchange *exchange)
{
    return exchange->body.framing != HTTP_UNTIL_CLOSE && http_body_is_whole_at_end(&exchange->body);
}

void exchange_received(struct exchange *exchange)
{
    struct link *link = exchange->link;

    exchange->heard = true;
    while (exchange->phase != PHASE_BODY) {
        if (exchange->paused || !take_head(exchange))
            return;
    }
    while (link->exchange == exchange && (!exchange->paused || body_is_over(exchange)) &&
           take_piece(exchange))
        continue;
}

void exchange_cut(struct exchange *exchange)
{
    if (exchange->phase == PHASE_BODY && http_body_is_whole_at_end(&exchange->body)) {
        complete(exchange);
        return;
    }
    struct link *link = exchange->link;

    exchange->link = NULL;
    link_drop(link);
    exchange_lost(exchange, link);
}

/* ---- what is tried again ------------------------------------------------------------------ */

static void try_again(struct exchange *exchange)
{
    enum err err;

    leave_ring(exchange);
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
    timer_init(&exchange->timer, look_at_the_time);
    buf_init(&exchange->early, EARLY_MAX, NULL);
    charge(exchange, own_size(exchange));
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
    enter_phase(exchange, PHASE_QUEUED);
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
    exchange->since_ms = now_ms(exchange);
    if (exchange->link != NULL)
        conn_resume(exchange->link->conn);
}

int64_t exchange_first_byte_ms(const struct exchange *exchange)
{
    return exchange->first_byte_ms;
}
