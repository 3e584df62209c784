/* pages.c: lists of pages, which open, close, change places and leave.
 * SPDX-License-Identifier: MIT
 */
#include "cache/pages.h"

#include "base/poison.h"

/* ---- lists ------------------------------------------------------------------------------- */

static unsigned list_of(const struct unit *u)
{
    return u->state == PAGE_DRAINING ? (unsigned)DRAINING : u->queue;
}

/* Newest of its list, but for the open page. */
static void enlist(struct pool *pool, uint32_t page)
{
    struct unit *units = pool->region.units;
    unsigned number = list_of(&units[page]);
    struct pool_queue *list = &pool->queues[number]->figures;
    uint32_t next = pool->queues[number]->open;
    uint32_t prev = next == REGION_NOTHING ? list->newest : units[next].prev;

    units[page].prev = prev;
    units[page].next = next;
    if (prev != REGION_NOTHING)
        units[prev].next = page;
    else
        list->oldest = page;
    if (next != REGION_NOTHING)
        units[next].prev = page;
    else
        list->newest = page;
}

static void delist(struct pool *pool, uint32_t page)
{
    struct unit *units = pool->region.units;
    struct pool_queue *list = &pool->queues[list_of(&units[page])]->figures;
    uint32_t next = units[page].next;
    uint32_t prev = units[page].prev;

    if (pool->hand == page)
        pool_hand_on(pool);
    if (prev != REGION_NOTHING)
        units[prev].next = next;
    else
        list->oldest = next;
    if (next != REGION_NOTHING)
        units[next].prev = prev;
    else
        list->newest = prev;
}

/* ---- places of a page -------------------------------------------------------------------- */

struct cache_entry *pool_walk(const struct pool *pool, uint32_t page, uint32_t *offset)
{
    const struct unit *u = &pool->region.units[page];

    while (*offset < u->fresh) {
        uint8_t *at = region_at(&pool->region, page) + *offset;
        struct cache_entry *place = (struct cache_entry *)(void *)at;
        uint64_t word = entry_word(place);
        size_t size = u->alone ? u->fresh : place_bytes(pool, place, word);

        must(size <= u->fresh - *offset);
        *offset += (uint32_t)size;
        if (!word_is_hole(word))
            return place;
    }
    return NULL;
}

/* All its holes come into the lists of its queue, or out of them. */
static void list_holes(struct pool *pool, uint32_t page, bool in)
{
    const struct unit *u = &pool->region.units[page];
    struct holes *holes = &pool->queues[u->queue]->holes;
    uint8_t *at = region_at(&pool->region, page);
    const uint8_t *end = at + u->fresh;

    pool->hole_bytes += in ? u->hole_bytes : -(size_t)u->hole_bytes;
    pool->tail_bytes += in ? u->tail : -(size_t)u->tail;
    if (u->hole_bytes == 0)
        return;
    while (at < end) {
        struct cache_entry *place = (struct cache_entry *)(void *)at;
        uint64_t word = entry_word(place);
        size_t size = place_bytes(pool, place, word);

        at += size;
        if (size < HOLE_MIN || !word_is_hole(word))
            continue;
        if (in)
            holes_add(holes, pool_ref(pool, place), size);
        else
            holes_remove(holes, pool_ref(pool, place), size);
    }
    must(at == end);
}

size_t page_taken(const struct pool *pool, uint32_t page)
{
    const struct unit *u = &pool->region.units[page];

    if (u->alone)
        return pool_cost(pool, u->fresh);
    return u->fresh - u->hole_bytes;
}

/* ---- lives ------------------------------------------------------------------------------- */

void page_begin(struct pool *pool, uint32_t page, unsigned queue, bool alone)
{
    struct unit *u = &pool->region.units[page];

    must(u->state == PAGE_NONE);
    u->state = PAGE_QUEUED;
    u->queue = (uint8_t)queue;
    u->alone = alone;
    u->live = u->fresh = u->hole_bytes = u->young = u->walk = 0;
    u->tail = 0;
    u->due_ms = CACHE_NEVER;
    atomic_store_explicit(&u->held, 0, memory_order_relaxed);
    enlist(pool, page);
}

enum err page_open(struct pool *pool, unsigned queue)
{
    uint32_t page = REGION_NOTHING;

    must(pool->queues[queue]->open == REGION_NOTHING);
    TRY(region_take(&pool->region, 1, &page));
    page_begin(pool, page, queue, false);
    pool->queues[queue]->open = page;
    return ERR_OK;
}

