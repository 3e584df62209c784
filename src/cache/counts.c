/* counts.c: what the engine tells about itself. SPDX-License-Identifier: MIT */
#include "cache/store.h"

void metrics_add(struct cache_metrics *to, const struct cache_metrics *from)
{
#define METRIC(name, kind, text) counter_add(&to->name, counter_read(&from->name));
#include "cache/metrics.def"
#undef METRIC
}

size_t cache_count(const struct cache *cache, unsigned space)
{
    int64_t count = atomic_load(&cache->counts[space]);

    return count < 0 ? 0 : (size_t)count;
}

static void read_gauges(const struct cache *cache, struct cache_metrics *metrics)
{
    uint64_t entries = 0;

    for (unsigned i = 0; i < CACHE_SPACES; i++)
        entries += cache_count(cache, i);
    counter_set(&metrics->leases, atomic_load(&cache->loads.count));
    counter_set(&metrics->waiters, atomic_load(&cache->loads.waiter_count));
    counter_set(&metrics->entries, entries);
    counter_set(&metrics->tags, atomic_load(&cache->tags.count));
    counter_set(&metrics->memory_used_bytes, account_used(&cache->whole));
    counter_set(&metrics->memory_max_bytes, atomic_load(&cache->memory_max));
    counter_set(&metrics->memory_values_bytes, pool_taken(cache->pool));
    counter_set(&metrics->memory_index_bytes, account_used(&cache->index));
    counter_set(&metrics->memory_tags_bytes, account_used(&cache->tags_account));
    counter_set(&metrics->memory_objects_bytes, account_used(&cache->objects));
    counter_set(&metrics->memory_wasted_bytes, pool_backed(cache->pool) - pool_taken(cache->pool));
}

void cache_read_metrics(const struct cache *cache, struct cache_metrics *ret_metrics)
{
    /* The list of threads is guarded by a latch, which is no part of what `const` promises. */
    struct cache *whole = (struct cache *)(uintptr_t)cache;

    memset(ret_metrics, 0, sizeof *ret_metrics);
    latch_lock(&whole->threads_latch);
    metrics_add(ret_metrics, &cache->gone_metrics);
    for (const struct cache_thread *at = cache->threads; at != NULL; at = at->next)
        metrics_add(ret_metrics, &at->metrics);
    latch_unlock(&whole->threads_latch);
    read_gauges(cache, ret_metrics);
}
