/* shard.c: showing, replacing and taking out entries, under the shard's latch.
 * SPDX-License-Identifier: MIT
 *
 * As long as the latch is free, these are one: an entry is in the index, in the order of eviction,
 * in the wheel if it ever ends, and counted.
 */
#include "cache/store.h"

static uint64_t hash_for_copy(const void *context, const struct cache_entry *entry)
{
    return entry_hash(context, entry);
}

/* Another table, of at least so many buckets. */
static void resize(struct cache_thread *thread, struct shard *shard, size_t buckets)
{
    struct cache *cache = thread->cache;
    unsigned phase = (unsigned)(shard - cache->shards);
    struct table *old = shard_table(shard);
    struct index_hashes hashes = {hash_for_copy, cache, cache->shard_bits};
    struct table *table = table_new(cache->shelf, table_step(buckets, phase));

    while (!index_copy(cache->places, old, table, &hashes)) {
        buckets = (size_t)table->buckets + 1;
        table_free(cache->shelf, &table);
        table = table_new(cache->shelf, table_step(buckets, phase));
    }
    atomic_store_explicit(&shard->table, table, memory_order_release);
    retire_table(thread, old);
}

static void grow(struct cache_thread *thread, struct shard *shard)
{
    resize(thread, shard, (size_t)shard_table(shard)->buckets + 1);
}

/* A space's purge has set its count to zero, so what it purged is not counted any more. */
static bool is_counted(const struct cache *cache, const struct cache_entry *entry)
{
    return entry_sequence(entry) >
           atomic_load_explicit(&cache->purges.spaces[entry_space(entry)].hard,
                                memory_order_acquire);
}

static void count(struct cache *cache, const struct cache_entry *entry, int by)
{
    if (is_counted(cache, entry))
        atomic_fetch_add_explicit(&cache->counts[entry_space(entry)], by, memory_order_relaxed);
    if ((entry->space_flags & ENTRY_NEGATIVE) == 0)
        return;
    if (by > 0)
        atomic_fetch_add(&cache->negative_bytes, entry_cost(cache, entry));
    else
        atomic_fetch_sub(&cache->negative_bytes, entry_cost(cache, entry));
}

/* The usual case costs nothing: two of the same space, both counted, neither negative. */
static void count_replaced(struct cache *cache, const struct cache_entry *old,
                           const struct cache_entry *entry)
{
    if (((old->space_flags | entry->space_flags) & ENTRY_NEGATIVE) == 0 &&
        is_counted(cache, old) == is_counted(cache, entry))
        return;
    count(cache, old, -1);
    count(cache, entry, 1);
}

/* What the policy is told: an object's own memory changes too often for that. */
static size_t policy_size(const struct cache *cache, const struct cache_entry *entry)
{
    return slab_cost(cache->slab, entry_size(entry));
}

static void order_add(struct cache *cache, struct cache_entry *entry, uint64_t hash)
{
    latch_lock(&cache->policy_latch);
    lineup_insert(&cache->lineup, entry_ref(cache, entry), hash, policy_size(cache, entry));
    latch_unlock(&cache->policy_latch);
}

static void order_remove(struct cache *cache, const struct cache_entry *entry)
{
    latch_lock(&cache->policy_latch);
    if (entry->node.queue != 0)
        lineup_remove(&cache->lineup, entry_ref(cache, entry), policy_size(cache, entry));
    latch_unlock(&cache->policy_latch);
}

static void end_watched(struct cache *cache, const struct cache_entry *entry, uint64_t hash)
{
    struct wheel *wheel = wheel_of(cache, hash);

    if (entry_ends(entry) == CACHE_NEVER)
        return;
    latch_lock(&wheel->latch);
    wheel_insert(wheel, cache->places, entry_ref(cache, entry));
    latch_unlock(&wheel->latch);
}

static void end_unwatched(struct cache *cache, const struct cache_entry *entry, uint64_t hash)
{
    struct wheel *wheel = wheel_of(cache, hash);

    if (entry_ends(entry) == CACHE_NEVER)
        return;
    latch_lock(&wheel->latch);
    wheel_remove(wheel, cache->places, entry_ref(cache, entry));
    latch_unlock(&wheel->latch);
}

