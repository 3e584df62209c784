/* pool_world.h: a pool and a plain list of what was taken from it, for tests.
 * SPDX-License-Identifier: MIT
 *
 * Every place holds the number of its piece and is filled; it is checked when it is given back, and
 * walking all pages of all queues must meet each piece once.
 */
#ifndef LARDER_TESTS_HEAP_WORLD_H
#define LARDER_TESTS_HEAP_WORLD_H

#include "cache/pool.h"

#include "base/mem.h"
#include "base/random.h"
#include "t.h"

#include <string.h>

#define MIB ((size_t)1 << 20)

struct piece {
    uint32_t ref;
    uint32_t size; /* as asked for, at least 8 */
    unsigned queue;
    int64_t ends_ms;
    uint8_t fill;
};

struct world {
    struct account account;
    struct pool *pool;
    struct random random;
    struct piece *pieces;
    size_t count;
    size_t max;
};

static inline void world_begin(struct world *world, size_t limit, size_t max)
{
    *world = (struct world){.max = max};
    account_init(&world->account, NULL, limit);
    world->pool = pool_new(limit, &world->account);
    world->pieces = mem_new(max, sizeof *world->pieces);
    random_init(&world->random, 7);
}

static inline size_t world_below(struct world *world, size_t bound)
{
    return random_below(&world->random, bound);
}

/* The word of an entry with a value of so many bytes in all, or 0: the size needs a wide one. */
static inline uint64_t entry_like(size_t size)
{
    size_t value = size - 8;

    if (value >= ENTRY_VALUE_WIDE)
        return 0;
    return ENTRY_SHOWN | (uint64_t)value << ENTRY_VALUE_SHIFT;
}

/* A place of 8 bytes is a word and nothing else. */
static inline void piece_number(struct world *world, size_t number)
{
    struct piece *piece = &world->pieces[number];

    if (pool_cost(world->pool, piece->size) > 8)
        ((struct cache_entry *)pool_at(world->pool, piece->ref))->rest[0] = number;
}

static inline struct piece *piece_of(const struct world *world, const struct cache_entry *place)
{
    uint32_t ref = pool_ref(world->pool, place);
    size_t number = 0;

    if (pool_cost(world->pool, place_size(place)) > 8)
        number = place->rest[0];
    else
        while (number < world->count && world->pieces[number].ref != ref)
            number++;
    CHECK(number < world->count);
    CHECK(world->pieces[number].ref == ref);
    return &world->pieces[number];
}

static inline void piece_check(const struct world *world, const struct piece *piece)
{
    const uint8_t *at = pool_at(world->pool, piece->ref);

    CHECK(piece_of(world, (const void *)at) == piece);
    for (size_t i = 16; i < piece->size; i += i < 32 || i + 16 > piece->size ? 1 : 97)
        CHECK(at[i] == piece->fill);
}

static inline enum err piece_take(struct world *world, struct pool_ask ask)
{
    struct piece *piece = &world->pieces[world->count];
    struct cache_entry *place = NULL;
    bool young = false;
    uint32_t ref = 0;
    enum err err = pool_take(world->pool, &ask, &ref, &young);

    if (err != ERR_OK)
        return err;
    place = pool_at(world->pool, ref);
    CHECK(ref != 0);
    CHECK(pool_ref(world->pool, place) == ref);
    CHECK(pool_has(world->pool, place));
    CHECK((uintptr_t)place % 8 == 0);
    CHECK(pool_queue_of(world->pool, ref) == ask.queue);
    CHECK((entry_word(place) & ~ENTRY_YOUNG) == word_raw(place_size(place)));
    CHECK(young == ((entry_word(place) & ENTRY_YOUNG) != 0));
    *piece = (struct piece){ref, (uint32_t)ask.size, ask.queue, ask.ends_ms,
                            (uint8_t)random_next(&world->random)};
    memset(place->rest, piece->fill, ask.size - 8);
    piece_number(world, world->count);
    /* Some stay as they are, which is what a walk meets while an entry is being made. */
    if (entry_like(ask.size) != 0 && piece->fill % 8 != 0)
        atomic_store_explicit(&place->word, entry_like(ask.size) | (young ? ENTRY_YOUNG : 0),
                              memory_order_release);
    world->count++;
    return ERR_OK;
}

static inline enum err piece_take_size(struct world *world, size_t size)
{
    return piece_take(world, (struct pool_ask){size, 1, CACHE_NEVER, false});
}

static inline void piece_give(struct world *world, size_t number)
{
    piece_check(world, &world->pieces[number]);
    pool_give(world->pool, world->pieces[number].ref);
    world->pieces[number] = world->pieces[--world->count];
    if (number < world->count)
        piece_number(world, number);
}

