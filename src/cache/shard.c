/* shard.c: showing, replacing and taking out entries, under the shard's latch.
 * SPDX-License-Identifier: MIT
 *
 * As long as the latch is free, these are one: an entry is in the index, marked as shown, and
 * counted. Its place in the order of eviction and among the ends it has had since it was made
 * (pool.h).
 */
#include "cache/store.h"

enum { SHRINK_TRIES = 16 /* from a full table to an empty one */ };

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
    atomic_store_explicit(&shard->table, table_word(table), memory_order_release);
    retire_table(thread, old);
}

static void grow(struct cache_thread *thread, struct shard *shard)
{
    resize(thread, shard, (size_t)shard_table(shard)->buckets + 1);
}

/* A sweep takes entries out in the order of their places: the others stand as close together as
 * before, and no smaller table has room for them. So this is tried a few times, not with each. */
static void shrink(struct cache_thread *thread, struct shard *shard)
{
    struct cache *cache = thread->cache;
    unsigned phase = (unsigned)(shard - cache->shards);
    struct table *old = shard_table(shard), *table = NULL;
    struct index_hashes hashes = {hash_for_copy, cache, cache->shard_bits};
    size_t buckets = table_step(table_fit(shard->entries), phase);
    size_t pause = (size_t)old->buckets * BUCKET_SLOTS / SHRINK_TRIES + 1;

    if (shard->entries % pause != 0 || buckets >= old->buckets)
        return;
    table = table_new(cache->shelf, buckets);
    if (index_copy(cache->places, old, table, &hashes)) {
        atomic_store_explicit(&shard->table, table_word(table), memory_order_release);
        retire_table(thread, old);
    } else {
        table_free(cache->shelf, &table);
    }
}

/* A space's purge has set its count to zero, so what it purged is not counted any more. */
static bool is_counted(const struct cache *cache, const struct cache_entry *entry)
{
    return !purge_is_after(&cache->purges.spaces[entry_space(entry)].hard, stamp_of(cache, entry));
}

static void count(struct cache *cache, const struct cache_entry *entry, int by)
{
    if (is_counted(cache, entry))
        atomic_fetch_add_explicit(&cache->counts[entry_space(entry)], by, memory_order_relaxed);
    if ((entry_word(entry) & ENTRY_NEGATIVE) == 0)
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
    if (((entry_word(old) | entry_word(entry)) & ENTRY_NEGATIVE) == 0 &&
        is_counted(cache, old) == is_counted(cache, entry))
        return;
    count(cache, old, -1);
    count(cache, entry, 1);
}

static void set_shown(struct cache_entry *entry)
{
    entry_set_word(entry, entry_word(entry) | ENTRY_SHOWN);
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
}

void shard_replace(struct cache_thread *thread, _Atomic uint32_t *slot, struct cache_entry *old,
                   struct cache_entry *entry)
{
    struct cache *cache = thread->cache;

    set_shown(entry);
    atomic_store_explicit(slot, entry_ref(cache, entry), memory_order_release);
    count_replaced(cache, old, entry);
    retire_entry(thread, old);
    entry_clear(old, ENTRY_SHOWN);
}

void shard_move(struct cache_thread *thread, _Atomic uint32_t *slot, struct cache_entry *from,
                struct cache_entry *to)
{
    entry_set(from, ENTRY_MOVED);
    shard_replace(thread, slot, from, to);
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
    entry_clear(entry, ENTRY_SHOWN);
    shard->entries--;
    count(cache, entry, -1);
    count_cause(thread, cause);
    /* A purge has told already, and what happened since is news of another value; but one that is
     * still looking for those who have its tag does not find this one any more. */
    if (cause != CACHE_PURGED || atomic_load(&cache->purges.telling) > 0)
        tell_change(cache, &key);
    if (cause != CACHE_EVICTED && whatif_takes(&cache->whatif_gate, hash))
        whatif_tell_gone(cache, hash);
    retire_entry(thread, entry);
    if (shard->entries < table_low(shard_table(shard)))
        shrink(thread, shard);
}

struct cache_entry *shard_set_times(struct cache_thread *thread, _Atomic uint32_t *slot,
                                    struct cache_entry *entry, struct entry_times times)
{
    struct cache *cache = thread->cache;
    struct copying copying = {.ends = true};
    struct entry_extra *extra = NULL;

    if ((entry_word(entry) & ENTRY_ENDS) == 0) {
        struct cache_entry *copy = NULL;

        if (times.expires_ms == CACHE_NEVER)
            return entry;
        if (entry_copy(thread, entry, &copying, &copy) != ERR_OK)
            return NULL;
        shard_move(thread, slot, entry, copy);
        entry = copy;
    }
    extra = entry_extra(entry);
    atomic_store_explicit(entry_end(entry), times.expires_ms, memory_order_relaxed);
    if (extra != NULL && !times.keep_distances) {
        atomic_store_explicit(&extra->stale_ms, times.stale_ms, memory_order_relaxed);
        atomic_store_explicit(&extra->error_ms, times.error_ms, memory_order_relaxed);
    }
    latch_lock(&cache->order_latch);
    pool_ends_at(cache->pool, entry_ref(cache, entry), entry_ends(entry));
    latch_unlock(&cache->order_latch);
    return entry;
}
