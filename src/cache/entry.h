/* entry.h: how a stored thing lies in memory.
 * SPDX-License-Identifier: MIT
 *
 *   one place of the pool, a multiple of 8 bytes:
 *   +-----------------------------+
 *   | word                      8 |  everything that a small entry needs, see below
 *   +-----------------------------+
 *   | expires_ms                8 |  ENTRY_ENDS: only if it ever ends
 *   +-----------------------------+
 *   | struct entry_wide         8 |  ENTRY_WIDE: sizes and kinds that do not fit into the word
 *   +-----------------------------+
 *   | struct entry_extra and tags |  ENTRY_EXTRA: only with tags or stale times
 *   +-----------------------------+
 *   | struct entry_object      16 |  ENTRY_OBJECT: only for values that change in place
 *   +-----------------------------+
 *   | key | value | up to 7 bytes |
 *   +-----------------------------+
 *
 *   the word, from its lowest bit:
 *
 *     1 raw        1: no entry but a hole (bit 5), or a place that is being made: its size is in
 *                  bits 32..63
 *     1 shown      the index shows it
 *     1 moved      its object belongs to a copy now
 *     1 soft       a soft purge set its expiry
 *     1 young      it came into an older page (pool.h)
 *     5 form       negative, object, extra, ends, wide
 *    14 clears     how many purges of whole spaces, prefixes and patterns it has outlived, modulo
 *                  2^14; entries with an extra have a sequence number for all purges instead
 *     8 key size
 *    11 policy     the policy's (policy.h)    \ a quarter of the word
 *     5 space                                 /
 *    13 value size
 *     3 kind       ENTRY_KIND_WIDE: see entry_wide
 *
 * Key, value, sizes, form, kind and space never change once the index shows the entry. What changes
 * is atomic: the expiry, the sequence (a successful revalidation raises it), and of the word the
 * state and the clears (its lower half, by whoever has the shard's latch) and the policy's bits (a
 * quarter, by anybody). These are plain stores of their part: an exchange of the whole would keep
 * the processor from going on to the next look-up meanwhile.
 */
#ifndef LARDER_CACHE_ENTRY_H
#define LARDER_CACHE_ENTRY_H

#include "cache/cache.h"

#include "base/must.h"
#include "base/number.h"

#include <stdatomic.h>

struct tag;

#define ENTRY_RAW   ((uint64_t)1 << 0)
#define ENTRY_SHOWN ((uint64_t)1 << 1)
#define ENTRY_MOVED ((uint64_t)1 << 2)
#define ENTRY_SOFT  ((uint64_t)1 << 3)
#define ENTRY_YOUNG ((uint64_t)1 << 4)

#define ENTRY_HOLE ((uint64_t)1 << 5) /* only with ENTRY_RAW */

#define ENTRY_NEGATIVE ((uint64_t)1 << 5)
#define ENTRY_OBJECT   ((uint64_t)1 << 6)
#define ENTRY_EXTRA    ((uint64_t)1 << 7)
#define ENTRY_ENDS     ((uint64_t)1 << 8)
#define ENTRY_WIDE     ((uint64_t)1 << 9)

enum {
    ENTRY_CLEARS_SHIFT = 10,
    ENTRY_CLEARS_BITS = 14,
    ENTRY_KEY_SHIFT = 24,
    ENTRY_KEY_BITS = 8,
    ENTRY_KEY_WIDE = 1 << ENTRY_KEY_BITS, /* keys of so many bytes are wide */
    ENTRY_POLICY_SHIFT = 32,
    ENTRY_POLICY_BITS = 11,
    ENTRY_SPACE_SHIFT = 43,
    ENTRY_SPACE_BITS = 5,
    ENTRY_VALUE_SHIFT = 48,
    ENTRY_VALUE_BITS = 13,
    ENTRY_VALUE_WIDE = 1 << ENTRY_VALUE_BITS,
    ENTRY_KIND_SHIFT = 61,
    ENTRY_KIND_BITS = 3,
    ENTRY_KIND_WIDE = (1 << ENTRY_KIND_BITS) - 1,
    ENTRY_POLICY_QUARTER = ENTRY_POLICY_SHIFT / 16,
    ENTRY_GRAIN = 8, /* places are multiples of so many bytes */
};

