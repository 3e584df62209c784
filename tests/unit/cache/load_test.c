/* The promises of loads: one leads, others wait, every end. SPDX-License-Identifier: MIT */
#include "cache_room.h"
#include "t.h"

#include "base/mem.h"

#include <string.h>

/* A waiter that remembers how it was woken. */
struct asker {
    struct cache_waiter waiter;
    unsigned woken;
    enum cache_outcome outcome;
    enum err err;
    char value[16];
    void *shared;
    struct cache_lease lease;
};

static void on_woken(struct cache_waiter *waiter, const struct cache_wake *wake)
{
    struct asker *asker = list_owner(waiter, struct asker, waiter);

    asker->woken++;
    asker->outcome = wake->outcome;
    asker->err = wake->err;
    asker->shared = wake->shared;
    asker->lease = wake->lease;
    if (wake->view != NULL && wake->view->value.size < sizeof asker->value)
        memcpy(asker->value, wake->view->value.data, wake->view->value.size);
}

struct answer {
    enum cache_answer what;
    struct cache_view view;
    struct cache_lease lease;
    void *shared;
};

static struct cache_key the_key(const struct room *room)
{
    return cache_key(room->cache, CACHE_SPACE_HTTP, BYTES("the key"));
}

static const struct cache_ask usual = {.lease_ms = 1000};

static struct answer ask_as(struct room *room, const struct cache_ask *ask, struct asker *asker,
                            int64_t now_ms)
{
    struct answer answer = {0};

    if (asker != NULL)
        asker->waiter.woken = on_woken;
    answer.what =
        cache_get(room->thread, the_key(room), ask, now_ms, asker == NULL ? NULL : &asker->waiter,
                  &answer.view, &answer.lease, &answer.shared);
    return answer;
}

static struct answer ask(struct room *room, struct asker *asker, int64_t now_ms)
{
    return ask_as(room, &usual, asker, now_ms);
}

static struct cache_put a_put(const struct room *room, const char *value, int64_t expires_ms)
{
    return (struct cache_put){
        .key = the_key(room), .body = bytes_of_text(value), .expires_ms = expires_ms};
}

static enum err fill(struct room *room, struct answer *leader, const char *value,
                     int64_t expires_ms, int64_t now_ms)
{
    struct cache_put put = a_put(room, value, expires_ms);

    return cache_fill(room->thread, &leader->lease, &put, now_ms);
}

TEST(the_first_leads_and_the_others_wait_for_its_answer)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker askers[3] = {0};
    struct answer leader = ask(&room, &askers[0], 0);

    CHECK(leader.what == CACHE_LEAD);
    CHECK(leader.lease.token != 0);
    CHECK(ask(&room, &askers[1], 0).what == CACHE_WAIT);
    CHECK(ask(&room, &askers[2], 0).what == CACHE_WAIT);
    CHECK(fill(&room, &leader, "v1", 1000, 1) == ERR_OK);
    CHECK(leader.lease.token == 0);
    for (int i = 1; i < 3; i++) {
        CHECK(askers[i].woken == 1);
        CHECK(askers[i].outcome == CACHE_FILLED);
        CHECK(strcmp(askers[i].value, "v1") == 0);
        CHECK(!cache_cancel(room.thread, &askers[i].waiter));
    }
    CHECK(askers[0].woken == 0);
    CHECK(ask(&room, &askers[0], 1).what == CACHE_HIT);
    room_free(&room);
}

TEST(a_failure_is_shared_and_stored_for_nobody)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker askers[2] = {0};
    struct answer leader = ask(&room, &askers[0], 0);

    CHECK(ask(&room, &askers[1], 0).what == CACHE_WAIT);
    cache_fail(room.thread, &leader.lease, ERR_PEER_DOWN, 100, 5);
    CHECK(askers[1].outcome == CACHE_FAILED);
    CHECK(askers[1].err == ERR_PEER_DOWN);
    leader = ask(&room, &askers[0], 6);
    CHECK(leader.what == CACHE_LEAD);
    cache_abandon(room.thread, &leader.lease, 6);
    room_free(&room);
}

