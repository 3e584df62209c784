/* look.c: reading without a lock. SPDX-License-Identifier: MIT */
#include "cache/store.h"

struct cache_entry *find_entry(const struct cache *cache, const struct shard *shard,
                               const struct cache_key *key, _Atomic uint32_t **ret_slot)
{
    uint32_t ref = 0;
    _Atomic uint32_t *slot =
        index_find(cache->places, shard_word(shard), position_of(cache, key->hash), key, &ref);

    if (slot == NULL)
        return NULL;
    *ret_slot = slot;
    return entry_at(cache, ref);
}

void entry_hit(struct cache_thread *thread, struct cache_entry *entry)
{
    uint64_t word = entry_word(entry);

    entry_set_policy(
        entry, word,
        policy_hit(&thread->cache->policy_marker, (uint16_t)word_policy(word), &thread->random));
}

enum cache_state look_shard(struct cache_thread *thread, const struct shard *shard,
                            const struct cache_key *key, int64_t now_ms,
                            struct cache_view *ret_view)
{
    _Atomic uint32_t *slot = NULL;
    struct cache_entry *entry = find_entry(thread->cache, shard, key, &slot);

    if (entry == NULL) {
        ret_view->state = CACHE_MISS;
        return CACHE_MISS;
    }
    thread->looked = true;
    return view_entry(thread->cache, entry, now_ms, ret_view);
}

enum cache_state cache_peek(struct cache_thread *thread, struct cache_key key, int64_t now_ms,
                            struct cache_view *ret_view)
{
    struct shard *shard = shard_of(thread->cache, key.hash);
    enum cache_state state = CACHE_MISS;
    uint32_t steps = steps_of(shard);
    bool entered = false;

    ought(may_look(thread, shard));
    if (steps % 2 == 0) {
        state = look_shard(thread, shard, &key, now_ms, ret_view);
        if (!steps_passed(shard, steps))
            return state;
    }
    entered = shard_enter(thread, shard);
    state = look_shard(thread, shard, &key, now_ms, ret_view);
    shard_leave(shard, entered);
    return state;
}

enum cache_state cache_look(struct cache_thread *thread, struct cache_key key, int64_t now_ms,
                            struct cache_view *ret_view)
{
    enum cache_state state = cache_peek(thread, key, now_ms, ret_view);

    if (state == CACHE_MISS) {
        counter_add(&thread->metrics.misses, 1);
        if (whatif_takes(&thread->cache->whatif_gate, key.hash))
            whatif_tell_look(thread, key.hash, NULL, now_ms);
        return CACHE_MISS;
    }
    counter_add(&thread->metrics.hits, 1);
    entry_hit(thread, ret_view->entry);
    if (whatif_takes(&thread->cache->whatif_gate, key.hash))
        whatif_tell_look(thread, key.hash, ret_view->entry, now_ms);
    return state;
}

void cache_prefetch(struct cache_thread *thread, struct cache_key key, unsigned stage)
{
    const struct cache *cache = thread->cache;
    const struct shard *shard = shard_of(cache, key.hash);
    const struct bucket *bucket = word_home(shard_word(shard), position_of(cache, key.hash));

    if (stage == 2) {
        __builtin_prefetch(&shard->latch, 1);
        return;
    }
    if (stage == 0) {
        __builtin_prefetch(bucket);
        return;
    }
    for (unsigned match = bucket_match(bucket, index_tag(key.hash)); match != 0;
         match &= match - 1) {
        uint32_t ref = bucket_ref(bucket, (unsigned)__builtin_ctz(match));

        if (ref == 0)
            continue;
        __builtin_prefetch(entry_at(cache, ref));
        __builtin_prefetch((const uint8_t *)entry_at(cache, ref) + 64);
    }
}

void cache_tags_of(struct cache_thread *thread, const struct cache_view *view, cache_tag_fn *each,
                   void *context)
{
    const struct entry_extra *extra = NULL;

    (void)thread;
    if (view->entry == NULL)
        return;
    extra = entry_extra(view->entry);
    for (uint64_t i = 0; extra != NULL && i < extra->tag_count; i++)
        each(context, tag_name(extra->tags[i]));
}

size_t cache_cost(struct cache_thread *thread, const struct cache_view *view)
{
    return view->entry == NULL ? 0 : entry_cost(thread->cache, view->entry);
}
