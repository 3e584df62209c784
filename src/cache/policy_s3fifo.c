/* policy_s3fifo.c: S3-FIFO (Yang et al., SOSP 2023) with a correlation window, a share of newcomers
 * that it learns, and hits that are weighed against size.
 * SPDX-License-Identifier: MIT
 *
 *   new       into `window`; or into `main`, when the key is a ghost that left `small` not long ago
 *   hit       adds one to the entry's count, up to 3
 *   window    the newer half of the newcomers. An entry that grows out of it goes to `small` with
 *             its count set to 0: hits soon after the first are the same visitor once more
 *   leaves    while the newcomers (window and small) have more than their share: the oldest of
 *             `small`; when it was hit it goes to `main` instead, else it leaves as a ghost.
 *             otherwise: the oldest of `main`: its hits become credit; with credit it pays for one
 *             more round as the newest, else it leaves as a ghost
 *   weight    a hit on an entry of average size is worth one round. A small entry costs little to
 *             keep: its hits are worth up to 16 rounds, and it may go round in `small` unasked
 *             nearly as often. A large one is worth as little as a twelfth, and needs more than one
 *             hit to stay; with 3 hits every entry stays. Where the objective is bytes all weigh
 *             alike
 *   learning  a ghost of `small` that comes back at once would have been a hit with a larger share
 *             of newcomers, a ghost of `main` with a smaller one. Whenever there is twice as much
 *             evidence for the one as for the other, the share moves a step
 *
 * Shares are of bytes, so that entries of mixed sizes compete for what they take.
 *
 *   the bits:   10 ........ 2   1 .... 0
 *              |   credit    |   hits   |
 */
#include "cache/ghost.h"
#include "cache/policy_kind.h"

enum { WINDOW = 1, SMALL, MAIN };

enum {
    WEIGHT_ONE = 12, /* of an entry of average size: the rounds that a hit is worth, in twelfths */
    WEIGHT_LEAST = 1,
    WEIGHT_MOST = 16 * WEIGHT_ONE,
    STAYS = POLICY_HITS_MAX * WEIGHT_LEAST, /* so much credit is enough for one more round */
    CREDIT_MAX = WEIGHT_MOST,
    COMES_BACK = 4, /* a hit that is worth so much is enough for a ghost to join `main` */
    CREDIT_SHIFT = 2,
};

enum {
    SHARE_FIRST = 100, /* of the newcomers, in thousandths of all bytes */
    SHARE_LOWEST = 10,
    SHARE_HIGHEST = 900,
    SHARE_STEP = 10,
    EVIDENCE_ENOUGH = 100, /* ghosts that came back at once */
    AT_ONCE = 20,          /* before one in so many of the entries left the queue */
    SPARED_MAX = 256,      /* then the next one leaves whatever it is worth */
};

enum origin { FROM_SMALL, FROM_MAIN };

struct s3fifo {
    struct policy policy;
    struct ghost ghost;
    unsigned share;
    bool lagging;         /* the window has yet to become as small as it should be */
    unsigned evidence[2]; /* by origin */
};

