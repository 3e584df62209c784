/* counts.h: what a worker of the gateway counts, and the closed list of reasons.
 * SPDX-License-Identifier: MIT
 *
 * Threads: written by the worker that owns them, read by any.
 */
#ifndef LARDER_SERVER_HTTP_COUNTS_H
#define LARDER_SERVER_HTTP_COUNTS_H

#include "base/counter.h"

#include <stddef.h>

enum gateway_reason {
#define REASON(name, text, meaning) REASON_##name,
#include "server/http/reasons.def"
#undef REASON
    REASONS_COUNT
};

const char *gateway_reason_text(enum gateway_reason reason);

/* One sentence. */
const char *gateway_reason_meaning(enum gateway_reason reason);

/* Upper bounds of the latency histogram in microseconds; one more bucket has no bound. */
enum { GATEWAY_BUCKETS = 16 };
extern const uint64_t gateway_bucket_us[GATEWAY_BUCKETS];

struct gateway_latency {
    struct counter buckets[GATEWAY_BUCKETS + 1]; /* not cumulative */
    struct counter sum_us;
    struct counter count;
};

struct gateway_metrics {
#define METRIC(name, kind, text) struct counter name;
#include "server/http/metrics.def"
#undef METRIC
    struct counter reasons[REASONS_COUNT];
    struct gateway_latency latency_hit;    /* answered from the cache */
    struct gateway_latency latency_origin; /* all others */
};

void gateway_latency_add(struct gateway_latency *latency, int64_t took_us);

#endif
