/* pubsub.h: who listens to which channel, on whatever worker.
 * SPDX-License-Identifier: MIT
 *
 * One registry for the process says how many subscribers a channel or pattern has on each door;
 * each door's own clients hang below it. To publish: look up under the registry's lock, count, hand
 * the message to every door that has somebody for it. A subscription counts before it is
 * acknowledged.
 *
 *     registry: channel -> [door 0: clients..., door 2: clients...]
 *     publish -> letter (one block, shared) -> mailbox of door 0, of door 2 -> their clients
 *
 * Memory: entries are mem_try; a message is one block, freed by the last door.
 * Limits: resp.max-subscriptions a client, resp.max-output.pubsub bytes waiting for it.
 */
#ifndef LARDER_SERVER_RESP_PUBSUB_H
#define LARDER_SERVER_RESP_PUBSUB_H

#include "server/resp/call.h"

struct channels;

/* Figures for INFO: channels, patterns, shard channels that somebody listens to. */
void channels_count(struct channels *channels, size_t ret_counts[3]);

/* The client listens to nothing any more. */
void pubsub_forget(struct client *client);

#endif
