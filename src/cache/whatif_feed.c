/* whatif_feed.c: what the miniature caches are told of the real one. SPDX-License-Identifier: MIT
 */
#include "cache/store.h"

enum {
    SHARE = 64,          /* of the limit at the most, for records, */
    RECORDS_MAX = 16384, /*   and never more */
    RECORDS_MIN = 1024,
    ONE_IN = 16, /* keys, as long as there are few and they are asked for seldom */
    TIDY_PAUSE_MS = 100,
    TIDY_SOON_MS = 10,
};

static void charge(struct cache *cache)
{
    size_t cost = whatif_cost(cache->whatif);

    account_force(&cache->index, cost);
    account_refund(&cache->index, atomic_exchange(&cache->whatif_charged, cost));
}

/* What entries have of the memory at the limit: as much of it as they have of what is used. */
static size_t bytes_for_entries(const struct cache *cache)
{
    size_t entries = pool_taken(cache->pool) + account_used(&cache->objects);
    size_t used = account_used(&cache->whole);
    size_t max = atomic_load_explicit(&cache->memory_max, memory_order_relaxed);

    if (entries == 0 || used < entries)
        return max;
    return (size_t)((double)max * ((double)entries / (double)used));
}

void whatif_begin(struct cache *cache, const struct policy_settings *settings)
{
    size_t records = cache->settings.memory_max / SHARE / WHATIF_RECORD_BYTES;

    if (!cache->settings.whatif)
        return;
    if (records > RECORDS_MAX)
        records = RECORDS_MAX;
    if (records < RECORDS_MIN)
        records = RECORDS_MIN;
    cache->whatif = whatif_new(settings, records, ONE_IN, &cache->whatif_gate);
    charge(cache);
}

static struct whatif_key key_of(const struct cache *cache, uint64_t hash,
                                const struct cache_entry *entry)
{
    struct whatif_key key = {.hash = hash, .ends_ms = CACHE_NEVER};

    if (entry != NULL) {
        key.size = entry_cost(cache, entry);
        key.ends_ms = entry_ends(entry);
    }
    return key;
}

void whatif_tell_look(struct cache_thread *thread, uint64_t hash, const struct cache_entry *entry,
                      int64_t now_ms)
{
    const struct cache_metrics *metrics = &thread->metrics;
    uint64_t look_ups = counter_read(&metrics->hits) + counter_read(&metrics->misses);
    struct whatif_key key = key_of(thread->cache, hash, entry);

    whatif_look(thread->cache->whatif, &key, look_ups - thread->look_ups_told, now_ms);
    thread->look_ups_told = look_ups;
}

void whatif_tell_put(struct cache *cache, uint64_t hash, const struct cache_entry *entry)
{
    struct whatif_key key = key_of(cache, hash, entry);

    whatif_put(cache->whatif, &key);
}

void whatif_tell_gone(struct cache *cache, uint64_t hash)
{
    whatif_forget(cache->whatif, hash);
}

void whatif_turn(struct cache *cache, int64_t now_ms)
{
    int64_t due_ms = atomic_load_explicit(&cache->whatif_due_ms, memory_order_relaxed);

    if (cache->whatif == NULL || now_ms < due_ms ||
        !atomic_compare_exchange_strong(&cache->whatif_due_ms, &due_ms, now_ms + TIDY_PAUSE_MS))
        return;
    whatif_set_bytes(cache->whatif, bytes_for_entries(cache));
    charge(cache);
    if (whatif_tidy(cache->whatif, now_ms))
        atomic_store_explicit(&cache->whatif_due_ms, now_ms + TIDY_SOON_MS, memory_order_relaxed);
}

bool cache_whatif(struct cache *cache, struct cache_whatif ret_rows[CACHE_WHATIFS])
{
    return cache->whatif != NULL && whatif_read(cache->whatif, ret_rows);
}
