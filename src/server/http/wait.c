/* wait.c: waiting for another one's fetch. SPDX-License-Identifier: MIT */
#include "server/http/wait.h"

#include "base/must.h"

static struct client *client_of(struct request *request)
{
    return list_owner(request, struct client, request);
}

/* On the thread that ended the load, under the engine's lock. */
static void note(struct cache_waiter *waiter, const struct cache_wake *wake)
{
    struct request *request = list_owner(waiter, struct request, waiter);

    request->woken = wake->outcome;
    request->woken_err = wake->err;
    request->woken_shared = wake->outcome == CACHE_SHARED ? wake->shared : NULL;
    request->woken_lease = wake->lease;
    loop_post(request->loop, &request->wake_task);
}

static void run_woken(struct loop_task *task)
{
    struct request *request = list_owner(task, struct request, wake_task);
    struct client *client = client_of(request);

    must(request->is_waiting);
    request->is_waiting = false;
    timer_clear(client->gate->loop, &request->deadline);
    request->when_woken(client);
}

static void run_late(struct timer *timer)
{
    struct request *request = list_owner(timer, struct request, deadline);
    struct client *client = client_of(request);

    if (request->is_waiting && wait_cancel(client))
        request->when_late(client);
}

struct cache_waiter *wait_prepare(struct client *client, void (*woken)(struct client *client))
{
    struct request *request = &client->request;

    must(!request->is_waiting);
    list_init(&request->waiter.node);
    request->waiter.woken = note;
    request->wake_task.run = run_woken;
    request->when_woken = woken;
    request->loop = client->gate->loop;
    return &request->waiter;
}

void wait_begin(struct client *client, void (*late)(struct client *client))
{
    struct request *request = &client->request;
    struct loop *loop = client->gate->loop;

    request->is_waiting = true;
    request->when_late = late;
    timer_init(&request->deadline, run_late);
    timer_set(loop, &request->deadline, loop_now_ms(loop) + request->route->settings->wait_ms);
}

bool wait_cancel(struct client *client)
{
    struct request *request = &client->request;

    if (!request->is_waiting || !cache_cancel(client->gate->thread, &request->waiter))
        return false;
    request->is_waiting = false;
    timer_clear(client->gate->loop, &request->deadline);
    return true;
}
