/* softening.c: the times of soft purges. SPDX-License-Identifier: MIT
 *
 * A reader asks in the order last, last_ms, first, first_ms, and these are stored the other way
 * round: who sees the new purge sees what became of the ones before it.
 */
#include "cache/softening.h"

static void set_first(struct softening *softening, uint64_t sequence, int64_t ms)
{
    atomic_store_explicit(&softening->first_ms, ms, memory_order_release);
    atomic_store_explicit(&softening->first, sequence, memory_order_release);
}

void softening_add(struct softening *softening, uint64_t sequence, int64_t now_ms, uint64_t swept)
{
    uint64_t first = atomic_load_explicit(&softening->first, memory_order_relaxed);
    uint64_t last = atomic_load_explicit(&softening->last, memory_order_relaxed);
    int64_t last_ms = atomic_load_explicit(&softening->last_ms, memory_order_relaxed);

    if (last <= swept)
        set_first(softening, sequence, now_ms);
    else if (first <= swept)
        set_first(softening, last, last_ms);
    else if (first != last && last_ms < now_ms)
        now_ms = last_ms;
    atomic_store_explicit(&softening->last_ms, now_ms, memory_order_release);
    atomic_store_explicit(&softening->last, sequence, memory_order_release);
}

int64_t softening_ms(const struct softening *softening, uint64_t sequence)
{
    int64_t first_ms = 0, last_ms = 0;

    if (softening_last(softening) <= sequence)
        return INT64_MAX;
    last_ms = atomic_load_explicit(&softening->last_ms, memory_order_acquire);
    if (atomic_load_explicit(&softening->first, memory_order_acquire) <= sequence)
        return last_ms;
    first_ms = atomic_load_explicit(&softening->first_ms, memory_order_acquire);
    /* The threads' clocks may differ a little. */
    return first_ms < last_ms ? first_ms : last_ms;
}
