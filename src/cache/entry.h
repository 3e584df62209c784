/* entry.h: how a stored thing lies in memory.
 * SPDX-License-Identifier: MIT
 *
 *   one place of the slab:
 *   +--------------------------------------------------+
 *   | 48 bytes: policy node, state, expiry, sequence,  |
 *   |           wheel links, sizes, kind, space        |
 *   +--------------------------------------------------+
 *   | struct entry_extra and its tags   (ENTRY_EXTRA)  |  only with tags or stale times
 *   +--------------------------------------------------+
 *   | struct entry_object               (ENTRY_OBJECT) |  only for objects
 *   +--------------------------------------------------+
 *   | key | value                                      |
 *   +--------------------------------------------------+
 *
 * Key, value and sizes never change once the index shows the entry. What changes is atomic: the
 * expiry, the sequence (a successful revalidation raises it), the state. Links are under the locks
 * of the policy and of the wheel.
 */
#ifndef LARDER_CACHE_ENTRY_H
#define LARDER_CACHE_ENTRY_H

#include "cache/cache.h"
#include "cache/lineup.h"

#include "base/number.h"

struct tag;

enum {
    ENTRY_SPACE = 0x1f, /* of `space_flags`: the space; */
    ENTRY_NEGATIVE = 0x20,
    ENTRY_OBJECT = 0x40,
    ENTRY_EXTRA = 0x80,
};

/* Of `state`: who holds it, and where in its life it is. */
#define ENTRY_HOLDS ((uint32_t)0x00ffffff)
#define ENTRY_SHOWN ((uint32_t)1 << 24) /* the index shows it */
#define ENTRY_DEAD  ((uint32_t)1 << 25) /* unlinked, and no thread can find it any more */
#define ENTRY_MOVED ((uint32_t)1 << 26) /* its object belongs to a copy now */
#define ENTRY_SOFT  ((uint32_t)1 << 27) /* a soft purge set its expiry */
#define ENTRY_HEAP  ((uint32_t)1 << 28) /* lies on the heap: delivered, never stored */

struct cache_entry {
    struct lineup_node node;
    _Atomic uint32_t state; /* within the first 16 bytes, which a fresh place has zeroed */
    _Atomic int64_t expires_ms;
    _Atomic uint64_t sequence;
    uint32_t wheel_next; /* also links what is retired */
    uint32_t wheel_prev;
    uint32_t value_size;
    uint16_t key_size;
    uint8_t kind;
    uint8_t space_flags;
    uint8_t rest[];
};

_Static_assert(sizeof(struct cache_entry) == 48, "every byte here is paid for by every item");

struct entry_extra {
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

static inline unsigned entry_space(const struct cache_entry *entry)
{
    return entry->space_flags & ENTRY_SPACE;
}

static inline struct entry_extra *entry_extra(const struct cache_entry *entry)
{
    if ((entry->space_flags & ENTRY_EXTRA) == 0)
        return NULL;
    return (struct entry_extra *)(uintptr_t)entry->rest;
}

static inline size_t entry_extra_size(const struct cache_entry *entry)
{
    const struct entry_extra *extra = entry_extra(entry);

    return extra == NULL ? 0 : sizeof *extra + extra->tag_count * sizeof extra->tags[0];
}

static inline struct entry_object *entry_object(const struct cache_entry *entry)
{
    if ((entry->space_flags & ENTRY_OBJECT) == 0)
        return NULL;
    return (struct entry_object *)(uintptr_t)(entry->rest + entry_extra_size(entry));
}

static inline struct bytes entry_name(const struct cache_entry *entry)
{
    size_t at = 0;

    if (entry->space_flags & (ENTRY_EXTRA | ENTRY_OBJECT)) {
        at = entry_extra_size(entry);
        if (entry->space_flags & ENTRY_OBJECT)
            at += sizeof(struct entry_object);
    }
    return (struct bytes){entry->rest + at, entry->key_size};
}

static inline struct bytes entry_value(const struct cache_entry *entry)
{
    struct bytes name = entry_name(entry);

    return (struct bytes){name.data + name.size, entry->value_size};
}

/* Whether it is the key's, byte for byte. */
static inline bool entry_is(const struct cache_entry *entry, const struct cache_key *key)
{
    return entry->key_size == key->name.size && entry_space(entry) == key->space &&
           (key->name.size == 0 ||
            memcmp(entry_name(entry).data, key->name.data, key->name.size) == 0);
}

/* The whole place's size in bytes. */
static inline size_t entry_size(const struct cache_entry *entry)
{
    struct bytes value = entry_value(entry);

    return (size_t)(value.data + value.size - (const uint8_t *)entry);
}

static inline int64_t entry_expires(const struct cache_entry *entry)
{
    return atomic_load_explicit(&entry->expires_ms, memory_order_relaxed);
}

static inline uint64_t entry_sequence(const struct cache_entry *entry)
{
    return atomic_load_explicit(&entry->sequence, memory_order_acquire);
}

static inline uint32_t entry_state(const struct cache_entry *entry)
{
    return atomic_load_explicit(&entry->state, memory_order_acquire);
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
