/* pages.h: what a pool is made of: pages in lists, and their holes. For the pool's own files.
 * SPDX-License-Identifier: MIT
 *
 *        page_open                     pool_drain
 *   none ---------> in queue, open ---.    ____________________________.
 *     ^                | page_close    \  /                            v
 *     |                `-------------> in queue <--------------- being emptied
 *     |                                   |         pool_undrain       |
 *     `------------ page_release, when the last place was given back --'
 *
 * A queue has at most one open page, its newest: places that fit no hole are cut from it. Pages
 * that come into a queue by another way come to stand before it.
 */
#ifndef LARDER_CACHE_PAGES_H
#define LARDER_CACHE_PAGES_H

#include "cache/holes.h"
#include "cache/pool.h"
#include "cache/wheel.h"

enum page_state { PAGE_NONE, PAGE_QUEUED, PAGE_DRAINING };

enum { DRAINING = 0 /* the list of pages that are being emptied, which is nobody's queue */ };

struct queue {
    struct pool_queue figures;
    uint32_t open; /* page; 0: none */
    struct holes holes;
};

struct pool {
    struct region region;
    size_t grain;                          /* bytes: places are multiples of it, and 1 << shift */
    unsigned shift;                        /* of references */
    unsigned page_shift;                   /* ref >> page_shift is its unit */
    uint32_t cursor;                       /* where pool_sparse goes on */
    _Atomic uint64_t released;             /* pages that have gone back so far */
    uint32_t hand;                         /* the page that pool_hand is at; 0: none */
    size_t shared_max;                     /* bytes of the largest place in a page of many */
    size_t hole_bytes;                     /* in pages of queues, */
    size_t tail_bytes;                     /*   and of these at their ends */
    size_t alone_bytes;                    /* in pages of one place */
    struct queue *queues[POOL_QUEUES + 1]; /* the first is the list of DRAINING */
    struct wheel wheel;
};

static inline size_t pool_grains(const struct pool *pool, size_t size)
{
    return (size + pool->grain - 1) & ~(pool->grain - 1);
}

/* What the place with this word takes. */
static inline size_t place_bytes(const struct pool *pool, const struct cache_entry *place,
                                 uint64_t word)
{
    return (word & ENTRY_RAW) != 0 ? word >> 32 : pool_grains(pool, place_size_by(place, word));
}

static inline uint32_t pool_page(const struct pool *pool, uint32_t ref)
{
    return ref >> pool->page_shift;
}

/* Makes units that were just taken from the region a page of the queue. */
void page_begin(struct pool *pool, uint32_t page, unsigned queue, bool alone);

/* A new open page for a queue that has none. */
enum err page_open(struct pool *pool, unsigned queue);

/* The queue's open page is none any more. What was backed for its next place becomes a hole. */
void page_close(struct pool *pool, unsigned queue);

/* The page, of which no place is taken, goes back to the region. */
void page_release(struct pool *pool, uint32_t page);

/* Bytes of places that are taken. */
size_t page_taken(const struct pool *pool, uint32_t page);

static inline void queue_count(struct queue *queue, size_t count, size_t bytes)
{
    size_t before = atomic_load_explicit(&queue->figures.bytes, memory_order_relaxed);

    queue->figures.count += count;
    atomic_store_explicit(&queue->figures.bytes, before + bytes, memory_order_relaxed);
}

#endif
