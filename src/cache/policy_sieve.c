/* policy_sieve.c: SIEVE (Zhang et al., NSDI 2024).
 * SPDX-License-Identifier: MIT
 *
 *   insert    becomes the newest of the one queue
 *   hit       marks the entry
 *   victim    a hand walks from old to new: it clears the mark of a marked entry, which keeps its
 *             place, and takes the first unmarked one; behind the newest it begins again at the
 *             oldest. The hand stays where it was.
 *
 * So new entries that nobody asks for leave soon, and old ones that are asked for stay where they
 * are. A scan longer than the cache can still drive the hand through everything.
 */
#include "cache/policy_kind.h"

enum { QUEUE = 1 };

struct sieve {
    struct policy policy;
    uint32_t hand; /* the next to be looked at; 0: the oldest */
};

static void insert(struct policy *policy, uint32_t ref, uint64_t hash, size_t size)
{
    (void)hash;
    policy_push(policy, QUEUE, ref, size);
}

static void leaving(struct policy *policy, uint32_t ref)
{
    struct sieve *sieve = (struct sieve *)policy;

    if (sieve->hand == ref)
        sieve->hand = policy_node(policy, ref)->next;
}

static void moved(struct policy *policy, uint32_t from, uint32_t to)
{
    struct sieve *sieve = (struct sieve *)policy;

    if (sieve->hand == from)
        sieve->hand = to;
}

static uint32_t victim(struct policy *policy, const struct policy_callbacks *callbacks)
{
    struct sieve *sieve = (struct sieve *)policy;
    uint32_t ref = sieve->hand;

    if (policy->queues[QUEUE].count == 0)
        return 0;
    /* Twice round is enough unless others go on marking meanwhile; then any entry is as good. */
    for (size_t left = 2 * policy->queues[QUEUE].count; left > 0; left--) {
        struct policy_node *node = NULL;

        if (ref == 0)
            ref = policy->queues[QUEUE].oldest;
        node = policy_node(policy, ref);
        if (policy_hits(node) == 0)
            break;
        policy_set_hits(node, 0);
        ref = node->next;
    }
    if (ref == 0)
        ref = policy->queues[QUEUE].oldest;
    sieve->hand = policy_node(policy, ref)->next;
    policy_pull(policy, ref, callbacks->size_of(callbacks->context, ref));
    return ref;
}

const struct policy_kind policy_sieve = {
    .name = "sieve",
    .size = sizeof(struct sieve),
    .insert = insert,
    .leaving = leaving,
    .moved = moved,
    .victim = victim,
};
