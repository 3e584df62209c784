/* room.c: making room: what leaves, and when. SPDX-License-Identifier: MIT
 *
 * What is evicted is not free at once: somebody may be reading it. So room is made ahead: once a
 * turn each thread evicts until there is a reserve, and a put finds a free place at once. A put
 * that finds none evicts by itself, gives back what it can, and passes the limit by a bounded
 * amount when other threads have yet to come to the end of their turn.
 *
 * Latches are never waited for here: a victim whose shard is taken stays in its page. So this may
 * run inside a step that holds shards.
 */
#include "cache/store.h"

#include <sched.h>
#include <time.h>

enum {
    RESERVE_SHARE = 128,    /* of the limit */
    OVERSHOOT_SHARE = 16,   /* of the limit: how far a put may pass it for a moment */
    ROUNDS_MAX = 16384,     /* of making room for one put */
    ROUNDS_STRICT = 64,     /* ... without passing the limit, as long as nobody reads on */
    ROUNDS_PATIENT = 1000,  /* ... in which other threads may get a core and end their turn */
    ROUNDS_REPAYING = 2000, /* ... after a piece of work, while much is owed */
    ROUNDS_AWAKE = 16,      /* of these only yield; then the thread naps in between */
    NAP_NS = 100000,
    ROUNDS_HOPING = 8,          /* ... when nothing would leave: shards may have been taken */
    BATCH_BYTES = 32 << 10,     /* evicted at one time */
    COMPACTED_MAX = 8,          /* pieces of sparse pages a turn */
    TURN_EVICTED_MAX = 1 << 20, /* bytes */
    RESERVE_MIN = 128 << 10,    /* bytes */
    RESERVE_MAX = 8 << 20,      /* bytes */
    OVERSHOOT_MIN = 4 << 20,    /* bytes */
    OVERSHOOT_MAX = 64 << 20,   /* bytes */
};

