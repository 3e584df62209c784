/* talk.h: the conversation on a client connection: requests in, one after the other; time limits.
 * SPDX-License-Identifier: MIT
 *
 * Threads: the loop's own.
 */
#ifndef LARDER_SERVER_HTTP_TALK_H
#define LARDER_SERVER_HTTP_TALK_H

#include "server/http/client.h"

/* Takes over an accepted descriptor. `settings` are those of the listener that it came by. */
void talk_begin(struct gate *gate, const struct conn_settings *settings,
                struct listener_limit *limit, int fd);

/* Shutting down, once: tells those that can be told. */
void talk_drain(struct gate *gate);

/* Behind it, time and again: ends connections that have waited for a request for so long; busy ones
 * end with their answer. */
void talk_end_idle(struct gate *gate, int64_t idle_ms);

/* Ends all at once. */
void talk_cut(struct gate *gate);

#endif
