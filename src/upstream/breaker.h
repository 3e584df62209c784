/* breaker.h: leaves an origin alone that fails, and finds out when it is well again.
 * SPDX-License-Identifier: MIT
 *
 * Without it every request to a dead origin waits for its time-out, and an origin that comes back
 * is met by all of them at once.
 *
 *              `failures` in a row, or `error_rate` of at
 *              least `min_requests` within `window`
 *     CLOSED ------------------------------------------> OPEN
 *       ^                                                 |  after `open_for`
 *       |  `probes` requests, one after the other,        v
 *       `----------------------------------------- HALF OPEN  one request at a time is let through;
 *                                                         |   it fails: OPEN
 *
 * The window is a ring of slots; a slot that is older than the window counts as empty.
 *
 * Threads: any; all workers share one. No locks. Pure: the time is a parameter.
 * Limits: a slot counts up to a million requests and then stays there.
 */
#ifndef LARDER_UPSTREAM_BREAKER_H
#define LARDER_UPSTREAM_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    BREAKER_SLOTS = 10,
    BREAKER_SUSPECT = 2, /* failures in a row: one alone may be of one URL */
};

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker_rules {
    uint64_t failures_max; /* in a row; 0: they do not count */
    int64_t window_ms;
    uint64_t requests_min;
    double error_rate;
    int64_t open_ms;
    uint64_t probes;
};

struct breaker {
    _Atomic uint64_t state;    /* the state, whether a probe is under way, and since when */
    _Atomic uint64_t failures; /* in a row */
    _Atomic uint64_t probed;   /* probes in a row that went well */
    _Atomic uint64_t slots[BREAKER_SLOTS];
};

enum breaker_leave {
    BREAKER_PASS,
    BREAKER_PROBE, /* go, and tell how it went: breaker_note or breaker_forget */
    BREAKER_REFUSE
};

/* May a request go? */
enum breaker_leave breaker_ask(struct breaker *breaker, const struct breaker_rules *rules,
                               int64_t now_ms);

/* How a request ended. `is_answered`: the origin answered it, with an error perhaps; only what it
 * did not answer counts as failed in a row. True: the breaker opened or closed with this. */
struct breaker_outcome {
    bool is_ok;
    bool is_answered;
    bool is_probe;
};

bool breaker_note(struct breaker *breaker, const struct breaker_rules *rules,
                  struct breaker_outcome outcome, int64_t now_ms);

/* A probe ended and nothing was learnt: its client left. */
void breaker_forget(struct breaker *breaker, int64_t now_ms);

enum breaker_state breaker_state(const struct breaker *breaker);
int64_t breaker_since_ms(const struct breaker *breaker);

/* The last two requests failed, or more did: whoever need not wait for the origin should not. */
static inline bool breaker_is_suspect(const struct breaker *breaker)
{
    return atomic_load_explicit(&breaker->failures, memory_order_relaxed) >= BREAKER_SUSPECT ||
           breaker_state(breaker) != BREAKER_CLOSED;
}

/* Requests and failures within the window. */
struct breaker_counts {
    uint64_t requests, failures;
};
struct breaker_counts breaker_counts(const struct breaker *breaker,
                                     const struct breaker_rules *rules, int64_t now_ms);

#endif
