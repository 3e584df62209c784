/* Two threads at the places where one could fall into the middle of what the other does.
 * SPDX-License-Identifier: MIT */
#include "cache_room.h"
#include "t.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#ifdef LARDER_DEBUG
enum { ROUNDS = 10000 };
#else
enum { ROUNDS = 100000 };
#endif

/* One thread changes, the test's own looks. */
struct pair {
    struct cache *cache;
    struct cache_thread *thread; /* who looks */
    void (*change)(struct pair *pair, struct cache_thread *thread, uint32_t round);
    _Atomic bool over;
    uint64_t cursor; /* of a walk */
};

static void *change_all(void *argument)
{
    struct pair *pair = argument;
    struct cache_thread *thread = cache_join(pair->cache);

    for (uint32_t round = 1; round <= ROUNDS; round++) {
        pair->change(pair, thread, round);
        cache_pass(thread);
        if (round % 64 == 0)
            (void)cache_turn(thread, 0);
    }
    atomic_store(&pair->over, true);
    cache_leave(&thread);
    return NULL;
}

static enum err put_number(const struct pair *pair, struct cache_thread *thread, struct bytes name,
                           uint32_t number)
{
    struct bytes tag = BYTES("red");
    struct cache_put put = {.key = cache_key(pair->cache, 0, name),
                            .body = bytes_of(&number, sizeof number),
                            .expires_ms = 1000000,
                            .stale_until_ms = 2000000,
                            .tags = &tag,
                            .tag_count = 1};

    return cache_put(thread, &put, 0);
}

/* Looks as long as the other thread works; returns how often `is_wrong` was true. */
static unsigned watch_pair(struct pair *pair, bool (*is_wrong)(struct pair *pair))
{
    struct cache_settings settings = room_settings(64 << 20, "s3fifo");
    pthread_t other;
    unsigned wrong = 0;

    pair->cache = cache_new(&settings, 1);
    pair->thread = cache_join(pair->cache);
    CHECK(put_number(pair, pair->thread, BYTES("a"), 0) == ERR_OK);
    CHECK(pthread_create(&other, NULL, change_all, pair) == 0);
    while (!atomic_load(&pair->over)) {
        for (int i = 0; i < 64; i++)
            wrong += is_wrong(pair);
        (void)cache_turn(pair->thread, 0);
    }
    CHECK(pthread_join(other, NULL) == 0);
    cache_leave(&pair->thread);
    cache_free(&pair->cache);
    return wrong;
}

/* ---- steps ------------------------------------------------------------------------------- */

/* Odd numbers, and nothing at all, exist only inside of a step. */
static void change_twice(struct pair *pair, struct cache_thread *thread, uint32_t round)
{
    struct cache_key key = cache_key(pair->cache, 0, BYTES("a"));

    cache_lock(thread, &key, 1);
    if (round % 2 == 0)
        (void)cache_remove(thread, key, 0);
    else
        (void)(put_number(pair, thread, BYTES("a"), 2 * round + 1) == ERR_OK);
    (void)(put_number(pair, thread, BYTES("a"), 2 * round) == ERR_OK);
    cache_unlock(thread);
}

static bool is_between(struct pair *pair)
{
    struct cache_view view;
    uint32_t number = 0;

    if (cache_peek(pair->thread, cache_key(pair->cache, 0, BYTES("a")), 0, &view) == CACHE_MISS)
        return true;
    memcpy(&number, view.value.data, sizeof number);
    return number % 2 != 0;
}

TEST(a_look_never_falls_into_the_middle_of_a_step)
{
    struct pair pair = {.change = change_twice};

    CHECK(watch_pair(&pair, is_between) == 0);
}

/* What a walk saw of the one entry. */
static bool see_number(void *context, struct bytes name, const struct cache_view *view)
{
    uint32_t *number = context;

    (void)name;
    memcpy(number, view->value.data, sizeof *number);
    return true;
}

/* Most of a walk is places without any entry: it begins near the entry from the second time on. */
static bool is_between_in_a_walk(struct pair *pair)
{
    uint32_t number = UINT32_MAX;

    for (uint64_t at = pair->cursor, next = 1; number == UINT32_MAX && next != 0; at = next) {
        next = cache_scan(pair->thread, 0, at, 1, see_number, &number, 0);
        if (number != UINT32_MAX)
            pair->cursor = at >> 32 << 32;
    }
    return number % 2 != 0;
}

TEST(a_walk_never_falls_into_the_middle_of_a_step)
{
    struct pair pair = {.change = change_twice};

    CHECK(watch_pair(&pair, is_between_in_a_walk) == 0);
}

/* ---- tags and soft purges ---------------------------------------------------------------- */

static void give_a_tag(struct pair *pair, struct cache_thread *thread, uint32_t round)
{
    struct name name = name_of((int)round);
    struct bytes tag = name_bytes(&name);

    /* Too many tags: until the next put. */
    (void)(cache_tag(thread, cache_key(pair->cache, 0, BYTES("a")), &tag, 1, 0) == ERR_OK);
}

