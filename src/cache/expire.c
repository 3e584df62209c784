/* expire.c: gives back what has lived its time. SPDX-License-Identifier: MIT
 *
 * The pool names pages in which something may be over; the entries of such a page that are over are
 * looked up again, each under its shard's latch, since they may have been removed, moved or given
 * more time meanwhile.
 */
#include "cache/store.h"

enum {
    GATHERED_MAX = 512, /* entries of a page at one time */
    EXPIRED_MAX = 2048, /* entries a turn: some tenths of a millisecond */
    PAGES_MAX = 32,     /* pages a turn: most that are due have something to give */
    AGAIN_MS = 250,     /* until a page is looked through again: a second is promised */
    AT_ONCE = 0,        /* ... but for one that was not looked through to its end */
};

/* What is over in a page. More than fits: the page stays due. */
static size_t gather(struct cache *cache, uint32_t page, int64_t now_ms,
                     uint32_t refs[GATHERED_MAX])
{
    const struct cache_entry *entry = NULL;
    int64_t due_ms = CACHE_NEVER;
    uint32_t offset = 0;
    size_t count = 0;

    while ((entry = pool_walk(cache->pool, page, &offset)) != NULL) {
        uint64_t word = entry_word(entry);
        /* What is being made may end at any time. */
        int64_t ends_ms = (word & ENTRY_RAW) != 0 ? now_ms : entry_ends(entry);

        if (ends_ms < due_ms)
            due_ms = ends_ms;
        /* What is not shown is being made, or gone already: nobody knows which. */
        if ((word & ENTRY_SHOWN) == 0 || ends_ms > now_ms)
            continue;
        if (count == GATHERED_MAX) {
            pool_set_due(cache->pool, page, AT_ONCE);
            return count;
        }
        refs[count++] = entry_ref(cache, entry);
    }
    /* Also for those that cannot go now, because their shards are taken; and a page in which
     * something ends all the time is gone through for many at once. */
    if (due_ms < now_ms + AGAIN_MS)
        due_ms = now_ms + AGAIN_MS;
    pool_set_due(cache->pool, page, due_ms);
    return count;
}

/* True: it is gone. */
static bool expire_one(struct cache_thread *thread, uint32_t ref, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct cache_entry *entry = entry_at(cache, ref);
    struct cache_key key = entry_key(cache, entry);
    struct shard *shard = shard_of(cache, key.hash);
    _Atomic uint32_t *slot = NULL;
    bool gone = false;

    if (!latch_try(&shard->latch))
        return false;
    if (find_entry(cache, shard, &key, &slot) == entry && entry_ends(entry) <= now_ms) {
        shard_remove(thread, shard, slot, entry, key.hash, CACHE_EXPIRED);
        gone = true;
    }
    latch_unlock(&shard->latch);
    return gone;
}

bool expire_turn(struct cache_thread *thread, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    uint32_t refs[GATHERED_MAX];
    size_t expired = 0;

    for (int i = 0; i < PAGES_MAX && expired < EXPIRED_MAX; i++) {
        uint32_t page = 0;
        size_t count = 0;

        if (pool_due_ms(cache->pool) > now_ms || !latch_try(&cache->order_latch))
            return false;
        page = pool_due(cache->pool, now_ms);
        if (page != 0)
            count = gather(cache, page, now_ms, refs);
        latch_unlock(&cache->order_latch);
        for (size_t j = 0; j < count; j++)
            expired += expire_one(thread, refs[j], now_ms);
    }
    return pool_due_ms(cache->pool) <= now_ms;
}

bool cache_set_expiry(struct cache_thread *thread, struct cache_key key, int64_t expires_ms,
                      int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct shard *shard = shard_of(cache, key.hash);
    _Atomic uint32_t *slot = NULL;
    struct cache_view view;
    bool entered = shard_enter(thread, shard);
    struct cache_entry *entry = find_entry(cache, shard, &key, &slot);
    bool there = entry != NULL && view_entry(cache, entry, now_ms, &view) != CACHE_MISS;

    if (there && expires_ms <= now_ms) {
        shard_remove(thread, shard, slot, entry, key.hash, CACHE_REMOVED);
    } else if (there) {
        struct entry_times times = {.expires_ms = expires_ms, .keep_distances = true};

        /* What a soft purge has made stale does not become fresh by that. */
        if (view.soft_purged && view.expires_ms < expires_ms)
            times.expires_ms = view.expires_ms;
        there = shard_set_times(thread, slot, entry, times) != NULL;
        if (there)
            tell_change(cache, &key);
    }
    shard_leave(shard, entered);
    return there;
}
