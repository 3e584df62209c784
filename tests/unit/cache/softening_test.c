/* The promises of soft purges that come one after the other. SPDX-License-Identifier: MIT */
#include "cache_room.h"
#include "t.h"

#include "cache/softening.h"

TEST(an_entry_is_stale_since_the_first_purge_that_concerns_it)
{
    struct softening softening = {0};

    CHECK(softening_ms(&softening, 0) == INT64_MAX);
    softening_add(&softening, 10, 100, 0);
    softening_add(&softening, 20, 200, 0);
    CHECK(softening_ms(&softening, 9) == 100);
    CHECK(softening_ms(&softening, 15) == 200);
    CHECK(softening_ms(&softening, 20) == INT64_MAX);
}

TEST(a_third_purge_before_the_sweep_gives_nobody_more_time)
{
    struct softening softening = {0};

    softening_add(&softening, 10, 100, 0);
    softening_add(&softening, 20, 200, 0);
    softening_add(&softening, 30, 300, 0);
    CHECK(softening_ms(&softening, 9) == 100);
    CHECK(softening_ms(&softening, 15) == 100); /* 200, if there were a place for it */
    CHECK(softening_ms(&softening, 25) == 300);
    CHECK(softening_ms(&softening, 30) == INT64_MAX);
}

TEST(what_was_swept_makes_place_for_the_next)
{
    struct softening softening = {0};

    softening_add(&softening, 10, 100, 0);
    softening_add(&softening, 20, 200, 0);
    softening_add(&softening, 30, 300, 25);
    CHECK(softening_ms(&softening, 26) == 300);
    softening_add(&softening, 40, 400, 35);
    CHECK(softening_ms(&softening, 36) == 400);
}

/* A sweep is under way all the time, and never through with the newest purges. */
TEST(purges_without_a_pause_leave_nobody_behind)
{
    struct softening softening = {0};

    for (uint64_t number = 10; number < 10000; number += 10) {
        uint64_t swept = number < 100 ? 0 : number - number % 50 - 50;

        softening_add(&softening, number, (int64_t)number, swept);
        for (uint64_t put = swept; put < number; put++) {
            int64_t right_ms = (int64_t)(put - put % 10 + 10);
            int64_t ms = softening_ms(&softening, put);

            CHECK(ms <= right_ms);
            CHECK(ms >= right_ms - 200);
            CHECK(ms == right_ms || put < number - 10);
        }
    }
}

static enum err store(struct room *room, struct bytes tag)
{
    struct cache_put put = {.key = cache_key(room->cache, 0, BYTES("a")),
                            .body = BYTES("value"),
                            .expires_ms = 1000,
                            .stale_until_ms = 1100,
                            .tags = &tag,
                            .tag_count = 1};

    return cache_put(room->thread, &put, 0);
}

TEST(a_second_soft_purge_before_the_sweep_does_not_wake_the_dead)
{
    static const enum cache_purge_by kinds[] = {CACHE_BY_TAG, CACHE_BY_PREFIX, CACHE_BY_GLOB,
                                                CACHE_BY_SPACE, CACHE_BY_ALL};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct room room = room_new(64 << 20, "s3fifo");
        struct cache_key key = cache_key(room.cache, 0, BYTES("a"));
        struct cache_purge purge = {.by = kinds[i], .name = BYTES("a"), .soft = true};
        struct cache_view view;

        CHECK(store(&room, BYTES("a")) == ERR_OK);
        CHECK(cache_purge(room.thread, &purge, 200, NULL) == ERR_OK);
        CHECK(cache_look(room.thread, key, 299, &view) == CACHE_STALE);
        CHECK(cache_purge(room.thread, &purge, 299, NULL) == ERR_OK);
        CHECK(cache_look(room.thread, key, 300, &view) == CACHE_MISS);
        CHECK(cache_purge(room.thread, &purge, 301, NULL) == ERR_OK);
        CHECK(cache_look(room.thread, key, 301, &view) == CACHE_MISS);
        room_free(&room);
    }
}

TEST(a_new_expiry_does_not_make_fresh_what_a_soft_purge_made_stale)
{
    for (int turns = 0; turns <= 200; turns += 200) {
        struct room room = room_new(64 << 20, "s3fifo");
        struct cache_key key = cache_key(room.cache, 0, BYTES("a"));
        struct cache_purge purge = {.by = CACHE_BY_TAG, .name = BYTES("a"), .soft = true};
        struct cache_view view;

        CHECK(store(&room, BYTES("a")) == ERR_OK);
        CHECK(cache_purge(room.thread, &purge, 100, NULL) == ERR_OK);
        for (int turn = 0; turn < turns; turn++)
            (void)cache_turn(room.thread, 100);
        CHECK(cache_set_expiry(room.thread, key, 5000, 150));
        CHECK(cache_look(room.thread, key, 150, &view) == CACHE_STALE);
        CHECK(view.expires_ms == 100);
        CHECK(cache_look(room.thread, key, 200, &view) == CACHE_MISS);
        room_free(&room);
    }
}
