/* policy.h: which entry leaves when memory is short: the decisions.
 * SPDX-License-Identifier: MIT
 *
 * A policy decides; it does not know where entries lie. Their order is kept by a container: pages
 * of the engine's pool, or a list of nodes (lineup.h) in simulations. The container asks, and does
 * what it is told, so that the engine, `larder bench cache` and the miniature caches run the very
 * same decisions.
 *
 *   a new key comes       policy_enter says which queue it joins at the newest end, policy_fresh
 *                         what its bits are
 *   a key is asked for    policy_hit changes the entry's bits, without a lock
 *   something must leave  policy_shift: first, pieces of one queue may move to another as they are
 *                         policy_source: the queue that gives the next candidate
 *                         policy_review: it leaves, stays where it is, or moves to a queue
 *                         policy_left: it left
 *   always                policy_count_in and policy_count_out: what is in which queue
 *
 * Policies come in two sorts. Those that drain take the oldest of a queue as the candidate; one
 * that is spared moves to the newest end of a queue. Those that work by hand (policy_by_hand) walk
 * from the oldest to the newest and again from the oldest: a candidate that is spared keeps its
 * place, and the hand goes on to the next newer one.
 *
 * Each policy is one file, cache/policy_NAME.c, with its algorithm in plain lines on top.
 *
 * Memory: of an entry 11 bits, whose meaning is the policy's. Any value is a valid one: when the
 *   policy changes at run time, entries may keep their bits.
 * Threads: policy_hit and policy_fresh: any thread, any time. Everything else under the one lock
 *   that the policy's owner keeps.
 */
#ifndef LARDER_CACHE_POLICY_H
#define LARDER_CACHE_POLICY_H

#include "base/random.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    POLICY_QUEUES = 3, /* numbered from 1 */
    POLICY_FIRST = 1,  /* where the entries are that a policy takes over from another */
    POLICY_BITS = 11,
    POLICY_MASK = (1 << POLICY_BITS) - 1,
    POLICY_SHIFTS_MAX = 64, /* of policy_shift, for one candidate */
};

/* What policy_review says, when it is no queue. */
enum { POLICY_LEAVES = 0, POLICY_STAYS = POLICY_QUEUES + 1 };

enum policy_objective {
    POLICY_REQUESTS, /* the fewest misses */
    POLICY_BYTES,    /* the fewest bytes from the origin */
    POLICY_OBJECTIVES,
};

/* ---- hits -------------------------------------------------------------------------------- */

/* How a hit marks an entry. It is the container's, and outlives a policy that is exchanged for
 * another, since hits are marked without a lock. Begins as zero. */
struct policy_marker {
    _Atomic uint32_t word; /* enum policy_marks, and the policy's clock above it */
    _Atomic int64_t now_ms;
};

enum policy_marks {
    POLICY_IGNORES,
    POLICY_COUNTS, /* hits up to 3, in the lowest two bits */
    POLICY_STAMPS, /* the clock: when it was asked for last */
    POLICY_LOGS,   /* a logarithmic count in 8 bits that fades, the clock in 3 above them */
};

enum { POLICY_HITS_MAX = 3, POLICY_MARKS_BITS = 2 };

/* For policy_hit and policy_fresh, where hits are counted by their logarithm (policy_lfu.c). */
uint16_t policy_log_fresh(uint32_t clock);
unsigned policy_log_count(uint16_t bits, uint32_t clock);
uint16_t policy_log_hit(uint16_t bits, uint32_t clock, struct random *random);

/* The entry's bits after it was asked for: compare, and store when they changed. */
static inline uint16_t policy_hit(const struct policy_marker *marker, uint16_t bits,
                                  struct random *random)
{
    uint32_t word = atomic_load_explicit(&marker->word, memory_order_relaxed);

    switch ((enum policy_marks)(word & ((1 << POLICY_MARKS_BITS) - 1))) {
    case POLICY_COUNTS:
        return (uint16_t)(bits + ((bits & POLICY_HITS_MAX) < POLICY_HITS_MAX ? 1 : 0));
    case POLICY_STAMPS:
        return (uint16_t)(word >> POLICY_MARKS_BITS & POLICY_MASK);
    case POLICY_LOGS:
        return policy_log_hit(bits, word >> POLICY_MARKS_BITS, random);
    case POLICY_IGNORES:
        break;
    }
    return bits;
}

/* The bits of a new entry. */
uint16_t policy_fresh(const struct policy_marker *marker);

