/* The promises of cache/shelf.h. SPDX-License-Identifier: MIT */
#include "cache/shelf.h"

#include "base/mem.h"
#include "base/random.h"
#include "t.h"

#include <string.h>

enum { PLACES = 500, LINES_MAX = 300, PAGE = 4096 };

struct world {
    struct account account;
    struct shelf *shelf;
    size_t empty; /* what an empty shelf costs */
    struct random random;
    uint8_t *places[PLACES];
    size_t bytes[PLACES];
    size_t taken;
};

static void world_begin(struct world *world)
{
    *world = (struct world){.taken = 0};
    account_init(&world->account, NULL, 0);
    world->shelf = shelf_new(&world->account);
    world->empty = account_used(&world->account);
    random_init(&world->random, 5);
}

static void world_end(struct world *world)
{
    shelf_free(&world->shelf);
    CHECK(account_used(&world->account) == 0);
}

static void take(struct world *world, int i)
{
    size_t bytes = (1 + random_below(&world->random, LINES_MAX)) * SHELF_LINE;
    uint8_t *place = shelf_take(world->shelf, bytes);

    CHECK((uintptr_t)place % SHELF_LINE == 0);
    for (size_t at = 0; at < bytes; at++)
        CHECK(place[at] == 0);
    memset(place, i % 255 + 1, bytes);
    world->places[i] = place;
    world->bytes[i] = bytes;
    world->taken += bytes;
}

static void give(struct world *world, int i)
{
    for (size_t at = 0; at < world->bytes[i]; at++)
        CHECK(world->places[i][at] == i % 255 + 1);
    shelf_give(world->shelf, world->places[i], world->bytes[i]);
    world->taken -= world->bytes[i];
    world->places[i] = NULL;
}

TEST(places_are_zeroed_keep_what_they_hold_and_are_charged_with_their_pages)
{
    static struct world world;

    world_begin(&world);
    for (int i = 0; i < 20000; i++) {
        int at = (int)random_below(&world.random, PLACES);

        if (world.places[at] == NULL)
            take(&world, at);
        else
            give(&world, at);
        CHECK(account_used(&world.account) >= world.taken);
    }
    for (int i = 0; i < PLACES; i++) {
        if (world.places[i] != NULL)
            give(&world, i);
    }
    CHECK(account_used(&world.account) < world.empty + PAGE);
    world_end(&world);
}

TEST(holes_become_one_and_are_used_again_in_the_next_lap)
{
    static struct world world;
    uint8_t *a = NULL, *b = NULL, *c = NULL;
    const size_t lap = (size_t)16 << 20;

    world_begin(&world);
    a = shelf_take(world.shelf, SHELF_LINE);
    b = shelf_take(world.shelf, (size_t)2 * SHELF_LINE);
    c = shelf_take(world.shelf, SHELF_LINE);
    CHECK(b == a + SHELF_LINE && c == b + (size_t)2 * SHELF_LINE);
    CHECK(account_used(&world.account) == world.empty + PAGE);
    shelf_give(world.shelf, b, (size_t)2 * SHELF_LINE);
    shelf_give(world.shelf, a, SHELF_LINE);
    b = shelf_take(world.shelf, (size_t)3 * SHELF_LINE);
    for (int laps = 0; laps < 3; laps += a == b) {
        uint8_t *last = b;

        b = shelf_take(world.shelf, (size_t)3 * SHELF_LINE);
        CHECK((size_t)(b - a) < lap);
        shelf_give(world.shelf, last, (size_t)3 * SHELF_LINE);
    }
    shelf_give(world.shelf, b, (size_t)3 * SHELF_LINE);
    shelf_give(world.shelf, c, SHELF_LINE);
    CHECK(account_used(&world.account) == world.empty);
    world_end(&world);
}

TEST(whole_pages_between_places_are_given_back)
{
    static struct world world;
    uint8_t *low = NULL, *wide = NULL, *high = NULL;
    size_t bytes = (size_t)10 * PAGE;

    world_begin(&world);
    low = shelf_take(world.shelf, SHELF_LINE);
    wide = shelf_take(world.shelf, bytes);
    high = shelf_take(world.shelf, SHELF_LINE);
    CHECK(account_used(&world.account) == world.empty + bytes + PAGE);
    shelf_give(world.shelf, wide, bytes);
    CHECK(account_used(&world.account) == world.empty + (size_t)2 * PAGE);
    shelf_give(world.shelf, low, SHELF_LINE);
    shelf_give(world.shelf, high, SHELF_LINE);
    CHECK(account_used(&world.account) == world.empty);
    world_end(&world);
}
