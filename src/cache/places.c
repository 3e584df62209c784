/* places.c: the places of a pool: found, given back, and held.
 * SPDX-License-Identifier: MIT
 */
#include "cache/pages.h"

#include "base/mem.h"
#include "base/poison.h"

enum {
    CACHED_SHARE = 64, /* this part of the limit may stay backed and free, */
    SPLIT_SHARE = 64,  /* with more holes than this part of what is backed, larger ones are cut */
};

#define CACHED_MIN  ((size_t)256 << 10) /*   and so much with any limit */
#define SMALL_LIMIT ((size_t)128 << 20) /* below it pages are a quarter as large */
#define REGION_MIN  ((size_t)4 << 30)   /* so that a limit may be raised later */
#define REFS_MAX    ((size_t)1 << 32)
#define GRAIN_SHIFT 3

#define GIVEN_UP ((uint32_t)1 << 31) /* of unit.held; the rest counts */

_Static_assert(ENTRY_GRAIN == 1 << GRAIN_SHIFT, "a reference for every place");
_Static_assert((int)POOL_SHARED_MAX == (int)HOLE_MAX, "every place can become a hole");

/* ---- birth ------------------------------------------------------------------------------- */

static size_t power_above(size_t size)
{
    size_t power = REGION_MIN;

    while (power < size)
        power *= 2;
    return power;
}

struct pool *pool_new(size_t memory_max, struct account *account)
{
    struct pool *pool = mem_new(1, sizeof *pool);
    size_t bytes = power_above(memory_max * 8);
    size_t cached = memory_max / CACHED_SHARE;

    /* References are 32 bits: with more memory there are fewer spare addresses (twice the limit),
     * and then grains grow. */
    while (bytes > (REFS_MAX << GRAIN_SHIFT) && bytes / 2 >= memory_max * 2)
        bytes /= 2;
    for (pool->shift = GRAIN_SHIFT; bytes > REFS_MAX << pool->shift;)
        pool->shift++;
    pool->grain = (size_t)1 << pool->shift;
    if (cached < CACHED_MIN)
        cached = CACHED_MIN;
    region_init(&pool->region, bytes, memory_max < SMALL_LIMIT ? 14 : 16, cached, account);
    pool->page_shift = pool->region.unit_shift - pool->shift;
    pool->shared_max = region_unit_bytes(&pool->region) / 4;
    must(pool->shared_max <= POOL_SHARED_MAX);
    for (unsigned i = 0; i <= POOL_QUEUES; i++) {
        pool->queues[i] = mem_new(1, sizeof *pool->queues[i]);
        pool->queues[i]->holes.base = pool->region.base;
        pool->queues[i]->holes.shift = pool->shift;
    }
    wheel_init(&pool->wheel);
    return pool;
}

void pool_free(struct pool **owner)
{
    if (*owner == NULL)
        return;
    region_fini(&(*owner)->region);
    for (unsigned i = 0; i <= POOL_QUEUES; i++)
        mem_free(&(*owner)->queues[i]);
    mem_free(owner);
}

/* ---- names of places --------------------------------------------------------------------- */

void *pool_at(const struct pool *pool, uint32_t ref)
{
    return pool->region.base + ((size_t)ref << pool->shift);
}

uint32_t pool_ref(const struct pool *pool, const void *place)
{
    return (uint32_t)((size_t)((const uint8_t *)place - pool->region.base) >> pool->shift);
}

uint8_t *pool_base(const struct pool *pool)
{
    return pool->region.base;
}

unsigned pool_shift(const struct pool *pool)
{
    return pool->shift;
}

bool pool_has(const struct pool *pool, const void *place)
{
    size_t offset = (size_t)((const uint8_t *)place - pool->region.base);

    return offset >> pool->region.unit_shift < pool->region.unit_count;
}

size_t pool_cost(const struct pool *pool, size_t size)
{
    if (size <= pool->shared_max)
        return pool_grains(pool, size);
    return (size_t)region_steps(size) << REGION_STEP_SHIFT;
}

/* ---- taking ------------------------------------------------------------------------------ */

/* The place is somebody's. */
static inline void place_begin(struct pool *pool, const struct pool_ask *ask, struct unit *u,
                               struct cache_entry *place, uint64_t word)
{
    u->live++;
    if (ask->ends_ms < u->due_ms)
        wheel_sooner(&pool->wheel, pool->region.units, (uint32_t)(u - pool->region.units),
                     ask->ends_ms);
    unpoison(place, word >> 32);
    atomic_store_explicit(&place->word, word, memory_order_release);
}

