/* policy_random.c: any.
 * SPDX-License-Identifier: MIT
 *
 *   new       becomes the newest of the one queue
 *   hit       changes nothing
 *   leaves    a hand walks from old to new; one in sixteen of those that it comes by leaves, as
 *             chance has it, others keep their place
 *
 * So each entry has the same chance, however old it is and however often it was asked for.
 * `volatile-random` does the same among the entries that end one day.
 */
#include "cache/policy_kind.h"

enum { LEAVING_SHARE = 16 };

struct chance {
    struct policy policy;
    struct random random;
};

static void begin(struct policy *policy, const struct policy_settings *settings)
{
    random_init(&((struct chance *)policy)->random, settings->seed);
}

static unsigned review(struct policy *policy, struct policy_candidate *candidate)
{
    uint64_t drawn = random_below(&((struct chance *)policy)->random, LEAVING_SHARE);

    (void)candidate;
    return drawn == 0 || policy_eligible(policy) < LEAVING_SHARE ? POLICY_LEAVES : POLICY_STAYS;
}

const struct policy_kind policy_random = {
    .name = "random",
    .size = sizeof(struct chance),
    .by_hand = true,
    .begin = begin,
    .review = review,
};

const struct policy_kind policy_volatile_random = {
    .name = "volatile-random",
    .size = sizeof(struct chance),
    .by_hand = true,
    .volatile_only = true,
    .begin = begin,
    .review = review,
};
