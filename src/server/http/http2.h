/* http2.h: an HTTP/2 connection: many requests at once, each a client of its own.
 * SPDX-License-Identifier: MIT
 *
 *   conn -> talk -> client (the connection) -> http2 -> h2_session -> client (a request) -> ask
 *
 * A connection that begins with HTTP/2's preface is handed over by talk. From then on its own
 * client has no requests; it keeps what belongs to the connection: its place among the gateway's
 * clients, its limit, its timer. Each stream is a client with all that a request over HTTP/1.1 has,
 * so route, key, explain, log and Cache-Status are the same for both.
 *
 * Time: what holds for a connection of HTTP/1.1 holds here: timeout.header for a head that has
 * begun, timeout.idle without streams, timeout.body for each upload, timeout.send for the
 * connection and for each stream whose window its client keeps shut.
 *
 * Memory: h2/session.h. While the connection takes nothing, nothing more is read from it.
 * Threads: the loop's own.
 */
#ifndef LARDER_SERVER_HTTP_HTTP2_H
#define LARDER_SERVER_HTTP_HTTP2_H

#include "server/http/client.h"

/* Makes it an HTTP/2 connection; its input begins with the preface. ERR_FULL: it does not become
 * one. */
enum err http2_begin(struct client *client);

void http2_received(struct http2 *http2);
void http2_ended(struct http2 *http2);
void http2_drained(struct http2 *http2);

/* Its connection is gone; what it leaves behind frees itself, and the client. */
void http2_closed(struct http2 *http2);

/* Looks at the time; returns when to look again. */
int64_t http2_check(struct http2 *http2, int64_t now_ms);

/* Shutting down: tells the other side, answers what is under way, closes. */
void http2_drain(struct http2 *http2);

#endif
