/* turnstile.h: how many requests of one kind may be at an origin at a time, all workers together.
 * SPDX-License-Identifier: MIT
 *
 * A request that finds the turnstile full waits in a line of its worker, of bounded length and for
 * a bounded time. Who leaves makes room: the line of the same worker moves at once, those of others
 * look every few milliseconds.
 *
 * Memory: the turnstile's owner keeps it as long as an exchange has it. Threads: any.
 */
#ifndef LARDER_UPSTREAM_TURNSTILE_H
#define LARDER_UPSTREAM_TURNSTILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct turnstile {
    uint64_t inside_max;
    uint64_t waiting_max;
    int64_t wait_ms;
    _Atomic uint64_t inside;
    _Atomic uint64_t waiting;
};

/* Adds one if there are less than `max`. */
static inline bool turnstile_count_in(_Atomic uint64_t *count, uint64_t max)
{
    uint64_t now = atomic_load_explicit(count, memory_order_relaxed);

    do {
        if (now >= max)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(count, &now, now + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static inline bool turnstile_enter(struct turnstile *turnstile)
{
    return turnstile_count_in(&turnstile->inside, turnstile->inside_max);
}

static inline void turnstile_leave(struct turnstile *turnstile)
{
    atomic_fetch_sub_explicit(&turnstile->inside, 1, memory_order_relaxed);
}

static inline bool turnstile_line_up(struct turnstile *turnstile)
{
    return turnstile_count_in(&turnstile->waiting, turnstile->waiting_max);
}

static inline void turnstile_give_up(struct turnstile *turnstile)
{
    atomic_fetch_sub_explicit(&turnstile->waiting, 1, memory_order_relaxed);
}

/* As things are now: it may be otherwise in a moment. */
static inline bool turnstile_is_full(struct turnstile *turnstile)
{
    return atomic_load_explicit(&turnstile->inside, memory_order_relaxed) >= turnstile->inside_max;
}

#endif
