/* The promises of upstream/balance.h. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "t.h"
#include "upstream/balance.h"

#include <stdio.h>

enum { MANY = 10 };

static struct random the_random(uint64_t seed)
{
    struct random random;

    random_init(&random, seed);
    return random;
}

static void all_usable(struct balance_candidate *candidates, size_t count)
{
    for (size_t i = 0; i < count; i++)
        candidates[i].is_usable = true;
}

static ptrdiff_t pick(enum balance_kind kind, struct balance_candidate *candidates, size_t count,
                      struct random *random)
{
    const struct balance_choice choice = {.kind = kind, .random = random};

    all_usable(candidates, count);
    return balance_pick(&choice, candidates, count);
}

TEST(in_turn_each_gets_as_much_as_its_weight_says_and_never_in_bursts)
{
    struct balance_candidate three[] = {{.weight = 500}, {.weight = 100}, {.weight = 100}};
    unsigned got[3] = {0};
    ptrdiff_t last = -1;
    unsigned row = 0;

    for (int i = 0; i < 700; i++) {
        ptrdiff_t picked = pick(BALANCE_ROUND_ROBIN, three, 3, NULL);

        row = picked == last ? row + 1 : 1;
        CHECK(row <= 4);
        last = picked;
        got[picked]++;
    }
    CHECK(got[0] == 500 && got[1] == 100 && got[2] == 100);
}

TEST(nobody_usable_is_nobody)
{
    for (enum balance_kind kind = BALANCE_ROUND_ROBIN; kind <= BALANCE_EWMA; kind++) {
        struct balance_candidate two[] = {{.weight = 100}, {.weight = 100}};
        struct random random = the_random(1);
        const struct balance_choice choice = {.kind = kind, .random = &random};

        CHECK(balance_pick(&choice, two, 2) == BALANCE_NONE);
    }
}

TEST(the_least_loaded_for_its_weight_is_next)
{
    struct balance_candidate three[] = {
        {.weight = 100, .active = 3}, {.weight = 200, .active = 4}, {.weight = 100, .active = 4}};

    CHECK(pick(BALANCE_LEAST, three, 3, NULL) == 1);
    three[1].active = 9;
    CHECK(pick(BALANCE_LEAST, three, 3, NULL) == 0);
}

TEST(equally_loaded_servers_take_turns)
{
    struct balance_candidate three[] = {{.weight = 100}, {.weight = 100}, {.weight = 100}};
    unsigned got[3] = {0};

    for (int i = 0; i < 30; i++)
        got[pick(BALANCE_LEAST, three, 3, NULL)]++;
    CHECK(got[0] == 10 && got[1] == 10 && got[2] == 10);
}

TEST(a_slow_server_gets_few_of_many_requests)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct balance_candidate many[MANY];
        struct random random = the_random(seed);
        unsigned got[MANY] = {0};

        for (size_t i = 0; i < MANY; i++)
            many[i] = (struct balance_candidate){.weight = 100, .ewma_ms = i == 3 ? 2000 : 20};
        for (int i = 0; i < 1000; i++)
            got[pick(BALANCE_EWMA, many, MANY, &random)]++;
        CHECK(got[3] == 0); /* the other of two is always quicker */
        for (size_t i = 0; i < MANY; i++)
            CHECK(i == 3 || got[i] > 50);
    }
}

TEST(a_server_that_comes_back_begins_with_a_tenth)
{
    CHECK(balance_warm_weight(2, 0, 10000) == 20);
    CHECK(balance_warm_weight(2, 5000, 10000) == 100);
    CHECK(balance_warm_weight(2, 10000, 10000) == 200);
    CHECK(balance_warm_weight(2, 0, 0) == 200);
}

/* ---- keys ----------------------------------------------------------------------------------- */

static struct balance_ring *ring_of(size_t count)
{
    static char names[MANY][32];
    struct balance_server servers[MANY];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof names[i], "10.0.0.%zu:80", i);
        servers[i] = (struct balance_server){bytes_of_text(names[i]), 1};
    }
    return balance_ring_new(servers, count);
}

static ptrdiff_t owner_of(const struct balance_ring *ring, struct balance_candidate *candidates,
                          size_t count, unsigned key)
{
    char text[32];

    (void)snprintf(text, sizeof text, "/key/%u", key);
    const struct balance_choice choice = {
        .kind = BALANCE_HASH, .ring = ring, .key = balance_key(bytes_of_text(text))};

    return balance_pick(&choice, candidates, count);
}

TEST(a_key_has_one_server_and_all_servers_have_keys)
{
    struct balance_ring *ring = ring_of(MANY);
    struct balance_candidate many[MANY];
    unsigned got[MANY] = {0};

    for (size_t i = 0; i < MANY; i++)
        many[i] = (struct balance_candidate){.weight = 100, .is_usable = true};
    for (unsigned key = 0; key < 10000; key++) {
        ptrdiff_t owner = owner_of(ring, many, MANY, key);

        CHECK(owner == owner_of(ring, many, MANY, key));
        got[owner]++;
    }
    for (size_t i = 0; i < MANY; i++)
        CHECK(got[i] > 500 && got[i] < 2000);
    mem_free(&ring);
}

TEST(a_server_that_goes_moves_only_its_own_keys)
{
    struct balance_ring *all = ring_of(MANY), *fewer = ring_of(MANY - 1);
    struct balance_candidate many[MANY];

    for (size_t i = 0; i < MANY; i++)
        many[i] = (struct balance_candidate){.weight = 100, .is_usable = true};
    for (unsigned key = 0; key < 10000; key++) {
        ptrdiff_t before = owner_of(all, many, MANY, key);

        if (before != MANY - 1)
            CHECK(owner_of(fewer, many, MANY - 1, key) == before);
    }
    /* The same when it is only left out for a while. */
    for (unsigned key = 0; key < 1000; key++) {
        ptrdiff_t before = owner_of(all, many, MANY, key);

        many[2].is_usable = false;
        CHECK(before == 2 || owner_of(all, many, MANY, key) == before);
        many[2].is_usable = true;
    }
    mem_free(&all);
    mem_free(&fewer);
}

TEST(a_hot_key_overflows_to_the_next_servers)
{
    struct balance_ring *ring = ring_of(MANY);
    struct balance_candidate many[MANY];
    uint64_t most = 0;

    for (size_t i = 0; i < MANY; i++)
        many[i] = (struct balance_candidate){.weight = 100, .is_usable = true};
    for (int i = 0; i < 100; i++)
        many[owner_of(ring, many, MANY, 7)].active++;
    for (size_t i = 0; i < MANY; i++)
        most = many[i].active > most ? many[i].active : most;
    CHECK(most <= 14); /* a quarter above the mean of ten, rounded up, and the one that counts */
    mem_free(&ring);
}

TEST(a_few_requests_at_a_time_do_not_move_a_key)
{
    struct balance_ring *ring = ring_of(MANY);
    struct balance_candidate many[MANY];

    for (size_t i = 0; i < MANY; i++)
        many[i] = (struct balance_candidate){.weight = 100, .is_usable = true};
    ptrdiff_t owner = owner_of(ring, many, MANY, 7);

    for (int i = 0; i < BALANCE_LOAD_LEAST; i++) {
        CHECK(owner_of(ring, many, MANY, 7) == owner);
        many[owner].active++;
    }
    CHECK(owner_of(ring, many, MANY, 7) != owner);
    mem_free(&ring);
}
