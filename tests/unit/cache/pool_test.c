/* The promises of cache/pool.h. SPDX-License-Identifier: MIT */
#include "cache/pages.h"
#include "pool_world.h"

#include <pthread.h>

/* ---- any history ------------------------------------------------------------------------- */

static size_t size_like(struct world *world, unsigned kind)
{
    switch (kind) {
    case 0:
        return 8 + world_below(world, 300);
    case 1:
        return 9 + world_below(world, 9000);
    case 2:
        return 9 + world_below(world, 70000);
    case 3:
        return 9 + 40 * world_below(world, 5);
    default:
        return (size_t)16 << world_below(world, 15);
    }
}

static int64_t end_like(struct world *world)
{
    return world_below(world, 2) == 0 ? CACHE_NEVER : (int64_t)world_below(world, 1000000);
}

static unsigned queue_like(struct world *world)
{
    return 1 + (unsigned)world_below(world, POOL_QUEUES);
}

/* Some page of a queue, or of those that are being emptied; 0: there is none. */
static uint32_t page_like(struct world *world)
{
    unsigned queue = (unsigned)world_below(world, POOL_QUEUES + 1);
    uint32_t page =
        queue == 0 ? pool_draining(world->pool) : pool_queue(world->pool, queue)->oldest;

    for (size_t steps = world_below(world, 10); page != 0 && steps > 0; steps--)
        page = pool_next(world->pool, page) == 0 ? page : pool_next(world->pool, page);
    return page;
}

static void page_change(struct world *world, uint32_t page)
{
    unsigned queue = queue_like(world);
    struct cache_entry *place = NULL;
    uint32_t offset = 0;

    if (page == 0)
        return;
    if (pool_is_draining(world->pool, page)) {
        pool_undrain(world->pool, page);
    } else if (world_below(world, 3) == 0) {
        pool_drain(world->pool, page);
        CHECK(pool_is_draining(world->pool, page));
    } else {
        pool_requeue(world->pool, page, queue);
        while ((place = pool_walk(world->pool, page, &offset)) != NULL)
            piece_of(world, place)->queue = queue;
    }
}

static void churn(size_t limit, unsigned rounds)
{
    struct world world;

    world_begin(&world, limit, 4000);
    for (unsigned i = 0; i < rounds; i++) {
        struct pool_ask ask = {size_like(&world, i / 4000 % 5), queue_like(&world),
                               end_like(&world), false};

        if (world.count == world.max || (world.count > 0 && world_below(&world, 100) < 48))
            piece_give_any(&world);
        else if (piece_take(&world, ask) != ERR_OK)
            for (int n = 0; n < 20 && world.count > 0; n++)
                piece_give_any(&world);
        if (i % 64 == 0)
            page_change(&world, page_like(&world));
        if (i % 4000 == 0)
            world_check(&world);
    }
    while (pool_draining(world.pool) != 0)
        pool_undrain(world.pool, pool_draining(world.pool));
    (void)world_compact(&world, false);
    world_check(&world);
    world_end(&world);
}

TEST(no_two_places_overlap_and_walking_meets_each_of_them_once)
{
    churn(16 * MIB, 60000);
    churn(200 * MIB, 60000);
}

TEST(with_more_memory_than_references_of_8_bytes_reach_places_are_of_wider_grains)
{
    struct world world;
    size_t limit = (size_t)48 << 30;

    world_begin(&world, limit, 4000);
    CHECK(pool_shift(world.pool) > 3);
    world_end(&world);
    churn(limit, 30000);
}

/* ---- holes ------------------------------------------------------------------------------- */

TEST(a_place_is_given_out_again_before_the_page_grows)
{
    struct world world;
    uint32_t refs[20];

    world_begin(&world, 16 * MIB, 1000);
    for (int i = 0; i < 100; i++)
        CHECK(piece_take_size(&world, 100) == ERR_OK);
    for (size_t i = 0; i < 20; i++) {
        refs[i] = world.pieces[10 + i].ref;
        piece_give(&world, 10 + i);
    }
    for (size_t i = 0; i < 20; i++) {
        CHECK(piece_take_size(&world, 97 + i % 8) == ERR_OK);
        CHECK(world.pieces[world.count - 1].ref == refs[19 - i]);
    }
    world_check(&world);
    world_end(&world);
}

