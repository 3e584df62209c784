/* loop.c: the turn: epoll, tasks, timers. SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256, /* that one wait brings */
    ROUNDS_MAX = 8,   /* of tasks that post tasks, before sockets are looked at again */
    WAIT_MAX_MS = 60 * 60 * 1000
};

struct loop {
    int epoll;
    int bell; /* an eventfd: rung when a message comes while the loop sleeps */
    int64_t now_ms;
    int64_t wake_ms; /* when on_turn wants to be called again */
    struct loop_hooks hooks;
    struct loop_local *local;
    int event_at; /* the events behind it are still to be told */
    int event_count;
    struct epoll_event events[EVENTS_MAX];
    struct timer_wheel wheel;
    char apart[64];                    /* other threads write below: on a cache line of their own */
    _Atomic(struct loop_task *) tasks; /* the last posted first */
    atomic_bool sleeping;
    atomic_bool stopping;
};

static void ring(const struct loop *loop)
{
    const uint64_t one = 1;
    ssize_t written;

    do {
        written = write(loop->bell, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
    /* EAGAIN: 2^64 - 2 rings are pending, so it is heard all the same. */
}

enum err loop_new(const struct loop_hooks *hooks, struct loop **ret_loop)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* Edge-triggered: each ring is told once and nobody has to read it. data.ptr NULL is the bell.
     */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.ptr = NULL}};

    if (epoll < 0 || bell < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, bell, &event) != 0) {
        if (epoll >= 0)
            (void)close(epoll);
        if (bell >= 0)
            (void)close(bell);
        return ERR_SYSTEM;
    }
    struct loop *loop = mem_new(1, sizeof *loop);

    loop->epoll = epoll;
    loop->bell = bell;
    loop->now_ms = clock_now_ms();
    loop->wake_ms = INT64_MAX;
    if (hooks != NULL)
        loop->hooks = *hooks;
    timer_wheel_init(&loop->wheel, loop->now_ms);
    *ret_loop = loop;
    return ERR_OK;
}

void loop_free(struct loop **owner)
{
    struct loop *loop = *owner;

    if (loop == NULL)
        return;
    must(timer_wheel_next_ms(&loop->wheel) == INT64_MAX);
    if (loop->local != NULL)
        loop->local->end(loop->local);
    (void)close(loop->epoll);
    (void)close(loop->bell);
    mem_free(owner);
}

int64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

struct loop_local *loop_local(const struct loop *loop)
{
    return loop->local;
}

void loop_set_local(struct loop *loop, struct loop_local *local)
{
    must(loop->local == NULL);
    loop->local = local;
}

/* ---- tasks ------------------------------------------------------------------------------- */

/* Poster and sleeper meet in the one order of sequentially consistent operations: the poster
 * pushes, then looks whether the loop sleeps; the loop says that it sleeps, then looks whether
 * something was pushed. One of the two sees the other. */
void loop_post(struct loop *loop, struct loop_task *task)
{
    struct loop_task *head = atomic_load_explicit(&loop->tasks, memory_order_relaxed);

    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak(&loop->tasks, &head, task));
    if (atomic_load(&loop->sleeping) && atomic_exchange(&loop->sleeping, false))
        ring(loop);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    ring(loop);
}

static struct loop_task *take_tasks_in_order(struct loop *loop)
{
    if (atomic_load_explicit(&loop->tasks, memory_order_relaxed) == NULL)
        return NULL;
    struct loop_task *last = atomic_exchange(&loop->tasks, NULL);
    struct loop_task *first = NULL;

    while (last != NULL) {
        struct loop_task *before = last->next;

        last->next = first;
        first = last;
        last = before;
    }
    return first;
}

/* A task may post others, and itself again: those belong to this turn too, up to a limit. */
static void run_tasks(struct loop *loop)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct loop_task *task = take_tasks_in_order(loop);

        if (task == NULL)
            return;
        while (task != NULL) {
            struct loop_task *next = task->next;

            task->run(task);
            task = next;
        }
    }
}

/* ---- timers ------------------------------------------------------------------------------ */

void timer_set(struct loop *loop, struct timer *timer, int64_t at_ms)
{
    timer_wheel_set(&loop->wheel, timer, at_ms);
}

void timer_clear(struct loop *loop, struct timer *timer)
{
    timer_wheel_clear(&loop->wheel, timer);
}

/* ---- descriptors ------------------------------------------------------------------------- */

static enum err control(const struct loop *loop, int operation, struct watch *watch)
{
    struct epoll_event event = {.data = {.ptr = watch}};

