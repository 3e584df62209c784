/* The promises of cache/policy.h and cache/lineup.h. SPDX-License-Identifier: MIT */
#include "cache/policy.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/random.h"
#include "cache/lineup.h"
#include "t.h"

#include <string.h>

enum { PLACES = 4096 };

struct place {
    struct lineup_node node;
    uint32_t size;
};

struct world {
    struct policy *policy;
    struct policy_marker marker;
    struct lineup lineup;
    struct random random;
    struct place *places;
    int64_t *ends_ms;      /* by reference, 0: never; NULL: all do */
    uint32_t held;         /* references up to this one cannot leave */
    uint64_t keys[PLACES]; /* 0: the place is empty */
    size_t count;
    size_t bytes;
};

static void tell(void *context, uint32_t ref, struct policy_candidate *candidate)
{
    const struct world *world = context;

    CHECK(world->keys[ref] != 0);
    candidate->size = world->places[ref].size;
    candidate->has_ttl = world->ends_ms == NULL || world->ends_ms[ref] != 0;
    candidate->ends_ms = world->ends_ms == NULL ? 1000 : world->ends_ms[ref];
}

static bool claim(void *context, uint32_t ref)
{
    return ref > ((const struct world *)context)->held;
}

static uint64_t hash_of(void *context, uint32_t ref)
{
    return hash_mix(((struct world *)context)->keys[ref], 1);
}

static void world_begin_for(struct world *world, const char *name, enum policy_objective objective)
{
    struct lineup_places places = {.shift = 4, .offset = offsetof(struct place, node)};
    struct policy_settings settings = {.name = name, .objective = objective, .seed = 1};

    memset(world, 0, sizeof *world);
    world->places = mem_new(PLACES, sizeof *world->places);
    places.base = (uint8_t *)world->places;
    random_init(&world->random, 1);
    world->policy = policy_new(&settings);
    CHECK(world->policy != NULL);
    lineup_init(&world->lineup, world->policy, &world->marker, places);
}

static void world_begin(struct world *world, const char *name)
{
    world_begin_for(world, name, POLICY_REQUESTS);
}

static void world_end(struct world *world)
{
    policy_free(&world->policy);
    CHECK(world->policy == NULL);
    mem_free(&world->places);
}

static void insert(struct world *world, uint32_t ref, uint64_t key, uint32_t size)
{
    CHECK(world->keys[ref] == 0);
    world->keys[ref] = key;
    world->places[ref].size = size;
    lineup_insert(&world->lineup, ref, hash_mix(key, 1), size);
    world->count++;
    world->bytes += size;
}

static void hit(struct world *world, uint32_t ref)
{
    lineup_hit(&world->places[ref].node, &world->marker, &world->random);
}

static void forget(struct world *world, uint32_t ref)
{
    CHECK(world->keys[ref] != 0);
    world->keys[ref] = 0;
    world->count--;
    world->bytes -= world->places[ref].size;
}

static uint32_t victim(struct world *world)
{
    struct lineup_callbacks callbacks = {tell, hash_of, claim, world};
    uint32_t ref = lineup_victim(&world->lineup, &callbacks);

    if (ref != 0) {
        CHECK(world->places[ref].node.queue == 0);
        forget(world, ref);
    }
    return ref;
}

/* Puts the key where there is room among the first `max` places. Its reference. */
static uint32_t put(struct world *world, uint64_t key, uint32_t max)
{
    uint32_t ref = 1;

    if (world->count == max)
        ref = victim(world);
    else
        while (world->keys[ref] != 0)
            ref++;
    insert(world, ref, key, 1);
    return ref;
}

/* Asks for a key: a hit, or a miss that puts it. */
static bool request(struct world *world, uint64_t key, uint32_t max)
{
    for (uint32_t ref = 1; ref <= max; ref++) {
        if (world->keys[ref] == key) {
            hit(world, ref);
            return true;
        }
    }
    (void)put(world, key, max);
    return false;
}

