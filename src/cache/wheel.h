/* wheel.h: which pages' time has come, without looking at the others.
 * SPDX-License-Identifier: MIT
 *
 * A hierarchical timer wheel: seven wheels of 64 slots; a slot of the first is one tick (32 ms),
 * of each next one 64 slots of the one before. A page stands in the wheel of the highest digit
 * (base 64) in which its time differs from now, and moves down when that digit comes; so every
 * insert, removal and move is O(1), and the next due time is read from seven bitmaps.
 *
 *   ticks:  1 .. 63 | 64 .. 4095 (2 s each) | .. 2 h | .. 6 d | .. 1 y | .. 70 y | .. 4400 y
 *
 * Pages are linked by their numbers, in their units (region.h). The first of a slot names its slot
 * in `due_prev`, below WHEEL_CODES; any other one names the page before it, beyond WHEEL_CODES.
 *
 * Threads: everything under the pool's latch, but wheel_due_ms.
 */
#ifndef LARDER_CACHE_WHEEL_H
#define LARDER_CACHE_WHEEL_H

#include "cache/cache.h"
#include "cache/region.h"

enum {
    WHEEL_LEVELS = 7,
    WHEEL_SLOTS = 64,
    WHEEL_TICK_SHIFT = 5, /* a tick is 32 ms */
    WHEEL_CODES = 512,
    WHEEL_MOVES_MAX = 256, /* from one wheel to a lower one, for one page that is due */
};

struct wheel {
    _Atomic int64_t due_ms; /* nothing is due before; CACHE_NEVER: nothing at all */
    uint64_t tick;          /* everything due before was popped */
    uint64_t occupied[WHEEL_LEVELS];
    uint32_t heads[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel);

/* The page is due at `due_ms`, unless it is due earlier already. */
void wheel_sooner(struct wheel *wheel, struct unit *units, uint32_t page, int64_t due_ms);

/* It is never due. Harmless for one that is not in the wheel. */
void wheel_remove(struct wheel *wheel, struct unit *units, uint32_t page);

/* A page that is due at or before `now_ms`, and never due from now on; REGION_NOTHING: there is
 * none, or it takes more moves to find it: as long as wheel_due_ms says so, ask again. */
uint32_t wheel_pop(struct wheel *wheel, struct unit *units, int64_t now_ms);

/* May be asked without the latch. */
static inline int64_t wheel_due_ms(const struct wheel *wheel)
{
    return atomic_load_explicit(&wheel->due_ms, memory_order_relaxed);
}

#endif
