/* seek.h: a request's answer in the cache, or in another one's fetch.
 * SPDX-License-Identifier: MIT
 *
 *   look -> hit: served at once
 *      \-> cache_get -> LEAD   fetch it (lead.h)
 *                       WAIT   for another one's fetch
 *                       JOIN   read along
 *                       stale  served; perhaps refreshed in the background
 *
 * Threads: the loop's own. Limits: it looks again TRIES_MAX times, then the request goes its own
 * way.
 */
#ifndef LARDER_SERVER_HTTP_SEEK_H
#define LARDER_SERVER_HTTP_SEEK_H

#include "server/http/asking.h"

/* When this returns, the request is answered or the client is busy. */
void seek(struct asking *asking);

#endif
