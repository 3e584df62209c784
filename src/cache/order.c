/* order.c: which entries leave or move, page by page. SPDX-License-Identifier: MIT
 *
 * Here the policy's decisions (policy.h) meet the pool's pages (pool.h): who wants room goes
 * through the oldest page of the queue that the policy names, and what the policy spares moves to a
 * younger page. Entries are gathered under the order's latch and dealt with under those of their
 * shards, where the index has the last word: what it does not show any more at this place is left
 * alone.
 *
 * Shards are only tried, never waited for, so that this may run inside a step that holds shards.
 * What could not be dealt with stays in its page, which goes back into its queue after a while.
 */
#include "cache/store.h"

enum {
    GATHERED_MAX = 64, /* entries at one time */
    WALKED_MAX = 1024, /* places at one time, when nothing wants to leave */
    ROUNDS_MAX = 64,   /* of these in one call, */
    DEALT_MAX = 1024,  /*   and so many entries: about a millisecond when nothing is in a cache */
    DRAINING_MAX = 8,  /* pages that are being emptied, before the oldest goes back */
};

struct mover {
    uint64_t hash; /* known when they are dealt with */
    uint32_t ref;
    uint8_t queue; /* that it was in, */
    uint8_t to;    /* and shall go to; POLICY_LEAVES: it is evicted */
};

/* For the policy's memory of those who left. */
struct leaver {
    uint64_t hash;
    unsigned queue;
};

struct movers {
    bool evicts; /* what finds no other place leaves */
    size_t count;
    size_t left_count;
    struct mover at[GATHERED_MAX];
    struct leaver left[GATHERED_MAX];
};

/* ---- taking and giving ------------------------------------------------------------------- */

enum err order_take(struct cache *cache, struct room_ask *ask, uint32_t *ret_ref, bool *ret_young)
{
    struct pool_ask wanted = {.size = ask->size, .ends_ms = ask->ends_ms, .force = ask->force};
    enum err err = ERR_OK;

    latch_lock(&cache->order_latch);
    if (ask->queue == 0)
        ask->queue = policy_enter(cache->policy, ask->hash, pool_cost(cache->pool, ask->size));
    ask->queue = policy_queue_of(cache->policy, ask->queue);
    wanted.queue = ask->queue;
    err = pool_take(cache->pool, &wanted, ret_ref, ret_young);
    if (err == ERR_OK)
        policy_count_in(cache->policy, ask->queue, pool_cost(cache->pool, ask->size));
    latch_unlock(&cache->order_latch);
    return err;
}

void order_give(struct cache *cache, const uint32_t *refs, size_t count)
{
    if (count == 0)
        return;
    latch_lock(&cache->order_latch);
    for (size_t i = 0; i < count; i++) {
        size_t size = pool_cost(cache->pool, place_size(entry_at(cache, refs[i])));

        policy_count_out(cache->policy, pool_queue_of(cache->pool, refs[i]), size);
        pool_give(cache->pool, refs[i]);
    }
    latch_unlock(&cache->order_latch);
}

/* ---- gathering, under the order's latch --------------------------------------------------- */

static void forget_hits(struct cache *cache, uint32_t page)
{
    struct cache_entry *entry = NULL;
    uint32_t offset = 0;

    while ((entry = pool_walk(cache->pool, page, &offset)) != NULL) {
        uint64_t word = entry_word(entry);

        if ((word & ENTRY_SHOWN) != 0 && (word & ENTRY_RAW) == 0)
            entry_set_policy(entry, word, 0);
    }
}

/* The page becomes the newest of the queue as it is. */
static void requeue(struct cache *cache, uint32_t page, unsigned to)
{
    unsigned from = pool_page_queue(cache->pool, page);
    struct pool_places places = pool_page_places(cache->pool, page);

    policy_count_moved(cache->policy, from, to, places.count, places.bytes);
    pool_requeue(cache->pool, page, to);
}

static void shift(struct cache *cache, const struct policy_shift *shift)
{
    uint32_t page = pool_queue(cache->pool, shift->from)->oldest;

    if (page == 0)
        return;
    if (shift->forget)
        forget_hits(cache, page);
    requeue(cache, page, shift->to);
}

static struct policy_candidate candidate_of(const struct cache *cache,
                                            const struct cache_entry *entry, unsigned queue)
{
    uint64_t word = entry_word(entry);

    return (struct policy_candidate){
        .queue = queue,
        .bits = (uint16_t)word_policy(word),
        .has_ttl = (word & ENTRY_ENDS) != 0,
        .size = pool_cost(cache->pool, entry_size(entry)),
        .ends_ms = entry_ends(entry),
    };
}

/* Pages that could not be emptied for long are used again. */
static void release_old(struct cache *cache)
{
    while (pool_draining_count(cache->pool) >= DRAINING_MAX) {
        uint32_t page = pool_draining(cache->pool);

        if (page == cache->evicting)
            cache->evicting = 0;
        if (page == cache->compacting)
            cache->compacting = 0;
        pool_undrain(cache->pool, page);
    }
}

