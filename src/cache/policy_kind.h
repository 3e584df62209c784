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
    size_t spared; /* candidates since the last that left */
    uint64_t clock;
    size_t clock_owed; /* bytes that entered since it ticked last, times POLICY_TICKS */
    int64_t now_ms;
};

/* A policy's own struct begins with a struct policy. Calls that are NULL do the usual. */
struct policy_kind {
    const char *name;
    size_t size; /* of its struct */
    enum policy_marks marks;
    bool by_hand;
    void (*begin)(struct policy *policy, const struct policy_settings *settings);
    void (*end)(struct policy *policy);
    unsigned (*enter)(struct policy *policy, uint64_t hash, size_t size); /* POLICY_FIRST */
    bool (*shift)(struct policy *policy, struct policy_shift *ret_shift); /* false */
    unsigned (*source)(struct policy *policy); /* POLICY_FIRST, if there is anything */
    unsigned (*review)(struct policy *policy, struct policy_candidate *candidate);
    void (*left)(struct policy *policy, uint64_t hash, unsigned queue);
    size_t (*cost)(const struct policy *policy);
};

#define POLICY(symbol, name, text) extern const struct policy_kind policy_##symbol;
#include "cache/policies.def"
#undef POLICY

/* The clock ticks so often while as many bytes enter as there are. */
enum { POLICY_TICKS = 512 };

static inline unsigned policy_hits(uint16_t bits)
{
    return bits & POLICY_HITS_MAX;
}

#endif
