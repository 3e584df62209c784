/* queue.c: exchanges that wait at a concurrency limit, and how long a queue may stand.
 * SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "upstream/parts.h"

enum { SOON_MS = 10, STANDING_MIN_MS = 10, PATIENCE_MIN_MS = 5 };

/* ---- the concurrency limit ------------------------------------------------------------------ */

void exchange_leave_limit(struct exchange *exchange)
{
    struct origin *origin = exchange->origin;
    enum place place = exchange->place;

    exchange->place = PLACE_FREE;
    if (place == PLACE_WAITING) {
        list_leave(&exchange->node);
        concurrency_give_up(exchange->concurrency);
    } else if (place == PLACE_INSIDE) {
        concurrency_leave(exchange->concurrency);
        if (!list_alone(&origin->limited))
            timer_set(origin->loop, &origin->limited_timer, loop_now_ms(origin->loop));
    }
}

enum err exchange_queue_up(struct exchange *exchange)
{
    struct origin *origin = exchange->origin;

    if (!concurrency_queue(exchange->concurrency)) {
        counter_add(&origin->metrics.route_refused, 1);
        return ERR_BUSY;
    }
    exchange->place = PLACE_WAITING;
    list_append(&origin->limited, &exchange->node);
    exchange_enter(exchange, PHASE_QUEUED);
    if (!timer_is_set(&origin->limited_timer))
        timer_set(origin->loop, &origin->limited_timer, loop_now_ms(origin->loop) + SOON_MS);
    return ERR_OK;
}

static void let_in(struct exchange *exchange)
{
    concurrency_give_up(exchange->concurrency);
    list_leave(&exchange->node);
    exchange->place = PLACE_INSIDE;
    enum err err = exchange_go(exchange);

    if (err != ERR_OK) { /* told a little later: its owner might do anything to the queue */
        exchange->failing = err;
        exchange->phase = PHASE_CONNECTING;
        list_append(&exchange->origin->active, &exchange->node);
        timer_set(exchange->origin->loop, &exchange->timer, exchange_now_ms(exchange));
    }
}

void origin_look_at_limited(struct timer *timer)
{
    struct origin *origin = list_owner(timer, struct origin, limited_timer);

    for (struct list_node *at = origin->limited.next; at != &origin->limited;) {
        struct exchange *exchange = list_owner(at, struct exchange, node);

        at = at->next;
        if (concurrency_enter(exchange->concurrency))
            let_in(exchange);
    }
    if (!list_alone(&origin->limited))
        timer_set(origin->loop, timer, loop_now_ms(origin->loop) + SOON_MS);
}

/* ---- the queue for a connection ----------------------------------------------------------- */

static int64_t at_least(int64_t ms, int64_t least_ms)
{
    return ms > least_ms ? ms : least_ms;
}

int64_t origin_patience_ms(const struct origin *origin)
{
    int64_t wait_ms = origin->settings->queue_wait_ms;
    int64_t stood_ms = loop_now_ms(origin->loop) - origin->queue_since_ms;
    bool is_standing = origin->queue_count > 0 && stood_ms > at_least(wait_ms / 5, STANDING_MIN_MS);

    return is_standing ? at_least(wait_ms / 10, PATIENCE_MIN_MS) : wait_ms;
}
