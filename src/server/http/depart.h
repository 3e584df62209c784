/* depart.h: sends a request to an origin and brings the answer in, piece by piece.
 * SPDX-License-Identifier: MIT
 *
 * Threads: the worker's own.
 */
#ifndef LARDER_SERVER_HTTP_DEPART_H
#define LARDER_SERVER_HTTP_DEPART_H

#include "server/http/fetch.h"

/* `*ret_fetch` is a reference for the caller, who attaches a reader or drops it. On an error the
 * lease was ended. ERR_BUSY: the origin's queue is full; ERR_FULL: no memory. */
enum err depart(struct gate *gate, const struct fetch_ask *ask, struct fetch **ret_fetch);

/* The request's body. False: stop until `ready`. What comes after the exchange ended is dropped. */
bool depart_send(struct fetch *fetch, struct bytes piece);
void depart_send_end(struct fetch *fetch);

/* The uploading client is gone, or has nothing more to hear. */
void depart_forget_context(struct fetch *fetch);

/* Ends it now: shutting down, or a broken upload. Readers see BROKEN. Harmless when it has ended.
 */
void depart_cancel(struct fetch *fetch, enum err err);

#endif
