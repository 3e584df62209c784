/* The promises of cache/cache.h: storing, reading, expiry, eviction, steps.
 * SPDX-License-Identifier: MIT */
#include "cache/cache.h"
#include "cache_room.h"
#include "t.h"

#include <stdio.h>
#include <string.h>

TEST(what_was_stored_is_found_byte_for_byte)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_key key = cache_key(room.cache, 3, BYTES("user:1"));
    struct cache_view view;
    struct cache_put put = {.key = key,
                            .kind = 7,
                            .head = BYTES("head-"),
                            .body = BYTES("body"),
                            .expires_ms = CACHE_NEVER};

    CHECK(cache_look(room.thread, key, 0, &view) == CACHE_MISS);
    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    CHECK(cache_look(room.thread, key, 0, &view) == CACHE_FRESH);
    CHECK(bytes_equal(view.value, BYTES("head-body")));
    CHECK(view.kind == 7);
    CHECK(view.expires_ms == CACHE_NEVER);
    CHECK(!view.negative);
    CHECK(cache_look(room.thread, cache_key(room.cache, 4, BYTES("user:1")), 0, &view) ==
          CACHE_MISS);
    CHECK(cache_count(room.cache, 3) == 1);
    CHECK(cache_remove(room.thread, key, 0));
    CHECK(!cache_remove(room.thread, key, 0));
    CHECK(cache_look(room.thread, key, 0, &view) == CACHE_MISS);
    CHECK(cache_count(room.cache, 3) == 0);
    room_free(&room);
}

TEST(two_hundred_thousand_keys_are_all_found_while_the_index_grows)
{
    struct room room = room_new(512 << 20, "s3fifo");
    enum { KEYS = 200000 };
    struct cache_view view;

    for (int i = 0; i < KEYS; i++) {
        CHECK(room_put(&room, 0, i, i) == ERR_OK);
        if (i % 100 == 0)
            (void)cache_turn(room.thread, 0);
    }
    CHECK(cache_count(room.cache, 0) == KEYS);
    for (int i = 0; i < KEYS; i++) {
        struct name name = name_of(i);
        int got = 0;

        CHECK(cache_look(room.thread, cache_key(room.cache, 0, name_bytes(&name)), 0, &view) ==
              CACHE_FRESH);
        CHECK(view.value.size == sizeof got);
        memcpy(&got, view.value.data, sizeof got);
        CHECK(got == i);
    }
    for (int i = 0; i < KEYS; i++) {
        struct name name = name_of(i);

        CHECK(cache_remove(room.thread, cache_key(room.cache, 0, name_bytes(&name)), 0));
        if (i % 100 == 0)
            (void)cache_turn(room.thread, 0);
    }
    CHECK(cache_count(room.cache, 0) == 0);
    room_free(&room);
}

/* ---- expiry ------------------------------------------------------------------------------ */

static enum err store(struct room *room, int number, int64_t expires_ms, int64_t stale_until_ms,
                      int64_t now_ms)
{
    struct name name = name_of(number);
    struct cache_put put = {.key = cache_key(room->cache, 0, name_bytes(&name)),
                            .body = bytes_of(&number, sizeof number),
                            .expires_ms = expires_ms,
                            .stale_until_ms = stale_until_ms};

    return cache_put(room->thread, &put, now_ms);
}

static enum cache_state state_of(struct room *room, int number, int64_t now_ms)
{
    struct name name = name_of(number);
    struct cache_view view;

    return cache_peek(room->thread, cache_key(room->cache, 0, name_bytes(&name)), now_ms, &view);
}

TEST(many_looked_up_at_once_are_what_they_are_one_by_one)
{
    enum { MANY = 100 };
    struct room room = room_new(64 << 20, "s3fifo");
    static struct name names[MANY];
    static struct cache_key keys[MANY];
    static struct cache_view views[MANY];
    struct cache_metrics metrics;

    for (int i = 0; i < MANY; i++) {
        names[i] = name_of(i);
        keys[i] = cache_key(room.cache, 0, name_bytes(&names[i]));
        if (i % 3 != 0)
            CHECK(room_put(&room, 0, i, i) == ERR_OK);
    }
    for (size_t count = 0; count <= MANY; count += 25) {
        cache_look_many(room.thread, keys, count, 0, views);
        for (size_t i = 0; i < count; i++) {
            int value = (int)i;

            CHECK((views[i].state == CACHE_FRESH) == (i % 3 != 0));
            CHECK(i % 3 == 0 || bytes_equal(views[i].value, bytes_of(&value, sizeof value)));
        }
    }
    cache_read_metrics(room.cache, &metrics);
    CHECK(counter_read(&metrics.hits) + counter_read(&metrics.misses) == 25 + 50 + 75 + 100);
    room_free(&room);
}

