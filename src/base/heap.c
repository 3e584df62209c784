/* heap.c: sizes, pages of places, lanes. SPDX-License-Identifier: MIT */
#include "base/heap.h"

#include "base/chunk.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/poison.h"

#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

enum {
    FINE_MAX = 128,       /* bytes: up to here sizes are 8 apart, */
    FINE_CLASSES = 15,    /*   from 16 on; */
    STEPS_DOUBLING = 8,   /*   then there are so many a doubling */
    PLACE_MAX = 16 << 10, /* bytes */
    CLASSES = FINE_CLASSES + 7 * STEPS_DOUBLING,
    NARROW_MAX = 1024, /* places up to this size have pages of one unit, */
    WIDE_SPAN = 4,     /*   others of so many */
    FULLNESS = 4,      /* lists of pages with room */
    NO_PLACE = 0xffff,
    KEPT_SHARE = 256, /* this part of the limit a lane keeps, */
    LANES_MAX = 64,
};

#define KEPT_MIN ((size_t)64 << 10) /*   and so much with any limit, */
#define KEPT_MAX ((size_t)4 << 20)  /*   and with none more than this */

/* Pages of one size that have room. */
struct pages {
    struct unit *lists[FULLNESS]; /* by how many of their places are taken */
    unsigned lists_filled;        /* a bit a list */
};

struct lane {
    alignas(64) pthread_mutex_t lock;
    struct heap *heap;
    struct chunks chunks;
    _Atomic size_t taken; /* bytes */
    struct pages classes[CLASSES];
};

struct heap {
    struct account account;
    _Atomic size_t lanes_used; /* by blocks or kept memory, and one for its maker */
    _Atomic bool closed;
    unsigned lanes_count;
    struct lane lanes[];
};

/* ---- sizes ----------------------------------------------------------------------------------- */

static unsigned class_of(size_t size)
{
    unsigned doubling = 0;

    if (size <= FINE_MAX)
        return size <= 16 ? 0 : (unsigned)(size + 7) / 8 - 2;
    /* 129 to 256 is the first doubling. */
    doubling = 63 - (unsigned)__builtin_clzll(size - 1);
    return FINE_CLASSES + (doubling - 7) * STEPS_DOUBLING +
           (unsigned)((size - 1) >> (doubling - 3)) - STEPS_DOUBLING;
}

static size_t class_size(unsigned class_)
{
    unsigned doubling = 0, step = 0;

    if (class_ < FINE_CLASSES)
        return ((size_t)class_ + 2) * 8;
    doubling = (class_ - FINE_CLASSES) / STEPS_DOUBLING;
    step = (class_ - FINE_CLASSES) % STEPS_DOUBLING;
    return (size_t)(STEPS_DOUBLING + step + 1) << (doubling + 4);
}

static unsigned span_of(size_t place_size)
{
    return place_size <= NARROW_MAX ? 1 : WIDE_SPAN;
}

static unsigned places_of(unsigned class_)
{
    size_t size = class_size(class_);

    return (unsigned)(span_of(size) * UNIT_SIZE / size);
}

/* What a block of `size` bytes takes. */
static size_t cost_of(size_t size)
{
    if (size <= PLACE_MAX)
        return class_size(class_of(size));
    if (size <= SPAN_MAX * UNIT_SIZE)
        return (size + STEP_SIZE - 1) & ~(STEP_SIZE - 1);
    return chunk_alone_cost(size);
}

/* ---- birth and end --------------------------------------------------------------------------- */

static void lane_init(struct lane *lane, struct heap *heap)
{
    size_t max = heap->account.whole == NULL ? 0 : atomic_load(&heap->account.whole->max);
    size_t kept = max / KEPT_SHARE;

    must(pthread_mutex_init(&lane->lock, NULL) == 0);
    lane->heap = heap;
    lane->chunks = (struct chunks){.account = &heap->account, .lane = lane};
    lane->chunks.kept_max = kept < KEPT_MIN ? KEPT_MIN : kept > KEPT_MAX ? KEPT_MAX : kept;
}

