/* listener.h: accepting connections, one listening socket a worker (SO_REUSEPORT).
 * SPDX-License-Identifier: MIT
 *
 * Limits: `connections_max` for all listeners that share a `struct listener_limit`; one more is
 * accepted and closed at once, after the owner was asked for last words (`refused`), and counted.
 * When descriptors run out (EMFILE) accepting pauses for 100 ms.
 *
 * A Unix socket is made with mode 0600; one that a dead program left behind is replaced. Its path
 * can be bound once only: who shares it is handed a copy of the first's descriptor, and without one
 * accepts nothing.
 */
#ifndef LARDER_NET_LISTENER_H
#define LARDER_NET_LISTENER_H

#include "base/counter.h"
#include "net/address.h"
#include "net/loop.h"

struct listener;

struct listener_limit {
    _Atomic uint64_t connections;
    _Atomic uint64_t connections_max;
    struct counter refused;
    _Atomic bool is_handed_over; /* another process listens there now: paths of Unix sockets stay */
};

/* Where to listen. */
struct listener_place {
    const struct address *address;
    int handed; /* a socket that listens there already, to be taken over; 0: there is none */
};

struct listener_events {
    /* The owner takes the descriptor (non-blocking, close-on-exec). It calls listener_limit_leave
     * when the connection ended, or could not begin. The listener is not freed in here. */
    void (*accepted)(void *owner, int fd, const struct address *peer);
    /* May be NULL. What to tell one who is turned away; sent without waiting. */
    struct bytes (*refused)(void *owner);
};

struct listener_birth {
    const struct address *address;
    int handed; /* a socket that listens already and is taken over; 0: one is made */
    bool share; /* join the port of the first worker's listener (its listener_address) */
    struct listener_limit *limit;
    const struct listener_events *events; /* borrowed for the listener's life, as is the limit */
    void *owner;
};

/* Binds and listens. ERR_SYSTEM: the fault names the address, the cause and what to do ("cannot
 * listen on 127.0.0.1:6379: another program is listening there; stop it or ..."). With port 0 the
 * kernel picks; listener_address tells. */
enum err listener_new(struct loop *loop, const struct listener_birth *birth,
                      struct listener **ret_listener, struct fault *fault);

/* Accepts all who wait already: whoever is left when the socket closes gets a reset. Before
 * listener_free, when the owner still serves those that come so. */
void listener_accept_rest(struct listener *listener);

/* Closes the listening socket: new connections are refused by the system. */
void listener_free(struct listener **owner);

/* Its socket, to be handed to another process; negative: it has none, as it shares another's. */
int listener_fd(const struct listener *listener);

const struct address *listener_address(const struct listener *listener);

void listener_limit_leave(struct listener_limit *limit);

#endif
