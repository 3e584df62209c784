/* policy_sieve.c: SIEVE (Zhang et al., NSDI 2024).
 * SPDX-License-Identifier: MIT
 *
 *   new       becomes the newest of the one queue
 *   hit       marks the entry
 *   leaves    a hand walks from old to new: it clears the mark of a marked entry, which keeps its
 *             place, and the first unmarked one leaves; behind the newest it begins again at the
 *             oldest. The hand stays where it was
 *
 * So new entries that nobody asks for leave soon, and old ones that are asked for stay where they
 * are. A scan longer than the cache can still drive the hand through everything.
 */
#include "cache/policy_kind.h"

/* Then others go on marking meanwhile, or waiting longer costs more than a wrong choice. */
enum { SPARED_MAX = 16384 };

static unsigned review(struct policy *policy, struct policy_candidate *candidate)
{
    if (policy_hits(candidate->bits) == 0 || policy->spared >= SPARED_MAX)
        return POLICY_LEAVES;
    candidate->bits = 0;
    return POLICY_STAYS;
}

const struct policy_kind policy_sieve = {
    .name = "sieve",
    .size = sizeof(struct policy),
    .marks = POLICY_COUNTS,
    .by_hand = true,
    .review = review,
};
