/* The promises about memory: the limit is the limit. SPDX-License-Identifier: MIT */
#include "cache/policy.h"
#include "cache_room.h"
#include "t.h"

#include <string.h>

enum { LIMIT = 16 << 20, OVERSHOOT = 4 << 20 };

static uint8_t filler[65536];

static size_t used(const struct room *room)
{
    return account_used(cache_account(room->cache));
}

static size_t values_bytes(const struct room *room)
{
    struct cache_metrics metrics;

    cache_read_metrics(room->cache, &metrics);
    return counter_read(&metrics.memory_values_bytes);
}

/* Puts as a door would: a turn for every 64 KiB of input. */
struct writer {
    struct room *room;
    struct random random;
    size_t since_turn;
    size_t peak;
    bool ends; /* every value has an hour to live */
};

static enum err write_one(struct writer *writer, int number, size_t size, int64_t now_ms)
{
    struct name name = name_of(number);
    struct cache_put put = {.key = cache_key(writer->room->cache, 0, name_bytes(&name)),
                            .body = bytes_of(filler, size),
                            .expires_ms = writer->ends ? now_ms + 3600000 : CACHE_NEVER};
    enum err err = cache_put(writer->room->thread, &put, now_ms);

    if (used(writer->room) > writer->peak)
        writer->peak = used(writer->room);
    writer->since_turn += size + name.size;
    if (writer->since_turn >= 65536) {
        writer->since_turn = 0;
        (void)cache_turn(writer->room->thread, now_ms);
    }
    return err;
}

TEST(writes_of_mixed_sizes_never_fail_and_stay_within_the_limit)
{
    for (const char *const *policy = policy_names(); *policy != NULL; policy++) {
        struct room room = room_new(LIMIT, *policy);
        struct writer writer = {.room = &room, .ends = strncmp(*policy, "volatile-", 9) == 0};
        struct cache_metrics metrics;

        if (strcmp(*policy, "noeviction") == 0) {
            room_free(&room);
            continue;
        }
        random_init(&writer.random, 1);
        for (int i = 0; i < 15000; i++) {
            size_t size = (size_t)16 << random_below(&writer.random, 12);

            size += random_below(&writer.random, size);
            CHECK(write_one(&writer, i, size, 0) == ERR_OK);
        }
        cache_read_metrics(room.cache, &metrics);
        CHECK(writer.peak <= LIMIT + OVERSHOOT);
        CHECK(counter_read(&metrics.evicted) > 0);
        CHECK(counter_read(&metrics.refused_full) == 0);
        CHECK(counter_read(&metrics.memory_values_bytes) > LIMIT / 2);
        room_free(&room);
    }
}

TEST(a_volatile_policy_keeps_what_never_ends_and_refuses_writes_when_nothing_else_is_there)
{
    struct room room = room_new(LIMIT, "volatile-lru");
    struct writer writer = {.room = &room};
    struct cache_metrics metrics;
    int kept = 0;

    for (; kept < 4000; kept++)
        CHECK(write_one(&writer, kept, 500, 0) == ERR_OK);
    writer.ends = true;
    for (int i = 0; i < 40000; i++)
        CHECK(write_one(&writer, 100000 + i, 500, 0) == ERR_OK);
    cache_read_metrics(room.cache, &metrics);
    CHECK(counter_read(&metrics.evicted) > 0);
    writer.ends = false;
    while (kept < 100000 && write_one(&writer, kept, 500, 0) == ERR_OK)
        kept++;
    CHECK(kept > 4000);
    CHECK(kept < 40000);
    for (int i = 0; i < kept; i++) {
        struct name name = name_of(i);
        struct cache_key key = cache_key(room.cache, 0, name_bytes(&name));
        struct cache_view view;

        CHECK(cache_peek(room.thread, key, 0, &view) == CACHE_FRESH);
    }
    room_free(&room);
}

