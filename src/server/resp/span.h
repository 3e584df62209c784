/* span.h: ranges of sorted sets: by rank, by score, by bytes.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_SERVER_RESP_SPAN_H
#define LARDER_SERVER_RESP_SPAN_H

#include "server/resp/call.h"
#include "types/ranking.h"

enum span_by { SPAN_BY_RANK, SPAN_BY_SCORE, SPAN_BY_BYTES };

/* A border of bytes: "-" and "+" are beyond all members. */
struct span_edge {
    double score;
    struct bytes bytes;
    int beyond;     /* bytes: -1 before all, 1 behind all */
    bool exclusive; /* what equals the border is outside */
};

struct span {
    enum span_by by;
    struct span_edge low, high;
    int64_t from, to; /* by rank, inclusive */
};

/* The range that words[low] and words[high] describe. False: wrong, which was replied. */
bool span_read(struct call *call, enum span_by by, size_t low, size_t high, struct span *ret_span);

/* The ranks that are within (from, count). With `down` ranks of a span by rank count from the
 * highest score. */
struct span_ranks {
    size_t from;
    size_t count;
};
struct span_ranks span_ranks(const struct span *span, const struct ranking *ranking, bool down);

#endif
