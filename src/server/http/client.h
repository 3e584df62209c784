/* client.h: one client connection, the request it is at, and how answers get out.
 * SPDX-License-Identifier: MIT
 *
 * Over HTTP/1.x a connection does one request at a time; what is pipelined behind it waits in the
 * input. Over HTTP/2 (http2.h) each of its requests is a client of its own, whose way in and out is
 * a stream of the connection; what stands between the two forms is here, and nobody above asks
 * which one it is. A request that can be answered at once (a hit) leaves no trace here. Others copy
 * their head, wait for a lease or read from a fetch, and are answered later.
 *
 *   IDLE -> (head whole) -> answered at once -> IDLE
 *                       \-> BUSY: waiting, reading, uploading -> IDLE, or CLOSING
 *
 * Memory: a client lives until its connection is closed and none of its tasks is on its way (a task
 * posted by another worker cannot be called back). Threads: the loop's own.
 */
#ifndef LARDER_SERVER_HTTP_CLIENT_H
#define LARDER_SERVER_HTTP_CLIENT_H

#include "net/listener.h"
#include "proto/body.h"
#include "server/http/fetch.h"
#include "server/http/gate.h"
#include "server/http/key_body.h"
#include "server/http/multipart.h"
#include "server/http/visitor.h"

enum outcome {
    OUTCOME_HIT,
    OUTCOME_STALE,
    OUTCOME_MISS,
    OUTCOME_COLLAPSED,
    OUTCOME_REVALIDATED,
    OUTCOME_PASS,
    OUTCOME_REFUSED,
    OUTCOME_FAILED,
    OUTCOME_MALFORMED
};

enum { TRACE_SIZE = 56 }; /* "00-", 32 digits, "-", 16 digits, "-00", NUL */

struct client;
struct h2_stream;
struct http2;

/* What becomes of the body behind an answer's head. */
struct body_plan {
    uint64_t skip; /* bytes of the whole that are left out at the front */
    uint64_t left; /* bytes to send behind them; UINT64_MAX: until the end */
    bool chunked;  /* of unknown size, in chunks */
    bool by_close; /* of unknown size, until the connection ends (HTTP/1.0) */
    bool is_empty;
    struct multipart *parts; /* several ranges, one after the other; owned; NULL: no more */
    uint64_t passed;         /* bytes of the whole in front of the next range */
};

/* The request that a client waits for. */
struct request {
    uint8_t *raw; /* its head, with `raw_size` bytes; owned */
    size_t raw_size;
    size_t cost;
    const struct route *route;
    enum fetch_why why;
    enum outcome outcome;
    enum gateway_reason reason;
    unsigned tries;
    bool is_refresh; /* what is stored was not good enough */
    bool is_variant; /* the key is a variant's */
    bool is_split;   /* by Authorization */
    bool sends_head; /* the answer's head went out */
    unsigned status; /* what went out */
    int64_t origin_ms;
    char trace[TRACE_SIZE]; /* the traceparent that was made for it; "": none */
    struct body_plan plan;

    /* waiting for another one's fetch */
    bool is_waiting; /* the waiter is in the engine, or its task on the way */
    struct cache_waiter waiter;
    struct loop_task wake_task;
    struct timer deadline;
    struct loop *loop;
    void (*when_woken)(struct client *client);
    void (*when_late)(struct client *client);
    enum cache_outcome woken;
    enum err woken_err;
    void *woken_shared;
    struct cache_lease woken_lease;

    /* reading */
    struct reader reader;

    /* sending a body to the origin */
    bool is_uploading;
    struct http_body upload;
    bool is_held_up;          /* by the origin */
    uint64_t upload_size;     /* so far */
    uint64_t upload_measured; /* since `upload_since_ms` */
    int64_t upload_since_ms;
    unsigned upload_fault;     /* the status that the client's own mistake deserves; 0: none */
    struct fetch *upload_to;   /* a reference */
    struct key_body *key_body; /* the body is part of the key; owned; NULL: it is not */
};

/* What an answer that comes to nothing, or not alone, may need: ask.h, whatever the protocol. */
struct client_asks {
    void (*failed)(struct client *client, enum err err, enum failure failure);
    void (*again)(struct client *client); /* its fetch was in vain: look for it anew */
    /* Whether this client takes something stale that there is, in place of an error. */
    bool (*takes_stale)(struct client *client);
    /* The whole is too large to look for a part in it: to be asked for the part alone. */
    void (*part)(struct client *client);
    /* The body that belongs to the key is whole, or too large for that. */
    void (*with_key_body)(struct client *client);
};

