/* mixer.h: writes one request after the other: which route, which key, how large a value.
 * SPDX-License-Identifier: MIT
 *
 * Threads: one mixer a thread, with a random source of its own; the plan is shared.
 * Limits: MIXER_BYTES_MAX bytes between two calls of mixer_clear.
 */
#ifndef LARDER_BENCH_MIXER_H
#define LARDER_BENCH_MIXER_H

#include "bench/plan.h"

enum { MIXER_BYTES_MAX = 256 << 20 };

struct mixer {
    const struct plan *plan;
    struct random random;
    struct buf out; /* the requests, one behind the other */
    uint8_t *values;
};

void mixer_init(struct mixer *mixer, const struct plan *plan, uint64_t seed);
void mixer_fini(struct mixer *mixer);

/* A route by weight. */
uint32_t mixer_route(struct mixer *mixer);

/* Appends a request of some route; returns which. */
uint32_t mixer_add(struct mixer *mixer);

/* Appends the command that sets key number `rank`. */
void mixer_add_fill(struct mixer *mixer, uint64_t rank);

void mixer_clear(struct mixer *mixer);

#endif
