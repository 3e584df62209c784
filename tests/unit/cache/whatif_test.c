/* The promises of cache/whatif.h. SPDX-License-Identifier: MIT */
#include "cache/whatif.h"

#include "base/hash.h"
#include "base/mem.h"
#include "bench/zipf.h"
#include "cache/lineup.h"
#include "cache_room.h"
#include "t.h"

#include <math.h>
#include <string.h>

enum { KEYS = 200000, KEY_BYTES = 100, PLACE_SHIFT = 4 };

/* A cache that has a place for every key, to compare with. */
struct real {
    struct policy *policy;
    struct policy_marker marker;
    struct lineup lineup;
    struct place {
        struct lineup_node node;
        uint32_t unused;
    } * places;
    struct random random;
    size_t max;
    size_t hits;
};

static void tell(void *context, uint32_t ref, struct policy_candidate *candidate)
{
    (void)context;
    (void)ref;
    candidate->size = KEY_BYTES;
}

static uint64_t hash_of(void *context, uint32_t ref)
{
    (void)context;
    return hash_mix(ref, 7);
}

static void real_begin(struct real *real, const struct policy_settings *settings, size_t bytes)
{
    struct lineup_places places = {.shift = PLACE_SHIFT};

    memset(real, 0, sizeof *real);
    real->places = mem_new(KEYS + 1, sizeof *real->places);
    places.base = (uint8_t *)real->places;
    real->policy = policy_new(settings);
    real->max = bytes;
    random_init(&real->random, 1);
    lineup_init(&real->lineup, real->policy, &real->marker, places);
}

static void real_end(struct real *real)
{
    policy_free(&real->policy);
    mem_free(&real->places);
}

/* A look-up, and a put when it missed. True: a hit. */
static bool real_look(struct real *real, uint32_t key)
{
    struct lineup_callbacks callbacks = {tell, hash_of, NULL, real};

    if (real->places[key].node.queue != 0) {
        lineup_hit(&real->places[key].node, &real->marker, &real->random);
        real->hits++;
        return true;
    }
    while (policy_bytes(real->policy) + KEY_BYTES > real->max)
        (void)lineup_victim(&real->lineup, &callbacks);
    lineup_insert(&real->lineup, key, hash_of(NULL, key), KEY_BYTES);
    return false;
}

/* So many requests by Zipf's law, of a real cache and of the miniature ones. */
struct run {
    struct whatif *whatif;
    struct whatif_gate gate;
    uint64_t told;
    uint64_t done;
};

static void run_one(struct run *run, struct real *real, uint32_t key)
{
    uint64_t hash = hash_of(NULL, key);
    bool found = real_look(real, key);
    struct whatif_key sampled = {hash, found ? KEY_BYTES : 0, INT64_MAX};

    run->done++;
    if (!whatif_takes(&run->gate, hash))
        return;
    whatif_look(run->whatif, &sampled, run->done - run->told, 1);
    run->told = run->done;
    sampled.size = KEY_BYTES;
    if (!found)
        whatif_put(run->whatif, &sampled);
}

static void compare(const char *policy, size_t requests, size_t records)
{
    struct policy_settings settings = {.name = policy, .seed = 3};
    struct cache_whatif rows[CACHE_WHATIFS];
    struct real reals[CACHE_WHATIFS];
    struct run run = {0};
    struct random random;
    struct zipf zipf;
    size_t bytes = (size_t)KEYS * KEY_BYTES / 20;

    random_init(&random, 11);
    zipf_init(&zipf, KEYS, 0.8);
    run.whatif = whatif_new(&settings, records, 16, &run.gate);
    whatif_set_bytes(run.whatif, bytes);
    CHECK(!whatif_read(run.whatif, rows));
    real_begin(&reals[2], &settings, bytes);
    real_begin(&reals[1], &settings, bytes / 2);
    real_begin(&reals[3], &settings, bytes * 2);
    real_begin(&reals[4], &settings, bytes * 4);
    for (size_t i = 0; i < requests; i++) {
        uint32_t key = (uint32_t)zipf_draw(&zipf, &random) + 1;

        run_one(&run, &reals[2], key);
        (void)real_look(&reals[1], key);
        (void)real_look(&reals[3], key);
        (void)real_look(&reals[4], key);
        for (bool more = i % 1000 == 0; more;)
            more = whatif_tidy(run.whatif, 1);
    }
    CHECK(whatif_read(run.whatif, rows));
    CHECK(strcmp(rows[2].memory, "1x") == 0);
    for (size_t i = 0; i < CACHE_WHATIFS; i++) {
        CHECK(i == 0 || rows[i].hit_ratio >= rows[i - 1].hit_ratio - 0.01);
        if (i == 0 || i == 5)
            continue;
        double real = (double)reals[i].hits / (double)requests;

        CHECK(fabs(rows[i].hit_ratio - real) < 0.03);
        real_end(&reals[i]);
    }
    CHECK(whatif_cost(run.whatif) < records * 160 + 65536);
    whatif_free(&run.whatif);
}

