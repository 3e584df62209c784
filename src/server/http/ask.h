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

/* The origin failed: something stale if that is allowed, else 502, 503 or 504. */
void ask_failed(struct client *client, enum err err, enum failure failure);

/* Its fetch was in vain, and nothing is stored any more: asks anew. */
void ask_again(struct client *client);

/* Whether something stored may stand in for an error of the origin, for this client. */
bool ask_takes_stale(struct client *client);

/* The whole is too large to be stored: asks for the range that the client wants, and no more. */
void ask_part(struct client *client);

/* The body that belongs to the key has come, or turned out to be too large for that. */
void ask_with_key_body(struct client *client);

/* The client is gone: lets go of what it waits for. */
void ask_end(struct client *client);

#endif
