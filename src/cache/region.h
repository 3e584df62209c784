/* region.h: addresses reserved once, cut into units, backed by memory only where it is used.
 * SPDX-License-Identifier: MIT
 *
 * The pool (pool.h) takes spans of whole units from it for its pages and for large places. What a
 * span costs is what the system backs of it: each unit is backed from its start in steps of 4 KiB,
 * and each step is charged to the account before it is touched.
 *
 *      unit 0      1         2 ... 5 (a span of 4)                  6 ...      top     open     end
 *   +-----------+---------+---------------------------------------+-----------+- - - -+-------+
 *   | never     |####     |######### ########  #######   ##       | free      | never | no    |
 *   | used      |         |                                       | (extent)  | used  | access|
 *   +-----------+---------+---------------------------------------+-----------+- - - -+-------+
 *      # backed steps
 *
 * Free spans are extents: neighbours are merged, lists by powers of two find them. A few spans that
 * were given back stay backed and charged (`cached`), because what leaves is mostly followed by
 * something of the same size; they are let go first when the account refuses.
 *
 * Threads: none; the pool's latch covers it (`backed` may be read by any thread).
 */
#ifndef LARDER_CACHE_REGION_H
#define LARDER_CACHE_REGION_H

#include "base/account.h"
#include "base/err.h"
#include "cache/blocks.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    REGION_STEP_SHIFT = 12,
    REGION_STEP = 1 << REGION_STEP_SHIFT, /* bytes backed at a time: the system's page */
    REGION_BINS = 32,
    REGION_CACHED_MAX = 16, /* units of a span that may stay backed when it is free */
    REGION_NOTHING = 0,     /* unit 0 is never given out: 0 ends lists */
};

enum unit_use { UNIT_FREE, UNIT_CACHED, UNIT_USED };

/* What is known about a unit: one line of the processor's cache. Those below the line are the
 * pool's, and valid in the first unit of a span. */
struct unit {
    uint32_t head; /* first unit of the span or extent that it belongs to */
    uint32_t span; /* first unit only: units in the span */
    uint32_t next; /* of the list that the span is in (extents and cached spans too) */
    uint32_t prev;
    uint8_t use;   /* enum unit_use; of free extents only the first and the last unit say so */
    uint8_t steps; /* backed, from the unit's start */
    uint8_t state; /* ---- the pool's: enum page_state; 0: no page begins here */
    _Atomic uint8_t queue; /* may be asked without the latch */
    bool alone;            /* a page of one place; never changes while the page lives */
    uint16_t tail;         /* bytes of the hole that closing the page left, whoever has them now */
    uint32_t live;         /* places that are taken */
    uint32_t fresh;        /* bytes from this one on were never given out */
    uint32_t hole_bytes;   /* below `fresh` */
    uint32_t young;        /* places that were taken in holes */
    uint32_t due_next;     /* of a slot of the wheel (wheel.h) */
    uint32_t due_prev;     /* 0: in no slot */
    _Atomic uint32_t held; /* a page of one place: holds, and whether it was given up */
    uint32_t walk;         /* where pool_walk_on goes on */
    int64_t due_ms;        /* nothing in the page ends before */
};

_Static_assert(sizeof(struct unit) == 64, "a unit is one line");

struct region {
    uint8_t *base;
    struct unit *units;
    struct account *account;
    unsigned unit_shift;
    uint32_t unit_count; /* addresses end here */
    uint32_t top;        /* units from this one on were never given out */
    uint32_t open;       /* units below this one may be read and written */
    uint32_t extents[REGION_BINS];
    uint32_t extent_bins;                   /* bit b: extents[b] is not empty */
    uint32_t cached[REGION_CACHED_MAX + 1]; /* backed spans, by their units */
    uint32_t cached_spans;                  /* bit n: cached[n] is not empty */
    size_t cached_bytes;                    /* backed in them */
    size_t cached_bytes_max;                /*   at the most */
    _Atomic size_t backed;                  /* bytes in steps, and the table of units */
    struct blocks blocks;
    uint8_t *reserved; /* what was asked of the system: base is a multiple of a block in it */
    size_t reserved_bytes;
};

/* Reserves up to `bytes` (less when the system has no such run of addresses). */
void region_init(struct region *region, size_t bytes, unsigned unit_shift, size_t cached_bytes_max,
                 struct account *account);
void region_fini(struct region *region);

/* A span of `count` units, of which only what was cached is backed. ERR_FULL: no such run of
 * addresses is free. */
enum err region_take(struct region *region, uint32_t count, uint32_t *ret_head);

/* Backs the bytes from `begin` to `end` of the span; those before them are backed already.
 * ERR_FULL: the account refuses; never when `force`. */
enum err region_back_span(struct region *region, uint32_t head, size_t begin, size_t end,
                          bool force);

/* Gives the steps behind the first `steps` back to the system. */
void region_trim(struct region *region, uint32_t unit, unsigned steps);

/* Nobody reads the span again but for its first step: the system has the rest back at once, without
 * the latch, for that takes a millisecond for 32 MiB. It stays charged until the span is given
 * back. What might stay cached is left alone. */
void region_forget(const struct region *region, uint32_t head);

/* The whole span, from its first unit. */
void region_give(struct region *region, uint32_t head);

static inline size_t region_unit_bytes(const struct region *region)
{
    return (size_t)1 << region->unit_shift;
}

/* Steps that hold so many bytes. */
static inline unsigned region_steps(size_t size)
{
    return (unsigned)((size + REGION_STEP - 1) >> REGION_STEP_SHIFT);
}

static inline uint8_t *region_at(const struct region *region, uint32_t unit)
{
    return region->base + ((size_t)unit << region->unit_shift);
}

#endif
