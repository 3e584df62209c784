/* aside.h: what a server misses when an application keeps a cache aside: a trace, replayed.
 * SPDX-License-Identifier: MIT
 *
 * Each request of the trace is a GET; when there is nothing, a SET of a value of the object's size
 * follows, as a cache-aside application does after it asked its database. What comes out is how
 * many requests missed: the sum of everything that a server does with its memory, its overhead for
 * each item and its choice of what to evict.
 *
 * One by one that is a round trip a request. Batches are faster, and must not change the result:
 *
 *   SETs of the last batch's misses | GETs of this batch   ->   answers   ->   and so on
 *
 * A batch ends before an object that is already in it, so no request comes before the SET of an
 * earlier one of the same object. What remains of the difference: a SET happens up to a batch later
 * than it would, some dozens of requests against the many thousands that a cache holds.
 *
 * Every value begins with its object's key, and is checked: a server that gives a wrong or a cut
 * value is told apart from one that misses.
 *
 * Memory: four bytes an object, beside the trace. Threads: one.
 */
#ifndef LARDER_BENCH_ASIDE_H
#define LARDER_BENCH_ASIDE_H

#include "bench/trace.h"
#include "bench/wire.h"

enum { ASIDE_BATCH_MAX = 1024, ASIDE_KEY_SIZE = 16 };

struct aside {
    const struct trace *trace;
    size_t batch_max; /* 1 ... ASIDE_BATCH_MAX */
    uint64_t size_low;
    uint64_t size_high; /* 0: the trace's sizes; else each object's is drawn from its number */
    /* Told now and then how many requests are done; may be NULL. */
    void (*progress)(void *context, size_t done);
    void *context;
};

struct aside_result {
    uint64_t requests;
    uint64_t misses;
    uint64_t request_bytes;
    uint64_t miss_bytes;
    uint64_t refused; /* SETs that the server did not take */
    uint64_t wrong;   /* values that were not what was set */
    uint64_t batches;
    int64_t elapsed_ns;
    char why_refused[128]; /* what the server said to the first */
};

/* The bytes of object `id`'s value. */
uint64_t aside_size(const struct aside *aside, uint32_t id);

/* ERR_TOO_BIG: an object is larger than WIRE_VALUE_MAX. Else the errors of wire_answer. */
enum err aside_run(const struct aside *aside, struct wire *wire, struct aside_result *ret_result,
                   struct fault *fault);

/* The whole subcommand; `argv[0]` is its name, "replay". Exit status: 0 done, 1 the trace could not
 * be read, the server not be reached, or values were wrong; 2 the command line makes no sense. */
int bench_replay_main(int argc, char **argv);

#endif
