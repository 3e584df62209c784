/* window.c: reading the meter at both ends. SPDX-License-Identifier: MIT */
#include "bench/window.h"

void window_turn(struct window *window, const struct road *road, int64_t now_ns)
{
    if (window->open || now_ns < window->from_ns)
        return;
    window->open = true;
    window->meter = meter_read();
    window->bytes_in = road->bytes_in;
    window->bytes_out = road->bytes_out;
}

/* The meter is read at the turns nearest to the two ends, so what it says is scaled to the window
 * itself. */
static int64_t scaled(int64_t used_ns, int64_t metered_ns, int64_t window_ns)
{
    if (metered_ns <= 0)
        return 0;
    return (int64_t)((double)used_ns * (double)window_ns / (double)metered_ns);
}

struct window_cost window_close(const struct window *window, const struct road *road)
{
    struct meter meter = meter_read();
    int64_t window_ns = window->to_ns - window->from_ns;
    int64_t metered_ns = meter.at_ns - window->meter.at_ns;

    if (!window->open || window_ns <= 0)
        return (struct window_cost){.window_ns = 0};
    return (struct window_cost){
        .window_ns = window_ns,
        .cpu_ns = scaled(meter.cpu_ns - window->meter.cpu_ns, metered_ns, window_ns),
        .queue_ns = scaled(meter.queue_ns - window->meter.queue_ns, metered_ns, window_ns),
        .bytes_in = road->bytes_in - window->bytes_in,
        .bytes_out = road->bytes_out - window->bytes_out,
    };
}
