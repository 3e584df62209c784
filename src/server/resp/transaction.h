/* transaction.h: MULTI, EXEC and WATCH of one client.
 * SPDX-License-Identifier: MIT
 *
 * EXEC locks the keys of all queued commands and of all watched keys, or everything when that is
 * not enough, looks whether a watched key changed, and runs the commands one after another: nobody
 * sees a state between them.
 *
 * Memory: queued commands are copies, charged to the account of connections, at most
 * `resp.max-queued` a client.
 */
#ifndef LARDER_SERVER_RESP_TRANSACTION_H
#define LARDER_SERVER_RESP_TRANSACTION_H

#include "server/resp/call.h"

/* A command could not be queued: EXEC will refuse. */
void transaction_spoil(struct client *client);

/* Queues a copy of the call and replies QUEUED. */
void transaction_queue(struct call *call);

/* No MULTI, nothing watched. */
void transaction_reset(struct client *client);

#endif
