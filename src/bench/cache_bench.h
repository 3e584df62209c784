/* cache_bench.h: `larder bench cache`: which eviction policy misses how often.
 * SPDX-License-Identifier: MIT
 *
 * Replays traces (recorded ones, or mixtures of its own) through the engine's policies, in this
 * process and without values: two million requests take about a second.
 */
#ifndef LARDER_BENCH_CACHE_BENCH_H
#define LARDER_BENCH_CACHE_BENCH_H

#include "bench/replay.h"

#include <stdbool.h>

enum {
    CACHE_BENCH_TRACES_MAX = 256,
    CACHE_BENCH_CAPACITIES_MAX = 64,
    CACHE_BENCH_POLICIES_MAX = 32,
};

struct cache_bench_options {
    const char *traces[CACHE_BENCH_TRACES_MAX];    /* files */
    size_t trace_count;                            /* 0: the mixtures */
    double capacities[CACHE_BENCH_CAPACITIES_MAX]; /* shares of the working set */
    size_t capacity_count;
    enum policy_objective objective;
    const char *policies[CACHE_BENCH_POLICIES_MAX];
    size_t policy_count;
    enum replay_mode mode;
    bool json;
    bool progress; /* a bar on standard error */
    uint64_t seed;
    size_t requests; /* of a mixture */
};

/* Writes a row for each trace, capacity and policy: aligned text as they come, or one JSON list at
 * the end. Errors are those of trace_load; ERR_DISK also when `out` takes no more. */
enum err bench_cache(const struct cache_bench_options *options, FILE *out, struct fault *fault);

/* The whole subcommand; `argv[0]` is its name, "cache". Exit status: 0 done, 1 a trace could not be
 * read, 2 the command line makes no sense. */
int bench_cache_main(int argc, char **argv);

#endif