TEST(a_leader_that_gives_up_is_followed_by_the_first_who_waits)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker askers[3] = {0};
    struct answer leader = ask(&room, &askers[0], 0);
    uint64_t token = leader.lease.token;

    CHECK(ask(&room, &askers[1], 0).what == CACHE_WAIT);
    CHECK(ask(&room, &askers[2], 0).what == CACHE_WAIT);
    cache_abandon(room.thread, &leader.lease, 1);
    CHECK(askers[1].woken == 1);
    CHECK(askers[1].outcome == CACHE_PROMOTED);
    CHECK(askers[1].lease.token != token);
    CHECK(askers[2].woken == 0);
    leader.lease = askers[1].lease;
    CHECK(fill(&room, &leader, "v2", 1000, 2) == ERR_OK);
    CHECK(askers[2].outcome == CACHE_FILLED);
    CHECK(askers[1].woken == 1);
    room_free(&room);
}

TEST(a_silent_leader_is_replaced_at_its_deadline_and_its_late_answer_dropped)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker askers[3] = {0};
    struct answer leader = ask(&room, &askers[0], 0);
    struct answer second;

    CHECK(ask(&room, &askers[1], 0).what == CACHE_WAIT);
    CHECK(cache_turn(room.thread, 500) <= 1000);
    CHECK(askers[1].woken == 0);
    (void)cache_turn(room.thread, 1000);
    CHECK(askers[1].woken == 1);
    CHECK(askers[1].outcome == CACHE_PROMOTED);
    CHECK(fill(&room, &leader, "old", 5000, 1001) == ERR_DROPPED);
    CHECK(ask(&room, &askers[2], 1001).what == CACHE_WAIT);
    second.lease = askers[1].lease;
    CHECK(fill(&room, &second, "new", 5000, 1002) == ERR_OK);
    CHECK(strcmp(askers[2].value, "new") == 0);
    room_free(&room);
}

TEST(a_deadline_is_also_seen_by_the_next_who_asks)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker askers[4] = {0};
    struct answer leader = ask(&room, &askers[0], 0);
    struct answer next;

    CHECK(leader.what == CACHE_LEAD);
    next = ask(&room, &askers[1], 1000);
    CHECK(next.what == CACHE_LEAD);
    CHECK(ask(&room, &askers[2], 1001).what == CACHE_WAIT);
    CHECK(ask(&room, &askers[3], 2000).what == CACHE_WAIT);
    CHECK(askers[2].outcome == CACHE_PROMOTED);
    CHECK(fill(&room, &next, "late", 9000, 2001) == ERR_DROPPED);
    CHECK(askers[3].woken == 0);
    cache_abandon(room.thread, &askers[2].lease, 2002);
    CHECK(askers[3].outcome == CACHE_PROMOTED);
    cache_abandon(room.thread, &askers[3].lease, 2002);
    room_free(&room);
}

TEST(a_leader_that_says_it_is_alive_keeps_the_lease)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker askers[2] = {0};
    struct answer leader = ask(&room, &askers[0], 0);

    CHECK(ask(&room, &askers[1], 0).what == CACHE_WAIT);
    CHECK(cache_extend(room.thread, &leader.lease, 900));
    (void)cache_turn(room.thread, 1500);
    CHECK(askers[1].woken == 0);
    (void)cache_turn(room.thread, 1899);
    CHECK(fill(&room, &leader, "v", 9000, 1899) == ERR_OK);
    CHECK(askers[1].outcome == CACHE_FILLED);
    CHECK(!cache_extend(room.thread, &leader.lease, 2000));
    room_free(&room);
}

TEST(who_cancels_ends_only_its_own_wait)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker askers[3] = {0};
    struct answer leader = ask(&room, &askers[0], 0);

    CHECK(ask(&room, &askers[1], 0).what == CACHE_WAIT);
    CHECK(ask(&room, &askers[2], 0).what == CACHE_WAIT);
    CHECK(cache_cancel(room.thread, &askers[1].waiter));
    CHECK(!cache_cancel(room.thread, &askers[1].waiter));
    CHECK(fill(&room, &leader, "v", 100, 1) == ERR_OK);
    CHECK(askers[1].woken == 0);
    CHECK(askers[2].woken == 1);
    room_free(&room);
}

