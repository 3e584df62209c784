/* pump.h: from a fetch to its client: the head when it is known, the body as it comes.
 * SPDX-License-Identifier: MIT
 *
 * A client that reads slowly stops only itself: its connection says when it is congested, and when
 * it has drained. Threads: the loop's own.
 */
#ifndef LARDER_SERVER_HTTP_PUMP_H
#define LARDER_SERVER_HTTP_PUMP_H

#include "server/http/client.h"

/* Begins to read; takes over the caller's reference. False: the beginning of the body is gone. */
bool pump_begin(struct client *client, struct fetch *fetch);

/* This client, on the fetch's own loop, is the one who gets interim responses. */
void pump_lead(struct client *client, struct fetch *fetch);

/* Sends what there is, as far as the client takes it. */
void pump(struct client *client);

/* The same, a little later in this turn. */
void pump_soon(struct client *client);

/* The client is gone. */
void pump_end(struct client *client);

#endif
