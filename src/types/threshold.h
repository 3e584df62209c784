/* threshold.h: up to which sizes values are packed, and where large ones go when they end.
 * SPDX-License-Identifier: MIT
 *
 * Freeing a set of a million members takes a tenth of a second, in which a worker would serve
 * nobody. So the nodes of a large value that ends are buried: kept in a list from which workers
 * free some thousands a turn.
 *
 * Memory: one block; it lives until its maker closed it and the last large value is gone.
 * Threads: any thread may change a threshold, bury and dig at any time. A value that was packed
 * before stays so until it changes.
 */
#ifndef LARDER_TYPES_THRESHOLD_H
#define LARDER_TYPES_THRESHOLD_H

#include "base/hash.h"
#include "ds/map.h"

#include <stdatomic.h>

struct grave;

/* Up to these sizes a value is packed. */
struct type_rules {
    _Atomic size_t hash_entries;
    _Atomic size_t hash_value; /* bytes */
    _Atomic size_t set_numbers;
    _Atomic size_t set_entries;
    _Atomic size_t set_value; /* bytes */
    _Atomic size_t zset_entries;
    _Atomic size_t zset_value; /* bytes */
    struct hash_secret secret;
    struct heap *heap; /* of all values */

    _Atomic size_t holders; /* its maker, and every value that has a table */
    _Atomic bool closed;    /* nobody digs any more */
    _Atomic(struct grave *) graves;
    _Atomic size_t buried_bytes; /* of all graves */
    _Atomic size_t buried_max;   /* what would make them more is freed at once */
};

static inline size_t type_rule(const _Atomic size_t *rule)
{
    return atomic_load_explicit(rule, memory_order_relaxed);
}

/* All thresholds 0, and no limit to what is buried. The values' memory is charged to `whole` (NULL:
 * to nothing); `lanes`: about how many threads work on values (heap.h). */
struct type_rules *type_rules_new(struct account *whole, unsigned lanes);

/* Its maker needs it no longer: frees what is buried. */
void type_rules_close(struct type_rules **owner);

void type_rules_hold(struct type_rules *rules);

/* Takes all nodes of the map, each a block of memory of its own, frees them now or later, and drops
 * the holder's reference. The map is empty. `bytes`: what the nodes cost. */
void type_rules_bury(struct type_rules *rules, struct map *map, size_t bytes);

static inline bool type_rules_have_graves(struct type_rules *rules)
{
    return atomic_load_explicit(&rules->graves, memory_order_relaxed) != NULL;
}

/* Frees up to about `budget` buried nodes. True: there are more. */
bool type_rules_dig(struct type_rules *rules, size_t budget);

#endif
