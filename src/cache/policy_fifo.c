/* policy_fifo.c: first in, first out; and none at all.
 * SPDX-License-Identifier: MIT
 *
 *   insert    becomes the newest of the one queue
 *   hit       changes nothing
 *   victim    the oldest
 *
 * `noeviction` keeps the same queue, so that entries are counted, and names no victim: puts are
 * refused when memory is full.
 */
#include "cache/policy_kind.h"

enum { QUEUE = 1 };

static void insert(struct policy *policy, uint32_t ref, uint64_t hash, size_t size)
{
    (void)hash;
    policy_push(policy, QUEUE, ref, size);
}

static uint32_t victim(struct policy *policy, const struct policy_callbacks *callbacks)
{
    uint32_t ref = policy->queues[QUEUE].oldest;

    if (ref != 0)
        policy_pull(policy, ref, callbacks->size_of(callbacks->context, ref));
    return ref;
}

static uint32_t no_victim(struct policy *policy, const struct policy_callbacks *callbacks)
{
    (void)policy;
    (void)callbacks;
    return 0;
}

const struct policy_kind policy_fifo = {
    .name = "fifo",
    .size = sizeof(struct policy),
    .insert = insert,
    .victim = victim,
};

const struct policy_kind policy_noeviction = {
    .name = "noeviction",
    .size = sizeof(struct policy),
    .insert = insert,
    .victim = no_victim,
};
