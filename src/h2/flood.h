/* flood.h: the score of a connection that makes work and brings none.
 * SPDX-License-Identifier: MIT
 *
 * Each kind of frame that a client can send without end, and that costs it less than us, is worth
 * some points: streams that are reset by either side, PING, SETTINGS, PRIORITY and WINDOW_UPDATE,
 * frames without content, heads beyond their limits, windows that are kept shut. One score for all
 * of them, because an attack mixes them; it decays, because an honest client does each of them now
 * and then: a twentieth of the limit is forgotten each second.
 *
 * Pure: the time is a parameter. Threads: any, one at a time.
 */
#ifndef LARDER_H2_FLOOD_H
#define LARDER_H2_FLOOD_H

#include <stdbool.h>
#include <stdint.h>

enum flood_kind {
    FLOOD_RESETS,  /* streams, by either side */
    FLOOD_CONTROL, /* PING, SETTINGS, PRIORITY, WINDOW_UPDATE */
    FLOOD_EMPTY,   /* DATA and CONTINUATION that bring nothing */
    FLOOD_HEADERS, /* count and size of fields */
    FLOOD_STALLS,  /* windows kept shut */
    FLOOD_KINDS
};

struct flood {
    uint64_t max; /* points */
    uint64_t score;
    int64_t at_ms;
    bool is_over;
    enum flood_kind kind; /* that went over the limit */
};

void flood_init(struct flood *flood, uint64_t max, int64_t now_ms);

/* False: the limit is passed, now or before. */
bool flood_add(struct flood *flood, enum flood_kind kind, uint64_t points, int64_t now_ms);

#endif
