/* policy_s3fifo.c: S3-FIFO (Yang et al., SOSP 2023) with a correlation window, a share of newcomers
 * that it learns, and hits that are weighed against size.
 * SPDX-License-Identifier: MIT
 *
 *   insert    into `window`; or into `main`, when the key is a ghost that left `small` not long ago
 *   hit       adds one to the entry's count, up to 3
 *   window    the newer half of the newcomers. An entry that grows out of it goes to `small` with
 *             its count set to 0: hits soon after the first are the same visitor once more
 *   victim    while the newcomers (window and small) have more than their share: the oldest of
 *             `small`; when it was hit it goes to `main` instead, else it leaves as a ghost.
 *             otherwise: the oldest of `main`: its hits become credit; with credit it pays for one
 *             more round as the newest, else it leaves as a ghost
 *   weight    a hit on an entry of average size is worth one round. A small entry costs little to
 *             keep: its hits are worth up to 8 rounds, and it may go round in `small` unasked. A
 *             large one is worth as little as a twelfth, and needs more than one hit to stay; with
 *             3 hits every entry stays. `s3fifo-bytes` weighs all alike
 *   learning  a ghost of `small` that comes back at once would have been a hit with a larger share
 *             of newcomers, a ghost of `main` with a smaller one. Whenever there is twice as much
 *             evidence for the one as for the other, the share moves a step
 *
 * Shares are of bytes, so that entries of mixed sizes compete for what they take.
 */
#include "cache/ghost.h"
#include "cache/policy_kind.h"

enum { WINDOW = 1, SMALL, MAIN };

enum {
    WEIGHT_ONE = 12, /* of an entry of average size: the rounds that a hit is worth, in twelfths */
    WEIGHT_LEAST = 1,
    WEIGHT_MOST = 8 * WEIGHT_ONE,
    HITS_MAX = 3,
    STAYS = HITS_MAX * WEIGHT_LEAST, /* so much credit is enough for one more round */
    CREDIT_MAX = 15 * WEIGHT_ONE,
    UNASKED = 2, /* an entry in `small` is spared once for so many rounds that a hit is worth */
};

enum {
    SHARE_FIRST = 100, /* of the newcomers, in thousandths of all bytes */
    SHARE_LOWEST = 10,
    SHARE_HIGHEST = 900,
    SHARE_STEP = 10,
    EVIDENCE_ENOUGH = 100, /* ghosts that came back at once */
    AT_ONCE = 20,          /* before one in so many of the entries left the queue */
    LAGGING = 2,           /* a window so many times as large as it should be */
    GROWN_MAX = 64,        /* entries that leave the window in one call */
    TURNS_MAX = 256,       /* entries that are spared in one call */
};

enum origin { FROM_SMALL, FROM_MAIN };

struct s3fifo {
    struct policy policy;
    struct ghost ghost;
    bool weighs_size;
    unsigned share;
    unsigned evidence[2]; /* by origin */
};

static void begin(struct policy *policy, size_t entries_hint)
{
    struct s3fifo *s3fifo = (struct s3fifo *)policy;

    s3fifo->weighs_size = policy->kind == &policy_s3fifo;
    s3fifo->share = SHARE_FIRST;
    ghost_init(&s3fifo->ghost);
    ghost_reserve(&s3fifo->ghost, entries_hint);
}

static void end(struct policy *policy)
{
    ghost_fini(&((struct s3fifo *)policy)->ghost);
}

static size_t cost(const struct policy *policy)
{
    return ghost_cost(&((const struct s3fifo *)policy)->ghost);
}

/* ---- weight ------------------------------------------------------------------------------ */

static unsigned weight(const struct s3fifo *s3fifo, size_t size)
{
    size_t count = policy_count(&s3fifo->policy);
    size_t bytes = policy_bytes(&s3fifo->policy);
    size_t rounds = 0;

    if (!s3fifo->weighs_size || count == 0 || size == 0)
        return WEIGHT_ONE;
    rounds = WEIGHT_ONE * (bytes / count) / size;
    if (rounds < WEIGHT_LEAST)
        return WEIGHT_LEAST;
    return rounds < WEIGHT_MOST ? (unsigned)rounds : WEIGHT_MOST;
}

/* ---- learning ---------------------------------------------------------------------------- */

static void learn(struct s3fifo *s3fifo, enum origin origin)
{
    unsigned *evidence = s3fifo->evidence;

    evidence[origin]++;
    if (evidence[FROM_SMALL] + evidence[FROM_MAIN] < EVIDENCE_ENOUGH)
        return;
    if (evidence[FROM_SMALL] > 2 * evidence[FROM_MAIN] && s3fifo->share < SHARE_HIGHEST)
        s3fifo->share += SHARE_STEP;
    if (evidence[FROM_MAIN] > 2 * evidence[FROM_SMALL] && s3fifo->share > SHARE_LOWEST)
        s3fifo->share -= SHARE_STEP;
    evidence[FROM_SMALL] /= 2;
    evidence[FROM_MAIN] /= 2;
}

