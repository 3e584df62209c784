/* Which entries leave or move, where it is not what the policy or the pool would do alone.
 * SPDX-License-Identifier: MIT */
#include "cache/pages.h"
#include "cache/store.h"
#include "cache_room.h"
#include "t.h"

enum { LIMIT = 16 << 20, LARGE = 256 << 10 };

static uint8_t filler[LARGE];

static enum err put_size(struct room *room, int number, size_t size)
{
    struct name name = name_of(number);
    struct cache_put put = {.key = cache_key(room->cache, 0, name_bytes(&name)),
                            .body = bytes_of(filler, size),
                            .expires_ms = CACHE_NEVER};

    return cache_put(room->thread, &put, 0);
}

static enum cache_state look(struct room *room, int number, struct cache_view *ret_view)
{
    struct name name = name_of(number);

    return cache_look(room->thread, cache_key(room->cache, 0, name_bytes(&name)), 0, ret_view);
}

TEST(a_large_value_that_is_spared_stays_where_it_is)
{
    struct room room = room_new(LIMIT, "s3fifo");
    struct cache_view view;
    const uint8_t *was = NULL;

    CHECK(put_size(&room, 0, LARGE) == ERR_OK);
    CHECK(look(&room, 0, &view) == CACHE_FRESH);
    was = view.value.data;
    for (int i = 1; i < 100000; i++) {
        CHECK(put_size(&room, i, 1000) == ERR_OK);
        if (i % 50 > 0)
            continue;
        (void)cache_turn(room.thread, 0);
        for (int hits = 0; hits < 3; hits++) {
            CHECK(look(&room, 0, &view) == CACHE_FRESH);
            CHECK(view.value.data == was);
        }
    }
    room_free(&room);
}

/* They are evicted, but their pages cannot be emptied before they are dropped. */
TEST(large_values_that_somebody_holds_do_not_keep_others_from_leaving)
{
    enum { HELD = 48 };

    for (const char *const *policy = policy_names(); *policy != NULL; policy++) {
        struct room room = room_new(LIMIT, *policy);
        struct cache_entry *held[HELD];
        struct cache_view view;

        if (strncmp(*policy, "volatile-", 9) == 0 || strcmp(*policy, "noeviction") == 0) {
            room_free(&room);
            continue;
        }
        for (int i = 0; i < HELD; i++) {
            CHECK(put_size(&room, i, LARGE / 2) == ERR_OK);
            CHECK(look(&room, i, &view) == CACHE_FRESH);
            held[i] = cache_hold(room.cache, &view);
        }
        for (int i = 0; i < 60000; i++) {
            CHECK(put_size(&room, HELD + i, 200) == ERR_OK);
            if (i % 10 == 0)
                cache_pass(room.thread);
        }
        for (int i = 0; i < HELD; i++)
            cache_drop(room.cache, &held[i]);
        room_free(&room);
    }
}

/* The limit was raised by more than there are addresses. */
TEST(without_addresses_something_leaves_and_nothing_waits_for_itself)
{
    struct room room = room_new(LIMIT, "s3fifo");
    struct region *region = &room.cache->pool->region;
    uint32_t unit_count = region->unit_count;
    struct cache_view view;
    unsigned refused = 0;

    region->unit_count = (uint32_t)((LIMIT / 4) >> region->unit_shift);
    for (int i = 0; i < 40000; i++) {
        refused += put_size(&room, i, 200) != ERR_OK;
        for (int hits = 0; hits < 3; hits++)
            (void)look(&room, i - i % 100, &view);
        cache_pass(room.thread);
    }
    CHECK(refused == 0);
    region->unit_count = unit_count;
    room_free(&room);
}

/* Between a put's choice of a queue and its place in it the policy may change. */
TEST(a_place_that_was_asked_for_in_a_queue_of_the_last_policy_comes_into_one_that_there_is)
{
    struct room room = room_new(LIMIT, "s3fifo");
    struct room_ask ask = {.size = 100, .queue = POLICY_QUEUES, .ends_ms = CACHE_NEVER};
    uint32_t ref = 0;
    bool young = false;

    CHECK(cache_set_policy(room.cache, "lru") == ERR_OK);
    (void)cache_turn(room.thread, 0);
    CHECK(order_take(room.cache, &ask, &ref, &young) == ERR_OK);
    CHECK(pool_queue_of(room.cache->pool, ref) == POLICY_FIRST);
    order_give(room.cache, &ref, 1);
    room_free(&room);
}

TEST(what_ends_at_the_same_time_is_gone_within_a_second_however_much_it_is)
{
    enum { ENDING = 100000, ENDS_MS = 10007 };
    struct room room = room_new((size_t)LIMIT * 16, "s3fifo");
    struct cache_metrics metrics;
    int64_t now_ms = ENDS_MS;

    for (int i = 0; i < ENDING; i++) {
        struct name name = name_of(i);
        struct cache_put put = {.key = cache_key(room.cache, 0, name_bytes(&name)),
                                .expires_ms = ENDS_MS};

        CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    }
    do
        now_ms = cache_turn(room.thread, now_ms);
    while (now_ms <= ENDS_MS + 1000);
    cache_read_metrics(room.cache, &metrics);
    CHECK(counter_read(&metrics.expired) == ENDING);
    CHECK(counter_read(&metrics.memory_values_bytes) == 0);
    room_free(&room);
}

/* It would not know the key any more at the second time. */
TEST(a_put_that_has_to_make_room_keeps_the_queue_that_the_policy_chose)
{
    struct room room = room_new(LIMIT, "s3fifo");
    struct name name = name_of(1);
    struct cache_put put = {.key = cache_key(room.cache, 0, name_bytes(&name)),
                            .body = bytes_of(filler, 100),
                            .expires_ms = CACHE_NEVER};
    struct recipe recipe = recipe_of(&put, 0);
    struct cache_entry *entry = NULL;

    cache_set_memory_max(room.cache, 1);
    CHECK(entry_make_at_once(room.cache, &recipe, NULL, &entry) == ERR_FULL);
    CHECK(recipe.queue == POLICY_FIRST);

    cache_set_memory_max(room.cache, LIMIT);
    recipe.queue = POLICY_QUEUES;
    CHECK(entry_make(room.thread, &recipe, &entry) == ERR_OK);
    CHECK(pool_queue_of(room.cache->pool, entry_ref(room.cache, entry)) == POLICY_QUEUES);
    entry_discard(room.cache, entry);
    room_free(&room);
}
