/* mail.c: letters between doors. SPDX-License-Identifier: MIT */
#include "server/resp/mail.h"

#include "base/must.h"

static void take_all(struct mailbox *box, struct list_node *ret_letters)
{
    list_init(ret_letters);
    must(pthread_mutex_lock(&box->lock) == 0);
    if (!list_alone(&box->letters)) {
        list_append(&box->letters, ret_letters);
        list_leave(&box->letters);
    }
    must(pthread_mutex_unlock(&box->lock) == 0);
}

static void open_all(struct mailbox *box, struct resp_door *door)
{
    struct list_node letters;

    take_all(box, &letters);
    while (!list_alone(&letters)) {
        struct letter *letter = list_owner(letters.next, struct letter, node);

        list_leave(&letter->node);
        letter->open(door, letter);
    }
}

static void run(struct loop_task *task)
{
    struct mailbox *box = list_owner(task, struct mailbox, task);

    open_all(box, box->door);
}

void mailbox_init(struct mailbox *box, struct loop *loop, struct resp_door *door)
{
    *box = (struct mailbox){.loop = loop, .door = door, .task = {.run = run}};
    must(pthread_mutex_init(&box->lock, NULL) == 0);
    list_init(&box->letters);
}

void mailbox_fini(struct mailbox *box)
{
    open_all(box, NULL);
    must(pthread_mutex_destroy(&box->lock) == 0);
}

void mailbox_put(struct mailbox *box, struct letter *letter)
{
    must(pthread_mutex_lock(&box->lock) == 0);
    bool was_empty = list_alone(&box->letters);

    list_append(&box->letters, &letter->node);
    must(pthread_mutex_unlock(&box->lock) == 0);
    if (was_empty)
        loop_post(box->loop, &box->task);
}
