/* policy_lru.c: least recently used, exactly.
 * SPDX-License-Identifier: MIT
 *
 *   insert    becomes the newest of the one queue
 *   hit       becomes the newest again: that needs the lock on each hit (wants_touch), which is
 *             what the other policies avoid
 *   victim    the oldest
 */
#include "cache/policy_kind.h"

enum { QUEUE = 1 };

static void insert(struct policy *policy, uint32_t ref, uint64_t hash, size_t size)
{
    (void)hash;
    policy_push(policy, QUEUE, ref, size);
}

static void touch(struct policy *policy, uint32_t ref)
{
    policy_pull(policy, ref, 0);
    policy_push(policy, QUEUE, ref, 0);
}

static uint32_t victim(struct policy *policy, const struct policy_callbacks *callbacks)
{
    uint32_t ref = policy->queues[QUEUE].oldest;

    if (ref != 0)
        policy_pull(policy, ref, callbacks->size_of(callbacks->context, ref));
    return ref;
}

const struct policy_kind policy_lru = {
    .name = "lru",
    .size = sizeof(struct policy),
    .wants_touch = true,
    .insert = insert,
    .touch = touch,
    .victim = victim,
};
