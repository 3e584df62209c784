/* parts.h: parts of something whose whole is not stored: 206 answers, kept and put together.
 * SPDX-License-Identifier: MIT
 *
 *   KEY          nothing: too large to be stored, or the origin sends parts only
 *   KEY \0 r     | stored | head as of a 200 | index: size of the whole, ranges | their bytes |
 *
 * When a request for a range is passed on because the whole is too large, the 206 that comes is
 * stored, if a 200 with its fields would be. Later requests for ranges that lie within what is
 * there are answered from it while it is fresh. Parts are put together only when both say with the
 * same strong validator that they are of the same bytes, and of the same size (RFC 9111 §3.4);
 * else the new one stays alone. Nothing but ranges is answered from parts.
 *
 * Threads: the loop's own; the fetch's worker's own. Limits: PARTS_MAX ranges a URL, and the
 * route's max-body for their bytes together; beyond, only the latest part stays. Answers with Vary
 * or of several ranges are not kept, nor those to requests with Authorization that was passed on.
 */
#ifndef LARDER_SERVER_HTTP_PARTS_H
#define LARDER_SERVER_HTTP_PARTS_H

#include "server/http/client.h"
#include "server/http/fetch.h"
#include "server/http/look.h"

enum { PARTS_MAX = 16 };

/* Answers a request for ranges that are there. False: they are not. */
bool parts_serve(struct client *client, const struct look *look);

/* A request that is passed on because of `reason`: takes the lease of the parts when what comes may
 * be kept. */
void parts_lead(const struct look *look, enum gateway_reason reason, struct fetch_ask *fetch_ask);

/* The head of an answer that may be a part: the verdict says whether it is kept. */
void parts_settle(struct fetch *fetch, const struct http_head *response,
                  const struct decide_facts *facts);

/* What is to be stored when `body` is whole, with what is there already: head and value behind it.
 * ERR_FULL; ERR_PEER_BROKEN: the body is not as long as its range. */
enum err parts_pack(const struct fetch *fetch, struct bytes body, struct buf *ret_block,
                    struct buf *ret_value);

#endif