TEST(fifo_lets_the_oldest_go_however_often_it_was_asked_for)
{
    struct world world;

    world_begin(&world, "fifo");
    for (uint32_t i = 1; i <= 3; i++)
        insert(&world, i, i, 1);
    hit(&world, 1);
    CHECK(victim(&world) == 1);
    CHECK(victim(&world) == 2);
    CHECK(victim(&world) == 3);
    CHECK(victim(&world) == 0);
    world_end(&world);
}

/* A cache of 1000 is asked for keys of which some come back every 300, some every 3000 requests. */
static unsigned hits_of_a_short_loop(const char *name)
{
    struct world world;
    unsigned hits = 0;

    world_begin(&world, name);
    for (uint64_t i = 0; i < 20000; i++) {
        bool found = request(&world, i % 2 == 0 ? 1 + i / 2 % 150 : 1000 + i, 1000);

        hits += i % 2 == 0 && found ? 1 : 0;
    }
    world_end(&world);
    return hits;
}

TEST(lru_keeps_whatever_comes_back_before_a_cache_full_of_others_came)
{
    CHECK(hits_of_a_short_loop("lru") == 10000 - 150);
}

TEST(lru_lets_those_go_that_were_not_asked_for_the_longest)
{
    struct world world;
    uint32_t gone[1000] = {0};

    /* 1000 entries come, the older half is asked for again, then 100 must leave. */
    world_begin(&world, "lru");
    for (uint32_t i = 1; i <= 1000; i++)
        insert(&world, i, i, 1);
    for (uint32_t i = 1; i <= 500; i++)
        hit(&world, i);
    for (uint32_t i = 0; i < 100; i++)
        gone[i] = victim(&world);
    for (uint32_t i = 0; i < 100; i++) {
        CHECK(gone[i] > 500);
        CHECK(gone[i] <= 800);
    }
    world_end(&world);
}

TEST(lfu_keeps_what_is_asked_for_often_through_a_scan)
{
    struct world world;
    unsigned hits = 0;

    world_begin(&world, "lfu");
    for (int round = 0; round < 20; round++) {
        for (uint64_t key = 1; key <= 50; key++)
            (void)request(&world, key, 100);
    }
    for (uint64_t key = 1000; key < 1120; key++)
        (void)request(&world, key, 100);
    for (uint64_t key = 1; key <= 50; key++)
        hits += request(&world, key, 100) ? 1 : 0;
    CHECK(hits >= 45);
    world_end(&world);
}

TEST(the_hand_of_sieve_spares_what_was_asked_for_and_goes_on_where_it_was)
{
    struct world world;

    world_begin(&world, "sieve");
    for (uint32_t i = 1; i <= 5; i++)
        insert(&world, i, i, 1);
    hit(&world, 1);
    hit(&world, 3);
    CHECK(victim(&world) == 2); /* 1 is spared, the hand stands at 3 */
    insert(&world, 6, 6, 1);
    CHECK(victim(&world) == 4); /* 3 is spared */
    CHECK(victim(&world) == 5);
    hit(&world, 6);
    CHECK(victim(&world) == 1); /* 6 is spared, then the hand begins again */
    lineup_remove(&world.lineup, 3, 1);
    forget(&world, 3);
    CHECK(victim(&world) == 6);
    CHECK(victim(&world) == 0);
    world_end(&world);
}

TEST(noeviction_names_nobody)
{
    struct world world;

    world_begin(&world, "noeviction");
    insert(&world, 1, 1, 10);
    CHECK(victim(&world) == 0);
    CHECK(policy_count(world.policy) == 1);
    CHECK(policy_bytes(world.policy) == 10);
    world_end(&world);
}

TEST(s3fifo_keeps_what_is_asked_for_through_a_scan)
{
    struct world world;
    unsigned hits = 0;

    world_begin(&world, "s3fifo");
    for (int round = 0; round < 5; round++) {
        for (uint64_t key = 1; key <= 50; key++)
            (void)request(&world, key, 100);
    }
    for (uint64_t key = 1000; key < 6000; key++)
        (void)request(&world, key, 100);
    for (uint64_t key = 1; key <= 50; key++)
        hits += request(&world, key, 100) ? 1 : 0;
    CHECK(hits >= 45);
    world_end(&world);
}