void page_close(struct pool *pool, unsigned queue)
{
    uint32_t page = pool->queues[queue]->open;
    struct unit *u = &pool->region.units[page];
    size_t size = -(size_t)u->fresh & (REGION_STEP - 1);
    struct hole *hole = (struct hole *)(void *)(region_at(&pool->region, page) + u->fresh);

    pool->queues[queue]->open = REGION_NOTHING;
    region_trim(&pool->region, page, region_steps(u->fresh));
    if (size == 0)
        return;
    unpoison(hole, size < HOLE_MIN ? size : HOLE_MIN);
    atomic_store_explicit(&hole->word, word_hole(size), memory_order_release);
    if (size >= HOLE_MIN)
        holes_add(&pool->queues[queue]->holes, pool_ref(pool, hole), size);
    u->fresh += (uint32_t)size;
    u->hole_bytes += (uint32_t)size;
    u->tail = (uint16_t)size;
    pool->hole_bytes += size;
    pool->tail_bytes += size;
}

static void leave_queue(struct pool *pool, uint32_t page)
{
    struct unit *u = &pool->region.units[page];

    must(u->state == PAGE_QUEUED);
    if (pool->queues[u->queue]->open == page)
        pool->queues[u->queue]->open = REGION_NOTHING;
    list_holes(pool, page, false);
    delist(pool, page);
}

void page_release(struct pool *pool, uint32_t page)
{
    struct unit *u = &pool->region.units[page];

    must(u->live == 0);
    if (u->state == PAGE_DRAINING)
        delist(pool, page);
    else
        leave_queue(pool, page);
    wheel_remove(&pool->wheel, pool->region.units, page);
    u->state = PAGE_NONE;
    u->fresh = 0;
    atomic_fetch_add_explicit(&pool->released, 1, memory_order_relaxed);
    region_give(&pool->region, page);
}

/* ---- pages in their order ---------------------------------------------------------------- */

const struct pool_queue *pool_queue(const struct pool *pool, unsigned queue)
{
    must(queue - 1 < POOL_QUEUES);
    return &pool->queues[queue]->figures;
}

unsigned pool_queue_of(const struct pool *pool, uint32_t ref)
{
    return atomic_load_explicit(&pool->region.units[pool_page(pool, ref)].queue,
                                memory_order_relaxed);
}

unsigned pool_page_queue(const struct pool *pool, uint32_t page)
{
    return pool->region.units[page].queue;
}

struct pool_places pool_page_places(const struct pool *pool, uint32_t page)
{
    return (struct pool_places){pool->region.units[page].live, page_taken(pool, page)};
}

bool pool_is_alone(const struct pool *pool, uint32_t page)
{
    return pool->region.units[page].alone;
}

void pool_prefetch_page(const struct pool *pool, uint32_t ref)
{
    __builtin_prefetch(&pool->region.units[pool_page(pool, ref)], 1);
}

uint32_t pool_next(const struct pool *pool, uint32_t page)
{
    must(pool->region.units[page].state != PAGE_NONE);
    return pool->region.units[page].next;
}

void pool_requeue(struct pool *pool, uint32_t page, unsigned queue)
{
    struct unit *u = &pool->region.units[page];
    size_t bytes = page_taken(pool, page);

    must(u->state == PAGE_QUEUED);
    must(queue - 1 < POOL_QUEUES);
    u->young = 0;
    if (u->queue == queue) {
        if (pool->queues[queue]->open == page)
            return;
        delist(pool, page);
        enlist(pool, page);
        return;
    }
    if (pool->queues[u->queue]->open == page)
        page_close(pool, u->queue);
    leave_queue(pool, page);
    queue_count(pool->queues[u->queue], -(size_t)u->live, -bytes);
    u->queue = (uint8_t)queue;
    queue_count(pool->queues[queue], u->live, bytes);
    enlist(pool, page);
    list_holes(pool, page, true);
}

bool pool_is_refilled(const struct pool *pool, uint32_t page)
{
    const struct unit *u = &pool->region.units[page];

    return u->young > u->live / 2;
}

/* ---- emptying ---------------------------------------------------------------------------- */

void pool_drain(struct pool *pool, uint32_t page)
{
    struct unit *u = &pool->region.units[page];

    if (pool->queues[u->queue]->open == page)
        page_close(pool, u->queue);
    leave_queue(pool, page);
    u->state = PAGE_DRAINING;
    u->walk = 0;
    enlist(pool, page);
}

bool pool_is_draining(const struct pool *pool, uint32_t page)
{
    return pool->region.units[page].state == PAGE_DRAINING;
}

uint32_t pool_draining(const struct pool *pool)
{
    return pool->queues[DRAINING]->figures.oldest;
}

size_t pool_draining_count(const struct pool *pool)
{
    size_t count = 0;

    for (uint32_t page = pool_draining(pool); page != REGION_NOTHING; page = pool_next(pool, page))
        count++;
    return count;
}

void pool_undrain(struct pool *pool, uint32_t page)
{
    struct unit *u = &pool->region.units[page];

    must(u->state == PAGE_DRAINING);
    delist(pool, page);
    u->state = PAGE_QUEUED;
    enlist(pool, page);
    list_holes(pool, page, true);
}

