/* flood.c: points and their decay. SPDX-License-Identifier: MIT */
#include "h2/flood.h"

enum { FORGET_MS = 20000 /* the whole limit is forgotten in this time */ };

void flood_init(struct flood *flood, uint64_t max, int64_t now_ms)
{
    *flood = (struct flood){.max = max, .at_ms = now_ms};
}

static void forget(struct flood *flood, int64_t now_ms)
{
    uint64_t past_ms = now_ms > flood->at_ms ? (uint64_t)(now_ms - flood->at_ms) : 0;
    uint64_t points = past_ms >= FORGET_MS ? flood->max : flood->max * past_ms / FORGET_MS;

    if (points == 0)
        return; /* the time goes on counting */
    flood->score -= points < flood->score ? points : flood->score;
    flood->at_ms = now_ms;
}

bool flood_add(struct flood *flood, enum flood_kind kind, uint64_t points, int64_t now_ms)
{
    if (flood->is_over)
        return false;
    forget(flood, now_ms);
    flood->score += points;
    if (flood->score <= flood->max)
        return true;
    flood->is_over = true;
    flood->kind = kind;
    return false;
}
