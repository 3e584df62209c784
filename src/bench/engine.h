/* engine.h: `larder bench engine`: the engine alone, in this process, without sockets.
 * SPDX-License-Identifier: MIT
 *
 * Fills a cache with items of one size, tells what an item costs (by the engine's own books, and by
 * what the system says that the process takes), and measures reads, replacing writes and a mixture
 * of both: one by one and in batches, with all items alike and with favourites, by one thread, two,
 * four and so on. It is the figure to look at before and after a change of the engine; what a
 * client gets is measured by `larder bench resp` and `... http`.
 */
#ifndef LARDER_BENCH_ENGINE_H
#define LARDER_BENCH_ENGINE_H

#include "base/fault.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { ENGINE_THREADS_MAX = 256, ENGINE_LAWS_MAX = 8, ENGINE_VALUE_MAX = 1 << 20 };

enum engine_phase {
    ENGINE_FILL, /* always done, and first */
    ENGINE_GET,
    ENGINE_GET_BATCH,
    ENGINE_PUT,
    ENGINE_PUT_BATCH,
    ENGINE_MIXED,
    ENGINE_MIXED_BATCH,
    ENGINE_PHASES
};

const char *engine_phase_name(enum engine_phase phase);
const char *engine_phase_text(enum engine_phase phase);

struct engine_bench {
    uint64_t items;
    uint64_t value_bytes; /* up to ENGINE_VALUE_MAX */
    uint64_t threads;     /* the most; measured are 1, 2, 4 ... and this */
    int64_t phase_ms;
    double exponents[ENGINE_LAWS_MAX]; /* of the popularity; 0: all alike */
    unsigned exponent_count;
    unsigned phases; /* a bit for each */
    uint64_t memory_max;
    const char *policy;
    bool json;
};

/* Runs all phases and writes a row for each. ERR_SYSTEM: no threads to be had; ERR_DISK: `out`
 * takes no more. */
enum err bench_engine(const struct engine_bench *options, FILE *out, struct fault *fault);

/* The whole subcommand; `argv[0]` is its name, "engine". Exit status: 0 done, 1 it could not run, 2
 * the command line makes no sense. */
int bench_engine_main(int argc, char **argv);

#endif
