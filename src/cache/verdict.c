/* verdict.c: whether an entry is still what it was stored as. SPDX-License-Identifier: MIT */
#include "cache/store.h"

static void soften(struct verdict *verdict, int64_t soft_ms)
{
    if (soft_ms == CACHE_NEVER)
        return;
    verdict->soft = true;
    if (soft_ms < verdict->soft_ms)
        verdict->soft_ms = soft_ms;
}

static void by_space(const struct cache *cache, unsigned space, uint64_t sequence,
                     struct verdict *verdict)
{
    if (atomic_load_explicit(&cache->purges.spaces[space].hard, memory_order_acquire) > sequence)
        verdict->gone = true;
    soften(verdict, softening_ms(&cache->purges.spaces[space].soft, sequence));
}

static void by_tags(const struct cache *cache, const struct cache_entry *entry, uint64_t sequence,
                    struct verdict *verdict)
{
    const struct entry_extra *extra = entry_extra(entry);

    if (extra == NULL ||
        atomic_load_explicit(&cache->purges.last_tag, memory_order_acquire) < sequence)
        return;
    for (uint64_t i = 0; i < extra->tag_count; i++) {
        const struct tag *tag = extra->tags[i];

        if (tag_hard(tag) > sequence)
            verdict->gone = true;
        soften(verdict, softening_ms(&tag->soft, sequence));
    }
}

struct verdict verdict_of(const struct cache *cache, const struct cache_entry *entry)
{
    struct verdict verdict = {.soft_ms = CACHE_NEVER};
    uint64_t sequence = entry_sequence(entry);

    if (atomic_load_explicit(&cache->purges.last, memory_order_acquire) < sequence)
        return verdict;
    by_space(cache, entry_space(entry), sequence, &verdict);
    by_tags(cache, entry, sequence, &verdict);
    if (rules_are_some(&cache->rules)) {
        int64_t soft_ms = CACHE_NEVER;

        if (rules_remove(&cache->rules, entry_space(entry), entry_name(entry), sequence, &soft_ms))
            verdict.gone = true;
        soften(&verdict, soft_ms);
    }
    return verdict;
}

static enum cache_state state_at(const struct cache_view *view, int64_t now_ms)
{
    if (now_ms < view->expires_ms)
        return CACHE_FRESH;
    if (now_ms < view->stale_until_ms)
        return CACHE_STALE;
    return now_ms < view->error_until_ms ? CACHE_GRACE : CACHE_MISS;
}

static void view_fill(struct cache_entry *entry, struct verdict verdict,
                      struct cache_view *ret_view)
{
    int64_t expires_ms = entry_expires(entry);
    const struct entry_object *object = entry_object(entry);

    if (verdict.soft_ms < expires_ms)
        expires_ms = verdict.soft_ms;
    *ret_view = (struct cache_view){
        .kind = entry->kind,
        .negative = (entry->space_flags & ENTRY_NEGATIVE) != 0,
        .soft_purged = verdict.soft || (entry_state(entry) & ENTRY_SOFT) != 0,
        .expires_ms = expires_ms,
        .stale_until_ms = entry_stale_until(entry, expires_ms),
        .error_until_ms = entry_error_until(entry, expires_ms),
        .entry = entry,
    };
    if (object == NULL) {
        ret_view->value = entry_value(entry);
    } else {
        ret_view->object = object->object;
    }
}

enum cache_state view_entry(const struct cache *cache, struct cache_entry *entry, int64_t now_ms,
                            struct cache_view *ret_view)
{
    struct verdict verdict = verdict_of(cache, entry);

    if (verdict.gone) {
        ret_view->state = CACHE_MISS;
        return CACHE_MISS;
    }
    view_fill(entry, verdict, ret_view);
    /* The purge may have come from a thread whose time is ahead of this one's. */
    if (ret_view->soft_purged && now_ms < ret_view->expires_ms)
        now_ms = ret_view->expires_ms;
    ret_view->state = state_at(ret_view, now_ms);
    if (ret_view->state == CACHE_MISS)
        ret_view->entry = NULL;
    return ret_view->state;
}

void view_loose(struct cache_entry *entry, int64_t now_ms, struct cache_view *ret_view)
{
    view_fill(entry, (struct verdict){.soft_ms = CACHE_NEVER}, ret_view);
    ret_view->state = state_at(ret_view, now_ms);
    if (ret_view->state == CACHE_MISS)
        ret_view->state = CACHE_FRESH; /* for those who asked while it was on its way */
}

static uint64_t higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t purged_since(const struct cache *cache, const struct cache_key *key,
                      struct tag *const *tags, size_t tag_count, uint64_t sequence)
{
    uint64_t highest = 0;

    if (atomic_load_explicit(&cache->purges.last, memory_order_acquire) < sequence)
        return 0;
    highest =
        higher(atomic_load_explicit(&cache->purges.spaces[key->space].hard, memory_order_acquire),
               softening_last(&cache->purges.spaces[key->space].soft));
    for (size_t i = 0; i < tag_count; i++)
        highest = higher(highest, higher(tag_hard(tags[i]), tag_soft(tags[i])));
    if (rules_are_some(&cache->rules))
        highest = higher(highest, rules_against(&cache->rules, key->space, key->name, sequence));
    return highest > sequence ? highest : 0;
}

uint64_t purged_since_by_names(struct cache *cache, const struct cache_key *key,
                               const struct bytes *tags, size_t tag_count, uint64_t sequence)
{
    uint64_t highest = purged_since(cache, key, NULL, 0, sequence);

    for (size_t i = 0; i < tag_count; i++) {
        struct tag *tag = tags_find(&cache->tags, tags[i]);

        /* Of a tag without a record only the general number is known. */
        if (tag == NULL) {
            highest = higher(highest, atomic_load(&cache->tags.forgotten));
            continue;
        }
        highest = higher(highest, purged_since(cache, key, &tag, 1, sequence));
        tags_give(&cache->tags, tag);
    }
    return highest > sequence ? highest : 0;
}

bool cache_is_purged_since(struct cache_thread *thread, struct cache_key key,
                           const struct bytes *tags, size_t tag_count, uint64_t sequence)
{
    return purged_since_by_names(thread->cache, &key, tags, tag_count, sequence) > 0;
}
