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

enum { CLEARS_MASK = (1 << ENTRY_CLEARS_BITS) - 1 };

static uint64_t clears_now(const struct cache *cache)
{
    return atomic_load_explicit(&cache->purges.clears, memory_order_acquire);
}

/* The sweep sees to it that no entry is 2^14 clears behind (purge.c). */
static struct stamp stamp_of_word(const struct cache *cache, const struct cache_entry *entry,
                                  uint64_t word)
{
    uint64_t now = 0;

    if ((word & ENTRY_EXTRA) != 0)
        return (struct stamp){
            false, atomic_load_explicit(&entry_extra(entry)->sequence, memory_order_acquire)};
    now = clears_now(cache);
    return (struct stamp){true, now - ((now - word_clears(word)) & CLEARS_MASK)};
}

struct stamp stamp_of(const struct cache *cache, const struct cache_entry *entry)
{
    return stamp_of_word(cache, entry, entry_word(entry));
}

void entry_count_clears(struct cache *cache, struct cache_entry *entry)
{
    uint64_t before = entry_word(entry);
    uint64_t word = word_with(before, ENTRY_CLEARS_SHIFT, ENTRY_CLEARS_BITS, clears_now(cache));

    if (word == before)
        return;
    if ((word & ENTRY_SHOWN) != 0)
        entry_set_half(entry, word);
    else
        entry_set_word(entry, word);
}

uint64_t entry_identity(const struct cache_entry *entry)
{
    const struct entry_extra *extra = entry_extra(entry);

    if (extra == NULL)
        return UINT64_MAX;
    return atomic_load_explicit(&extra->sequence, memory_order_acquire);
}

static void by_space(const struct cache *cache, unsigned space, struct stamp stamp,
                     struct verdict *verdict)
{
    if (purge_is_after(&cache->purges.spaces[space].hard, stamp))
        verdict->gone = true;
    soften(verdict, softening_ms(stamp.plain ? &cache->purges.spaces[space].soft_plain
                                             : &cache->purges.spaces[space].soft,
                                 stamp.number));
}

static void by_tags(const struct cache *cache, const struct entry_extra *extra, uint64_t sequence,
                    struct verdict *verdict)
{
    if (atomic_load_explicit(&cache->purges.last_tag, memory_order_acquire) < sequence)
        return;
    for (uint64_t i = 0; i < extra->tag_count; i++) {
        const struct tag *tag = extra->tags[i];

        if (tag_hard(tag) > sequence)
            verdict->gone = true;
        soften(verdict, softening_ms(&tag->soft, sequence));
    }
}

/* Nothing was purged since; the usual case, in one or two loads. */
static bool is_unconcerned(const struct cache *cache, struct stamp stamp)
{
    if (stamp.plain)
        return clears_now(cache) == stamp.number;
    return atomic_load_explicit(&cache->purges.last, memory_order_acquire) < stamp.number;
}

struct verdict verdict_of(const struct cache *cache, const struct cache_entry *entry)
{
    struct verdict verdict = {.soft_ms = CACHE_NEVER};
    struct stamp stamp = stamp_of(cache, entry);

    if (is_unconcerned(cache, stamp))
        return verdict;
    by_space(cache, entry_space(entry), stamp, &verdict);
    if (!stamp.plain)
        by_tags(cache, entry_extra(entry), stamp.number, &verdict);
    if (rules_are_some(&cache->rules)) {
        int64_t soft_ms = CACHE_NEVER;

        if (rules_remove(&cache->rules, entry_space(entry), entry_name(entry), stamp, &soft_ms))
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
        .kind = (uint8_t)entry_kind(entry),
        .negative = (entry_word(entry) & ENTRY_NEGATIVE) != 0,
        .soft_purged = verdict.soft || (entry_word(entry) & ENTRY_SOFT) != 0,
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

#define ENTRY_ODD (ENTRY_NEGATIVE | ENTRY_OBJECT | ENTRY_EXTRA | ENTRY_WIDE | ENTRY_SOFT)

/* The usual case, all from the word: a small value that no purge has concerned. */
static enum cache_state view_plain(struct cache_entry *entry, uint64_t word, int64_t now_ms,
                                   struct cache_view *ret_view)
{
    int64_t expires_ms = (word & ENTRY_ENDS) == 0
                             ? CACHE_NEVER
                             : atomic_load_explicit(entry_end(entry), memory_order_relaxed);
    const uint8_t *name = (const uint8_t *)(entry->rest + word_wide_at(word));
    bool fresh = now_ms < expires_ms;

    *ret_view = (struct cache_view){
        .state = fresh ? CACHE_FRESH : CACHE_MISS,
        .kind = (uint8_t)word_field(word, ENTRY_KIND_SHIFT, ENTRY_KIND_BITS),
        .value = {name + word_field(word, ENTRY_KEY_SHIFT, ENTRY_KEY_BITS),
                  word_field(word, ENTRY_VALUE_SHIFT, ENTRY_VALUE_BITS)},
        .expires_ms = expires_ms,
        .stale_until_ms = expires_ms,
        .error_until_ms = expires_ms,
        .entry = fresh ? entry : NULL,
    };
    return ret_view->state;
}

enum cache_state view_entry(const struct cache *cache, struct cache_entry *entry, int64_t now_ms,
                            struct cache_view *ret_view)
{
    uint64_t word = entry_word(entry);
    struct verdict verdict;

    if ((word & ENTRY_ODD) == 0 && word_clears(word) == (clears_now(cache) & CLEARS_MASK))
        return view_plain(entry, word, now_ms, ret_view);
    verdict = verdict_of(cache, entry);
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
    highest = higher(
        atomic_load_explicit(&cache->purges.spaces[key->space].hard.sequence, memory_order_acquire),
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
