/* The promises of invalidation, one by one; those against loads in flight are in orders_test.c.
 * SPDX-License-Identifier: MIT */
#include "cache_room.h"
#include "t.h"

#include <string.h>

static enum err store(struct room *room, unsigned space, struct bytes name, struct bytes tag)
{
    struct cache_put put = {.key = cache_key(room->cache, space, name),
                            .body = BYTES("value"),
                            .expires_ms = 1000,
                            .stale_until_ms = 2000,
                            .error_until_ms = 3000,
                            .tags = &tag,
                            .tag_count = tag.size > 0};

    return cache_put(room->thread, &put, 0);
}

static enum cache_state state_of(struct room *room, unsigned space, struct bytes name,
                                 int64_t now_ms)
{
    struct cache_view view;

    return cache_look(room->thread, cache_key(room->cache, space, name), now_ms, &view);
}

TEST(a_tag_takes_all_that_has_it_and_nothing_else)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_purge purge = {.by = CACHE_BY_TAG, .name = BYTES("red")};

    CHECK(store(&room, 0, BYTES("a"), BYTES("red")) == ERR_OK);
    CHECK(store(&room, 16, BYTES("b"), BYTES("red")) == ERR_OK);
    CHECK(store(&room, 0, BYTES("c"), BYTES("blue")) == ERR_OK);
    CHECK(cache_purge_preview(room.thread, &purge, 0) == 2);
    CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
    CHECK(state_of(&room, 0, BYTES("a"), 0) == CACHE_MISS);
    CHECK(state_of(&room, 16, BYTES("b"), 0) == CACHE_MISS);
    CHECK(state_of(&room, 0, BYTES("c"), 0) == CACHE_FRESH);
    CHECK(store(&room, 0, BYTES("a"), BYTES("red")) == ERR_OK);
    CHECK(state_of(&room, 0, BYTES("a"), 0) == CACHE_FRESH);
    room_free(&room);
}

TEST(a_soft_purge_makes_stale_from_now_on_whatever_the_expiry_said)
{
    static const enum cache_purge_by kinds[] = {CACHE_BY_KEY,  CACHE_BY_TAG,   CACHE_BY_PREFIX,
                                                CACHE_BY_GLOB, CACHE_BY_SPACE, CACHE_BY_ALL};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct room room = room_new(64 << 20, "s3fifo");
        struct cache_purge purge = {.by = kinds[i],
                                    .key = cache_key(room.cache, 0, BYTES("a")),
                                    .name = BYTES("a"),
                                    .soft = true};

        CHECK(store(&room, 0, BYTES("a"), BYTES("a")) == ERR_OK);
        CHECK(cache_purge(room.thread, &purge, 100, NULL) == ERR_OK);
        CHECK(state_of(&room, 0, BYTES("a"), 99) == CACHE_STALE);
        CHECK(state_of(&room, 0, BYTES("a"), 1099) == CACHE_STALE);
        for (int turn = 0; turn < 100; turn++)
            (void)cache_turn(room.thread, 200);
        CHECK(cache_purge(room.thread, &purge, 500, NULL) == ERR_OK);
        CHECK(state_of(&room, 0, BYTES("a"), 1099) == CACHE_STALE);
        CHECK(state_of(&room, 0, BYTES("a"), 1100) == CACHE_GRACE);
        CHECK(state_of(&room, 0, BYTES("a"), 2099) == CACHE_GRACE);
        CHECK(state_of(&room, 0, BYTES("a"), 2100) == CACHE_MISS);
        room_free(&room);
    }
}

TEST(prefixes_and_patterns_go_at_once_and_their_memory_in_the_background)
{
    enum { KEYS = 3000 };
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_purge purge = {.by = CACHE_BY_GLOB, .name = BYTES("key:*7")};
    struct cache_metrics metrics;
    size_t left = 0;

    for (int i = 0; i < KEYS; i++)
        CHECK(room_put(&room, 0, i, i) == ERR_OK);
    CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
    for (int i = 0; i < KEYS; i++) {
        struct name name = name_of(i);

        CHECK((state_of(&room, 0, name_bytes(&name), 0) == CACHE_MISS) == (i % 10 == 7));
    }
    for (int turn = 0; turn < 1000 && cache_turn(room.thread, 0) != CACHE_NEVER; turn++)
        continue;
    cache_read_metrics(room.cache, &metrics);
    CHECK(counter_read(&metrics.purged) == KEYS / 10);
    CHECK(cache_count(room.cache, 0) == KEYS - KEYS / 10);
    purge = (struct cache_purge){.by = CACHE_BY_PREFIX, .name = BYTES("key:00000000000")};
    CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
    for (int i = 0; i < KEYS; i++) {
        struct name name = name_of(i);

        left += state_of(&room, 0, name_bytes(&name), 0) != CACHE_MISS;
    }
    CHECK(left == KEYS - KEYS / 10 - 9);
    room_free(&room);
}

