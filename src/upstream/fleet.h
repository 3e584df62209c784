/* fleet.h: the servers of one origin as all workers see them.
 * SPDX-License-Identifier: MIT
 *
 * Each worker has connections of its own (origin.h), but whether a server is well is one truth:
 * what one worker finds out, all heed with their next request. One fleet for each configured
 * origin:
 *
 *     fleet --- roster --- member, member...   servers, their states and loads
 *       |------ breaker                        whether the origin is asked at all
 *       |------ budget                         how many requests may be sent again
 *       `------ checks, look-ups               on one worker's loop: fleet_begin
 *
 * The roster is what there is to choose from. When the addresses of a name change there is a new
 * one; a worker takes it over with its next request, and its connections to servers that are no
 * longer there go as soon as they are free.
 *
 * Every change of a server's or the breaker's state is a line in the log, with its reason.
 *
 * Threads: any, but for what says otherwise. No lock is taken for a request, but for the first one
 * behind a change of the roster.
 * Memory: a few KiB a server. Limits: FLEET_SERVERS_MAX.
 */
#ifndef LARDER_UPSTREAM_FLEET_H
#define LARDER_UPSTREAM_FLEET_H

#include "base/buf.h"
#include "base/log.h"
#include "upstream/breaker.h"
#include "upstream/member.h"
#include "upstream/origin.h"

enum { FLEET_SERVERS_MAX = 256, FLEET_WEIGHT_MAX = 100 };

struct fleet;

/* `name` and `settings` are borrowed and outlive the fleet; so does the log. Names are looked up
 * here. ERR_SYNTAX, ERR_RANGE, ERR_TOO_BIG: a server that makes no sense; ERR_PEER_DOWN: a name is
 * unknown. The fault says which. */
enum err fleet_new(const char *name, const struct origin_settings *settings, const struct log *log,
                   struct fleet **ret_fleet, struct fault *fault);

/* Begins to look after its servers, on one worker's loop: health checks. */
void fleet_begin(struct fleet *fleet, struct loop *loop, struct account *account);

/* Ends that. The loop must turn once before fleet_free. */
void fleet_end(struct fleet *fleet);

/* After all its origins are gone. */
void fleet_free(struct fleet **owner);

/* Cuts "10.0.0.1:8000 weight=3" into the address and the weight. */
enum err fleet_read_server(struct bytes text, struct bytes *ret_address, uint64_t *ret_weight,
                           struct fault *fault);

/* Whether a server could be reached when one was tried last (true before that), or was found
 * reachable since by who looked otherwise. Where there are health checks, only they count. */
bool fleet_is_up(const struct fleet *fleet);
void fleet_set_up(struct fleet *fleet, bool is_up);

/* ---- what is told of it ------------------------------------------------------------------- */

/* Calls `tell` for each server, in the order of the configuration. */
void fleet_tell(struct fleet *fleet, void (*tell)(void *context, const struct member *member),
                void *context);

/* How often names were looked up, and how often in vain. */
struct fleet_lookups {
    uint64_t all, failed;
};
struct fleet_lookups fleet_lookups(const struct fleet *fleet);

enum breaker_state fleet_breaker(const struct fleet *fleet);

/* The members of a JSON object, without braces: breaker, retry budget, servers. */
void fleet_write_json(struct fleet *fleet, int64_t now_ms, struct buf *out);

#endif
