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

#include <stdio.h>

struct engine_bench;

/* Runs all phases and writes a row for each. ERR_SYSTEM: no threads to be had; ERR_DISK: `out`
 * takes no more. */
enum err bench_engine(const struct engine_bench *options, FILE *out, struct fault *fault);

/* The whole subcommand; `argv[0]` is its name, "engine". Exit status: 0 done, 1 it could not run, 2
 * the command line makes no sense. */
int bench_engine_main(int argc, char **argv);

#endif