TEST(an_entry_is_fresh_then_stale_then_in_grace_then_gone)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_key key = cache_key(room.cache, 0, BYTES("k"));
    struct cache_put put = {.key = key,
                            .body = BYTES("v"),
                            .expires_ms = 100,
                            .stale_until_ms = 150,
                            .error_until_ms = 170};
    struct cache_view view;

    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    CHECK(cache_look(room.thread, key, 99, &view) == CACHE_FRESH);
    CHECK(cache_look(room.thread, key, 100, &view) == CACHE_STALE);
    CHECK(cache_look(room.thread, key, 149, &view) == CACHE_STALE);
    CHECK(cache_look(room.thread, key, 150, &view) == CACHE_GRACE);
    CHECK(cache_look(room.thread, key, 169, &view) == CACHE_GRACE);
    CHECK(cache_look(room.thread, key, 170, &view) == CACHE_MISS);
    CHECK(cache_set_expiry(room.thread, key, 1000, 160));
    CHECK(cache_look(room.thread, key, 1049, &view) == CACHE_STALE);
    CHECK(cache_look(room.thread, key, 1069, &view) == CACHE_GRACE);
    CHECK(cache_set_expiry(room.thread, key, CACHE_NEVER, 160));
    CHECK(cache_look(room.thread, key, CACHE_NEVER - 1, &view) == CACHE_FRESH);
    CHECK(cache_set_expiry(room.thread, key, 160, 160));
    CHECK(cache_look(room.thread, key, 160, &view) == CACHE_MISS);
    CHECK(!cache_set_expiry(room.thread, key, 1000, 160));
    room_free(&room);
}

/* Times over the whole range of the wheel; the clock goes in uneven steps. Never early by the
 * count, gone within a second. */
TEST(memory_of_what_expired_is_back_within_a_second)
{
    enum { KEYS = 20000 };
    struct room room = room_new(64 << 20, "s3fifo");
    struct random random;
    static int64_t ends[KEYS];
    int64_t now_ms = 1000000;

    random_init(&random, 3);
    for (int i = 0; i < KEYS; i++) {
        ends[i] = now_ms + 1 + (int64_t)random_below(&random, (uint64_t)1 << (4 + i % 24));
        CHECK(store(&room, i, i % 3 == 0 ? ends[i] : now_ms + 1, ends[i], now_ms) == ERR_OK);
    }
    while (cache_count(room.cache, 0) > 0) {
        int64_t until_ms = now_ms + 1 + (int64_t)random_below(&random, 3000);
        size_t over = 0, alive = 0;

        /* As a loop would: at the times that it was told, and in between. */
        for (int64_t due = cache_turn(room.thread, now_ms); now_ms < until_ms;) {
            now_ms = due < until_ms ? due : until_ms;
            due = cache_turn(room.thread, now_ms);
        }
        for (int i = 0; i < KEYS; i++) {
            over += ends[i] <= now_ms - 1000;
            alive += ends[i] > now_ms;
        }
        CHECK(cache_count(room.cache, 0) <= KEYS - over);
        CHECK(cache_count(room.cache, 0) >= alive);
        if (now_ms > 1000000 + (1 << 20))
            now_ms += 1 << 16;
    }
    CHECK(cache_turn(room.thread, now_ms) == CACHE_NEVER);
    room_free(&room);
}

TEST(a_changed_expiry_counts_and_the_old_one_does_not)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct name name = name_of(1);
    struct cache_key key = cache_key(room.cache, 0, name_bytes(&name));

    CHECK(store(&room, 1, 100, 0, 0) == ERR_OK);
    CHECK(cache_set_expiry(room.thread, key, 100000, 50));
    (void)cache_turn(room.thread, 5000);
    CHECK(state_of(&room, 1, 5000) == CACHE_FRESH);
    CHECK(cache_set_expiry(room.thread, key, 6000, 5000));
    (void)cache_turn(room.thread, 6500);
    CHECK(cache_count(room.cache, 0) == 0);
    room_free(&room);
}

/* ---- holding, objects -------------------------------------------------------------------- */

TEST(what_is_held_stays_readable_whatever_happens_to_the_key)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_key key = cache_key(room.cache, 0, BYTES("k"));
    struct cache_put put = {.key = key, .body = BYTES("first"), .expires_ms = CACHE_NEVER};
    struct cache_view view;
    struct cache_entry *held = NULL;
    struct bytes value;

    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    CHECK(cache_look(room.thread, key, 0, &view) == CACHE_FRESH);
    held = cache_hold(room.cache, &view);
    value = view.value;
    put.body = BYTES("second");
    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    CHECK(cache_remove(room.thread, key, 0));
    for (int i = 0; i < 10; i++)
        (void)cache_turn(room.thread, 0);
    CHECK(bytes_equal(value, BYTES("first")));
    cache_drop(room.cache, &held);
    CHECK(held == NULL);
    room_free(&room);
}

