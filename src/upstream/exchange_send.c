/* exchange_send.c: the request of an exchange, to its link. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "upstream/parts.h"

#include <stdio.h>

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
    if (!exchange->chunked || exchange->phase == PHASE_SWITCHED) {
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
        timer_set(exchange->origin->loop, &exchange->timer, exchange_now_ms(exchange));
        return;
    }
    exchange->sent = true;
    counter_add_shared(&exchange->link->pool->member->metrics.requests, 1);
    send_bytes(exchange, bytes_of(exchange->head, exchange->head_size));
    send_piece(exchange, buf_bytes(&exchange->early));
    buf_fini(&exchange->early);
    exchange_charge(exchange, exchange_size(exchange));
    if (exchange->has_body && exchange->body_ended && exchange->chunked)
        send_bytes(exchange, BYTES("0\r\n\r\n"));
    exchange_enter(exchange, PHASE_WAITING);
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

    exchange_leave_ring(exchange);
    list_append(&origin->active, &exchange->node);
    exchange->link = link;
    exchange->heard = false;
    exchange->attempt_ms = exchange_now_ms(exchange);
    exchange->is_blamed = false;
    link->exchange = exchange;
    link->keep = false;
    counter_add_shared(&link->pool->member->metrics.active, 1);
    exchange_enter(exchange, PHASE_CONNECTING);
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
    exchange_charge(exchange, exchange_size(exchange));
    if (buf_failed(&exchange->early) != ERR_OK) {
        exchange->failing = ERR_FULL;
        timer_set(exchange->origin->loop, &exchange->timer, exchange_now_ms(exchange));
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
    if (exchange->phase == PHASE_SWITCHED) {
        exchange_switched_end(exchange);
        return;
    }
    if (exchange->sent && exchange->chunked)
        send_bytes(exchange, BYTES("0\r\n\r\n"));
    if (exchange->phase == PHASE_WAITING)
        exchange->since_ms = exchange_now_ms(exchange);
}
