/* no_vary_search.h: URLs that the origin answers alike, by its No-Vary-Search.
 * SPDX-License-Identifier: MIT
 *
 * An answer with No-Vary-Search is stored under its URL with the query as that field leaves it, and
 * the field is noted for the path:
 *
 *   http://host/path \0 n       "params=(\"utm_source\")", as the path's latest answer said
 *   http://host/path?id=7       the answer, whatever utm_source was asked with
 *
 * A request looks under its own URL first. Only on a miss it is asked whether something is noted
 * for its path, and then under the URL that this leaves; so nothing that is found at once pays for
 * it. Each answer says for itself what it is good for: one without the field, or with another one,
 * moves to where that says, and the note goes with it. The route's own rules of the query come
 * before all this.
 *
 * Threads: the loop's own; the fetch's worker's own. Limits: a field of NO_VARY_SEARCH_MAX bytes;
 * longer ones are as if they were not there.
 */
#ifndef LARDER_SERVER_HTTP_NO_VARY_SEARCH_H
#define LARDER_SERVER_HTTP_NO_VARY_SEARCH_H

#include "server/http/fetch.h"

enum { NO_VARY_SEARCH_MAX = 1024 };

/* After a miss: puts the URL that counts in the place of the target's (what the origin is sent
 * stays). False: nothing is noted, or it is the same URL. */
bool no_vary_search_find(struct gate *gate, struct target *target);

/* The answer's head is here: moves the fetch to the key of the URL that counts, under a lease of
 * its own, and notes what the answer says. Where that cannot be done the verdict changes. */
void no_vary_search_settle(struct fetch *fetch, const struct http_head *response);

/* The URL under which what is asked for by this one may be stored, in `out`. False: only its own.
 */
bool no_vary_search_url(struct cache_thread *thread, const struct cache *cache, struct bytes url,
                        int64_t now_ms, struct buf *out);

#endif
