/* expire.c: gives back what has lived its time. SPDX-License-Identifier: MIT
 *
 * The wheel names entries that are over; each is looked up again under its shard's latch, since it
 * may have been removed, moved or given more time meanwhile.
 */
#include "cache/store.h"

enum { POPPED_MAX = 64, MOVES_MAX = 256, ROUNDS_MAX = 4 };

static void expire_one(struct cache_thread *thread, uint32_t ref, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct cache_entry *entry = entry_at(cache, ref);
    struct cache_key key = entry_key(cache, entry);
    struct shard *shard = shard_of(cache, key.hash);
    _Atomic uint32_t *slot = NULL;

    latch_lock(&shard->latch);
    if (find_entry(cache, shard, &key, &slot) == entry && entry_ends(entry) <= now_ms)
        shard_remove(thread, shard, slot, entry, key.hash, CACHE_EXPIRED);
    latch_unlock(&shard->latch);
}

static void expire_from(struct cache_thread *thread, struct wheel *wheel, int64_t now_ms)
{
    uint32_t refs[POPPED_MAX];

    for (int round = 0; round < ROUNDS_MAX && wheel_due_ms(wheel) <= now_ms; round++) {
        if (!latch_try(&wheel->latch))
            return;
        size_t count = wheel_pop(wheel, thread->cache->places, now_ms, MOVES_MAX, refs, POPPED_MAX);

        latch_unlock(&wheel->latch);
        for (size_t i = 0; i < count; i++)
            expire_one(thread, refs[i], now_ms);
    }
}

void expire_turn(struct cache_thread *thread, int64_t now_ms)
{
    for (unsigned i = 0; i < WHEELS; i++)
        expire_from(thread, &thread->cache->wheels[i], now_ms);
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
        /* What a soft purge has made stale does not become fresh by that. */
        if (view.soft_purged && view.expires_ms < expires_ms)
            expires_ms = view.expires_ms;
        shard_set_times(cache, entry, key.hash,
                        (struct entry_times){.expires_ms = expires_ms, .keep_distances = true});
        tell_change(cache, &key);
    }
    shard_leave(shard, entered);
    return there;
}