/* How often the entry was asked for, as its logarithmic count tells now: 5 for once, some 10 for a
 * hundred times, 255 at most. False: the policy does not count so (lfu and volatile-lfu do). */
bool policy_frequency(const struct policy_marker *marker, uint16_t bits, unsigned *ret_count);

/* What time it is, from any thread, once in a while: for policies that look at ends. */
static inline void policy_time(struct policy_marker *marker, int64_t now_ms)
{
    int64_t told_ms = atomic_load_explicit(&marker->now_ms, memory_order_relaxed);

    /* Hits read the same cache line: it is written once a second. */
    if (now_ms - told_ms >= 1000)
        atomic_store_explicit(&marker->now_ms, now_ms, memory_order_relaxed);
}

/* ---- policies ---------------------------------------------------------------------------- */

struct policy;

struct policy_settings {
    const char *name;
    enum policy_objective objective;
    size_t entries_hint; /* sizes ghosts, which grow as needed */
    uint64_t seed;       /* of what a policy leaves to chance */
};

/* NULL: there is no policy of that name, its own or the one that Redis' clients know. */
struct policy *policy_new(const struct policy_settings *settings);
void policy_free(struct policy **owner);

/* All names, for messages and the manual; NULL-terminated. The first is the default. */
const char *const *policy_names(void);

/* Of a policy by either of its names: its own, and the one that Redis' clients know. NULL: there is
 * no such policy. */
const char *policy_name(const char *name);
const char *policy_redis_name(const char *name);

/* From now on hits are marked as this policy wants it. Before anything else. */
void policy_attach(struct policy *policy, struct policy_marker *marker);

/* "requests", "bytes"; NULL-terminated. POLICY_OBJECTIVES: there is no such objective. */
const char *const *policy_objective_names(void);
enum policy_objective policy_objective(const char *name);

/* Takes over all that the old one counts, now in POLICY_FIRST. */
void policy_inherit(struct policy *policy, const struct policy *old);

/* Its name. */
const char *policy_called(const struct policy *policy);

bool policy_by_hand(const struct policy *policy);

/* Bytes that the policy takes beside the entries: ghosts. At most about 24 for each entry. */
size_t policy_cost(const struct policy *policy);

/* ---- decisions --------------------------------------------------------------------------- */

/* A new key: the queue whose newest it becomes. To be counted in by the caller. */
unsigned policy_enter(struct policy *policy, uint64_t hash, size_t size);

/* Before a candidate is asked for, until it says false or POLICY_SHIFTS_MAX times: the oldest piece
 * of queue `from` (a page, a node) becomes the newest of `to` as it is. `forget`: the bits of its
 * entries become 0. The caller counts it out and in. */
struct policy_shift {
    unsigned from;
    unsigned to;
    bool forget;
};
bool policy_shift(struct policy *policy, struct policy_shift *ret_shift);

/* The queue that gives the next candidate. 0: nothing shall leave, or so many were spared that it
 * is better to go on later. */
unsigned policy_source(struct policy *policy);

struct policy_candidate {
    unsigned queue;
    uint16_t bits; /* may change, also when it stays */
    bool has_ttl;
    size_t size;
    int64_t ends_ms; /* with has_ttl */
};

/* POLICY_LEAVES, or POLICY_STAYS (only those by hand), or the queue whose newest it becomes (only
 * those that drain), maybe its own. A candidate that cannot leave now is spared by the container;
 * nothing needs to be told. */
unsigned policy_review(struct policy *policy, struct policy_candidate *candidate);

/* What was told to leave has left this queue. To be counted out by the caller. */
void policy_left(struct policy *policy, uint64_t hash, unsigned queue);

/* Whatever joins or leaves a queue, for what reason ever; an entry that changes its size leaves
 * with the one and joins with the other. */
void policy_count_in(struct policy *policy, unsigned queue, size_t size);
void policy_count_out(struct policy *policy, unsigned queue, size_t size);

/* So many go from one queue to another. */
void policy_count_moved(struct policy *policy, unsigned from, unsigned to, size_t count,
                        size_t bytes);

/* For an entry that comes from, or was to join, this queue: the same, or POLICY_FIRST when it is a
 * queue of another policy that was exchanged for this one meanwhile. */
unsigned policy_queue_of(const struct policy *policy, unsigned queue);

/* All queues together. */
size_t policy_count(const struct policy *policy);
size_t policy_bytes(const struct policy *policy);

#endif