/* Small, then large, then small again: pages of one size must become pages of the other. */
TEST(memory_moves_between_sizes_when_the_traffic_changes)
{
    static const size_t sizes[] = {32, 60000, 700, 100, 20000, 48};
    struct room room = room_new(LIMIT, "s3fifo");
    struct writer writer = {.room = &room};

    for (size_t phase = 0; phase < sizeof sizes / sizeof sizes[0]; phase++) {
        int count = (int)(3 * (size_t)LIMIT / (sizes[phase] + 100));

        for (int i = 0; i < count; i++)
            CHECK(write_one(&writer, i + (int)phase * 1000000, sizes[phase], 0) == ERR_OK);
        CHECK(cache_count(room.cache, 0) > (size_t)count / 8);
    }
    CHECK(writer.peak <= LIMIT + OVERSHOOT);
    room_free(&room);
}

TEST(without_eviction_a_full_cache_refuses)
{
    struct room room = room_new(LIMIT, "noeviction");
    struct writer writer = {.room = &room};
    enum err err = ERR_OK;
    int stored = 0;
    struct cache_view view;
    struct name name = name_of(0);

    for (; err == ERR_OK && stored < 100000; stored++)
        err = write_one(&writer, stored, 1000, 0);
    CHECK(err == ERR_FULL);
    CHECK(stored > 8000);
    CHECK(cache_look(room.thread, cache_key(room.cache, 0, name_bytes(&name)), 0, &view) ==
          CACHE_FRESH);
    CHECK(used(&room) <= LIMIT);
    room_free(&room);
}

/* What a purge has removed is there until it is swept; nobody is refused for its sake. */
TEST(without_eviction_there_is_room_as_soon_as_a_purge_has_returned)
{
    struct room room = room_new(LIMIT, "noeviction");
    struct writer writer = {.room = &room};
    struct cache_purge purge = {.by = CACHE_BY_SPACE, .space = 0};

    for (int round = 0; round < 3; round++) {
        int stored = 0;

        while (write_one(&writer, stored, 1000, 0) == ERR_OK)
            stored++;
        CHECK(stored > 8000);
        CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
    }
    room_free(&room);
}

TEST(the_engine_gives_way_when_others_need_memory)
{
    struct room room = room_new(LIMIT, "s3fifo");
    struct writer writer = {.room = &room};
    struct account buffers;

    account_init(&buffers, cache_account(room.cache), 0);
    for (int i = 0; i < 20000; i++)
        CHECK(write_one(&writer, i, 1000, 0) == ERR_OK);
    for (int i = 0; i < 64; i++) {
        bool charged = false;

        for (int turn = 0; turn < 100 && !charged; turn++) {
            charged = account_charge(&buffers, 65536);
            (void)cache_turn(room.thread, 0);
        }
        CHECK(charged);
    }
    CHECK(used(&room) <= LIMIT + OVERSHOOT);
    account_refund(&buffers, account_used(&buffers));
    room_free(&room);
}

TEST(a_lower_limit_is_reached_in_the_following_turns)
{
    struct room room = room_new(LIMIT, "s3fifo");
    struct writer writer = {.room = &room};

    for (int i = 0; i < 20000; i++)
        CHECK(write_one(&writer, i, 1000, 0) == ERR_OK);
    cache_set_memory_max(room.cache, LIMIT / 2);
    for (int turn = 0; turn < 500; turn++)
        (void)cache_turn(room.thread, 0);
    CHECK(used(&room) <= LIMIT / 2);
    CHECK(cache_count(room.cache, 0) > 4000);
    cache_set_memory_max(room.cache, (size_t)2 * LIMIT);
    for (int i = 0; i < 30000; i++)
        CHECK(write_one(&writer, i, 1000, 0) == ERR_OK);
    CHECK(cache_count(room.cache, 0) > 25000);
    room_free(&room);
}

