/* counter.h: numbers that one thread writes and any thread reads.
 * SPDX-License-Identifier: MIT
 *
 * Each worker counts in structs of its own, so that counting is one plain add; who wants the whole
 * sums over the workers. A counter that several threads write uses counter_add_shared.
 */
#ifndef LARDER_BASE_COUNTER_H
#define LARDER_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

struct counter {
    _Atomic uint64_t value;
};

static inline uint64_t counter_read(const struct counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

/* By the counter's own thread only. */
static inline void counter_add(struct counter *counter, uint64_t more)
{
    atomic_store_explicit(&counter->value, counter_read(counter) + more, memory_order_relaxed);
}

static inline void counter_sub(struct counter *counter, uint64_t less)
{
    atomic_store_explicit(&counter->value, counter_read(counter) - less, memory_order_relaxed);
}

static inline void counter_set(struct counter *counter, uint64_t value)
{
    atomic_store_explicit(&counter->value, value, memory_order_relaxed);
}

/* By any thread. */
static inline void counter_add_shared(struct counter *counter, uint64_t more)
{
    atomic_fetch_add_explicit(&counter->value, more, memory_order_relaxed);
}

static inline void counter_sub_shared(struct counter *counter, uint64_t less)
{
    atomic_fetch_sub_explicit(&counter->value, less, memory_order_relaxed);
}

#endif