TEST(what_comes_into_an_older_page_is_marked_and_makes_its_age_worthless)
{
    struct world world;
    struct pool_ask ask = {1000, 1, CACHE_NEVER, false};
    uint32_t oldest = 0, refs[100];
    bool young = false;

    world_begin(&world, 256 * MIB, 1);
    for (int i = 0; i < 100; i++) {
        CHECK(pool_take(world.pool, &ask, &refs[i], &young) == ERR_OK);
        CHECK(!young);
    }
    oldest = pool_queue(world.pool, 1)->oldest;
    CHECK(!pool_is_refilled(world.pool, oldest));
    for (int i = 0; i < 60; i++)
        pool_give(world.pool, refs[i]);
    CHECK(!pool_is_refilled(world.pool, oldest));
    for (int i = 0; i < 60; i++) {
        CHECK(pool_take(world.pool, &ask, &refs[i], &young) == ERR_OK);
        CHECK(young);
    }
    CHECK(pool_is_refilled(world.pool, oldest));
    /* Those who came later leave first. */
    for (int i = 0; i < 60; i++)
        pool_give(world.pool, refs[i]);
    CHECK(!pool_is_refilled(world.pool, oldest));
    for (int i = 0; i < 60; i++)
        CHECK(pool_take(world.pool, &ask, &refs[i], &young) == ERR_OK);
    pool_requeue(world.pool, oldest, 1);
    CHECK(!pool_is_refilled(world.pool, oldest));
    for (int i = 0; i < 100; i++)
        pool_give(world.pool, refs[i]);
    world_end(&world);
}

TEST(larger_holes_are_cut_when_the_account_refuses_more)
{
    struct world world;
    size_t backed = 0;

    world_begin(&world, 8 * MIB, 20000);
    while (piece_take_size(&world, 1024) == ERR_OK) {
    }
    piece_give(&world, 5);
    backed = pool_backed(world.pool);
    CHECK(piece_take_size(&world, 600) == ERR_OK);
    CHECK(piece_take_size(&world, 232) == ERR_OK);
    CHECK(piece_take_size(&world, 192) == ERR_OK);
    CHECK(piece_take_size(&world, 9) == ERR_FULL);
    CHECK(pool_backed(world.pool) == backed);
    world_check(&world);
    world_end(&world);
}

TEST(what_the_account_refuses_is_refused_unless_forced)
{
    struct world world;
    uint32_t ref = 0;
    bool young = false;
    struct pool_ask ask = {100, 1, CACHE_NEVER, false};

    world_begin(&world, 8 * MIB, 20000);
    while (piece_take_size(&world, 1024) == ERR_OK) {
    }
    CHECK(account_used(&world.account) <= 8 * MIB);
    CHECK(pool_taken(world.pool) > 8 * MIB * 15 / 16);
    CHECK(pool_take(world.pool, &ask, &ref, &young) == ERR_FULL);
    ask.size = 100000;
    CHECK(pool_take(world.pool, &ask, &ref, &young) == ERR_FULL);
    CHECK(ref == 0);
    CHECK(piece_take(&world, (struct pool_ask){104, 1, CACHE_NEVER, true}) == ERR_OK);
    CHECK(piece_take(&world, (struct pool_ask){100000, 2, CACHE_NEVER, true}) == ERR_OK);
    CHECK(account_used(&world.account) > 8 * MIB);
    world_check(&world);
    piece_give(&world, 0);
    CHECK(piece_take_size(&world, 1024) == ERR_OK);
    ask = (struct pool_ask){SIZE_MAX / 2, 1, CACHE_NEVER, true};
    CHECK(pool_take(world.pool, &ask, &ref, &young) == ERR_TOO_BIG);
    world_end(&world);
}

TEST(few_bytes_back_few_steps)
{
    struct world world;

    world_begin(&world, 256 * MIB, 1000);
    for (size_t size = 16; size < 32768; size += size / 8 + 1)
        CHECK(piece_take_size(&world, size) == ERR_OK);
    CHECK(pool_backed(world.pool) < pool_taken(world.pool) + MIB / 4 + MIB / 3);
    world_check(&world);
    world_end(&world);
}

