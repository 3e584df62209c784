/* settle.h: what a fetch tells the engine: how its lease ends, what is stored and for how long.
 * SPDX-License-Identifier: MIT
 *
 * For landing.h and renewal.h, which decide. Threads: the fetch's worker's own.
 */
#ifndef LARDER_SERVER_HTTP_SETTLE_H
#define LARDER_SERVER_HTTP_SETTLE_H

#include "server/http/fetch.h"

/* What a decision about its answer needs to know. */
struct decide_facts settle_facts(const struct fetch *fetch);

/* The times of the answer's head, by the verdict. */
void settle_times(struct fetch *fetch);

/* Whether coded copies may be made of it, once its head is written. */
void settle_compressible(struct fetch *fetch, const struct http_head *response);

/* Lets all who wait go; for `remember_ms` nobody waits for this key. Without a lease: nothing. */
void settle_disperse(struct fetch *fetch, int64_t remember_ms);

/* All who wait share the failure; for `retry_ms` something stale is not refreshed. */
void settle_fail(struct fetch *fetch, enum err err, int64_t retry_ms);

/* What stood under the key is no longer true, though what came cannot be stored. */
void settle_drop_old(struct fetch *fetch);

/* Puts what is known into the engine, under the lease. The fetch's own head stays as it is: others
 * may be reading it. As cache_fill. */
enum err settle_put(struct fetch *fetch, struct bytes block, struct bytes body, bool has_validator);

/* For `larder why`: that the answer is not stored. What methods do that are never stored is no news
 * of the URL. */
void settle_remember_refused(const struct fetch *fetch, enum gateway_reason reason);

#endif
