/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "bench/zipf.h"
#include "t.h"

#include <math.h>

enum { DRAWS = 400000 };

/* Whether ranks come as often as the law says: each of the first ten within five standard
 * deviations, and nothing outside of 0 ... count - 1. */
static bool follows_the_law(uint64_t count, double exponent)
{
    uint64_t *seen = mem_new(count, sizeof *seen);
    struct random random;
    struct zipf zipf;
    double whole = 0;
    bool follows = true;

    random_init(&random, 42);
    zipf_init(&zipf, count, exponent);
    for (unsigned i = 0; i < DRAWS; i++) {
        uint64_t rank = zipf_draw(&zipf, &random);

        CHECK(rank < count);
        seen[rank]++;
    }
    for (uint64_t k = 1; k <= count; k++)
        whole += pow((double)k, -exponent);
    for (uint64_t k = 1; k <= count && k <= 10; k++) {
        double p = pow((double)k, -exponent) / whole;
        double away = fabs((double)seen[k - 1] - p * DRAWS);

        follows = follows && away <= 5 * sqrt(p * DRAWS) + 1;
    }
    mem_free(&seen);
    return follows;
}

TEST(ranks_come_as_often_as_the_law_says)
{
    CHECK(follows_the_law(1000, 1.0));
    CHECK(follows_the_law(1000, 0.8));
    CHECK(follows_the_law(100000, 0.99));
    CHECK(follows_the_law(100000, 1.2));
    CHECK(follows_the_law(50, 2.5));
    CHECK(follows_the_law(2, 0.5));
}

TEST(exponent_zero_is_uniform)
{
    CHECK(follows_the_law(10, 0));
    CHECK(follows_the_law(1000, 0));
}

TEST(one_key_is_always_the_same)
{
    struct random random;
    struct zipf zipf;

    random_init(&random, 1);
    zipf_init(&zipf, 1, 1.1);
    for (unsigned i = 0; i < 100; i++)
        CHECK(zipf_draw(&zipf, &random) == 0);
}

TEST(the_extremes_stay_in_range)
{
    static const double exponents[] = {0, 1e-9, 0.5, 1, 1 + 1e-9, 3, ZIPF_EXPONENT_MAX};
    struct random random;
    struct zipf zipf;

    random_init(&random, 3);
    for (unsigned i = 0; i < sizeof exponents / sizeof *exponents; i++) {
        zipf_init(&zipf, ZIPF_COUNT_MAX, exponents[i]);
        for (unsigned j = 0; j < 10000; j++)
            CHECK(zipf_draw(&zipf, &random) < ZIPF_COUNT_MAX);
    }
}
