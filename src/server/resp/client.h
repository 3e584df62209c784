/* client.h: one connected client and what it is in the middle of.
 * SPDX-License-Identifier: MIT
 *
 * Threads: a client is its door's alone, but the card, which every door reads (CLIENT LIST).
 */
#ifndef LARDER_SERVER_RESP_CLIENT_H
#define LARDER_SERVER_RESP_CLIENT_H

#include "net/conn.h"
#include "proto/resp.h"
#include "server/resp/shared.h"

enum { CLIENT_NAME_MAX = 512 };

/* Why the next command must be looked at before it runs; 0: it may just run. */
enum client_gate {
    GATE_STRANGER = 1,   /* has not said the password */
    GATE_MULTI = 2,      /* queues commands */
    GATE_SUBSCRIBER = 4, /* RESP2: may say little while it listens */
    GATE_MUTE = 8,       /* CLIENT REPLY OFF or SKIP */
};

/* What others may read. */
struct client_card {
    struct list_node node; /* in resp->cards; the rest of the non-atomics is under resp->lock too */
    uint64_t id;
    struct resp_door *door;
    char address[ADDRESS_TEXT_SIZE];
    char local_address[ADDRESS_TEXT_SIZE];
    char *name; /* NULL: none */
    char *library_name;
    char *library_version;
    int64_t since_ms;
    _Atomic int64_t active_ms;
    _Atomic uint64_t argument_bytes;
    _Atomic uint64_t output_bytes; /* that wait */
    _Atomic unsigned verb;         /* number of the last command + 1; 0: none yet */
    _Atomic unsigned database;
    _Atomic unsigned channels, patterns, shard_channels;
    _Atomic int queued; /* commands; -1: no MULTI */
    _Atomic unsigned protocol;
    _Atomic bool no_evict;
};

enum client_reply { CLIENT_ANSWERED, CLIENT_MUTE, CLIENT_SKIP_NEXT, CLIENT_SKIP_THIS };

struct ahead;
struct transaction;
struct subscriptions;
struct lease_wait;

struct client {
    struct list_node node; /* in its door */
    struct resp_door *door;
    struct resp *resp;
    struct conn *conn;
    unsigned protocol;
    unsigned database;
    unsigned gate;
    bool authenticated;
    bool leaving;       /* nothing more is read */
    bool leaving_after; /* this command */
    bool held;          /* by CLIENT PAUSE or LARDER.GET ... WAIT: nothing is read meanwhile */
    enum client_reply reply;
    struct resp_reader reader;
    struct ahead *ahead;                 /* what was read before its turn; NULL: nothing */
    struct resp_arguments unfinished;    /* of a request with many arguments */
    struct transaction *transaction;     /* NULL: never began one nor watches anything */
    struct subscriptions *subscriptions; /* NULL: never subscribed */
    struct lease_wait *waits;            /* NULL: for nothing */
    struct client_card card;
};

/* Sets the card's words: NULL takes them away. */
void client_set_text(struct client *client, char **place, struct bytes text);

/* Sets or takes away a reason to look at commands before they run. */
static inline void client_set_gate(struct client *client, enum client_gate gate, bool closed)
{
    client->gate = closed ? client->gate | gate : client->gate & ~(unsigned)gate;
}

/* One line as CLIENT LIST prints it, without an end. Under resp->lock. */
void client_describe(const struct client_card *card, const struct verbs *verbs, int64_t now_ms,
                     struct buf *out);

/* Printable, without spaces, not too long. */
bool client_name_is_valid(struct bytes name);

/* Ends a client from its own door's thread: what is queued for it is sent. */
void client_leave(struct client *client);

#endif
