/* origin.h: asking an origin over HTTP/1.1 with kept connections.
 * SPDX-License-Identifier: MIT
 *
 * One `struct origin` a worker and configured origin: its connections to the servers of the fleet
 * (fleet.h, which all workers share), its queue, its limits and counts. A `struct exchange` is one
 * request and its response. The response is parsed as strictly as a request from a client; what
 * breaks HTTP is ERR_PEER_BROKEN and nothing of it is passed on as if it were whole.
 *
 *   exchange_start -> [send body] -> head -> body* -> done
 *                                     \-> (1xx interim)*
 *   a request to upgrade that the origin answers with 101: switched -> body*, exchange_send both
 * ways failure at any point: `done` with an error, exactly once, as the last call.
 *
 * The breaker is asked first (breaker.h), then a server is chosen (balance.h) among those that are
 * well (member.h). One that could not be connected to is passed over for a second, and the request
 * goes on to the next. An idempotent request without a body that met a kept connection which the
 * origin had just closed is sent once more on a new one (RFC 9112 §9.3.1); one whose new connection
 * broke before a byte of the response came is sent again `retry.max` times; both but the first out
 * of the retry budget (budget.h). Nothing else is sent twice. A connection is kept only when the
 * request was sent and the response received as a whole, and nothing came behind it.
 *
 * Memory: requests, early pieces of bodies and connections are charged to the account.
 * Timeouts: connect, first byte, between bytes, total (upstream/origin.def). Time in which the
 * client is the one who is waited for (it sends slowly, or the response is paused) counts only for
 * the total.
 * Limits: connections an origin and worker; a request that finds none free waits in a queue of
 * `queue_max` for at most `queue_wait`, else ERR_BUSY. Response heads of 64 KiB and
 * ORIGIN_FIELDS_MAX fields; 32 interim responses.
 * Threads: the loop's own.
 */
#ifndef LARDER_UPSTREAM_ORIGIN_H
#define LARDER_UPSTREAM_ORIGIN_H

#include "base/account.h"
#include "base/counter.h"
#include "base/fault.h"
#include "base/setting.h"
#include "net/loop.h"
#include "proto/http.h"
#include "upstream/concurrency.h"

/* Fewer than a head can hold: whoever passes a response on adds fields of his own. */
enum { ORIGIN_FIELDS_MAX = HTTP_FIELDS_MAX - 24 };

struct origin_settings {
#define SETTING(field, path, kind, ...) SETTING_TYPE_##kind field;
#include "upstream/origin.def"
#undef SETTING
};

struct origin_metrics {
#define METRIC(name, kind, text) struct counter name;
#include "upstream/metrics.def"
#undef METRIC
};

struct fleet;
struct origin;
struct exchange;

/* `fleet` and `account` are borrowed and outlive the origin and, because connections end a moment
 * later, the loop. */
void origin_new(struct loop *loop, struct fleet *fleet, struct account *account,
                struct origin **ret_origin);

/* Fails what is under way with ERR_STOPPING and closes all connections. Not from within an event.
 */
void origin_free(struct origin **owner);

const struct origin_metrics *origin_metrics(const struct origin *origin);

/* The last two requests failed, or the breaker is open: who has something stale that may be served
 * should not wait for it. */
bool origin_is_suspect(const struct origin *origin);

struct exchange_request {
    struct bytes method;
    struct bytes target;             /* origin form: path and query */
    const struct http_field *fields; /* framing and hop-by-hop ones are left out when sent */
    size_t field_count;
    bool has_body;
    bool body_size_known; /* else it goes out chunked */
    uint64_t body_size;
    struct bytes affinity; /* what decides where it goes, when keys do; empty: the target */
    struct bytes upgrade;  /* the protocol to ask for, of a request without a body; empty: none */
    struct concurrency *concurrency; /* that it has to pass; outlives the exchange; NULL: none */
};

/* `interim`, `ready`, `switched` and `ended` may be NULL. In any of them the exchange may be
 * cancelled. */
struct exchange_events {
    void (*interim)(struct exchange *exchange, void *owner, const struct http_head *head);
    void (*head)(struct exchange *exchange, void *owner, const struct http_head *head);
    /* A piece of the body, without its framing; a loan. */
    void (*body)(struct exchange *exchange, void *owner, struct bytes piece);
    /* The request's body may be sent on (exchange_send said stop before). */
    void (*ready)(struct exchange *exchange, void *owner);
    /* ERR_OK: the response is whole. The exchange is gone when this returns. */
    void (*done)(struct exchange *exchange, void *owner, enum err err);
    /* The origin switched to the protocol that was asked for: `body` brings its bytes as they come,
     * exchange_send sends any. No time limit counts any more. */
    void (*switched)(struct exchange *exchange, void *owner, const struct http_head *head);
    /* After `switched`: the origin sends no more. It is `done` when both sides have ended. */
    void (*ended)(struct exchange *exchange, void *owner);
};

/* Copies what it needs of `request`. Events come later, never from within this call. ERR_BUSY: the
 * queue is full. ERR_PEER_AVOIDED: the breaker is open. ERR_PEER_DOWN: health checks say that no
 * server is well. ERR_SYNTAX: a method, target or field that cannot be written as HTTP.
 * ERR_UNSUPPORTED: CONNECT. ERR_FULL, ERR_SYSTEM: memory or descriptors are short. */
enum err exchange_start(struct origin *origin, const struct exchange_request *request,
                        const struct exchange_events *events, void *owner,
                        struct exchange **ret_exchange);

/* A piece of the request's body, taken in any case; false: send no more until `ready`. With a known
 * size no more than that may be sent, and no less before the end. */
bool exchange_send(struct exchange *exchange, struct bytes piece);
void exchange_send_end(struct exchange *exchange);

/* Back-pressure from the one who reads the response. */
void exchange_pause(struct exchange *exchange);
void exchange_resume(struct exchange *exchange);

/* From the next event on these are called, with this owner. */
void exchange_give(struct exchange *exchange, const struct exchange_events *events, void *owner);

/* Ends it without further events; its connection is closed. */
void exchange_cancel(struct exchange **owner);

/* Milliseconds from the start to the response's head. */
int64_t exchange_first_byte_ms(const struct exchange *exchange);

#endif
