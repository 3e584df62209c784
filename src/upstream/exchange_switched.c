/* exchange_switched.c: an exchange whose origin speaks another protocol now.
 * SPDX-License-Identifier: MIT
 *
 * What the other side says from the 101 on goes out as the request's "body", without any framing;
 * each side ends for itself. */
#include "upstream/parts.h"

bool exchange_asked_for(const struct exchange *exchange, const struct http_head *head)
{
    const struct http_field *upgrade = http_find(head, HTTP_UPGRADE);

    return exchange->upgrade.size > 0 && exchange->events->switched != NULL && head->upgrade &&
           http_find_next(head, HTTP_UPGRADE, upgrade) == NULL &&
           bytes_equal_nocase(upgrade->value, exchange->upgrade);
}

void exchange_switch(struct exchange *exchange, const struct http_head *head)
{
    timer_clear(exchange->origin->loop, &exchange->timer);
    exchange->phase = PHASE_SWITCHED;
    exchange->first_byte_ms = exchange_now_ms(exchange) - exchange->start_ms;
    exchange_note_head(exchange, head->status);
    exchange->has_body = exchange->chunked = true;
    exchange->body_ended = false;
    exchange_leave_limit(exchange);
    link_switch(exchange->link);
    exchange->events->switched(exchange, exchange->owner, head);
}

void exchange_switched_received(struct exchange *exchange)
{
    struct conn *conn = exchange->link->conn;
    struct bytes input = conn_input(conn);

    if (exchange->paused || input.size == 0)
        return;
    counter_add(&exchange->origin->metrics.received_bytes, input.size);
    conn_consume(conn, input.size);
    exchange->events->body(exchange, exchange->owner, input);
}

void exchange_switched_cut(struct exchange *exchange)
{
    exchange->ended = true;
    if (exchange->body_ended)
        exchange_complete(exchange);
    else if (exchange->events->ended != NULL)
        exchange->events->ended(exchange, exchange->owner);
}

void exchange_switched_end(struct exchange *exchange)
{
    conn_end(exchange->link->conn);
    if (exchange->ended) /* not from within the owner's call */
        timer_set(exchange->origin->loop, &exchange->timer, exchange_now_ms(exchange));
}