static size_t clamp(size_t value, size_t low, size_t high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

static size_t limit(const struct cache *cache)
{
    return atomic_load_explicit(&cache->memory_now, memory_order_relaxed);
}

/* How far the limit may be passed for a moment. */
static size_t overshoot(const struct cache *cache)
{
    return clamp(limit(cache) / OVERSHOOT_SHARE, OVERSHOOT_MIN, OVERSHOOT_MAX);
}

/* Whether a place may be taken beyond the limit: others have retired enough, it only takes a moment
 * until it is free. Inside a step there is no waiting for others, who may be waiting for its
 * latches, so it may go twice as far; room_repay waits when the step is over. */
static bool may_overshoot(const struct cache_thread *thread, size_t size)
{
    const struct cache *cache = thread->cache;
    size_t over = overshoot(cache) * (thread->step == STEP_NONE ? 1 : 2);

    return account_used(&cache->whole) + size <= limit(cache) + over;
}

static size_t retired_bytes(const struct cache *cache)
{
    return atomic_load_explicit(&cache->retired_bytes, memory_order_relaxed);
}

/* Lets others come to the end of what they look at. Yielding alone does not help where more threads
 * want to run than there are cores. */
static void nap(const struct cache_thread *thread, unsigned round)
{
    struct timespec length = {.tv_nsec = NAP_NS};

    if (thread->step == STEP_NONE && round >= ROUNDS_AWAKE)
        (void)nanosleep(&length, NULL);
    else
        (void)sched_yield();
}

/* What a round of making room came to. */
enum room_round {
    ROOM_MADE,
    ROOM_AWAITED, /* enough is retired, by this thread or others: it comes free in a moment */
    ROOM_NONE,    /* nothing leaves: all is held, or the policy evicts nothing */
};

static enum room_round make_room(struct cache_thread *thread, size_t size)
{
    bool awaited = retired_bytes(thread->cache) >= size + BATCH_BYTES;
    /* What a purge removed goes before anything that somebody may still want. */
    bool made = !awaited && sweep_ahead(thread);

    if (!awaited && !made)
        made = order_evict(thread, size > BATCH_BYTES ? size : BATCH_BYTES) > 0;
    made |= order_compact(thread, true);
    made |= retired_reclaim(thread, UINT64_MAX);
    if (made)
        return ROOM_MADE;
    return awaited || retired_bytes(thread->cache) > 0 ? ROOM_AWAITED : ROOM_NONE;
}

static enum err take(struct cache *cache, struct room_ask *ask, bool force,
                     struct cache_entry **ret_entry, bool *ret_young)
{
    uint32_t ref = 0;

    ask->force = force;
    TRY(order_take(cache, ask, &ref, ret_young));
    *ret_entry = entry_at(cache, ref);
    return ERR_OK;
}

enum err room_take(struct cache_thread *thread, struct room_ask *ask,
                   struct cache_entry **ret_entry, bool *ret_young)
{
    struct cache *cache = thread->cache;
    enum err err = take(cache, ask, ask->force, ret_entry, ret_young);
    unsigned patience = thread->step == STEP_NONE ? ROUNDS_PATIENT : ROUNDS_HOPING;
    unsigned hopes = ROUNDS_HOPING;

    /* That happens under latches of shards, where nothing may leave. */
    if (ask->force)
        return err;
    for (unsigned round = 0; err == ERR_FULL && round < ROUNDS_MAX; round++) {
        enum room_round came = make_room(thread, ask->size);

        err = take(cache, ask, false, ret_entry, ret_young);
        /* What was evicted is somebody's to read for a moment, or its page is not empty yet. */
        if (err == ERR_FULL && came != ROOM_NONE &&
            (round >= ROUNDS_STRICT || retired_bytes(cache) > 0) &&
            may_overshoot(thread, ask->size))
            err = take(cache, ask, true, ret_entry, ret_young);
        if (err != ERR_FULL || came == ROOM_MADE)
            continue;
        if (came == ROOM_NONE ? hopes-- == 0 : patience-- == 0)
            break;
        nap(thread, round);
    }
    if (err == ERR_FULL)
        counter_add(&thread->metrics.refused_full, 1);
    return err;
}

void room_repay(struct cache_thread *thread)
{
    const struct cache *cache = thread->cache;
    size_t enough = limit(cache) + overshoot(cache) / 2;

    for (unsigned i = 0; i < ROUNDS_REPAYING && account_used(&cache->whole) > enough; i++) {
        enum room_round came = make_room(thread, BATCH_BYTES);

        if (came == ROOM_NONE)
            break;
        if (came == ROOM_AWAITED)
            nap(thread, i);
    }
}

enum err room_clear(struct cache_thread *thread, size_t bytes)
{
    const struct cache *cache = thread->cache;
    size_t max = limit(cache), patience = ROUNDS_PATIENT, hopes = ROUNDS_HOPING;

    if (bytes > max)
        return ERR_FULL;
    for (unsigned i = 0; account_used(&cache->whole) > max - bytes; i++) {
        size_t missing = account_used(&cache->whole) - (max - bytes);
        enum room_round came =
            make_room(thread, missing < TURN_EVICTED_MAX ? missing : TURN_EVICTED_MAX);

        if (came == ROOM_MADE)
            continue;
        if (came == ROOM_NONE ? hopes-- == 0 : patience-- == 0)
            return ERR_FULL;
        nap(thread, i);
    }
    return ERR_OK;
}

/* What can be taken without evicting: below the limit, and free places. Negative: beyond it. */
static int64_t room_left(const struct cache *cache)
{
    size_t holes = pool_backed(cache->pool) - pool_taken(cache->pool);

    return (int64_t)(limit(cache) + holes + retired_bytes(cache)) -
           (int64_t)account_used(&cache->whole);
}

void room_limit(struct cache *cache, size_t bytes)
{
    atomic_store(&cache->memory_now, bytes);
    atomic_store(&cache->whole.max, bytes);
}

/* A lower limit is come to by turns, so that nobody waits for all of it. True: there is more. */
static bool come_down(struct cache_thread *thread)
{
    struct cache *cache = thread->cache;
    size_t max = atomic_load_explicit(&cache->memory_max, memory_order_relaxed);
    size_t now = limit(cache);
    size_t used = account_used(&cache->whole);
    size_t coming = retired_bytes(cache) + pool_backed(cache->pool) - pool_taken(cache->pool);
    bool some = false;

    if (now <= max)
        return false;
    /* What is retired or a hole comes free without anybody else leaving. */
    some = order_compact(thread, true) || retired_bytes(cache) > 0;
    if (!some || used > max + coming)
        some |= order_evict(thread, TURN_EVICTED_MAX) > 0;
    used = account_used(&cache->whole);
    if (used < now)
        room_limit(cache, used > max ? used : max);
    return some;
}

bool room_keep(struct cache_thread *thread)
{
    struct cache *cache = thread->cache;
    size_t max = limit(cache);
    size_t reserve = clamp(max / RESERVE_SHARE, RESERVE_MIN, RESERVE_MAX);
    int64_t left = room_left(cache);
    size_t missing = left < (int64_t)reserve ? (size_t)((int64_t)reserve - left) : 0;
    bool more = come_down(thread);

    /* Others (buffers, tables) need memory that holes in pages cannot give: pages are emptied, and
     * if there is none worth it yet, a little more is evicted until there is. */
    if (account_used(&cache->whole) + reserve / 2 > max) {
        for (int i = 0; i < COMPACTED_MAX && order_compact(thread, false); i++)
            more = true;
        if (!more && missing < BATCH_BYTES)
            missing = BATCH_BYTES;
    }
    if (missing > 0) {
        size_t wanted = missing < TURN_EVICTED_MAX ? missing : TURN_EVICTED_MAX;

        if (order_evict(thread, wanted) > 0)
            more = true;
    }
    return more;
}
