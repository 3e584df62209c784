/* admin_client.h: one connection to the admin door, request by request.
 * SPDX-License-Identifier: MIT
 *
 *   HEAD -- a head is whole --> BODY -- the body is whole --> answered -> HEAD
 *                                                        \-> PROBING -- admin_probed --> HEAD
 *
 * Every answer is written in one piece. While a client does not read, its next request waits.
 */
#ifndef LARDER_SERVER_ADMIN_CLIENT_H
#define LARDER_SERVER_ADMIN_CLIENT_H

#include "base/list.h"
#include "base/log.h"
#include "net/conn.h"
#include "net/listener.h"
#include "server/admin/ops.h"

/* What the clients of a door share; admin.c owns it. */
struct admin {
    struct loop *loop;
    const struct log *log;
    struct listener *listener;
    struct listener_limit limit;
    struct conn_settings conns;
    struct admin_ops ops;
    char *token; /* NULL: none */
    size_t token_size;
    struct list_node clients; /* all */
    struct buf answer;        /* the one that is being written */
    struct admin_metrics metrics;
    bool probing;
};

/* Takes over an accepted descriptor. */
void admin_client_start(struct admin *admin, int fd);

/* Ends the client that this is a node of: it leaves the list later in the loop's turn. */
void admin_client_cut(struct list_node *node);

/* Answers all who wait for the probe. */
void admin_clients_probed(struct admin *admin, bool is_ready, struct bytes json);

/* Whether somebody waits for the probe or for what was ordered. */
bool admin_clients_wait(const struct admin *admin);

/* Answers all who wait for what was ordered. */
void admin_clients_ordered(struct admin *admin, enum admin_order order, unsigned status,
                           struct bytes json);

#endif
