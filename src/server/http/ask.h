/* ask.h: how a request is answered, and what it does when its fetch was in vain.
 * SPDX-License-Identifier: MIT
 *
 *   route, key -> refused, purged, preflight: answered here
 *             \-> not for the cache (decide.h): passed to the origin (lead.h)
 *             \-> for the cache: seek.h, once a body that belongs to the key is there
 *
 * Threads: the loop's own.
 */
#ifndef LARDER_SERVER_HTTP_ASK_H
#define LARDER_SERVER_HTTP_ASK_H

#include "server/http/client.h"

/* A new request. `raw` is its head as it came. When this returns, the request is answered or the
 * client is busy. The input is not consumed here. */
void ask(struct client *client, const struct http_head *head, struct bytes raw);

/* For the hooks of its client. What its calls do:
 * failed         something stale if that is allowed, else 502, 503 or 504
 * again          asks anew: nothing is stored any more
 * takes_stale    whether something stored may stand in for an error of the origin
 * part           the whole is too large to be stored: asks for the range that the client wants, and
 *                no more
 * with_key_body  goes on with it, or to the origin past the cache when it is too large */
extern const struct client_asks ask_later;

/* The client is gone: lets go of what it waits for. */
void ask_end(struct client *client);

#endif
