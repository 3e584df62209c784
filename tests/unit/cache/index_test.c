/* The promises of cache/index.h. SPDX-License-Identifier: MIT */
#include "cache/store.h"
#include "cache_room.h"
#include "t.h"

#include "base/mem.h"

#include <pthread.h>

enum { ITEMS = 40000 };

/* Entries that a cache has made, to be shown in tables of the test's own. */
struct world {
    struct room room;
    struct places places;
    struct account account;
    struct shelf *shelf;
    struct random random;
    uint64_t *hashes;
    uint32_t *refs;
};

static struct cache_key world_key(const struct world *world, int number, struct name *name)
{
    *name = name_of(number);
    return cache_key(world->room.cache, 0, name_bytes(name));
}

static void world_begin(struct world *world)
{
    *world = (struct world){.room = room_new(64 << 20, "s3fifo")};
    world->places = world->room.cache->places;
    account_init(&world->account, NULL, 0);
    world->shelf = shelf_new(&world->account);
    world->hashes = mem_new(ITEMS, sizeof *world->hashes);
    world->refs = mem_new(ITEMS, sizeof *world->refs);
    random_init(&world->random, 1);
    for (int i = 0; i < ITEMS; i++) {
        struct cache_view view;
        struct name name;
        struct cache_key key = world_key(world, i, &name);

        CHECK(room_put(&world->room, 0, i, i) == ERR_OK);
        CHECK(cache_peek(world->room.thread, key, 0, &view) == CACHE_FRESH);
        world->hashes[i] = key.hash;
        world->refs[i] = entry_ref(world->room.cache, view.entry);
    }
}

static void world_end(struct world *world)
{
    mem_free(&world->hashes);
    mem_free(&world->refs);
    shelf_free(&world->shelf);
    CHECK(account_used(&world->account) == 0);
    room_free(&world->room);
}

static uint32_t position(const struct world *world, int number)
{
    return index_position(world->hashes[number], 0);
}

static bool add(const struct world *world, struct table *table, int number)
{
    return index_add(table, position(world, number), index_tag(world->hashes[number]),
                     world->refs[number]);
}

static _Atomic uint32_t *find(const struct world *world, struct table *table, int number)
{
    struct name name;
    struct cache_key key = world_key(world, number, &name);
    struct spot spot = index_find(world->places, table_word(table), position(world, number), &key);

    CHECK((spot.slot == NULL) == (spot.entry == NULL));
    CHECK(spot.slot == NULL || *spot.slot == world->refs[number]);
    CHECK(spot.slot == NULL || spot.entry == place_entry(world->places, world->refs[number]));
    return spot.slot;
}

/* How many of the first items a table takes. */
static int fill(const struct world *world, struct table *table)
{
    int count = 0;

    while (count < ITEMS && add(world, table, count))
        count++;
    return count;
}

/* Every item is in the list of its home and in no other. */
static void check_homes(const struct world *world, const struct table *table, const bool *shown)
{
    static uint32_t home_of[UINT16_MAX * 64];
    size_t seen = 0, expected = 0;

    memset(home_of, 0, sizeof home_of);
    for (uint32_t number = 0; number < table->buckets; number++) {
        uint32_t refs[HOME_MAX];
        size_t count = index_home(table, number, refs);

        seen += count;
        for (size_t i = 0; i < count; i++) {
            CHECK(refs[i] < sizeof home_of / sizeof home_of[0]);
            CHECK(home_of[refs[i]] == 0);
            home_of[refs[i]] = number + 1;
        }
    }
    for (int i = 0; i < ITEMS; i++) {
        if (!shown[i])
            continue;
        expected++;
        CHECK(home_of[world->refs[i]] == index_bucket(table->buckets, position(world, i)) + 1);
    }
    CHECK(seen == expected);
}

TEST(a_table_is_filled_to_its_mark_and_every_entry_is_found)
{
    static const size_t sizes[] = {20, 37, 64, 100, 500, 1000, 3000};
    struct world world;

    world_begin(&world);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct table *table = table_new(world.shelf, sizes[i]);
        int count = fill(&world, table);

        CHECK((size_t)count >= table_high(table));
        for (int n = 0; n < count; n++)
            CHECK(find(&world, table, n) != NULL);
        for (int n = count; n < count + 1000; n++)
            CHECK(find(&world, table, n) == NULL);
        table_free(world.shelf, &table);
    }
    world_end(&world);
}

