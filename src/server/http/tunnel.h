/* tunnel.h: a client's connection after the origin switched to another protocol (WebSocket).
 * SPDX-License-Identifier: MIT
 *
 * A request with `Connection: Upgrade` goes to the origin like any other that is not for the cache,
 * with the one protocol that the route allows. Only when the origin answers 101 with that protocol
 * do bytes go through unread, both ways; any other answer is an answer like any other, and the
 * connection goes on as HTTP. So nothing that Larder takes for a protocol's bytes is a request to
 * the origin (RFC 9110 §7.8).
 *
 *   client --- conn ---> tunnel --- exchange ---> origin
 *          <--               <---                     each side waits for the other
 * (back-pressure); each may end while the other goes on
 *
 * Memory: two connections and 100 bytes; what waits is bounded by the connections' limits.
 * Limits: http.max-tunnels a worker, else 503; timeout.tunnel without a byte either way.
 * Threads: the loop's own.
 */
#ifndef LARDER_SERVER_HTTP_TUNNEL_H
#define LARDER_SERVER_HTTP_TUNNEL_H

#include "server/http/client.h"

/* Whether one more may begin. */
bool tunnel_has_room(const struct gate *gate);

/* 503, since there is no room. */
void tunnel_refuse(struct client *client, const struct http_head *request);

/* The origin has switched: tells the client (`context`), whose request waits for it, and takes over
 * both its connection and the exchange. For `fetch->switched`. */
void tunnel_begin(void *context, struct exchange *exchange, const struct http_head *head);

#endif
