/* policy_kind.h: what every eviction policy is made of: counts of its queues, a clock, and a table
 * of calls.
 * SPDX-License-Identifier: MIT
 *
 * Only policies.c and the policies themselves include it.
 */
#ifndef LARDER_CACHE_POLICY_KIND_H
#define LARDER_CACHE_POLICY_KIND_H

#include "cache/policy.h"

struct policy_queue {
    size_t count;
    size_t bytes;
};

struct policy {
    const struct policy_kind *kind;
    struct policy_marker *marker;
    enum policy_objective objective;
    struct policy_queue queues[POLICY_QUEUES + 1]; /* 0 is never used */
    struct policy_queue all;
    size_t spared;          /* candidates since the last that was told to leave */
    size_t told;            /* to leave, since the last that did */
    struct {                /* where only some may leave: */
        size_t ending;      /* so many entries end one day, as seen in the last round */
        size_t seen;        /* in this round, */
        size_t seen_ending; /*   of them with an end */
        size_t endless;     /* seen since the last with an end */
        size_t searched;    /* seen since one left, or it was better to go on later */
    } ends;
    uint64_t clock;
    size_t clock_owed; /* bytes that entered since it ticked last, times POLICY_TICKS */
};

/* A policy's own struct begins with a struct policy. Calls that are NULL do the usual. */
struct policy_kind {
    const char *name;
    size_t size; /* of its struct */
    enum policy_marks marks;
    unsigned queues; /* 0: as 1 */
    bool by_hand;
    bool volatile_only; /* looks only at entries that end one day; by hand */
    void (*begin)(struct policy *policy, const struct policy_settings *settings);
    void (*end)(struct policy *policy);
    unsigned (*enter)(struct policy *policy, uint64_t hash, size_t size); /* POLICY_FIRST */
    bool (*shift)(struct policy *policy, struct policy_shift *ret_shift); /* false */
    unsigned (*source)(struct policy *policy); /* POLICY_FIRST, if there is anything */
    unsigned (*review)(struct policy *policy, struct policy_candidate *candidate);
    void (*left)(struct policy *policy, uint64_t hash, unsigned queue);
    size_t (*cost)(const struct policy *policy);
};

#define POLICY(symbol, name, redis, text) extern const struct policy_kind policy_##symbol;
#include "cache/policies.def"
#undef POLICY

/* The clock ticks so often while as many bytes enter as there are. */
enum { POLICY_TICKS = 512 };

/* So many entries may leave. */
static inline size_t policy_eligible(const struct policy *policy)
{
    return policy->kind->volatile_only ? policy->ends.ending : policy->all.count;
}

/* The hand of a policy that ranks has been round twice and found nobody, or nobody who can leave,
 * so what it knows is of no use; or looking on costs more than a wrong choice. */
static inline bool policy_spared_enough(const struct policy *policy)
{
    enum { SPARED_MIN = 64, SPARED_MAX = 4096, TOLD_MAX = 1024 };

    return policy->spared >= SPARED_MAX || policy->told >= TOLD_MAX ||
           policy->spared >= SPARED_MIN + 2 * policy_eligible(policy);
}

static inline unsigned policy_hits(uint16_t bits)
{
    return bits & POLICY_HITS_MAX;
}

#endif