/* Nobody else can hold it yet, so this needs no exchange. */
static void set_shown(struct cache_entry *entry)
{
    atomic_store_explicit(&entry->state, entry_state(entry) | ENTRY_SHOWN, memory_order_release);
}

static void set_hidden(struct cache_entry *entry)
{
    atomic_fetch_and_explicit(&entry->state, ~ENTRY_SHOWN, memory_order_release);
}

void shard_show(struct cache_thread *thread, struct shard *shard, struct cache_entry *entry,
                uint64_t hash)
{
    struct cache *cache = thread->cache;
    uint32_t position = position_of(cache, hash);
    uint32_t ref = entry_ref(cache, entry);

    if (shard->entries >= table_high(shard_table(shard)))
        grow(thread, shard);
    set_shown(entry);
    while (!index_add(shard_table(shard), position, index_tag(hash), ref))
        grow(thread, shard);
    shard->entries++;
    count(cache, entry, 1);
    order_add(cache, entry, hash);
    end_watched(cache, entry, hash);
}

void shard_replace(struct cache_thread *thread, _Atomic uint32_t *slot, struct cache_entry *old,
                   struct cache_entry *entry, uint64_t hash)
{
    struct cache *cache = thread->cache;

    set_shown(entry);
    atomic_store_explicit(slot, entry_ref(cache, entry), memory_order_release);
    count_replaced(cache, old, entry);
    end_unwatched(cache, old, hash);
    end_watched(cache, entry, hash);
    latch_lock(&cache->policy_latch);
    lineup_move(&cache->lineup, entry_ref(cache, old), policy_size(cache, old),
                entry_ref(cache, entry), policy_size(cache, entry));
    latch_unlock(&cache->policy_latch);
    set_hidden(old);
    retire_entry(thread, old);
}

static void count_cause(struct cache_thread *thread, enum cache_cause cause)
{
    struct cache_metrics *metrics = &thread->metrics;

    switch (cause) {
    case CACHE_REPLACED:
        break;
    case CACHE_REMOVED:
        counter_add(&metrics->removes, 1);
        break;
    case CACHE_EXPIRED:
        counter_add(&metrics->expired, 1);
        break;
    case CACHE_EVICTED:
        counter_add(&metrics->evicted, 1);
        break;
    case CACHE_PURGED:
        counter_add(&metrics->purged, 1);
        break;
    }
}

void shard_remove(struct cache_thread *thread, struct shard *shard, _Atomic uint32_t *slot,
                  struct cache_entry *entry, uint64_t hash, enum cache_cause cause)
{
    struct cache *cache = thread->cache;
    struct cache_key key = {entry_name(entry), hash, (uint8_t)entry_space(entry)};

    index_remove(shard_table(shard), slot);
    set_hidden(entry);
    shard->entries--;
    count(cache, entry, -1);
    order_remove(cache, entry);
    end_unwatched(cache, entry, hash);
    count_cause(thread, cause);
    /* A purge has told already, and what happened since is news of another value. */
    if (cause != CACHE_PURGED)
        tell_change(cache, &key);
    retire_entry(thread, entry);
    if (shard->entries < table_low(shard_table(shard)))
        resize(thread, shard, table_fit(shard->entries));
}

void shard_set_times(struct cache *cache, struct cache_entry *entry, uint64_t hash,
                     struct entry_times times)
{
    struct wheel *wheel = wheel_of(cache, hash);
    struct entry_extra *extra = entry_extra(entry);
    uint32_t ref = entry_ref(cache, entry);

    latch_lock(&wheel->latch);
    wheel_remove(wheel, cache->places, ref);
    atomic_store_explicit(&entry->expires_ms, times.expires_ms, memory_order_relaxed);
    if (extra != NULL && !times.keep_distances) {
        atomic_store_explicit(&extra->stale_ms, times.stale_ms, memory_order_relaxed);
        atomic_store_explicit(&extra->error_ms, times.error_ms, memory_order_relaxed);
    }
    wheel_insert(wheel, cache->places, ref);
    latch_unlock(&wheel->latch);
}
