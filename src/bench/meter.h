/* meter.h: what the calling thread cost so far, for telling a busy client from a slow server.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_BENCH_METER_H
#define LARDER_BENCH_METER_H

#include <stdint.h>

struct meter {
    int64_t at_ns;
    int64_t cpu_ns;   /* used */
    int64_t queue_ns; /* wanted, and waited for; 0 where the kernel does not tell */
};

struct meter meter_read(void);

#endif
