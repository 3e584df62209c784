/* names.h: the names of an origin's servers, looked up again and again.
 * SPDX-License-Identifier: MIT
 *
 * Where servers come and go (containers, clouds) a name's addresses of this morning are somebody
 * else's tonight. Each name is looked up again when its time to live is over, but not more often
 * than `names.ttl_min` and not more rarely than `names.ttl_max`; what changes becomes a new roster
 * (fleet.h). When a look-up fails the old addresses stay: a name server that is down takes no
 * origin with it.
 *
 * Threads: the loop's own. Memory: that of the resolver.
 */
#ifndef LARDER_UPSTREAM_NAMES_H
#define LARDER_UPSTREAM_NAMES_H

#include "upstream/fleet.h"

struct names;

/* Looks up the name of the i-th server, waiting for it: at start, and when the configuration is
 * read. Writes what it finds, without ports. ERR_PEER_DOWN, ERR_SYNTAX: see the fault. */
enum err names_wait_for(const struct origin_settings *settings, const char *host,
                        struct address *ret_addresses, size_t *ret_count, int64_t *ret_ttl_ms,
                        struct fault *fault);

/* Begins to look after the names of the fleet; NULL: it has none. */
struct names *names_new(struct loop *loop, struct fleet *fleet);
void names_free(struct names **owner);

#endif
