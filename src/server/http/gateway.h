/* gateway.h: the HTTP door: a caching reverse proxy, one a worker.
 * SPDX-License-Identifier: MIT
 *
 * Clients speak HTTP/1.1 or HTTP/2 to it; it answers from the engine, or asks an origin. How a
 * request goes:
 *
 *   talk      cuts the request out of the stream (proto/http.h); time limits
 *   http2     a connection of HTTP/2: each of its streams is a client of its own
 *   ask       what is to be done with it: route and key; what is answered here; pass, or seek
 *   seek      its answer in the cache or in another's fetch: look, wait, join, or lead
 *   look      what the cache has for it, by decide: RFC 9111 as pure functions
 *   serve     a known answer as the client wants it: whole, 304, HEAD, a range
 *   wait      for another request's fetch
 *   lead      a fetch for all who want the same, for itself, or in the background
 *   depart    asks the origin; the answer becomes a stream that all may read, on any worker
 *   landing   what becomes of the answer: shared or not, stored or not
 *   key_body, adopt, parts, no_vary_search, groups, common   what QUERY, POST, ranges,
 *             No-Vary-Search, Cache-Groups and credentials add to that
 *   compress  copies in br, zstd and gzip of what is stored
 *   pump      from a fetch to its client, as fast as that one reads
 *   tunnel    another protocol's bytes, after the origin switched to it
 *
 * Who asks (behind trusted proxies) is the visitor's to say, how often he may is the quota's.
 *
 * Every answer says in Cache-Status (RFC 9211) where it came from and why.
 *
 * Threads: a gateway belongs to its loop; gateways of one process share the site and the engine.
 * Limits: server/http/gateway.def.
 */
#ifndef LARDER_SERVER_HTTP_GATEWAY_H
#define LARDER_SERVER_HTTP_GATEWAY_H

#include "base/log.h"
#include "net/address.h"
#include "net/listener.h"
#include "server/http/counts.h"
#include "server/http/site.h"
#include "upstream/origin.h"

struct gateway;
struct history;
struct logwriter;

/* Where it listens: in the clear, and with TLS. */
enum { GATEWAY_HTTP, GATEWAY_HTTPS, GATEWAY_DOORS };

struct gateway_door {
    const struct address *address; /* NULL: not at all */
    struct tls *tls;               /* NULL: in the clear */
    int handed;                    /* see listener_place */
    bool proxied; /* clients come through a proxy that says who they are (PROXY protocol) */
};

struct gateway_birth {
    unsigned number; /* of the worker, for the counts of routes */
    struct loop *loop;
    struct cache *cache;
    struct cache_thread *thread;
    struct site *site;
    struct origin *const *origins; /* in the order of the site's names; outlive the gateway */
    const struct log *log;
    struct history *history;      /* outlives the gateway; NULL: nothing is remembered */
    struct logwriter *access_log; /* outlives the gateway; NULL: none */
    struct gateway_door doors[GATEWAY_DOORS];
    bool share; /* listen where another worker listens already */
    struct listener_limit *limit;
};

/* Listens from now on. ERR_SYSTEM and what the fault says: the address cannot be used. */
enum err gateway_new(const struct gateway_birth *birth, struct gateway **ret_gateway,
                     struct fault *fault);

/* The address that a door listens at, with the port that the system picked. */
const struct address *gateway_address(const struct gateway *gateway, unsigned door);

/* Requests that begin from now on are served by another site: see change.h. */
void gateway_change(struct gateway *gateway, const struct site_change *change);

/* Another address of a door, or none, in two steps, so that all workers can move or none:
 * gateway_open listens there, beside the old address; then gateway_move accepts who waits at the
 * old one and closes it, or gateway_stay closes the new one. `share`: as at birth. Errors as of
 * gateway_new. */
enum err gateway_open(struct gateway *gateway, unsigned door, const struct gateway_door *place,
                      bool share, struct address *ret_address, struct fault *fault);
void gateway_move(struct gateway *gateway);
bool gateway_is_moving(const struct gateway *gateway, unsigned door);
void gateway_stay(struct gateway *gateway);

/* The socket of a door, to be handed to another process; negative: it has none. */
int gateway_fd(const struct gateway *gateway, unsigned door);

/* Stops listening, answers with Connection: close from now on, ends connections that said nothing
 * for `idle_ms`, and calls back (never from within this call) when none is left; at timeout.drain
 * the rest is cut. The longer idle connections are left, the fewer clients send a request into one
 * that has just been closed. */
void gateway_drain(struct gateway *gateway, int64_t idle_ms, void (*drained)(void *context),
                   void *context);

/* At once: connections and fetches that are left are cut. Its memory goes with the last `closed`
 * event, so the loop turns once more before it is freed. */
void gateway_free(struct gateway **owner);

/* To be called when the worker's turn ends: writes the access log's lines of this turn. */
void gateway_turn(struct gateway *gateway);

const struct gateway_metrics *gateway_metrics(const struct gateway *gateway);

#endif
