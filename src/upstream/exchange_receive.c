/* exchange_receive.c: the response of an exchange, from its link. SPDX-License-Identifier: MIT */
#include "upstream/parts.h"

enum { HEAD_MAX = 64 * 1024, INTERIM_MAX = 32 };

static const struct http_limits response_limits = {
    .head_max = HEAD_MAX,
    .target_max = 0,
    .fields_max = ORIGIN_FIELDS_MAX,
};

static void fail_broken(struct exchange *exchange)
{
    counter_add(&exchange->origin->metrics.broken, 1);
    exchange_blame(exchange, exchange->link, ERR_PEER_BROKEN);
    exchange_fail(exchange, ERR_PEER_BROKEN);
}

static void consume(const struct exchange *exchange, size_t size)
{
    counter_add(&exchange->origin->metrics.received_bytes, size);
    conn_consume(exchange->link->conn, size);
}

static void take_interim(struct exchange *exchange, const struct http_head *head)
{
    if (head->status == 101 && exchange_asked_for(exchange, head)) {
        exchange_switch(exchange, head);
        return;
    }
    if (head->status == 101 || ++exchange->interim_count > INTERIM_MAX) {
        fail_broken(exchange);
        return;
    }
    if (exchange->events->interim != NULL && head->status != 100)
        exchange->events->interim(exchange, exchange->owner, head);
}

/* Server-sent events: as long as one comes now and then, the whole has no end. */
static bool is_stream_of_events(const struct http_head *head)
{
    const struct http_field *field = http_find(head, HTTP_CONTENT_TYPE);
    struct bytes rest = field == NULL ? BYTES("") : field->value;

    return bytes_equal_nocase(bytes_trim(bytes_cut(&rest, ';')), BYTES("text/event-stream"));
}

static void take_final(struct exchange *exchange, struct http_head *head)
{
    if (dating_stands_still(&exchange->link->dating, head, exchange_now_ms(exchange)))
        http_drop(head, HTTP_DATE);
    exchange->link->keep = head->keep_alive && head->framing != HTTP_UNTIL_CLOSE;
    exchange->first_byte_ms = exchange_now_ms(exchange) - exchange->start_ms;
    exchange_note_head(exchange, head->status);
    http_body_init(&exchange->body, head);
    exchange->is_stream = is_stream_of_events(head);
    exchange_enter(exchange, PHASE_BODY);
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
        exchange_complete(exchange);
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
    while (exchange->phase < PHASE_BODY) {
        if (exchange->paused || !take_head(exchange))
            return;
    }
    if (exchange->phase == PHASE_SWITCHED) {
        exchange_switched_received(exchange);
        return;
    }
    while (link->exchange == exchange && (!exchange->paused || body_is_over(exchange)) &&
           take_piece(exchange))
        continue;
}

void exchange_cut(struct exchange *exchange)
{
    if (exchange->phase == PHASE_SWITCHED) {
        exchange_switched_cut(exchange);
        return;
    }
    if (exchange->phase == PHASE_BODY && http_body_is_whole_at_end(&exchange->body)) {
        exchange_complete(exchange);
        return;
    }
    struct link *link = exchange->link;

    exchange->link = NULL;
    link_drop(link);
    exchange_lost(exchange, link);
}