TEST(ten_thousand_wait_and_the_next_is_refused)
{
    enum { WAITERS = 10000 };
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker *askers = mem_new(WAITERS + 2, sizeof *askers);
    struct answer leader = ask(&room, &askers[0], 0);

    for (int i = 1; i <= WAITERS; i++)
        CHECK(ask(&room, &askers[i], 0).what == CACHE_WAIT);
    CHECK(ask(&room, &askers[WAITERS + 1], 0).what == CACHE_REFUSED);
    CHECK(fill(&room, &leader, "v", 100, 1) == ERR_OK);
    for (int i = 1; i <= WAITERS; i++)
        CHECK(askers[i].woken == 1);
    CHECK(askers[WAITERS + 1].woken == 0);
    mem_free(&askers);
    room_free(&room);
}

TEST(loads_are_limited_in_number)
{
    struct cache_settings settings = room_settings(64 << 20, "s3fifo");
    struct room room = {0};
    struct cache_view view;
    struct cache_lease leases[5];
    struct cache_ask ask_once = {.lease_ms = 1000, .no_wait = true};

    settings.leases_max = 4;
    room.cache = cache_new(&settings, 1);
    room.thread = cache_join(room.cache);
    for (int i = 0; i < 5; i++) {
        struct name name = name_of(i);
        enum cache_answer got = cache_get(room.thread, cache_key(room.cache, 0, name_bytes(&name)),
                                          &ask_once, 0, NULL, &view, &leases[i], NULL);

        CHECK(got == (i < 4 ? CACHE_LEAD : CACHE_REFUSED));
    }
    for (int i = 0; i < 4; i++)
        cache_abandon(room.thread, &leases[i], 0);
    room_free(&room);
}

TEST(stale_is_served_while_exactly_one_refreshes)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker asker = {0};
    struct cache_put put = a_put(&room, "v1", 100);
    struct answer leader;

    put.stale_until_ms = 200;
    put.error_until_ms = 300;
    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    CHECK(ask(&room, &asker, 99).what == CACHE_HIT);
    leader = ask(&room, &asker, 100);
    CHECK(leader.what == CACHE_HIT_LEAD);
    CHECK(leader.view.state == CACHE_STALE);
    CHECK(ask(&room, &asker, 101).what == CACHE_HIT_STALE);
    put = a_put(&room, "v2", 1000);
    CHECK(cache_fill(room.thread, &leader.lease, &put, 102) == ERR_OK);
    leader = ask(&room, &asker, 103);
    CHECK(leader.what == CACHE_HIT);
    CHECK(bytes_equal(leader.view.value, BYTES("v2")));
    room_free(&room);
}

TEST(after_a_failed_refresh_the_next_try_waits)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker asker = {0};
    struct cache_put put = a_put(&room, "v1", 100);
    struct answer leader;

    put.stale_until_ms = 200;
    put.error_until_ms = 1000;
    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    leader = ask(&room, &asker, 150);
    CHECK(leader.what == CACHE_HIT_LEAD);
    cache_fail(room.thread, &leader.lease, ERR_PEER_SLOW, 20, 151);
    CHECK(ask(&room, &asker, 152).what == CACHE_HIT_STALE);
    leader = ask(&room, &asker, 171);
    CHECK(leader.what == CACHE_HIT_LEAD);
    cache_fail(room.thread, &leader.lease, ERR_PEER_SLOW, 100, 180);
    leader = ask(&room, &asker, 250);
    CHECK(leader.what == CACHE_HIT_STALE);
    CHECK(leader.view.state == CACHE_GRACE);
    leader = ask(&room, &asker, 280);
    CHECK(leader.what == CACHE_LEAD);
    CHECK(leader.view.state == CACHE_GRACE);
    cache_abandon(room.thread, &leader.lease, 281);
    room_free(&room);
}

TEST(unchanged_gives_new_times_to_the_same_value)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker askers[2] = {0};
    struct cache_ask strict = {.lease_ms = 1000, .no_stale = true};
    struct cache_put put = a_put(&room, "v1", 100);
    struct answer leader;

    put.error_until_ms = 200;
    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    leader = ask_as(&room, &strict, &askers[0], 150);
    CHECK(leader.what == CACHE_LEAD);
    CHECK(leader.view.state == CACHE_GRACE);
    CHECK(ask_as(&room, &strict, &askers[1], 150).what == CACHE_WAIT);
    CHECK(cache_unchanged(room.thread, &leader.lease, 500, 600, 700, 160) == ERR_OK);
    CHECK(askers[1].outcome == CACHE_FILLED);
    CHECK(strcmp(askers[1].value, "v1") == 0);
    leader = ask(&room, &askers[0], 499);
    CHECK(leader.what == CACHE_HIT);
    CHECK(leader.view.stale_until_ms == 600);
    CHECK(leader.view.error_until_ms == 700);
    room_free(&room);
}

