/* plan.h: what a run of the load generator does: the command line, read and checked.
 * SPDX-License-Identifier: MIT
 *
 * Everything is decided before the first byte is sent, so that the threads which measure only
 * read: they share one plan, and it never changes.
 *
 * Memory: texts of the command line are borrowed; the rest is in the plan's arena.
 * Limits: PLAN_... below.
 */
#ifndef LARDER_BENCH_PLAN_H
#define LARDER_BENCH_PLAN_H

#include "base/arena.h"
#include "base/fault.h"
#include "bench/template.h"
#include "net/address.h"

enum {
    PLAN_ROUTES_MAX = 32,
    PLAN_FIELDS_MAX = 32,
    PLAN_WORDS_MAX = 16,
    PLAN_CONNECTIONS_MAX = 100000,
    PLAN_THREADS_MAX = 256,
    PLAN_PIPELINE_MAX = 4096,
    PLAN_WEIGHT_MAX = 1000000,
    PLAN_VALUE_MAX = 16 << 20, /* bytes */
    PLAN_BODY_MAX = 16 << 20,  /* bytes */
    PLAN_ARENA_MAX = 64 << 20, /* bytes */
};

enum plan_protocol { PLAN_HTTP, PLAN_RESP, PLAN_MEMCACHED };

struct route {
    struct bytes name;
    uint64_t weight;
    struct template template;
    uint8_t expected_type; /* not HTTP: '$' may also be nothing (a miss); 0: all but errors */
};

struct plan {
    enum plan_protocol protocol;
    struct address address;
    struct bytes authority; /* host and port as the user wrote them */

    /* how long, how much */
    int64_t duration_ns;
    int64_t warmup_ns;
    int64_t timeout_ns;
    uint64_t requests_max; /* 0: as many as fit into the duration */
    double rate;           /* a second; 0: closed loop */
    uint64_t connections;
    uint64_t threads;
    uint64_t pipeline;

    /* what */
    struct route routes[PLAN_ROUTES_MAX];
    uint64_t weight_sum;
    unsigned route_count;
    uint64_t keys; /* 0: not said */
    uint64_t first_key;
    uint64_t key_width;
    double exponent;
    struct zipf key_law;
    uint64_t value_low; /* bytes, drawn log-uniformly up to value_high */
    uint64_t value_high;
    int64_t ttl_ns; /* of what is set; 0: for ever */
    struct template fill_template;
    uint64_t seed;

    /* what must come back */
    uint64_t expected_status;   /* 0: any 2xx */
    uint64_t expected_size_low; /* bytes */
    uint64_t expected_size_high;

    /* switches */
    bool poisson;
    bool fill;
    bool has_expected_size;
    bool to_head;
    bool json;
    bool allow_remote;
    bool allow_errors;
    bool help;
    bool has_duration;
    bool has_warmup;

    /* as written, until plan_finish has read it */
    struct bytes targets[PLAN_ROUTES_MAX]; /* URLs, or commands */
    unsigned target_count;
    struct bytes fields[PLAN_FIELDS_MAX];
    unsigned field_count;
    struct bytes method;
    struct bytes body;
    struct bytes key_pattern;
    struct bytes place; /* not HTTP: host:port */
    struct arena arena;
};

void plan_init(struct plan *plan, enum plan_protocol protocol);
void plan_fini(struct plan *plan);

/* Turns what was written into routes and an address, and checks that it makes sense together. The
 * fault says what does not, and what to write instead. */
enum err plan_finish(struct plan *plan, struct fault *fault);

#endif
