/* result.h: what all drivers of a run saw, added up, and whether it may be believed.
 * SPDX-License-Identifier: MIT
 *
 * A run is INVALID when the figures are the client's and not the server's: when a driver used
 * (nearly) all of its core, or all drivers together all that they may run on, or when, in open
 * loop, requests were started late because the client was late. Waiting for a free connection is
 * not the client's lateness: that is in the latencies, where it belongs, and earns a note.
 */
#ifndef LARDER_BENCH_RESULT_H
#define LARDER_BENCH_RESULT_H

#include "bench/driver.h"

enum { RESULT_NOTES_MAX = 8, RESULT_NOTE_SIZE = 512 };

#define RESULT_CPU_MAX    0.95             /* of a core: above, the client is the bottleneck */
#define RESULT_CPU_MIN_S  0.25             /* in a shorter window that share means nothing */
#define RESULT_LAG_MAX_NS INT64_C(1000000) /* p99; below, nobody calls it late */
#define RESULT_LAG_SHARE  0.1              /* of the p99 of the latencies: the same */

struct result {
    const struct plan *plan;
    struct tally *routes[PLAN_ROUTES_MAX];
    struct tally *all;
    struct histogram *lag;  /* ns, open loop */
    struct histogram *wait; /* ns, open loop */
    uint64_t failed;        /* requests, and failures that belong to none */
    uint64_t bytes_in;
    uint64_t bytes_out;
    double seconds;     /* of the window */
    double rate;        /* good answers a second */
    double cpu_busiest; /* cores: of the busiest driver */
    double cpu;         /* cores: of all drivers */
    double queued;      /* share of the window that the worst driver waited for a core */
    unsigned cores;     /* that this process may run on */
    bool valid;
    unsigned invalid_count; /* so many of the notes say why it is INVALID; they come first */
    unsigned note_count;
    char notes[RESULT_NOTES_MAX][RESULT_NOTE_SIZE];
};

struct result *result_new(const struct plan *plan);
void result_free(struct result **owner);

void result_add(struct result *result, const struct driver_result *driver);

/* When all are added: rates, and the verdict. */
void result_finish(struct result *result, unsigned cores);

/* ---- how it is told ------------------------------------------------------------------------ */

void result_text(const struct result *result, struct buf *out);
void result_json(const struct result *result, struct buf *out);

#endif
