/* why.h: what the cache has for a request, and if nothing, why.
 * SPDX-License-Identifier: MIT
 *
 * The question of every operator: "why was this not cached?" It is answered from what is stored
 * (seen as by cache_peek: asking changes nothing, neither counts nor the order of eviction), from
 * the rules that `larder explain` knows, and from history.h.
 *
 * Threads: any that has joined the cache. Memory: taken for the call.
 */
#ifndef LARDER_SERVER_HTTP_WHY_H
#define LARDER_SERVER_HTTP_WHY_H

#include "base/buf.h"
#include "server/http/history.h"
#include "server/http/site.h"

struct why {
    const struct site *site;
    struct cache_thread *thread;
    struct history *history; /* NULL: nothing is remembered */
    int64_t now_ms;          /* the engine's */
    int64_t wall_ms;
};

/* Writes one JSON object about the request whose head this is; it comes through TLS if it is
 * secure. ERR_SYNTAX, ERR_TOO_BIG, ERR_MISS:
 * it would be refused; the fault says why. */
enum err why_json(const struct why *why, struct bytes head, bool is_secure, struct buf *out,
                  struct fault *fault);

#endif