TEST(unchanged_gives_stale_times_to_one_that_had_none)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker asker = {0};
    struct cache_ask early = {.lease_ms = 1000, .refresh = true};
    struct cache_put put = a_put(&room, "v1", 100);
    struct answer leader;

    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    leader = ask_as(&room, &early, &asker, 50);
    CHECK(leader.what == CACHE_HIT_LEAD);
    CHECK(leader.view.state == CACHE_FRESH);
    CHECK(cache_unchanged(room.thread, &leader.lease, 500, 600, 700, 60) == ERR_OK);
    leader = ask(&room, &asker, 550);
    CHECK(leader.view.state == CACHE_STALE);
    CHECK(bytes_equal(leader.view.value, BYTES("v1")));
    cache_abandon(room.thread, &leader.lease, 550);
    room_free(&room);
}

TEST(unchanged_is_dropped_when_the_entry_is_no_longer_there)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker asker = {0};
    struct cache_ask early = {.lease_ms = 1000, .refresh = true};
    struct cache_put put = a_put(&room, "v1", 100);
    struct answer leader;

    CHECK(cache_put(room.thread, &put, 0) == ERR_OK);
    leader = ask_as(&room, &early, &asker, 50);
    CHECK(cache_remove(room.thread, the_key(&room), 51));
    CHECK(cache_unchanged(room.thread, &leader.lease, 500, 0, 0, 60) == ERR_DROPPED);
    CHECK(ask(&room, &asker, 61).what == CACHE_LEAD);
    (void)cache_turn(room.thread, 5000);
    room_free(&room);
}

TEST(a_put_during_a_load_wins_and_answers_those_who_wait)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker askers[2] = {0};
    struct answer leader = ask(&room, &askers[0], 0);
    struct cache_put put = a_put(&room, "put", 1000);
    struct cache_view view;

    CHECK(ask(&room, &askers[1], 0).what == CACHE_WAIT);
    CHECK(cache_put(room.thread, &put, 1) == ERR_OK);
    CHECK(strcmp(askers[1].value, "put") == 0);
    CHECK(fill(&room, &leader, "loaded", 1000, 2) == ERR_DROPPED);
    CHECK(cache_look(room.thread, the_key(&room), 2, &view) == CACHE_FRESH);
    CHECK(bytes_equal(view.value, BYTES("put")));
    room_free(&room);
}

TEST(a_value_without_a_life_is_delivered_and_not_stored)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker askers[2] = {0};
    struct answer leader = ask(&room, &askers[0], 10);
    struct cache_view view;

    CHECK(ask(&room, &askers[1], 10).what == CACHE_WAIT);
    CHECK(fill(&room, &leader, "once", 10, 10) == ERR_OK);
    CHECK(strcmp(askers[1].value, "once") == 0);
    CHECK(cache_look(room.thread, the_key(&room), 10, &view) == CACHE_MISS);
    room_free(&room);
}

static int shared_holds;

static void hold_shared(void *shared)
{
    (void)shared;
    shared_holds++;
}

static void drop_shared(void *shared)
{
    (void)shared;
    shared_holds--;
}

TEST(what_is_shared_reaches_those_who_wait_and_those_who_come)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_ask sharing = {.lease_ms = 1000, .hold_shared = hold_shared};
    struct asker askers[4] = {0};
    struct answer leader = ask_as(&room, &sharing, &askers[0], 0);
    struct answer joined;
    int stream = 0;

    shared_holds = 1; /* the leader's own */
    CHECK(ask_as(&room, &sharing, &askers[1], 0).what == CACHE_WAIT);
    CHECK(ask(&room, &askers[2], 0).what == CACHE_WAIT);
    CHECK(cache_share(room.thread, &leader.lease, &stream, drop_shared, 1));
    CHECK(askers[1].outcome == CACHE_SHARED);
    CHECK(askers[1].shared == &stream);
    CHECK(askers[2].woken == 0);
    joined = ask_as(&room, &sharing, &askers[3], 2);
    CHECK(joined.what == CACHE_JOIN);
    CHECK(joined.shared == &stream);
    CHECK(shared_holds == 3);
    CHECK(fill(&room, &leader, "all", 1000, 3) == ERR_OK);
    CHECK(shared_holds == 2);
    CHECK(strcmp(askers[2].value, "all") == 0);
    room_free(&room);
}

