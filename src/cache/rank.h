/* rank.h: tells which of those that come by are among the last sixteenth.
 * SPDX-License-Identifier: MIT
 *
 * Policies that order entries by recency, frequency or the time of their end keep no list in that
 * order: it would cost a lock and two links at each hit. A hand visits the entries in turn, each
 * has a rank, and the ranks seen in the last rounds tell from which one about one in sixteen is. So
 * whoever leaves is at most a sixteenth of all entries away from the very last in that order.
 *
 * Memory: 2 KiB. Threads: none; the policy's lock covers it.
 */
#ifndef LARDER_CACHE_RANK_H
#define LARDER_CACHE_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RANKS = 512 };

struct ranks {
    uint32_t seen[RANKS]; /* fading */
    uint32_t total;
    uint32_t above; /* of them `threshold` and higher */
    unsigned threshold;
};

/* Whether the one with this rank (what is higher counts as the highest) is among the last of
 * `count`. */
bool ranks_last(struct ranks *ranks, unsigned rank, size_t count);

#endif