TEST(the_smallest_tables_use_all_that_they_can)
{
    struct world world;

    world_begin(&world);
    for (size_t buckets = 1; buckets < 20; buckets++) {
        struct table *table = table_new(world.shelf, buckets);
        int count = fill(&world, table);

        CHECK(count >= (int)(buckets * BUCKET_SLOTS * 3 / 4));
        CHECK(buckets > 1 || count == BUCKET_SLOTS);
        for (int n = 0; n < count; n++)
            CHECK(find(&world, table, n) != NULL);
        table_free(world.shelf, &table);
    }
    world_end(&world);
}

/* Each item is where it should be and what was removed is nowhere. */
static void check_all(const struct world *world, struct table *table, const bool *shown)
{
    for (int i = 0; i < ITEMS; i++)
        CHECK((find(world, table, i) != NULL) == shown[i]);
    check_homes(world, table, shown);
}

/* Removes one and shows another, over and over. */
static void churn(struct world *world, struct table *table, bool *shown, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        int out = 0, in = 0;

        do
            out = (int)random_below(&world->random, ITEMS);
        while (!shown[out]);
        do
            in = (int)random_below(&world->random, ITEMS);
        while (shown[in]);
        index_remove(table, find(world, table, out));
        shown[out] = false;
        shown[in] = add(world, table, in);
        CHECK(shown[in]);
    }
}

static size_t guests_in(const struct table *table)
{
    size_t guests = 0;

    for (uint32_t i = 0; i < table->buckets; i++)
        guests += (size_t)__builtin_popcount(table->at[i].meta & ((1U << BUCKET_SLOTS) - 1));
    return guests;
}

TEST(what_is_removed_makes_room_however_long_it_goes_on)
{
    enum { BUCKETS = 300, FILL = BUCKETS * BUCKET_SLOTS * 9 / 10 };
    static bool shown[ITEMS];
    struct world world;

    world_begin(&world);
    struct table *table = table_new(world.shelf, BUCKETS);

    for (int i = 0; i < FILL; i++)
        shown[i] = add(&world, table, i);
    check_all(&world, table, shown);
    churn(&world, table, shown, 20 * FILL);
    check_all(&world, table, shown);
    CHECK(guests_in(table) < FILL / 7); /* they come home again */
    for (int i = 0; i < ITEMS; i++) {
        if (shown[i])
            index_remove(table, find(&world, table, i));
        shown[i] = false;
    }
    check_all(&world, table, shown);
    for (uint32_t i = 0; i < table->buckets; i++)
        CHECK(table->at[i].meta << (32 - MOVES_SHIFT) == 0); /* nobody is away, nobody a guest */
    table_free(world.shelf, &table);
    world_end(&world);
}

static uint64_t hash_of(const void *context, const struct cache_entry *entry)
{
    return entry_hash(context, entry);
}

TEST(a_copy_shows_the_same_and_one_that_is_too_small_says_so)
{
    static bool shown[ITEMS];
    struct world world;

    world_begin(&world);
    struct table *from = table_new(world.shelf, 200);
    struct index_hashes hashes = {hash_of, world.room.cache, 0};
    int count = fill(&world, from);

    for (int i = 0; i < count; i++)
        shown[i] = true;
    for (size_t buckets = 210; buckets < 1000; buckets += 131) {
        struct table *to = table_new(world.shelf, buckets);

        CHECK(index_copy(world.places, from, to, &hashes));
        check_all(&world, to, shown);
        table_free(world.shelf, &to);
    }
    struct table *small = table_new(world.shelf, 150);

    CHECK(!index_copy(world.places, from, small, &hashes));
    table_free(world.shelf, &small);
    table_free(world.shelf, &from);
    world_end(&world);
}

