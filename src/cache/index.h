/* index.h: where a key's entry is: a table of cache lines for each shard.
 * SPDX-License-Identifier: MIT
 *
 *   hash, 64 bits:    | shard | position: 32 bits           | ... | tag: 8 bits |
 *   bucket, 64 bytes: | 12 tags | meta | 12 refs |       bucket = position * buckets / 2^32
 *
 *   tag:  0: the slot is free; its upper three bits are the entry's class
 *   meta: | moves: 12 bits | away: 8 classes | guests: 12 slots |
 *
 * So the whole index stands in the order of the hashes whatever the sizes of its tables are, and a
 * scan's cursor is a hash position that outlives every growth. A table that is full is replaced by
 * a larger one as a whole (it holds some thousand entries: less than a millisecond).
 *
 * Why tables may be 93 % full and a look-up still reads little more than one line: an entry lives
 * in its home bucket, which its position tells, or in one other, which its home and its class tell.
 * A home says for each class whether any of its entries is away, so that nearly all look-ups end in
 * the home, in vain or not. Where both buckets are full, entries are moved on from their homes to
 * their other buckets until there is room; a slot that becomes free in a home is taken by one of
 * its entries that is away. Where a guest's home is follows from its place and its class: to walk
 * the entries of a home, nothing but tables is read.
 *
 * Threads: what changes a table does so under its shard's latch; index_find and index_home by
 * anybody inside an epoch. An entry that is there all the time is seen, also while it moves: it is
 * shown at its new place before it goes from the old one, and between the two its home counts the
 * move. Who has read "not there" at both places, and no other count of moves than before, is right:
 * had the entry gone from one place to the other in between, the old place's emptiness, which is
 * stored after the count, would have shown the new count too. (It takes 4096 moves out of one home
 * during one look-up to be wrong; each homecoming needs an entry that is removed, and while a
 * look-up goes on no removed entry's memory is given back, so that memory would end before.)
 *
 * Memory: 5.8 to 7.2 bytes an entry, charged by the shelf. Sizes of tables are steps of a
 * quarter, and each shard's steps lie between those of others: shards do not all grow at the same
 * time, and the whole index has about 6.4 bytes an entry however many there are.
 */
#ifndef LARDER_CACHE_INDEX_H
#define LARDER_CACHE_INDEX_H

#include "base/sanitizer.h"
#include "cache/entry.h"
#include "cache/shelf.h"

#include <stdalign.h>

/* The thread sanitizer knows no vectors of atomics. */
#if defined(__SSE2__) && !SANITIZER_THREAD
#include <emmintrin.h>
#define TAGS_AT_ONCE 1
#endif

enum {
    BUCKET_SLOTS = 12,
    CLASSES = 8,
    CLASS_SHIFT = 5,
    AWAY_SHIFT = BUCKET_SLOTS,
    MOVES_SHIFT = BUCKET_SLOTS + CLASSES,
    HOME_MAX = BUCKET_SLOTS * (1 + CLASSES), /* entries that one home can have */
    BUCKETS_BITS = 22,                       /* of a table_word */
};

struct bucket {
    alignas(64) _Atomic uint8_t tags[BUCKET_SLOTS];
    _Atomic uint32_t meta;
    _Atomic uint32_t refs[BUCKET_SLOTS]; /* 0: free */
};

_Static_assert(sizeof(struct bucket) == 64, "a bucket is one cache line");
_Static_assert(offsetof(struct bucket, meta) == BUCKET_SLOTS, "one load reads tags and meta");

struct table {
    struct table *next_retired;
    uint64_t stamp; /* of the epoch in which it was retired */
    uint32_t buckets;
    struct bucket at[];
};

/* A table's address and how many buckets it has: so a look-up goes to its bucket at once, without
 * the table's head, whose line would be one more to wait for. */
static inline uint64_t table_word(const struct table *table)
{
    return (uint64_t)((uintptr_t)table / alignof(struct table)) << BUCKETS_BITS | table->buckets;
}

static inline struct table *word_table(uint64_t word)
{
    return (struct table *)((uintptr_t)(word >> BUCKETS_BITS) * alignof(struct table));
}

static inline uint32_t word_buckets(uint64_t word)
{
    return (uint32_t)word & (((uint32_t)1 << BUCKETS_BITS) - 1);
}

/* Where entries are: at base + (ref << shift). */
struct places {
    uint8_t *base;
    unsigned shift;
};

static inline struct cache_entry *place_entry(struct places places, uint32_t ref)
{
    return (struct cache_entry *)(void *)(places.base + ((size_t)ref << places.shift));
}

/* The position of a hash within its shard. */
static inline uint32_t index_position(uint64_t hash, unsigned shard_bits)
{
    return (uint32_t)((hash << shard_bits) >> 32);
}

static inline uint8_t index_tag(uint64_t hash)
{
    return (uint8_t)hash == 0 ? 1 : (uint8_t)hash;
}

static inline uint32_t index_bucket(uint32_t buckets, uint32_t position)
{
    return (uint32_t)(((uint64_t)position * buckets) >> 32);
}

static inline struct bucket *word_home(uint64_t word, uint32_t position)
{
    return &word_table(word)->at[index_bucket(word_buckets(word), position)];
}

