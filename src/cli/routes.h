/* routes.h: what each route of the gateway did: for /metrics and for GET /v1/routes.
 * SPDX-License-Identifier: MIT
 *
 * Names of routes are the only labels that come from the configuration, so that the number of
 * series is bounded by it and nothing that clients send can add one.
 */
#ifndef LARDER_CLI_ROUTES_H
#define LARDER_CLI_ROUTES_H

#include "base/buf.h"
#include "server/http/tally.h"

/* Prometheus' text format. */
void routes_expose(struct tallies *tallies, struct buf *out);

/* {"up_ms": ..., "routes": [{"name": ..., "requests": ..., "took_us": [[from, count], ...]}]}
 * `took_us` has the buckets of a tally that are not empty, each by its least value. */
void routes_json(struct tallies *tallies, int64_t up_ms, struct buf *out);

#endif