TEST(the_policy_can_be_changed_while_it_runs)
{
    struct room room = room_new(LIMIT, "lru");
    struct writer writer = {.room = &room};

    for (int i = 0; i < 20000; i++)
        CHECK(write_one(&writer, i, 1000, 0) == ERR_OK);
    CHECK(cache_set_policy(room.cache, "no such") == ERR_MISS);
    CHECK(cache_set_policy(room.cache, "sieve") == ERR_OK);
    for (int i = 0; i < 20000; i++)
        CHECK(write_one(&writer, i, 1000, 0) == ERR_OK);
    CHECK(cache_set_policy(room.cache, "noeviction") == ERR_OK);
    CHECK(cache_set_policy(room.cache, "s3fifo") == ERR_OK);
    (void)cache_turn(room.thread, 0);
    for (int i = 0; i < 20000; i++)
        CHECK(write_one(&writer, i, 1000, 0) == ERR_OK);
    room_free(&room);
}

/* One turn with a reader's eyes on something: what it writes meanwhile reuses what it replaced. */
TEST(within_one_turn_passing_lets_memory_be_used_again)
{
    struct room room = room_new(LIMIT, "s3fifo");
    struct name name = name_of(1);
    struct cache_key key = cache_key(room.cache, 0, name_bytes(&name));
    struct cache_put put = {
        .key = key, .body = bytes_of(filler, sizeof filler), .expires_ms = CACHE_NEVER};
    struct cache_view view;
    size_t peak = 0;

    for (int i = 0; i < 2000; i++) {
        CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
        CHECK(cache_look(room.thread, key, 0, &view) == CACHE_FRESH);
        cache_pass(room.thread);
        peak = used(&room) > peak ? used(&room) : peak;
    }
    CHECK(peak < LIMIT / 4);
    room_free(&room);
}

/* A step over one key spares what it holds; one over all may evict anything. */
TEST(room_is_made_inside_a_step)
{
    struct room room = room_new(LIMIT, "s3fifo");
    struct writer writer = {.room = &room};
    struct name name = name_of(77);
    struct cache_key key = cache_key(room.cache, 0, name_bytes(&name));
    struct cache_view view;

    for (int i = 0; i < 30000; i++) {
        bool all = i % 2 == 0;
        struct name other = name_of(i);
        struct cache_put put = {.key = cache_key(room.cache, 0, name_bytes(&other)),
                                .body = bytes_of(filler, 1000),
                                .expires_ms = CACHE_NEVER};

        if (all)
            cache_lock_all(room.thread);
        else
            cache_lock(room.thread, &put.key, 1);
        CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
        cache_unlock(room.thread);
        if (i % 50 == 0)
            (void)cache_turn(room.thread, 0);
    }
    cache_lock_all(room.thread);
    for (int i = 0; i < 3000; i++) {
        struct name other = name_of(i);
        struct cache_put put = {.key = cache_key(room.cache, 0, name_bytes(&other)),
                                .body = bytes_of(filler, 100),
                                .expires_ms = CACHE_NEVER};

        CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    }
    cache_unlock(room.thread);
    (void)cache_look(room.thread, key, 0, &view);
    CHECK(writer.peak <= LIMIT + OVERSHOOT);
    CHECK(used(&room) <= LIMIT + OVERSHOOT);
    room_free(&room);
}

TEST(a_thread_that_rests_does_not_keep_memory_and_one_that_reads_does)
{
    struct room room = room_new(LIMIT, "s3fifo");
    struct cache_thread *other = cache_join(room.cache);
    struct cache_view view;
    struct name name = name_of(1);
    struct cache_key key = cache_key(room.cache, 0, name_bytes(&name));
    size_t before = values_bytes(&room);
    struct cache_put put = {
        .key = key, .body = bytes_of(filler, sizeof filler), .expires_ms = CACHE_NEVER};

    memset(filler, 'x', sizeof filler);
    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    CHECK(cache_look(other, key, 0, &view) == CACHE_FRESH);
    CHECK(cache_remove(room.thread, key, 0));
    for (int i = 0; i < 5; i++)
        (void)cache_turn(room.thread, 0);
    CHECK(values_bytes(&room) >= before + sizeof filler);
    CHECK(view.value.data[65535] == 'x');
    cache_rest(other);
    (void)cache_turn(room.thread, 0);
    CHECK(values_bytes(&room) == before);
    cache_wake(other);
    cache_leave(&other);
    room_free(&room);
}

