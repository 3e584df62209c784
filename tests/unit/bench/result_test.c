/* SPDX-License-Identifier: MIT */
#include "bench/result.h"
#include "t.h"

#include <jansson.h>

static struct plan plan;

static void make_plan(double rate)
{
    plan = (struct plan){
        .protocol = PLAN_HTTP,
        .authority = BYTES("127.0.0.1:80"),
        .connections = 4,
        .threads = 2,
        .pipeline = 1,
        .route_count = 1,
        .rate = rate,
    };
    plan.routes[0].name = BYTES("/a\"b");
    plan.routes[0].weight = 1;
}

/* One driver that answered `count` requests in 2 s, each after 3 ms. */
static void add_driver(struct result *result, unsigned count, double cpu, int64_t lag_ns)
{
    struct driver_result driver = {
        .tallies = {tally_new()},
        .lag = histogram_new(),
        .wait = histogram_new(),
        .cost = {.window_ns = 2000000000, .cpu_ns = (int64_t)(cpu * 2e9)},
    };

    for (unsigned i = 0; i < count; i++) {
        histogram_record(driver.tallies[0]->latency, 3000000);
        histogram_record(driver.lag, (uint64_t)lag_ns);
        driver.tallies[0]->good++;
        driver.tallies[0]->arrived++;
        driver.tallies[0]->status[200]++;
        driver.tallies[0]->cached[i % 4 == 0 ? CACHED_MISS : CACHED_HIT]++;
        driver.tallies[0]->sources[SOURCE_CACHE_STATUS]++;
    }
    result_add(result, &driver);
    tally_free(&driver.tallies[0]);
    histogram_free(&driver.lag);
    histogram_free(&driver.wait);
}

static bool is_valid(double rate, double cpu, int64_t lag_ns, unsigned cores)
{
    make_plan(rate);
    struct result *result = result_new(&plan);

    add_driver(result, 1000, cpu, lag_ns);
    add_driver(result, 1000, cpu, lag_ns);
    result_finish(result, cores);
    bool valid = result->valid;

    CHECK(valid == (result->note_count == 0));
    result_free(&result);
    return valid;
}

TEST(a_client_that_used_its_core_up_makes_the_run_invalid)
{
    CHECK(is_valid(0, 0.94, 0, 4));
    CHECK(!is_valid(0, 0.96, 0, 4));
}

TEST(a_window_of_milliseconds_is_not_judged_by_its_cpu)
{
    make_plan(0);
    struct result *result = result_new(&plan);
    struct driver_result driver = {
        .tallies = {tally_new()},
        .lag = histogram_new(),
        .wait = histogram_new(),
        .cost = {.window_ns = 5000000, .cpu_ns = 5000000},
    };

    result_add(result, &driver);
    result_finish(result, 4);
    CHECK(result->valid);
    CHECK(result->note_count == 1);
    tally_free(&driver.tallies[0]);
    histogram_free(&driver.lag);
    histogram_free(&driver.wait);
    result_free(&result);
}

TEST(so_do_threads_that_share_too_few_cores)
{
    CHECK(is_valid(0, 0.45, 0, 1));
    CHECK(!is_valid(0, 0.49, 0, 1));
}

TEST(late_starts_make_an_open_loop_invalid_and_only_that)
{
    CHECK(is_valid(1000, 0.1, 900000, 4));
    CHECK(!is_valid(1000, 0.1, 1100000, 4));
    CHECK(is_valid(0, 0.1, 1100000, 4));
}

TEST(the_drivers_add_up)
{
    make_plan(0);
    struct result *result = result_new(&plan);

    add_driver(result, 1000, 0.5, 0);
    add_driver(result, 3000, 0.2, 0);
    result_finish(result, 4);
    CHECK(result->rate == 2000);
    CHECK(result->cpu_busiest == 0.5);
    CHECK(result->all->good == 4000);
    CHECK(result->failed == 0);
    CHECK(tally_hit_ratio(result->all) == 0.75);
    result_free(&result);
}

TEST(json_is_json_and_the_table_has_a_row_a_route)
{
    make_plan(100);
    struct result *result = result_new(&plan);
    struct buf text;

    add_driver(result, 1000, 0.99, 0);
    result_finish(result, 4);
    buf_init(&text, 1 << 20, NULL);
    result_json(result, &text);
    json_t *json = json_loadb((const char *)text.data, text.size, 0, NULL);

    CHECK(json != NULL);
    CHECK(json_is_false(json_object_get(json, "valid")));
    CHECK(json_array_size(json_object_get(json, "why_invalid")) == 1);
    json_t *route = json_array_get(json_object_get(json, "routes"), 0);

    CHECK(strcmp(json_string_value(json_object_get(route, "route")), "/a\"b") == 0);
    CHECK(json_integer_value(json_object_get(route, "requests")) == 1000);
    CHECK(json_real_value(json_object_get(json_object_get(json, "latency_ms"), "p99")) > 2.9);
    json_decref(json);
    buf_clear(&text);
    result_text(result, &text);
    CHECK(bytes_find_part(buf_bytes(&text), BYTES("/a\"b")) < text.size);
    CHECK(bytes_find_part(buf_bytes(&text), BYTES("INVALID: ")) < text.size);
    buf_fini(&text);
    result_free(&result);
}
