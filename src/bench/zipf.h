/* zipf.h: which key a client asks for: a few very often, most of them hardly ever.
 * SPDX-License-Identifier: MIT
 *
 * Rank k of n is drawn with probability proportional to 1 / k^s. s = 0 is uniform; the web's caches
 * see 0.6 to 1.2. Drawn by rejection-inversion (Hörmann and Derflinger, 1996): no table, so n may
 * be anything, and 1.2 tries a draw at the most.
 *
 * Threads: never changes after zipf_init, so any number may draw from it, each with a random source
 * of its own.
 */
#ifndef LARDER_BENCH_ZIPF_H
#define LARDER_BENCH_ZIPF_H

#include "base/random.h"

#define ZIPF_COUNT_MAX    (UINT64_C(1) << 48)
#define ZIPF_EXPONENT_MAX 20.0

struct zipf {
    uint64_t count;
    double exponent;
    /* Of the integral H of the law 1 / x^s: its values at both ends, and the width within which a
     * draw needs no second look. */
    double low;
    double high;
    double sure;
};

/* 1 <= count <= ZIPF_COUNT_MAX, 0 <= exponent <= ZIPF_EXPONENT_MAX. */
void zipf_init(struct zipf *zipf, uint64_t count, double exponent);

/* A rank from 0, the most frequent, to count - 1. */
uint64_t zipf_draw(const struct zipf *zipf, struct random *random);

#endif
