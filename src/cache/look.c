/* look.c: reading without a lock. SPDX-License-Identifier: MIT */
#include "cache/store.h"

enum { GROUP = 16 /* keys that cache_look_many fetches ahead */ };

static inline struct spot find(const struct cache *cache, const struct shard *shard,
                               const struct cache_key *key)
{
    return index_find(cache->places, shard_word(shard), position_of(cache, key->hash), key);
}

struct cache_entry *find_entry(const struct cache *cache, const struct shard *shard,
                               const struct cache_key *key, _Atomic uint32_t **ret_slot)
{
    struct spot spot = find(cache, shard, key);

    if (spot.entry != NULL)
        *ret_slot = spot.slot;
    return spot.entry;
}

static inline void hit(struct cache_thread *thread, struct cache_entry *entry)
{
    uint64_t word = entry_word(entry);

    entry_set_policy(
        entry, word,
        policy_hit(&thread->cache->policy_marker, (uint16_t)word_policy(word), &thread->random));
}

void entry_hit(struct cache_thread *thread, struct cache_entry *entry)
{
    hit(thread, entry);
}

static inline enum cache_state look_now(struct cache_thread *thread, const struct shard *shard,
                                        const struct cache_key *key, int64_t now_ms,
                                        struct cache_view *ret_view)
{
    struct cache_entry *entry = find(thread->cache, shard, key).entry;

    if (entry == NULL) {
        ret_view->state = CACHE_MISS;
        return CACHE_MISS;
    }
    thread->looked = true;
    return view_entry(thread->cache, entry, now_ms, ret_view);
}

enum cache_state look_shard(struct cache_thread *thread, const struct shard *shard,
                            const struct cache_key *key, int64_t now_ms,
                            struct cache_view *ret_view)
{
    return look_now(thread, shard, key, now_ms, ret_view);
}

/* A step of several writes is under way, or passed by meanwhile. */
static __attribute__((noinline)) enum cache_state
look_again(struct cache_thread *thread, struct shard *shard, const struct cache_key *key,
           int64_t now_ms, struct cache_view *ret_view)
{
    bool entered = shard_enter(thread, shard);
    enum cache_state state = look_now(thread, shard, key, now_ms, ret_view);

    shard_leave(shard, entered);
    return state;
}

static inline enum cache_state peek(struct cache_thread *thread, const struct cache_key *key,
                                    int64_t now_ms, struct cache_view *ret_view)
{
    struct shard *shard = shard_of(thread->cache, key->hash);
    uint32_t steps = steps_of(shard);

    ought(may_look(thread, shard));
    if (steps % 2 == 0) {
        enum cache_state state = look_now(thread, shard, key, now_ms, ret_view);

        if (!steps_passed(shard, steps))
            return state;
    }
    return look_again(thread, shard, key, now_ms, ret_view);
}

static inline enum cache_state look(struct cache_thread *thread, const struct cache_key *key,
                                    int64_t now_ms, struct cache_view *ret_view)
{
    enum cache_state state = peek(thread, key, now_ms, ret_view);

    if (state == CACHE_MISS) {
        counter_add(&thread->metrics.misses, 1);
        if (whatif_takes(&thread->cache->whatif_gate, key->hash))
            whatif_tell_look(thread, key->hash, NULL, now_ms);
        return CACHE_MISS;
    }
    counter_add(&thread->metrics.hits, 1);
    hit(thread, ret_view->entry);
    if (whatif_takes(&thread->cache->whatif_gate, key->hash))
        whatif_tell_look(thread, key->hash, ret_view->entry, now_ms);
    return state;
}

enum cache_state cache_peek(struct cache_thread *thread, struct cache_key key, int64_t now_ms,
                            struct cache_view *ret_view)
{
    return peek(thread, &key, now_ms, ret_view);
}

enum cache_state cache_look(struct cache_thread *thread, struct cache_key key, int64_t now_ms,
                            struct cache_view *ret_view)
{
    return look(thread, &key, now_ms, ret_view);
}

/* ---- fetching ahead ---------------------------------------------------------------------- */

static inline const struct bucket *home_of(const struct cache *cache, const struct cache_key *key)
{
    return word_home(shard_word(shard_of(cache, key->hash)), position_of(cache, key->hash));
}

/* Those of the bucket that may be the key's. */
static inline void prefetch_entries(const struct cache *cache, const struct bucket *bucket,
                                    const struct cache_key *key)
{
    for (unsigned match = bucket_match(bucket, index_tag(key->hash)); match != 0;
         match &= match - 1) {
        uint32_t ref = bucket_ref(bucket, (unsigned)__builtin_ctz(match));
        const uint8_t *entry = (const uint8_t *)entry_at(cache, ref);

        __builtin_prefetch(entry);
        __builtin_prefetch(entry + 64);
    }
}

/* A write of the key asks the page of its old value for its queue. */
static inline void prefetch_pages(const struct cache *cache, const struct bucket *bucket,
                                  const struct cache_key *key)
{
    for (unsigned match = bucket_match(bucket, index_tag(key->hash)); match != 0;
         match &= match - 1)
        pool_prefetch_page(cache->pool, bucket_ref(bucket, (unsigned)__builtin_ctz(match)));
}

void cache_prefetch(struct cache_thread *thread, struct cache_key key, unsigned stage)
{
    const struct cache *cache = thread->cache;

    switch (stage) {
    case 0:
        __builtin_prefetch(home_of(cache, &key));
        break;
    case 1:
        prefetch_entries(cache, home_of(cache, &key), &key);
        break;
    default:
        __builtin_prefetch(&shard_of(cache, key.hash)->latch, 1);
        prefetch_pages(cache, home_of(cache, &key), &key);
        break;
    }
}

void cache_look_many(struct cache_thread *thread, const struct cache_key *keys, size_t count,
                     int64_t now_ms, struct cache_view *ret_views)
{
    const struct cache *cache = thread->cache;

    for (size_t first = 0; first < count; first += GROUP) {
        size_t group = count - first < GROUP ? count - first : GROUP;
        const struct bucket *buckets[GROUP];

        for (size_t i = 0; i < group; i++) {
            buckets[i] = home_of(cache, &keys[first + i]);
            __builtin_prefetch(buckets[i]);
        }
        for (size_t i = 0; i < group; i++)
            prefetch_entries(cache, buckets[i], &keys[first + i]);
        for (size_t i = 0; i < group; i++)
            (void)look(thread, &keys[first + i], now_ms, &ret_views[first + i]);
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

bool cache_frequency(struct cache_thread *thread, const struct cache_view *view,
                     unsigned *ret_count)
{
    uint16_t bits = 0;

    if (view->entry == NULL)
        return false;
    bits = (uint16_t)word_policy(entry_word(view->entry));
    return policy_frequency(&thread->cache->policy_marker, bits, ret_count);
}