static void insert(struct policy *policy, uint32_t ref, uint64_t hash, size_t size)
{
    struct s3fifo *s3fifo = (struct s3fifo *)policy;
    size_t count = policy_count(policy);
    unsigned origin = FROM_MAIN;
    uint64_t age = 0;

    if (ghost_take(&s3fifo->ghost, hash, &origin, &age)) {
        if (age <= 1 + count / AT_ONCE)
            learn(s3fifo, origin);
        if (origin == FROM_SMALL && age <= count && weight(s3fifo, size) >= STAYS) {
            policy_push(policy, MAIN, ref, size);
            return;
        }
    }
    policy_push(policy, WINDOW, ref, size);
}

/* ---- leaving ----------------------------------------------------------------------------- */

static size_t newcomers_max(const struct s3fifo *s3fifo)
{
    return policy_bytes(&s3fifo->policy) / 1000 * s3fifo->share +
           policy_bytes(&s3fifo->policy) % 1000 * s3fifo->share / 1000;
}

/* Lets entries grow out of the window. Before the first victim nobody called this, and the window
 * holds everything: those entries are older than a window should be and keep their counts. */
static void grow_up(struct s3fifo *s3fifo, const struct policy_callbacks *callbacks)
{
    struct policy *policy = &s3fifo->policy;
    const struct policy_queue *window = &policy->queues[WINDOW];
    size_t max = newcomers_max(s3fifo) / 2;

    for (unsigned i = 0; i < GROWN_MAX && window->bytes > max; i++) {
        uint32_t ref = window->oldest;
        size_t size = callbacks->size_of(callbacks->context, ref);

        if (window->bytes <= LAGGING * (max + size))
            policy_set_hits(policy_node(policy, ref), 0);
        policy_pull(policy, ref, size);
        policy_push(policy, SMALL, ref, size);
    }
}

/* Whether an entry that was hit so often since it was looked at last stays in `main`. */
static bool pays_for_round(struct policy_node *node, unsigned hits, unsigned worth)
{
    unsigned credit = node->credit + hits * worth;
    unsigned most = HITS_MAX * worth < CREDIT_MAX ? HITS_MAX * worth : CREDIT_MAX;

    if (credit > most)
        credit = most;
    node->credit = (uint8_t)(credit > WEIGHT_ONE ? credit - WEIGHT_ONE : 0);
    return credit >= STAYS;
}

/* Where an entry goes on that was the oldest of its queue, or 0. In `small` the credit counts the
 * rounds that it was there. */
static unsigned next_queue(const struct s3fifo *s3fifo, unsigned queue, struct policy_node *node,
                           size_t size)
{
    unsigned hits = policy_hits(node);
    unsigned worth = weight(s3fifo, size);

    policy_set_hits(node, 0);
    if (queue == MAIN)
        return pays_for_round(node, hits, worth) ? MAIN : 0;
    if (hits * worth >= STAYS) {
        node->credit = 0;
        return MAIN;
    }
    if (node->credit >= worth / (UNASKED * WEIGHT_ONE))
        return 0;
    node->credit++;
    return SMALL;
}

/* Takes the oldest of a queue out: true when it leaves, false when it was spared. */
static bool take_oldest(struct s3fifo *s3fifo, unsigned queue, bool forced,
                        const struct policy_callbacks *callbacks)
{
    struct policy *policy = &s3fifo->policy;
    uint32_t ref = policy->queues[queue].oldest;
    size_t size = callbacks->size_of(callbacks->context, ref);
    unsigned next = next_queue(s3fifo, queue, policy_node(policy, ref), size);

    policy_pull(policy, ref, size);
    if (next == 0 || forced) {
        ghost_add(&s3fifo->ghost, callbacks->hash_of(callbacks->context, ref),
                  queue == MAIN ? FROM_MAIN : FROM_SMALL);
        return true;
    }
    policy_push(policy, next, ref, size);
    return false;
}

static uint32_t victim(struct policy *policy, const struct policy_callbacks *callbacks)
{
    struct s3fifo *s3fifo = (struct s3fifo *)policy;
    const struct policy_queue *queues = policy->queues;
    size_t newcomers_bytes_max = newcomers_max(s3fifo);

    if (policy_count(policy) == 0)
        return 0;
    ghost_reserve(&s3fifo->ghost, policy_count(policy));
    grow_up(s3fifo, callbacks);
    for (unsigned turn = 0;; turn++) {
        size_t newcomers = queues[WINDOW].bytes + queues[SMALL].bytes;
        unsigned queue = MAIN;
        uint32_t ref = 0;

        if (queues[MAIN].count == 0 || newcomers > newcomers_bytes_max)
            queue = queues[SMALL].count > 0 ? SMALL : WINDOW;
        if (queues[queue].count == 0)
            queue = MAIN;
        ref = queues[queue].oldest;
        if (take_oldest(s3fifo, queue, turn >= TURNS_MAX, callbacks))
            return ref;
    }
}

const struct policy_kind policy_s3fifo = {
    .name = "s3fifo",
    .size = sizeof(struct s3fifo),
    .begin = begin,
    .end = end,
    .insert = insert,
    .victim = victim,
    .cost = cost,
};

const struct policy_kind policy_s3fifo_bytes = {
    .name = "s3fifo-bytes",
    .size = sizeof(struct s3fifo),
    .begin = begin,
    .end = end,
    .insert = insert,
    .victim = victim,
    .cost = cost,
};
