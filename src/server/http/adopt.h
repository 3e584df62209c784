/* adopt.h: an answer to POST that is good for later GETs (RFC 9110 §9.3.3).
 * SPDX-License-Identifier: MIT
 *
 * It is, when it says how long it is fresh and its Content-Location is the very URL that was asked.
 * What was stored for the URL has been invalidated by then: it is stored as if a GET that was asked
 * after that had brought it.
 *
 * Threads: the fetch's worker's own.
 */
#ifndef LARDER_SERVER_HTTP_ADOPT_H
#define LARDER_SERVER_HTTP_ADOPT_H

#include "server/http/fetch.h"

/* For an answer that was passed: if it may be stored, the fetch gets the lease of the URL and the
 * verdict; else nothing changes. */
void adopt(struct fetch *fetch, const struct http_head *response, const struct decide_facts *facts);

#endif
