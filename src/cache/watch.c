/* watch.c: telling of changes. SPDX-License-Identifier: MIT
 *
 * Watches stand in rings by their key's hash. A ring has a latch of its own, so that a purge of
 * many keys can tell whom it concerns without the latches of their shards.
 *
 * Who changes a key asks for watches after the change and without a fence, which each write would
 * pay for. So a new watch waits for whoever is changing its key: that change may not have seen the
 * watch, but is over when cache_watch returns.
 */
#include "cache/store.h"

#include "base/mem.h"

static struct watch_ring *ring_of(struct cache *cache, uint64_t hash)
{
    return &cache->watch_rings[hash % WATCH_RINGS];
}

static struct cache_key key_of(const struct cache_watch *watch)
{
    return (struct cache_key){bytes_of(watch->name, watch->name_size), watch->hash, watch->space};
}

static void tell_ring(struct watch_ring *ring, watch_concerns_fn *concerns, const void *context)
{
    latch_lock(&ring->latch);
    for (struct list_node *at = ring->watches.next; at != &ring->watches;) {
        struct cache_watch *watch = list_owner(at, struct cache_watch, node);
        struct cache_key key = key_of(watch);

        at = at->next;
        if (concerns(context, &key))
            watch->changed(watch);
    }
    latch_unlock(&ring->latch);
}

static bool is_key(const void *context, const struct cache_key *key)
{
    const struct cache_key *changed = context;

    return key->hash == changed->hash && key->space == changed->space &&
           bytes_equal(key->name, changed->name);
}

void tell_change(struct cache *cache, const struct cache_key *key)
{
    struct watch_ring *ring = ring_of(cache, key->hash);

    if (atomic_load(&ring->count) > 0)
        tell_ring(ring, is_key, key);
}

void tell_all(struct cache *cache, watch_concerns_fn *concerns, const void *context)
{
    for (unsigned i = 0; i < WATCH_RINGS; i++) {
        /* By an exchange: a purge is told without the latches of the keys. */
        if (atomic_fetch_add(&cache->watch_rings[i].count, 0) > 0)
            tell_ring(&cache->watch_rings[i], concerns, context);
    }
}

void cache_watch(struct cache_thread *thread, struct cache_key key, struct cache_watch *watch,
                 void (*changed)(struct cache_watch *watch))
{
    struct watch_ring *ring = ring_of(thread->cache, key.hash);

    watch->changed = changed;
    watch->name = mem_copy(key.name.data, key.name.size);
    watch->name_size = key.name.size;
    watch->hash = key.hash;
    watch->space = key.space;
    account_force(&thread->cache->loads_account, mem_cost(watch->name));
    latch_lock(&ring->latch);
    list_append(&ring->watches, &watch->node);
    atomic_fetch_add(&ring->count, 1);
    latch_unlock(&ring->latch);
    if (thread->step == STEP_NONE) {
        struct shard *shard = shard_of(thread->cache, key.hash);

        latch_lock(&shard->latch);
        latch_unlock(&shard->latch);
    }
}

void cache_unwatch(struct cache_thread *thread, struct cache_watch *watch)
{
    struct watch_ring *ring = ring_of(thread->cache, watch->hash);

    latch_lock(&ring->latch);
    list_leave(&watch->node);
    atomic_fetch_sub(&ring->count, 1);
    latch_unlock(&ring->latch);
    account_refund(&thread->cache->loads_account, mem_cost(watch->name));
    mem_free(&watch->name);
}