TEST(sizes_grow_by_a_quarter_and_differ_from_phase_to_phase)
{
    for (unsigned phase = 0; phase < 16; phase++) {
        size_t buckets = table_step(1, phase);

        CHECK(buckets == 1);
        while (buckets < 1000000) {
            size_t more = table_step(buckets + 1, phase);

            CHECK(table_step(buckets, phase) == buckets && table_step(more, phase) == more);
            CHECK(more > buckets && more <= buckets * 5 / 4 + 1);
            buckets = more;
        }
        CHECK(phase == 0 || buckets != table_step(1000000, phase - 1));
    }
}

TEST(positions_cut_into_buckets_leave_none_out)
{
    struct account account;

    account_init(&account, NULL, 0);
    struct shelf *shelf = shelf_new(&account);

    for (size_t buckets = 1; buckets < 200; buckets += 3) {
        struct table *table = table_new(shelf, buckets);
        uint64_t cursor = 0;

        for (uint32_t number = 0; number < buckets; number++) {
            CHECK(index_bucket(table->buckets, (uint32_t)cursor) == number);
            cursor = index_position_behind(table, number);
            CHECK(index_bucket(table->buckets, (uint32_t)(cursor - 1)) == number);
        }
        CHECK(cursor == (uint64_t)1 << 32);
        table_free(shelf, &table);
    }
    shelf_free(&shelf);
}

/* One thread churns a table that is nearly full, another looks for what always stays. */
struct reading {
    const struct world *world;
    struct table *table;
    int stays;
    _Atomic bool stop;
    _Atomic uint64_t missed;
    _Atomic uint64_t found;
};

static bool reader_sees(const struct reading *reading, int number)
{
    struct name name;
    struct cache_key key = world_key(reading->world, number, &name);

    return index_find(reading->world->places, table_word(reading->table),
                      position(reading->world, number), &key)
               .entry != NULL;
}

/* Each home lists all that always stays. */
static size_t walk(const struct reading *reading, const bool *stays)
{
    size_t count = 0;

    for (uint32_t number = 0; number < reading->table->buckets; number++) {
        uint32_t refs[HOME_MAX];
        size_t listed = index_home(reading->table, number, refs);

        for (size_t i = 0; i < listed; i++)
            count += stays[refs[i]];
    }
    return count;
}

static void *read_all(void *argument)
{
    struct reading *reading = argument;
    static bool stays[UINT16_MAX * 64];

    for (int i = 0; i < reading->stays; i++)
        stays[reading->world->refs[i]] = true;
    while (!atomic_load(&reading->stop)) {
        for (int i = 0; i < reading->stays; i++) {
            bool seen = reader_sees(reading, i);

            atomic_fetch_add(seen ? &reading->found : &reading->missed, 1);
        }
        if (walk(reading, stays) < (size_t)reading->stays)
            atomic_fetch_add(&reading->missed, 1);
    }
    return NULL;
}

TEST(who_is_there_all_the_time_is_never_missed_while_others_push_it_around)
{
    enum { BUCKETS = 40, FILL = BUCKETS * BUCKET_SLOTS * 93 / 100, ROUNDS = 20000 };
    struct world world;
    struct reading reading = {.world = &world, .stays = FILL / 2};
    pthread_t thread;
    int *others = mem_new(FILL, sizeof *others);
    int count = 0;

    world_begin(&world);
    reading.table = table_new(world.shelf, BUCKETS);
    while (count < FILL && add(&world, reading.table, count)) {
        others[count] = count;
        count++;
    }
    CHECK(count > FILL * 9 / 10);
    CHECK(pthread_create(&thread, NULL, read_all, &reading) == 0);
    for (int i = 0; i < ROUNDS || atomic_load(&reading.found) == 0; i++) {
        int at =
            reading.stays + (int)random_below(&world.random, (uint64_t)(count - reading.stays));
        int next = FILL + (int)random_below(&world.random, ITEMS - FILL);

        if (find(&world, reading.table, next) != NULL)
            continue;
        index_remove(reading.table, find(&world, reading.table, others[at]));
        others[at] = add(&world, reading.table, next) ? next : others[at];
        if (others[at] != next)
            CHECK(add(&world, reading.table, others[at]));
    }
    atomic_store(&reading.stop, true);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(atomic_load(&reading.missed) == 0);
    mem_free(&others);
    table_free(world.shelf, &reading.table);
    world_end(&world);
}
