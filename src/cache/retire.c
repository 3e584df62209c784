/* retire.c: what was taken out of sight waits here until nobody can be reading it.
 * SPDX-License-Identifier: MIT
 *
 * Each thread keeps what it retired in batches, so that giving back is looking at the oldest. The
 * youngest batch is open; it is stamped with the epoch when the thread next asks what can be given
 * back. When there are no batches left the youngest one opens again and waits longer.
 */
#include "cache/store.h"

#include "base/mem.h"

#define NO_STAMP UINT64_MAX

enum {
    REFS_MIN = 256,     /* of a ring */
    REFS_MAX = 1 << 14, /* a ring that is empty stays no larger */
    FREED_AT_ONCE = 64, /* under one latch */
};

static struct retired_batch *batch_at(struct retired *retired, unsigned number)
{
    return &retired->batches[(retired->first + number) % RETIRED_BATCHES];
}

bool retired_is_empty(const struct retired *retired)
{
    return retired->count == 0 && retired->tables == NULL && retired->rules == NULL;
}

static uint32_t *ref_at(const struct retired *retired, size_t number)
{
    return &retired->refs[(retired->refs_first + number) & (retired->refs_max - 1)];
}

/* A ring twice as large, with the same in the same order. */
static void grow(struct cache *cache, struct retired *retired)
{
    size_t max = retired->refs_max == 0 ? REFS_MIN : retired->refs_max * 2;
    uint32_t *refs = mem_new(max, sizeof *refs);

    for (size_t i = 0; i < retired->refs_count; i++)
        refs[i] = *ref_at(retired, i);
    account_force(&cache->index, (max - retired->refs_max) * sizeof *refs);
    mem_free(&retired->refs);
    retired->refs = refs;
    retired->refs_first = 0;
    retired->refs_max = max;
}

static void add_ref(struct cache *cache, struct retired *retired, uint32_t ref)
{
    if (retired->refs_count == retired->refs_max)
        grow(cache, retired);
    *ref_at(retired, retired->refs_count++) = ref;
}

/* The youngest batch, open. */
static struct retired_batch *open_batch(struct retired *retired)
{
    struct retired_batch *batch =
        retired->count == 0 ? NULL : batch_at(retired, retired->count - 1);

    if (batch == NULL || (batch->stamp != NO_STAMP && retired->count < RETIRED_BATCHES)) {
        batch = batch_at(retired, retired->count++);
        *batch = (struct retired_batch){.count = 0};
    }
    batch->stamp = NO_STAMP;
    return batch;
}

void retire_entry(struct cache_thread *thread, struct cache_entry *entry)
{
    struct cache *cache = thread->cache;
    struct retired *retired = &thread->retired;
    size_t bytes = entry_cost(cache, entry);
    struct retired_batch *batch = open_batch(retired);

    add_ref(cache, retired, entry_ref(cache, entry));
    batch->count++;
    batch->bytes += bytes;
    retired->bytes += bytes;
    retired->bytes_untold += bytes;
}

void retire_table(struct cache_thread *thread, struct table *table)
{
    struct retired *retired = &thread->retired;

    table->stamp = NO_STAMP;
    table->next_retired = NULL;
    if (retired->tables == NULL)
        retired->tables = table;
    else
        retired->tables_last->next_retired = table;
    retired->tables_last = table;
}

void retire_rule(struct cache_thread *thread, struct rule *rule)
{
    rule->stamp = NO_STAMP;
    rule->next_retired = thread->retired.rules;
    thread->retired.rules = rule;
}

/* Whatever was retired since the last time gets its stamp now: later than it might have, which is
 * the safe side, and one fence for all. */
static void seal(struct cache *cache, struct retired *retired)
{
    uint64_t stamp = epoch_stamp(&cache->epochs);

    atomic_fetch_add_explicit(&cache->retired_bytes, retired->bytes_untold, memory_order_relaxed);
    retired->bytes_untold = 0;
    if (retired->count > 0 && batch_at(retired, retired->count - 1)->stamp == NO_STAMP)
        batch_at(retired, retired->count - 1)->stamp = stamp;
    for (struct table *table = retired->tables; table != NULL; table = table->next_retired) {
        if (table->stamp == NO_STAMP)
            table->stamp = stamp;
    }
    for (struct rule *rule = retired->rules; rule != NULL; rule = rule->next_retired) {
        if (rule->stamp == NO_STAMP)
            rule->stamp = stamp;
    }
    epoch_advance(&cache->epochs, stamp);
}

/* Some of the oldest batch, at most `max`. */
static void free_some(struct cache *cache, struct retired *retired, uint64_t max)
{
    struct retired_batch *batch = batch_at(retired, 0);
    uint32_t refs[FREED_AT_ONCE];
    size_t at_once = max < FREED_AT_ONCE ? (size_t)max : FREED_AT_ONCE;
    size_t count = batch->count < at_once ? batch->count : at_once;
    size_t bytes = count == batch->count ? batch->bytes : batch->bytes / batch->count * count;

    for (size_t i = 0; i < count; i++)
        refs[i] = *ref_at(retired, i);
    retired->refs_first = (retired->refs_first + count) & (retired->refs_max - 1);
    retired->refs_count -= count;
    batch->count -= count;
    batch->bytes -= bytes;
    retired->bytes -= bytes;
    if (batch->count == 0) {
        retired->first = (retired->first + 1) % RETIRED_BATCHES;
        retired->count--;
    }
    atomic_fetch_sub_explicit(&cache->retired_bytes, bytes, memory_order_relaxed);
    entries_let_go(cache, refs, count);
}

