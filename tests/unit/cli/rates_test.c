/* The promises of cli/rates.h. SPDX-License-Identifier: MIT */
#include "cli/rates.h"
#include "t.h"

#include <string.h>

static json_t *reading(const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, 0, &error);

    CHECK(root != NULL);
    return root;
}

static const char early[] =
    "{\"routes\": [{\"name\": \"a\", \"requests\": 100, \"hit\": 50, \"errors\": 1, "
    "\"sent_bytes\": 1000, \"fetches\": 50, \"fetch_us\": 5000, \"took_us\": [[8, 90], [64, "
    "10]]}]}";

static const char late[] =
    "{\"routes\": [{\"name\": \"a\", \"requests\": 300, \"hit\": 200, \"errors\": 5, "
    "\"sent_bytes\": 5000, \"fetches\": 60, \"fetch_us\": 25000, "
    "\"took_us\": [[8, 100], [16, 180], [64, 20]]}, "
    "{\"name\": \"b\", \"requests\": 10, \"took_us\": [[1024, 10]]}]}";

TEST(a_rate_is_the_difference_of_two_readings_by_the_time_between_them)
{
    json_t *before = reading(early), *now = reading(late);
    struct rates rates;

    CHECK(rates_read(before, now, 2, &rates));
    CHECK(rates.count == 2);
    CHECK(rates.rows[0].requests == 100);
    CHECK(rates.rows[0].hit_ratio == 0.75);
    CHECK(rates.rows[0].errors == 2);
    CHECK(rates.rows[0].sent_bytes == 2000);
    CHECK(rates.all.requests == 105);
    rates_free(&rates);
    json_decref(before);
    json_decref(now);
}

TEST(percentiles_are_of_what_came_in_between)
{
    json_t *before = reading(early), *now = reading(late);
    struct rates rates;

    CHECK(rates_read(before, now, 1, &rates));
    CHECK(rates.rows[0].p50_us == 16); /* 10 of 8, 180 of 16, 10 of 64 */
    CHECK(rates.rows[0].p99_us == 64);
    CHECK(rates.all.p99_us == 1024);
    rates_free(&rates);
    json_decref(before);
    json_decref(now);
}

TEST(a_hit_saves_what_a_fetch_took_in_between)
{
    json_t *before = reading(early), *now = reading(late);
    struct rates rates;

    CHECK(rates_read(before, now, 1, &rates));
    CHECK(rates.rows[0].saved_s > 0.2999 && rates.rows[0].saved_s < 0.3001); /* 150 x 2 ms */
    rates_free(&rates);
    json_decref(before);
    json_decref(now);
}

TEST(a_route_that_nobody_asks_has_no_hit_ratio)
{
    json_t *now = reading(early);
    struct rates rates;

    CHECK(rates_read(now, now, 1, &rates));
    CHECK(rates.rows[0].hit_ratio < 0 && rates.rows[0].p99_us == 0);
    rates_free(&rates);
    json_decref(now);
}

TEST(the_most_interesting_comes_first)
{
    json_t *now = reading(late);
    struct rates rates;

    CHECK(rates_read(NULL, now, 1, &rates));
    rates_sort(&rates, RATES_BY_REQUESTS);
    CHECK(strcmp(rates.rows[0].name, "a") == 0);
    rates_sort(&rates, RATES_BY_P99);
    CHECK(strcmp(rates.rows[0].name, "b") == 0);
    rates_sort(&rates, RATES_BY_HITS);
    CHECK(strcmp(rates.rows[0].name, "b") == 0); /* none of its requests was a hit */
    rates_free(&rates);
    json_decref(now);
}

TEST(what_is_no_reading_is_refused)
{
    json_t *now = reading("{\"error\": \"no\"}");
    struct rates rates;

    CHECK(!rates_read(NULL, now, 1, &rates));
    json_decref(now);
}
