/* purge.c: invalidation by key, tag, prefix, pattern, space and all. SPDX-License-Identifier: MIT
 *
 * The number of a purge is drawn and stored under one latch, as one step: whoever raises an entry's
 * number (a new tag, a revalidation) holds it too and so can jump over no purge that is half done.
 * What concerns whole spaces holds all shards meanwhile, so that counts are exact and no step of
 * several is cut through.
 */
#include "cache/store.h"

#include "base/glob.h"
#include "base/mem.h"

/* ---- by key ------------------------------------------------------------------------------ */

static void expire_now(struct cache_thread *thread, struct shard *shard,
                       const struct cache_key *key, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    _Atomic uint32_t *slot = NULL;
    struct cache_view view;
    struct cache_entry *entry = find_entry(cache, shard, key, &slot);

    if (entry == NULL || view_entry(cache, entry, now_ms, &view) == CACHE_MISS)
        return;
    if (now_ms < entry_expires(entry)) {
        struct entry_times times = {.expires_ms = now_ms, .keep_distances = true};
        struct cache_entry *ended = shard_set_times(thread, slot, entry, times);

        /* Without memory for the new end nothing can be kept that might be served as fresh. */
        if (ended == NULL) {
            shard_remove(thread, shard, slot, entry, key->hash, CACHE_PURGED);
            tell_change(cache, key);
            return;
        }
        entry = ended;
    }
    entry_set(entry, ENTRY_SOFT);
    if (entry_ends(entry) <= now_ms)
        shard_remove(thread, shard, slot, entry, key->hash, CACHE_PURGED);
    tell_change(cache, key);
}

static uint64_t purge_key(struct cache_thread *thread, const struct cache_purge *purge,
                          int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct shard *shard = shard_of(cache, purge->key.hash);
    bool entered = shard_enter(thread, shard);
    uint64_t sequence = sequence_draw(cache);

    if (purge->soft) {
        expire_now(thread, shard, &purge->key, now_ms);
    } else {
        remove_now(thread, shard, &purge->key, CACHE_PURGED);
        tell_change(cache, &purge->key);
    }
    load_doomed(thread, shard, &purge->key);
    shard_leave(shard, entered);
    return sequence;
}

/* ---- by tag ------------------------------------------------------------------------------ */

struct concerned {
    struct cache_thread *thread;
    const struct cache_purge *purge;
    int64_t now_ms;
    size_t count;
    cache_scan_fn *each; /* NULL: only counted */
    void *context;
};

static bool entry_has_tag(const struct cache_entry *entry, struct bytes name)
{
    const struct entry_extra *extra = entry_extra(entry);

    for (uint64_t i = 0; extra != NULL && i < extra->tag_count; i++) {
        if (bytes_equal(tag_name(extra->tags[i]), name))
            return true;
    }
    return false;
}

static bool key_has_tag(const void *context, const struct cache_key *key)
{
    const struct concerned *concerned = context;
    const struct cache *cache = concerned->thread->cache;
    _Atomic uint32_t *slot = NULL;
    const struct cache_entry *entry = find_entry(cache, shard_of(cache, key->hash), key, &slot);

    return entry != NULL && entry_has_tag(entry, concerned->purge->name);
}

static uint64_t purge_tag(struct cache_thread *thread, const struct cache_purge *purge,
                          int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct concerned concerned = {.thread = thread, .purge = purge, .now_ms = now_ms};
    uint64_t sequence = 0;

    atomic_fetch_add(&cache->purges.telling, 1);
    latch_lock(&cache->purge_latch);
    sequence = sequence_draw(cache);
    if (purge->soft)
        tags_purge_softly(&cache->tags, purge->name, sequence, now_ms,
                          atomic_load(&cache->sweep.done));
    else
        tags_purge(&cache->tags, purge->name, sequence);
    atomic_store_explicit(&cache->purges.last_tag, sequence, memory_order_release);
    atomic_store_explicit(&cache->purges.last, sequence, memory_order_release);
    latch_unlock(&cache->purge_latch);
    tell_all(cache, key_has_tag, &concerned);
    atomic_fetch_sub(&cache->purges.telling, 1);
    return sequence;
}

/* ---- by space, prefix and pattern -------------------------------------------------------- */

