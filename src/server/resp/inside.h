/* inside.h: the inside of one worker's RESP door.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_SERVER_RESP_INSIDE_H
#define LARDER_SERVER_RESP_INSIDE_H

#include "server/resp/client.h"
#include "server/resp/mail.h"
#include "server/resp/topic.h"

enum {
    BATCH_MAX = 64,             /* requests that are read before the first of them runs */
    BATCH_ARGUMENTS_MAX = 1024, /* of all of them; a longer request is read by itself */
    DOOR_TICK_MS = 1000,
    DOOR_DIG_NODES = 4096,     /* that are freed in one go: about half a millisecond */
    REPLY_FLUSH = 64 << 10,    /* bytes of replies after which they go to the connection */
    REPLY_LOAN_MIN = 16 << 10, /* bytes: larger values are sent without copying them */
};

/* Kinds of errors that INFO counts; the last one is all others. */
enum { ERROR_KINDS = 12 };
extern const char *const error_kinds[ERROR_KINDS];

/* What a command has cost. Written by the door's thread. */
struct verb_counts {
    struct counter calls;
    struct counter ns;
    struct counter failed;
    struct counter rejected;
};

/* What settings say about the types; any thread. */
void resp_set_rules(struct resp *resp, const struct resp_settings *settings);

struct lookahead;

struct resp_door {
    struct resp *resp;
    unsigned number;
    struct loop *loop;
    struct cache_thread *thread;
    struct listener *listener;
    struct list_node clients;
    size_t client_count;
    struct client *current; /* whose command runs */

    struct bytes arguments[BATCH_ARGUMENTS_MAX];
    struct lookahead *lookahead;
    uint8_t text[RESP_INLINE_MAX]; /* of inline requests */
    struct buf out;                /* replies to the current client */
    struct buf waste;              /* replies that are not sent */
    struct cache_key *keys;        /* CACHE_LOCK_KEYS_MAX, of the command that locks them */
    bool locked;                   /* inside cache_lock: by EXEC or by dispatch */

    struct random random;
    struct mailbox mailbox;
    struct topics topics;
    struct buf push[2];   /* a message to deliver, in either protocol */
    struct timer tick;    /* once a second */
    struct timer release; /* the end of CLIENT PAUSE */
    struct timer digging; /* until what is buried is freed */
    bool stopping;

    struct resp_metrics metrics;
    struct counter errors[ERROR_KINDS];
    struct verb_counts counts[VERB_MAX];
};

/* The same of all doors together. */
struct verb_sum {
    uint64_t calls;
    uint64_t ns;
    uint64_t failed;
    uint64_t rejected;
};
struct verb_sum resp_sum_verb(const struct resp *resp, size_t number);
uint64_t resp_sum_errors(const struct resp *resp, size_t kind);

extern const struct conn_events client_events;
extern const struct listener_events door_listener_events;

void door_tick(struct timer *timer);
void door_release(struct timer *timer);
void door_dig(struct timer *timer);

/* Requests that are read before their clients' turn, so that what they need is there then. */
struct lookahead *lookahead_new(void);
void lookahead_free(struct lookahead **owner);
void door_look_ahead(struct resp_door *door, struct client *client);
void door_forget_ahead(struct resp_door *door, struct client *client);

/* Runs what has arrived from a client. */
void door_serve(struct resp_door *door, struct client *client);

/* Sends the replies gathered so far to the current client. */
void door_flush(struct resp_door *door, struct client *client);

/* Tells the card how much waits; ends the client when it is too much. */
void door_check_output(struct resp_door *door, struct client *client);

/* One more error that begins with this word. */
void door_count_error(struct resp_door *door, struct bytes kind);

/* Resumes clients that CLIENT PAUSE held. */
void door_release_all(struct resp_door *door);

#endif
