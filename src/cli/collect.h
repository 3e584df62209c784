/* collect.h: the numbers of all rooms and workers in one place: for /metrics and for /v1/stats.
 * SPDX-License-Identifier: MIT
 *
 * Every worker counts for itself; here the counts are summed. May be called on any worker's thread:
 * counters may be read by all.
 */
#ifndef LARDER_CLI_COLLECT_H
#define LARDER_CLI_COLLECT_H

#include "base/buf.h"
#include "cli/server.h"

/* Prometheus' text format. */
void collect_exposition(const struct server *server, struct buf *out);

/* One JSON object. */
void collect_json(const struct server *server, struct buf *out);

#endif
