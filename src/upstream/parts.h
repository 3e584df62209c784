/* parts.h: what pool.c, link.c and exchange.c know of each other.
 * SPDX-License-Identifier: MIT
 *
 *     origin --- pools: pool, pool   one for each server of the fleet's roster
 *        |                `-- idle: link, link   connections that wait for a request
 *        |------ active: exchange -- link -- pool
 *        `------ queue: exchange, exchange       requests that wait for a connection
 *
 * A link is one connection; it has an exchange or is idle, or is about to go. An exchange is in the
 * queue or has a link. The origin's memory lives until the last link is gone, and so does a pool
 * whose server is not in the roster any more.
 */
#ifndef LARDER_UPSTREAM_PARTS_H
#define LARDER_UPSTREAM_PARTS_H

#include "base/buf.h"
#include "net/conn.h"
#include "proto/body.h"
#include "upstream/dating.h"
#include "upstream/fleet_parts.h"
#include "upstream/origin.h"

/* This worker's connections to one server. */
struct pool {
    struct member *member; /* a reference */
    struct conn_settings conn_settings;
    struct list_node idle; /* the last used first */
    size_t link_count;
    bool is_retired; /* its server is not in the roster any more */
};

struct origin {
    struct loop *loop;
    struct fleet *fleet;
    const struct origin_settings *settings;
    struct account *account;
    struct origin_metrics metrics;
    struct conn_settings conn_settings;
    struct roster *roster; /* a reference; the next two have as many items */
    unsigned version;      /* of the roster */
    struct pool **pools;
    struct balance_candidate *candidates;
    struct random random;
    struct list_node idle; /* of all pools; the last used first */
    struct list_node active;
    struct list_node queue;
    struct list_node limited; /* waiting for room below a concurrency limit */
    int64_t queue_since_ms;   /* when it was empty last */
    struct timer limited_timer;
    struct timer idle_timer;
    struct timer queue_timer; /* when others may have made room at a server */
    size_t link_count;
    size_t idle_count;
    size_t queue_count;
    size_t switched_count; /* links that are not counted in link_count any more */
    bool gone;             /* origin_free was called */
};

struct link {
    struct origin *origin;
    struct conn *conn;
    struct pool *pool;
    struct exchange *exchange; /* NULL: idle, or about to go */
    struct list_node idle;     /* in the origin's ring */
    struct list_node in_pool;  /* in the pool's ring */
    int64_t idle_since_ms;
    bool connected;
    enum err lost; /* why it could not be connected */
    bool kept;     /* it has served before: the origin may have closed it by now */
    bool keep;     /* the response allows to keep it */
    bool switched; /* it speaks another protocol */
    struct dating dating;
};

/* Where it is, seen from its concurrency limit. */
enum place { PLACE_FREE, PLACE_WAITING, PLACE_INSIDE };

enum phase { PHASE_QUEUED, PHASE_CONNECTING, PHASE_WAITING, PHASE_BODY, PHASE_SWITCHED };

struct exchange {
    struct origin *origin;
    struct link *link; /* NULL: queued */
    const struct exchange_events *events;
    void *owner;
    struct list_node node; /* in the origin's `active`, `queue` or `limited` */
    struct timer timer;
    enum phase phase;
    struct concurrency *concurrency; /* NULL: none */
    enum place place;
    int64_t start_ms;
    int64_t since_ms; /* of what the phase's time is counted from, if nothing came later */
    int64_t first_byte_ms;
    enum err failing; /* to be told by the timer */
    struct http_body body;
    unsigned interim_count;
    unsigned attempts;                      /* connections opened for it */
    unsigned retries;                       /* that its request went out again */
    uint64_t tried[FLEET_SERVERS_MAX / 64]; /* servers, by their places in the roster */
    uint64_t key;                           /* what decides where it goes, when keys do */
    unsigned status;                        /* of the response; 0: there is none yet */
    int64_t attempt_ms;                     /* when this server was asked */
    bool is_probe;                          /* whether the breaker waits for its end */
    bool is_blamed;                         /* it failed, and the origin is why */
    bool is_stream;                         /* of events: it may last for ever */
    bool to_head;
    bool idempotent;
    bool retried;
    bool heard; /* something of the response came */
    bool paused;
    bool chunked;         /* the request's body */
    bool has_body;        /* the request */
    bool body_ended;      /* the request's, by the owner */
    bool sent;            /* the request's head went out on this link */
    bool wants_ready;     /* the owner was told to stop */
    bool ended;           /* PHASE_SWITCHED: the origin sends no more */
    struct bytes upgrade; /* the protocol that is asked for, in `head`; empty: none */
    uint64_t body_left;   /* of the request's body, when its size is known */
    struct buf early;     /* the request's body, before there is a connection */
    size_t charged;
    size_t head_size;
    uint8_t head[];
};

