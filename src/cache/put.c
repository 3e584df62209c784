/* put.c: writing: put, remove, tag, objects that changed. SPDX-License-Identifier: MIT */
#include "cache/store.h"

bool negative_fits(const struct cache *cache, const struct cache_put *put)
{
    double max = cache->settings.negative_share *
                 (double)atomic_load_explicit(&cache->memory_max, memory_order_relaxed);
    size_t used = atomic_load_explicit(&cache->negative_bytes, memory_order_relaxed);

    return !put->negative || (double)(used + put->head.size + put->body.size) < max;
}

void remove_now(struct cache_thread *thread, struct shard *shard, const struct cache_key *key,
                enum cache_cause cause)
{
    _Atomic uint32_t *slot = NULL;
    struct cache_entry *entry = find_entry(thread->cache, shard, key, &slot);

    if (entry != NULL)
        shard_remove(thread, shard, slot, entry, key->hash, cause);
}

/* A value whose time is over already takes the place of what was there by leaving none. */
static void put_over(struct cache_thread *thread, const struct recipe *recipe, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    const struct cache_key *key = &recipe->put->key;
    struct shard *shard = shard_of(cache, key->hash);
    struct cache_entry *loose = NULL;
    struct cache_view view;
    bool entered = shard_enter(thread, shard);

    remove_now(thread, shard, key, CACHE_REMOVED);
    if (load_of_key(&shard->loads, key) != NULL) {
        loose = entry_make_loose(cache, recipe);
        if (loose != NULL)
            view_loose(loose, now_ms, &view);
        load_overtaken(thread, shard, key, loose == NULL ? NULL : &view);
    }
    shard_leave(shard, entered);
    if (loose != NULL)
        entry_let_go(cache, loose);
    if (recipe->put->object != NULL)
        object_free(cache, recipe->put->kind, recipe->put->object);
}

/* A new value of a key is as good as a hit. */
static void inherit_policy(struct cache_thread *thread, struct cache_entry *entry,
                           const struct cache_entry *old)
{
    uint16_t bits = policy_hit(&thread->cache->policy_marker,
                               (uint16_t)word_policy(entry_word(old)), &thread->random);

    entry_set_word(entry,
                   word_with(entry_word(entry), ENTRY_POLICY_SHIFT, ENTRY_POLICY_BITS, bits));
}

/* As put_entry, when it is known what the key has now: `old` at `slot`, or nothing. */
static void put_in_place(struct cache_thread *thread, struct shard *shard,
                         struct cache_entry *entry, const struct cache_key *key,
                         struct cache_entry *old, _Atomic uint32_t *slot)
{
    if (old != NULL) {
        inherit_policy(thread, entry, old);
        shard_replace(thread, slot, old, entry);
    } else {
        shard_show(thread, shard, entry, key->hash);
    }
    counter_add(&thread->metrics.puts, 1);
    if (whatif_takes(&thread->cache->whatif_gate, key->hash))
        whatif_tell_put(thread->cache, key->hash, entry);
    tell_change(thread->cache, key);
}

void put_entry(struct cache_thread *thread, struct shard *shard, struct cache_entry *entry,
               const struct cache_key *key)
{
    _Atomic uint32_t *slot = NULL;
    struct cache_entry *old = find_entry(thread->cache, shard, key, &slot);

    put_in_place(thread, shard, entry, key, old, slot);
}

/* The number is drawn when the entry takes its place: with one from before it was made it could be
 * purged already, and yet take the place of a value that was put after that purge. */
static void number_entry(struct cache *cache, struct cache_entry *entry)
{
    struct entry_extra *extra = entry_extra(entry);

    if (extra != NULL)
        atomic_store_explicit(&extra->sequence, sequence_draw(cache), memory_order_relaxed);
    else
        entry_count_clears(cache, entry);
}

/* Who waits for a load of the key has the value now. */
static void answer_waiters(struct cache_thread *thread, struct shard *shard,
                           const struct cache_key *key, struct cache_entry *entry, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct cache_view view;
    bool gone = false;

    if (shard->loads.count == 0)
        return;
    gone = verdict_of(cache, entry).gone;
    if (!gone)
        view_loose(entry, now_ms, &view);
    load_overtaken(thread, shard, key, gone ? NULL : &view);
}

