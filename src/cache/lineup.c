/* lineup.c: lists of nodes, and the asking of a policy. SPDX-License-Identifier: MIT */
#include "cache/lineup.h"

#include "base/must.h"

enum { CLAIMS_MAX = 16 /* that fail, before giving up for now */ };

void lineup_init(struct lineup *lineup, struct policy *policy, struct policy_marker *marker,
                 struct lineup_places places)
{
    *lineup = (struct lineup){.policy = policy, .marker = marker, .places = places};
    policy_attach(policy, marker);
}

/* ---- lists ------------------------------------------------------------------------------- */

static void push(struct lineup *lineup, unsigned queue, uint32_t ref, size_t size)
{
    struct lineup_queue *q = &lineup->queues[queue];
    struct lineup_node *node = lineup_node(lineup, ref);

    must(queue > 0);
    must(queue <= POLICY_QUEUES);
    must(node->queue == 0);
    node->queue = (uint8_t)queue;
    node->next = 0;
    node->prev = q->newest;
    if (q->newest != 0)
        lineup_node(lineup, q->newest)->next = ref;
    else
        q->oldest = ref;
    q->newest = ref;
    policy_count_in(lineup->policy, queue, size);
}

static void pull(struct lineup *lineup, uint32_t ref, size_t size)
{
    struct lineup_node *node = lineup_node(lineup, ref);
    struct lineup_queue *q = &lineup->queues[node->queue];

    must(node->queue > 0);
    must(node->queue <= POLICY_QUEUES);
    if (node->next != 0)
        lineup_node(lineup, node->next)->prev = node->prev;
    else
        q->newest = node->prev;
    if (node->prev != 0)
        lineup_node(lineup, node->prev)->next = node->next;
    else
        q->oldest = node->next;
    if (q->hand == ref)
        q->hand = node->next;
    policy_count_out(lineup->policy, node->queue, size);
    node->queue = 0;
}

void lineup_insert(struct lineup *lineup, uint32_t ref, uint64_t hash, size_t size)
{
    struct lineup_node *node = lineup_node(lineup, ref);

    must(ref != 0);
    node->queue = 0;
    push(lineup, policy_enter(lineup->policy, hash, size), ref, size);
    atomic_store_explicit(&node->bits, policy_fresh(lineup->marker), memory_order_relaxed);
}

void lineup_remove(struct lineup *lineup, uint32_t ref, size_t size)
{
    if (lineup_node(lineup, ref)->queue != 0)
        pull(lineup, ref, size);
}

void lineup_move(struct lineup *lineup, uint32_t from, size_t from_size, uint32_t to,
                 size_t to_size)
{
    struct lineup_node *old = lineup_node(lineup, from);
    struct lineup_node *node = lineup_node(lineup, to);
    struct lineup_queue *q = &lineup->queues[old->queue];

    node->next = old->next;
    node->prev = old->prev;
    node->queue = old->queue;
    atomic_store_explicit(&node->bits, atomic_load(&old->bits), memory_order_relaxed);
    if (old->queue == 0)
        return;
    old->queue = 0;
    policy_count_out(lineup->policy, node->queue, from_size);
    policy_count_in(lineup->policy, node->queue, to_size);
    if (node->next != 0)
        lineup_node(lineup, node->next)->prev = to;
    else
        q->newest = to;
    if (node->prev != 0)
        lineup_node(lineup, node->prev)->next = to;
    else
        q->oldest = to;
    if (q->hand == from)
        q->hand = to;
}

/* ---- asking ------------------------------------------------------------------------------ */

static size_t size_of(const struct lineup_callbacks *callbacks, uint32_t ref)
{
    struct policy_candidate candidate = {0};

    callbacks->tell(callbacks->context, ref, &candidate);
    return candidate.size;
}

static void shift(struct lineup *lineup, const struct lineup_callbacks *callbacks)
{
    struct policy_shift order = {0};

    for (int i = 0; i < POLICY_SHIFTS_MAX && policy_shift(lineup->policy, &order); i++) {
        uint32_t ref = lineup->queues[order.from].oldest;
        size_t size = size_of(callbacks, ref);

        pull(lineup, ref, size);
        push(lineup, order.to, ref, size);
        if (order.forget)
            atomic_store_explicit(&lineup_node(lineup, ref)->bits, 0, memory_order_relaxed);
    }
}

/* The candidate keeps its place, or becomes the newest of a queue. */
static void spare(struct lineup *lineup, uint32_t ref, size_t size, unsigned verdict)
{
    struct lineup_node *node = lineup_node(lineup, ref);

    if (verdict == POLICY_STAYS) {
        lineup->queues[node->queue].hand = node->next;
        return;
    }
    pull(lineup, ref, size);
    push(lineup, verdict, ref, size);
}

/* Reviews the next candidate of the queue. True: it left. */
static bool review(struct lineup *lineup, unsigned queue, const struct lineup_callbacks *callbacks,
                   uint32_t *ret_ref, int *claims)
{
    const struct lineup_queue *q = &lineup->queues[queue];
    uint32_t ref = policy_by_hand(lineup->policy) && q->hand != 0 ? q->hand : q->oldest;
    struct lineup_node *node = lineup_node(lineup, ref);
    struct policy_candidate candidate = {.queue = queue};
    uint16_t before = atomic_load_explicit(&node->bits, memory_order_relaxed);
    unsigned verdict = POLICY_LEAVES;

    must(ref != 0);
    candidate.bits = before;
    callbacks->tell(callbacks->context, ref, &candidate);
    verdict = policy_review(lineup->policy, &candidate);
    if (candidate.bits != before)
        atomic_store_explicit(&node->bits, candidate.bits, memory_order_relaxed);
    if (verdict == POLICY_LEAVES) {
        if (callbacks->claim == NULL || callbacks->claim(callbacks->context, ref)) {
            pull(lineup, ref, candidate.size);
            policy_left(lineup->policy, callbacks->hash_of(callbacks->context, ref), queue);
            *ret_ref = ref;
            return true;
        }
        ++*claims;
        verdict = policy_by_hand(lineup->policy) ? POLICY_STAYS : queue;
    }
    spare(lineup, ref, candidate.size, verdict);
    return false;
}

uint32_t lineup_victim(struct lineup *lineup, const struct lineup_callbacks *callbacks)
{
    unsigned queue = 0;
    uint32_t ref = 0;
    int claims = 0;

    shift(lineup, callbacks);
    while (claims < CLAIMS_MAX && (queue = policy_source(lineup->policy)) != 0) {
        if (review(lineup, queue, callbacks, &ref, &claims))
            return ref;
    }
    return 0;
}
