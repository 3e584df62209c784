/* common.h: an answer that a request with credentials brought, and that everybody may have.
 * SPDX-License-Identifier: MIT
 *
 * Requests with Authorization wait and load under a key of their own, because what comes may be for
 * one person. When it turns out to be for everybody (public, s-maxage, must-revalidate: RFC 9111
 * §3.5), the fetch takes the lease of the URL itself as well: who asks without credentials joins it
 * from there on, and what came is stored under the URL, for both kinds. Where somebody else loads
 * the URL already, or the answer has variants, it stays under the key of those with credentials.
 *
 * Threads: the fetch's worker's own.
 */
#ifndef LARDER_SERVER_HTTP_COMMON_H
#define LARDER_SERVER_HTTP_COMMON_H

#include "server/http/fetch.h"

/* At the head of an answer that is being shared under the fetch's own lease. */
void common_open(struct fetch *fetch, const struct http_head *response);

/* Stores `put` under the URL. False: it was not opened, or is not wanted any more. */
bool common_fill(struct fetch *fetch, struct cache_put *put);

/* It will not be stored. Does nothing when it was not opened or is stored. */
void common_close(struct fetch *fetch);

#endif
