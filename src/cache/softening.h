/* softening.h: when the soft purges of one name came, until the sweep has written them down.
 * SPDX-License-Identifier: MIT
 *
 * An entry is stale since the first soft purge that concerns it, not since the last: a later one
 * must not give it more time. Until the sweep has been through, a name may be purged again, so two
 * times are kept:
 *
 *     entries numbered      0 ......... before_last ......... last ........
 *     are stale since       old_ms    | last_ms             | not at all
 *
 * `old_ms` is no later than any purge that is not written down yet. So what was put since the purge
 * before the last one, and what was there before the first of them, is stale since the very time;
 * what was put in between is at most two sweeps' time older than it should be, never younger.
 *
 * Threads: one adds at a time; anybody reads meanwhile.
 */
#ifndef LARDER_CACHE_SOFTENING_H
#define LARDER_CACHE_SOFTENING_H

#include <stdatomic.h>
#include <stdint.h>

struct softening {
    _Atomic uint64_t before_last;
    _Atomic uint64_t last; /* 0: never */
    _Atomic int64_t old_ms;
    _Atomic int64_t last_ms;
    uint64_t next; /* once this one is written down, `old_ms` is `next_ms` */
    int64_t next_ms;
};

/* A soft purge with the number `sequence`, the highest so far, at `now_ms`. Every purge up to the
 * number `swept` was written down. */
void softening_add(struct softening *softening, uint64_t sequence, int64_t now_ms, uint64_t swept);

/* Since when an entry with this number is stale; INT64_MAX: it is not. */
int64_t softening_ms(const struct softening *softening, uint64_t sequence);

static inline uint64_t softening_last(const struct softening *softening)
{
    return atomic_load_explicit(&softening->last, memory_order_acquire);
}

#endif