_Static_assert(ENTRY_KIND_SHIFT + ENTRY_KIND_BITS == 64, "the word is full");
_Static_assert(ENTRY_POLICY_BITS + ENTRY_SPACE_BITS == 16, "what never changes and the policy");
_Static_assert(CACHE_SPACES <= 1 << ENTRY_SPACE_BITS, "every space has a number");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "quarters are in the order of bits");

struct cache_entry {
    union {
        _Atomic uint64_t word;
        _Atomic uint32_t halves[2];
        _Atomic uint16_t quarters[4];
    };
    uint64_t rest[];
};

struct entry_wide {
    uint32_t value_size;
    uint16_t key_size;
    uint8_t kind;
    uint8_t unused;
};

struct entry_extra {
    _Atomic uint64_t sequence;
    _Atomic int64_t stale_ms; /* how long after the expiry it may be served stale, */
    _Atomic int64_t error_ms; /*   and in place of an error */
    _Atomic int64_t retry_ms; /* no new load before, because the last one failed */
    uint64_t tag_count;
    struct tag *tags[];
};

struct entry_object {
    void *object;
    _Atomic size_t cost; /* what its account was charged */
};

/* From one time to a later one; from a time that comes to CACHE_NEVER: for ever. */
static inline int64_t time_between(int64_t from_ms, int64_t to_ms)
{
    int64_t between = 0;

    if (to_ms == from_ms)
        return 0;
    if (to_ms == CACHE_NEVER || __builtin_sub_overflow(to_ms, from_ms, &between))
        return CACHE_NEVER;
    return between;
}

/* ---- the word ---------------------------------------------------------------------------- */

static inline uint64_t entry_word(const struct cache_entry *entry)
{
    return atomic_load_explicit(&entry->word, memory_order_acquire);
}

static inline uint64_t word_field(uint64_t word, unsigned shift, unsigned bits)
{
    return word >> shift & (((uint64_t)1 << bits) - 1);
}

static inline uint64_t word_with(uint64_t word, unsigned shift, unsigned bits, uint64_t value)
{
    uint64_t mask = (((uint64_t)1 << bits) - 1) << shift;

    return (word & ~mask) | (value << shift & mask);
}

/* The whole word, while nobody else can find the entry. */
static inline void entry_set_word(struct cache_entry *entry, uint64_t word)
{
    atomic_store_explicit(&entry->word, word, memory_order_release);
}

/* The state and the clears of an entry that is shown, under its shard's latch. */
static inline void entry_set_half(struct cache_entry *entry, uint64_t word)
{
    atomic_store_explicit(&entry->halves[0], (uint32_t)word, memory_order_release);
}

static inline void entry_set(struct cache_entry *entry, uint64_t flags)
{
    entry_set_half(entry, entry_word(entry) | flags);
}

static inline void entry_clear(struct cache_entry *entry, uint64_t flags)
{
    entry_set_half(entry, entry_word(entry) & ~flags);
}

static inline unsigned word_policy(uint64_t word)
{
    return (unsigned)word_field(word, ENTRY_POLICY_SHIFT, ENTRY_POLICY_BITS);
}

/* Gives the policy's bits a new value; of two who do so at the same time one is lost, which is no
 * harm to a statistic. `word` is what was read before. */
static inline void entry_set_policy(struct cache_entry *entry, uint64_t word, unsigned bits)
{
    uint64_t wanted = word_with(word, ENTRY_POLICY_SHIFT, ENTRY_POLICY_BITS, bits);

    if (wanted != word)
        atomic_store_explicit(&entry->quarters[ENTRY_POLICY_QUARTER],
                              (uint16_t)(wanted >> ENTRY_POLICY_SHIFT), memory_order_relaxed);
}

static inline unsigned word_clears(uint64_t word)
{
    return (unsigned)word_field(word, ENTRY_CLEARS_SHIFT, ENTRY_CLEARS_BITS);
}

