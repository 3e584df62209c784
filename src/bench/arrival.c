/* arrival.c: distances between requests. SPDX-License-Identifier: MIT */
#include "bench/arrival.h"

#include "base/must.h"

#include <math.h>

void arrival_init(struct arrival *arrival, double rate, bool poisson, double share)
{
    must(rate > 0);
    must(share >= 0 && share <= 1);
    *arrival = (struct arrival){.interval_ns = 1e9 / rate, .poisson = poisson};
    if (!poisson)
        arrival->next_ns = share * arrival->interval_ns;
}

uint64_t arrival_next(struct arrival *arrival, struct random *random)
{
    double at = arrival->next_ns;

    if (arrival->poisson) {
        at -= log(random_unit(random)) * arrival->interval_ns;
        arrival->next_ns = at;
    } else {
        arrival->next_ns = at + arrival->interval_ns;
    }
    return (uint64_t)at;
}