/* The place was a hole, or the beginning of one. Returns whether its page is an older one. */
static inline bool hole_begin(struct pool *pool, struct queue *queue, const struct pool_ask *ask,
                              uint32_t ref, size_t size)
{
    struct cache_entry *place = (struct cache_entry *)hole_at(&queue->holes, ref);
    uint32_t page = pool_page(pool, ref);
    struct unit *u = &pool->region.units[page];
    bool young = queue->open != page;

    u->young += young;
    u->hole_bytes -= (uint32_t)size;
    pool->hole_bytes -= size;
    queue_count(queue, 1, size);
    place_begin(pool, ask, u, place, word_raw(size) | (young ? ENTRY_YOUNG : 0));
    return young;
}

/* In the open page. */
static enum err take_fresh(struct pool *pool, const struct pool_ask *ask, size_t size, bool force,
                           uint32_t *ret_ref)
{
    struct queue *queue = pool->queues[ask->queue];
    struct unit *u = &pool->region.units[queue->open];
    struct cache_entry *place = NULL;
    enum err err = ERR_OK;

    if (queue->open != REGION_NOTHING && size > region_unit_bytes(&pool->region) - u->fresh)
        page_close(pool, ask->queue);
    if (queue->open == REGION_NOTHING) {
        TRY(page_open(pool, ask->queue));
        u = &pool->region.units[queue->open];
    }
    if (u->fresh + size > (size_t)u->steps << REGION_STEP_SHIFT)
        err = region_back_span(&pool->region, queue->open, u->fresh, u->fresh + size, force);
    if (err != ERR_OK) {
        if (u->live == 0)
            page_release(pool, queue->open);
        return err;
    }
    place = (struct cache_entry *)(void *)(region_at(&pool->region, queue->open) + u->fresh);
    *ret_ref = pool_ref(pool, place);
    u->fresh += (uint32_t)size;
    queue_count(queue, 1, size);
    place_begin(pool, ask, u, place, word_raw(size));
    return ERR_OK;
}

/* The start of the smallest hole that is larger; the rest of it is a hole again. */
static bool take_larger(struct pool *pool, const struct pool_ask *ask, size_t size,
                        uint32_t *ret_ref, bool *ret_young)
{
    struct queue *queue = pool->queues[ask->queue];
    struct holes *holes = &queue->holes;
    size_t whole = holes_larger(holes, size);
    struct hole *rest = NULL;

    if (whole == 0)
        return false;
    *ret_ref = holes_pop(holes, whole);
    rest = (struct hole *)((uint8_t *)hole_at(holes, *ret_ref) + size);
    whole -= size;
    unpoison(rest, whole < HOLE_MIN ? whole : HOLE_MIN);
    atomic_store_explicit(&rest->word, word_hole(whole), memory_order_release);
    if (whole >= HOLE_MIN)
        holes_add(holes, pool_ref(pool, rest), whole);
    *ret_young = hole_begin(pool, queue, ask, *ret_ref, size);
    return true;
}

/* No hole has exactly this size. */
static __attribute__((noinline)) enum err take_other(struct pool *pool, const struct pool_ask *ask,
                                                     size_t size, uint32_t *ret_ref,
                                                     bool *ret_young)
{
    bool wasteful = pool->hole_bytes > pool_backed(pool) / SPLIT_SHARE;
    enum err err = ERR_OK;

    if (wasteful && take_larger(pool, ask, size, ret_ref, ret_young))
        return ERR_OK;
    err = take_fresh(pool, ask, size, false, ret_ref);
    if (err != ERR_OK && !wasteful && take_larger(pool, ask, size, ret_ref, ret_young))
        return ERR_OK;
    if (err != ERR_OK && ask->force)
        err = take_fresh(pool, ask, size, true, ret_ref);
    if (err == ERR_OK)
        *ret_young = false;
    return err;
}

/* A span of units. */
static __attribute__((noinline)) enum err take_alone(struct pool *pool, const struct pool_ask *ask,
                                                     uint32_t *ret_ref, bool *ret_young)
{
    size_t size = pool_grains(pool, ask->size);
    size_t unit = region_unit_bytes(&pool->region);
    size_t span = (size - 1) / unit + 1;
    size_t tail = size - (span - 1) * unit;
    uint32_t page = REGION_NOTHING;
    enum err err = ERR_OK;

    must(ask->size > 0);
    if (ask->size > UINT32_MAX - pool->grain || span >= pool->region.unit_count)
        return ERR_TOO_BIG;
    TRY(region_take(&pool->region, (uint32_t)span, &page));
    err = region_back_span(&pool->region, page, 0, size, ask->force);
    if (err != ERR_OK) {
        region_give(&pool->region, page);
        return err;
    }
    region_trim(&pool->region, page + (uint32_t)span - 1, region_steps(tail));
    page_begin(pool, page, ask->queue, true);
    pool->region.units[page].fresh = (uint32_t)size;
    pool->alone_bytes += pool_cost(pool, size);
    queue_count(pool->queues[ask->queue], 1, pool_cost(pool, size));
    *ret_ref = pool_ref(pool, region_at(&pool->region, page));
    *ret_young = false;
    place_begin(pool, ask, &pool->region.units[page], pool_at(pool, *ret_ref), word_raw(size));
    return ERR_OK;
}