/* A page that was cached is backed as a whole. */
TEST(a_page_that_is_full_keeps_nothing_that_it_has_no_use_for)
{
    enum { UNIT = 64 << 10, SIZE = 13112, FIT = UNIT / SIZE };
    struct world world;
    struct pool_ask ask = {.size = UNIT / 8, .queue = 1, .ends_ms = CACHE_NEVER};
    uint32_t refs[8];
    bool young = false;

    world_begin(&world, 256 * MIB, 1);
    for (int i = 0; i < 8; i++)
        CHECK(pool_take(world.pool, &ask, &refs[i], &young) == ERR_OK);
    for (int i = 0; i < 8; i++)
        pool_give(world.pool, refs[i]);
    ask.size = SIZE;
    for (int i = 0; i <= FIT; i++)
        CHECK(pool_take(world.pool, &ask, &refs[i], &young) == ERR_OK);
    CHECK(pool_page(world.pool, refs[FIT]) != pool_page(world.pool, refs[0]));
    CHECK(world.pool->region.units[pool_page(world.pool, refs[0])].steps ==
          region_steps((size_t)FIT * SIZE));
    for (int i = 0; i <= FIT; i++)
        pool_give(world.pool, refs[i]);
    world_end(&world);
}

TEST(of_a_large_place_that_is_going_to_be_given_back_the_system_has_the_bytes_already)
{
    struct world world;
    struct pool_ask ask = {.size = 4 * MIB, .queue = 1, .ends_ms = CACHE_NEVER};
    uint32_t ref = 0;
    bool young = false;

    world_begin(&world, 256 * MIB, 1);
    CHECK(pool_take(world.pool, &ask, &ref, &young) == ERR_OK);
    struct cache_entry *place = pool_at(world.pool, ref);
    uint8_t *bytes = (uint8_t *)place;

    bytes[3 * MIB] = 1;
    pool_forget(world.pool, place);
    CHECK(bytes[3 * MIB] == 0);
    CHECK(place_size(place) == 4 * MIB);
    pool_give(world.pool, ref);
    CHECK(pool_taken(world.pool) == 0);
    world_end(&world);
}

/* ---- pages ------------------------------------------------------------------------------- */

TEST(a_page_goes_with_its_last_place_and_nothing_but_the_cached_stays_backed)
{
    struct world world;
    size_t empty = 0;

    world_begin(&world, 64 * MIB, 100000);
    CHECK(piece_take_size(&world, 100) == ERR_OK);
    piece_give(&world, 0);
    empty = pool_backed(world.pool);
    for (int i = 0; i < 60000; i++)
        CHECK(piece_take(&world, (struct pool_ask){8 + world_below(&world, 1000),
                                                   queue_like(&world), CACHE_NEVER, false}) ==
              ERR_OK);
    CHECK(pool_backed(world.pool) > 20 * MIB);
    while (world.count > 0)
        piece_give_any(&world);
    CHECK(pool_backed(world.pool) <= empty + MIB + MIB * 3 / 2);
    world_end(&world);
}

TEST(pages_stand_in_the_order_of_their_making_and_can_be_made_new_again)
{
    struct world world;
    uint32_t oldest = 0, second = 0;

    world_begin(&world, 256 * MIB, 1000);
    for (int i = 0; i < 400; i++)
        CHECK(piece_take_size(&world, 1000) == ERR_OK);
    CHECK(piece_take_size(&world, 100000) == ERR_OK);
    oldest = pool_queue(world.pool, 1)->oldest;
    second = pool_next(world.pool, oldest);
    CHECK(piece_of(&world, pool_walk(world.pool, oldest, &(uint32_t){0})) == &world.pieces[0]);
    pool_requeue(world.pool, oldest, 1);
    CHECK(pool_queue(world.pool, 1)->oldest == second);
    /* The open page stays the newest. */
    CHECK(pool_next(world.pool, oldest) == pool_queue(world.pool, 1)->newest);
    CHECK(pool_next(world.pool, pool_queue(world.pool, 1)->newest) == 0);
    world_check(&world);
    world_end(&world);
}

TEST(holes_go_with_their_page_into_another_queue)
{
    struct world world;
    uint32_t page = 0, ref = 0, offset = 0;
    struct cache_entry *place = NULL;

    world_begin(&world, 256 * MIB, 1000);
    for (int i = 0; i < 400; i++)
        CHECK(piece_take_size(&world, 1000) == ERR_OK);
    page = pool_queue(world.pool, 1)->oldest;
    ref = world.pieces[3].ref;
    piece_give(&world, 3);
    pool_requeue(world.pool, page, 2);
    while ((place = pool_walk(world.pool, page, &offset)) != NULL)
        piece_of(&world, place)->queue = 2;
    CHECK(pool_queue(world.pool, 2)->oldest == page);
    CHECK(piece_take_size(&world, 1000) == ERR_OK);
    CHECK(world.pieces[world.count - 1].ref != ref);
    CHECK(piece_take(&world, (struct pool_ask){1000, 2, CACHE_NEVER, false}) == ERR_OK);
    CHECK(world.pieces[world.count - 1].ref == ref);
    world_check(&world);
    world_end(&world);
}