enum err cache_put(struct cache_thread *thread, const struct cache_put *put, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct recipe recipe;
    struct shard *shard = shard_of(cache, put->key.hash);
    struct cache_entry *entry = NULL;
    struct cache_entry *old = NULL;
    _Atomic uint32_t *slot = NULL;
    bool entered = false;

    TRY(recipe_check(cache, put));
    recipe = recipe_of(put, 0);
    if (recipe.error_until_ms <= now_ms) {
        recipe.sequence = sequence_draw(cache);
        put_over(thread, &recipe, now_ms);
        return ERR_OK;
    }
    if (!negative_fits(cache, put)) {
        counter_add(&thread->metrics.refused_full, 1);
        return ERR_FULL;
    }
    entered = shard_enter(thread, shard);
    old = find_entry(cache, shard, &put->key, &slot);
    if (entry_make_at_once(cache, &recipe, old, &entry) != ERR_OK) {
        shard_leave(shard, entered);
        TRY(entry_make(thread, &recipe, &entry));
        entered = shard_enter(thread, shard);
        old = find_entry(cache, shard, &put->key, &slot);
    }
    number_entry(cache, entry);
    put_in_place(thread, shard, entry, &put->key, old, slot);
    answer_waiters(thread, shard, &put->key, entry, now_ms);
    shard_leave(shard, entered);
    return ERR_OK;
}

bool cache_remove(struct cache_thread *thread, struct cache_key key, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct shard *shard = shard_of(cache, key.hash);
    _Atomic uint32_t *slot = NULL;
    struct cache_view view;
    bool entered = shard_enter(thread, shard);
    struct cache_entry *entry = find_entry(cache, shard, &key, &slot);
    bool there = entry != NULL && view_entry(cache, entry, now_ms, &view) != CACHE_MISS;

    if (entry != NULL)
        shard_remove(thread, shard, slot, entry, key.hash, there ? CACHE_REMOVED : CACHE_PURGED);
    load_doomed(thread, shard, &key);
    shard_leave(shard, entered);
    return there;
}

/* ---- tags -------------------------------------------------------------------------------- */

struct new_tags {
    struct tag *tags[CACHE_TAGS_MAX];
    size_t count;
};

static void give_tags(struct cache *cache, struct new_tags *new_tags)
{
    for (size_t i = 0; i < new_tags->count; i++)
        tags_give(&cache->tags, new_tags->tags[i]);
    new_tags->count = 0;
}

static bool is_among(struct tag *const *tags, size_t count, const struct tag *tag)
{
    for (size_t i = 0; i < count; i++) {
        if (tags[i] == tag)
            return true;
    }
    return false;
}

/* Takes the records of those tags that the entry does not have yet. */
static enum err take_tags(struct cache *cache, const struct cache_entry *entry,
                          const struct bytes *tags, size_t tag_count, struct new_tags *new_tags)
{
    const struct entry_extra *extra = entry_extra(entry);
    uint64_t old_count = extra == NULL ? 0 : extra->tag_count;

    for (size_t i = 0; i < tag_count; i++) {
        struct tag *tag = tags_take(&cache->tags, tags[i]);

        if (tag == NULL)
            return ERR_FULL;
        if (is_among(new_tags->tags, new_tags->count, tag) ||
            (extra != NULL && is_among(extra->tags, old_count, tag))) {
            tags_give(&cache->tags, tag);
            continue;
        }
        if (old_count + new_tags->count == CACHE_TAGS_MAX) {
            tags_give(&cache->tags, tag);
            return ERR_TOO_BIG;
        }
        new_tags->tags[new_tags->count++] = tag;
    }
    return ERR_OK;
}

/* The number is raised, so that the new tags' old purges do not concern the entry. No purge can
 * have drawn a lower number and not stored it yet: it would hold the purge latch. What is returned
 * is all that the purges up to the new number say. */