struct thing {
    size_t cost;
    int *freed;
};

static size_t thing_cost(const void *object)
{
    return ((const struct thing *)object)->cost;
}

static void thing_free(void *object)
{
    ++*((struct thing *)object)->freed;
}

TEST(objects_are_charged_and_freed_when_nobody_can_see_them)
{
    static const struct cache_object_ops ops = {thing_cost, thing_free};
    struct room room = room_new(64 << 20, "s3fifo");
    int freed = 0;
    struct thing things[2] = {{1000, &freed}, {500, &freed}};
    struct cache_key key = cache_key(room.cache, 0, BYTES("k"));
    struct cache_put put = {.key = key, .kind = 4, .object = &things[0], .expires_ms = CACHE_NEVER};
    struct cache_metrics metrics;
    struct cache_view view;

    cache_set_object_ops(room.cache, 4, &ops);
    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    CHECK(cache_look(room.thread, key, 0, &view) == CACHE_FRESH);
    CHECK(view.object == &things[0]);
    cache_lock(room.thread, &key, 1);
    things[0].cost = 3000;
    cache_object_changed(room.thread, key, 0);
    cache_unlock(room.thread);
    CHECK(cache_look(room.thread, key, 0, &view) == CACHE_FRESH);
    cache_read_metrics(room.cache, &metrics);
    CHECK(counter_read(&metrics.memory_objects_bytes) == 3000);
    put.object = &things[1];
    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    CHECK(freed == 0);
    (void)cache_turn(room.thread, 0);
    CHECK(freed == 1);
    CHECK(cache_remove(room.thread, key, 0));
    (void)cache_turn(room.thread, 0);
    CHECK(freed == 2);
    cache_read_metrics(room.cache, &metrics);
    CHECK(counter_read(&metrics.memory_objects_bytes) == 0);
    room_free(&room);
}

/* ---- scanning ---------------------------------------------------------------------------- */

enum { SCANNED = 5000 };

struct scan {
    unsigned char seen[2 * SCANNED];
    size_t count;
};

static bool on_scanned(void *context, struct bytes name, const struct cache_view *view)
{
    struct scan *scan = context;
    int number = 0;

    (void)name;
    memcpy(&number, view->value.data, sizeof number);
    scan->seen[number]++;
    scan->count++;
    return true;
}

TEST(a_scan_sees_each_entry_once_while_the_index_grows_and_shrinks)
{
    struct room room = room_new(64 << 20, "s3fifo");
    static struct scan scan;
    uint64_t cursor = 0;
    int added = SCANNED;

    for (int i = 0; i < SCANNED; i++)
        CHECK(room_put(&room, 0, i, i) == ERR_OK);
    CHECK(room_put(&room, 1, 1, 2 * SCANNED - 1) == ERR_OK);
    do {
        cursor = cache_scan(room.thread, 0, cursor, 10, on_scanned, &scan, 0);
        for (int i = 0; i < 20 && added < 2 * SCANNED - 1; i++, added++)
            CHECK(room_put(&room, 0, added, added) == ERR_OK);
        for (int i = 0; cursor >> 32 > 40 && i < 20 && added > SCANNED; i++) {
            struct name name = name_of(--added);

            CHECK(cache_remove(room.thread, cache_key(room.cache, 0, name_bytes(&name)), 0));
        }
        (void)cache_turn(room.thread, 0);
    } while (cursor != 0);
    for (int i = 0; i < SCANNED; i++)
        CHECK(scan.seen[i] == 1);
    for (int i = SCANNED; i < 2 * SCANNED; i++)
        CHECK(scan.seen[i] <= 1);
    CHECK(scan.seen[2 * SCANNED - 1] == 0);
    room_free(&room);
}

TEST(a_random_key_is_one_of_the_space)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct random random;
    struct bytes name;
    bool seen[10] = {0};

    random_init(&random, 1);
    CHECK(!cache_random(room.thread, 3, &random, 0, &name));
    for (int i = 0; i < 10; i++)
        CHECK(room_put(&room, 3, i, i) == ERR_OK);
    for (int i = 0; i < 100; i++)
        CHECK(room_put(&room, 4, i, i) == ERR_OK);
    for (int i = 0; i < 1000; i++) {
        CHECK(cache_random(room.thread, 3, &random, 0, &name));
        seen[name.data[name.size - 1] - '0'] = true;
    }
    for (int i = 0; i < 10; i++)
        CHECK(seen[i]);
    room_free(&room);
}