TEST(a_page_that_is_being_emptied_gives_out_no_hole_until_it_is_used_again)
{
    struct world world;
    uint32_t page = 0, refs[10];

    world_begin(&world, 256 * MIB, 1000);
    for (int i = 0; i < 400; i++)
        CHECK(piece_take_size(&world, 1000) == ERR_OK);
    page = pool_queue(world.pool, 1)->oldest;
    for (int i = 0; i < 10; i++) {
        if (i == 5)
            pool_drain(world.pool, page);
        refs[i] = world.pieces[i].ref;
        piece_give(&world, (size_t)i);
    }
    CHECK(pool_draining(world.pool) == page);
    CHECK(pool_queue(world.pool, 1)->oldest != page);
    CHECK(pool_queue(world.pool, 1)->count == world.count);
    for (int i = 0; i < 20; i++) {
        CHECK(piece_take_size(&world, 1000) == ERR_OK);
        for (int n = 0; n < 10; n++)
            CHECK(world.pieces[world.count - 1].ref != refs[n]);
    }
    pool_undrain(world.pool, page);
    CHECK(!pool_is_draining(world.pool, page));
    CHECK(pool_draining(world.pool) == 0);
    for (int i = 0; i < 10; i++) {
        bool found = false;

        CHECK(piece_take_size(&world, 1000) == ERR_OK);
        for (int n = 0; n < 10; n++)
            found |= world.pieces[world.count - 1].ref == refs[n];
        CHECK(found);
    }
    world_check(&world);
    world_end(&world);
}

/* ---- a hand, and all pages in one queue ---------------------------------------------------- */

TEST(a_hand_goes_round_and_leaves_a_page_that_leaves)
{
    struct world world;
    uint32_t first = 0, second = 0, third = 0;

    world_begin(&world, 256 * MIB, 1000);
    CHECK(pool_hand(world.pool, 1) == 0);
    for (int i = 0; i < 200; i++)
        CHECK(piece_take_size(&world, 1000) == ERR_OK);
    first = pool_hand(world.pool, 1);
    CHECK(first == pool_queue(world.pool, 1)->oldest);
    CHECK(piece_of(&world, pool_walk_on(world.pool, first)) == &world.pieces[0]);
    CHECK(piece_of(&world, pool_walk_on(world.pool, first)) == &world.pieces[1]);
    CHECK(pool_hand(world.pool, 1) == first);
    pool_hand_on(world.pool);
    second = pool_hand(world.pool, 1);
    CHECK(second == pool_next(world.pool, first));
    third = pool_next(world.pool, second);
    pool_drain(world.pool, second);
    CHECK(pool_draining_count(world.pool) == 1);
    CHECK(pool_hand(world.pool, 1) == third);
    while (pool_hand(world.pool, 1) != first)
        pool_hand_on(world.pool);
    CHECK(piece_of(&world, pool_walk_on(world.pool, first)) == &world.pieces[0]);
    /* What is being emptied is gone through from its start, too. */
    CHECK(pool_walk_on(world.pool, second) == pool_walk(world.pool, second, &(uint32_t){0}));
    world_check(&world);
    world_end(&world);
}

TEST(all_pages_become_pages_of_one_queue_and_those_that_are_being_emptied_too)
{
    struct world world;

    world_begin(&world, 256 * MIB, 4000);
    for (int i = 0; i < 4000; i++)
        CHECK(piece_take(&world, (struct pool_ask){8 + world_below(&world, 1000),
                                                   queue_like(&world), CACHE_NEVER, false}) ==
              ERR_OK);
    for (int i = 0; i < 500; i++)
        piece_give_any(&world);
    pool_drain(world.pool, pool_queue(world.pool, 1)->oldest);
    pool_drain(world.pool, pool_queue(world.pool, 2)->newest);
    pool_unite(world.pool, 2);
    for (size_t i = 0; i < world.count; i++)
        world.pieces[i].queue = 2;
    CHECK(pool_draining_count(world.pool) == 0);
    CHECK(pool_queue(world.pool, 2)->count == world.count);
    CHECK(pool_queue(world.pool, 1)->oldest == 0);
    world_check(&world);
    world_end(&world);
}

/* ---- compaction -------------------------------------------------------------------------- */