/* ---- pool.c ----------------------------------------------------------------------------- */

/* The pool of the server that is to get this exchange. ERR_BUSY: all have enough to do.
 * ERR_PEER_DOWN: none is left that could be asked. */
enum err origin_pick(struct origin *origin, struct exchange *exchange, struct pool **ret_pool);

/* Gives connections to those who wait in the queue. */
void origin_serve_queue(struct origin *origin);

/* Looks at it now and then, where room can be made without a word. */
void origin_watch_queue(struct origin *origin);

/* A link is freed. */
void origin_link_is_gone(struct origin *origin, struct pool *pool, bool was_switched);

/* ---- queue.c ----------------------------------------------------------------------------- */

/* Waits below its concurrency limit. ERR_BUSY: the queue is as long as it may be. */
enum err exchange_queue_up(struct exchange *exchange);

/* No longer inside its concurrency limit, or in the queue in front of it. May be called at any
 * time. */
void exchange_leave_limit(struct exchange *exchange);

/* The origin's limited_timer: lets those in for whom there is room now. */
void origin_look_at_limited(struct timer *timer);

/* How long a request may have waited for a connection and still be worth one: when the queue has
 * not been empty for a while, waiting longer helps nobody. */
int64_t origin_patience_ms(const struct origin *origin);

/* ---- link.c ------------------------------------------------------------------------------- */

/* Gives the exchange an idle link or, when the limit allows one, a new connection. ERR_BUSY: all
 * are in use. ERR_PEER_DOWN: no server is left to ask. ERR_SYSTEM, ERR_FULL: no connection can be
 * made at all. */
enum err link_for(struct exchange *exchange);

/* The same, always a new connection, beyond the limit if need be: for what is tried again. */
enum err link_new_for(struct exchange *exchange);

/* The exchange is over: the link is kept or closed. */
void link_release(struct link *link);

/* Closes it; a possible exchange does not hear of it. */
void link_drop(struct link *link);

/* It speaks another protocol from now on, for as long as it likes: it takes no connection away from
 * requests. */
void link_switch(struct link *link);

/* Sends what is queued, then closes; its exchange has let go of it. */
void link_close(struct link *link);

/* ---- exchange.c --------------------------------------------------------------------------- */

int64_t exchange_now_ms(const struct exchange *exchange);

/* A connection, or a place in the queue. */
enum err exchange_go(struct exchange *exchange);

/* What it takes now, and the account is told so. */
size_t exchange_size(const struct exchange *exchange);
void exchange_charge(struct exchange *exchange, size_t size);

/* Out of the origin's `active` or `queue`. */
void exchange_leave_ring(struct exchange *exchange);

/* The response is whole, or both sides of what it switched to have ended: the link is let go, the
 * owner is told. */
void exchange_complete(struct exchange *exchange);

/* The link broke or could not be made; it is detached already. */
void exchange_lost(struct exchange *exchange, const struct link *link);

/* The response has begun. */
void exchange_note_head(struct exchange *exchange, unsigned status);

/* The server at the other end of the link failed it; the fleet hears of it. */
void exchange_blame(struct exchange *exchange, const struct link *link, enum err err);

/* Ends it: detaches, tells the owner, frees. */
void exchange_fail(struct exchange *exchange, enum err err);

/* ---- exchange_time.c ---------------------------------------------------------------------- */

/* Its time counts from now. */
void exchange_enter(struct exchange *exchange, enum phase phase);

/* The exchange's timer: whether something took too long. */
void exchange_look_at_the_time(struct timer *timer);

/* ---- exchange_switched.c ------------------------------------------------------------------ */

/* Whether this 101 is the one that was asked for: nobody may switch to anything else. */
bool exchange_asked_for(const struct exchange *exchange, const struct http_head *head);

void exchange_switch(struct exchange *exchange, const struct http_head *head);

/* Its part of exchange_received, exchange_cut and exchange_send_end. */
void exchange_switched_received(struct exchange *exchange);
void exchange_switched_cut(struct exchange *exchange);
void exchange_switched_end(struct exchange *exchange);

/* ---- exchange_send.c, exchange_receive.c: what the link tells ------------------------------ */

/* There is a link (connected, or connecting). */
void exchange_attach(struct exchange *exchange, struct link *link);

void exchange_connected(struct exchange *exchange);
void exchange_received(struct exchange *exchange);
void exchange_drained(struct exchange *exchange);

/* The other side sends no more. */
void exchange_cut(struct exchange *exchange);

#endif