static struct verdict raise_number(struct cache *cache, const struct cache_entry *from,
                                   struct cache_entry *entry)
{
    struct verdict verdict;

    latch_lock(&cache->purge_latch);
    verdict = verdict_of(cache, from);
    if (!verdict.gone)
        atomic_store_explicit(&entry_extra(entry)->sequence, sequence_draw(cache),
                              memory_order_relaxed);
    latch_unlock(&cache->purge_latch);
    return verdict;
}

static enum err tag_entry(struct cache_thread *thread, struct cache_entry *entry,
                          _Atomic uint32_t *slot, struct new_tags *new_tags)
{
    struct cache *cache = thread->cache;
    struct copying copying = {.extra = true, .tags = new_tags->tags, .tag_count = new_tags->count};
    struct cache_entry *copy = NULL;
    struct verdict verdict;
    bool sooner = false;

    if (new_tags->count == 0)
        return ERR_OK;
    TRY(entry_copy(thread, entry, &copying, &copy));
    new_tags->count = 0;
    verdict = raise_number(cache, entry, copy);
    if (verdict.gone) {
        entry_set(copy, ENTRY_MOVED);
        entry_let_go(cache, copy);
        return ERR_MISS;
    }
    /* A soft purge that the higher number would undo is written down in the entry itself, and
     * before anybody sees it. */
    sooner = verdict.soft && verdict.soft_ms < entry_expires(copy);
    if (verdict.soft)
        entry_set(copy, ENTRY_SOFT);
    if (sooner)
        atomic_store_explicit(entry_end(copy), verdict.soft_ms, memory_order_relaxed);
    shard_move(thread, slot, entry, copy);
    if (sooner)
        (void)shard_set_times(
            thread, slot, copy,
            (struct entry_times){.expires_ms = verdict.soft_ms, .keep_distances = true});
    return ERR_OK;
}

enum err cache_tag(struct cache_thread *thread, struct cache_key key, const struct bytes *tags,
                   size_t tag_count, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct shard *shard = shard_of(cache, key.hash);
    struct new_tags new_tags = {.count = 0};
    _Atomic uint32_t *slot = NULL;
    struct cache_view view;
    enum err err = ERR_MISS;

    for (size_t i = 0; i < tag_count; i++) {
        if (tags[i].size > CACHE_TAG_SIZE_MAX)
            return ERR_TOO_BIG;
    }
    bool entered = shard_enter(thread, shard);
    struct cache_entry *entry = find_entry(cache, shard, &key, &slot);

    if (entry != NULL && view_entry(cache, entry, now_ms, &view) != CACHE_MISS) {
        err = take_tags(cache, entry, tags, tag_count, &new_tags);
        if (err == ERR_OK)
            err = tag_entry(thread, entry, slot, &new_tags);
        give_tags(cache, &new_tags);
    }
    shard_leave(shard, entered);
    return err;
}

/* ---- objects ----------------------------------------------------------------------------- */

void cache_set_object_ops(struct cache *cache, uint8_t kind, const struct cache_object_ops *ops)
{
    must(kind != CACHE_KIND_PLAIN);
    cache->object_ops[kind] = ops;
}

void cache_object_changed(struct cache_thread *thread, struct cache_key key, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct shard *shard = shard_of(cache, key.hash);
    _Atomic uint32_t *slot = NULL;
    bool entered = shard_enter(thread, shard);
    struct cache_entry *entry = find_entry(cache, shard, &key, &slot);
    struct entry_object *object = entry == NULL ? NULL : entry_object(entry);

    (void)now_ms;
    if (object != NULL) {
        size_t before = atomic_load_explicit(&object->cost, memory_order_relaxed);
        size_t cost = cache->object_ops[entry_kind(entry)]->cost(object->object);

        account_force(&cache->objects, cost);
        account_refund(&cache->objects, before);
        atomic_store_explicit(&object->cost, cost, memory_order_relaxed);
        tell_change(cache, &key);
    }
    shard_leave(shard, entered);
}