TEST(emptied_pages_of_small_places_become_room_for_large_ones)
{
    struct world world;
    size_t large = 0;

    world_begin(&world, 16 * MIB, 200000);
    while (piece_take_size(&world, 100) == ERR_OK) {
    }
    /* At random, so that no page becomes empty by itself. */
    for (size_t left = world.count / 4; world.count > left;)
        piece_give_any(&world);
    CHECK(pool_backed(world.pool) > 15 * MIB);
    CHECK(world_compact(&world, false) > 1000);
    world_check(&world);
    CHECK(pool_backed(world.pool) < pool_taken(world.pool) * 17 / 16 + MIB);
    while (piece_take_size(&world, 65536) == ERR_OK)
        large++;
    CHECK(large > 150);
    world_check(&world);
    world_end(&world);
}

TEST(compaction_bounds_what_is_wasted_after_any_history)
{
    struct world world;

    world_begin(&world, 32 * MIB, 30000);
    for (unsigned i = 0; i < 60000; i++) {
        if (world.count == world.max || piece_take_size(&world, size_like(&world, i % 5)) != ERR_OK)
            for (int n = 0; n < 3 && world.count > 0; n++)
                piece_give_any(&world);
    }
    for (size_t left = world.count / 3; world.count > left;)
        piece_give_any(&world);
    (void)world_compact(&world, false);
    CHECK(pool_backed(world.pool) < pool_taken(world.pool) * 21 / 20 + 2 * MIB);
    (void)world_compact(&world, true);
    world_check(&world);
    world_end(&world);
}

/* ---- places with pages of their own -------------------------------------------------------- */

TEST(large_places_coalesce_when_they_leave)
{
    struct world world;

    world_begin(&world, 64 * MIB, 2000);
    for (size_t round = 0; round < 15; round++) {
        while (piece_take_size(&world, 300000 + 70000 * (round % 7)) == ERR_OK) {
        }
        while (world.count > round % 3)
            piece_give_any(&world);
    }
    while (world.count > 0)
        piece_give(&world, 0);
    CHECK(piece_take_size(&world, 60 * MIB) == ERR_OK);
    world_check(&world);
    piece_give(&world, 0);
    CHECK(pool_backed(world.pool) < MIB + MIB / 4);
    world_end(&world);
}

TEST(a_large_place_that_is_held_is_given_back_by_whoever_drops_it_last)
{
    struct world world;
    void *small = NULL, *large = NULL;

    world_begin(&world, 64 * MIB, 2000);
    CHECK(piece_take_size(&world, 100) == ERR_OK);
    CHECK(piece_take_size(&world, 100000) == ERR_OK);
    small = pool_at(world.pool, world.pieces[0].ref);
    large = pool_at(world.pool, world.pieces[1].ref);
    CHECK(!pool_hold(world.pool, small));
    CHECK(pool_give_up(world.pool, small));
    CHECK(pool_hold(world.pool, large));
    CHECK(pool_hold(world.pool, large));
    CHECK(!pool_drop(world.pool, large));
    CHECK(!pool_give_up(world.pool, large));
    CHECK(pool_drop(world.pool, large));
    piece_give(&world, 1);
    CHECK(piece_take_size(&world, 100000) == ERR_OK);
    large = pool_at(world.pool, world.pieces[1].ref);
    CHECK(pool_hold(world.pool, large));
    CHECK(!pool_drop(world.pool, large));
    CHECK(pool_give_up(world.pool, large));
    world_end(&world);
}

/* ---- ends -------------------------------------------------------------------------------- */

/* Gives back what has ended and says when to look again. */
static void page_expire(struct world *world, uint32_t page, int64_t now_ms)
{
    struct cache_entry *place = NULL;
    int64_t next_ms = CACHE_NEVER;
    uint32_t offset = 0;

    while ((place = pool_walk(world->pool, page, &offset)) != NULL) {
        struct piece *piece = piece_of(world, place);

        if (piece->ends_ms <= now_ms)
            piece_give(world, (size_t)(piece - world->pieces));
        else if (piece->ends_ms < next_ms)
            next_ms = piece->ends_ms;
    }
    pool_set_due(world->pool, page, next_ms);
}

static void expire(struct world *world, int64_t now_ms)
{
    while (pool_due_ms(world->pool) <= now_ms) {
        uint32_t page = pool_due(world->pool, now_ms);

        if (page != 0)
            page_expire(world, page, now_ms);
    }
    /* A tick is 32 ms. */
    for (size_t i = 0; i < world->count; i++)
        CHECK(world->pieces[i].ends_ms > now_ms - 32);
}

