/* arrival.h: when requests are due in open loop, whatever the server does.
 * SPDX-License-Identifier: MIT
 *
 * People who do not know of each other arrive at random: a Poisson process, with bursts and pauses.
 * Constant spacing is for machines that poll.
 */
#ifndef LARDER_BENCH_ARRIVAL_H
#define LARDER_BENCH_ARRIVAL_H

#include "base/random.h"

#include <stdbool.h>

struct arrival {
    double interval_ns; /* mean distance */
    double next_ns;     /* since the start; a double keeps 0.1 us over weeks */
    bool poisson;
};

/* `rate` > 0 a second; `share` (0 to 1) of an interval passes before the first one, so that several
 * threads with constant spacing do not fire together. */
void arrival_init(struct arrival *arrival, double rate, bool poisson, double share);

/* The time of the next arrival, in ns since the start; never before the one returned last. */
uint64_t arrival_next(struct arrival *arrival, struct random *random);

#endif
