/* policy_lfu.c: least frequently used, as Redis counts.
 * SPDX-License-Identifier: MIT
 *
 *   new       becomes the newest of the one queue, with a count of 5
 *   hit       adds one to the count with a chance of 1 in 10 × (count - 5) + 1, so that 8 bits
 *             count to a million
 *   fading    the count loses one whenever as much has entered as there is
 *   leaves    a hand walks from old to new; whoever's count is among the lowest sixteenth of those
 *             that it saw lately leaves, others keep their place
 *
 * `volatile-lfu` does the same among the entries that end one day.
 *
 *   the bits:   10 .... 8   7 .... 0
 *              |  epoch   |  count  |      an epoch ends when as much has entered as there is
 */
#include "cache/policy_kind.h"
#include "cache/rank.h"

enum {
    COUNT_FIRST = 5,
    COUNT_MAX = 255,
    COUNT_FACTOR = 10,
    EPOCH_SHIFT = 9, /* POLICY_TICKS */
    EPOCH_MASK = 7,
};

struct lfu {
    struct policy policy;
    struct ranks ranks;
};

static unsigned count_now(uint16_t bits, unsigned epoch)
{
    unsigned count = bits & COUNT_MAX;
    unsigned passed = (epoch - (bits >> 8)) & EPOCH_MASK;

    return count > passed ? count - passed : 0;
}

static uint16_t bits_of(unsigned count, unsigned epoch)
{
    return (uint16_t)((epoch & EPOCH_MASK) << 8 | count);
}

uint16_t policy_log_fresh(uint32_t clock)
{
    return bits_of(COUNT_FIRST, clock >> EPOCH_SHIFT);
}

unsigned policy_log_count(uint16_t bits, uint32_t clock)
{
    return count_now(bits, clock >> EPOCH_SHIFT);
}

uint16_t policy_log_hit(uint16_t bits, uint32_t clock, struct random *random)
{
    unsigned epoch = clock >> EPOCH_SHIFT;
    unsigned count = count_now(bits, epoch);
    unsigned above = count > COUNT_FIRST ? count - COUNT_FIRST : 0;

    if (count < COUNT_MAX && random_next(random) <= UINT64_MAX / (above * COUNT_FACTOR + 1))
        count++;
    return bits_of(count, epoch);
}

static unsigned review(struct policy *policy, struct policy_candidate *candidate)
{
    struct lfu *lfu = (struct lfu *)policy;
    unsigned epoch = (unsigned)(policy->clock >> EPOCH_SHIFT);
    unsigned count = count_now(candidate->bits, epoch);

    candidate->bits = bits_of(count, epoch);
    if (ranks_last(&lfu->ranks, COUNT_MAX - count, policy_eligible(policy)) ||
        policy_spared_enough(policy))
        return POLICY_LEAVES;
    return POLICY_STAYS;
}

const struct policy_kind policy_lfu = {
    .name = "lfu",
    .size = sizeof(struct lfu),
    .marks = POLICY_LOGS,
    .by_hand = true,
    .review = review,
};

const struct policy_kind policy_volatile_lfu = {
    .name = "volatile-lfu",
    .size = sizeof(struct lfu),
    .marks = POLICY_LOGS,
    .by_hand = true,
    .volatile_only = true,
    .review = review,
};