struct heap *heap_new(struct account *whole, unsigned lanes)
{
    struct heap *heap = NULL;

    if (lanes > LANES_MAX)
        lanes = LANES_MAX;
    must(lanes > 0);
    heap = mem_new_aligned(alignof(struct heap), sizeof *heap + lanes * sizeof heap->lanes[0]);
    account_init(&heap->account, whole, 0);
    heap->lanes_count = lanes;
    heap->lanes_used = lanes + 1;
    for (unsigned i = 0; i < lanes; i++)
        lane_init(&heap->lanes[i], heap);
    return heap;
}

static void lock(struct lane *lane)
{
    must(pthread_mutex_lock(&lane->lock) == 0);
}

static void unlock(struct lane *lane)
{
    must(pthread_mutex_unlock(&lane->lock) == 0);
}

/* One of the lanes, or the maker, has no more use for it; the last frees it. */
static void leave(struct heap *heap)
{
    if (atomic_fetch_sub(&heap->lanes_used, 1) > 1)
        return;
    for (unsigned i = 0; i < heap->lanes_count; i++)
        must(pthread_mutex_destroy(&heap->lanes[i].lock) == 0);
    must(account_used(&heap->account) == 0);
    mem_free(&heap);
}

void heap_close(struct heap **owner)
{
    struct heap *heap = *owner;

    if (heap == NULL)
        return;
    *owner = NULL;
    for (unsigned i = 0; i < heap->lanes_count; i++) {
        struct lane *lane = &heap->lanes[i];
        bool is_empty = false;

        lock(lane);
        lane->chunks.kept_max = 0;
        chunks_trim(&lane->chunks);
        is_empty = lane->chunks.count == 0;
        unlock(lane);
        if (is_empty)
            leave(heap);
    }
    leave(heap);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static uint8_t *page_start(const struct unit *page)
{
    struct chunk *chunk = chunk_of(page);

    return unit_at(chunk, (unsigned)(page - chunk->units));
}

static void page_link(struct pages *pages, struct unit *page, unsigned list)
{
    page->list = (uint8_t)list;
    page->prev = NULL;
    page->next = pages->lists[list];
    if (page->next != NULL)
        page->next->prev = page;
    pages->lists[list] = page;
    pages->lists_filled |= 1U << list;
}

static void page_unlink(struct pages *pages, struct unit *page)
{
    if (page->prev != NULL)
        page->prev->next = page->next;
    else
        pages->lists[page->list] = page->next;
    if (page->next != NULL)
        page->next->prev = page->prev;
    if (pages->lists[page->list] == NULL)
        pages->lists_filled &= ~(1U << page->list);
}

/* Where a page with so many taken places stands; FULLNESS: nowhere, for it is full. */
static unsigned list_of(unsigned live, unsigned places)
{
    return live * FULLNESS / places;
}

static struct unit *page_new(struct lane *lane, unsigned class_)
{
    struct unit *page = chunks_take(&lane->chunks, span_of(class_size(class_)), UNIT_PAGE);

    if (page == NULL)
        return NULL;
    page->class_ = (uint8_t)class_;
    page->live = page->fresh = 0;
    page->hole = NO_PLACE;
    poison(page_start(page), span_of(class_size(class_)) * UNIT_SIZE);
    page_link(&lane->classes[class_], page, 0);
    return page;
}

static void page_drop(struct lane *lane, struct unit *page)
{
    page_unlink(&lane->classes[page->class_], page);
    chunks_give(&lane->chunks, page);
}

/* The place of the next block: a hole, or one that was never used. NULL: refused. */
static uint8_t *place_take(struct lane *lane, struct unit *page)
{
    size_t size = class_size(page->class_);
    uint8_t *place = NULL;

    if (page->hole != NO_PLACE) {
        place = page_start(page) + (size_t)page->hole * size;
        unpoison(place, size);
        memcpy(&page->hole, place, sizeof page->hole);
        return place;
    }
    place = page_start(page) + (size_t)page->fresh * size;
    if (!chunks_back(&lane->chunks, page, ((size_t)page->fresh + 1) * size))
        return NULL;
    page->fresh++;
    unpoison(place, size);
    return place;
}

static void *take_place(struct lane *lane, unsigned class_)
{
    struct pages *pages = &lane->classes[class_];
    unsigned places = places_of(class_), list = 0;
    struct unit *page = NULL;
    uint8_t *place = NULL;

    if (pages->lists_filled == 0)
        page = page_new(lane, class_);
    else
        page = pages->lists[31 - __builtin_clz(pages->lists_filled)];
    if (page == NULL)
        return NULL;
    place = place_take(lane, page);
    if (place == NULL) {
        if (page->live == 0)
            page_drop(lane, page);
        return NULL;
    }
    list = list_of(++page->live, places);
    if (list != page->list) {
        page_unlink(pages, page);
        page->list = FULLNESS;
        if (list < FULLNESS)
            page_link(pages, page, list);
    }
    return place;
}

static void return_place(struct lane *lane, struct unit *page, uint8_t *place)
{
    struct pages *pages = &lane->classes[page->class_];
    size_t size = class_size(page->class_), offset = (size_t)(place - page_start(page));
    unsigned list = 0;

    must(offset % size == 0);
    must(offset / size < page->fresh);
    must(page->live > 0);
    unpoison(place, size);
    memcpy(place, &page->hole, sizeof page->hole);
    poison(place, size);
    page->hole = (uint16_t)(offset / size);
    list = list_of(--page->live, places_of(page->class_));
    if (list != page->list) {
        if (page->list < FULLNESS)
            page_unlink(pages, page);
        page_link(pages, page, list);
    }
    if (page->live == 0)
        page_drop(lane, page);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void count_taken(struct lane *lane, size_t more, size_t less)
{
    size_t taken = atomic_load_explicit(&lane->taken, memory_order_relaxed);

    atomic_store_explicit(&lane->taken, taken + more - less, memory_order_relaxed);
}

static void *take_span(struct lane *lane, size_t size)
{
    unsigned span = (unsigned)((size + UNIT_SIZE - 1) >> UNIT_SHIFT);
    struct unit *first = chunks_take(&lane->chunks, span, UNIT_RUN);

    if (first == NULL)
        return NULL;
    if (!chunks_back(&lane->chunks, first, size)) {
        chunks_give(&lane->chunks, first);
        return NULL;
    }
    first->fresh = (uint16_t)((size + STEP_SIZE - 1) >> STEP_SHIFT);
    return page_start(first);
}

static struct lane *lane_here(struct heap *heap)
{
    int processor = heap->lanes_count == 1 ? 0 : sched_getcpu();

    return &heap->lanes[processor < 0 ? 0 : (unsigned)processor % heap->lanes_count];
}

/* The first unit of the span that the block is in. */
static struct unit *unit_of(const void *block)
{
    struct chunk *chunk = chunk_of(block);
    struct unit *unit = &chunk->units[unit_number(chunk, block)];

    return unit->use == UNIT_REST ? &chunk->units[unit->first] : unit;
}

/* Makes bytes behind the end of what was asked for a fault to touch, where that is looked for. */
static void fence(void *block, size_t size)
{
    size_t cost = cost_of(size);

    if (size <= SPAN_MAX * UNIT_SIZE && cost > size)
        poison((uint8_t *)block + size, cost - size);
}

void *heap_take(struct heap *heap, size_t size)
{
    struct lane *lane = lane_here(heap);
    void *block = NULL;

    if (mem_fails())
        return NULL;
    if (size == 0)
        size = 1;
    lock(lane);
    if (size <= PLACE_MAX)
        block = take_place(lane, class_of(size));
    else if (size <= SPAN_MAX * UNIT_SIZE)
        block = take_span(lane, size);
    else
        block = chunks_take_alone(&lane->chunks, size);
    if (block != NULL)
        count_taken(lane, cost_of(size), 0);
    unlock(lane);
    if (block == NULL)
        return NULL;
    mem_spoil(block, size);
    fence(block, size);
    return block;
}

static void return_span(struct lane *lane, struct unit *first, const uint8_t *block)
{
    must(first->use == UNIT_RUN);
    must(block == page_start(first));
    chunks_give(&lane->chunks, first);
}

void heap_return(void *block)
{
    struct chunk *chunk = chunk_of(block);
    struct lane *lane = NULL;
    struct heap *heap = NULL;
    bool is_last = false;

    if (block == NULL)
        return;
    lane = chunk->lane;
    heap = lane->heap;
    lock(lane);
    count_taken(lane, 0, heap_cost(block));
    if (chunk->alone > 0) {
        chunks_give_alone(&lane->chunks, chunk);
    } else {
        struct unit *unit = unit_of(block);

        if (unit->use == UNIT_PAGE)
            return_place(lane, unit, block);
        else
            return_span(lane, unit, block);
    }
    is_last = lane->chunks.kept_max == 0 && lane->chunks.count == 0;
    unlock(lane);
    if (is_last)
        leave(heap);
}

static void *resize_alone(void *block, size_t size)
{
    struct chunk *chunk = chunk_of(block);
    struct lane *lane = chunk->lane;
    size_t before = heap_cost(block);

    lock(lane);
    block = chunks_resize_alone(&lane->chunks, chunk, size);
    if (block != NULL)
        count_taken(lane, cost_of(size), before);
    unlock(lane);
    return block;
}

void *heap_resize(void *block, size_t size)
{
    size_t before = heap_cost(block), after = cost_of(size == 0 ? 1 : size);
    void *moved = NULL;

    if (mem_fails())
        return NULL;
    if (chunk_of(block)->alone > 0 && size > SPAN_MAX * UNIT_SIZE)
        return resize_alone(block, size);
    if (before == after) {
        unpoison(block, before);
        fence(block, size == 0 ? 1 : size);
        return block;
    }
    moved = heap_take(heap_of(block), size);
    if (moved == NULL)
        return NULL;
    if (chunk_of(block)->alone > 0)
        before -= STEP_SIZE;
    unpoison(block, before);
    memcpy(moved, block, before < size ? before : size);
    heap_return(block);
    return moved;
}

size_t heap_cost(const void *block)
{
    const struct chunk *chunk = chunk_of(block);
    const struct unit *unit = NULL;

    if (block == NULL)
        return 0;
    if (chunk->alone > 0)
        return chunk_alone_cost(chunk->alone);
    unit = unit_of(block);
    return unit->use == UNIT_PAGE ? class_size(unit->class_) : (size_t)unit->fresh << STEP_SHIFT;
}

size_t heap_fit(size_t size)
{
    return size > SPAN_MAX * UNIT_SIZE ? cost_of(size) - STEP_SIZE : cost_of(size);
}

struct heap *heap_of(const void *block)
{
    return chunk_of(block)->lane->heap;
}

/* ---- the whole ------------------------------------------------------------------------------- */

size_t heap_backed(const struct heap *heap)
{
    return account_used(&heap->account);
}

size_t heap_taken(const struct heap *heap)
{
    size_t taken = 0;

    for (unsigned i = 0; i < heap->lanes_count; i++)
        taken += atomic_load_explicit(&heap->lanes[i].taken, memory_order_relaxed);
    return taken;
}

void heap_trim(struct heap *heap)
{
    for (unsigned i = 0; i < heap->lanes_count; i++) {
        lock(&heap->lanes[i]);
        chunks_trim(&heap->lanes[i].chunks);
        unlock(&heap->lanes[i]);
    }
}