TEST(s3fifo_lets_newcomers_go_first_that_were_asked_for_only_at_once)
{
    struct world world;
    uint32_t newcomer = 0;

    world_begin(&world, "s3fifo");
    for (int round = 0; round < 3; round++) {
        for (uint64_t key = 1; key <= 100; key++)
            (void)request(&world, key, 100);
    }
    for (uint64_t key = 200; key < 220; key++)
        (void)request(&world, key, 100);
    newcomer = put(&world, 500, 100);
    hit(&world, newcomer);
    hit(&world, newcomer);
    for (uint64_t key = 300; key < 320; key++)
        (void)request(&world, key, 100);
    CHECK(world.keys[newcomer] != 500);
    world_end(&world);
}

TEST(s3fifo_remembers_what_left_and_keeps_it_when_it_comes_back)
{
    struct world world;
    uint64_t key = 0;
    uint32_t back = 0;

    world_begin(&world, "s3fifo");
    for (int round = 0; round < 3; round++) {
        for (key = 1; key <= 100; key++)
            (void)request(&world, key, 100);
    }
    (void)put(&world, 500, 100);
    for (key = 1000; key < 1030; key++)
        (void)request(&world, key, 100);
    back = put(&world, 500, 100);
    for (key = 2000; key < 2050; key++)
        (void)request(&world, key, 100);
    CHECK(world.keys[back] == 500);
    world_end(&world);
}

TEST(s3fifo_does_not_lose_all_of_a_loop_that_is_larger_than_the_cache)
{
    struct world world;
    unsigned hits = 0;

    world_begin(&world, "s3fifo");
    for (int round = 0; round < 50; round++) {
        for (uint64_t key = 1; key <= 150; key++)
            hits += request(&world, key, 100) ? 1 : 0;
    }
    /* LRU has none; the best possible is two in three. */
    CHECK(hits > 50 * 150 / 3);
    world_end(&world);
}

/* Asks for a key of this size in a cache of `bytes_max`; refs are keys. */
static bool request_sized(struct world *world, uint32_t key, uint32_t size, size_t bytes_max)
{
    if (world->keys[key] != 0) {
        hit(world, key);
        return true;
    }
    while (world->bytes + size > bytes_max)
        CHECK(victim(world) != 0);
    insert(world, key, key, size);
    return false;
}

/* Rounds over 100 small and 100 large entries, each asked for as often: how many large ones are in
 * the cache at the end. */
static size_t large_ones_kept_for(enum policy_objective objective)
{
    struct world world;
    struct random random;
    size_t large = 0;

    world_begin_for(&world, "s3fifo", objective);
    random_init(&random, 5);
    for (int i = 0; i < 20000; i++) {
        uint32_t key = (uint32_t)(1 + random_below(&random, 200));

        (void)request_sized(&world, key, key <= 100 ? 10 : 400, 10000);
    }
    for (uint32_t key = 101; key <= 200; key++)
        large += world.keys[key] != 0 ? 1 : 0;
    CHECK(world.bytes <= 10000);
    world_end(&world);
    return large;
}

TEST(s3fifo_keeps_small_entries_rather_than_large_ones_that_are_asked_for_as_often)
{
    struct world world;
    struct random random;
    size_t hits = 0;

    /* All the small ones take a tenth of the cache: nearly each request of one is a hit. */
    world_begin(&world, "s3fifo");
    random_init(&random, 5);
    for (int i = 0; i < 20000; i++) {
        uint32_t key = (uint32_t)(1 + random_below(&random, 200));
        bool found = request_sized(&world, key, key <= 100 ? 10 : 400, 10000);

        hits += key <= 100 && found ? 1 : 0;
    }
    CHECK(hits > 9500);
    world_end(&world);
    CHECK(large_ones_kept_for(POLICY_REQUESTS) <= large_ones_kept_for(POLICY_BYTES));
}

