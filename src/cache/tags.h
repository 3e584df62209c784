/* tags.h: the numbers that make a purge by tag one store, whatever the tag holds.
 * SPDX-License-Identifier: MIT
 *
 * A tag is a record with the sequence numbers of its last hard and soft purge. Every entry points
 * at the records of its tags; it is valid while its own number is higher than theirs. Nobody
 * keeps a list of a tag's entries, so there is none that could go wrong.
 *
 * A record lives as long as an entry points at it. A load that is in flight may bring an entry of a
 * tag that has no record yet, or no longer: as long as a load older than the purge is in flight,
 * the record of a purged tag lingers. When too many linger, the oldest is dropped and its number
 * kept in `forgotten`, which counts for every tag that has no record: such a load is not stored
 * though it might have been, never the other way round.
 *
 * Threads: any; records are found under the latch of their stripe; numbers are read by anybody who
 * sees an entry that points at the record.
 * Memory: one block a record (base/mem.h), charged to the account. Limits: TAGS_LINGERING_MAX.
 */
#ifndef LARDER_CACHE_TAGS_H
#define LARDER_CACHE_TAGS_H

#include "cache/latch.h"
#include "cache/softening.h"

#include "base/account.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/list.h"

enum { TAG_STRIPES = 64, TAGS_LINGERING_MAX = 4096 };

struct tag {
    struct tag *next;
    struct list_node lingers; /* alone unless the record has no entries and waits */
    uint64_t hash;
    _Atomic uint64_t hard; /* number of the last purge: entries with lower numbers are gone */
    struct softening soft; /* ... soft purges */
    uint32_t refs;         /* under the stripe's latch */
    uint32_t size;
    uint8_t name[];
};

struct tag_stripe {
    struct latch latch;
    struct tag **heads;
    size_t mask;
    size_t count;
    struct list_node lingering; /* oldest first */
};

struct tags {
    struct account *account;
    struct hash_secret secret;
    uint64_t (*oldest_load)(void *context);
    void *context;
    _Atomic uint64_t forgotten;
    _Atomic size_t count;
    _Atomic size_t lingering_count;
    _Atomic unsigned next_tidied;
    struct tag_stripe stripes[TAG_STRIPES];
};

/* `oldest_load` tells the number of the oldest load in flight, UINT64_MAX: there is none. It is
 * asked under a stripe's latch. */
typedef uint64_t tags_oldest_fn(void *context);

void tags_init(struct tags *tags, struct hash_secret secret, struct account *account,
               tags_oldest_fn *oldest_load, void *context);

/* No entry points at a record any more. */
void tags_fini(struct tags *tags);

/* The record of a tag, made if need be, with one more reference. NULL: no memory. */
struct tag *tags_take(struct tags *tags, struct bytes name);

/* One more reference of a record that somebody else has one of. */
void tags_share(struct tags *tags, struct tag *tag);

/* One reference less. */
void tags_give(struct tags *tags, struct tag *tag);

/* Purges the tag with the number `sequence`, which was drawn before and is the highest so far. */
void tags_purge(struct tags *tags, struct bytes name, uint64_t sequence);

/* The same, soft, at `now_ms`; every purge up to `swept` was written down. */
void tags_purge_softly(struct tags *tags, struct bytes name, uint64_t sequence, int64_t now_ms,
                       uint64_t swept);

/* The record with one more reference, or NULL when there is none. */
struct tag *tags_find(struct tags *tags, struct bytes name);

/* Drops lingering records that no load in flight needs any more; a bounded amount. True: there are
 * more that could go. */
bool tags_tidy(struct tags *tags);

static inline struct bytes tag_name(const struct tag *tag)
{
    return (struct bytes){tag->name, tag->size};
}

static inline uint64_t tag_hard(const struct tag *tag)
{
    return atomic_load_explicit(&tag->hard, memory_order_acquire);
}

static inline uint64_t tag_soft(const struct tag *tag)
{
    return softening_last(&tag->soft);
}

#endif
