/* replay.h: how often a policy would have missed on a trace.
 * SPDX-License-Identifier: MIT
 *
 * Runs the very decisions of the engine (cache/policy.h) on bare nodes, one for each object: a
 * request of an object that is in the cache is a hit, any other one puts it there. Misses of
 * objects never seen before count; there is no warm-up. `lru-exact` is LRU with a list, as the
 * textbooks have it: what others are measured against.
 */
#ifndef LARDER_BENCH_REPLAY_H
#define LARDER_BENCH_REPLAY_H

#include "bench/trace.h"
#include "cache/policy.h"

enum replay_mode {
    REPLAY_OBJECTS, /* every object counts 1: the capacity is a number of objects */
    REPLAY_BYTES,   /* by size: the capacity is a number of bytes; what is larger is not admitted */
};

struct replay {
    const struct trace *trace;
    const char *policy;
    enum policy_objective objective;
    enum replay_mode mode;
    double fraction; /* of the objects, or of the footprint: the capacity */
    uint64_t seed;
    /* Told from time to time how many requests are done; may be NULL. */
    void (*progress)(void *context, size_t done);
    void *context;
};

struct replay_result {
    uint64_t capacity;
    uint64_t requests;
    uint64_t misses;
    uint64_t request_bytes;
    uint64_t miss_bytes;
    size_t policy_bytes; /* what the policy took beside the nodes, at the end */
};

#define REPLAY_LRU_EXACT "lru-exact"

/* ERR_MISS: there is no such policy. */
enum err replay_run(const struct replay *replay, struct replay_result *ret_result);

#endif
