/* dating.h: whether the Date of a server's answers is the time at which they were made.
 * SPDX-License-Identifier: MIT
 *
 * Some servers (uvicorn 0.17, as Debian 12 has it) write the Date of a connection's beginning into
 * every answer on it. Counted from there, an answer of a connection that was kept for a minute is a
 * minute old when it is born, and what may live for a minute is never served from the cache. A Date
 * that stays the same while seconds pass is no time of answers, and is dropped: then the time of
 * receipt counts (RFC 9110 §6.6.1), as RFC 9111 §4.2.3 allows for an answer that comes straight
 * from its origin. An answer that another cache may have kept (Age, Via) keeps its Date.
 *
 * One for each connection. Pure: the time is a parameter.
 */
#ifndef LARDER_UPSTREAM_DATING_H
#define LARDER_UPSTREAM_DATING_H

#include "proto/http.h"

enum { DATING_TEXT_MAX = 40 /* bytes; the longest form of a date has 33 */ };

struct dating {
    uint8_t text[DATING_TEXT_MAX]; /* the Date that came last, */
    size_t size;
    int64_t since_ms; /*   and when it came first */
};

/* Looks at the response that has just come; true: its Date is not the time of this answer. */
bool dating_stands_still(struct dating *dating, const struct http_head *response, int64_t now_ms);

#endif
