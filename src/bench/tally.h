/* tally.h: what happened to the requests of one route, as one thread saw it.
 * SPDX-License-Identifier: MIT
 *
 * Two questions need two sets of requests. How long did they take? Those that were *due* within
 * the measured window, so that the slow ones at its end are not forgotten. How many a second? The
 * answers that *arrived* within it.
 *
 * Threads: one writes; merged when it has stopped.
 */
#ifndef LARDER_BENCH_TALLY_H
#define LARDER_BENCH_TALLY_H

#include "bench/http_answer.h"
#include "ds/histogram.h"

enum failure {
#define FAILURE(name, key, text) FAILURE_##name,
#include "bench/failure.def"
#undef FAILURE
    FAILURE_COUNT
};

const char *failure_key(enum failure failure);
const char *failure_text(enum failure failure);

enum { TALLY_STATUS_MAX = 600 };

struct tally {
    struct histogram *latency; /* ns from when it was due to the last byte of a good answer */
    uint64_t arrived;          /* good answers within the window */
    uint64_t good;             /* good answers to requests that were due within the window */
    uint64_t failures[FAILURE_COUNT]; /* requests that were due within the window */
    uint64_t status[TALLY_STATUS_MAX];
    uint64_t cached[CACHED_COUNT];
    uint64_t sources[SOURCE_COUNT];
    uint64_t body_bytes;
};

struct tally *tally_new(void);
void tally_free(struct tally **owner);
void tally_merge(struct tally *tally, const struct tally *from);
uint64_t tally_failed(const struct tally *tally);

/* The share of answers that came from a cache, stale ones included, among those that said; -1
 * when none said anything. */
double tally_hit_ratio(const struct tally *tally);

#endif
