/* admin_places.h: the resources of the admin door, and what they need of a client.
 * SPDX-License-Identifier: MIT
 *
 * admin_talk.c reads requests and says who may ask; what there is to be asked for is one table of
 * places, each with the function that answers. A new one is a row, a function and an operation of
 * ops.h.
 *
 * Memory, threads: those of the client.
 */
#ifndef LARDER_SERVER_ADMIN_PLACES_H
#define LARDER_SERVER_ADMIN_PLACES_H

#include "proto/body.h"
#include "server/admin/admin_client.h"

enum client_state { CLIENT_HEAD, CLIENT_BODY, CLIENT_PROBING, CLIENT_ORDERED, CLIENT_LEAVING };

struct admin_client;

/* A resource: where it is, how it may be asked for, what answers. */
struct place {
    struct bytes path;
    bool is_post;
    bool needs_token;
    void (*answer)(struct admin_client *client);
};

struct admin_client {
    struct list_node node;
    struct admin *admin;
    struct conn *conn;
    struct timer timer;
    enum client_state state;
    const struct place *place; /* of the request that is being read */
    enum admin_order order;    /* ORDERED: what it waits for */
    bool is_head;
    bool keep_alive;
    bool has_begun; /* a request has begun to arrive */
    struct http_body body;
    struct buf input; /* the body so far */
};

/* NULL: there is none. */
const struct place *admin_place_find(struct bytes target);

/* "there is /metrics, ... and /v1/why" */
void admin_places_list(struct buf *out);

/* Sends what stands in the door's answer buffer. `more` is a header line of its own, or "". */
void admin_send_answer(struct admin_client *client, unsigned status, const char *type,
                       const char *more);
void admin_send_json(struct admin_client *client, unsigned status, struct bytes json);
void admin_send_error(struct admin_client *client, unsigned status, const char *more,
                      const char *text);

#endif
