/* pool.c: places: found, given back, and held.
 * SPDX-License-Identifier: MIT
 */
#include "cache/pool.h"

#include "base/mem.h"
#include "cache/pages.h"
#include "cache/poison.h"

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
    pool->shared_max = region_unit_bytes(&pool->region) / 4;
    must(pool->shared_max <= POOL_SHARED_MAX);
    for (unsigned i = 1; i <= POOL_QUEUES; i++) {
        pool->holes[i].base = pool->region.base;
        pool->holes[i].shift = pool->shift;
    }
    wheel_init(&pool->wheel);
    return pool;
}

void pool_free(struct pool **owner)
{
    if (*owner == NULL)
        return;
    region_fini(&(*owner)->region);
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

/* What is known of a place that is about to be taken. */
struct found {
    uint32_t ref;
    bool hole;
};

static enum err take_fresh(struct pool *pool, unsigned queue, size_t size, bool force,
                           struct found *ret_found)
{
    uint32_t page = pool->open[queue];
    struct unit *u = &pool->region.units[page];
    enum err err = ERR_OK;

    if (page != REGION_NOTHING && size > region_unit_bytes(&pool->region) - u->fresh) {
        page_close(pool, queue);
        page = REGION_NOTHING;
    }
    if (page == REGION_NOTHING) {
        TRY(page_open(pool, queue, &page));
        u = &pool->region.units[page];
    }
    if (u->fresh + size > (size_t)u->steps << REGION_STEP_SHIFT)
        err = region_back_span(&pool->region, page, u->fresh, u->fresh + size, force);
    if (err != ERR_OK) {
        if (u->live == 0)
            page_release(pool, page);
        return err;
    }
    ret_found->ref = pool_ref(pool, region_at(&pool->region, page) + u->fresh);
    ret_found->hole = false;
    u->fresh += (uint32_t)size;
    return ERR_OK;
}

/* The start of the smallest hole that is larger; the rest of it is a hole again. */
static bool take_larger(struct pool *pool, unsigned queue, size_t size, struct found *ret_found)
{
    struct holes *holes = &pool->holes[queue];
    size_t whole = holes_larger(holes, size);
    struct hole *rest = NULL;

    if (whole == 0)
        return false;
    ret_found->ref = holes_pop(holes, whole);
    ret_found->hole = true;
    rest = (struct hole *)((uint8_t *)hole_at(holes, ret_found->ref) + size);
    whole -= size;
    unpoison(rest, whole < HOLE_MIN ? whole : HOLE_MIN);
    atomic_store_explicit(&rest->word, word_hole(whole), memory_order_release);
    if (whole >= HOLE_MIN)
        holes_add(holes, pool_ref(pool, rest), whole);
    return true;
}

static enum err take_other(struct pool *pool, const struct pool_ask *ask, size_t size,
                           struct found *ret_found)
{
    bool wasteful = pool->hole_bytes > pool_backed(pool) / SPLIT_SHARE;
    enum err err = ERR_OK;

    if (wasteful && take_larger(pool, ask->queue, size, ret_found))
        return ERR_OK;
    err = take_fresh(pool, ask->queue, size, false, ret_found);
    if (err == ERR_OK)
        return ERR_OK;
    if (!wasteful && take_larger(pool, ask->queue, size, ret_found))
        return ERR_OK;
    return ask->force ? take_fresh(pool, ask->queue, size, true, ret_found) : err;
}

/* The place is somebody's. */
static void begin_place(struct pool *pool, uint32_t page, const struct pool_ask *ask, size_t size)
{
    struct unit *u = &pool->region.units[page];

    u->live++;
    queue_count(&pool->queues[ask->queue], 1, pool_cost(pool, size));
    if (ask->ends_ms < u->due_ms)
        wheel_sooner(&pool->wheel, pool->region.units, page, ask->ends_ms);
}

/* A span of units. */
static enum err take_alone(struct pool *pool, const struct pool_ask *ask, uint32_t *ret_ref)
{
    size_t size = pool_grains(pool, ask->size);
    size_t unit = region_unit_bytes(&pool->region);
    size_t span = (size - 1) / unit + 1;
    size_t tail = size - (span - 1) * unit;
    uint32_t page = REGION_NOTHING;
    enum err err = ERR_OK;
    struct cache_entry *place = NULL;

    if (span >= pool->region.unit_count)
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
    begin_place(pool, page, ask, size);
    place = (struct cache_entry *)(void *)region_at(&pool->region, page);
    unpoison(place, size);
    atomic_store_explicit(&place->word, word_raw(size), memory_order_release);
    *ret_ref = pool_ref(pool, place);
    return ERR_OK;
}

static enum err take_shared(struct pool *pool, const struct pool_ask *ask, uint32_t *ret_ref,
                            bool *ret_young)
{
    size_t size = pool_grains(pool, ask->size);
    struct found found = {holes_pop(&pool->holes[ask->queue], size), true};
    struct cache_entry *place = NULL;
    struct unit *u = NULL;
    uint32_t page = REGION_NOTHING;
    bool young = false;

    if (found.ref == 0)
        TRY(take_other(pool, ask, size, &found));
    page = pool_page(pool, found.ref);
    u = &pool->region.units[page];
    if (found.hole) {
        young = pool->open[ask->queue] != page;
        u->young += young;
        u->hole_bytes -= (uint32_t)size;
        pool->hole_bytes -= size;
    }
    begin_place(pool, page, ask, size);
    place = pool_at(pool, found.ref);
    unpoison(place, size);
    atomic_store_explicit(&place->word, word_raw(size) | (young ? ENTRY_YOUNG : 0),
                          memory_order_release);
    *ret_ref = found.ref;
    *ret_young = young;
    return ERR_OK;
}

enum err pool_take(struct pool *pool, const struct pool_ask *ask, uint32_t *ret_ref,
                   bool *ret_young)
{
    must(ask->size > 0);
    must(ask->queue - 1 < POOL_QUEUES);
    if (ask->size <= pool->shared_max)
        return take_shared(pool, ask, ret_ref, ret_young);
    if (ask->size > UINT32_MAX - pool->grain)
        return ERR_TOO_BIG;
    TRY(take_alone(pool, ask, ret_ref));
    *ret_young = false;
    return ERR_OK;
}

/* ---- giving ------------------------------------------------------------------------------ */

static void give_alone(struct pool *pool, uint32_t page)
{
    struct unit *u = &pool->region.units[page];
    size_t cost = page_taken(pool, page);

    must(u->live == 1);
    must((atomic_load_explicit(&u->held, memory_order_relaxed) & ~GIVEN_UP) == 0);
    u->live = 0;
    pool->alone_bytes -= cost;
    queue_count(&pool->queues[u->queue], -(size_t)1, -cost);
    page_release(pool, page);
}

/* From the start of its unit. */
static size_t place_offset(const struct pool *pool, uint32_t ref)
{
    return ((size_t)ref << pool->shift) & (region_unit_bytes(&pool->region) - 1);
}

void pool_give(struct pool *pool, uint32_t ref)
{
    struct cache_entry *place = pool_at(pool, ref);
    uint32_t page = pool_page(pool, ref);
    struct unit *u = &pool->region.units[page];
    uint64_t word = 0;
    size_t size = 0;

    must(u->live > 0);
    if (u->alone) {
        give_alone(pool, page);
        return;
    }
    word = entry_word(place);
    size = pool_grains(pool, place_size(place));
    must(!word_is_hole(word));
    must(place_offset(pool, ref) + size <= u->fresh);
    if ((word & ENTRY_YOUNG) != 0 && u->young > 0)
        u->young--;
    u->live--;
    u->hole_bytes += (uint32_t)size;
    queue_count(&pool->queues[u->queue], -(size_t)1, -size);
    atomic_store_explicit(&place->word, word_hole(size), memory_order_release);
    if (size > HOLE_MIN)
        poison((uint8_t *)place + HOLE_MIN, size - HOLE_MIN);
    if (u->state != PAGE_DRAINING) {
        pool->hole_bytes += size;
        if (size >= HOLE_MIN)
            holes_add(&pool->holes[u->queue], ref, size);
    }
    if (u->live == 0)
        page_release(pool, page);
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
        taken += atomic_load_explicit(&pool->queues[i].bytes, memory_order_relaxed);
    return taken;
}
