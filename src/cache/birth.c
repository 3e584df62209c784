/* birth.c: how a cache begins and ends, and what may be set while it lives.
 * SPDX-License-Identifier: MIT
 */
#include "cache/store.h"

#include "base/mem.h"

enum {
    SHARD_MEMORY = 1 << 20, /* one shard for so much of the limit */
    POLICY_HINT_SHARE = 512,
};

/* ---- birth ------------------------------------------------------------------------------- */

static unsigned shard_bits_for(uint64_t memory_max)
{
    unsigned bits = (unsigned)__builtin_ctz(SHARDS_MIN);

    while (((uint64_t)SHARD_MEMORY << bits) < memory_max && (1U << bits) < SHARDS_MAX)
        bits++;
    return bits;
}

static void init_accounts(struct cache *cache)
{
    uint64_t max = cache->settings.memory_max;

    atomic_init(&cache->memory_max, max);
    account_init(&cache->whole, NULL, max);
    account_init(&cache->values, &cache->whole, 0);
    account_init(&cache->index, &cache->whole, 0);
    account_init(&cache->tags_account, &cache->whole, 0);
    /* What objects take is charged by those who make them. */
    account_init(&cache->objects, NULL, 0);
    account_init(&cache->loads_account, &cache->whole, 0);
}

static void init_secrets(struct cache *cache, uint64_t seed)
{
    struct random random;

    if (seed == 0) {
        random_secret(cache->secrets, sizeof cache->secrets);
        return;
    }
    random_init(&random, seed);
    for (unsigned i = 0; i < CACHE_SPACES; i++) {
        cache->secrets[i].words[0] = random_next(&random);
        cache->secrets[i].words[1] = random_next(&random);
    }
}

static void init_shards(struct cache *cache)
{
    size_t size = 0;

    cache->shard_bits = shard_bits_for(cache->settings.memory_max);
    cache->shard_count = 1U << cache->shard_bits;
    size = cache->shard_count * sizeof *cache->shards;
    cache->shards = mem_new_aligned(alignof(struct shard), size);
    cache->shelf = shelf_new(&cache->index);
    account_force(&cache->index, size);
    for (unsigned i = 0; i < cache->shard_count; i++) {
        atomic_init(&cache->shards[i].table, table_new(cache->shelf, 1));
    }
}

static struct policy *make_policy(const struct cache *cache, const char *name)
{
    struct policy_settings settings = {
        .name = name,
        .objective = policy_objective(cache->settings.objective),
        .entries_hint = cache->settings.memory_max / POLICY_HINT_SHARE,
        .seed = cache->secrets[0].words[0],
    };

    return policy_new(&settings);
}

static void take_over(struct cache *cache, struct policy *policy)
{
    struct lineup_places places = {cache->places.base, cache->places.shift,
                                   offsetof(struct cache_entry, node)};

    cache->policy = policy;
    lineup_init(&cache->lineup, policy, &cache->marker, places);
}

static uint64_t oldest_load(void *context)
{
    struct cache *cache = context;

    return loads_oldest(&cache->loads);
}

struct cache *cache_new(const struct cache_settings *settings, uint64_t seed)
{
    struct cache *cache = mem_new_aligned(alignof(struct cache), sizeof *cache);

    cache->settings = *settings;
    init_accounts(cache);
    init_secrets(cache, seed);
    epochs_init(&cache->epochs);
    init_shards(cache);
    cache->slab = slab_new(settings->memory_max, &cache->values);
    cache->places = (struct places){slab_base(cache->slab), slab_shift(cache->slab)};
    take_over(cache, make_policy(cache, settings->policy));
    for (unsigned i = 0; i < WHEELS; i++)
        wheel_init(&cache->wheels[i]);
    for (unsigned i = 0; i < WATCH_RINGS; i++)
        list_init(&cache->watch_rings[i].watches);
    tags_init(&cache->tags, cache->secrets[0], &cache->tags_account, oldest_load, cache);
    loads_init(&cache->loads, &cache->loads_account, &cache->sequence);
    return cache;
}

static void free_shard(struct cache *cache, struct shard *shard)
{
    struct table *table = shard_table(shard);

    for (uint32_t number = 0; number < table->buckets; number++) {
        for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
            uint32_t ref = table->at[number].refs[i];

            if (ref == 0)
                continue;
            must((entry_state(entry_at(cache, ref)) & ENTRY_HOLDS) == 0);
            atomic_store(&entry_at(cache, ref)->state, 0);
            entry_free(cache, entry_at(cache, ref));
        }
    }
    loads_clear(&cache->loads, &shard->loads);
    table_free(cache->shelf, &table);
}

void cache_free(struct cache **owner)
{
    struct cache *cache = *owner;
    struct policy *policy = NULL;

    if (cache == NULL)
        return;
    must(cache->threads == NULL);
    retired_free_all(cache, &cache->orphans);
    for (unsigned i = 0; i < cache->shard_count; i++)
        free_shard(cache, &cache->shards[i]);
    for (unsigned i = 0; i < RULES_MAX; i++) {
        struct rule *rule = atomic_load(&cache->rules.at[i]);

        mem_free(&rule);
    }
    tags_fini(&cache->tags);
    loads_fini(&cache->loads);
    policy_free(&cache->policy);
    policy = atomic_load(&cache->policy_next);
    policy_free(&policy);
    slab_free(&cache->slab);
    shelf_free(&cache->shelf);
    mem_free(&cache->shards);
    mem_free(owner);
}

struct account *cache_account(struct cache *cache)
{
    return &cache->whole;
}

void cache_set_memory_max(struct cache *cache, size_t bytes)
{
    atomic_store(&cache->memory_max, bytes);
    atomic_store(&cache->whole.max, bytes);
}

/* All that is shown goes into the new order, in the order of the index. The caller has every
 * latch. */
static void reorder_shard(struct cache *cache, const struct shard *shard)
{
    const struct table *table = shard_table(shard);

    for (uint32_t number = 0; number < table->buckets; number++) {
        for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
            uint32_t ref = atomic_load(&table->at[number].refs[i]);
            struct cache_entry *entry = entry_at(cache, ref);

            if (ref == 0)
                continue;
            lineup_insert(&cache->lineup, ref, entry_hash(cache, entry),
                          slab_cost(cache->slab, entry_size(entry)));
        }
    }
}

enum err cache_set_policy(struct cache *cache, const char *name)
{
    struct policy *policy = make_policy(cache, name);

    if (policy == NULL)
        return ERR_MISS;
    policy = atomic_exchange(&cache->policy_next, policy);
    policy_free(&policy);
    return ERR_OK;
}

void policy_turn(struct cache_thread *thread)
{
    struct cache *cache = thread->cache;
    struct policy *policy = NULL;

    if (atomic_load_explicit(&cache->policy_next, memory_order_relaxed) == NULL)
        return;
    cache_lock_all(thread);
    latch_lock(&cache->policy_latch);
    policy = atomic_exchange(&cache->policy_next, NULL);
    if (policy != NULL) {
        policy_free(&cache->policy);
        take_over(cache, policy);
        for (unsigned i = 0; i < cache->shard_count; i++)
            reorder_shard(cache, &cache->shards[i]);
    }
    latch_unlock(&cache->policy_latch);
    cache_unlock(thread);
}

struct cache_key cache_key(const struct cache *cache, unsigned space, struct bytes name)
{
    must(space < CACHE_SPACES);
    return (struct cache_key){name, hash_bytes(cache->secrets[space], name), (uint8_t)space};
}
