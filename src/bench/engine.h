/* engine.h: `larder bench engine`: the engine alone, in this process, without sockets.
 * SPDX-License-Identifier: MIT
 *
 * Fills a cache with items of one size and measures reads, replacing writes and a mixture of both,
 * from one or more threads; then tells what an item costs: by the engine's own books, and by what
 * the system says that the process takes (RSS). It is the figure to look at before and after a
 * change of the engine; what a client gets is measured by `larder bench http` and `... resp`.
 */
#ifndef LARDER_BENCH_ENGINE_H
#define LARDER_BENCH_ENGINE_H

#include "base/fault.h"

#include <stdint.h>
#include <stdio.h>

struct engine_bench {
    uint64_t items;
    uint64_t value_bytes;
    uint64_t threads;
    int64_t phase_ms;
    double exponent; /* of the popularity; 0: all alike */
    uint64_t memory_max;
    const char *policy;
};

/* Runs all phases and writes a row for each. ERR_SYSTEM: no threads to be had. */
enum err bench_engine(const struct engine_bench *options, FILE *out, struct fault *fault);

/* The whole subcommand; `argv[0]` is its name, "engine". Exit status: 0 done, 1 it could not run, 2
 * the command line makes no sense. */
int bench_engine_main(int argc, char **argv);

#endif
