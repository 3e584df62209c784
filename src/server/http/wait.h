/* wait.h: a request that waits for another one's fetch.
 * SPDX-License-Identifier: MIT
 *
 * The engine wakes on whatever thread ended the load and under its lock, so all that is done there
 * is to note what happened and to post a task to the client's own loop.
 *
 * Threads: the loop's own, but for that note.
 */
#ifndef LARDER_SERVER_HTTP_WAIT_H
#define LARDER_SERVER_HTTP_WAIT_H

#include "server/http/client.h"

/* The waiter to hand to cache_get, made ready. `woken` runs on the client's loop once the wait is
 * over, with the request's `woken` fields set, unless it was cancelled. */
struct cache_waiter *wait_prepare(struct client *client, void (*woken)(struct client *client));

/* cache_get said CACHE_WAIT: the deadline begins. */
void wait_begin(struct client *client, void (*late)(struct client *client));

/* True: the wait is over and `woken` will not run. False: it will. */
bool wait_cancel(struct client *client);

#endif