/* The first position behind the bucket's; 2^32 behind the last. */
static inline uint64_t index_position_behind(const struct table *table, uint32_t bucket)
{
    return ((((uint64_t)bucket + 1) << 32) + table->buckets - 1) / table->buckets;
}

/* How far a class's other bucket is from home: near, and yet neighbours have few in common. */
static inline uint32_t index_distance(uint8_t tag)
{
    uint32_t class_ = tag >> CLASS_SHIFT;

    return (class_ + 1) * (class_ + 2) / 2;
}

/* The other bucket of entries with this tag; the home itself: there is no other. */
static inline uint32_t index_other(uint32_t buckets, uint32_t home, uint8_t tag)
{
    uint32_t other = home + index_distance(tag);

    return other < buckets ? other : other % buckets;
}

static inline uint32_t meta_away(uint8_t tag)
{
    return (uint32_t)1 << (AWAY_SHIFT + (tag >> CLASS_SHIFT));
}

/* The slots with this tag, as bits. What is read after it is no older than what it has seen. */
static inline unsigned bucket_match(const struct bucket *bucket, uint8_t tag)
{
#ifdef TAGS_AT_ONCE
    /* Loads stay in their order on the machines that have SSE2; each tag is read as a whole. */
    __m128i tags = _mm_load_si128((const __m128i *)(const void *)bucket);

    atomic_signal_fence(memory_order_acquire);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag))) &
           ((1U << BUCKET_SLOTS) - 1);
#else
    unsigned match = 0;

    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        if (atomic_load_explicit(&bucket->tags[i], memory_order_acquire) == tag)
            match |= 1U << i;
    }
    return match;
#endif
}

static inline uint32_t bucket_meta(const struct bucket *bucket)
{
    return atomic_load_explicit(&bucket->meta, memory_order_acquire);
}

static inline uint32_t bucket_ref(const struct bucket *bucket, unsigned slot)
{
    return atomic_load_explicit(&bucket->refs[slot], memory_order_acquire);
}

/* The slot that shows an entry, and the entry; both NULL: there is none. */
struct spot {
    _Atomic uint32_t *slot;
    struct cache_entry *entry;
};

static inline struct spot bucket_find(struct places places, struct bucket *bucket, uint8_t tag,
                                      const struct cache_key *key)
{
    for (unsigned match = bucket_match(bucket, tag); match != 0; match &= match - 1) {
        unsigned slot = (unsigned)__builtin_ctz(match);
        uint32_t ref = bucket_ref(bucket, slot);
        struct cache_entry *entry = place_entry(places, ref);

        if (ref != 0 && entry_is(entry, key))
            return (struct spot){&bucket->refs[slot], entry};
    }
    return (struct spot){NULL, NULL};
}

/* Whether an entry of this home moved since `meta` was read. */
static inline bool bucket_has_moved(const struct bucket *bucket, uint32_t meta)
{
    return (bucket_meta(bucket) ^ meta) >> MOVES_SHIFT != 0;
}

/* What index_find has not found at home: looks at both places until nothing moves meanwhile. */
struct spot index_find_away(struct places places, uint64_t word, uint32_t position,
                            const struct cache_key *key);

/* Where the key's entry is. The slot is of use under the shard's latch only, until something is
 * added or removed. `word` is the table's. */
static inline struct spot index_find(struct places places, uint64_t word, uint32_t position,
                                     const struct cache_key *key)
{
    uint8_t tag = index_tag(key->hash);
    struct bucket *home = word_home(word, position);
    uint32_t meta = bucket_meta(home);
    struct spot spot = bucket_find(places, home, tag, key);

    if (spot.slot != NULL || ((meta & meta_away(tag)) == 0 && !bucket_has_moved(home, meta)))
        return spot;
    return index_find_away(places, word, position, key);
}

/* The references of all entries whose home is the bucket, as they stood at one moment. */
size_t index_home(const struct table *table, uint32_t number, uint32_t ret_refs[HOME_MAX]);

/* Sizes of tables, in buckets: the smallest step that is at least `buckets`. `phase` (any number)
 * tells the steps of one shard from those of another. */
size_t table_step(size_t buckets, unsigned phase);

/* An empty table of so many buckets. Never NULL. */
struct table *table_new(struct shelf *shelf, size_t buckets);
void table_free(struct shelf *shelf, struct table **owner);

/* Entries beyond which the table should be replaced by a larger one, and below which by a smaller
 * one, of `table_fit` buckets. */
size_t table_high(const struct table *table);
size_t table_low(const struct table *table);
size_t table_fit(size_t entries);

/* Shows the entry; false: there is no room, make a larger table. Other entries may move. */
bool index_add(struct table *table, uint32_t position, uint8_t tag, uint32_t ref);

/* Hides what the slot shows. Another entry may take the slot at once. */
void index_remove(struct table *table, _Atomic uint32_t *slot);

/* Fills the empty `to` with all that `from` shows. `hash_of` tells an entry's hash. False: `to` is
 * too small after all. */
struct index_hashes {
    uint64_t (*hash_of)(const void *context, const struct cache_entry *entry);
    const void *context;
    unsigned shard_bits;
};
bool index_copy(struct places places, const struct table *from, struct table *to,
                const struct index_hashes *hashes);

#endif
