/* wheel.h: which entries' time is over, without looking at the others.
 * SPDX-License-Identifier: MIT
 *
 * A hierarchical timer wheel: seven wheels of 64 slots; a slot of the first is one tick (32 ms),
 * of each next one 64 slots of the one before. An entry stands in the wheel of the highest digit
 * (base 64) in which its time differs from now, and moves down when that digit comes; so every
 * insert, removal and move is O(1), and the next due time is read from seven bitmaps.
 *
 *   ticks:  1 .. 63 | 64 .. 4095 (2 s each) | .. 2 h | .. 6 d | .. 1 y | .. 70 y | .. 4400 y
 *
 * Entries are linked by references; the first of a slot names its slot in `wheel_prev`, which is
 * smaller than any reference (slab.h gives none below WHEEL_CODES).
 *
 * Threads: everything under the wheel's latch, but wheel_due_ms.
 */
#ifndef LARDER_CACHE_WHEEL_H
#define LARDER_CACHE_WHEEL_H

#include "cache/index.h"
#include "cache/latch.h"

enum {
    WHEEL_LEVELS = 7,
    WHEEL_SLOTS = 64,
    WHEEL_TICK_SHIFT = 5, /* a tick is 32 ms */
    WHEEL_CODES = 512,
};

struct wheel {
    alignas(64) struct latch latch;
    _Atomic int64_t due_ms; /* nothing is due before; CACHE_NEVER: nothing at all */
    uint64_t tick;          /* everything due before was popped */
    uint64_t occupied[WHEEL_LEVELS];
    uint32_t heads[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel);

/* By the entry's own end. One that never ends is not inserted. */
void wheel_insert(struct wheel *wheel, struct places places, uint32_t ref);

/* Harmless for one that is not in it. */
void wheel_remove(struct wheel *wheel, struct places places, uint32_t ref);

/* Takes out entries whose end is at or before `now_ms`, at most `max`, with at most `budget` moves
 * in all. Returns how many. */
size_t wheel_pop(struct wheel *wheel, struct places places, int64_t now_ms, size_t budget,
                 uint32_t *ret_refs, size_t max);

/* May be asked without the latch. */
static inline int64_t wheel_due_ms(const struct wheel *wheel)
{
    return atomic_load_explicit(&wheel->due_ms, memory_order_relaxed);
}

#endif
