/* early.c: dice for early refreshes. SPDX-License-Identifier: MIT */
#include "server/http/early.h"

#include "base/must.h"

#include <math.h>

enum { LIFETIME_SHARE = 4 /* of the lifetime: one in so many is the most that a lead can be */ };

bool early_is_due(const struct stored *stored, int64_t expires_ms, int64_t now_ms, double beta,
                  double unit)
{
    must(unit > 0);
    int64_t left_ms = expires_ms - now_ms;

    if (stored->load_ms == 0 || left_ms > stored->lifetime_ms / LIFETIME_SHARE)
        return false;
    return -(double)stored->load_ms * beta * log(unit) >= (double)left_ms;
}

uint32_t early_load_ms(int64_t load_ms, uint32_t before_ms)
{
    int64_t measured_ms = load_ms < 1 ? 1 : load_ms < UINT32_MAX ? load_ms : UINT32_MAX;

    return (uint32_t)(before_ms == 0 ? measured_ms : (3 * (int64_t)before_ms + measured_ms) / 4);
}