TEST(rules_are_limited_and_come_free_again)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_purge purge = {.by = CACHE_BY_PREFIX, .name = BYTES("x")};
    int taken = 0;

    while (cache_purge(room.thread, &purge, 0, NULL) == ERR_OK)
        taken++;
    CHECK(taken == 64);
    for (int turn = 0; turn < 1000 && cache_turn(room.thread, 0) != CACHE_NEVER; turn++)
        continue;
    CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
    room_free(&room);
}

TEST(a_space_is_empty_and_counted_so_at_once)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_purge purge = {.by = CACHE_BY_SPACE, .space = 2};

    for (int i = 0; i < 1000; i++) {
        CHECK(room_put(&room, 2, i, i) == ERR_OK);
        CHECK(room_put(&room, 3, i, i) == ERR_OK);
    }
    CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
    CHECK(cache_count(room.cache, 2) == 0);
    CHECK(cache_count(room.cache, 3) == 1000);
    for (int i = 0; i < 10; i++)
        CHECK(room_put(&room, 2, i, i) == ERR_OK);
    CHECK(cache_count(room.cache, 2) == 10);
    for (int turn = 0; turn < 1000 && cache_turn(room.thread, 0) != CACHE_NEVER; turn++)
        continue;
    CHECK(cache_count(room.cache, 2) == 10);
    CHECK(cache_count(room.cache, 3) == 1000);
    room_free(&room);
}

/* Entries without tags know the number of such purges by its last bits only. */
TEST(ever_so_many_purges_before_the_sweep_confuse_nothing)
{
    enum { PURGES = 40000 };

    for (int whole = 0; whole < 2; whole++) {
        struct room room = room_new(64 << 20, "s3fifo");
        struct cache_purge purge = {.by = CACHE_BY_SPACE, .space = 2};

        CHECK(store(&room, 2, BYTES("gone"), BYTES("")) == ERR_OK);
        CHECK(store(&room, 4, BYTES("stays"), BYTES("")) == ERR_OK);
        CHECK(room_put(&room, 2, 1, 1) == ERR_OK);
        CHECK(room_put(&room, 4, 1, 1) == ERR_OK);
        if (whole == 1)
            cache_lock_all(room.thread);
        CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
        purge.space = 3;
        for (int i = 0; i < PURGES; i++) {
            struct name name = name_of(1);
            enum err err = cache_purge(room.thread, &purge, 0, NULL);

            CHECK(err == ERR_OK || err == ERR_FULL);
            CHECK(state_of(&room, 2, BYTES("gone"), 0) == CACHE_MISS);
            CHECK(state_of(&room, 2, name_bytes(&name), 0) == CACHE_MISS);
            CHECK(state_of(&room, 4, name_bytes(&name), 0) == CACHE_FRESH);
            CHECK(state_of(&room, 4, BYTES("stays"), 0) == CACHE_FRESH);
        }
        if (whole == 1)
            cache_unlock(room.thread);
        CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
        room_free(&room);
    }
}

TEST(an_old_purge_of_a_tag_does_not_concern_who_gets_the_tag_later)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_purge purge = {.by = CACHE_BY_TAG, .name = BYTES("red")};
    struct bytes red = BYTES("red");
    struct cache_key key = cache_key(room.cache, 0, BYTES("a"));
    struct cache_view view;

    CHECK(store(&room, 0, BYTES("a"), BYTES("blue")) == ERR_OK);
    CHECK(store(&room, 0, BYTES("b"), red) == ERR_OK);
    CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
    CHECK(cache_tag(room.thread, key, &red, 1, 0) == ERR_OK);
    CHECK(cache_tag(room.thread, key, &red, 1, 0) == ERR_OK);
    CHECK(cache_look(room.thread, key, 0, &view) == CACHE_FRESH);
    CHECK(bytes_equal(view.value, BYTES("value")));
    CHECK(view.stale_until_ms == 2000);
    CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
    CHECK(state_of(&room, 0, BYTES("a"), 0) == CACHE_MISS);
    CHECK(cache_tag(room.thread, key, &red, 1, 0) == ERR_MISS);
    room_free(&room);
}

