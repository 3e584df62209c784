/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/random.h"
#include "ds/histogram.h"
#include "t.h"

#include <math.h>
#include <stdlib.h>

static bool is_near(uint64_t value, uint64_t exact)
{
    double away = value > exact ? (double)(value - exact) : (double)(exact - value);

    return away <= 0.004 * (double)exact;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

TEST(an_empty_histogram_answers_zero)
{
    struct histogram *histogram = histogram_new();

    CHECK(histogram_count(histogram) == 0);
    CHECK(histogram_at(histogram, 0.5) == 0);
    CHECK(histogram_min(histogram) == 0);
    CHECK(histogram_max(histogram) == 0);
    CHECK(histogram_mean(histogram) == 0);
    histogram_free(&histogram);
    CHECK(histogram == NULL);
}

TEST(every_power_of_two_and_its_neighbours_come_back_within_four_thousandths)
{
    struct histogram *histogram = histogram_new();

    for (unsigned bit = 0; bit < 64; bit++)
        for (int away = -1; away <= 1; away++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)(int64_t)away;

            histogram_clear(histogram);
            histogram_record(histogram, 0);
            histogram_record(histogram, value);
            histogram_record(histogram, UINT64_MAX);
            CHECK(is_near(histogram_at(histogram, 0.6), value));
            CHECK(histogram_min(histogram) == 0);
            CHECK(histogram_max(histogram) == UINT64_MAX);
        }
    histogram_free(&histogram);
}

TEST(small_values_are_exact)
{
    struct histogram *histogram = histogram_new();

    for (uint64_t value = 1; value <= 200; value++)
        histogram_record(histogram, value);
    CHECK(histogram_at(histogram, 0) == 1);
    CHECK(histogram_at(histogram, 0.25) == 50);
    CHECK(histogram_at(histogram, 0.5) == 100);
    CHECK(histogram_at(histogram, 0.995) == 199);
    CHECK(histogram_at(histogram, 1) == 200);
    CHECK(histogram_mean(histogram) == 100.5);
    histogram_free(&histogram);
}

/* A law of latencies: most near 100 us, a long tail to seconds. */
static uint64_t some_latency(struct random *random)
{
    double normal = sqrt(-2 * log(random_unit(random))) * cos(6.283185307 * random_unit(random));

    return (uint64_t)(100000 * exp(1.5 * normal));
}

TEST(percentiles_agree_with_the_sorted_values)
{
    enum { COUNT = 200000 };
    static const double shares[] = {0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
    uint64_t *values = mem_new(COUNT, sizeof *values);
    struct histogram *histogram = histogram_new();
    struct random random;

    random_init(&random, 7);
    for (unsigned i = 0; i < COUNT; i++) {
        values[i] = some_latency(&random);
        histogram_record(histogram, values[i]);
    }
    qsort(values, COUNT, sizeof *values, by_value);
    for (unsigned i = 0; i < sizeof shares / sizeof *shares; i++) {
        unsigned rank = (unsigned)ceil(shares[i] * COUNT);

        CHECK(is_near(histogram_at(histogram, shares[i]), values[rank - 1]));
    }
    CHECK(histogram_max(histogram) == values[COUNT - 1]);
    CHECK(histogram_min(histogram) == values[0]);
    histogram_free(&histogram);
    mem_free(&values);
}

TEST(two_merged_say_the_same_as_one_that_saw_everything)
{
    struct histogram *one = histogram_new(), *other = histogram_new(), *whole = histogram_new();
    struct random random;

    random_init(&random, 11);
    for (unsigned i = 0; i < 50000; i++) {
        uint64_t value = some_latency(&random);

        histogram_record(i % 3 == 0 ? one : other, value);
        histogram_record(whole, value);
    }
    histogram_merge(one, other);
    CHECK(histogram_count(one) == histogram_count(whole));
    CHECK(histogram_min(one) == histogram_min(whole));
    CHECK(histogram_max(one) == histogram_max(whole));
    CHECK(fabs(histogram_mean(one) / histogram_mean(whole) - 1) < 1e-9);
    for (unsigned i = 0; i <= 1000; i++)
        CHECK(histogram_at(one, i / 1000.0) == histogram_at(whole, i / 1000.0));
    histogram_free(&one);
    histogram_free(&other);
    histogram_free(&whole);
}

TEST(a_value_recorded_many_times_counts_as_often)
{
    struct histogram *many = histogram_new(), *one = histogram_new();

    histogram_record_many(many, 5000, 99);
    histogram_record_many(many, 70, 0);
    histogram_record(many, 9000);
    for (unsigned i = 0; i < 99; i++)
        histogram_record(one, 5000);
    histogram_record(one, 9000);
    CHECK(histogram_count(many) == 100);
    CHECK(histogram_min(many) == 5000 && histogram_max(many) == 9000);
    CHECK(fabs(histogram_mean(many) - histogram_mean(one)) < 1e-6);
    CHECK(histogram_at(many, 0.99) == histogram_at(one, 0.99));
    histogram_free(&many);
    histogram_free(&one);
}
