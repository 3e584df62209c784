/* ewma.h: how long a server takes to answer: a mean that believes bad news at once.
 * SPDX-License-Identifier: MIT
 *
 * "Peak" exponentially weighted moving average: an answer that took longer than the mean is the new
 * mean; quicker ones pull it down over EWMA_TAU_MS. So a server that begins to stall loses its
 * requests with the first slow answer, not after ten of them. While nothing is heard of it the mean
 * fades, and the server gets its chance again.
 *
 * Threads: any; two notes at the same moment may lose one of them, which a mean can bear.
 * Pure: the time is a parameter.
 */
#ifndef LARDER_UPSTREAM_EWMA_H
#define LARDER_UPSTREAM_EWMA_H

#include <stdatomic.h>
#include <stdint.h>

enum { EWMA_TAU_MS = 10000 };

struct ewma {
    _Atomic double ms;     /* the mean */
    _Atomic int64_t at_ms; /* of the last note */
};

void ewma_note(struct ewma *ewma, int64_t took_ms, int64_t now_ms);

/* Milliseconds; 0: nothing is known. */
double ewma_read(const struct ewma *ewma, int64_t now_ms);

#endif