static void begin(struct policy *policy, const struct policy_settings *settings)
{
    struct s3fifo *s3fifo = (struct s3fifo *)policy;

    s3fifo->share = SHARE_FIRST;
    ghost_init(&s3fifo->ghost);
    ghost_reserve(&s3fifo->ghost, settings->entries_hint);
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

/* What a hit is worth. An entry that knew what its loading took would be weighed by that here. */
static unsigned weight(const struct policy *policy, size_t size)
{
    size_t rounds = 0;

    if (policy->objective == POLICY_BYTES || policy->all.count == 0 || size == 0)
        return WEIGHT_ONE;
    rounds = WEIGHT_ONE * (policy->all.bytes / policy->all.count) / size;
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

static unsigned enter(struct policy *policy, uint64_t hash, size_t size)
{
    struct s3fifo *s3fifo = (struct s3fifo *)policy;
    size_t count = policy->all.count;
    unsigned origin = FROM_MAIN;
    uint64_t age = 0;

    if (!ghost_take(&s3fifo->ghost, hash, &origin, &age))
        return WINDOW;
    if (age <= 1 + count / AT_ONCE)
        learn(s3fifo, origin);
    if (origin == FROM_SMALL && age <= count && weight(policy, size) >= COMES_BACK)
        return MAIN;
    return WINDOW;
}

/* ---- leaving ----------------------------------------------------------------------------- */

static size_t newcomers_max(const struct policy *policy)
{
    const struct s3fifo *s3fifo = (const struct s3fifo *)policy;

    return policy->all.bytes / 1000 * s3fifo->share +
           policy->all.bytes % 1000 * s3fifo->share / 1000;
}

/* Lets entries grow out of the window. As long as memory was not short nobody asked for this, and
 * the window holds most of what there is: those entries are older than a window should be and keep
 * their counts. */
static bool shift(struct policy *policy, struct policy_shift *ret_shift)
{
    struct s3fifo *s3fifo = (struct s3fifo *)policy;
    const struct policy_queue *window = &policy->queues[WINDOW];

    if (window->bytes > policy->all.bytes / 2)
        s3fifo->lagging = true;
    if (window->count == 0 || window->bytes <= newcomers_max(policy) / 2) {
        s3fifo->lagging = false;
        return false;
    }
    *ret_shift = (struct policy_shift){.from = WINDOW, .to = SMALL, .forget = !s3fifo->lagging};
    return true;
}

static unsigned source(struct policy *policy)
{
    const struct policy_queue *queues = policy->queues;
    size_t newcomers = queues[WINDOW].bytes + queues[SMALL].bytes;

    if (queues[MAIN].count > 0 && newcomers <= newcomers_max(policy))
        return MAIN;
    if (queues[SMALL].count > 0)
        return SMALL;
    return queues[WINDOW].count > 0 ? WINDOW : MAIN;
}

static uint16_t bits_of(unsigned credit)
{
    return (uint16_t)(credit << CREDIT_SHIFT);
}

/* The oldest of `main` stays there if its hits pay for a round. */
static bool pays_for_round(struct policy_candidate *candidate, unsigned worth)
{
    unsigned most = POLICY_HITS_MAX * worth < CREDIT_MAX ? POLICY_HITS_MAX * worth : CREDIT_MAX;
    unsigned credit = candidate->bits >> CREDIT_SHIFT;

    credit += policy_hits(candidate->bits) * worth;
    if (credit > most)
        credit = most;
    candidate->bits = bits_of(credit > WEIGHT_ONE ? credit - WEIGHT_ONE : 0);
    return credit >= STAYS;
}

/* A newcomer's credit counts the rounds that it was in `small`. */
static unsigned newcomer_goes_to(struct policy_candidate *candidate, unsigned worth)
{
    unsigned rounds = candidate->bits >> CREDIT_SHIFT;

    if (policy_hits(candidate->bits) * worth >= STAYS) {
        candidate->bits = 0;
        return MAIN;
    }
    if (rounds >= (worth - 1) / WEIGHT_ONE)
        return POLICY_LEAVES;
    candidate->bits = bits_of(rounds + 1);
    return SMALL;
}

static unsigned review(struct policy *policy, struct policy_candidate *candidate)
{
    unsigned worth = weight(policy, candidate->size);

    if (policy->spared >= SPARED_MAX)
        return POLICY_LEAVES;
    if (candidate->queue == MAIN)
        return pays_for_round(candidate, worth) ? MAIN : POLICY_LEAVES;
    return newcomer_goes_to(candidate, worth);
}

static void left(struct policy *policy, uint64_t hash, unsigned queue)
{
    struct s3fifo *s3fifo = (struct s3fifo *)policy;

    ghost_reserve(&s3fifo->ghost, policy->all.count);
    ghost_add(&s3fifo->ghost, hash, queue == MAIN ? FROM_MAIN : FROM_SMALL);
}

const struct policy_kind policy_s3fifo = {
    .name = "s3fifo",
    .size = sizeof(struct s3fifo),
    .marks = POLICY_COUNTS,
    .queues = POLICY_QUEUES,
    .begin = begin,
    .end = end,
    .enter = enter,
    .shift = shift,
    .source = source,
    .review = review,
    .left = left,
    .cost = cost,
};
