/* latch.h: a lock of four bytes that sleeps when it must.
 * SPDX-License-Identifier: MIT
 *
 * A cache has up to 4096 of them and a step over the whole keyspace holds them all; a pthread mutex
 * takes ten times the room. Three states (Drepper, "Futexes are tricky", 2004): 0 free, 1 taken,
 * 2 taken and somebody sleeps. Not recursive, not fair.
 */
#ifndef LARDER_CACHE_LATCH_H
#define LARDER_CACHE_LATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct latch {
    _Atomic uint32_t state;
};

/* Out of line: sleeps until the latch is ours; wakes one sleeper. */
void latch_wait(struct latch *latch);
void latch_wake(struct latch *latch);

static inline bool latch_try(struct latch *latch)
{
    uint32_t free = 0;

    return atomic_compare_exchange_strong_explicit(&latch->state, &free, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

static inline void latch_lock(struct latch *latch)
{
    if (!latch_try(latch))
        latch_wait(latch);
}

/* No exchange, which would cost as much as all that is done under a latch: who comes to sleep
 * between the two lines here is not woken, and so sleeps for a bounded time only (latch.c). */
static inline void latch_unlock(struct latch *latch)
{
    bool sleeps = atomic_load_explicit(&latch->state, memory_order_relaxed) == 2;

    atomic_store_explicit(&latch->state, 0, memory_order_release);
    if (sleeps)
        latch_wake(latch);
}

#endif