TEST(s3fifo_keeps_a_huge_entry_that_is_asked_for_again_and_again)
{
    struct world world;
    size_t misses = 0;

    world_begin(&world, "s3fifo");
    for (uint32_t i = 0; i < 100000; i++) {
        misses += i % 10 == 0 && !request_sized(&world, 1, 3000, 10000) ? 1 : 0;
        (void)request_sized(&world, 2 + i % 3000, 10, 10000);
    }
    CHECK(misses < 20);
    world_end(&world);
}

/* One step of the random test. */
static void step(struct world *world, struct random *random)
{
    uint32_t ref = (uint32_t)(1 + random_below(random, PLACES - 1));
    uint32_t to = (uint32_t)(1 + random_below(random, PLACES - 1));

    if (world->keys[ref] == 0) {
        insert(world, ref, 1 + random_below(random, 20000), (uint32_t)random_below(random, 5000));
        return;
    }
    switch (random_below(random, 8)) {
    case 0:
        lineup_remove(&world->lineup, ref, world->places[ref].size);
        lineup_remove(&world->lineup, ref, world->places[ref].size);
        forget(world, ref);
        break;
    case 1:
        if (world->keys[to] == 0) {
            world->places[to].size = (uint32_t)random_below(random, 5000);
            world->bytes += world->places[to].size;
            world->bytes -= world->places[ref].size;
            world->keys[to] = world->keys[ref];
            world->keys[ref] = 0;
            lineup_move(&world->lineup, ref, world->places[ref].size, to, world->places[to].size);
            CHECK(world->places[ref].node.queue == 0);
            memset(&world->places[ref], 0xee, sizeof(struct place));
        }
        break;
    case 2:
    case 3:
        (void)victim(world);
        break;
    default:
        hit(world, ref);
    }
}

TEST(every_policy_knows_exactly_what_was_put_whatever_happens)
{
    for (const char *const *name = policy_names(); *name != NULL; name++) {
        struct world world;
        struct random random;

        world_begin(&world, *name);
        random_init(&random, 3);
        for (int i = 0; i < 200000; i++) {
            step(&world, &random);
            CHECK(policy_count(world.policy) == world.count);
            CHECK(policy_bytes(world.policy) == world.bytes);
        }
        if (strcmp(*name, "noeviction") != 0) {
            while (world.count > 0)
                CHECK(victim(&world) != 0);
            CHECK(victim(&world) == 0);
        }
        CHECK(policy_cost(world.policy) < (size_t)PLACES * 24 + 4096);
        world_end(&world);
    }
}

TEST(a_hit_changes_nothing_but_the_bits_of_a_policy)
{
    for (const char *const *name = policy_names(); *name != NULL; name++) {
        struct world world;

        world_begin(&world, *name);
        for (uint32_t bits = 0; bits <= POLICY_MASK; bits++)
            CHECK(policy_hit(&world.marker, (uint16_t)bits, &world.random) <= POLICY_MASK);
        CHECK(policy_fresh(&world.marker) <= POLICY_MASK);
        world_end(&world);
    }
}

TEST(one_that_cannot_leave_is_spared_and_another_leaves)
{
    for (const char *const *name = policy_names(); *name != NULL; name++) {
        struct world world;

        if (strcmp(*name, "noeviction") == 0)
            continue;
        world_begin(&world, *name);
        for (uint32_t ref = 1; ref <= 100; ref++)
            insert(&world, ref, ref, 1);
        world.held = 10;
        for (int tries = 0; world.count > 10; tries++) {
            uint32_t ref = victim(&world);

            CHECK(ref == 0 || ref > 10);
            CHECK(tries < 10000);
        }
        CHECK(victim(&world) == 0);
        CHECK(policy_count(world.policy) == 10);
        world_end(&world);
    }
}

