/* rules.h: purges by prefix and by pattern, until the sweep in the background has been through.
 * SPDX-License-Identifier: MIT
 *
 * Such a purge has no counter that entries could point at. So it stands as a rule that every
 * look-up obeys: what is older than the rule and fits it is gone (or stale). A sweep takes out what
 * fits; then the rule goes, as soon as no load that is older is in flight either.
 *
 * Threads: read by anybody inside an epoch; added and removed under all shards' latches or, for
 * removal, by the one thread that sweeps. A removed rule is retired, not freed.
 * Limits: RULES_MAX.
 */
#ifndef LARDER_CACHE_RULES_H
#define LARDER_CACHE_RULES_H

#include "base/bytes.h"

#include <stdatomic.h>

enum { RULES_MAX = 64 };

/* A purge of a whole space, of a prefix or of a pattern has two numbers: one of the sequence that
 * loads, tagged entries and all purges share, and one among its like, which every entry has room
 * for (entry.h). */
struct purge_number {
    _Atomic uint64_t sequence;
    _Atomic uint64_t clears;
};

/* When an entry was stored, in the order of purges. */
struct stamp {
    bool plain; /* the number is one of clears, else of the sequence */
    uint64_t number;
};

/* Whether the purge came later. */
static inline bool purge_is_after(const struct purge_number *purge, struct stamp stamp)
{
    const _Atomic uint64_t *number = stamp.plain ? &purge->clears : &purge->sequence;

    return atomic_load_explicit(number, memory_order_acquire) > stamp.number;
}

struct cache_test;

struct rule {
    struct rule *next_retired;
    uint64_t stamp;
    struct purge_number number;
    int64_t soft_ms; /* of a soft one: when */
    bool soft;
    bool glob;
    struct cache_test *test; /* owned; NULL: by name */
    uint8_t space;
    size_t size;
    uint8_t name[];
};

struct rules {
    _Atomic unsigned count;
    _Atomic(struct rule *) at[RULES_MAX]; /* holes are NULL */
};

void rule_free(struct rule **owner);

/* Takes the rule. False: there are too many; it stays the caller's. */
bool rules_add(struct rules *rules, struct rule *rule);

/* What all rules say about an entry that was stored then: true: gone. Otherwise the earliest soft
 * purge, if any, lowers `*soft_ms`. */
bool rules_remove(const struct rules *rules, unsigned space, struct bytes name, struct stamp stamp,
                  int64_t *soft_ms);

/* The highest number of a rule that fits and is above `sequence`; 0: none. */
uint64_t rules_against(const struct rules *rules, unsigned space, struct bytes name,
                       uint64_t sequence);

static inline bool rules_are_some(const struct rules *rules)
{
    return atomic_load_explicit(&rules->count, memory_order_acquire) != 0;
}

#endif