static bool name_fits(const struct cache_purge *purge, unsigned space, struct bytes name)
{
    if (purge->by == CACHE_BY_ALL)
        return true;
    if (space != purge->space)
        return false;
    if (purge->by == CACHE_BY_PREFIX)
        return bytes_begin_with(name, purge->name);
    if (purge->by == CACHE_BY_TEST)
        return purge->test->fits(purge->test, name);
    return purge->by == CACHE_BY_SPACE || glob_fits(purge->name, name);
}

static bool key_fits(const void *context, const struct cache_key *key)
{
    const struct concerned *concerned = context;

    return name_fits(concerned->purge, key->space, key->name);
}

/* The latest numbers of their kinds. */
struct drawn {
    uint64_t sequence;
    uint64_t clears;
};

static void number_purge(struct purge_number *number, const struct drawn *drawn)
{
    atomic_store_explicit(&number->sequence, drawn->sequence, memory_order_release);
    atomic_store_explicit(&number->clears, drawn->clears, memory_order_release);
}

static void space_number(struct cache *cache, unsigned space, const struct drawn *drawn, bool soft,
                         int64_t now_ms)
{
    if (soft) {
        softening_add(&cache->purges.spaces[space].soft, drawn->sequence, now_ms,
                      atomic_load(&cache->sweep.done));
        softening_add(&cache->purges.spaces[space].soft_plain, drawn->clears, now_ms,
                      atomic_load(&cache->sweep.done_clears));
    } else {
        number_purge(&cache->purges.spaces[space].hard, drawn);
        atomic_store(&cache->counts[space], 0);
    }
}

static struct rule *rule_new(const struct cache_purge *purge, int64_t now_ms)
{
    struct rule *rule = mem_try(sizeof *rule + purge->name.size);

    if (rule == NULL)
        return NULL;
    memset(rule, 0, sizeof *rule);
    rule->soft = purge->soft;
    rule->soft_ms = now_ms;
    rule->glob = purge->by == CACHE_BY_GLOB;
    rule->test = purge->by == CACHE_BY_TEST ? purge->test : NULL;
    rule->space = purge->space;
    rule->size = purge->name.size;
    if (purge->name.size > 0)
        memcpy(rule->name, purge->name.data, purge->name.size);
    return rule;
}

/* Draws the number and stores it. `rule` is NULL for spaces. ERR_FULL: no room for the rule. */
static enum err store_number(struct cache *cache, const struct cache_purge *purge,
                             struct rule *rule, int64_t now_ms, uint64_t *ret_sequence)
{
    struct drawn drawn;
    enum err err = ERR_OK;

    latch_lock(&cache->purge_latch);
    *ret_sequence = sequence_draw(cache);
    drawn = (struct drawn){*ret_sequence, atomic_load(&cache->purges.clears) + 1};
    if (rule != NULL) {
        number_purge(&rule->number, &drawn);
        err = rules_add(&cache->rules, rule) ? ERR_OK : ERR_FULL;
    } else if (purge->by == CACHE_BY_SPACE) {
        space_number(cache, purge->space, &drawn, purge->soft, now_ms);
    } else {
        for (unsigned space = 0; space < CACHE_SPACES; space++)
            space_number(cache, space, &drawn, purge->soft, now_ms);
    }
    if (err == ERR_OK) {
        atomic_store_explicit(&cache->purges.clears, drawn.clears, memory_order_release);
        atomic_store_explicit(&cache->purges.last, *ret_sequence, memory_order_release);
    }
    latch_unlock(&cache->purge_latch);
    return err;
}

/* An entry counts these purges modulo 2^14, so the sweep must not fall so far behind: long before
 * that it is made to come on. False: it cannot, in the middle of a step. */
static bool clears_fit(struct cache_thread *thread)
{
    enum { BEHIND_MAX = 1 << (ENTRY_CLEARS_BITS - 1) };
    const struct cache *cache = thread->cache;

    while (atomic_load(&cache->purges.clears) - atomic_load(&cache->sweep.done_clears) >=
           BEHIND_MAX) {
        if (!sweep_ahead(thread) && thread->step != STEP_NONE)
            return false;
    }
    return true;
}

