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
