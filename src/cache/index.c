/* index.c: tables of buckets. SPDX-License-Identifier: MIT */
#include "cache/index.h"

#include "base/mem.h"
#include "base/must.h"

#include <sys/mman.h>

enum {
    LOAD_HIGH = 8,        /* entries a bucket, on average, when a table grows */
    LOAD_FRESH = 6,       /* ... in a fresh table */
    LOAD_LOW = 2,         /* ... when it shrinks */
    SPARE_SHARE = 5,      /* one spare bucket for so many */
    MAPPED_MIN = 1 << 15, /* bytes from which a table has pages of its own */
    PAGE = 4096,
};

struct table *table_new(size_t entries)
{
    size_t buckets = entries / LOAD_FRESH + 1;
    size_t spares = buckets / SPARE_SHARE + 1;
    size_t size = sizeof(struct table) + (buckets + spares) * sizeof(struct bucket);
    bool mapped = size >= MAPPED_MIN;
    size_t cost = mapped ? (size + PAGE - 1) / PAGE * PAGE : size;
    struct table *table = NULL;

    must(buckets + spares < UINT32_MAX);
    if (mapped) {
        table = mmap(NULL, cost, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        must(table != MAP_FAILED);
    } else {
        table = mem_new_aligned(alignof(struct table), cost);
    }
    table->cost = cost;
    table->mapped = mapped;
    table->buckets = (uint32_t)buckets;
    table->spares = (uint32_t)spares;
    return table;
}

void table_free(struct table **owner)
{
    struct table *table = *owner;

    *owner = NULL;
    if (table == NULL)
        return;
    if (table->mapped) {
        int error = munmap(table, table->cost);

        must(error == 0);
    } else {
        mem_free(&table);
    }
}

size_t table_high(const struct table *table)
{
    return (size_t)table->buckets * LOAD_HIGH;
}

size_t table_low(const struct table *table)
{
    return table->buckets == 1 ? 0 : (size_t)table->buckets * LOAD_LOW;
}

static bool bucket_add(struct bucket *bucket, uint16_t tag, uint32_t ref)
{
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        if (atomic_load_explicit(&bucket->refs[i], memory_order_relaxed) != 0)
            continue;
        atomic_store_explicit(&bucket->tags[i], tag, memory_order_relaxed);
        atomic_store_explicit(&bucket->refs[i], ref, memory_order_release);
        return true;
    }
    return false;
}

bool index_add(struct table *table, uint32_t position, uint16_t tag, uint32_t ref)
{
    struct bucket *bucket = &table->at[index_bucket(table, position)];

    for (;;) {
        if (bucket_add(bucket, tag, ref))
            return true;
        uint32_t next = atomic_load_explicit(&bucket->next, memory_order_relaxed);

        if (next == 0)
            break;
        bucket = &table->at[next];
    }
    if (table->spares_used == table->spares)
        return false;
    uint32_t spare = table->buckets + table->spares_used++;

    (void)bucket_add(&table->at[spare], tag, ref);
    atomic_store_explicit(&bucket->next, spare, memory_order_release);
    return true;
}

/* The copy reads every entry's key; asking for the entries of the next bucket before those of this
 * one are read hides most of the wait. */
static void prefetch_bucket(struct places places, const struct table *from, uint32_t number)
{
    if (number >= from->buckets + from->spares_used)
        return;
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        uint32_t ref = atomic_load_explicit(&from->at[number].refs[i], memory_order_relaxed);

        if (ref != 0)
            __builtin_prefetch(&place_entry(places, ref)->key_size);
    }
}

bool index_copy(struct places places, const struct table *from, struct table *to,
                const struct index_hashes *hashes)
{
    prefetch_bucket(places, from, 0);
    for (uint32_t number = 0; number < from->buckets + from->spares_used; number++) {
        const struct bucket *bucket = &from->at[number];

        prefetch_bucket(places, from, number + 1);
        for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
            uint32_t ref = atomic_load_explicit(&bucket->refs[i], memory_order_relaxed);
            uint64_t hash = 0;

            if (ref == 0)
                continue;
            hash = hashes->hash_of(hashes->context, place_entry(places, ref));
            if (!index_add(to, index_position(hash, hashes->shard_bits), index_tag(hash), ref))
                return false;
        }
    }
    return true;
}
