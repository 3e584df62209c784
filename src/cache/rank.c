/* rank.c: a histogram that fades, and the place in it above which a sixteenth lies.
 * SPDX-License-Identifier: MIT
 */
#include "cache/rank.h"

enum {
    LAST_SHARE = 16,
    ROUNDS = 2, /* then all counts are halved: what was seen fades */
    SEEN_MIN = 256,
};

static void fade(struct ranks *ranks)
{
    ranks->total = ranks->above = 0;
    for (unsigned rank = 0; rank < RANKS; rank++) {
        ranks->seen[rank] /= 2;
        ranks->total += ranks->seen[rank];
        if (rank >= ranks->threshold)
            ranks->above += ranks->seen[rank];
    }
}

static void settle(struct ranks *ranks)
{
    uint32_t wanted = ranks->total / LAST_SHARE;

    while (ranks->threshold < RANKS - 1 && ranks->above > wanted &&
           ranks->above - ranks->seen[ranks->threshold] >= wanted)
        ranks->above -= ranks->seen[ranks->threshold++];
    while (ranks->threshold > 0 && ranks->above < wanted)
        ranks->above += ranks->seen[--ranks->threshold];
}

/* Before the hand has been round once it may have seen a part in which all are alike: until then
 * only the highest rank counts. */
static void begin(struct ranks *ranks, size_t count)
{
    ranks->threshold = RANKS - 1;
    ranks->above = ranks->total = (uint32_t)(count / LAST_SHARE) + 1;
    ranks->seen[RANKS - 1] = ranks->total;
}

bool ranks_last(struct ranks *ranks, unsigned rank, size_t count)
{
    size_t max = ROUNDS * count > SEEN_MIN ? ROUNDS * count : SEEN_MIN;

    if (ranks->total == 0)
        begin(ranks, count);
    if (rank >= RANKS)
        rank = RANKS - 1;
    ranks->seen[rank]++;
    ranks->total++;
    if (rank >= ranks->threshold)
        ranks->above++;
    if (ranks->total >= max)
        fade(ranks);
    settle(ranks);
    return rank >= ranks->threshold;
}
