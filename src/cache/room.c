/* room.c: making room: what leaves, and when. SPDX-License-Identifier: MIT
 *
 * What is evicted is not free at once: somebody may be reading it. So room is made ahead: once a
 * turn each thread evicts until there is a reserve, and a put finds a free place at once. A put
 * that finds none evicts by itself, gives back what it can, and passes the limit by a bounded
 * amount when other threads have yet to come to the end of their turn.
 *
 * Latches are never waited for here: a victim whose shard is taken goes back into the order. So
 * this may run inside a step that holds shards.
 */
#include "cache/store.h"

#include <sched.h>
#include <time.h>

enum {
    RESERVE_SHARE = 128,    /* of the limit */
    OVERSHOOT_SHARE = 16,   /* of the limit: how far a put may pass it for a moment */
    ROUNDS_MAX = 16384,     /* of making room for one put */
    ROUNDS_PATIENT = 100,   /* ... in which other threads may come to an end of their turn */
    ROUNDS_REPAYING = 2000, /* ... after a piece of work, while much is owed */
    ROUNDS_AWAKE = 16,      /* of these only yield; then the thread naps in between */
    NAP_NS = 100000,
    ROUNDS_HOPING = 8,          /* ... when nothing would leave: shards may have been taken */
    BATCH_BYTES = 32 << 10,     /* evicted at one time */
    TURN_EVICTED_MAX = 8 << 20, /* bytes */
    EVICTED_MAX = 512,          /* entries at one time: about a millisecond */
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
    return atomic_load_explicit(&cache->memory_max, memory_order_relaxed);
}

struct victim {
    struct cache_thread *thread;
    uint64_t hash; /* of the last that was claimed */
    struct shard *shard;
    bool entered;
};

static void candidate_tell(void *context, uint32_t ref, struct policy_candidate *candidate)
{
    const struct cache *cache = ((const struct victim *)context)->thread->cache;
    const struct cache_entry *entry = entry_at(cache, ref);

    candidate->size = slab_cost(cache->slab, entry_size(entry));
    candidate->ends_ms = entry_ends(entry);
    candidate->has_ttl = candidate->ends_ms != CACHE_NEVER;
}

static uint64_t victim_hash(void *context, uint32_t ref)
{
    (void)ref;
    return ((const struct victim *)context)->hash;
}

/* Takes the latch of the victim's shard. The policy's latch is held, so the victim cannot leave by
 * itself meanwhile. A step over everything may evict what it holds, other steps spare theirs. */
static bool victim_claim(void *context, uint32_t ref)
{
    struct victim *victim = context;
    const struct cache *cache = victim->thread->cache;

    victim->hash = entry_hash(cache, entry_at(cache, ref));
    victim->shard = shard_of(cache, victim->hash);
    victim->entered = victim->thread->step != STEP_ALL;
    return !victim->entered || latch_try(&victim->shard->latch);
}

/* What the policy remembers grows with the number of entries. The policy's latch is held. */
static void charge_policy(struct cache *cache)
{
    size_t cost = policy_cost(cache->policy);

    if (cost > cache->policy_charged)
        account_force(&cache->index, cost - cache->policy_charged);
    else
        account_refund(&cache->index, cache->policy_charged - cost);
    cache->policy_charged = cost;
}

/* 0: none. Else its shard's latch is held. */
static uint32_t victim_find(struct victim *victim)
{
    struct cache *cache = victim->thread->cache;
    struct lineup_callbacks callbacks = {candidate_tell, victim_hash, victim_claim, victim};
    uint32_t ref = 0;

    latch_lock(&cache->policy_latch);
    ref = lineup_victim(&cache->lineup, &callbacks);
    charge_policy(cache);
    latch_unlock(&cache->policy_latch);
    return ref;
}

static size_t evict_one(struct cache_thread *thread)
{
    struct cache *cache = thread->cache;
    struct victim victim = {.thread = thread};
    _Atomic uint32_t *slot = NULL;
    uint32_t ref = victim_find(&victim);
    size_t bytes = 0;

    if (ref == 0)
        return 0;
    struct cache_entry *entry = entry_at(cache, ref);
    struct cache_key key = entry_key(cache, entry);

    must(find_entry(cache, victim.shard, &key, &slot) == entry);
    bytes = entry_cost(cache, entry);
    shard_remove(thread, victim.shard, slot, entry, victim.hash, CACHE_EVICTED);
    shard_leave(victim.shard, victim.entered);
    return bytes;
}

size_t room_evict(struct cache_thread *thread, size_t bytes)
{
    size_t evicted = 0;

    for (int i = 0; i < EVICTED_MAX && evicted < bytes; i++) {
        size_t one = evict_one(thread);

        if (one == 0)
            break;
        evicted += one;
    }
    return evicted;
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
        made = room_evict(thread, size > BATCH_BYTES ? size : BATCH_BYTES) > 0;
    made |= compact_some(thread);
    made |= retired_reclaim(thread);
    if (made)
        return ROOM_MADE;
    return awaited || retired_bytes(thread->cache) > 0 ? ROOM_AWAITED : ROOM_NONE;
}

enum err room_take(struct cache_thread *thread, size_t size, uint32_t *ret_ref)
{
    struct cache *cache = thread->cache;
    enum err err = slab_take(cache->slab, size, false, ret_ref);
    unsigned patience = thread->step == STEP_NONE ? ROUNDS_PATIENT : ROUNDS_HOPING;
    unsigned hopes = ROUNDS_HOPING;

    for (unsigned round = 0; err == ERR_FULL && round < ROUNDS_MAX; round++) {
        enum room_round came = make_room(thread, size);

        err = slab_take(cache->slab, size, false, ret_ref);
        if (err == ERR_FULL && came != ROOM_NONE && may_overshoot(thread, size))
            err = slab_take(cache->slab, size, true, ret_ref);
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

/* What can be taken without evicting: below the limit, and free places. Negative: beyond it. */
static int64_t room_left(const struct cache *cache)
{
    size_t holes = slab_backed(cache->slab) - slab_taken(cache->slab);

    return (int64_t)(limit(cache) + holes + retired_bytes(cache)) -
           (int64_t)account_used(&cache->whole);
}

bool room_keep(struct cache_thread *thread)
{
    struct cache *cache = thread->cache;
    size_t max = limit(cache);
    size_t reserve = clamp(max / RESERVE_SHARE, RESERVE_MIN, RESERVE_MAX);
    int64_t left = room_left(cache);
    size_t missing = left < (int64_t)reserve ? (size_t)((int64_t)reserve - left) : 0;
    bool more = false;

    /* Others (buffers, tables) need memory that holes in pages cannot give: pages are emptied, and
     * if there is none worth it yet, a little more is evicted until there is. */
    if (account_used(&cache->whole) + reserve / 2 > max) {
        more = compact_some(thread);
        if (!more && missing < BATCH_BYTES)
            missing = BATCH_BYTES;
    }
    if (missing > 0) {
        size_t wanted = missing < TURN_EVICTED_MAX ? missing : TURN_EVICTED_MAX;

        if (room_evict(thread, wanted) > 0)
            more = true;
    }
    return more;
}
