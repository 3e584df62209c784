/* conn_parts.h: what the files of conn share: a connection, and what all of a loop have in common.
 * SPDX-License-Identifier: MIT
 *
 *     conn_life.c  birth, and what owners ask for
 *     conn_send.c  output: gathering, keeping, sending, lingering
 *     conn_turn.c  what a turn of the loop brings: input, calls to the owner, the end
 *     conn_shake.c how it comes to stand: connecting, the handshake of TLS
 */
#ifndef LARDER_NET_CONN_PARTS_H
#define LARDER_NET_CONN_PARTS_H

#include "net/conn.h"
#include "net/input.h"
#include "net/output.h"
#include "net/tls.h"

enum {
    CONN_SCRATCH_SIZE = 256 * 1024,
    CONN_STALL_CHECK_MS = 10000,
    CONN_AHEAD_MAX = 16,        /* connections that are read before the first is given its input */
    CONN_AHEAD_BYTES = 2 << 10, /* of input: more is worth a turn of its own */
};

/*  CONNECTING -> OPEN -> CLOSING -> LINGERING -> DEAD      (each but DEAD may go to DEAD at once)
 *  (or TLS shakes hands) sends the   its side is ended,
 *                        rest        the other's is read
 */
enum conn_state { CONNECTING, OPEN, CLOSING, LINGERING, DEAD };

struct conn {
    struct watch watch; /* first: a watch is its connection */
    struct conn_shared *shared;
    const struct conn_settings *settings;
    const struct conn_events *events;
    void *owner;
    struct list_node work; /* in shared->work while something is to be done in this turn */
    struct input input;
    struct output output;
    struct tls_session *tls; /* NULL: in the clear, or not begun */
    struct timer
        timer; /* CONNECTING with TLS: too late. CLOSING: is it stalled? LINGERING: enough */
    int64_t last_input_ms;
    int64_t last_progress_ms;
    size_t discarded;
    uint8_t state;
    uint8_t why;
    bool paused : 1;
    bool ended : 1;
    bool unwatched : 1; /* it hung up while paused, which epoll would tell for ever */
    bool again : 1;     /* `received` is to be called for what is kept */
    bool congested : 1;
    bool unread : 1;   /* there is input of which epoll does not tell */
    bool prefaced : 1; /* what it must begin with has been read */
    bool ending : 1;   /* our side ends when the output is out, */
    bool shut : 1;     /* and has ended */
    bool cut : 1;      /* nothing can be sent any more, but what came before is read */
    struct address peer;
};
_Static_assert(sizeof(struct conn) <= 400, "an idle connection is small");

/* What the connections of a loop share. */
struct conn_shared {
    struct loop_local local; /* first: the loop finds all of it by this */
    struct loop *loop;
    struct conn *current;   /* whose owner is being called */
    struct conn *gathering; /* whose bytes are in the gather */
    struct list_node work;
    struct loop_task task;
    bool posted;
    struct gather gather;
    struct tls_desk *desk;              /* NULL: no connection had TLS yet */
    struct conn *ahead[CONN_AHEAD_MAX]; /* whose input was read and not given yet */
    unsigned ahead_count;
    size_t scratch_used; /* by their input */
    uint8_t scratch[CONN_SCRATCH_SIZE];
};

/* ---- conn_turn.c -------------------------------------------------------------------------- */

struct conn_shared *conn_shared_of(struct loop *loop);

/* Something is to be done for this connection later in this turn. */
void conn_mark_work(struct conn *conn);

/* Closes its socket now; the owner is told later in this turn. */
void conn_die(struct conn *conn, enum err why, bool reset);

void conn_ready(struct watch *watch, unsigned what);

bool conn_wants_input(const struct conn *conn);

/* What epoll shall tell. */
void conn_want(struct conn *conn, unsigned wanted);

/* Reading is switched off lazily, when input comes that nobody wants: most pauses end before. This
 * switches it on where it is wanted. */
void conn_want_input_again(struct conn *conn);

void conn_set_no_delay(const struct conn *conn);

/* The error that the socket keeps, and forgets by this. */
int conn_socket_error(const struct conn *conn);

/* Calls one of the owner's functions, then sends what it left. */
void conn_call(struct conn *conn, void (*event)(struct conn *conn, void *owner));
void conn_tell_drained(struct conn *conn);

/* ---- conn_shake.c ------------------------------------------------------------------------- */

/* Of an accepted connection: waits for what its settings want ahead of everything else. ERR_FULL:
 * no memory. */
enum err conn_begin(struct conn *conn);

/* What epoll tells of a connection that does not stand yet. */
void conn_come_about(struct conn *conn, unsigned what);

/* ---- conn_send.c -------------------------------------------------------------------------- */

size_t conn_gathered(const struct conn *conn);

/* Bytes were refused by the socket and wait for it. */
static inline bool conn_waits(const struct conn *conn)
{
    return conn->output.first != NULL || (conn->tls != NULL && tls_waiting(conn->tls) > 0);
}

static inline struct outlet conn_outlet(const struct conn *conn)
{
    return (struct outlet){conn->watch.fd, conn->tls};
}

/* Sends what is gathered, or kept if the socket is not known to be full. */
void conn_flush(struct conn *conn);

/* The socket takes more. */
void conn_send_kept(struct conn *conn);

/* After conn_end: ends our side if all is sent. */
void conn_shut(struct conn *conn);

/* All is sent after conn_close. */
void conn_linger(struct conn *conn);
void conn_timer_fired(struct timer *timer);

#endif
