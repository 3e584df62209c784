/* The promises of cache/ghost.h. SPDX-License-Identifier: MIT */
#include "cache/ghost.h"

#include "base/hash.h"
#include "t.h"

static void add(struct ghost *ghost, uint64_t from, uint64_t to, unsigned origin)
{
    for (uint64_t key = from; key < to; key++)
        ghost_add(ghost, hash_mix(key, 9), origin);
}

static size_t count_known(struct ghost *ghost, uint64_t from, uint64_t to)
{
    unsigned origin = 0;
    uint64_t age = 0;
    size_t count = 0;

    for (uint64_t key = from; key < to; key++)
        count += ghost_take(ghost, hash_mix(key, 9), &origin, &age) ? 1 : 0;
    return count;
}

TEST(a_ghost_says_where_it_left_and_how_many_left_since_and_is_forgotten_then)
{
    struct ghost ghost;
    unsigned origin = 9;
    uint64_t age = 0;

    ghost_init(&ghost);
    CHECK(!ghost_take(&ghost, 77, &origin, &age));
    add(&ghost, 0, 100, 0);
    add(&ghost, 100, 130, 1);
    CHECK(ghost_take(&ghost, hash_mix(90, 9), &origin, &age));
    CHECK(origin == 0);
    CHECK(age == 10);
    CHECK(ghost_take(&ghost, hash_mix(105, 9), &origin, &age));
    CHECK(origin == 1);
    CHECK(age == 25);
    CHECK(!ghost_take(&ghost, hash_mix(105, 9), &origin, &age));
    ghost_fini(&ghost);
}

TEST(nearly_all_of_the_keys_that_it_was_made_for_are_known)
{
    for (size_t keys = 100; keys <= 100000; keys *= 10) {
        struct ghost ghost;

        ghost_init(&ghost);
        ghost_reserve(&ghost, keys);
        add(&ghost, 0, 20 * keys, 0);
        CHECK(count_known(&ghost, 19 * keys, 20 * keys) >= keys - keys / 20);
        CHECK(count_known(&ghost, 1000 * keys, 1001 * keys) <= keys / 100);
        ghost_fini(&ghost);
    }
}

TEST(what_is_known_survives_growth_and_shrinking_and_the_cost_follows)
{
    struct ghost ghost;

    ghost_init(&ghost);
    ghost_reserve(&ghost, 1000);
    add(&ghost, 0, 1000, 0);
    ghost_reserve(&ghost, 100000);
    CHECK(count_known(&ghost, 0, 500) > 450);
    add(&ghost, 1000, 100000, 0);
    ghost_reserve(&ghost, 100000);
    CHECK(ghost_cost(&ghost) <= (size_t)100000 * 11);
    CHECK(count_known(&ghost, 50000, 51000) > 950);
    ghost_reserve(&ghost, 1000);
    CHECK(count_known(&ghost, 99000, 100000) > 950);
    add(&ghost, 200000, 400000, 0);
    ghost_reserve(&ghost, 1000);
    CHECK(ghost_cost(&ghost) <= (size_t)1000 * 11);
    ghost_fini(&ghost);
}

TEST(ages_stay_right_within_a_tick_in_large_tables)
{
    struct ghost ghost;
    unsigned origin = 0;
    uint64_t age = 0;

    ghost_init(&ghost);
    ghost_reserve(&ghost, 400000);
    add(&ghost, 0, 1000000, 1);
    CHECK(ghost_take(&ghost, hash_mix(900000, 9), &origin, &age));
    CHECK(age + 200 > 100000);
    CHECK(age < 100200);
    ghost_fini(&ghost);
}