TEST(random_lets_old_and_new_go_alike_and_whoever_was_asked_for)
{
    struct world world;
    size_t gone[4] = {0};

    world_begin(&world, "random");
    for (uint32_t ref = 1; ref <= 4000; ref++)
        insert(&world, ref, ref, 1);
    for (uint32_t ref = 1; ref <= 1000; ref++)
        hit(&world, ref);
    for (int i = 0; i < 2000; i++)
        gone[(victim(&world) - 1) / 1000]++;
    for (int i = 0; i < 4; i++) {
        CHECK(gone[i] > 400);
        CHECK(gone[i] < 600);
    }
    world_end(&world);
}

TEST(volatile_policies_evict_only_what_ends_one_day_and_nothing_else)
{
    static const char *const names[] = {"volatile-lru", "volatile-lfu", "volatile-random",
                                        "volatile-ttl"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct world world;

        world_begin(&world, names[i]);
        world.ends_ms = mem_new(PLACES, sizeof *world.ends_ms);
        for (uint32_t ref = 1; ref < PLACES; ref++) {
            world.ends_ms[ref] = ref % 10 == 0 ? 100000 + ref : 0;
            insert(&world, ref, ref, 1);
        }
        for (int tries = 0; world.count > PLACES - 1 - (PLACES - 1) / 10; tries++) {
            CHECK(victim(&world) % 10 == 0);
            CHECK(tries < PLACES / 10 + 100);
        }
        for (int tries = 0; tries < 100; tries++)
            CHECK(victim(&world) == 0);
        /* One is given an end later: it is found in the end. */
        world.ends_ms[77] = 100000;
        for (int tries = 0; tries < 2 * PLACES / 64 && world.keys[77] != 0; tries++)
            (void)victim(&world);
        CHECK(world.keys[77] == 0);
        CHECK(victim(&world) == 0);
        mem_free(&world.ends_ms);
        world_end(&world);
    }
}

TEST(volatile_ttl_evicts_what_ends_soon)
{
    struct world world;

    world_begin(&world, "volatile-ttl");
    world.ends_ms = mem_new(PLACES, sizeof *world.ends_ms);
    policy_time(&world.marker, 50000);
    for (uint32_t ref = 1; ref <= 1000; ref++) {
        world.ends_ms[ref] = 50000 + 1000 * (int64_t)(ref * 37 % 1000 + 1);
        insert(&world, ref, ref, 1);
    }
    for (int i = 0; i < 100; i++)
        CHECK((victim(&world) * 37) % 1000 < 250);
    mem_free(&world.ends_ms);
    world_end(&world);
}

TEST(lfu_tells_how_often_and_others_do_not)
{
    struct world world;
    uint16_t bits = 0;
    unsigned once = 0;
    unsigned often = 0;

    world_begin(&world, "lru");
    CHECK(!policy_frequency(&world.marker, 0, &once));
    world_end(&world);
    world_begin(&world, "lfu");
    bits = policy_fresh(&world.marker);
    CHECK(policy_frequency(&world.marker, bits, &once));
    for (int i = 0; i < 100; i++)
        bits = policy_hit(&world.marker, bits, &world.random);
    CHECK(policy_frequency(&world.marker, bits, &often));
    CHECK(once == 5);
    CHECK(often > 6);
    CHECK(often < 20);
    world_end(&world);
}

TEST(policies_go_by_the_names_of_redis_too)
{
    CHECK(strcmp(policy_name("allkeys-lru"), "lru") == 0);
    CHECK(strcmp(policy_name("lru"), "lru") == 0);
    CHECK(strcmp(policy_redis_name("lru"), "allkeys-lru") == 0);
    CHECK(strcmp(policy_redis_name("volatile-ttl"), "volatile-ttl") == 0);
    CHECK(policy_name("allkeys-belady") == NULL);
    CHECK(policy_redis_name("belady") == NULL);
    CHECK(policy_objective("bytes") == POLICY_BYTES);
    CHECK(policy_objective("byte") == POLICY_OBJECTIVES);
}

TEST(an_unknown_policy_is_none)
{
    struct policy_settings settings = {.name = "belady"};

    CHECK(policy_new(&settings) == NULL);
    CHECK(strcmp(policy_names()[0], "s3fifo") == 0);
}
