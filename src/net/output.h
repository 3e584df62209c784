/* output.h: bytes on their way to a socket: gathered in a call, kept when the socket refuses.
 * SPDX-License-Identifier: MIT
 *
 * Most answers leave at once: they are gathered in a buffer that all connections of a loop share
 * and go out with one system call. Only what the socket refuses is kept, in pieces of the
 * connection's own; so a connection that nobody waits for holds no output memory at all.
 *
 *     gather:  [ copy | loan | copy ]  --send-->  socket
 *                         `- the rest is kept -->  output: piece -> piece -> piece
 *
 * A loan is somebody else's memory that is sent from where it lies; its `release` is called once.
 *
 * Memory: kept pieces are charged to the account without asking, because bytes that a peer was
 * promised cannot be dropped; the limit is the connection's (conn.h). Loans are not charged.
 * Threads: the loop's own.
 */
#ifndef LARDER_NET_OUTPUT_H
#define LARDER_NET_OUTPUT_H

#include "base/account.h"
#include "base/bytes.h"

#include <sys/types.h>
#include <sys/uio.h>

struct tls_session;

/* Where bytes leave: a socket, in the clear or through TLS. */
struct outlet {
    int fd;
    struct tls_session *tls; /* NULL: in the clear */
};

struct output_loan {
    void (*release)(void *context); /* NULL: a copy, nothing to release */
    void *context;
};

/* ---- what is kept ------------------------------------------------------------------------- */

struct output_piece;

struct output {
    struct output_piece *first;
    struct output_piece *last;
    size_t size;   /* bytes that wait */
    size_t copied; /* of them, those in memory of our own */
    struct account *account;
};

void output_init(struct output *output, struct account *account);

/* Forgets everything; loans are released. */
void output_clear(struct output *output);

/* False: the machine has no memory; nothing was added. A refused loan is released. */
bool output_copy(struct output *output, struct bytes bytes);
bool output_lend(struct output *output, struct bytes bytes, struct output_loan loan);

/* Sends until all is sent, the socket is full or broken: the bytes sent, or -1 with errno. */
ssize_t output_send(struct output *output, struct outlet outlet);

/* While nothing is kept: offers the bytes to the socket from where they lie and keeps a copy of the
 * rest. The bytes sent, or -1 with errno (ENOMEM: the rest could not be kept). */
ssize_t output_send_direct(struct output *output, struct outlet outlet, struct bytes bytes);

/* ---- what is gathered --------------------------------------------------------------------- */

enum { GATHER_SIZE = 128 * 1024 /* bytes of copies */, GATHER_PARTS = 64 };

struct gather {
    size_t size; /* bytes, loans included */
    size_t used; /* bytes of copies */
    unsigned count;
    struct iovec parts[GATHER_PARTS];
    struct output_loan loans[GATHER_PARTS];
    uint8_t copies[GATHER_SIZE];
};

/* False: it does not fit; send what is there and try again. */
bool gather_copy(struct gather *gather, struct bytes bytes);
bool gather_lend(struct gather *gather, struct bytes bytes, struct output_loan loan);

/* Sends once and empties the gather: what the socket refused goes to `output`. False with errno:
 * the socket is broken, or memory is short (ENOMEM); what was not sent is dropped. */
bool gather_send(struct gather *gather, struct outlet outlet, struct output *output,
                 size_t *ret_sent);

/* Empties it unsent. */
void gather_drop(struct gather *gather);

#endif
