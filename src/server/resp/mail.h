/* mail.h: what one worker's door asks of another: deliver a message, end a client, go on.
 * SPDX-License-Identifier: MIT
 *
 * Each door has one box; the first letter in an empty box wakes its loop.
 */
#ifndef LARDER_SERVER_RESP_MAIL_H
#define LARDER_SERVER_RESP_MAIL_H

#include "base/list.h"
#include "net/loop.h"

#include <pthread.h>

struct resp_door;

struct letter {
    struct list_node node;
    void (*open)(struct resp_door *door, struct letter *letter); /* door NULL: only free it */
};

struct mailbox {
    pthread_mutex_t lock;
    struct list_node letters;
    struct loop_task task;
    struct loop *loop;
    struct resp_door *door;
};

void mailbox_init(struct mailbox *box, struct loop *loop, struct resp_door *door);

/* Opens what is in it with no door. The loop no longer runs. */
void mailbox_fini(struct mailbox *box);

/* Any thread. The box takes the letter. */
void mailbox_put(struct mailbox *box, struct letter *letter);

#endif