/* The tag's record goes with its last entry; the load that began before must still be caught. */
TEST(a_load_is_caught_by_the_purge_of_a_tag_that_nothing_else_has)
{
    for (int sweep = 0; sweep < 2; sweep++) {
        struct room room = room_new(64 << 20, "s3fifo");
        struct cache_purge purge = {.by = CACHE_BY_TAG, .name = BYTES("red")};
        struct cache_ask ask = {.lease_ms = 100000, .no_wait = true};
        struct bytes red = BYTES("red");
        struct cache_put put = {.key = cache_key(room.cache, 0, BYTES("loading")),
                                .body = BYTES("old"),
                                .expires_ms = 1000,
                                .tags = &red,
                                .tag_count = 1};
        struct cache_lease lease;
        struct cache_view view;
        struct cache_metrics metrics;

        if (sweep == 1)
            CHECK(store(&room, 0, BYTES("other"), red) == ERR_OK);
        CHECK(cache_get(room.thread, put.key, &ask, 0, NULL, &view, &lease, NULL) == CACHE_LEAD);
        CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
        for (int turn = 0; turn < 200; turn++)
            (void)cache_turn(room.thread, 0);
        CHECK(cache_is_purged_since(room.thread, put.key, &red, 1, lease.sequence));
        CHECK(cache_fill(room.thread, &lease, &put, 0) == ERR_DROPPED);
        for (int turn = 0; turn < 200; turn++)
            (void)cache_turn(room.thread, 0);
        cache_read_metrics(room.cache, &metrics);
        CHECK(counter_read(&metrics.tags) == 0);
        room_free(&room);
    }
}

static int changes;

static void on_change(struct cache_watch *watch)
{
    (void)watch;
    changes++;
}

TEST(watches_are_told_of_what_concerns_them)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_key key = cache_key(room.cache, 0, BYTES("a"));
    struct cache_watch watch;
    struct cache_purge purge = {.by = CACHE_BY_TAG, .name = BYTES("red")};

    changes = 0;
    cache_watch(room.thread, key, &watch, on_change);
    CHECK(store(&room, 0, BYTES("a"), BYTES("red")) == ERR_OK);
    CHECK(changes == 1);
    CHECK(store(&room, 0, BYTES("b"), BYTES("blue")) == ERR_OK);
    CHECK(changes == 1);
    CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
    CHECK(changes == 2);
    for (int turn = 0; turn < 200; turn++)
        (void)cache_turn(room.thread, 0);
    CHECK(changes == 2);
    CHECK(store(&room, 0, BYTES("a"), BYTES("blue")) == ERR_OK);
    CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
    CHECK(changes == 3);
    CHECK(cache_set_expiry(room.thread, key, 50, 0));
    CHECK(changes == 4);
    (void)cache_turn(room.thread, 5000);
    CHECK(changes == 5);
    purge = (struct cache_purge){.by = CACHE_BY_ALL};
    CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
    CHECK(changes == 6);
    cache_unwatch(room.thread, &watch);
    CHECK(store(&room, 0, BYTES("a"), BYTES("red")) == ERR_OK);
    CHECK(changes == 6);
    room_free(&room);
}

struct ends_with {
    struct cache_test test;
    uint8_t end;
    unsigned *dropped;
};

static bool fits_end(const struct cache_test *test, struct bytes name)
{
    const struct ends_with *ends = (const struct ends_with *)test;

    return name.size > 0 && name.data[name.size - 1] == ends->end;
}

static void drop_end(struct cache_test *test)
{
    ++*((struct ends_with *)test)->dropped;
}

TEST(a_test_takes_all_that_fits_it_and_is_dropped_when_it_is_through)
{
    struct room room = room_new(64 << 20, "s3fifo");
    unsigned dropped = 0;
    struct ends_with ends = {.test = {fits_end, drop_end}, .end = '7', .dropped = &dropped};
    struct cache_purge purge = {.by = CACHE_BY_TEST, .test = &ends.test, .space = 16};

    CHECK(store(&room, 16, BYTES("a7"), BYTES("")) == ERR_OK);
    CHECK(store(&room, 16, BYTES("a8"), BYTES("")) == ERR_OK);
    CHECK(store(&room, 0, BYTES("a7"), BYTES("")) == ERR_OK);
    CHECK(cache_purge_preview(room.thread, &purge, 0) == 1);
    CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
    CHECK(state_of(&room, 16, BYTES("a7"), 0) == CACHE_MISS);
    CHECK(state_of(&room, 16, BYTES("a8"), 0) == CACHE_FRESH);
    CHECK(state_of(&room, 0, BYTES("a7"), 0) == CACHE_FRESH);
    CHECK(store(&room, 16, BYTES("a7"), BYTES("")) == ERR_OK);
    CHECK(state_of(&room, 16, BYTES("a7"), 0) == CACHE_FRESH);
    room_free(&room);
    CHECK(dropped == 1);
}
