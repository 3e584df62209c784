/* tally.h: what each route did, counted by each worker for itself.
 * SPDX-License-Identifier: MIT
 *
 * The sums over the gateway tell that something is slow or not cached; an operator asks where. So
 * every route has a row of counts a worker: outcomes, reasons, bytes, and how long requests took,
 * in buckets of an eighth of an octave, so that a percentile of any span of time is the difference
 * of two readings.
 *
 *   took (us)   0 1 ... 7 | 8 ... 15    | 16, 18 ... 30 | 32, 36 ... 60 | ...
 *   bucket      one each  | one each    | 8 of width 2  | 8 of width 4  | and so on
 *
 * Rows belong to names, not to a site: a route that is there before and after the configuration is
 * read anew goes on counting.
 *
 * Memory: 2.4 KiB a route and worker. Threads: a row is written by its worker and read by any;
 * tallies_of may be called anywhere. Limits: TALLIES_MAX names, later ones share the last row.
 */
#ifndef LARDER_SERVER_HTTP_TALLY_H
#define LARDER_SERVER_HTTP_TALLY_H

#include "server/http/counts.h"

#include <stdbool.h>

enum {
    TALLIES_MAX = 2048,
    TALLY_OUTCOMES = 9, /* of enum outcome */
    TALLY_BITS = 3,
    TALLY_OCTAVES = 32, /* up to 71 minutes; longer ones count as that */
    TALLY_BUCKETS = (TALLY_OCTAVES - TALLY_BITS + 1) << TALLY_BITS,
};

struct tally {
    struct counter outcomes[TALLY_OUTCOMES];
    struct counter sent_bytes;
    struct counter errors;   /* answers with 5xx, whoever made them */
    struct counter fetches;  /* requests that fetched what they wanted */
    struct counter fetch_us; /* how long they took, together */
    struct counter took[TALLY_BUCKETS];
    struct counter took_us;
    struct counter reasons[REASONS_COUNT];
} __attribute__((aligned(64)));

struct tallies;

struct tallies *tallies_new(unsigned workers);
void tallies_free(struct tallies **owner);

/* The rows of the route of this name, one a worker; they stay until tallies_free. */
struct tally *tallies_of(struct tallies *tallies, const char *name);

/* Calls `each` with every name, in the order in which they came, and the sum of its rows. */
typedef void tallies_fn(void *context, const char *name, const struct tally *sum);
void tallies_read(struct tallies *tallies, tallies_fn *each, void *context);

static inline size_t tally_bucket(uint64_t us)
{
    if (us < (1 << TALLY_BITS))
        return (size_t)us;
    unsigned octave = 63 - (unsigned)__builtin_clzll(us);

    if (octave >= TALLY_OCTAVES)
        return TALLY_BUCKETS - 1;
    return ((size_t)(octave - TALLY_BITS) << TALLY_BITS) + (size_t)(us >> (octave - TALLY_BITS));
}

/* The least value of a bucket; of TALLY_BUCKETS the end of the last. */
uint64_t tally_bucket_us(size_t bucket);

/* How many took less than so long, which is a power of two. */
uint64_t tally_below(const struct tally *tally, uint64_t us);

#endif