TEST(too_large_is_an_error_and_nothing_else)
{
    struct room room = room_new(LIMIT, "s3fifo");
    static uint8_t long_name[CACHE_KEY_MAX + 1];
    struct cache_put put = {.key = cache_key(room.cache, 0, bytes_of(long_name, CACHE_KEY_MAX + 1)),
                            .expires_ms = CACHE_NEVER};

    CHECK(cache_put(room.thread, &put, 0) == ERR_TOO_BIG);
    put.key = cache_key(room.cache, 0, bytes_of(long_name, CACHE_KEY_MAX));
    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    put.body = bytes_of(filler, (65 << 20));
    CHECK(cache_put(room.thread, &put, 0) == ERR_TOO_BIG);
    CHECK(cache_count(room.cache, 0) == 1);
    room_free(&room);
}

static size_t index_bytes(const struct room *room)
{
    struct cache_metrics metrics;

    cache_read_metrics(room->cache, &metrics);
    return counter_read(&metrics.memory_index_bytes);
}

/* A sweep takes entries out in the order of their places, so that the others stand close together
 * for as long as it goes on. */
TEST(a_purge_of_everything_takes_no_more_memory_for_smaller_tables_than_it_gives_back)
{
    enum { ENTRIES = 100000 };
    struct room room = room_new(64 << 20, "lru");
    const struct cache_purge purge = {.by = CACHE_BY_ALL};
    size_t empty = index_bytes(&room), full = 0;
    int turns = 0;

    for (int i = 0; i < ENTRIES; i++)
        CHECK(room_put(&room, 0, i, i) == ERR_OK);
    (void)cache_turn(room.thread, 1);
    full = index_bytes(&room);
    CHECK(cache_purge(room.thread, &purge, 1, NULL) == ERR_OK);
    while (values_bytes(&room) > 64 << 10) {
        (void)cache_turn(room.thread, 1);
        CHECK(index_bytes(&room) <= full + full / 8);
        CHECK(turns++ < ENTRIES);
    }
    CHECK(index_bytes(&room) <= empty + (full - empty) / 4);
    room_free(&room);
}

TEST(room_is_made_for_what_others_are_going_to_take)
{
    struct room room = room_new(LIMIT, "s3fifo");
    struct writer writer = {.room = &room};

    random_init(&writer.random, 1);
    for (int i = 0; used(&room) < LIMIT - (1 << 20); i++)
        CHECK(write_one(&writer, i, 1000, 0) == ERR_OK);
    CHECK(cache_make_room(room.thread, LIMIT / 2) == ERR_OK);
    CHECK(used(&room) <= LIMIT / 2);
    CHECK(cache_make_room(room.thread, LIMIT + 1) == ERR_FULL);
    CHECK(values_bytes(&room) > LIMIT / 4);
    CHECK(cache_set_policy(room.cache, "noeviction") == ERR_OK);
    (void)cache_turn(room.thread, 0);
    CHECK(cache_make_room(room.thread, LIMIT * 3 / 4) == ERR_FULL);
    CHECK(values_bytes(&room) > LIMIT / 4);
    room_free(&room);
}

TEST(a_lower_limit_is_come_to_whoever_decides_and_though_nobody_asks_for_anything)
{
    for (const char *const *policy = policy_names(); *policy != NULL; policy++) {
        struct room room = room_new(LIMIT, *policy);
        struct writer writer = {.room = &room, .ends = true};

        random_init(&writer.random, 1);
        for (int i = 0; strcmp(*policy, "noeviction") != 0 && i < 12000; i++)
            CHECK(write_one(&writer, i, 1000, 0) == ERR_OK);
        cache_set_memory_max(room.cache, LIMIT / 2);
        /* It asks for turns itself as long as there is more to do. */
        for (int64_t now_ms = 0, next_ms = 0; used(&room) > LIMIT / 2; now_ms = next_ms) {
            next_ms = cache_turn(room.thread, now_ms);
            CHECK(next_ms <= now_ms + 1000);
            CHECK(next_ms < 100000);
        }
        room_free(&room);
    }
}
