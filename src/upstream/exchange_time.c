/* exchange_time.c: how long each part of an exchange may take. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "upstream/parts.h"

enum { OTHER_FAMILY_MS = 250 };

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

/* Where a name has addresses of both families, the first that is tried gets a moment only: one of
 * them often leads nowhere (RFC 8305 §5, in a simple form: one after the other). */
static int64_t connect_ms(const struct exchange *exchange)
{
    int64_t most_ms = exchange->origin->settings->connect_ms;
    bool is_first = exchange->attempts == 1 &&
                    fleet_has_other_family(exchange->origin->fleet, exchange->link->pool->member);

    return is_first && most_ms > OTHER_FAMILY_MS ? OTHER_FAMILY_MS : most_ms;
}

/* When the present phase has taken too long, unless something happens. */
static int64_t phase_ends_ms(const struct exchange *exchange)
{
    const struct origin_settings *settings = exchange->origin->settings;
    int64_t since_ms = waits_for_client(exchange) ? exchange_now_ms(exchange) : exchange->since_ms;

    switch (exchange->phase) {
    case PHASE_QUEUED:
        return since_ms + (exchange->place == PLACE_WAITING ? exchange->concurrency->wait_ms
                                                            : settings->queue_wait_ms);
    case PHASE_CONNECTING:
        return since_ms + connect_ms(exchange);
    case PHASE_WAITING:
        return later(since_ms, conn_last_progress_ms(exchange->link->conn)) +
               settings->first_byte_ms;
    case PHASE_BODY:
        return later(since_ms, conn_last_input_ms(exchange->link->conn)) +
               settings->between_bytes_ms;
    case PHASE_SWITCHED:
        break;
    }
    never("an exchange in no phase");
}

static int64_t total_ends_ms(const struct exchange *exchange)
{
    return exchange->is_stream ? INT64_MAX
                               : exchange->start_ms + exchange->origin->settings->total_ms;
}

static void arm(struct exchange *exchange)
{
    int64_t phase_ms = phase_ends_ms(exchange), total_ms = total_ends_ms(exchange);

    timer_set(exchange->origin->loop, &exchange->timer, phase_ms < total_ms ? phase_ms : total_ms);
}

void exchange_enter(struct exchange *exchange, enum phase phase)
{
    exchange->phase = phase;
    exchange->since_ms = exchange_now_ms(exchange);
    arm(exchange);
}

static void took_too_long(struct exchange *exchange)
{
    struct origin *origin = exchange->origin;

    if (exchange->phase == PHASE_QUEUED) {
        counter_add(exchange->place == PLACE_WAITING ? &origin->metrics.route_refused
                                                     : &origin->metrics.refused,
                    1);
        exchange_fail(exchange, ERR_BUSY);
        return;
    }
    counter_add(&origin->metrics.timeouts, 1);
    if (!waits_for_client(exchange))
        exchange_blame(exchange, exchange->link, ERR_PEER_SLOW);
    exchange_fail(exchange, ERR_PEER_SLOW);
}

static void could_not_connect_in_time(struct exchange *exchange)
{
    struct link *link = exchange->link;

    counter_add(&exchange->origin->metrics.timeouts, 1);
    exchange->link = NULL;
    link_drop(link);
    exchange_lost(exchange, link);
}

/* The timer is set to the earliest end and looks then what has happened in between, so that bytes
 * that come and go touch no timer. */
void exchange_look_at_the_time(struct timer *timer)
{
    struct exchange *exchange = list_owner(timer, struct exchange, timer);

    bool total_is_over = exchange_now_ms(exchange) >= total_ends_ms(exchange);

    if (exchange->phase == PHASE_SWITCHED) {
        exchange_complete(exchange); /* its timer runs only then */
        return;
    }
    if (exchange->failing != ERR_OK)
        exchange_fail(exchange, exchange->failing);
    else if (!total_is_over && exchange_now_ms(exchange) < phase_ends_ms(exchange))
        arm(exchange);
    else if (!total_is_over && exchange->phase == PHASE_CONNECTING)
        could_not_connect_in_time(exchange);
    else
        took_too_long(exchange);
}