/* A page whose last place is given back takes a while to go, and after a purge of many they come to
 * that all at once: some wait. An entry is the last of one page at the most, so that few at a time
 * end few pages. */
static void free_entries(struct cache *cache, struct retired *retired, uint64_t safe,
                         uint64_t pages_max)
{
    uint64_t released = pool_released(cache->pool);

    retired->held_back = false;
    while (retired->count > 0 && batch_at(retired, 0)->stamp < safe && !retired->held_back) {
        free_some(cache, retired, pages_max);
        retired->held_back = pool_released(cache->pool) - released >= pages_max;
    }
    if (retired->count > 0 || retired->refs_max <= REFS_MAX)
        return;
    account_refund(&cache->index, retired->refs_max * sizeof *retired->refs);
    mem_free(&retired->refs);
    retired->refs_max = 0;
}

static void free_tables(struct cache *cache, struct retired *retired, uint64_t safe)
{
    while (retired->tables != NULL && retired->tables->stamp < safe) {
        struct table *table = retired->tables;

        retired->tables = table->next_retired;
        table_free(cache->shelf, &table);
    }
}

static void free_rules(struct retired *retired, uint64_t safe)
{
    struct rule **at = &retired->rules;

    while (*at != NULL) {
        struct rule *rule = *at;

        if (rule->stamp >= safe) {
            at = &rule->next_retired;
            continue;
        }
        *at = rule->next_retired;
        rule_free(&rule);
    }
}

static void free_before(struct cache *cache, struct retired *retired, uint64_t safe,
                        uint64_t pages_max)
{
    free_entries(cache, retired, safe, pages_max);
    free_tables(cache, retired, safe);
    free_rules(retired, safe);
}

/* The thread's own view of the past ends here, unless it may still use something that it saw. */
static void pass_if_idle(struct cache_thread *thread)
{
    if (!thread->looked && thread->step == STEP_NONE)
        epoch_pass(&thread->cache->epochs, thread->epoch);
}

static void reclaim_orphans(struct cache *cache, uint64_t safe)
{
    if (!atomic_load_explicit(&cache->has_orphans, memory_order_relaxed) ||
        !latch_try(&cache->threads_latch))
        return;
    free_before(cache, &cache->orphans, safe, UINT64_MAX);
    atomic_store(&cache->has_orphans, !retired_is_empty(&cache->orphans));
    latch_unlock(&cache->threads_latch);
}

bool retired_reclaim(struct cache_thread *thread, uint64_t pages_max)
{
    struct cache *cache = thread->cache;
    size_t before = thread->retired.bytes;
    uint64_t safe = 0;

    if (!retired_is_empty(&thread->retired))
        seal(cache, &thread->retired);
    pass_if_idle(thread);
    safe = epoch_safe(&cache->epochs);
    free_before(cache, &thread->retired, safe, pages_max);
    reclaim_orphans(cache, safe);
    return thread->retired.bytes < before;
}

void retired_hand_over(struct cache *cache, struct retired *from, struct retired *to)
{
    seal(cache, from);
    for (size_t i = 0; i < from->refs_count; i++)
        add_ref(cache, to, *ref_at(from, i));
    while (from->count > 0) {
        const struct retired_batch *batch = batch_at(from, 0);
        struct retired_batch *last = to->count == 0 ? NULL : batch_at(to, to->count - 1);

        if (to->count < RETIRED_BATCHES) {
            *batch_at(to, to->count++) = *batch;
        } else {
            must(last != NULL);
            last->count += batch->count;
            last->bytes += batch->bytes;
            last->stamp = batch->stamp > last->stamp ? batch->stamp : last->stamp;
        }
        from->first = (from->first + 1) % RETIRED_BATCHES;
        from->count--;
    }
    account_refund(&cache->index, from->refs_max * sizeof *from->refs);
    mem_free(&from->refs);
    to->bytes += from->bytes;
    if (from->tables != NULL) {
        from->tables_last->next_retired = to->tables;
        if (to->tables == NULL)
            to->tables_last = from->tables_last;
        to->tables = from->tables;
    }
    while (from->rules != NULL) {
        struct rule *rule = from->rules;

        from->rules = rule->next_retired;
        rule->next_retired = to->rules;
        to->rules = rule;
    }
    atomic_store(&cache->has_orphans, !retired_is_empty(to));
}

void retired_free_all(struct cache *cache, struct retired *retired)
{
    seal(cache, retired);
    free_before(cache, retired, NO_STAMP, UINT64_MAX);
    account_refund(&cache->index, retired->refs_max * sizeof *retired->refs);
    mem_free(&retired->refs);
    retired->refs_max = 0;
}
