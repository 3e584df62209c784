/* backlog.h: requests that are due and wait for a connection, oldest first.
 * SPDX-License-Identifier: MIT
 *
 * Limits: BACKLOG_MAX; one more is refused and counted as never sent.
 */
#ifndef LARDER_BENCH_BACKLOG_H
#define LARDER_BENCH_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

enum { BACKLOG_MAX = 1 << 20 };

struct backlog {
    int64_t *due_ns; /* a ring of BACKLOG_MAX */
    unsigned first;
    unsigned count;
};

void backlog_init(struct backlog *backlog);
void backlog_fini(struct backlog *backlog);

/* false: it is full. */
bool backlog_add(struct backlog *backlog, int64_t due_ns);

/* The one that waits for longest; there must be one. */
int64_t backlog_take(struct backlog *backlog);

#endif
