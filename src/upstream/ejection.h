/* ejection.h: takes a server out of the choice that fails again and again.
 * SPDX-License-Identifier: MIT
 *
 * `failures` in a row (no answer, or 5xx) put a server out for `for`, and each time it happens
 * again for longer, up to EJECTION_TIMES_MAX times that. Only a share of an origin's servers may be
 * out at a time: where all fail, it is not the servers, and choosing none helps nobody.
 *
 * Threads: any; all workers share one for each server. Pure: the time is a parameter.
 */
#ifndef LARDER_UPSTREAM_EJECTION_H
#define LARDER_UPSTREAM_EJECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EJECTION_TIMES_MAX = 10 };

struct ejection {
    _Atomic uint64_t failures; /* in a row */
    _Atomic uint64_t times;    /* that it was put out, lately */
    _Atomic int64_t until_ms;  /* in the past: it is not out */
};

void ejection_note_ok(struct ejection *ejection, int64_t for_ms, int64_t now_ms);

/* True: the limit is reached, and the server should go out if that is allowed. */
bool ejection_note_failure(struct ejection *ejection, uint64_t failures_max);

/* Puts it out; true: it was not. */
bool ejection_begin(struct ejection *ejection, int64_t for_ms, int64_t now_ms);

static inline bool ejection_is_out(const struct ejection *ejection, int64_t now_ms)
{
    return atomic_load_explicit(&ejection->until_ms, memory_order_relaxed) > now_ms;
}

/* Whether one more of `count` servers may be put out, of which `out` are. */
static inline bool ejection_is_allowed(size_t out, size_t count, double share_max)
{
    return (double)(out + 1) <= share_max * (double)count;
}

#endif
