/* adopt.h: an answer to POST that is good for later GETs (RFC 9110 §9.3.3).
 * SPDX-License-Identifier: MIT
 *
 * It is, when it says how long it is fresh and its Content-Location is the very URL that was asked.
 * The POST goes out under a lease of its own, so that what others invalidate meanwhile counts; its
 * own invalidation comes after the answer takes the lease of the URL, and does not concern it.
 *
 * Threads: the fetch's worker's own.
 */
#ifndef LARDER_SERVER_HTTP_ADOPT_H
#define LARDER_SERVER_HTTP_ADOPT_H

#include "server/http/fetch.h"
#include "server/http/look.h"

/* A request that is passed on: a POST whose answer may be good for GETs gets its lease. */
void adopt_lead(const struct look *look, struct fetch_ask *fetch_ask);

/* For an answer that was passed, before anything is invalidated by it. True: it may be stored; the
 * fetch has the lease of the URL and the verdict, and what was stored under the very URL is gone.
 * In both cases the POST's own lease is over. */
bool adopt(struct fetch *fetch, const struct http_head *response, const struct decide_facts *facts);

#endif
