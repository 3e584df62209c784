/* lease.h: one client that waits for another's load (LARDER.GET ... WAIT).
 * SPDX-License-Identifier: MIT
 *
 * Whoever asks first for what is missing gets a token and loads; the others wait until the value is
 * filled in, on whatever worker, or until their time is over.
 */
#ifndef LARDER_SERVER_RESP_LEASE_H
#define LARDER_SERVER_RESP_LEASE_H

#include "server/resp/client.h"

/* The client goes; nothing is told to it any more. */
void lease_forget(struct client *client);

#endif