TEST(every_page_is_due_when_the_first_of_its_places_ends)
{
    struct world world;
    int64_t now_ms = 1700000000000;

    world_begin(&world, 64 * MIB, 100000);
    for (int round = 0; round < 400; round++) {
        now_ms += (int64_t)world_below(&world, 5000);
        expire(&world, now_ms);
        for (int n = 0; n < 100; n++) {
            size_t later = (size_t)1 << world_below(&world, 20);
            int64_t ends_ms = world_below(&world, 10) == 0
                                  ? CACHE_NEVER
                                  : now_ms + 1 + (int64_t)world_below(&world, later);

            CHECK(piece_take(&world, (struct pool_ask){8 + world_below(&world, 500),
                                                       queue_like(&world), ends_ms, false}) ==
                  ERR_OK);
        }
        for (int n = 0; n < 10; n++) {
            struct piece *piece = &world.pieces[world_below(&world, world.count)];

            if (piece->ends_ms > now_ms + 1000) {
                piece->ends_ms = now_ms + 1000;
                pool_ends_at(world.pool, piece->ref, piece->ends_ms);
            }
        }
        page_change(&world, page_like(&world));
    }
    world_check(&world);
    expire(&world, now_ms + ((int64_t)1 << 21));
    for (size_t i = 0; i < world.count; i++)
        CHECK(world.pieces[i].ends_ms == CACHE_NEVER);
    world_end(&world);
}

/* ---- threads ----------------------------------------------------------------------------- */

enum { THREADS = 4, THREAD_STEPS = 5000, THREAD_PLACES = 200 };

struct thread_part {
    struct pool *pool;
    pthread_mutex_t *latch;
    uint64_t seed;
    bool intact;
};

static uint32_t thread_take(struct thread_part *part, size_t size)
{
    struct pool_ask ask = {size, 1 + (unsigned)part->seed % POOL_QUEUES, (int64_t)size, false};
    bool young = false;
    uint32_t ref = 0;
    enum err err = ERR_OK;

    (void)pthread_mutex_lock(part->latch);
    err = pool_take(part->pool, &ask, &ref, &young);
    (void)pthread_mutex_unlock(part->latch);
    if (err != ERR_OK)
        return 0;
    memset((uint8_t *)pool_at(part->pool, ref) + 8, (int)part->seed, size - 8);
    return ref;
}

/* Reads and holds without the latch. */
static void thread_give(struct thread_part *part, uint32_t ref)
{
    const uint8_t *place = pool_at(part->pool, ref);
    size_t size = place_size((const void *)place);
    bool held = pool_hold(part->pool, place);

    part->intact &= pool_taken(part->pool) >= size;
    part->intact &= pool_due_ms(part->pool) >= 0;
    part->intact &= held == (size > POOL_SHARED_MAX / 4);
    part->intact &= place[size / 2] == (uint8_t)part->seed;
    part->intact &= pool_give_up(part->pool, place) == !held;
    part->intact &= !held || pool_drop(part->pool, place);
    (void)pthread_mutex_lock(part->latch);
    pool_give(part->pool, ref);
    (void)pthread_mutex_unlock(part->latch);
}

static void *thread_run(void *context)
{
    struct thread_part *part = context;
    struct random random;
    uint32_t refs[THREAD_PLACES] = {0};

    random_init(&random, part->seed);
    part->intact = true;
    for (int i = 0; i < THREAD_STEPS; i++) {
        size_t n = random_below(&random, THREAD_PLACES);

        if (refs[n] != 0) {
            thread_give(part, refs[n]);
            refs[n] = 0;
        } else {
            refs[n] = thread_take(part, 24 + 8 * random_below(&random, i % 16 == 0 ? 2000 : 100));
        }
    }
    for (size_t n = 0; n < THREAD_PLACES; n++) {
        if (refs[n] != 0)
            thread_give(part, refs[n]);
    }
    return NULL;
}

TEST(threads_read_and_hold_their_places_without_the_latch)
{
    pthread_mutex_t latch = PTHREAD_MUTEX_INITIALIZER;
    struct thread_part parts[THREADS];
    pthread_t threads[THREADS];
    struct world world;

    world_begin(&world, 32 * MIB, 1);
    for (unsigned i = 0; i < THREADS; i++) {
        parts[i] = (struct thread_part){.pool = world.pool, .latch = &latch, .seed = i + 1};
        CHECK(pthread_create(&threads[i], NULL, thread_run, &parts[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(parts[i].intact);
    }
    world_end(&world);
}
