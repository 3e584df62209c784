/* ejection.c: failures in a row, and what follows. SPDX-License-Identifier: MIT */
#include "upstream/ejection.h"

void ejection_note_ok(struct ejection *ejection, int64_t for_ms, int64_t now_ms)
{
    int64_t until_ms = atomic_load_explicit(&ejection->until_ms, memory_order_relaxed);

    if (atomic_load_explicit(&ejection->failures, memory_order_relaxed) != 0)
        atomic_store_explicit(&ejection->failures, 0, memory_order_relaxed);
    /* It has been well for as long as it was out the first time. */
    if (until_ms != 0 && now_ms >= until_ms + for_ms) {
        atomic_store(&ejection->times, 0);
        atomic_store(&ejection->until_ms, 0);
    }
}

bool ejection_note_failure(struct ejection *ejection, uint64_t failures_max)
{
    uint64_t failures = atomic_fetch_add_explicit(&ejection->failures, 1, memory_order_relaxed) + 1;

    return failures_max > 0 && failures >= failures_max;
}

bool ejection_begin(struct ejection *ejection, int64_t for_ms, int64_t now_ms)
{
    int64_t until_ms = atomic_load(&ejection->until_ms);
    uint64_t times = atomic_load(&ejection->times) + 1;

    if (until_ms > now_ms)
        return false;
    if (times > EJECTION_TIMES_MAX)
        times = EJECTION_TIMES_MAX;
    if (!atomic_compare_exchange_strong(&ejection->until_ms, &until_ms,
                                        now_ms + for_ms * (int64_t)times))
        return false;
    atomic_store(&ejection->times, times);
    atomic_store(&ejection->failures, 0);
    return true;
}
