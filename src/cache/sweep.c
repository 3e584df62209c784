/* sweep.c: takes out in the background what a purge has made invalid. SPDX-License-Identifier: MIT
 *
 * Look-ups do not see such entries any more; this gives their memory back, writes soft purges down
 * in the entries (so that a later one does not give them more time), and lets rules go.
 */
#include "cache/store.h"

enum {
    SWEPT_MAX = 2048 /* places a turn: some tenths of a millisecond */,
    SHARD_STEP = 16 /* buckets under one latch */
};

void sweep_want(struct cache *cache, uint64_t sequence)
{
    uint64_t before = atomic_load(&cache->sweep.wanted);

    while (before < sequence &&
           !atomic_compare_exchange_weak(&cache->sweep.wanted, &before, sequence))
        continue;
}

/* Writes a soft purge down in the entry, or in a copy that has room for it. NULL: there is no
 * memory for that. */
static struct cache_entry *soften_entry(struct cache_thread *thread, _Atomic uint32_t *slot,
                                        struct cache_entry *entry, int64_t soft_ms)
{
    struct entry_times times = {.expires_ms = soft_ms, .keep_distances = true};

    if (soft_ms < entry_expires(entry))
        entry = shard_set_times(thread, slot, entry, times);
    if (entry != NULL)
        entry_set(entry, ENTRY_SOFT);
    return entry;
}

/* Returns what is there now; NULL: nothing. */
static struct cache_entry *enforce(struct cache_thread *thread, struct shard *shard,
                                   struct cache_entry *entry, struct verdict verdict)
{
    struct cache_key key = entry_key(thread->cache, entry);
    struct cache_entry *softened = NULL;
    _Atomic uint32_t *slot = NULL;

    must(find_entry(thread->cache, shard, &key, &slot) == entry);
    if (!verdict.gone)
        softened = soften_entry(thread, slot, entry, verdict.soft_ms);
    if (softened == NULL)
        shard_remove(thread, shard, slot, entry, key.hash, CACHE_PURGED);
    return softened;
}

/* An entry that stays has outlived all purges up to now (one of many keys needs this latch too),
 * and counts from here again: numbers of 14 bits do not reach far (entry.h). */
static void sweep_entry(struct cache_thread *thread, struct shard *shard, struct cache_entry *entry)
{
    struct verdict verdict = verdict_of(thread->cache, entry);

    if (verdict.gone || verdict.soft)
        entry = enforce(thread, shard, entry, verdict);
    if (entry != NULL && entry_extra(entry) == NULL)
        entry_count_clears(thread->cache, entry);
}

/* The bucket at the cursor. A removal may replace the table: whose home the bucket was is known
 * before the first, and the cursor goes on behind them all. */
static void sweep_bucket(struct cache_thread *thread, struct shard *shard, struct sweep *sweep)
{
    const struct table *table = shard_table(shard);
    uint32_t number = index_bucket(table->buckets, (uint32_t)sweep->cursor);
    uint64_t behind = (sweep->cursor >> 32 << 32) + index_position_behind(table, number);
    uint32_t refs[HOME_MAX];
    size_t count = index_home(table, number, refs);

    for (size_t i = 0; i < count; i++)
        sweep_entry(thread, shard, entry_at(thread->cache, refs[i]));
    sweep->cursor = behind;
}

/* Inside of a step, which holds shards, no other is waited for. */
static bool sweep_enter(const struct cache_thread *thread, struct shard *shard)
{
    if (thread->step != STEP_NONE)
        return latch_try(&shard->latch);
    latch_lock(&shard->latch);
    return true;
}

/* Some buckets from the cursor on. Returns how many places were looked at; 0: the shard is taken.
 */
static size_t sweep_some(struct cache_thread *thread, struct sweep *sweep)
{
    struct cache *cache = thread->cache;
    struct shard *shard = &cache->shards[sweep->cursor >> 32];
    size_t visited = 0;

    if (!sweep_enter(thread, shard))
        return 0;
    for (int i = 0; i < SHARD_STEP && shard == &cache->shards[sweep->cursor >> 32]; i++) {
        visited += BUCKET_SLOTS;
        sweep_bucket(thread, shard, sweep);
        if (sweep->cursor >> 32 == cache->shard_count)
            break;
    }
    latch_unlock(&shard->latch);
    return visited;
}

/* Rules that were swept for go, once no older load is in flight. */
static void drop_rules(struct cache_thread *thread)
{
    struct cache *cache = thread->cache;
    uint64_t done = atomic_load(&cache->sweep.done);
    uint64_t oldest = loads_oldest(&cache->loads);

    for (unsigned i = 0; i < RULES_MAX; i++) {
        struct rule *rule = atomic_load(&cache->rules.at[i]);
        uint64_t number = rule == NULL ? 0 : atomic_load(&rule->number.sequence);

        if (rule == NULL || number > done || number > oldest)
            continue;
        atomic_store(&cache->rules.at[i], NULL);
        atomic_fetch_sub(&cache->rules.count, 1);
        retire_rule(thread, rule);
    }
}

/* False: it did not come any further. */
static bool sweep_step(struct cache_thread *thread, struct sweep *sweep)
{
    struct cache *cache = thread->cache;
    size_t visited = 0;

    if (!atomic_load(&sweep->running)) {
        /* No purge is half done: its number drawn, but not stored yet. */
        latch_lock(&cache->purge_latch);
        sweep->began = sequence_now(cache);
        sweep->began_clears = atomic_load(&cache->purges.clears);
        latch_unlock(&cache->purge_latch);
        sweep->cursor = 0;
        atomic_store(&sweep->running, true);
    }
    while (visited < SWEPT_MAX && sweep->cursor >> 32 < cache->shard_count) {
        size_t some = sweep_some(thread, sweep);

        if (some == 0)
            break;
        visited += some;
    }
    if (sweep->cursor >> 32 == cache->shard_count) {
        atomic_store(&sweep->done, sweep->began);
        atomic_store(&sweep->done_clears, sweep->began_clears);
        atomic_store(&sweep->running, false);
    }
    return visited > 0;
}

static bool sweep_is_wanted(const struct sweep *sweep)
{
    return atomic_load(&sweep->wanted) > atomic_load(&sweep->done);
}

bool sweep_turn(struct cache_thread *thread)
{
    struct cache *cache = thread->cache;
    struct sweep *sweep = &cache->sweep;

    if (!sweep_is_wanted(sweep) && !rules_are_some(&cache->rules))
        return false;
    if (!latch_try(&sweep->latch))
        return sweep_is_wanted(sweep);
    if (sweep_is_wanted(sweep))
        (void)sweep_step(thread, sweep);
    if (rules_are_some(&cache->rules))
        drop_rules(thread);
    latch_unlock(&sweep->latch);
    return sweep_is_wanted(sweep);
}

bool sweep_ahead(struct cache_thread *thread)
{
    struct sweep *sweep = &thread->cache->sweep;
    bool further = false;

    if (!sweep_is_wanted(sweep) || !latch_try(&sweep->latch))
        return false;
    further = sweep_step(thread, sweep);
    latch_unlock(&sweep->latch);
    return further;
}
