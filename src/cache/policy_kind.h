/* policy_kind.h: what every eviction policy is made of: queues of nodes, and a table of calls.
 * SPDX-License-Identifier: MIT
 *
 * Only policies.c and the policies themselves include it.
 */
#ifndef LARDER_CACHE_POLICY_KIND_H
#define LARDER_CACHE_POLICY_KIND_H

#include "cache/policy.h"

enum { POLICY_QUEUES = 4 };

/* A FIFO of nodes; `next` leads to the newer one, `prev` to the older one, 0 ends. */
struct policy_queue {
    uint32_t newest;
    uint32_t oldest;
    size_t count;
    size_t bytes;
};

struct policy {
    const struct policy_kind *kind;
    struct policy_places places;
    struct policy_queue queues[POLICY_QUEUES + 1]; /* by node.queue; 0 is never used */
};

/* A policy's own struct begins with a struct policy. Calls that are NULL do nothing. */
struct policy_kind {
    const char *name;
    size_t size; /* of its struct */
    bool wants_touch;
    void (*begin)(struct policy *policy, size_t entries_hint);
    void (*end)(struct policy *policy);
    void (*insert)(struct policy *policy, uint32_t ref, uint64_t hash, size_t size);
    void (*touch)(struct policy *policy, uint32_t ref);
    void (*leaving)(struct policy *policy, uint32_t ref); /* before a node is taken out */
    void (*moved)(struct policy *policy, uint32_t from, uint32_t to);
    uint32_t (*victim)(struct policy *policy, const struct policy_callbacks *callbacks);
    size_t (*cost)(const struct policy *policy);
};

#define POLICY(symbol, name, text) extern const struct policy_kind policy_##symbol;
#include "cache/policies.def"
#undef POLICY

static inline struct policy_node *policy_node(const struct policy *policy, uint32_t ref)
{
    return (struct policy_node *)(void *)(policy->places.base +
                                          ((size_t)ref << policy->places.shift) +
                                          policy->places.offset);
}

static inline unsigned policy_hits(const struct policy_node *node)
{
    return atomic_load_explicit(&node->hits, memory_order_relaxed);
}

static inline void policy_set_hits(struct policy_node *node, unsigned hits)
{
    atomic_store_explicit(&node->hits, (uint8_t)hits, memory_order_relaxed);
}

/* Makes the node the newest of the queue. */
void policy_push(struct policy *policy, unsigned queue, uint32_t ref, size_t size);

/* Takes the node out of its queue. */
void policy_pull(struct policy *policy, uint32_t ref, size_t size);

#endif
