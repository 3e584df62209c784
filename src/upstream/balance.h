/* balance.h: which of an origin's servers gets the next request.
 * SPDX-License-Identifier: MIT
 *
 *   round-robin        in turn, each as often as its weight says, never in bursts
 *   least-connections  the one with the fewest requests under way for its weight
 *   peak-ewma          of two that are drawn, the one that will probably answer sooner
 *   hash               the one that the key belongs to; when that one has too much to do already
 *                      (BALANCE_LOAD_SHARE of the mean, and BALANCE_LOAD_LEAST), the next one on
 * the ring
 *
 * With `hash` a server that comes or goes moves only the keys that are its own: each server stands
 * on a ring at many places, and a key belongs to the server that comes next behind it.
 *
 * Memory: the ring is the caller's, from balance_ring_new. Threads: the choice is the caller's
 * thread's own; a ring does not change and is read by all. Pure.
 */
#ifndef LARDER_UPSTREAM_BALANCE_H
#define LARDER_UPSTREAM_BALANCE_H

#include "base/bytes.h"
#include "base/random.h"

enum balance_kind { BALANCE_ROUND_ROBIN, BALANCE_LEAST, BALANCE_EWMA, BALANCE_HASH };

enum {
    BALANCE_WEIGHT = 100,     /* what one unit of weight counts: fractions are for slow starts */
    BALANCE_POINTS = 80,      /* places on the ring for each unit of weight */
    BALANCE_POINTS_MAX = 800, /* for one server */
    BALANCE_LOAD_SHARE = 125, /* hundredths */
    BALANCE_LOAD_LEAST = 8    /* with fewer requests under way no server has too much to do */
};

/* One of the servers to choose from. */
struct balance_candidate {
    uint64_t weight; /* in units of 1/BALANCE_WEIGHT; more than 0 */
    uint64_t active; /* requests under way */
    double ewma_ms;
    bool is_usable;
    int64_t credit; /* round-robin's: kept by the caller from one choice to the next */
};

struct balance_point {
    uint64_t at;
    size_t candidate;
};

struct balance_ring {
    size_t count;
    struct balance_point points[];
};

struct balance_server {
    struct bytes name;
    uint64_t weight; /* whole */
};

/* Gone with mem_free. */
struct balance_ring *balance_ring_new(const struct balance_server *servers, size_t count);

/* The place of a key on the ring. */
uint64_t balance_key(struct bytes key);

struct balance_choice {
    enum balance_kind kind;
    const struct balance_ring *ring; /* of as many servers as there are candidates; for hash */
    uint64_t key;                    /* for hash: from balance_key */
    struct random *random;           /* for peak-ewma */
};

enum { BALANCE_NONE = -1 };

/* Its number; BALANCE_NONE: none can be used. */
ptrdiff_t balance_pick(const struct balance_choice *choice, struct balance_candidate *candidates,
                       size_t count);

/* A server that came back `warm_ms` ago gets a growing share of its weight. */
uint64_t balance_warm_weight(uint64_t weight, int64_t warm_ms, int64_t slow_start_ms);

#endif
