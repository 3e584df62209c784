/* idle.h: which lanes have room for a request that is due, the one idle for longest first.
 * SPDX-License-Identifier: MIT
 *
 * Taking turns spreads the load over all connections, and so over all workers of the server.
 */
#ifndef LARDER_BENCH_IDLE_H
#define LARDER_BENCH_IDLE_H

#include "bench/lane.h"

struct idle {
    struct lane *lanes; /* borrowed */
    unsigned *numbers;  /* a ring of lane_count */
    unsigned lane_count;
    unsigned first;
    unsigned count;
    unsigned flights_max; /* requests that a lane may hold */
};

void idle_init(struct idle *idle, struct lane *lanes, unsigned lane_count, unsigned flights_max);
void idle_fini(struct idle *idle);

/* The lane has room, perhaps. */
void idle_offer(struct idle *idle, struct lane *lane);

/* A lane that is up and has room, or NULL. Lanes that went down meanwhile are left out. */
struct lane *idle_take(struct idle *idle);

#endif
