/* The promises of bench/replay.h and bench/cache_bench.h. SPDX-License-Identifier: MIT */
#include "bench/replay.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "bench/cache_bench.h"
#include "bench/mixture.h"
#include "t.h"

static void make(struct trace *trace, const uint32_t *ids, size_t count, const uint32_t *sizes)
{
    struct trace_maker maker;
    struct fault fault = {0};

    trace_begin(&maker, trace, "test");
    for (size_t i = 0; i < count; i++)
        CHECK(trace_add(&maker, ids[i], sizes == NULL ? 1 : sizes[ids[i]], &fault) == ERR_OK);
    CHECK(trace_finish(&maker, &fault) == ERR_OK);
}

static struct replay_result run(const struct trace *trace, const char *policy, double fraction,
                                enum replay_mode mode)
{
    struct replay replay = {.trace = trace, .policy = policy, .fraction = fraction, .mode = mode};
    struct replay_result result = {0};

    CHECK(replay_run(&replay, &result) == ERR_OK);
    return result;
}

TEST(misses_are_those_that_one_counts_by_hand)
{
    const uint32_t ids[] = {1, 2, 3, 1, 4, 1, 2, 5, 1, 2};
    struct trace trace;
    struct replay_result result;

    make(&trace, ids, 10, NULL);
    /* Three places. LRU: 1 2 3 +1 4(2 out) +1 2(3 out) 5(4 out) +1 +2. */
    result = run(&trace, REPLAY_LRU_EXACT, 0.6, REPLAY_OBJECTS);
    CHECK(result.capacity == 3);
    CHECK(result.requests == 10);
    CHECK(result.misses == 6);
    /* FIFO: 1 2 3 +1 4(1 out) 1(2 out) 2(3 out) 5(4 out) +1 +2. */
    result = run(&trace, "fifo", 0.6, REPLAY_OBJECTS);
    CHECK(result.misses == 7);
    result = run(&trace, "noeviction", 0.6, REPLAY_OBJECTS);
    CHECK(result.misses == 5);
    result = run(&trace, "s3fifo", 1.0, REPLAY_OBJECTS);
    CHECK(result.misses == 5);
    trace_fini(&trace);
}

TEST(by_bytes_what_is_larger_than_the_cache_is_not_admitted)
{
    const uint32_t ids[] = {1, 2, 1, 3, 1, 3, 2};
    const uint32_t sizes[] = {0, 40, 30, 130};
    struct trace trace;
    struct replay_result result;

    make(&trace, ids, 7, sizes);
    result = run(&trace, REPLAY_LRU_EXACT, 0.35, REPLAY_BYTES); /* 70 of 200 */
    CHECK(result.capacity == 70);
    CHECK(result.misses == 4);
    CHECK(result.miss_bytes == 40 + 30 + 130 + 130);
    CHECK(result.request_bytes == 3 * 40 + 2 * 30 + 2 * 130);
    trace_fini(&trace);
}

TEST(a_cache_has_at_least_one_place)
{
    const uint32_t ids[] = {1, 1, 2, 2};
    struct trace trace;

    make(&trace, ids, 4, NULL);
    for (int i = 0; i < 2; i++)
        CHECK(run(&trace, i == 0 ? "s3fifo" : "sieve", 0.001, REPLAY_OBJECTS).misses == 2);
    trace_fini(&trace);
}

TEST(an_unknown_policy_is_an_error)
{
    const uint32_t ids[] = {1};
    struct trace trace;
    struct replay replay = {.trace = &trace, .policy = "magic", .fraction = 0.5};
    struct replay_result result;

    make(&trace, ids, 1, NULL);
    CHECK(replay_run(&replay, &result) == ERR_MISS);
    trace_fini(&trace);
}

TEST(the_default_policy_is_never_much_worse_than_lru_on_the_mixtures)
{
    for (size_t i = 0; i < mixture_count(); i++) {
        struct trace trace;
        struct fault fault = {0};

        CHECK(mixture_make(i, 100000, 5, &trace, &fault) == ERR_OK);
        for (int mode = 0; mode < 2; mode++) {
            uint64_t lru = run(&trace, REPLAY_LRU_EXACT, 0.05, (enum replay_mode)mode).misses;

            CHECK(run(&trace, "s3fifo", 0.05, (enum replay_mode)mode).misses < lru + lru / 50);
        }
        trace_fini(&trace);
    }
}

/* What the bench prints for these options. */
static void print(struct cache_bench_options *options, char *ret_text, size_t max)
{
    struct fault fault = {0};
    FILE *out = fmemopen(ret_text, max, "w");

    CHECK(out != NULL);
    options->capacities[0] = 0.01;
    options->capacity_count = 1;
    options->policies[0] = REPLAY_LRU_EXACT;
    options->policies[1] = "s3fifo";
    options->policy_count = 2;
    options->requests = 2000;
    options->seed = 1;
    CHECK(bench_cache(options, out, &fault) == ERR_OK);
    (void)fclose(out);
}

TEST(the_table_has_a_row_for_each_run_and_json_is_a_list_of_rows)
{
    struct cache_bench_options options = {.mode = REPLAY_BYTES};
    char text[16384] = "";
    size_t lines = 0;
    size_t rows = 0;

    print(&options, text, sizeof text);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    CHECK(lines == 1 + 2 * mixture_count());
    options.json = true;
    print(&options, text, sizeof text);
    for (const char *at = text; (at = strstr(at, "\"capacity_fraction\": 0.01,")) != NULL; at++)
        rows++;
    CHECK(rows == 2 * mixture_count());
    CHECK(text[0] == '[');
    CHECK(strcmp(text + strlen(text) - 3, "\n]\n") == 0);
}
