/* policy_fifo.c: first in, first out; and none at all.
 * SPDX-License-Identifier: MIT
 *
 *   new       becomes the newest of the one queue
 *   hit       changes nothing
 *   leaves    the oldest
 *
 * `noeviction` keeps the same queue and names nobody: writes are refused when memory is full.
 */
#include "cache/policy_kind.h"

static unsigned review(struct policy *policy, struct policy_candidate *candidate)
{
    (void)policy;
    (void)candidate;
    return POLICY_LEAVES;
}

static unsigned nobody(struct policy *policy)
{
    (void)policy;
    return 0;
}

const struct policy_kind policy_fifo = {
    .name = "fifo",
    .size = sizeof(struct policy),
    .review = review,
};

const struct policy_kind policy_noeviction = {
    .name = "noeviction",
    .size = sizeof(struct policy),
    .source = nobody,
    .review = review,
};
