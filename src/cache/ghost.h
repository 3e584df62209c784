/* ghost.h: remembers keys that left lately, in four bytes each.
 * SPDX-License-Identifier: MIT
 *
 * A policy learns from keys that come back soon after it let them go. The table has buckets that
 * fill a cache line: of each key 16 bits of its hash, which of two queues it left (`origin`), and
 * roughly how many keys left that queue before it. A full bucket forgets its oldest. One look-up in
 * some thousands takes a key for another; that costs a wrong guess and nothing else.
 *
 * Memory: 5 to 11 bytes for each key that shall be remembered, and for a while the former table
 *   beside the new one when that number changed.
 * Threads: none; the policy's lock covers it.
 */
#ifndef LARDER_CACHE_GHOST_H
#define LARDER_CACHE_GHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ghost_table {
    uint32_t *slots;
    uint32_t bucket_count;
    unsigned tick_shift; /* keys that leave in one tick */
};

struct ghost {
    struct ghost_table table;
    struct ghost_table former; /* still asked, until `former_until` keys have left */
    uint64_t former_until;
    uint64_t left[2]; /* keys that left, by origin */
};

void ghost_init(struct ghost *ghost);
void ghost_fini(struct ghost *ghost);

/* Makes it fit for about so many keys. Cheap when it does already. */
void ghost_reserve(struct ghost *ghost, size_t keys);

void ghost_add(struct ghost *ghost, uint64_t hash, unsigned origin);

/* Whether the key is known, which is then forgotten; and how many have left its queue since. */
bool ghost_take(struct ghost *ghost, uint64_t hash, unsigned *ret_origin, uint64_t *ret_age);

size_t ghost_cost(const struct ghost *ghost);

#endif
