/* loop.h: one thread's turn: wait for sockets, timers and messages, call who is concerned, rest.
 * SPDX-License-Identifier: MIT
 *
 * One loop a worker, one worker a core; a connection stays with its loop for life. A turn is:
 *
 *     wait (epoll) -> before the first event: on_wake -> events -> tasks -> timers
 *                  -> on_turn (tells how long to wait at the most) -> on_rest -> wait ...
 *
 * so that the engine is told when this thread uses nothing of it (cache_turn, cache_rest).
 *
 * Threads: everything is called on the loop's own thread, but loop_post and loop_stop, which any
 * thread may call (loop_stop: a signal handler too). Memory: all that a turn needs is taken at the
 * start. Limits: as many descriptors as the system gives (RLIMIT_NOFILE).
 */
#ifndef LARDER_NET_LOOP_H
#define LARDER_NET_LOOP_H

#include "base/err.h"
#include "net/timer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

struct loop_hooks {
    void (*on_wake)(void *context);
    int64_t (*on_turn)(void *context, int64_t now_ms); /* when to wake next, INT64_MAX: whenever */
    void (*on_rest)(void *context);
    void *context;
};

/* `hooks` may be NULL; copied. ERR_SYSTEM: the system gives no epoll or eventfd. */
enum err loop_new(const struct loop_hooks *hooks, struct loop **ret_loop);

/* Nothing is watched and no timer is set any more. */
void loop_free(struct loop **owner);

/* Runs until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* One turn, waiting at most `wait_ms` (negative: as long as it takes): for tests and for callers
 * with a loop of their own. */
void loop_turn(struct loop *loop, int wait_ms);

/* The time at which this turn began. */
int64_t loop_now_ms(const struct loop *loop);

/* ---- tasks: messages from other threads (and to oneself, for later in this turn) ----------- */

struct loop_task {
    struct loop_task *next;
    void (*run)(struct loop_task *task);
};

/* The task lives in the caller's memory and must not be posted again before it ran. Tasks of one
 * thread run in the order of their posting. */
void loop_post(struct loop *loop, struct loop_task *task);

/* ---- timers (timer.h) --------------------------------------------------------------------- */

/* Sets, or sets anew. Fires once, not before `at_ms` and soon after it; O(1). */
void timer_set(struct loop *loop, struct timer *timer, int64_t at_ms);
void timer_clear(struct loop *loop, struct timer *timer);

/* ---- descriptors ------------------------------------------------------------------------- */

enum {
    LOOP_READ = 1,
    LOOP_WRITE = 2,
    LOOP_GONE = 4, /* hang-up or error: always told */
    LOOP_LAST = 8, /* the other side sends no more; told with LOOP_READ to who is told once */
};

struct watch {
    int fd;
    bool once; /* told when something comes, not as long as it is there: see watch_again */
    unsigned wanted;
    void (*ready)(struct watch *watch, unsigned what);
};

enum err watch_start(struct loop *loop, struct watch *watch);
enum err watch_want(struct loop *loop, struct watch *watch, unsigned wanted);

/* Within a call of `ready`: whether others may follow in this turn. */
bool loop_has_events(const struct loop *loop);

/* Who is told once did not take all that there was: it is told once more, in the next turn.
 * Changing what is wanted does the same. */
enum err watch_again(struct loop *loop, struct watch *watch);

/* After it returned, `ready` is not called again, also not for events of this turn. */
void watch_stop(struct loop *loop, struct watch *watch);

/* ---- loop-local storage ---------------------------------------------------------------------- */

/* What the connections of a loop share (conn_turn.c): made by the first of them, kept by the loop
 * and ended with it. */
struct loop_local {
    void (*end)(struct loop_local *local);
};

struct loop_local *loop_local(const struct loop *loop); /* NULL: none yet */
void loop_set_local(struct loop *loop, struct loop_local *local);

#endif
