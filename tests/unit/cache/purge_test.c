/* The promises of invalidation, first of all against loads in flight: every interleaving of up to
 * three callers, a write of the source and its invalidation. SPDX-License-Identifier: MIT */
#include "cache_room.h"
#include "t.h"

#include <string.h>

enum { CALLERS_MAX = 3, STEPS_MAX = 16, WRITES_MAX = 2 };

/* All of this is one thread, in which there is nothing for the thread sanitizer to find: there
 * every so many of the orders are enough. Every other build runs them all. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ONE_THREAD_IS_DULL 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(ONE_THREAD_IS_DULL)
enum { ORDERS_SHARE = 37 };
#else
enum { ORDERS_SHARE = 1 };
#endif

enum kind { BY_KEY, BY_REMOVE, BY_TAG, BY_PREFIX, BY_GLOB, BY_SPACE, BY_ALL, BY_PUT, KINDS };

/* What the key holds before anybody moves. */
enum before { ABSENT, FRESH, STALE, BEFORES };

/* A caller asks, reads the source if it has to, and fills: three steps. */
struct caller {
    struct world *world;
    struct cache_waiter waiter;
    struct cache_lease lease;
    unsigned step;
    unsigned woken;
    bool waits;
    bool leads;
    uint32_t floor; /* what it asked for is not older: the invalidation had returned */
    uint32_t read;
};

struct world {
    struct room *room;
    struct cache_key key;
    struct bytes tag;
    struct bytes prefix;
    enum kind kinds[WRITES_MAX];
    bool soft;
    uint32_t floor; /* versions below were invalidated */
    uint32_t source;
    struct caller callers[CALLERS_MAX];
    unsigned caller_count;
    unsigned writer_step;
    int64_t now_ms;
};

/* The one rule: who asked after the invalidation returned never takes an old value for fresh. */
static void check_seen(const struct world *world, uint32_t floor, const struct cache_view *view)
{
    uint32_t version = 0;

    CHECK(view->value.size == sizeof version);
    memcpy(&version, view->value.data, sizeof version);
    if (version >= floor)
        return;
    CHECK(world->soft);
    CHECK(view->state != CACHE_FRESH);
}

static void on_woken(struct cache_waiter *waiter, const struct cache_wake *wake)
{
    struct caller *caller = list_owner(waiter, struct caller, waiter);

    CHECK(caller->waits);
    caller->waits = false;
    caller->woken++;
    switch (wake->outcome) {
    case CACHE_FILLED:
        check_seen(caller->world, caller->floor, wake->view);
        caller->step = 3;
        break;
    case CACHE_PROMOTED:
        caller->leads = true;
        caller->lease = wake->lease;
        caller->step = 1;
        break;
    case CACHE_RETRY:
        caller->step = 0;
        break;
    case CACHE_SHARED:
    case CACHE_FAILED:
        CHECK(false);
    }
}

static void caller_asks(struct caller *caller)
{
    struct world *world = caller->world;
    struct cache_ask ask = {.lease_ms = 1000000};
    struct cache_view view;

    CHECK(world != NULL);
    caller->floor = world->floor;
    caller->waiter.woken = on_woken;
    switch (cache_get(world->room->thread, world->key, &ask, world->now_ms, &caller->waiter, &view,
                      &caller->lease, NULL)) {
    case CACHE_HIT:
    case CACHE_HIT_STALE:
        check_seen(world, caller->floor, &view);
        caller->step = 3;
        break;
    case CACHE_HIT_LEAD:
        check_seen(world, caller->floor, &view);
        __attribute__((fallthrough));
    case CACHE_LEAD:
        caller->leads = true;
        caller->step = 1;
        break;
    case CACHE_WAIT:
        caller->waits = true;
        break;
    case CACHE_JOIN:
    case CACHE_REFUSED:
        CHECK(false);
    }
}

static struct cache_put put_of(const struct world *world, const uint32_t *version)
{
    return (struct cache_put){.key = world->key,
                              .body = bytes_of(version, sizeof *version),
                              .expires_ms = world->now_ms + 1000,
                              .stale_until_ms = world->now_ms + 2000,
                              .tags = &world->tag,
                              .tag_count = 1};
}

static void caller_fills(struct caller *caller)
{
    struct world *world = caller->world;
    struct cache_put put = put_of(world, &caller->read);
    enum err err = cache_fill(world->room->thread, &caller->lease, &put, world->now_ms);

    CHECK(err == ERR_OK || err == ERR_DROPPED);
    caller->leads = false;
    caller->step = 3;
}

/* False: it has nothing to do now. */
static bool caller_moves(struct caller *caller)
{
    if (caller->waits || caller->step >= 3)
        return false;
    if (caller->step == 0) {
        caller_asks(caller);
    } else if (caller->step == 1) {
        caller->read = caller->world->source;
        caller->step = 2;
    } else {
        caller_fills(caller);
    }
    return true;
}

static void invalidate(struct world *world, enum kind kind)
{
    struct cache_purge purge = {
        .key = world->key, .space = world->key.space, .soft = world->soft, .name = world->prefix};
    struct cache_put put = put_of(world, &world->source);

    switch (kind) {
    case BY_KEY:
        purge.by = CACHE_BY_KEY;
        break;
    case BY_TAG:
        purge.by = CACHE_BY_TAG;
        purge.name = world->tag;
        break;
    case BY_PREFIX:
        purge.by = CACHE_BY_PREFIX;
        break;
    case BY_GLOB:
        purge.by = CACHE_BY_GLOB;
        break;
    case BY_SPACE:
        purge.by = CACHE_BY_SPACE;
        break;
    case BY_ALL:
        purge.by = CACHE_BY_ALL;
        break;
    case BY_REMOVE:
        (void)cache_remove(world->room->thread, world->key, world->now_ms);
        return;
    case BY_PUT:
        CHECK(cache_put(world->room->thread, &put, world->now_ms) == ERR_OK);
        return;
    case KINDS:
        CHECK(false);
    }
    CHECK(cache_purge(world->room->thread, &purge, world->now_ms, NULL) == ERR_OK);
}