static enum err purge_many(struct cache_thread *thread, const struct cache_purge *purge,
                           int64_t now_ms, uint64_t *ret_sequence)
{
    struct cache *cache = thread->cache;
    bool by_name =
        purge->by == CACHE_BY_PREFIX || purge->by == CACHE_BY_GLOB || purge->by == CACHE_BY_TEST;
    struct rule *rule = NULL;
    struct concerned concerned = {.thread = thread, .purge = purge, .now_ms = now_ms};
    enum err err = ERR_OK;

    if (!clears_fit(thread))
        return ERR_FULL;
    if (by_name) {
        rule = rule_new(purge, now_ms);
        if (rule == NULL)
            return ERR_FULL;
    }
    bool entered = shards_enter_all(thread);

    err = store_number(cache, purge, rule, now_ms, ret_sequence);
    if (err == ERR_OK) {
        for (unsigned i = 0; i < cache->shard_count; i++)
            loads_doomed(thread, &cache->shards[i], key_fits, &concerned);
        tell_all(cache, key_fits, &concerned);
    }
    shards_leave_all(thread, entered);
    if (err != ERR_OK)
        mem_free(&rule);
    return err;
}

enum err cache_purge(struct cache_thread *thread, const struct cache_purge *purge, int64_t now_ms,
                     uint64_t *ret_sequence)
{
    uint64_t sequence = 0;

    must(purge->space < CACHE_SPACES);
    switch (purge->by) {
    case CACHE_BY_KEY:
        sequence = purge_key(thread, purge, now_ms);
        break;
    case CACHE_BY_TAG:
        if (purge->name.size > CACHE_TAG_SIZE_MAX)
            return ERR_TOO_BIG;
        sequence = purge_tag(thread, purge, now_ms);
        break;
    case CACHE_BY_PREFIX:
    case CACHE_BY_GLOB:
        if (purge->name.size > CACHE_KEY_MAX)
            return ERR_TOO_BIG;
        __attribute__((fallthrough));
    case CACHE_BY_TEST:
    case CACHE_BY_SPACE:
    case CACHE_BY_ALL:
        TRY(purge_many(thread, purge, now_ms, &sequence));
        break;
    }
    if (purge->by != CACHE_BY_KEY)
        sweep_want(thread->cache, sequence);
    if (ret_sequence != NULL)
        *ret_sequence = sequence;
    return ERR_OK;
}

/* ---- what a purge would concern ---------------------------------------------------------- */

static bool count_fitting(void *context, struct bytes name, const struct cache_view *view)
{
    struct concerned *concerned = context;
    const struct cache_purge *purge = concerned->purge;

    if (purge->by == CACHE_BY_TAG ? !entry_has_tag(view->entry, purge->name)
                                  : !name_fits(purge, entry_space(view->entry), name))
        return true;
    concerned->count++;
    if (concerned->each != NULL)
        (void)concerned->each(concerned->context, name, view);
    return true;
}

static void count_space(struct concerned *concerned, unsigned space)
{
    uint64_t cursor = 0;

    do
        cursor = cache_scan(concerned->thread, space, cursor, SIZE_MAX, count_fitting, concerned,
                            concerned->now_ms);
    while (cursor != 0);
}

size_t cache_purge_list(struct cache_thread *thread, const struct cache_purge *purge,
                        cache_scan_fn *each, void *context, int64_t now_ms)
{
    struct concerned concerned = {
        .thread = thread, .purge = purge, .now_ms = now_ms, .each = each, .context = context};

    must(purge->by != CACHE_BY_KEY);
    if (purge->by != CACHE_BY_TAG && purge->by != CACHE_BY_ALL) {
        count_space(&concerned, purge->space);
        return concerned.count;
    }
    for (unsigned space = 0; space < CACHE_SPACES; space++) {
        if (cache_count(thread->cache, space) > 0)
            count_space(&concerned, space);
    }
    return concerned.count;
}

size_t cache_purge_preview(struct cache_thread *thread, const struct cache_purge *purge,
                           int64_t now_ms)
{
    struct cache_view view;

    if (purge->by == CACHE_BY_KEY)
        return cache_peek(thread, purge->key, now_ms, &view) != CACHE_MISS;
    return cache_purge_list(thread, purge, NULL, NULL, now_ms);
}
