/* policies.c: queues of nodes, and the policies by name: the calls of policy.h.
 * SPDX-License-Identifier: MIT
 */
#include "cache/policy.h"

#include "base/mem.h"
#include "base/must.h"
#include "cache/policy_kind.h"

#include <string.h>

static const struct policy_kind *const kinds[] = {
#define POLICY(symbol, name, text) &policy_##symbol,
#include "cache/policies.def"
#undef POLICY
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

const char *const *policy_names(void)
{
    static const char *const names[KINDS + 1] = {
#define POLICY(symbol, name, text) name,
#include "cache/policies.def"
#undef POLICY
    };

    return names;
}

struct policy *policy_new(const char *name, struct policy_places places, size_t entries_hint)
{
    for (unsigned i = 0; i < KINDS; i++) {
        struct policy *policy = NULL;

        if (strcmp(kinds[i]->name, name) != 0)
            continue;
        must(kinds[i]->size >= sizeof *policy);
        policy = mem_new(1, kinds[i]->size);
        policy->kind = kinds[i];
        policy->places = places;
        if (policy->kind->begin != NULL)
            policy->kind->begin(policy, entries_hint);
        return policy;
    }
    return NULL;
}

void policy_free(struct policy **owner)
{
    struct policy *policy = *owner;

    if (policy == NULL)
        return;
    if (policy->kind->end != NULL)
        policy->kind->end(policy);
    mem_free(owner);
}

/* ---- queues ------------------------------------------------------------------------------ */

void policy_push(struct policy *policy, unsigned queue, uint32_t ref, size_t size)
{
    struct policy_queue *q = &policy->queues[queue];
    struct policy_node *node = policy_node(policy, ref);

    must(queue > 0);
    must(queue <= POLICY_QUEUES);
    must(node->queue == 0);
    node->queue = (uint8_t)queue;
    node->next = 0;
    node->prev = q->newest;
    if (q->newest != 0)
        policy_node(policy, q->newest)->next = ref;
    else
        q->oldest = ref;
    q->newest = ref;
    q->count++;
    q->bytes += size;
}

void policy_pull(struct policy *policy, uint32_t ref, size_t size)
{
    struct policy_node *node = policy_node(policy, ref);
    struct policy_queue *q = &policy->queues[node->queue];

    must(node->queue > 0);
    must(node->queue <= POLICY_QUEUES);
    must(q->count > 0);
    must(q->bytes >= size);
    if (node->next != 0)
        policy_node(policy, node->next)->prev = node->prev;
    else
        q->newest = node->prev;
    if (node->prev != 0)
        policy_node(policy, node->prev)->next = node->next;
    else
        q->oldest = node->next;
    node->queue = 0;
    q->count--;
    q->bytes -= size;
}

/* ---- calls ------------------------------------------------------------------------------- */

void policy_insert(struct policy *policy, uint32_t ref, uint64_t hash, size_t size)
{
    struct policy_node *node = policy_node(policy, ref);

    must(ref != 0);
    node->queue = 0;
    node->credit = 0;
    policy_set_hits(node, 0);
    policy->kind->insert(policy, ref, hash, size);
}

bool policy_wants_touch(const struct policy *policy)
{
    return policy->kind->wants_touch;
}

void policy_touch(struct policy *policy, uint32_t ref)
{
    if (policy->kind->touch != NULL && policy_node(policy, ref)->queue != 0)
        policy->kind->touch(policy, ref);
}

void policy_remove(struct policy *policy, uint32_t ref, size_t size)
{
    if (policy_node(policy, ref)->queue == 0)
        return;
    if (policy->kind->leaving != NULL)
        policy->kind->leaving(policy, ref);
    policy_pull(policy, ref, size);
}

void policy_move(struct policy *policy, uint32_t from, size_t from_size, uint32_t to,
                 size_t to_size)
{
    struct policy_node *old = policy_node(policy, from);
    struct policy_node *node = policy_node(policy, to);
    struct policy_queue *q = &policy->queues[old->queue];

    node->next = old->next;
    node->prev = old->prev;
    node->queue = old->queue;
    node->credit = old->credit;
    policy_set_hits(node, policy_hits(old));
    if (old->queue == 0)
        return;
    old->queue = 0;
    must(q->bytes >= from_size);
    q->bytes += to_size - from_size;
    if (node->next != 0)
        policy_node(policy, node->next)->prev = to;
    else
        q->newest = to;
    if (node->prev != 0)
        policy_node(policy, node->prev)->next = to;
    else
        q->oldest = to;
    if (policy->kind->moved != NULL)
        policy->kind->moved(policy, from, to);
}

uint32_t policy_victim(struct policy *policy, const struct policy_callbacks *callbacks)
{
    return policy->kind->victim(policy, callbacks);
}

size_t policy_count(const struct policy *policy)
{
    size_t count = 0;

    for (unsigned i = 1; i <= POLICY_QUEUES; i++)
        count += policy->queues[i].count;
    return count;
}

size_t policy_bytes(const struct policy *policy)
{
    size_t bytes = 0;

    for (unsigned i = 1; i <= POLICY_QUEUES; i++)
        bytes += policy->queues[i].bytes;
    return bytes;
}

size_t policy_cost(const struct policy *policy)
{
    return policy->kind->size + (policy->kind->cost == NULL ? 0 : policy->kind->cost(policy));
}
