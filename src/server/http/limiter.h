/* limiter.h: how many requests each visitor may still make: token buckets for all workers.
 * SPDX-License-Identifier: MIT
 *
 * A bucket is one number: the time at which it will be full again (GCRA). A request moves it one
 * interval on; one that would move it further than the burst allows is refused. A bucket that is
 * full says nothing and needs no place, so the table forgets nothing that matters until more
 * visitors than it has places are below full; then the one that is nearest to full goes, and is
 * counted.
 *
 *   places  | bucket: 4 x {hash of route and visitor, full at} | ...      a cache line each
 *
 * Memory: 16 bytes a place, all of it at birth. O(1), no lock: two workers that give away the same
 * place at the same moment may let one request too many through.
 * Threads: any.
 */
#ifndef LARDER_SERVER_HTTP_LIMITER_H
#define LARDER_SERVER_HTTP_LIMITER_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/fault.h"

struct limiter;

struct limiter_rate {
    int64_t interval_ns; /* between two requests; 0: no limit */
    uint64_t burst;      /* requests at once, >= 1 */
};

struct limiter_state {
    uint64_t left;    /* requests that may come at once */
    int64_t retry_ns; /* until the next may come; 0: now */
    bool has_evicted; /* somebody else's bucket, which was not full */
};

/* "100/s", "10/m", "5000/h", "1/d". ERR_SYNTAX; ERR_RANGE: none at all, or more than a million a
 * second. */
enum err limiter_rate_parse(struct bytes text, struct limiter_rate *ret_rate);

/* Rounded up to a power of two. It has one use; the last one that is dropped ends it. */
struct limiter *limiter_new(uint64_t places);
struct limiter *limiter_hold(struct limiter *limiter);
void limiter_drop(struct limiter **owner);
size_t limiter_size(const struct limiter *limiter); /* bytes */

/* Takes one request out of the bucket of `hash` (well mixed, not 0), if there is one. False: there
 * is none. `now_ns` may go back a little between threads. */
bool limiter_take(struct limiter *limiter, uint64_t hash, struct limiter_rate rate, int64_t now_ns,
                  struct limiter_state *ret_state);

#endif
