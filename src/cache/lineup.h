/* lineup.h: entries in the order of eviction, as lists of nodes: a container for a policy.
 * SPDX-License-Identifier: MIT
 *
 * Keeps what a policy (policy.h) decides about in doubly linked lists, one for each queue, and does
 * what the policy says. It is for simulations, whose entries have no bytes: the miniature caches
 * (whatif.h) and `larder bench cache`. The engine keeps its entries' order by pages (order.c).
 * Nodes live where the owner wants them and are named by 32-bit references.
 *
 * Threads: lineup_hit: any thread, any time. Everything else under the owner's lock.
 */
#ifndef LARDER_CACHE_LINEUP_H
#define LARDER_CACHE_LINEUP_H

#include "cache/policy.h"

struct lineup_node {
    uint32_t next; /* newer; 0 ends */
    uint32_t prev; /* older */
    _Atomic uint16_t bits;
    uint8_t queue; /* 0: in none */
};

/* Where nodes are: the node of `ref` is at base + (ref << shift) + offset. */
struct lineup_places {
    uint8_t *base;
    unsigned shift;
    size_t offset;
};

struct lineup_queue {
    uint32_t newest;
    uint32_t oldest;
    uint32_t hand; /* the next candidate of a policy that works by hand; 0: the oldest */
};

struct lineup {
    struct policy *policy;        /* on loan, */
    struct policy_marker *marker; /* as this is */
    struct lineup_places places;
    struct lineup_queue queues[POLICY_QUEUES + 1];
};

void lineup_init(struct lineup *lineup, struct policy *policy, struct policy_marker *marker,
                 struct lineup_places places);

static inline struct lineup_node *lineup_node(const struct lineup *lineup, uint32_t ref)
{
    return (struct lineup_node *)(void *)(lineup->places.base +
                                          ((size_t)ref << lineup->places.shift) +
                                          lineup->places.offset);
}

static inline void lineup_hit(struct lineup_node *node, const struct policy_marker *marker,
                              struct random *random)
{
    uint16_t before = atomic_load_explicit(&node->bits, memory_order_relaxed);
    uint16_t after = policy_hit(marker, before, random);

    if (after != before)
        atomic_store_explicit(&node->bits, after, memory_order_relaxed);
}

/* A new entry of `size` bytes whose key has this hash. Its node's content does not matter. */
void lineup_insert(struct lineup *lineup, uint32_t ref, uint64_t hash, size_t size);

/* It left for another reason than lineup_victim. A node in no queue is ignored. */
void lineup_remove(struct lineup *lineup, uint32_t ref, size_t size);

/* `to` takes the place of `from`: a copy, or a new value of the same key, which keeps the rank that
 * the key has earned. `from` is in no queue then. */
void lineup_move(struct lineup *lineup, uint32_t from, size_t from_size, uint32_t to,
                 size_t to_size);

/* What the container asks about an entry. `tell` fills in everything but queue and bits; `claim`
 * says whether it can leave now (NULL: always). */
struct lineup_callbacks {
    void (*tell)(void *context, uint32_t ref, struct policy_candidate *candidate);
    uint64_t (*hash_of)(void *context, uint32_t ref);
    bool (*claim)(void *context, uint32_t ref);
    void *context;
};

/* Takes out the entry that shall leave; 0: there is none now. */
uint32_t lineup_victim(struct lineup *lineup, const struct lineup_callbacks *callbacks);

#endif