static inline unsigned word_space(uint64_t word)
{
    return (unsigned)word_field(word, ENTRY_SPACE_SHIFT, ENTRY_SPACE_BITS);
}

static inline unsigned entry_space(const struct cache_entry *entry)
{
    return word_space(entry_word(entry));
}

/* ---- a place that holds no entry --------------------------------------------------------- */

static inline uint64_t word_raw(size_t size)
{
    return ENTRY_RAW | (uint64_t)size << 32;
}

static inline uint64_t word_hole(size_t size)
{
    return word_raw(size) | ENTRY_HOLE;
}

static inline bool word_is_hole(uint64_t word)
{
    return (word & (ENTRY_RAW | ENTRY_HOLE)) == (ENTRY_RAW | ENTRY_HOLE);
}

/* ---- parts ------------------------------------------------------------------------------- */

static inline size_t word_wide_at(uint64_t word)
{
    return (word & ENTRY_ENDS) != 0;
}

static inline size_t word_extra_at(uint64_t word)
{
    return word_wide_at(word) + ((word & ENTRY_WIDE) != 0);
}

static inline const struct entry_wide *entry_wide(const struct cache_entry *entry, uint64_t word)
{
    return (const struct entry_wide *)(const void *)(entry->rest + word_wide_at(word));
}

static inline struct entry_extra *entry_extra(const struct cache_entry *entry)
{
    uint64_t word = entry_word(entry);

    if ((word & ENTRY_EXTRA) == 0)
        return NULL;
    return (struct entry_extra *)(uintptr_t)(entry->rest + word_extra_at(word));
}

static inline size_t entry_extra_size(const struct cache_entry *entry)
{
    const struct entry_extra *extra = entry_extra(entry);

    return extra == NULL ? 0 : sizeof *extra + extra->tag_count * sizeof extra->tags[0];
}

static inline struct entry_object *entry_object(const struct cache_entry *entry)
{
    uint64_t word = entry_word(entry);

    if ((word & ENTRY_OBJECT) == 0)
        return NULL;
    return (struct entry_object *)(uintptr_t)((const uint8_t *)(entry->rest + word_extra_at(word)) +
                                              entry_extra_size(entry));
}

static inline unsigned entry_kind(const struct cache_entry *entry)
{
    uint64_t word = entry_word(entry);

    if ((word & ENTRY_WIDE) != 0)
        return entry_wide(entry, word)->kind;
    return (unsigned)word_field(word, ENTRY_KIND_SHIFT, ENTRY_KIND_BITS);
}

static inline size_t entry_key_size(const struct cache_entry *entry, uint64_t word)
{
    if ((word & ENTRY_WIDE) != 0)
        return entry_wide(entry, word)->key_size;
    return word_field(word, ENTRY_KEY_SHIFT, ENTRY_KEY_BITS);
}

static inline size_t entry_value_size(const struct cache_entry *entry, uint64_t word)
{
    if ((word & ENTRY_WIDE) != 0)
        return entry_wide(entry, word)->value_size;
    return word_field(word, ENTRY_VALUE_SHIFT, ENTRY_VALUE_BITS);
}

static inline const uint8_t *entry_name_at(const struct cache_entry *entry, uint64_t word)
{
    const uint8_t *at = (const uint8_t *)(entry->rest + word_extra_at(word));

    if ((word & (ENTRY_EXTRA | ENTRY_OBJECT)) != 0) {
        at += entry_extra_size(entry);
        if ((word & ENTRY_OBJECT) != 0)
            at += sizeof(struct entry_object);
    }
    return at;
}

static inline struct bytes entry_name(const struct cache_entry *entry)
{
    uint64_t word = entry_word(entry);

    return (struct bytes){entry_name_at(entry, word), entry_key_size(entry, word)};
}

static inline struct bytes entry_value(const struct cache_entry *entry)
{
    uint64_t word = entry_word(entry);

    return (struct bytes){entry_name_at(entry, word) + entry_key_size(entry, word),
                          entry_value_size(entry, word)};
}

static inline uint64_t eight_bytes(const uint8_t *at)
{
    uint64_t word = 0;

    memcpy(&word, at, sizeof word);
    return word;
}