TEST(nobody_joins_a_stream_that_an_invalidation_overtook)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_ask sharing = {.lease_ms = 1000, .hold_shared = hold_shared};
    struct cache_purge purge = {.by = CACHE_BY_TAG, .name = BYTES("any")};
    struct asker asker = {0};
    struct answer leader = ask_as(&room, &sharing, &asker, 0);
    struct answer next;
    int stream = 0;

    shared_holds = 1;
    CHECK(cache_share(room.thread, &leader.lease, &stream, drop_shared, 1));
    CHECK(cache_purge(room.thread, &purge, 2, NULL) == ERR_OK);
    next = ask_as(&room, &sharing, &asker, 3);
    CHECK(next.what == CACHE_LEAD);
    CHECK(shared_holds == 0);
    CHECK(fill(&room, &leader, "old", 1000, 4) == ERR_DROPPED);
    CHECK(fill(&room, &next, "new", 1000, 5) == ERR_OK);
    room_free(&room);
}

TEST(what_is_not_for_sharing_sends_everybody_on_his_own_way)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker askers[3] = {0};
    struct answer leader = ask(&room, &askers[0], 0);
    struct answer alone;

    CHECK(ask(&room, &askers[1], 0).what == CACHE_WAIT);
    cache_disperse(room.thread, &leader.lease, 500, 10);
    CHECK(askers[1].outcome == CACHE_RETRY);
    alone = ask(&room, &askers[1], 100);
    CHECK(alone.what == CACHE_LEAD);
    CHECK(alone.lease.token == 0);
    CHECK(ask(&room, &askers[2], 509).lease.token == 0);
    (void)cache_turn(room.thread, 510);
    leader = ask(&room, &askers[0], 510);
    CHECK(leader.what == CACHE_LEAD);
    CHECK(leader.lease.token != 0);
    cache_abandon(room.thread, &leader.lease, 511);
    room_free(&room);
}

TEST(what_is_remembered_as_not_for_sharing_can_be_invalidated)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct asker asker = {0};
    struct answer leader = ask(&room, &asker, 0);

    CHECK(leader.what == CACHE_LEAD);
    cache_disperse(room.thread, &leader.lease, 500, 0);
    (void)cache_remove(room.thread, the_key(&room), 1);
    leader = ask(&room, &asker, 2);
    CHECK(leader.what == CACHE_LEAD);
    CHECK(leader.lease.token != 0);
    cache_abandon(room.thread, &leader.lease, 3);
    room_free(&room);
}

TEST(negative_answers_have_a_bounded_share)
{
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_metrics metrics;
    static char filler[4000];
    int stored = 0;

    for (int i = 0; i < 2000; i++) {
        struct name name = name_of(i);
        struct cache_put put = {.key = cache_key(room.cache, 0, name_bytes(&name)),
                                .negative = true,
                                .body = bytes_of(filler, sizeof filler),
                                .expires_ms = 1000};

        stored += cache_put(room.thread, &put, 0) == ERR_OK;
    }
    cache_read_metrics(room.cache, &metrics);
    CHECK(stored > 500);
    CHECK(counter_read(&metrics.memory_values_bytes) < (64 << 20) / 20 + 8192);
    CHECK(counter_read(&metrics.refused_full) == 2000 - (uint64_t)stored);
    room_free(&room);
}

TEST(nobody_loads_for_a_key_that_is_too_long_to_be_stored)
{
    static const char text[CACHE_KEY_MAX + 1];
    struct room room = room_new(64 << 20, "s3fifo");
    struct cache_ask ask = {.lease_ms = 1000, .no_wait = true};
    struct cache_lease lease;
    struct cache_view view;

    for (size_t size = CACHE_KEY_MAX; size <= CACHE_KEY_MAX + 1; size++) {
        struct cache_key key = cache_key(room.cache, 0, bytes_of(text, size));
        enum cache_answer answer = cache_get(room.thread, key, &ask, 0, NULL, &view, &lease, NULL);

        CHECK(answer == (size > CACHE_KEY_MAX ? CACHE_REFUSED : CACHE_LEAD));
        cache_abandon(room.thread, &lease, 0);
    }
    room_free(&room);
}
