/* SPDX-License-Identifier: MIT */
#include "bench/arrival.h"
#include "t.h"

#include <math.h>

TEST(constant_arrivals_keep_their_distance_for_hours)
{
    struct arrival arrival;
    uint64_t at = 0;

    arrival_init(&arrival, 1000, false, 0.5);
    CHECK(arrival_next(&arrival, NULL) == 500000);
    for (unsigned i = 1; i < 7200000; i++)
        at = arrival_next(&arrival, NULL);
    CHECK(at == 7199999 * UINT64_C(1000000) + 500000);
}

TEST(poisson_arrivals_have_the_rate_the_spread_and_the_bursts_of_the_law)
{
    enum { COUNT = 500000 };
    struct arrival arrival;
    struct random random;
    double sum = 0, squares = 0;
    unsigned early = 0;
    uint64_t last = 0;

    random_init(&random, 5);
    arrival_init(&arrival, 1000, true, 0);
    for (unsigned i = 0; i < COUNT; i++) {
        uint64_t at = arrival_next(&arrival, &random);
        double distance = (double)(at - last);

        CHECK(at >= last);
        sum += distance;
        squares += distance * distance;
        early += distance < 1e5;
        last = at;
    }
    double mean = sum / COUNT;
    double deviation = sqrt(squares / COUNT - mean * mean);

    CHECK(fabs(mean / 1e6 - 1) < 0.01);
    CHECK(fabs(deviation / 1e6 - 1) < 0.02); /* as wide as it is long */
    CHECK(fabs(early / (double)COUNT - (1 - exp(-0.1))) < 0.005);
}