/* The page to be emptied next for want of room; 0: there is none. */
static uint32_t oldest_page(struct cache *cache)
{
    struct policy_shift next;
    unsigned queue = 0;

    for (int i = 0; i < POLICY_SHIFTS_MAX && policy_shift(cache->policy, &next); i++)
        shift(cache, &next);
    queue = policy_source(cache->policy);
    if (queue == 0)
        return 0;
    /* All pages of the queue may be in work already. */
    for (unsigned i = 0; i < POLICY_QUEUES; i++) {
        uint32_t page = pool_queue(cache->pool, queue)->oldest;

        if (page != 0)
            return page;
        queue = queue % POLICY_QUEUES + 1;
    }
    return 0;
}

static uint32_t page_to_evict(struct cache *cache)
{
    uint32_t page = cache->evicting;

    if (page != 0 && pool_is_draining(cache->pool, page))
        return page;
    release_old(cache);
    page = oldest_page(cache);
    if (page != 0)
        pool_drain(cache->pool, page);
    cache->evicting = page;
    return page;
}

static bool is_entry(const struct cache_entry *place)
{
    return (entry_word(place) & (ENTRY_RAW | ENTRY_SHOWN)) == ENTRY_SHOWN;
}

/* What becomes of the entry: a queue, POLICY_LEAVES or POLICY_STAYS. */
static unsigned review(struct cache *cache, struct cache_entry *entry, unsigned queue)
{
    struct policy_candidate candidate = candidate_of(cache, entry, queue);
    uint64_t word = entry_word(entry);
    unsigned to = policy_review(cache->policy, &candidate);

    entry_set_policy(entry, word, candidate.bits);
    return to;
}

/* Goes on through the page that is being emptied. False: there is none. */
static bool gather_oldest(struct cache *cache, struct movers *movers)
{
    uint32_t page = page_to_evict(cache);
    unsigned queue = page == 0 ? 0 : pool_page_queue(cache->pool, page);
    bool refilled = page != 0 && pool_is_refilled(cache->pool, page);

    while (page != 0 && movers->count < GATHERED_MAX) {
        struct cache_entry *entry = pool_walk_on(cache->pool, page);
        unsigned to = queue;

        if (entry == NULL) {
            cache->evicting = 0;
            break;
        }
        if (!is_entry(entry))
            continue;
        /* What came into an old page later is younger than its neighbours. */
        if ((entry_word(entry) & ENTRY_YOUNG) == 0 || refilled)
            to = review(cache, entry, queue);
        if (to != POLICY_LEAVES && pool_is_alone(cache->pool, page)) {
            pool_undrain(cache->pool, page); /* nothing is copied that has a page for itself */
            requeue(cache, page, to);
            cache->evicting = 0;
            break;
        }
        movers->at[movers->count++] = (struct mover){
            .ref = entry_ref(cache, entry), .queue = (uint8_t)queue, .to = (uint8_t)to};
    }
    return page != 0;
}

/* Goes on with the hand, which leaves in their places all that stay. False: nothing is to leave. */
static bool gather_by_hand(struct cache *cache, struct movers *movers)
{
    for (int i = 0; i < WALKED_MAX && movers->count < GATHERED_MAX; i++) {
        unsigned queue = policy_source(cache->policy);
        uint32_t page = queue == 0 ? 0 : pool_hand(cache->pool, queue);
        struct cache_entry *entry = page == 0 ? NULL : pool_walk_on(cache->pool, page);

        if (page == 0)
            return false;
        if (entry == NULL)
            pool_hand_on(cache->pool);
        else if (is_entry(entry) && review(cache, entry, queue) == POLICY_LEAVES)
            movers->at[movers->count++] = (struct mover){
                .ref = entry_ref(cache, entry), .queue = (uint8_t)queue, .to = POLICY_LEAVES};
    }
    return true;
}

/* Whatever lives in a page with many holes moves within its queue. */
static void gather_sparse(struct cache *cache, struct movers *movers, bool want)
{
    uint32_t page = cache->compacting;

    if (page == 0 || !pool_is_draining(cache->pool, page)) {
        release_old(cache);
        page = pool_sparse(cache->pool, want);
        if (page != 0)
            pool_drain(cache->pool, page);
        cache->compacting = page;
    }
    while (page != 0 && movers->count < GATHERED_MAX) {
        struct cache_entry *entry = pool_walk_on(cache->pool, page);
        uint8_t queue = (uint8_t)pool_page_queue(cache->pool, page);

        if (entry == NULL) {
            cache->compacting = 0;
            break;
        }
        if (is_entry(entry))
            movers->at[movers->count++] =
                (struct mover){.ref = entry_ref(cache, entry), .queue = queue, .to = queue};
    }
}

/* ---- moving and evicting, under the latches of shards ------------------------------------- */