TEST(miniature_caches_hit_as_often_as_real_ones_of_other_sizes)
{
    compare("s3fifo", 300000, 16384);
    compare("lru", 300000, 16384);
}

TEST(they_do_so_when_the_sample_had_to_be_thinned_out)
{
    compare("s3fifo", 300000, 2048);
}

TEST(what_was_told_once_is_told_while_the_sample_is_thinned_out_too)
{
    enum { RECORDS = 64, LOOK_UPS = 1100 };
    struct policy_settings settings = {.name = "lru"};
    struct whatif_gate gate = {0};
    struct whatif *whatif = whatif_new(&settings, RECORDS, 1, &gate);
    struct cache_whatif rows[CACHE_WHATIFS];
    uint32_t below = atomic_load(&gate.below);

    whatif_set_bytes(whatif, 1000000);
    for (uint64_t i = 0; i < LOOK_UPS; i++) {
        struct whatif_key key = {.hash = i % (RECORDS / 2) + 1, .size = 10, .ends_ms = INT64_MAX};

        whatif_look(whatif, &key, 1, 1);
    }
    CHECK(whatif_read(whatif, rows));
    for (uint64_t i = 0; i < RECORDS; i++) {
        struct whatif_key key = {.hash = i + 1, .size = 10, .ends_ms = INT64_MAX};

        whatif_put(whatif, &key);
        key.hash += RECORDS;
        whatif_put(whatif, &key);
    }
    CHECK(atomic_load(&gate.below) < below);
    CHECK(whatif_read(whatif, rows));
    whatif_set_policy(whatif, &settings);
    CHECK(!whatif_read(whatif, rows));
    whatif_free(&whatif);
}

TEST(what_was_removed_or_is_over_is_found_in_none)
{
    struct policy_settings settings = {.name = "fifo"};
    struct whatif_gate gate = {0};
    struct whatif *whatif = whatif_new(&settings, 64, 1, &gate);
    struct cache_whatif rows[CACHE_WHATIFS];
    struct whatif_key key = {.hash = 5, .size = 10, .ends_ms = 100};
    struct whatif_key none = {.hash = 5};

    whatif_set_bytes(whatif, 1000000);
    for (int i = 0; i < 10000; i++) {
        if (i % 3 == 0)
            whatif_put(whatif, &key);
        whatif_look(whatif, &none, 1, i % 3 == 1 ? 100 : 99);
        if (i % 3 == 0)
            whatif_forget(whatif, key.hash);
        whatif_put(whatif, &key);
    }
    CHECK(whatif_read(whatif, rows));
    /* Of three look-ups one finds it, one comes when its time is over, and one finds it again. */
    CHECK(fabs(rows[2].hit_ratio - 2.0 / 3) < 0.01);
    whatif_free(&whatif);
}

TEST(the_engine_tells_what_it_hits_itself_within_a_few_per_cent)
{
    struct room room = room_new(16 << 20, "s3fifo");
    struct cache_whatif rows[CACHE_WHATIFS];
    struct random random;
    struct zipf zipf;
    uint8_t value[200] = {0};
    size_t hits = 0;
    size_t requests = 500000;

    random_init(&random, 5);
    zipf_init(&zipf, 400000, 0.8);
    for (size_t i = 0; i < requests; i++) {
        uint64_t number = zipf_draw(&zipf, &random);
        struct cache_key key =
            cache_key(room.cache, 0, (struct bytes){(const uint8_t *)&number, sizeof number});
        struct cache_put put = {.key = key,
                                .body = {value, sizeof value},
                                .expires_ms = CACHE_NEVER,
                                .stale_until_ms = CACHE_NEVER,
                                .error_until_ms = CACHE_NEVER};
        struct cache_view view;
        int64_t now_ms = 1000 + (int64_t)(i / 100);

        if (cache_look(room.thread, key, now_ms, &view) != CACHE_MISS)
            hits++;
        else
            CHECK(cache_put(room.thread, &put, now_ms) == ERR_OK);
        if (i % 100 == 0)
            (void)cache_turn(room.thread, now_ms);
    }
    CHECK(cache_whatif(room.cache, rows));
    CHECK(fabs(rows[2].hit_ratio - (double)hits / (double)requests) < 0.04);
    CHECK(rows[0].hit_ratio < rows[2].hit_ratio);
    CHECK(rows[5].hit_ratio > rows[2].hit_ratio);
    room_free(&room);
}
