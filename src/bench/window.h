/* window.h: the part of a run that is measured, and what its thread cost meanwhile.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_BENCH_WINDOW_H
#define LARDER_BENCH_WINDOW_H

#include "bench/lane.h"
#include "bench/meter.h"

struct window {
    int64_t from_ns;
    int64_t to_ns; /* exclusive; moves to the front when the run ends early */
    bool open;     /* it has begun */
    struct meter meter;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* What was used between its two ends. */
struct window_cost {
    int64_t window_ns;
    int64_t cpu_ns;
    int64_t queue_ns;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

static inline bool window_holds(const struct window *window, int64_t at_ns)
{
    return at_ns >= window->from_ns && at_ns < window->to_ns;
}

/* Once a turn: opens it when it is time. */
void window_turn(struct window *window, const struct road *road, int64_t now_ns);

/* All zero when it never opened. */
struct window_cost window_close(const struct window *window, const struct road *road);

#endif