static bool move_to(struct cache_thread *thread, _Atomic uint32_t *slot, struct cache_entry *entry,
                    unsigned queue)
{
    struct copying copying = {.queue = queue};
    struct cache_entry *copy = NULL;

    if (entry_copy(thread, entry, &copying, &copy) != ERR_OK)
        return false;
    shard_move(thread, slot, entry, copy);
    return true;
}

/* Returns the bytes of what went from its place. A step over everything may evict what it holds,
 * other steps spare theirs. */
static size_t deal_with(struct cache_thread *thread, const struct mover *mover,
                        struct movers *movers)
{
    struct cache *cache = thread->cache;
    struct cache_entry *entry = entry_at(cache, mover->ref);
    struct cache_key key = {entry_name(entry), mover->hash, (uint8_t)entry_space(entry)};
    struct shard *shard = shard_of(cache, key.hash);
    size_t bytes = entry_cost(cache, entry);
    _Atomic uint32_t *slot = NULL;
    bool entered = thread->step != STEP_ALL;
    bool gone = false;

    if (entered && !latch_try(&shard->latch))
        return 0;
    if (find_entry(cache, shard, &key, &slot) == entry) {
        gone = mover->to != POLICY_LEAVES && move_to(thread, slot, entry, mover->to);
        if (!gone && movers->evicts) {
            shard_remove(thread, shard, slot, entry, key.hash, CACHE_EVICTED);
            movers->left[movers->left_count++] = (struct leaver){key.hash, mover->queue};
            gone = true;
        }
    }
    shard_leave(shard, entered);
    return gone ? bytes : 0;
}

/* What the policy remembers grows with the number of entries. The order's latch is held. */
static void charge_policy(struct cache *cache)
{
    size_t cost = policy_cost(cache->policy);

    if (cost > cache->policy_charged)
        account_force(&cache->index, cost - cache->policy_charged);
    else
        account_refund(&cache->index, cache->policy_charged - cost);
    cache->policy_charged = cost;
}

static size_t deal_with_all(struct cache_thread *thread, struct movers *movers)
{
    struct cache *cache = thread->cache;
    size_t bytes = 0;

    /* Where the index shows them is far apart. */
    for (size_t i = 0; i < movers->count; i++) {
        struct mover *mover = &movers->at[i];

        mover->hash = entry_hash(cache, entry_at(cache, mover->ref));
        cache_prefetch(thread, (struct cache_key){.hash = mover->hash}, 0);
        cache_prefetch(thread, (struct cache_key){.hash = mover->hash}, 2);
    }
    for (size_t i = 0; i < movers->count; i++)
        bytes += deal_with(thread, &movers->at[i], movers);
    if (movers->left_count == 0)
        return bytes;
    latch_lock(&cache->order_latch);
    for (size_t i = 0; i < movers->left_count; i++)
        policy_left(cache->policy, movers->left[i].hash, movers->left[i].queue);
    charge_policy(cache);
    latch_unlock(&cache->order_latch);
    return bytes;
}

size_t order_evict(struct cache_thread *thread, size_t bytes)
{
    struct cache *cache = thread->cache;
    size_t done = 0, dealt = 0;
    bool more = true;

    for (int round = 0; round < ROUNDS_MAX && more && done < bytes && dealt < DEALT_MAX; round++) {
        struct movers movers;

        movers.evicts = true;
        movers.count = movers.left_count = 0;
        latch_lock(&cache->order_latch);
        if (policy_by_hand(cache->policy))
            more = gather_by_hand(cache, &movers);
        else
            more = gather_oldest(cache, &movers);
        latch_unlock(&cache->order_latch);
        done += deal_with_all(thread, &movers);
        dealt += movers.count;
        more |= movers.count > 0;
    }
    return done;
}

bool order_compact(struct cache_thread *thread, bool want)
{
    struct cache *cache = thread->cache;
    struct movers movers;

    movers.evicts = false;
    movers.count = movers.left_count = 0;
    latch_lock(&cache->order_latch);
    gather_sparse(cache, &movers, want);
    latch_unlock(&cache->order_latch);
    return deal_with_all(thread, &movers) > 0;
}

/* ---- large pages ------------------------------------------------------------------------- */

bool order_collapse(struct cache *cache)
{
    void *block = NULL;

    if (!pool_has_whole(cache->pool) || !latch_try(&cache->order_latch))
        return false;
    block = pool_whole(cache->pool);
    latch_unlock(&cache->order_latch);
    if (block != NULL)
        blocks_collapse(block);
    return block != NULL;
}

/* ---- another policy ---------------------------------------------------------------------- */

void order_take_over(struct cache *cache, struct policy *policy)
{
    latch_lock(&cache->order_latch);
    cache->evicting = cache->compacting = 0;
    pool_unite(cache->pool, POLICY_FIRST);
    policy_inherit(policy, cache->policy);
    policy_attach(policy, &cache->policy_marker);
    policy_free(&cache->policy);
    cache->policy = policy;
    charge_policy(cache);
    latch_unlock(&cache->order_latch);
}
