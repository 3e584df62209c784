/* timer.h: calling back at a time, in O(1) however many timers are set.
 * SPDX-License-Identifier: MIT
 *
 * Every connection carries timers that are set and cleared far more often than they fire. A heap
 * would pay a logarithm for each; a wheel pays one link. Time is read as digits of six bits; a
 * timer hangs in the level of the highest digit in which it differs from now:
 *
 *     level 2   [ 64 slots of 4096 ms ]      a slot that is reached is
 *     level 1   [ 64 slots of   64 ms ]      emptied into the levels below,
 *     level 0   [ 64 slots of    1 ms ]      at level 0 its timers are due
 *
 * So a timer moves at most once a level, empty slots are never looked at (a bit says which hold
 * something), and all of the 64-bit time fits without a special case.
 *
 * Memory: 11 KiB a wheel; a timer lives in its owner's memory. Threads: none.
 */
#ifndef LARDER_NET_TIMER_H
#define LARDER_NET_TIMER_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct timer {
    struct list_node node;
    int64_t at_ms; /* 0: not set */
    void (*fire)(struct timer *timer);
};

enum { TIMER_DIGIT_BITS = 6, TIMER_SLOTS = 1 << TIMER_DIGIT_BITS, TIMER_LEVELS = 11 };

struct timer_wheel {
    int64_t now_ms;
    struct list_node due; /* to be fired */
    uint64_t occupied[TIMER_LEVELS];
    struct list_node slots[TIMER_LEVELS][TIMER_SLOTS];
};

void timer_init(struct timer *timer, void (*fire)(struct timer *timer));

static inline bool timer_is_set(const struct timer *timer)
{
    return timer->at_ms != 0;
}

void timer_wheel_init(struct timer_wheel *wheel, int64_t now_ms);

/* Sets, or sets anew. What is in the past is due at once. */
void timer_wheel_set(struct timer_wheel *wheel, struct timer *timer, int64_t at_ms);
void timer_wheel_clear(struct timer_wheel *wheel, struct timer *timer);

/* No timer is due before this time; INT64_MAX: none is set. */
int64_t timer_wheel_next_ms(const struct timer_wheel *wheel);

/* Goes to `now_ms` (never back) and fires what is due by then, in the order of their times. What
 * is set meanwhile for a time that is past fires at the next call. */
void timer_wheel_advance(struct timer_wheel *wheel, int64_t now_ms);

#endif
