/* concurrency.h: how many requests of one kind may be at an origin at a time, all workers together.
 * SPDX-License-Identifier: MIT
 *
 * A request that finds the limit reached waits in a queue of its worker, of bounded length and for
 * a bounded time. Who leaves makes room: the queue of the same worker moves at once, those of
 * others look every few milliseconds.
 *
 * Memory: its owner keeps it as long as an exchange has it. Threads: any.
 */
#ifndef LARDER_UPSTREAM_CONCURRENCY_H
#define LARDER_UPSTREAM_CONCURRENCY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct concurrency {
    uint64_t inside_max;
    uint64_t waiting_max;
    int64_t wait_ms;
    _Atomic uint64_t inside;
    _Atomic uint64_t waiting;
};

/* Adds one if there are less than `max`. */
static inline bool concurrency_count_in(_Atomic uint64_t *count, uint64_t max)
{
    uint64_t now = atomic_load_explicit(count, memory_order_relaxed);

    do {
        if (now >= max)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(count, &now, now + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static inline bool concurrency_enter(struct concurrency *concurrency)
{
    return concurrency_count_in(&concurrency->inside, concurrency->inside_max);
}

static inline void concurrency_leave(struct concurrency *concurrency)
{
    atomic_fetch_sub_explicit(&concurrency->inside, 1, memory_order_relaxed);
}

static inline bool concurrency_queue(struct concurrency *concurrency)
{
    return concurrency_count_in(&concurrency->waiting, concurrency->waiting_max);
}

static inline void concurrency_give_up(struct concurrency *concurrency)
{
    atomic_fetch_sub_explicit(&concurrency->waiting, 1, memory_order_relaxed);
}

/* As things are now: it may be otherwise in a moment. */
static inline bool concurrency_is_full(struct concurrency *concurrency)
{
    return atomic_load_explicit(&concurrency->inside, memory_order_relaxed) >=
           concurrency->inside_max;
}

#endif
