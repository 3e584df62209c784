/* driver.h: one thread of the load generator: its lanes, its schedule, its counts.
 * SPDX-License-Identifier: MIT
 *
 *   connect all -> (fill) -> everybody is ready -> warm-up -> measured window -> drain
 *
 * Closed loop: a lane whose last answer came sends its next requests at once. Open loop: a request
 * is due at the time that its arrival says; it starts on a lane that has room, or waits for one,
 * and its latency counts from when it was due in either case. Two delays are kept apart: `lag` is
 * how late this thread noticed that something was due (its own fault: it was busy, or not
 * scheduled), `wait` is how long a due request then waited for a lane (the server's fault, or too
 * few lanes).
 *
 * Threads: driver_run is the body of a thread; before and after it, the driver belongs to its
 * maker. Limits: DRIVER_BACKLOG_MAX requests wait for a lane; more are counted as unsent.
 */
#ifndef LARDER_BENCH_DRIVER_H
#define LARDER_BENCH_DRIVER_H

#include "base/counter.h"
#include "base/fault.h"
#include "bench/plan.h"
#include "bench/tally.h"
#include "bench/window.h"

#include <pthread.h>

/* What all drivers of a run share. */
struct stage {
    const struct plan *plan;
    pthread_barrier_t ready;
    _Atomic bool failed;      /* somebody could not connect or fill: nobody measures */
    _Atomic bool stop;        /* a signal came: measure no more, tell what there is */
    _Atomic int64_t start_ns; /* when the warm-up began; 0: not yet */
};

struct driver_result {
    struct tally *tallies[PLAN_ROUTES_MAX];
    struct histogram *lag;            /* ns, open loop */
    struct histogram *wait;           /* ns, open loop */
    uint64_t failures[FAILURE_COUNT]; /* that belong to no request */
    struct window_cost cost;
};

struct driver;

/* Driver `number` of plan->threads: it takes its share of connections, rate, requests and keys. */
struct driver *driver_new(struct stage *stage, unsigned number);
void driver_free(struct driver **owner);

/* For pthread_create; the context is the driver. */
void *driver_run(void *context);

/* After the thread has ended. The fault says why nothing was measured (ERR_PEER_DOWN...). */
enum err driver_outcome(const struct driver *driver, struct fault *fault);
const struct driver_result *driver_result(const struct driver *driver);

/* At any time, from any thread. */
uint64_t driver_answered(const struct driver *driver);
uint64_t driver_failed(const struct driver *driver);

#endif
