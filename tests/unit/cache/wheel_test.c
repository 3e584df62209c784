/* The promises of cache/wheel.h. SPDX-License-Identifier: MIT */
#include "cache/wheel.h"

#include "base/mem.h"
#include "base/random.h"
#include "t.h"

enum { PAGES = 500, TICK_MS = 1 << WHEEL_TICK_SHIFT };

struct world {
    struct wheel wheel;
    struct unit *units;
    struct random random;
    int64_t due_ms[PAGES]; /* as they should be */
    int64_t now_ms;
};

static void world_begin(struct world *world, int64_t now_ms)
{
    *world = (struct world){.now_ms = now_ms};
    wheel_init(&world->wheel);
    world->units = mem_new(PAGES, sizeof *world->units);
    random_init(&world->random, 11);
    for (uint32_t page = 1; page < PAGES; page++)
        world->units[page].due_ms = world->due_ms[page] = CACHE_NEVER;
}

static void world_end(struct world *world)
{
    mem_free(&world->units);
}

static uint32_t page_like(struct world *world)
{
    return (uint32_t)(1 + random_below(&world->random, PAGES - 1));
}

static void sooner(struct world *world, uint32_t page, int64_t due_ms)
{
    wheel_sooner(&world->wheel, world->units, page, due_ms);
    if (due_ms < world->due_ms[page])
        world->due_ms[page] = due_ms;
    CHECK(world->units[page].due_ms == world->due_ms[page]);
    if (due_ms < (int64_t)1 << 45)
        CHECK(wheel_due_ms(&world->wheel) < due_ms + TICK_MS);
}

static void removed(struct world *world, uint32_t page)
{
    wheel_remove(&world->wheel, world->units, page);
    world->due_ms[page] = CACHE_NEVER;
}

/* Pops what is due: none too early, none twice, and none is left. */
static void pop_all(struct world *world)
{
    while (wheel_due_ms(&world->wheel) <= world->now_ms) {
        uint32_t page = wheel_pop(&world->wheel, world->units, world->now_ms);

        if (page == REGION_NOTHING)
            continue;
        CHECK(world->due_ms[page] <= world->now_ms);
        CHECK(world->units[page].due_ms == CACHE_NEVER);
        world->due_ms[page] = CACHE_NEVER;
    }
    for (uint32_t page = 1; page < PAGES; page++) {
        CHECK(world->due_ms[page] == CACHE_NEVER || world->due_ms[page] > world->now_ms - TICK_MS);
        CHECK(world->units[page].due_ms == world->due_ms[page]);
    }
}

static void run(int64_t now_ms, unsigned step_bits)
{
    struct world world;

    world_begin(&world, now_ms);
    for (int i = 0; i < 3000; i++) {
        unsigned bits = (unsigned)random_below(&world.random, 45);

        for (int n = 0; n < 5; n++)
            sooner(&world, page_like(&world),
                   world.now_ms + (int64_t)random_below(&world.random, (uint64_t)1 << bits));
        removed(&world, page_like(&world));
        world.now_ms += (int64_t)random_below(
            &world.random, (uint64_t)1 << random_below(&world.random, step_bits));
        pop_all(&world);
    }
    world_end(&world);
}

TEST(every_page_is_popped_within_a_tick_of_its_time_and_never_before)
{
    run(0, 12);
    run(0, 30);
    run(1700000000000, 12);
    run(1700000000000, 36);
}

TEST(the_sooner_time_holds)
{
    struct world world;

    world_begin(&world, 1000);
    sooner(&world, 7, 900000);
    sooner(&world, 7, 5000);
    sooner(&world, 7, 800000);
    sooner(&world, 7, 4999);
    world.now_ms = 4900;
    pop_all(&world);
    CHECK(world.units[7].due_ms == 4999);
    world.now_ms = 5100;
    pop_all(&world);
    CHECK(world.units[7].due_ms == CACHE_NEVER);
    CHECK(wheel_due_ms(&world.wheel) == CACHE_NEVER);
    world_end(&world);
}

TEST(what_never_ends_and_what_was_removed_is_never_popped)
{
    struct world world;

    world_begin(&world, 0);
    sooner(&world, 1, CACHE_NEVER);
    sooner(&world, 2, CACHE_NEVER - 1);
    sooner(&world, 3, 100);
    removed(&world, 3);
    removed(&world, 3);
    world.now_ms = (int64_t)1 << 40;
    CHECK(wheel_pop(&world.wheel, world.units, world.now_ms) == REGION_NOTHING);
    CHECK(wheel_due_ms(&world.wheel) == CACHE_NEVER);
    world_end(&world);
}

TEST(one_pop_moves_only_so_many_pages_and_says_that_there_are_more)
{
    struct world world;
    unsigned pops = 0;

    world_begin(&world, 0);
    for (uint32_t page = 1; page < PAGES; page++)
        sooner(&world, page, 100000 + page % 1000);
    world.now_ms = 99000;
    for (; wheel_due_ms(&world.wheel) <= world.now_ms; pops++)
        CHECK(wheel_pop(&world.wheel, world.units, world.now_ms) == REGION_NOTHING);
    CHECK(pops == PAGES / WHEEL_MOVES_MAX + 1);
    world.now_ms = 102000;
    pop_all(&world);
    for (uint32_t page = 1; page < PAGES; page++)
        CHECK(world.due_ms[page] == CACHE_NEVER);
    world_end(&world);
}
