/* policy_lru.c: least recently used, by stamps.
 * SPDX-License-Identifier: MIT
 *
 *   new       becomes the newest of the one queue, and is stamped with the clock
 *   hit       stamps it again: no lock, no list. The clock ticks 512 times while as much enters as
 *             there is
 *   leaves    a hand walks from old to new; whoever's stamp is among the oldest sixteenth of those
 *             that it saw lately leaves, others keep their place
 *
 * What leaves was asked for at most a sixteenth of a cache's turnover later than the very last: the
 * misses are those of exact LRU within a per cent. `volatile-lru` does the same among the entries
 * that end one day.
 */
#include "cache/policy_kind.h"
#include "cache/rank.h"

struct lru {
    struct policy policy;
    struct ranks ranks;
};

static unsigned review(struct policy *policy, struct policy_candidate *candidate)
{
    struct lru *lru = (struct lru *)policy;
    unsigned age = (unsigned)(policy->clock - candidate->bits) & POLICY_MASK;

    if (ranks_last(&lru->ranks, age, policy_eligible(policy)) || policy_spared_enough(policy))
        return POLICY_LEAVES;
    return POLICY_STAYS;
}

const struct policy_kind policy_lru = {
    .name = "lru",
    .size = sizeof(struct lru),
    .marks = POLICY_STAMPS,
    .by_hand = true,
    .review = review,
};

const struct policy_kind policy_volatile_lru = {
    .name = "volatile-lru",
    .size = sizeof(struct lru),
    .marks = POLICY_STAMPS,
    .by_hand = true,
    .volatile_only = true,
    .review = review,
};
