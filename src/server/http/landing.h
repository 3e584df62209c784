/* landing.h: what becomes of a fetch: shared or not, stored or not, failed.
 * SPDX-License-Identifier: MIT
 *
 * Each call tells the engine (through the lease) and the readers (through the stage).
 *
 * Threads: the fetch's worker's own.
 */
#ifndef LARDER_SERVER_HTTP_LANDING_H
#define LARDER_SERVER_HTTP_LANDING_H

#include "server/http/fetch.h"

/* The answer's header is there: decides, and opens the stream. */
void landing_judge(struct fetch *fetch, const struct http_head *response);

/* The answer is whole: stores it, if that was decided; then says so. */
void landing_store(struct fetch *fetch);

/* It cannot be kept whole any more; those who read it already go on. */
void landing_stop_keeping(struct fetch *fetch, enum gateway_reason reason);

/* The origin failed, before its header or after it. */
void landing_fail(struct fetch *fetch, enum err err, enum failure failure);

#endif
