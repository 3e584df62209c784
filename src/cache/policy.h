/* policy.h: which entry leaves when memory is short.
 * SPDX-License-Identifier: MIT
 *
 * A policy keeps its order in nodes that live inside the entries and names them by 32-bit
 * references (slab.h), so that the engine and the trace simulator (`larder bench cache`) run the
 * very same code: the one on entries, the other on an array of bare nodes.
 *
 * Each policy is one file, cache/policy_NAME.c, with its algorithm in plain lines on top.
 *
 * Threads: policy_hit may be called by any thread at any time: it touches only the node's hit
 * count. All other calls are made under the one lock that the policy's owner keeps.
 */
#ifndef LARDER_CACHE_POLICY_H
#define LARDER_CACHE_POLICY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy_node {
    uint32_t next;
    uint32_t prev;
    _Atomic uint8_t hits; /* saturating, 2 bits used */
    uint8_t queue;        /* the policy's own; 0: in no queue */
    uint8_t credit;       /* the policy's own */
};

struct policy;

/* Where nodes are: the node of `ref` is at base + (ref << shift) + offset. */
struct policy_places {
    uint8_t *base;
    unsigned shift;
    size_t offset;
};

/* By name; NULL: there is no such policy. `entries_hint` sizes ghosts (they grow as needed). */
struct policy *policy_new(const char *name, struct policy_places places, size_t entries_hint);
void policy_free(struct policy **owner);

/* All names, for messages and the manual; NULL-terminated. The first is the default. */
const char *const *policy_names(void);

/* Bytes that the policy takes beside the nodes: ghosts. At most about 24 for each entry. */
size_t policy_cost(const struct policy *policy);

/* A new entry of `size` bytes whose key has this hash. */
void policy_insert(struct policy *policy, uint32_t ref, uint64_t hash, size_t size);

/* It was asked for: cheap, lock-free. Policies that order by recency do so when they look for a
 * victim or in policy_touch. */
static inline void policy_hit(struct policy_node *node)
{
    uint8_t hits = atomic_load_explicit(&node->hits, memory_order_relaxed);

    if (hits < 3)
        atomic_store_explicit(&node->hits, (uint8_t)(hits + 1), memory_order_relaxed);
}

/* Whether the policy wants policy_touch, under the lock, on each hit (exact LRU). */
bool policy_wants_touch(const struct policy *policy);
void policy_touch(struct policy *policy, uint32_t ref);

/* It left for another reason than policy_victim (removed, replaced, expired). A node in no queue is
 * ignored. */
void policy_remove(struct policy *policy, uint32_t ref, size_t size);

/* `to` takes the place of `from` in the order: a copy (compaction), or a new value of the same key,
 * which keeps the rank that the key has earned. The node is copied; `from` is in no queue then. */
void policy_move(struct policy *policy, uint32_t from, size_t from_size, uint32_t to,
                 size_t to_size);

/* Entries that the policy keeps in order, and the sum of their sizes. */
size_t policy_count(const struct policy *policy);
size_t policy_bytes(const struct policy *policy);

/* Takes out the entry that shall leave; 0: there is none. `size_of` and `hash_of` tell what the
 * policy was told at the insert. A victim that cannot leave now is inserted again. */
struct policy_callbacks {
    size_t (*size_of)(void *context, uint32_t ref);
    uint64_t (*hash_of)(void *context, uint32_t ref);
    void *context;
};
uint32_t policy_victim(struct policy *policy, const struct policy_callbacks *callbacks);

#endif