/* Keys are mostly two or three words: less than a call costs. */
static inline bool is_same(const uint8_t *a, const uint8_t *b, size_t size)
{
    if (size < sizeof(uint64_t) || size > 64)
        return size == 0 || memcmp(a, b, size) == 0;
    for (size_t at = 0; at < size - sizeof(uint64_t); at += sizeof(uint64_t)) {
        if (eight_bytes(a + at) != eight_bytes(b + at))
            return false;
    }
    return eight_bytes(a + size - sizeof(uint64_t)) == eight_bytes(b + size - sizeof(uint64_t));
}

/* Whether it is the key's, byte for byte. */
static inline bool entry_is(const struct cache_entry *entry, const struct cache_key *key)
{
    uint64_t word = entry_word(entry);

    if (word_space(word) != key->space)
        return false;
    if (__builtin_expect((word & (ENTRY_WIDE | ENTRY_EXTRA | ENTRY_OBJECT)) != 0, 0))
        return entry_key_size(entry, word) == key->name.size &&
               bytes_equal((struct bytes){entry_name_at(entry, word), key->name.size}, key->name);
    return word_field(word, ENTRY_KEY_SHIFT, ENTRY_KEY_BITS) == key->name.size &&
           is_same((const uint8_t *)(entry->rest + word_wide_at(word)), key->name.data,
                   key->name.size);
}

/* Bytes from the word to the end of the value. */
static inline size_t entry_size_by(const struct cache_entry *entry, uint64_t word)
{
    const uint8_t *name = (const uint8_t *)(entry->rest + word_wide_at(word));

    if ((word & (ENTRY_WIDE | ENTRY_EXTRA | ENTRY_OBJECT)) == 0)
        return (size_t)(name - (const uint8_t *)entry) +
               word_field(word, ENTRY_KEY_SHIFT, ENTRY_KEY_BITS) +
               word_field(word, ENTRY_VALUE_SHIFT, ENTRY_VALUE_BITS);
    name = entry_name_at(entry, word);
    return (size_t)(name - (const uint8_t *)entry) + entry_key_size(entry, word) +
           entry_value_size(entry, word);
}

static inline size_t entry_size(const struct cache_entry *entry)
{
    return entry_size_by(entry, entry_word(entry));
}

static inline size_t grains(size_t size)
{
    return (size + ENTRY_GRAIN - 1) & ~(size_t)(ENTRY_GRAIN - 1);
}

/* What the place takes, whatever is in it. `word` is the entry's. */
static inline size_t place_size_by(const struct cache_entry *entry, uint64_t word)
{
    if ((word & ENTRY_RAW) != 0)
        return word >> 32;
    return grains(entry_size_by(entry, word));
}

static inline size_t place_size(const struct cache_entry *entry)
{
    return place_size_by(entry, entry_word(entry));
}

/* ---- times ------------------------------------------------------------------------------- */

static inline _Atomic int64_t *entry_end(const struct cache_entry *entry)
{
    return (_Atomic int64_t *)(uintptr_t)entry->rest;
}

static inline int64_t entry_expires(const struct cache_entry *entry)
{
    if ((entry_word(entry) & ENTRY_ENDS) == 0)
        return CACHE_NEVER;
    return atomic_load_explicit(entry_end(entry), memory_order_relaxed);
}

static inline int64_t entry_stale_until(const struct cache_entry *entry, int64_t expires_ms)
{
    const struct entry_extra *extra = entry_extra(entry);

    if (extra == NULL)
        return expires_ms;
    return add_saturated(expires_ms, atomic_load_explicit(&extra->stale_ms, memory_order_relaxed));
}

static inline int64_t entry_error_until(const struct cache_entry *entry, int64_t expires_ms)
{
    const struct entry_extra *extra = entry_extra(entry);

    if (extra == NULL)
        return expires_ms;
    return add_saturated(expires_ms, atomic_load_explicit(&extra->error_ms, memory_order_relaxed));
}

/* When all its lives are over. */
static inline int64_t entry_ends(const struct cache_entry *entry)
{
    return entry_error_until(entry, entry_expires(entry));
}

#endif
