/* mixture.h: made-up traces, for when no recorded one is at hand.
 * SPDX-License-Identifier: MIT
 *
 * Each mixes what caches meet: a few objects that are asked for again and again (Zipf), favourites
 * that change, scans, loops, objects that are asked for once. Sizes are heavy-tailed (median 600
 * bytes, mean 1.8 KB), independent of popularity unless the name says otherwise. The same seed
 * makes the same trace.
 */
#ifndef LARDER_BENCH_MIXTURE_H
#define LARDER_BENCH_MIXTURE_H

#include "bench/trace.h"

enum { MIXTURE_REQUESTS = 1000000 };

size_t mixture_count(void);
const char *mixture_name(size_t number);
const char *mixture_text(size_t number); /* what it is made of */

/* ERR_FULL: no memory. */
enum err mixture_make(size_t number, size_t requests, uint64_t seed, struct trace *trace,
                      struct fault *fault);

#endif
