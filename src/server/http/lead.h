/* lead.h: from a request to a fetch: for all who want the same, for itself, or in the background.
 * SPDX-License-Identifier: MIT
 *
 * Whoever leads is answered by the fetch, or at once when that cannot begin. Threads: the loop's
 * own.
 */
#ifndef LARDER_SERVER_HTTP_LEAD_H
#define LARDER_SERVER_HTTP_LEAD_H

#include "server/http/asking.h"

/* The lease is ours: fetches it for all. Without a token: alone. */
void lead(struct asking *asking, const struct cache_lease *lease);

/* Not with others: asks for itself, with what is stored if there is something. */
void lead_alone(struct asking *asking);

/* Not for the cache: the client's own request, and its own answer. */
void lead_pass(struct asking *asking, enum gateway_reason reason, enum fetch_why why);

/* A stale answer goes out now; the fresh one is fetched for the next. */
void lead_refresh(struct asking *asking, const struct cache_lease *lease);

/* The last request to the origin failed, and something stale may stand in for the next failure:
 * nobody waits for the origin then. */
bool lead_is_spared(const struct asking *asking);

#endif
