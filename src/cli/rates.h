/* rates.h: what routes did between two readings of GET /v1/routes: the rows of `larder top`.
 * SPDX-License-Identifier: MIT
 *
 * The server only counts up; who looks twice knows what happened in between, percentiles included,
 * and several who look do not disturb each other.
 *
 * Memory: rates_read takes a list, rates_free gives it back. Limits: RATES_MAX routes.
 */
#ifndef LARDER_CLI_RATES_H
#define LARDER_CLI_RATES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { RATES_MAX = 4096 };

struct rate {
    const char *name; /* within the later reading */
    double requests;  /* a second */
    double hit_ratio; /* answered without a fetch of their own; negative: no requests */
    double sent_bytes;
    double errors;
    double saved_s; /* time that origins did not have to spend, a second */
    uint64_t p50_us, p99_us;
};

struct rates {
    size_t count;
    struct rate *rows;
    struct rate all; /* together, named "all" */
};

/* `before` may be NULL: since the routes began to count, `seconds` ago. Both are JSON as of
 * GET /v1/routes and must outlive the rates. False: they are something else. */
bool rates_read(const json_t *before, const json_t *now, double seconds, struct rates *ret_rates);
void rates_free(struct rates *rates);

enum rate_order {
    RATES_BY_REQUESTS,
    RATES_BY_HITS,
    RATES_BY_P99,
    RATES_BY_SAVED,
    RATES_BY_BYTES,
    RATES_BY_ERRORS,
    RATES_BY_NAME,
    RATE_ORDERS
};

/* "requests", "hits", ... */
const char *rate_order_name(enum rate_order order);

/* The most interesting first: the most requests, the fewest hits, the slowest... */
void rates_sort(struct rates *rates, enum rate_order order);

#endif
