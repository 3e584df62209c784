/* The heap refuses once, at any place: nothing is lost, nobody waits for ever, nothing stays
 * behind. SPDX-License-Identifier: MIT */
#include "cache_room.h"
#include "t.h"

#include "base/mem.h"

#ifdef LARDER_DEBUG

enum { PLACES = 60 };

struct asker {
    struct cache_waiter waiter;
    struct cache_lease lease;
    bool waits;
};

static void on_woken(struct cache_waiter *waiter, const struct cache_wake *wake)
{
    struct asker *asker = list_owner(waiter, struct asker, waiter);

    CHECK(asker->waits);
    asker->waits = false;
    if (wake->outcome == CACHE_PROMOTED)
        asker->lease = wake->lease;
    if (wake->outcome == CACHE_FILLED)
        CHECK(bytes_equal(wake->view->value, BYTES("value")));
}

static bool is_fine(enum err err)
{
    return err == ERR_OK || err == ERR_FULL || err == ERR_DROPPED || err == ERR_MISS;
}

static struct cache_put put_of(const struct room *room, struct bytes name, const struct bytes *tags,
                               size_t tag_count)
{
    return (struct cache_put){.key = cache_key(room->cache, 0, name),
                              .body = BYTES("value"),
                              .expires_ms = 1000,
                              .stale_until_ms = 2000,
                              .tags = tags,
                              .tag_count = tag_count};
}

/* One leads, one waits; in between the tag of what is loaded is purged; what is brought is stored,
 * dropped, or over at once. */
static void load(struct room *room, struct bytes name, bool over, bool purged)
{
    struct bytes tags[2] = {BYTES("red"), name};
    struct cache_put put = put_of(room, name, tags, 2);
    struct cache_purge purge = {.by = CACHE_BY_TAG, .name = name};
    struct cache_ask ask = {.lease_ms = 1000};
    struct asker leader = {.waiter.woken = on_woken};
    struct asker follower = {.waiter.woken = on_woken};
    struct cache_view view;
    enum cache_answer answer =
        cache_get(room->thread, put.key, &ask, 0, &leader.waiter, &view, &leader.lease, NULL);

    if (answer == CACHE_REFUSED)
        return;
    CHECK(answer == CACHE_LEAD);
    follower.waits = true;
    answer =
        cache_get(room->thread, put.key, &ask, 0, &follower.waiter, &view, &follower.lease, NULL);
    CHECK(answer == CACHE_WAIT);
    if (purged)
        CHECK(cache_purge(room->thread, &purge, 0, NULL) == ERR_OK);
    if (over)
        put.expires_ms = put.stale_until_ms = 0;
    enum err err = cache_fill(room->thread, &leader.lease, &put, 0);

    CHECK(is_fine(err));
    CHECK(!follower.waits);
    if (purged)
        CHECK(err != ERR_OK);
    cache_abandon(room->thread, &follower.lease, 0);
}

static void use_all(struct room *room)
{
    struct bytes tags[3] = {BYTES("red"), BYTES("green"), BYTES("blue")};
    struct bytes more[2] = {BYTES("blue"), BYTES("yellow")};
    struct cache_put put = put_of(room, BYTES("a"), tags, 3);
    struct cache_purge purge = {.by = CACHE_BY_PREFIX, .name = BYTES("a")};

    CHECK(is_fine(cache_put(room->thread, &put, 0)));
    CHECK(is_fine(cache_put(room->thread, &put, 0)));
    CHECK(is_fine(cache_tag(room->thread, put.key, more, 2, 0)));
    load(room, BYTES("b"), false, false);
    load(room, BYTES("c"), false, true);
    load(room, BYTES("d"), true, false);
    load(room, BYTES("e"), true, true);
    CHECK(is_fine(cache_purge(room->thread, &purge, 0, NULL)));
}

static void settle(struct room *room)
{
    struct cache_purge purge = {.by = CACHE_BY_ALL};

    CHECK(cache_purge(room->thread, &purge, 0, NULL) == ERR_OK);
    for (int turn = 0; turn < 200; turn++)
        (void)cache_turn(room->thread, 0);
}

TEST(a_refusal_of_the_heap_anywhere_leaves_nothing_behind)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_metrics first;
    struct cache_metrics now;

    use_all(&room);
    settle(&room);
    cache_read_metrics(room.cache, &first);
    for (uint64_t nth = 1; nth <= PLACES; nth++) {
        mem_fail_at(nth);
        use_all(&room);
        mem_fail_at(0);
        settle(&room);
        cache_read_metrics(room.cache, &now);
        CHECK(counter_read(&now.tags) == 0);
        CHECK(counter_read(&now.leases) == 0);
        CHECK(counter_read(&now.waiters) == 0);
        CHECK(counter_read(&now.entries) == 0);
        CHECK(counter_read(&now.memory_tags_bytes) == counter_read(&first.memory_tags_bytes));
        CHECK(counter_read(&now.memory_values_bytes) == counter_read(&first.memory_values_bytes));
    }
    room_free(&room);
}

#else

TEST(builds_for_use_cannot_refuse_on_purpose)
{
    CHECK(true);
}

#endif