static inline void piece_give_any(struct world *world)
{
    piece_give(world, world_below(world, world->count));
}

/* Walks the page; every place is a piece, of that queue (0: of any). Returns how many. */
static inline size_t page_check(const struct world *world, uint32_t page, unsigned queue)
{
    const struct cache_entry *place = NULL;
    uint32_t offset = 0;
    size_t count = 0;

    while ((place = pool_walk(world->pool, page, &offset)) != NULL) {
        const struct piece *piece = piece_of(world, place);

        CHECK(queue == 0 || piece->queue == queue);
        CHECK(pool_cost(world->pool, place_size(place)) == pool_cost(world->pool, piece->size));
        count++;
    }
    CHECK(count > 0);
    return count;
}

/* Compares the pieces with everything that the pool says. */
static inline void world_check(struct world *world)
{
    size_t costs[POOL_QUEUES + 1] = {0}, counts[POOL_QUEUES + 1] = {0};
    size_t cost = 0, walked = 0;
    uint32_t last = 0;

    for (size_t i = 0; i < world->count; i++) {
        const struct piece *piece = &world->pieces[i];

        piece_check(world, piece);
        costs[piece->queue] += pool_cost(world->pool, piece->size);
        counts[piece->queue]++;
    }
    for (unsigned queue = 1; queue <= POOL_QUEUES; queue++) {
        const struct pool_queue *q = pool_queue(world->pool, queue);

        CHECK(q->bytes == costs[queue]);
        CHECK(q->count == counts[queue]);
        cost += costs[queue];
        last = 0;
        for (uint32_t page = q->oldest; page != 0; page = pool_next(world->pool, page)) {
            CHECK(!pool_is_draining(world->pool, page));
            walked += page_check(world, page, queue);
            last = page;
        }
        CHECK(q->newest == last);
    }
    for (uint32_t page = pool_draining(world->pool); page != 0;
         page = pool_next(world->pool, page)) {
        CHECK(pool_is_draining(world->pool, page));
        walked += page_check(world, page, 0);
    }
    CHECK(walked == world->count);
    CHECK(cost == pool_taken(world->pool));
    CHECK(pool_backed(world->pool) >= cost);
    CHECK(pool_backed(world->pool) == account_used(&world->account));
}

/* Moves everything out of a page that is being emptied. ERR_FULL: some of it stayed. */
static inline enum err page_empty(struct world *world, uint32_t page, size_t *moved)
{
    struct cache_entry *place = NULL;
    uint32_t offset = 0;

    while ((place = pool_walk(world->pool, page, &offset)) != NULL) {
        struct piece *piece = piece_of(world, place);
        struct pool_ask ask = {piece->size, piece->queue, piece->ends_ms, false};
        uint64_t word = entry_word(place);
        struct cache_entry *to = NULL;
        bool young = false;
        uint32_t ref = 0;

        TRY(pool_take(world->pool, &ask, &ref, &young));
        to = pool_at(world->pool, ref);
        memcpy(to->rest, place->rest, piece->size - 8);
        if ((word & ENTRY_RAW) == 0)
            atomic_store_explicit(&to->word, (word & ~ENTRY_YOUNG) | (young ? ENTRY_YOUNG : 0),
                                  memory_order_release);
        pool_give(world->pool, piece->ref);
        piece->ref = ref;
        piece_number(world, (size_t)(piece - world->pieces));
        (*moved)++;
    }
    CHECK(!pool_is_draining(world->pool, page));
    return ERR_OK;
}

/* Empties sparse pages until none is worth it. Returns how many places were moved. */
static inline size_t world_compact(struct world *world, bool want)
{
    size_t moved = 0;
    uint32_t page = 0;

    /* One search sees a part of the pages. */
    for (unsigned misses = 0; misses < 64; misses++) {
        while ((page = pool_sparse(world->pool, want)) != 0) {
            CHECK(!pool_is_draining(world->pool, page));
            pool_drain(world->pool, page);
            CHECK(pool_is_draining(world->pool, page));
            CHECK(page_empty(world, page, &moved) == ERR_OK);
            misses = 0;
        }
    }
    return moved;
}

static inline void world_end(struct world *world)
{
    while (world->count > 0)
        piece_give(world, world->count - 1);
    CHECK(pool_taken(world->pool) == 0);
    for (unsigned queue = 1; queue <= POOL_QUEUES; queue++) {
        CHECK(pool_queue(world->pool, queue)->oldest == 0);
        CHECK(pool_queue(world->pool, queue)->newest == 0);
    }
    CHECK(pool_draining(world->pool) == 0);
    CHECK(pool_sparse(world->pool, true) == 0);
    pool_free(&world->pool);
    CHECK(account_used(&world->account) == 0);
    mem_free(&world->pieces);
}

#endif
