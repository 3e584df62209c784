/* ewma.c: the mean and its fading. SPDX-License-Identifier: MIT */
#include "upstream/ewma.h"

#include <math.h>

/* What is left of the past after so long. */
static double share_left(int64_t since_ms, int64_t now_ms)
{
    return since_ms >= now_ms ? 1 : exp((double)(since_ms - now_ms) / EWMA_TAU_MS);
}

double ewma_read(const struct ewma *ewma, int64_t now_ms)
{
    return atomic_load_explicit(&ewma->ms, memory_order_relaxed) *
           share_left(atomic_load_explicit(&ewma->at_ms, memory_order_relaxed), now_ms);
}

void ewma_note(struct ewma *ewma, int64_t took_ms, int64_t now_ms)
{
    double mean = atomic_load_explicit(&ewma->ms, memory_order_relaxed);
    double share = share_left(atomic_load_explicit(&ewma->at_ms, memory_order_relaxed), now_ms);
    double took = (double)took_ms;

    mean = took > mean ? took : mean * share + took * (1 - share);
    atomic_store_explicit(&ewma->ms, mean, memory_order_relaxed);
    atomic_store_explicit(&ewma->at_ms, now_ms, memory_order_relaxed);
}
