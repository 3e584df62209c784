/* policy_ttl.c: what ends soonest.
 * SPDX-License-Identifier: MIT
 *
 *   new       becomes the newest of the one queue
 *   hit       changes nothing
 *   leaves    a hand walks from old to new past the entries that end one day; whoever's time that
 *             is left is among the shortest sixteenth of those that it saw lately leaves, others
 *             keep their place
 *
 * Times left are compared as a slide rule does, by eighths of a doubling: a minute and a minute and
 * five seconds are alike, as are a day and a day and two hours.
 */
#include "cache/policy_kind.h"
#include "cache/rank.h"

enum { FRACTION_BITS = 3 };

struct ttl {
    struct policy policy;
    struct ranks ranks;
};

/* 0 for ever ... RANKS - 1 it is over. */
static unsigned rank_of(int64_t left_ms)
{
    unsigned doublings = 0;
    unsigned eighths = 0;

    if (left_ms < 1 << FRACTION_BITS)
        return RANKS - 1 - (left_ms > 0 ? (unsigned)left_ms : 0);
    doublings = 63 - (unsigned)__builtin_clzll((uint64_t)left_ms);
    eighths = (unsigned)(left_ms >> (doublings - FRACTION_BITS)) & ((1 << FRACTION_BITS) - 1);
    return RANKS - 1 - (doublings << FRACTION_BITS | eighths);
}

static unsigned review(struct policy *policy, struct policy_candidate *candidate)
{
    struct ttl *ttl = (struct ttl *)policy;
    int64_t now_ms = atomic_load_explicit(&policy->marker->now_ms, memory_order_relaxed);
    unsigned rank = rank_of(candidate->ends_ms - now_ms);

    if (ranks_last(&ttl->ranks, rank, policy_eligible(policy)) || policy_spared_enough(policy))
        return POLICY_LEAVES;
    return POLICY_STAYS;
}

const struct policy_kind policy_volatile_ttl = {
    .name = "volatile-ttl",
    .size = sizeof(struct ttl),
    .by_hand = true,
    .volatile_only = true,
    .review = review,
};
