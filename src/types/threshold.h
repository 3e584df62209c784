/* threshold.h: up to which sizes values are packed.
 * SPDX-License-Identifier: MIT
 *
 * Threads: any thread may change them at any time; a value that was packed before stays so until it
 * changes.
 */
#ifndef LARDER_TYPES_THRESHOLD_H
#define LARDER_TYPES_THRESHOLD_H

#include "base/hash.h"

#include <stdatomic.h>

/* Up to these sizes a value is packed. */
struct type_rules {
    _Atomic size_t hash_entries;
    _Atomic size_t hash_value; /* bytes */
    _Atomic size_t set_numbers;
    _Atomic size_t zset_entries;
    _Atomic size_t zset_value; /* bytes */
    struct hash_secret secret;
};

static inline size_t type_rule(const _Atomic size_t *rule)
{
    return atomic_load_explicit(rule, memory_order_relaxed);
}

#endif
