/* softening.c: the times of soft purges. SPDX-License-Identifier: MIT
 *
 * A reader asks in the order last, last_ms, before_last, old_ms, and these are stored the other way
 * round: who sees the new purge sees what became of the ones before it.
 */
#include "cache/softening.h"

/* The oldest purge that may not be written down yet. */
static void grow_older(struct softening *softening, uint64_t sequence, int64_t now_ms,
                       uint64_t swept)
{
    if (softening->next > swept)
        return;
    atomic_store_explicit(&softening->old_ms, softening->next_ms, memory_order_release);
    softening->next = sequence;
    softening->next_ms = now_ms;
}

void softening_add(struct softening *softening, uint64_t sequence, int64_t now_ms, uint64_t swept)
{
    uint64_t last = softening_last(softening);

    if (last <= swept) {
        softening->next = 0;
        softening->next_ms = now_ms;
    }
    grow_older(softening, sequence, now_ms, swept);
    atomic_store_explicit(&softening->before_last, last, memory_order_release);
    atomic_store_explicit(&softening->last_ms, now_ms, memory_order_release);
    atomic_store_explicit(&softening->last, sequence, memory_order_release);
}

int64_t softening_ms(const struct softening *softening, uint64_t sequence)
{
    int64_t old_ms = 0, last_ms = 0;

    if (softening_last(softening) <= sequence)
        return INT64_MAX;
    last_ms = atomic_load_explicit(&softening->last_ms, memory_order_acquire);
    if (atomic_load_explicit(&softening->before_last, memory_order_acquire) <= sequence)
        return last_ms;
    old_ms = atomic_load_explicit(&softening->old_ms, memory_order_acquire);
    /* The threads' clocks may differ a little. */
    return old_ms < last_ms ? old_ms : last_ms;
}
