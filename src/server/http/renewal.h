/* renewal.h: a stored answer that the origin says still holds (RFC 9111 §4.3.3, §4.3.4).
 * SPDX-License-Identifier: MIT
 *
 * Its fields are brought up to date, its times begin anew, its body stays. A 304 that is about
 * something else than what is stored updates nothing: that goes, and is asked for without
 * conditions.
 *
 * Threads: the fetch's worker's own.
 */
#ifndef LARDER_SERVER_HTTP_RENEWAL_H
#define LARDER_SERVER_HTTP_RENEWAL_H

#include "server/http/fetch.h"

/* A 304 to our question: prepares the stored answer's new header. */
void renewal_begin(struct fetch *fetch, const struct http_head *response);

/* The 304 is whole: what is stored is good again. */
void renewal_end(struct fetch *fetch);

#endif