static bool is_fresh_again(struct pair *pair)
{
    struct cache_purge purge = {.by = CACHE_BY_TAG, .name = BYTES("red"), .soft = true};
    struct cache_view view;
    bool fresh = false;

    if (put_number(pair, pair->thread, BYTES("a"), 0) != ERR_OK)
        return true;
    sched_yield();
    if (cache_purge(pair->thread, &purge, 0, NULL) != ERR_OK)
        return true;
    for (int i = 0; i < 4; i++)
        fresh |= cache_look(pair->thread, cache_key(pair->cache, 0, BYTES("a")), 0, &view) ==
                 CACHE_FRESH;
    return fresh;
}

TEST(a_tag_that_is_given_meanwhile_does_not_undo_a_soft_purge)
{
    struct pair pair = {.change = give_a_tag};

    CHECK(watch_pair(&pair, is_fresh_again) == 0);
}

/* ---- tags of what is held ---------------------------------------------------------------- */

static void count_red(void *context, struct bytes tag)
{
    unsigned *count = context;

    *count += bytes_equal(tag, BYTES("red"));
}

TEST(what_is_held_keeps_its_tags_when_another_copy_took_its_place)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct pair pair = {.cache = room.cache, .thread = room.thread};
    struct cache_key key = cache_key(room.cache, 0, BYTES("a"));
    struct bytes blue = BYTES("blue");
    struct cache_entry *held = NULL;
    struct cache_metrics metrics;
    struct cache_view view;
    unsigned count = 0;

    CHECK(put_number(&pair, room.thread, BYTES("a"), 1) == ERR_OK);
    CHECK(cache_look(room.thread, key, 0, &view) == CACHE_FRESH);
    held = cache_hold(room.cache, &view);
    CHECK(cache_tag(room.thread, key, &blue, 1, 0) == ERR_OK);
    CHECK(cache_remove(room.thread, key, 0));
    for (int turn = 0; turn < 10; turn++)
        (void)cache_turn(room.thread, 0);
    cache_tags_of(room.thread, &view, count_red, &count);
    CHECK(count == 1);
    cache_drop(room.cache, &held);
    cache_read_metrics(room.cache, &metrics);
    CHECK(counter_read(&metrics.tags) == 0);
    room_free(&room);
}

/* ---- a put that takes long --------------------------------------------------------------- */

static struct room *slow_room;
static struct cache_thread *other_thread;

/* Called while the object's entry is made: meanwhile somebody else empties the space and puts. */
static size_t slow_cost(const void *object)
{
    struct cache_purge purge = {.by = CACHE_BY_SPACE};
    struct pair pair = {.cache = slow_room->cache};

    (void)object;
    CHECK(cache_purge(other_thread, &purge, 0, NULL) == ERR_OK);
    CHECK(put_number(&pair, other_thread, BYTES("a"), 1) == ERR_OK);
    return 1;
}

static void free_nothing(void *object)
{
    (void)object;
}

TEST(a_slow_put_does_not_take_a_newer_value_away_with_it)
{
    static const struct cache_object_ops ops = {slow_cost, free_nothing};
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_put put = {.key = cache_key(room.cache, 0, BYTES("a")),
                            .kind = 1,
                            .object = &room,
                            .expires_ms = CACHE_NEVER};
    struct cache_view view;

    slow_room = &room;
    other_thread = cache_join(room.cache);
    cache_set_object_ops(room.cache, 1, &ops);
    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    CHECK(cache_look(room.thread, put.key, 0, &view) == CACHE_FRESH);
    CHECK(cache_count(room.cache, 0) == 1);
    cache_leave(&other_thread);
    room_free(&room);
}

/* ---- watches ------------------------------------------------------------------------------ */

static struct cache_thread *eager_thread;
static struct cache_key eager_key;
static unsigned told;

/* Called while a purge tells who is concerned: meanwhile somebody else takes out what it removed.
 */
static void remove_at_once(struct cache_watch *watch)
{
    (void)watch;
    (void)cache_remove(eager_thread, eager_key, 0);
}

static void count_told(struct cache_watch *watch)
{
    (void)watch;
    told++;
}

TEST(who_watches_is_told_of_a_purge_although_another_thread_has_taken_the_value_out_already)
{
    struct cache_purge purge = {.by = CACHE_BY_TAG, .name = BYTES("red")};
    struct room room = room_new(64 << 20, "s3fifo");
    struct pair pair = {.cache = room.cache, .thread = room.thread};

    eager_thread = cache_join(room.cache);
    for (int i = 0; i < 16; i++) {
        struct name name = name_of(i);
        struct cache_watch first, second;

        eager_key = cache_key(room.cache, 0, name_bytes(&name));
        told = 0;
        CHECK(put_number(&pair, room.thread, BYTES("a"), 0) == ERR_OK);
        CHECK(put_number(&pair, room.thread, name_bytes(&name), 0) == ERR_OK);
        cache_watch(room.thread, cache_key(room.cache, 0, BYTES("a")), &first, remove_at_once);
        cache_watch(room.thread, eager_key, &second, count_told);
        CHECK(cache_purge(room.thread, &purge, 0, NULL) == ERR_OK);
        cache_unwatch(room.thread, &second);
        cache_unwatch(room.thread, &first);
        CHECK(told > 0);
    }
    cache_leave(&eager_thread);
    room_free(&room);
}