/* The writer changes the source, and then invalidates; maybe twice. */
static void writer_moves(struct world *world)
{
    if (world->writer_step % 2 == 0) {
        world->source++;
    } else {
        invalidate(world, world->kinds[world->writer_step / 2]);
        world->floor = world->source;
    }
    world->writer_step++;
}

static void finish(struct world *world)
{
    struct cache_view view;
    bool moved = true;

    while (moved) {
        moved = false;
        for (unsigned i = 0; i < world->caller_count; i++)
            moved |= caller_moves(&world->callers[i]);
    }
    for (unsigned i = 0; i < world->caller_count; i++) {
        CHECK(!world->callers[i].waits);
        CHECK(!world->callers[i].leads);
        CHECK(world->callers[i].step == 3);
    }
    if (cache_look(world->room->thread, world->key, world->now_ms, &view) != CACHE_MISS)
        check_seen(world, world->floor, &view);
}

static void begin(struct world *world, enum before before)
{
    uint32_t first = world->source;
    struct cache_put put;

    if (before == ABSENT)
        return;
    put = put_of(world, &first);
    if (before == STALE)
        put.expires_ms = world->now_ms + 1;
    CHECK(cache_put(world->room->thread, &put, world->now_ms) == ERR_OK);
    world->now_ms += before == STALE ? 1 : 0;
}

struct schedule {
    struct room *room;
    enum kind kinds[WRITES_MAX];
    enum before before;
    bool soft;
    unsigned writes;
    unsigned callers;
    uint8_t order[STEPS_MAX]; /* who moves: a caller, or `callers`: the writer */
    unsigned size;
    unsigned orders;
    unsigned runs;
};

static void run(struct schedule *schedule)
{
    struct name name = name_of((int)++schedule->runs);
    struct world world = {.room = schedule->room,
                          .key = cache_key(schedule->room->cache, 5, name_bytes(&name)),
                          .tag = name_bytes(&name),
                          .prefix = name_bytes(&name),
                          .kinds = {schedule->kinds[0], schedule->kinds[1]},
                          .soft = schedule->soft,
                          .source = 1,
                          .caller_count = schedule->callers,
                          .now_ms = 1000};

    begin(&world, schedule->before);
    for (unsigned i = 0; i < schedule->callers; i++)
        world.callers[i].world = &world;
    for (unsigned i = 0; i < schedule->size; i++) {
        if (schedule->order[i] == schedule->callers)
            writer_moves(&world);
        else
            (void)caller_moves(&world.callers[schedule->order[i]]);
    }
    finish(&world);
    /* Every other run meets a sweep, every other one a rule that stands. */
    if (schedule->runs % 16 == 0) {
        for (int i = 0; i < 8; i++)
            (void)cache_turn(schedule->room->thread, 1000);
    }
}

/* All orders of the steps that are left. */
static void run_all(struct schedule *schedule, const uint8_t *left)
{
    bool any = false;

    for (unsigned who = 0; who <= schedule->callers; who++) {
        uint8_t rest[CALLERS_MAX + 1];

        if (left[who] == 0)
            continue;
        any = true;
        memcpy(rest, left, sizeof rest);
        rest[who]--;
        schedule->order[schedule->size++] = (uint8_t)who;
        run_all(schedule, rest);
        schedule->size--;
    }
    if (!any && schedule->orders++ % ORDERS_SHARE == 0)
        run(schedule);
}

static void interleave(unsigned callers, struct schedule schedule)
{
    struct room room = room_new(64 << 20, "s3fifo");
    uint8_t left[CALLERS_MAX + 1] = {0};

    schedule.room = &room;
    schedule.callers = callers;
    for (unsigned i = 0; i < callers; i++)
        left[i] = 3;
    left[callers] = (uint8_t)(2 * schedule.writes);
    run_all(&schedule, left);
    room_free(&room);
}

TEST(no_order_of_two_callers_and_an_invalidation_shows_an_old_value)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum before before = 0; before < BEFORES; before++) {
            struct schedule schedule = {.kinds = {kind}, .before = before, .writes = 1};

            interleave(1, schedule);
            interleave(2, schedule);
            schedule.soft = kind != BY_REMOVE && kind != BY_PUT;
            if (schedule.soft) {
                interleave(1, schedule);
                interleave(2, schedule);
            }
        }
    }
}

TEST(no_order_of_two_callers_and_two_invalidations_shows_an_old_value)
{
    for (enum kind first = 0; first < KINDS; first++) {
        for (enum kind second = 0; second < KINDS; second++) {
            struct schedule schedule = {.kinds = {first, second}, .writes = 2};

            if (first == BY_TAG || second == BY_TAG || first == second)
                interleave(2, schedule);
        }
    }
}

/* With three callers there are 92400 orders of each. */
TEST(no_order_of_three_callers_and_an_invalidation_shows_an_old_value)
{
    interleave(3, (struct schedule){.kinds = {BY_KEY}, .writes = 1});
    interleave(3, (struct schedule){.kinds = {BY_TAG}, .writes = 1});
    interleave(3, (struct schedule){.kinds = {BY_TAG}, .before = STALE, .soft = true, .writes = 1});
}

/* ---- by hand ----------------------------------------------------------------------------- */

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