/* Given at birth, so that what lies below can say how it went. */
struct client_hooks {
    const struct client_asks *asks;
    /* The request is answered, or cut: look for the next one. */
    void (*idle)(struct client *client);
    /* Its connection is gone: for who took over the connection's events. NULL: it has none. */
    void (*closed)(struct conn *conn, void *client, enum err why);
};

struct client {
    struct list_node node; /* in gate->clients */
    struct gate *gate;
    struct conn *conn;        /* NULL: closed, or its stream is */
    struct h2_stream *stream; /* one request of an HTTP/2 connection; else NULL */
    struct http2 *http2;      /* an HTTP/2 connection, which has no request itself; else NULL */
    struct listener_limit *limit;
    const struct client_hooks *hooks;
    struct timer timer;
    int64_t since_ms; /* IDLE: of the last request; of an unfinished head: its beginning */
    bool has_part;    /* of a head */
    bool is_busy;
    bool has_ended;   /* the other side sends no more */
    bool is_closing;  /* no further request */
    bool keeps_alive; /* the request under way allows another one */
    bool is_old;      /* it is HTTP/1.0 */
    bool is_head;     /* it is HEAD */
    bool is_secure;   /* it came through TLS */
    bool is_trusted;  /* it is a proxy that says for whom it asks (visitor.h) */
    int64_t started_ns;
    uint64_t sent_bytes; /* of the answer under way */
    struct request request;
};

static inline struct visitor client_visitor(const struct client *client)
{
    return (struct visitor){client->conn == NULL ? NULL : conn_peer(client->conn),
                            client->is_trusted, client->is_secure};
}

/* NULL: no memory. */
struct client *client_new(struct gate *gate, struct listener_limit *limit,
                          const struct client_hooks *hooks);

/* Frees it if it is closed and nothing is on its way. */
void client_free_if_over(struct client *client);

/* What a line of Cache-Status, the counts and the log say about an answer. */
struct told {
    enum outcome outcome;
    enum gateway_reason reason;
    unsigned status;
    int64_t origin_ms;
    const char *forwarded; /* in answers of our own: why the origin was asked; NULL: it was not */
};

/* `client->started_ns` and what belongs to the head; at its beginning. */
void client_begin(struct client *client, const struct http_head *head);

/* ---- the way out ------------------------------------------------------------------------- */

/* A head with the empty line behind it, in two parts if that is how it lies. `is_all`: no body
 * follows. */
void client_send_head(struct client *client, struct bytes first, struct bytes rest, bool is_all);

/* 100 and 103. */
void client_send_interim(struct client *client, struct bytes head);

/* Of the body. */
void client_send(struct client *client, struct bytes bytes);
void client_send_loan(struct client *client, struct bytes bytes, void (*release)(void *context),
                      void *context);

/* All of the body, which stays where it is until client_finish. */
void client_send_whole(struct client *client, struct bytes bytes);

/* What waits is enough for now; pump is called when there is room. */
bool client_is_congested(const struct client *client);

/* ---- the end of it ----------------------------------------------------------------------- */

/* The answer went out as a whole: counts and logs it, and closes if that was the last one. `head`
 * may be NULL: then it is read again if it is needed. */
void client_finish(struct client *client, const struct http_head *head, const struct told *told);

/* Sends what stands in front of the next of several ranges, and makes the plan that range's; at the
 * end the plan has no parts any more. */
void client_next_part(struct client *client, struct body_plan *plan);

/* The head of a 101 went out, and the connection is no HTTP any more: counts and logs it. The
 * client stays busy until it is closed. */
void client_switch(struct client *client, const struct told *told);

/* An answer of Larder's own, with one sentence. Finishes. */
void client_refuse(struct client *client, const struct http_head *head, unsigned status,
                   const struct told *told, const char *sentence);

/* The answer cannot be finished: the client sees a cut connection and knows. */
void client_cut(struct client *client, const struct told *told);

/* ---- the request under way --------------------------------------------------------------- */

/* Keeps the head of the request for later. ERR_FULL. */
enum err client_keep_request(struct client *client, struct bytes raw);

/* Reads the kept head again, into the gate's room. */
struct http_head *client_request_head(struct client *client);

const char *outcome_text(enum outcome outcome);

#endif