void pool_unite(struct pool *pool, unsigned queue)
{
    for (unsigned other = 1; other <= POOL_QUEUES; other++) {
        while (other != queue && pool_queue(pool, other)->oldest != REGION_NOTHING)
            pool_requeue(pool, pool_queue(pool, other)->oldest, queue);
    }
    /* A page that is being emptied goes back and is one of the queue's, too. */
    while (pool_draining(pool) != REGION_NOTHING) {
        uint32_t page = pool_draining(pool);

        pool_undrain(pool, page);
        pool_requeue(pool, page, queue);
    }
}

/* ---- pages with many holes --------------------------------------------------------------- */

enum {
    SPARSE_PAGES_MAX = 64,  /* pages that are looked at in one search, */
    SPARSE_UNITS_MAX = 256, /*   and units, because not every one begins a page */
    WASTE_SHARE = 32,       /* this part of what is backed may be holes, */
    WASTE_PAGES = 4,        /*   and so many pages' bytes */
    CHEAP_SHARE = 4,        /* with so little left a page is always worth it, */
    FAIR_SHARE = 16,        /*   and with so few holes never */
};

/* Bytes that emptying gains. The end of a page is no gain, for the next page has one too. */
static size_t waste(size_t hole_bytes, size_t tail_bytes)
{
    return hole_bytes > tail_bytes ? hole_bytes - tail_bytes : 0;
}

static size_t page_waste(const struct unit *u)
{
    return waste(u->hole_bytes, u->tail);
}

/* The page with the largest share of waste among the next ones, going round; or REGION_NOTHING. */
static uint32_t sparsest(struct pool *pool)
{
    const struct unit *units = pool->region.units;
    uint32_t top = pool->region.top;
    uint32_t looked = 0;
    uint32_t best = REGION_NOTHING;

    for (uint32_t i = 0; i < SPARSE_UNITS_MAX && i < top && looked < SPARSE_PAGES_MAX; i++) {
        uint32_t page = pool->cursor < top ? pool->cursor : 1;
        const struct unit *u = &units[page];

        pool->cursor = page + 1;
        if (page >= top || u->state != PAGE_QUEUED || u->alone ||
            pool->queues[u->queue]->open == page)
            continue;
        looked++;
        if (best == REGION_NOTHING ||
            page_waste(u) * units[best].fresh > page_waste(&units[best]) * u->fresh)
            best = page;
    }
    return best;
}

uint32_t pool_sparse(struct pool *pool, bool want)
{
    size_t unit = region_unit_bytes(&pool->region);
    size_t wasted = waste(pool->hole_bytes, pool->tail_bytes);
    size_t given = pool->hole_bytes + pool_taken(pool) - pool->alone_bytes;
    uint32_t page = REGION_NOTHING;
    const struct unit *u = NULL;
    size_t here = 0;

    if (wasted < unit / FAIR_SHARE)
        return REGION_NOTHING;
    page = sparsest(pool);
    if (page == REGION_NOTHING)
        return REGION_NOTHING;
    u = &pool->region.units[page];
    here = page_waste(u);
    if (u->fresh - here < u->fresh / CHEAP_SHARE)
        return page;
    if (!want && wasted <= pool_backed(pool) / WASTE_SHARE + WASTE_PAGES * unit)
        return REGION_NOTHING;
    if (here < u->fresh / FAIR_SHARE || here * given < wasted * u->fresh)
        return REGION_NOTHING;
    return page;
}

/* ---- ends -------------------------------------------------------------------------------- */

void pool_ends_at(struct pool *pool, uint32_t ref, int64_t ends_ms)
{
    pool_set_due(pool, pool_page(pool, ref), ends_ms);
}

uint32_t pool_due(struct pool *pool, int64_t now_ms)
{
    return wheel_pop(&pool->wheel, pool->region.units, now_ms);
}

void pool_set_due(struct pool *pool, uint32_t page, int64_t due_ms)
{
    if (pool->region.units[page].state != PAGE_NONE)
        wheel_sooner(&pool->wheel, pool->region.units, page, due_ms);
}

int64_t pool_due_ms(const struct pool *pool)
{
    return wheel_due_ms(&pool->wheel);
}

/* ---- large pages ------------------------------------------------------------------------- */

bool pool_has_whole(const struct pool *pool)
{
    return blocks_are_waiting(&pool->region.blocks);
}

void *pool_whole(struct pool *pool)
{
    return blocks_next(&pool->region.blocks);
}

/* ---- figures ----------------------------------------------------------------------------- */

uint64_t pool_released(const struct pool *pool)
{
    return atomic_load_explicit(&pool->released, memory_order_relaxed);
}
