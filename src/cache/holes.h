/* holes.h: places of one queue that nobody has, listed by their exact size.
 * SPDX-License-Identifier: MIT
 *
 * A hole tells its size in its word, as every place does (entry.h), and holds the links of its
 * list, so that one can be taken out of the middle when its page leaves. The last one listed is
 * the first one given out: its bytes are likely in the processor's cache.
 *
 *   word 8 | next 4 | prev 4 | nobody may look at the rest
 *
 * `prev` of the first hole of a list means nothing: a hole is given out without a look at the next.
 *
 * Threads: none; the pool's latch covers it.
 */
#ifndef LARDER_CACHE_HOLES_H
#define LARDER_CACHE_HOLES_H

#include "cache/entry.h"

enum {
    HOLE_MIN = 16,       /* bytes of a hole that can be listed; a smaller one only lies there */
    HOLE_MAX = 16 << 10, /* none is larger */
    HOLE_BINS = HOLE_MAX / ENTRY_GRAIN,
    HOLE_MAPS = HOLE_BINS / 64,
    AHEAD_MAX = 1280, /* bytes of the next hole that are fetched ahead */
};

struct hole {
    _Atomic uint64_t word;
    uint32_t next; /* references; 0: there is none */
    uint32_t prev;
};

_Static_assert(sizeof(struct hole) == HOLE_MIN, "the links fit into the smallest hole");

struct holes {
    uint8_t *base; /* a reference leads to base + (ref << shift) */
    unsigned shift;
    uint32_t maps;                /* bit m: occupied[m] is not 0 */
    uint64_t occupied[HOLE_MAPS]; /* bit b: first[b] is not 0 */
    uint32_t first[HOLE_BINS];    /* bin b: holes of (b + 1) * ENTRY_GRAIN bytes */
};

/* The size of the smallest listed hole that is larger than `size`; 0: there is none. */
size_t holes_larger(const struct holes *holes, size_t size);

static inline struct hole *hole_at(const struct holes *holes, uint32_t ref)
{
    return (struct hole *)(void *)(holes->base + ((size_t)ref << holes->shift));
}

static inline unsigned hole_bin(size_t size)
{
    return (unsigned)(size / ENTRY_GRAIN) - 1;
}

/* Lists a hole of so many bytes, at least HOLE_MIN. */
static inline void holes_add(struct holes *holes, uint32_t ref, size_t size)
{
    unsigned bin = hole_bin(size);
    struct hole *hole = hole_at(holes, ref);

    hole->next = holes->first[bin];
    if (hole->next != 0) {
        hole_at(holes, hole->next)->prev = ref;
    } else {
        holes->occupied[bin / 64] |= (uint64_t)1 << bin % 64;
        holes->maps |= 1U << bin / 64;
    }
    holes->first[bin] = ref;
}

/* The first hole of its list is listed no longer. */
static inline void holes_advance(struct holes *holes, unsigned bin, size_t size)
{
    uint32_t next = hole_at(holes, holes->first[bin])->next;

    holes->first[bin] = next;
    if (next != 0) {
        /* Probably the next one that is given out, to be filled. */
        for (size_t at = 0; at <= size && at < AHEAD_MAX; at += 64)
            __builtin_prefetch((const uint8_t *)hole_at(holes, next) + at, 1);
        return;
    }
    holes->occupied[bin / 64] &= ~((uint64_t)1 << bin % 64);
    if (holes->occupied[bin / 64] == 0)
        holes->maps &= ~(1U << bin / 64);
}

/* A hole of exactly so many bytes, no longer listed; 0: there is none. */
static inline uint32_t holes_pop(struct holes *holes, size_t size)
{
    unsigned bin = hole_bin(size);
    uint32_t ref = holes->first[bin];

    if (ref != 0)
        holes_advance(holes, bin, size);
    return ref;
}

/* A listed hole of so many bytes is listed no longer. */
static inline void holes_remove(struct holes *holes, uint32_t ref, size_t size)
{
    unsigned bin = hole_bin(size);
    const struct hole *hole = hole_at(holes, ref);

    if (holes->first[bin] == ref) {
        holes_advance(holes, bin, size);
        return;
    }
    hole_at(holes, hole->prev)->next = hole->next;
    if (hole->next != 0)
        hole_at(holes, hole->next)->prev = hole->prev;
}

#endif
