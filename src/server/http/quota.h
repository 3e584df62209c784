/* quota.h: whether a visitor may make one more request on a route (rate_limit).
 * SPDX-License-Identifier: MIT
 *
 * Who he is: his address (of IPv6 its first 64 bits), or the value of a header field or a cookie;
 * who has none is counted by address. Hits count as all others do: the limit is on asking.
 *
 * Threads: the loop's own; the buckets are those of all workers (limiter.h).
 */
#ifndef LARDER_SERVER_HTTP_QUOTA_H
#define LARDER_SERVER_HTTP_QUOTA_H

#include "server/http/client.h"

/* For a route that has a limiter. False: it was answered with 429, Retry-After and the RateLimit
 * fields. */
bool quota_allows(struct client *client, const struct route *route,
                  const struct http_head *request);

#endif
