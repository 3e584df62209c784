/* gateway.h: the HTTP door: a caching reverse proxy, one a worker.
 * SPDX-License-Identifier: MIT
 *
 * Clients speak HTTP/1.1 to it; it answers from the engine, or asks an origin. How a request goes:
 *
 *   client.c    cuts the request out of the stream (proto/http.h), finds route and key
 *   decide.c    may it be answered from the cache? may the answer be stored? (pure)
 *   serve.c     a stored answer as the client wants it: whole, 304, HEAD, a range
 *   fill.c      an answer on its way from the origin, shared by all who wait for it, on any worker
 *   pass.c      what is not for the cache
 *
 * Every answer says in Cache-Status (RFC 9211) where it came from and why.
 *
 * Threads: a gateway belongs to its loop; gateways of one process share the site and the engine.
 * Limits: server/http/gateway.def.
 */
#ifndef LARDER_SERVER_HTTP_GATEWAY_H
#define LARDER_SERVER_HTTP_GATEWAY_H

#include "base/counter.h"
#include "base/log.h"
#include "net/address.h"
#include "net/listener.h"
#include "server/http/site.h"
#include "upstream/origin.h"

enum gateway_reason {
#define REASON(name, text, meaning) REASON_##name,
#include "server/http/reasons.def"
#undef REASON
    REASONS_COUNT
};

const char *gateway_reason_text(enum gateway_reason reason);

/* Upper bounds of the latency histogram in microseconds; the last bucket is unbounded. */
enum { GATEWAY_BUCKETS = 16 };
extern const uint64_t gateway_bucket_us[GATEWAY_BUCKETS];

struct gateway_latency {
    struct counter buckets[GATEWAY_BUCKETS + 1]; /* not cumulative */
    struct counter sum_us;
    struct counter count;
};

struct gateway_metrics {
#define METRIC(name, kind, text) struct counter name;
#include "server/http/metrics.def"
#undef METRIC
    struct counter reasons[REASONS_COUNT];
    struct gateway_latency latency_hit;    /* answered from the cache */
    struct gateway_latency latency_origin; /* all others */
};

struct gateway;

struct gateway_birth {
    struct loop *loop;
    struct cache *cache;
    struct cache_thread *thread;
    struct site *site;
    struct origin *const *origins; /* in the order of the site's names; outlive the gateway */
    const struct log *log;
    int access_log_fd; /* -1: none */
    const struct address *address;
    bool share; /* listen where another worker listens already */
    struct listener_limit *limit;
};

/* Listens from now on. ERR_SYSTEM and what the fault says: the address cannot be used. */
enum err gateway_new(const struct gateway_birth *birth, struct gateway **ret_gateway,
                     struct fault *fault);

/* The address that it listens at, with the port that the system picked. */
const struct address *gateway_address(const struct gateway *gateway);

/* Stops listening, ends connections as they become idle, and calls back (never from within this
 * call) when none is left; at timeout.drain the rest is cut. */
void gateway_drain(struct gateway *gateway, void (*drained)(void *context), void *context);

/* At once; connections and fetches that are left are cut. The loop must still turn once afterwards
 * for their `closed` events if it has any: call loop_turn(loop, 0) between drain and free. */
void gateway_free(struct gateway **owner);

/* To be called when the worker's turn ends: writes the access log's lines of this turn. */
void gateway_turn(struct gateway *gateway);

const struct gateway_metrics *gateway_metrics(const struct gateway *gateway);

#endif