    if ((watch->wanted & LOOP_READ) != 0)
        event.events |= EPOLLIN;
    if ((watch->wanted & LOOP_WRITE) != 0)
        event.events |= EPOLLOUT;
    if (watch->once)
        event.events |= EPOLLET | EPOLLRDHUP;
    return epoll_ctl(loop->epoll, operation, watch->fd, &event) == 0 ? ERR_OK : ERR_SYSTEM;
}

enum err watch_start(struct loop *loop, struct watch *watch)
{
    return control(loop, EPOLL_CTL_ADD, watch);
}

enum err watch_want(struct loop *loop, struct watch *watch, unsigned wanted)
{
    if (watch->wanted == wanted)
        return ERR_OK;
    watch->wanted = wanted;
    return control(loop, EPOLL_CTL_MOD, watch);
}

enum err watch_again(struct loop *loop, struct watch *watch)
{
    return control(loop, EPOLL_CTL_MOD, watch);
}

void watch_stop(struct loop *loop, struct watch *watch)
{
    struct epoll_event unused = {0}; /* kernels before 2.6.9 want one */

    (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, &unused);
    for (int i = loop->event_at; i < loop->event_count; i++) {
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.ptr = NULL;
    }
}

bool loop_has_events(const struct loop *loop)
{
    return loop->event_at < loop->event_count;
}

static void tell(const struct epoll_event *event)
{
    struct watch *watch = event->data.ptr;
    unsigned what = 0;

    if (watch == NULL)
        return;
    if ((event->events & EPOLLIN) != 0)
        what |= LOOP_READ;
    if ((event->events & EPOLLOUT) != 0)
        what |= LOOP_WRITE;
    if ((event->events & (EPOLLHUP | EPOLLERR)) != 0)
        what |= LOOP_GONE;
    if ((event->events & EPOLLRDHUP) != 0)
        what |= LOOP_READ | LOOP_LAST;
    watch->ready(watch, what);
}

static void tell_all(struct loop *loop, int count)
{
    loop->event_count = count;
    for (int i = 0; i < count; i++) {
        loop->event_at = i + 1;
        tell(&loop->events[i]);
    }
    loop->event_count = 0;
}

/* ---- the turn ---------------------------------------------------------------------------- */

/* How long nothing is to be done, unless a socket or another thread says so; negative: for ever. */
static int wait_ms_of(const struct loop *loop, int most_ms)
{
    int64_t next_ms = timer_wheel_next_ms(&loop->wheel);

    if (loop->wake_ms < next_ms)
        next_ms = loop->wake_ms;
    if (next_ms == INT64_MAX || most_ms == 0)
        return most_ms;
    int64_t wait_ms = next_ms - clock_now_ms();

    if (wait_ms <= 0)
        return 0;
    if (wait_ms > WAIT_MAX_MS)
        wait_ms = WAIT_MAX_MS;
    return most_ms < 0 || wait_ms < most_ms ? (int)wait_ms : most_ms;
}

static int wait_for_events(struct loop *loop, int most_ms)
{
    int wait_ms = wait_ms_of(loop, most_ms);

    if (wait_ms != 0) {
        atomic_store(&loop->sleeping, true);
        if (atomic_load(&loop->tasks) != NULL || atomic_load(&loop->stopping))
            wait_ms = 0;
    }
    int count = epoll_wait(loop->epoll, loop->events, EVENTS_MAX, wait_ms);

    atomic_store_explicit(&loop->sleeping, false, memory_order_relaxed);
    must(count >= 0 || errno == EINTR);
    return count < 0 ? 0 : count;
}

void loop_turn(struct loop *loop, int wait_ms)
{
    int count = wait_for_events(loop, wait_ms);

    loop->now_ms = clock_now_ms();
    if (loop->hooks.on_wake != NULL)
        loop->hooks.on_wake(loop->hooks.context);
    tell_all(loop, count);
    run_tasks(loop);
    timer_wheel_advance(&loop->wheel, loop->now_ms);
    run_tasks(loop); /* what the timers posted */
    if (loop->hooks.on_turn != NULL)
        loop->wake_ms = loop->hooks.on_turn(loop->hooks.context, loop->now_ms);
    if (loop->hooks.on_rest != NULL)
        loop->hooks.on_rest(loop->hooks.context);
}

void loop_run(struct loop *loop)
{
    while (!atomic_load_explicit(&loop->stopping, memory_order_relaxed))
        loop_turn(loop, -1);
}
