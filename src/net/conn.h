/* conn.h: one stream connection: input as it comes, output as fast as the other side reads.
 * SPDX-License-Identifier: MIT
 *
 * Idle connections cost next to nothing and busy ones copy little: input is read into a buffer that
 * all connections of a loop share, and only what the owner leaves over is kept; output is gathered
 * in a shared buffer during the owner's call, written once when it returns, and only what the
 * socket refuses is kept.
 *
 *   socket -> shared input -> received(conn) -> conn_send... -> shared output -> writev -> socket
 *               what is left: kept                     what is refused: kept, back-pressure
 *
 * Where several connections have small input in one turn, up to 16 are read before the first of
 * them is given to its owner, so that owners can have what each of them will need fetched meanwhile
 * (`ahead`).
 *
 * Back-pressure: while more than `output_high` bytes wait, conn_is_congested is true; `drained` is
 * called when less than `output_low` remain. The owner stops producing (and reading, conn_pause)
 * meanwhile. When more than `output_max` bytes of copies wait all the same, the connection is
 * aborted with ERR_TOO_BIG. Loans do not count there: they are the lender's memory.
 *
 * With `tls` in the settings the connection is encrypted (net/tls.h): it is told as `connected`
 * when the handshake is done, and nothing else changes for its owner.
 *
 * Memory: 400 bytes for an idle connection, and what TLS takes; it, kept input and kept output are
 * charged to the account of the settings without asking (the limits above bound them). When the
 * machine has none left the connection is aborted with ERR_FULL. Threads: the loop's own only.
 */
#ifndef LARDER_NET_CONN_H
#define LARDER_NET_CONN_H

#include "base/account.h"
#include "base/bytes.h"
#include "base/err.h"
#include "net/address.h"
#include "net/loop.h"

struct conn;

enum { CONN_PREFACE_MAX = 4096 };

struct conn_settings {
    size_t input_max; /* bytes kept of input that the owner has not consumed; then reading stops */
    size_t output_high; /* bytes */
    size_t output_low;
    size_t output_max;
    struct account *account; /* may be NULL */
    struct tls *tls;         /* NULL: in the clear; outlives the connections */
    /* NULL: nothing. What an accepted connection must begin with, before everything else: says who
     * the client is (conn_peer) when the bytes come from a proxy. Reads it off the front of
     * `input`; ERR_AGAIN: more has to arrive, up to CONN_PREFACE_MAX bytes. A size of 0 for the
     * peer: it is as the system says. Anything else ends the connection with ERR_PEER_BROKEN. */
    enum err (*preface)(struct bytes input, struct address *ret_peer, size_t *ret_size);
    int64_t preface_ms; /* how long it may take; then ERR_PEER_SLOW */
};

/* All are called by the loop, never from within a call of the owner's to conn.h. `connected`,
 * `ahead`, `ended` and `drained` may be NULL; without an `ended` the connection is closed instead.
 */
struct conn_events {
    /* Outgoing connections, and accepted ones with TLS or a preface: it stands. What was sent
     * before goes out now. */
    void (*connected)(struct conn *conn, void *owner);
    /* conn_input has what `received` will be called for, where it will be then, after other
     * connections had theirs. To be looked at only: nothing is consumed, sent or closed. */
    void (*ahead)(struct conn *conn, void *owner);
    /* conn_input has more bytes than before. Consume what is whole; the rest comes again. */
    void (*received)(struct conn *conn, void *owner);
    /* The other side sends no more; what it sent was given to `received`. Sending still works. */
    void (*ended)(struct conn *conn, void *owner);
    /* Output fell below `output_low` after it had been above `output_high`. */
    void (*drained)(struct conn *conn, void *owner);
    /* The last call. ERR_OK: everything was sent after conn_close. ERR_STOPPING: after conn_abort
     * or conn_reset. Or it broke: ERR_PEER_GONE, ERR_PEER_DOWN (could not connect), ERR_PEER_SLOW
     * (took nothing of the rest for 30 s after conn_close, or too long for a handshake),
     * ERR_PEER_UNTRUSTED, ERR_PEER_EXPIRED, ERR_PEER_MISNAMED, ERR_PEER_NO_TLS (see conn_why),
     * ERR_TOO_BIG, ERR_FULL. `conn` is gone when this returns. */
    void (*closed)(struct conn *conn, void *owner, enum err why);
};

/* Takes over an accepted descriptor (non-blocking, close-on-exec). ERR_SYSTEM, ERR_FULL: the
 * descriptor is closed. `settings` and `events` are borrowed for the connection's life. */
enum err conn_accept(struct loop *loop, int fd, const struct conn_settings *settings,
                     const struct conn_events *events, void *owner, struct conn **ret_conn);

/* Starts to connect. Success or failure is told by an event, never from within this call. */
enum err conn_connect(struct loop *loop, const struct address *address,
                      const struct conn_settings *settings, const struct conn_events *events,
                      void *owner, struct conn **ret_conn);

/* What came and was not consumed. Consumed bytes stay readable until the owner's call returns. */
struct bytes conn_input(const struct conn *conn);
void conn_consume(struct conn *conn, size_t count);

/* Queues a copy. */
void conn_send(struct conn *conn, struct bytes bytes);

/* Queues without copying: the bytes stay readable until `release` is called, which happens once,
 * when they are sent or the connection is gone. Small ones are copied and released at once. */
void conn_send_loan(struct conn *conn, struct bytes bytes, void (*release)(void *context),
                    void *context);

bool conn_is_congested(const struct conn *conn);
size_t conn_output_size(const struct conn *conn); /* bytes that wait */

/* Stops and resumes calling `received` and `ended`. Resuming with input at hand calls `received`
 * later in this turn. */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

/* From the next event on these are called, with this owner: the connection goes on with somebody
 * else. Not from within its `closed`. */
void conn_give(struct conn *conn, const struct conn_events *events, void *owner);

/* Sends what is queued, then ends this side; the other side's is read on. What is sent behind it is
 * dropped. */
void conn_end(struct conn *conn);

/* Sends what is queued, then closes; input is ignored from now on. To answer and leave without
 * losing the answer to a reset it ends its side first and reads on for a moment (RFC 9112 §9.6): at
 * most 2 s and 8 MiB. */
void conn_close(struct conn *conn);

/* Closes at once, with a reset if output is lost. `closed` is told later in this turn. */
void conn_abort(struct conn *conn);

/* The same, always with a reset: the other side must not take what it got for the whole. */
void conn_reset(struct conn *conn);

bool conn_has_ended(const struct conn *conn); /* the other side sends no more */

/* Sending failed: what is sent now is dropped. What the other side sent before it went is still
 * received; then the connection is closed with ERR_PEER_GONE. */
bool conn_is_cut(const struct conn *conn);

const struct address *conn_peer(const struct conn *conn);

/* What both sides agreed to speak in the TLS handshake (ALPN): "h2", "http/1.1"; empty: they did
 * not say, or there is no TLS. Known from `connected` on, which an accepted connection with TLS is
 * told, too: before the first `received`. */
struct bytes conn_protocol(const struct conn *conn);

bool conn_is_encrypted(const struct conn *conn);

/* In `closed`: a sentence about why an outgoing connection came to no TLS; NULL: for other
 * reasons. */
const char *conn_why(const struct conn *conn);
int64_t conn_last_input_ms(const struct conn *conn);
int64_t conn_last_progress_ms(const struct conn *conn); /* last byte read or written */

#endif
