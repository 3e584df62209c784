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
    atomic_init(&cache->memory_now, max);
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
        atomic_init(&cache->shards[i].table, table_word(table_new(cache->shelf, 1)));
    }
}

static struct policy_settings policy_settings(const struct cache *cache, const char *name)
{
    return (struct policy_settings){
        .name = name,
        .objective = policy_objective(cache->settings.objective),
        .entries_hint = cache->settings.memory_max / POLICY_HINT_SHARE,
        .seed = cache->secrets[0].words[0],
    };
}

static uint64_t oldest_load(void *context)
{
    struct cache *cache = context;

    return loads_oldest(&cache->loads);
}

struct cache *cache_new(const struct cache_settings *settings, uint64_t seed)
{
    struct cache *cache = mem_new_aligned(alignof(struct cache), sizeof *cache);
    struct policy_settings order;

    cache->settings = *settings;
    init_accounts(cache);
    init_secrets(cache, seed);
    epochs_init(&cache->epochs);
    init_shards(cache);
    cache->pool = pool_new(settings->memory_max, &cache->values);
    cache->places = (struct places){pool_base(cache->pool), pool_shift(cache->pool)};
    order = policy_settings(cache, settings->policy);
    cache->policy = policy_new(&order);
    must(cache->policy != NULL); /* the configuration was checked */
    policy_attach(cache->policy, &cache->policy_marker);
    whatif_begin(cache, &order);
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
            entry_clear(entry_at(cache, ref), ENTRY_SHOWN);
            entry_let_go(cache, entry_at(cache, ref));
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

        rule_free(&rule);
    }
    tags_fini(&cache->tags);
    loads_fini(&cache->loads);
    policy_free(&cache->policy);
    policy = atomic_load(&cache->policy_next);
    policy_free(&policy);
    whatif_free(&cache->whatif);
    pool_free(&cache->pool);
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
    size_t used = account_used(&cache->whole);

    atomic_store(&cache->memory_max, bytes);
    room_limit(cache, bytes > used ? bytes : used);
}

enum err cache_set_policy(struct cache *cache, const char *name)
{
    struct policy_settings settings = policy_settings(cache, name);
    struct policy *policy = policy_new(&settings);

    if (policy == NULL)
        return ERR_MISS;
    policy = atomic_exchange(&cache->policy_next, policy);
    policy_free(&policy);
    return ERR_OK;
}

void policy_turn(struct cache_thread *thread)
{
    struct cache *cache = thread->cache;
    struct policy_settings settings;
    struct policy *policy = NULL;

    if (atomic_load_explicit(&cache->policy_next, memory_order_relaxed) == NULL)
        return;
    policy = atomic_exchange(&cache->policy_next, NULL);
    if (policy == NULL)
        return;
    settings = policy_settings(cache, policy_called(policy));
    order_take_over(cache, policy);
    if (cache->whatif != NULL)
        whatif_set_policy(cache->whatif, &settings);
}

struct cache_key cache_key(const struct cache *cache, unsigned space, struct bytes name)
{
    must(space < CACHE_SPACES);
    return (struct cache_key){name, hash_bytes(cache->secrets[space], name), (uint8_t)space};
}