enum err pool_take(struct pool *pool, const struct pool_ask *ask, uint32_t *ret_ref,
                   bool *ret_young)
{
    size_t size = pool_grains(pool, ask->size);
    struct queue *queue = NULL;
    uint32_t ref = 0;

    must(ask->queue - 1 < POOL_QUEUES);
    if (ask->size - 1 >= pool->shared_max)
        return take_alone(pool, ask, ret_ref, ret_young);
    queue = pool->queues[ask->queue];
    ref = holes_pop(&queue->holes, size);
    if (ref == 0)
        return take_other(pool, ask, size, ret_ref, ret_young);
    *ret_young = hole_begin(pool, queue, ask, ref, size);
    *ret_ref = ref;
    return ERR_OK;
}

/* ---- giving ------------------------------------------------------------------------------ */

static __attribute__((noinline)) void give_alone(struct pool *pool, uint32_t page)
{
    struct unit *u = &pool->region.units[page];
    size_t cost = page_taken(pool, page);

    must(u->live == 1);
    must((atomic_load_explicit(&u->held, memory_order_relaxed) & ~GIVEN_UP) == 0);
    u->live = 0;
    pool->alone_bytes -= cost;
    queue_count(pool->queues[u->queue], -(size_t)1, -cost);
    page_release(pool, page);
}

void pool_give(struct pool *pool, uint32_t ref)
{
    uint32_t page = pool_page(pool, ref);
    struct unit *u = &pool->region.units[page];
    struct queue *queue = pool->queues[u->queue];
    struct cache_entry *place = pool_at(pool, ref);
    uint64_t word = 0;
    size_t size = 0;

    must(u->live > 0);
    if (u->alone) {
        give_alone(pool, page);
        return;
    }
    word = entry_word(place);
    size = place_bytes(pool, place, word);
    must(!word_is_hole(word));
    must(size <= u->fresh - u->hole_bytes);
    if ((word & ENTRY_YOUNG) != 0 && u->young > 0)
        u->young--;
    u->hole_bytes += (uint32_t)size;
    queue_count(queue, -(size_t)1, -size);
    atomic_store_explicit(&place->word, word_hole(size), memory_order_release);
    if (size > HOLE_MIN)
        poison((uint8_t *)place + HOLE_MIN, size - HOLE_MIN);
    if (u->state != PAGE_DRAINING) {
        pool->hole_bytes += size;
        if (size >= HOLE_MIN)
            holes_add(&queue->holes, ref, size);
    }
    if (--u->live == 0)
        page_release(pool, page);
}

void pool_forget(const struct pool *pool, const void *place)
{
    uint32_t page = pool_page(pool, pool_ref(pool, place));

    if (pool->region.units[page].alone)
        region_forget(&pool->region, page);
}

/* ---- holds ------------------------------------------------------------------------------- */

static struct unit *unit_alone(struct pool *pool, const void *place)
{
    struct unit *u = &pool->region.units[pool_page(pool, pool_ref(pool, place))];

    return u->alone ? u : NULL;
}

bool pool_hold(struct pool *pool, const void *place)
{
    struct unit *u = unit_alone(pool, place);

    if (u == NULL)
        return false;
    atomic_fetch_add_explicit(&u->held, 1, memory_order_relaxed);
    return true;
}

bool pool_drop(struct pool *pool, const void *place)
{
    struct unit *u = unit_alone(pool, place);
    uint32_t before = 0;

    must(u != NULL);
    before = atomic_fetch_sub_explicit(&u->held, 1, memory_order_acq_rel);
    must((before & ~GIVEN_UP) > 0);
    return before == (GIVEN_UP | 1);
}

bool pool_give_up(struct pool *pool, const void *place)
{
    struct unit *u = unit_alone(pool, place);

    if (u == NULL)
        return true;
    return atomic_fetch_or_explicit(&u->held, GIVEN_UP, memory_order_acq_rel) == 0;
}

/* ---- figures ----------------------------------------------------------------------------- */

size_t pool_backed(const struct pool *pool)
{
    return atomic_load_explicit(&pool->region.backed, memory_order_relaxed);
}

size_t pool_taken(const struct pool *pool)
{
    size_t taken = 0;

    for (unsigned i = 1; i <= POOL_QUEUES; i++)
        taken += atomic_load_explicit(&pool->queues[i]->figures.bytes, memory_order_relaxed);
    return taken;
}
