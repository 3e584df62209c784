/* index.h: where a key's entry is: a small table of cache lines, one for each shard.
 * SPDX-License-Identifier: MIT
 *
 *   hash, 64 bits:   | shard | position: 32 bits           | ... | tag: 16 bits |
 *   bucket, 64 bytes: | 10 tags | 10 refs | next |     bucket = position * buckets / 2^32
 *
 * So the whole index stands in the order of the hashes whatever the sizes of its tables are, and a
 * scan's cursor is a hash position that outlives every growth. A bucket that is full goes on in a
 * spare one behind the others; when these run out, or the table is full enough, it is replaced by
 * a larger one as a whole (a table holds some thousand entries: less than a millisecond).
 *
 * Threads: index_find by anybody inside an epoch; what changes a table under its shard's latch. A
 * reference is stored after all that it refers to, and an entry never changes its slot.
 * Memory: 64 bytes for 6 to 8 entries, charged by the caller (`cost`).
 */
#ifndef LARDER_CACHE_INDEX_H
#define LARDER_CACHE_INDEX_H

#include "cache/entry.h"

#include <stdalign.h>

enum { BUCKET_SLOTS = 10 };

struct bucket {
    alignas(64) _Atomic uint16_t tags[BUCKET_SLOTS];
    _Atomic uint32_t refs[BUCKET_SLOTS]; /* 0: free */
    _Atomic uint32_t next;               /* number of a bucket of the same table; 0: none */
};

_Static_assert(sizeof(struct bucket) == 64, "a bucket is one cache line");

struct table {
    struct table *next_retired;
    uint64_t stamp; /* of the epoch in which it was retired */
    size_t cost;
    bool mapped;
    uint32_t buckets;
    uint32_t spares;
    uint32_t spares_used;
    struct bucket at[];
};

/* Where entries are: at base + (ref << shift). */
struct places {
    uint8_t *base;
    unsigned shift;
};

static inline struct cache_entry *place_entry(struct places places, uint32_t ref)
{
    return (struct cache_entry *)(void *)(places.base + ((size_t)ref << places.shift));
}

static inline uint16_t index_tag(uint64_t hash)
{
    return (uint16_t)hash;
}

static inline uint32_t index_bucket(const struct table *table, uint32_t position)
{
    return (uint32_t)(((uint64_t)position * table->buckets) >> 32);
}

/* The first position behind the bucket's; 2^32 behind the last. */
static inline uint64_t index_position_behind(const struct table *table, uint32_t bucket)
{
    return ((((uint64_t)bucket + 1) << 32) + table->buckets - 1) / table->buckets;
}

/* The slot that shows the key's entry, and the entry's reference; NULL: there is none. */
static inline _Atomic uint32_t *index_find(struct places places, struct table *table,
                                           uint32_t position, const struct cache_key *key,
                                           uint32_t *ret_ref)
{
    uint16_t tag = index_tag(key->hash);
    struct bucket *bucket = &table->at[index_bucket(table, position)];

    for (;;) {
        for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
            if (atomic_load_explicit(&bucket->tags[i], memory_order_relaxed) != tag)
                continue;
            uint32_t ref = atomic_load_explicit(&bucket->refs[i], memory_order_acquire);

            if (ref != 0 && entry_is(place_entry(places, ref), key)) {
                *ret_ref = ref;
                return &bucket->refs[i];
            }
        }
        uint32_t next = atomic_load_explicit(&bucket->next, memory_order_acquire);

        if (next == 0)
            return NULL;
        bucket = &table->at[next];
    }
}

/* A table for `entries` entries. Never NULL. */
struct table *table_new(size_t entries);
void table_free(struct table **owner);

/* Shows the entry; false: there is no room, make a larger table. */
bool index_add(struct table *table, uint32_t position, uint16_t tag, uint32_t ref);

/* Entries beyond which the table should be replaced by a larger one, and below which by a smaller
 * one. */
size_t table_high(const struct table *table);
size_t table_low(const struct table *table);

/* Fills the empty `to` with all that `from` shows. `hash_of` tells an entry's hash. False: `to` is
 * too small after all. */
struct index_hashes {
    uint64_t (*hash_of)(const void *context, const struct cache_entry *entry);
    const void *context;
    unsigned shard_bits;
};
bool index_copy(struct places places, const struct table *from, struct table *to,
                const struct index_hashes *hashes);

/* The position of a hash within its shard. */
static inline uint32_t index_position(uint64_t hash, unsigned shard_bits)
{
    return (uint32_t)((hash << shard_bits) >> 32);
}

#endif
