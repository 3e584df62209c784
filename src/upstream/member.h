/* member.h: one server of an origin, as all workers see it.
 * SPDX-License-Identifier: MIT
 *
 *   UP           gets requests
 *   UNREACHABLE  could not be connected to: passed over for MEMBER_REST_MS, then tried again; when
 *                no other is left it is tried all the same
 *   EJECTED      failed too often (ejection.h)
 *   DOWN         does not pass its health checks: gets nothing until it does
 *
 * Memory: counted references; the roster (fleet.h) has one and so has every worker's pool.
 * Threads: any; every word of it is an atomic. Times are parameters.
 */
#ifndef LARDER_UPSTREAM_MEMBER_H
#define LARDER_UPSTREAM_MEMBER_H

#include "base/counter.h"
#include "net/address.h"
#include "upstream/ejection.h"
#include "upstream/ewma.h"

enum { MEMBER_REST_MS = 1000 };

enum member_state { MEMBER_UP, MEMBER_UNREACHABLE, MEMBER_EJECTED, MEMBER_DOWN };

struct member_metrics {
#define METRIC(name, kind, text) struct counter name;
#include "upstream/member_metrics.def"
#undef METRIC
};

struct member {
    atomic_uint references;
    struct address address;
    char text[ADDRESS_TEXT_SIZE];
    size_t line; /* of the setting `servers` that it comes from */
    uint64_t weight;
    struct ejection ejection;
    struct ewma ewma;
    atomic_bool is_unreachable; /* the last connection failed */
    _Atomic int64_t rest_until_ms;
    atomic_bool is_down;     /* by its health checks */
    unsigned passed, missed; /* checks in a row; the checking thread's own */
    _Atomic int64_t back_ms; /* when it became UP again; 0: it always was */
    /* What was told of it last, and why. */
    atomic_uint told;
    _Atomic int64_t since_wall_ms;
    atomic_uint why;        /* an enum err */
    atomic_uint why_status; /* an answer's; 0: it was none */
    struct member_metrics metrics;
};

struct member *member_new(const struct address *address, size_t line, uint64_t weight);
struct member *member_hold(struct member *member);
void member_drop(struct member *member);

enum member_state member_state(const struct member *member, int64_t now_ms);
const char *member_state_text(enum member_state state);

/* What it gets of the requests, by its weight and how long it is back (balance.h). */
uint64_t member_weight(const struct member *member, int64_t slow_start_ms, int64_t now_ms);

/* Why it is in its state, for logs and /v1/origins: "answered 503", "the other side took too
 * long". */
struct member_why {
    char text[80];
};
struct member_why member_why(const struct member *member);

#endif
