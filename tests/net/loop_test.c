/* loop_test.c: tasks from other threads, timers, hooks. SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include "net/clock.h"
#include "net/worker.h"
#include "pair.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 4, POSTS = 20000 };

struct note {
    struct loop_task task;
    struct poster *poster;
    int number;
};

struct poster {
    struct loop *loop;
    struct note *notes;
    int next; /* the number that has to come next */
    int *heard;
};

static void hear(struct loop_task *task)
{
    struct note *note = list_owner(task, struct note, task);

    CHECK(note->number == note->poster->next);
    note->poster->next++;
    if (++*note->poster->heard == THREADS * POSTS)
        loop_stop(note->poster->loop);
}

static void post_all(void *context)
{
    struct poster *poster = context;

    for (int i = 0; i < POSTS; i++) {
        poster->notes[i] = (struct note){.task = {.run = hear}, .poster = poster, .number = i};
        loop_post(poster->loop, &poster->notes[i].task);
    }
}

TEST(every_task_of_every_thread_is_run_once_in_its_threads_order)
{
    struct loop *loop;
    struct poster posters[THREADS];
    struct worker *workers[THREADS];
    int heard = 0;

    CHECK(loop_new(NULL, &loop) == ERR_OK);
    for (int i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){
            .loop = loop, .notes = calloc(POSTS, sizeof(struct note)), .heard = &heard};
        CHECK(worker_start("poster", -1, post_all, &posters[i], &workers[i]) == ERR_OK);
    }
    loop_run(loop); /* sleeps for an hour if a wake-up is lost */
    for (int i = 0; i < THREADS; i++) {
        worker_join(&workers[i]);
        CHECK(posters[i].next == POSTS);
        free(posters[i].notes);
    }
    CHECK(heard == THREADS * POSTS);
    loop_free(&loop);
}

struct ping {
    struct loop_task task;
    struct loop *here;
    struct loop *there;
    struct ping *other;
    int left;
};

static void answer(struct loop_task *task)
{
    struct ping *ping = list_owner(task, struct ping, task);

    if (--ping->left <= 0)
        loop_stop(ping->here);
    if (ping->other->left > 0)
        loop_post(ping->there, &ping->other->task);
}

static void run_loop(void *context)
{
    loop_run(context);
}

TEST(two_loops_wake_each_other_out_of_their_sleep)
{
    enum { ROUNDS = 5000 };
    struct loop *loops[2];
    struct ping pings[2];
    struct worker *worker;

    for (int i = 0; i < 2; i++)
        CHECK(loop_new(NULL, &loops[i]) == ERR_OK);
    for (int i = 0; i < 2; i++)
        pings[i] = (struct ping){.task = {.run = answer},
                                 .here = loops[i],
                                 .there = loops[1 - i],
                                 .other = &pings[1 - i],
                                 .left = ROUNDS};
    CHECK(worker_start("second", 0, run_loop, loops[1], &worker) == ERR_OK);
    loop_post(loops[0], &pings[0].task);
    loop_run(loops[0]);
    worker_join(&worker);
    CHECK(pings[0].left == 0 && pings[1].left == 0);
    for (int i = 0; i < 2; i++)
        loop_free(&loops[i]);
}

struct again {
    struct loop_task task;
    struct loop *loop;
    int runs;
};

static void post_again(struct loop_task *task)
{
    struct again *again = list_owner(task, struct again, task);

    again->runs++;
    loop_post(again->loop, task);
}

TEST(a_task_that_posts_itself_does_not_hold_the_turn)
{
    struct again again = {.task = {.run = post_again}};

    CHECK(loop_new(NULL, &again.loop) == ERR_OK);
    loop_post(again.loop, &again.task);
    loop_turn(again.loop, 0);
    int first = again.runs;

    CHECK(first > 0 && first < 100);
    loop_turn(again.loop, 100000); /* it does not sleep while something waits */
    CHECK(again.runs > first);
    loop_free(&again.loop);
}

struct diary {
    char text[64];
    size_t size;
    int64_t wake_ms;
};

static void write_down(struct diary *diary, char what)
{
    CHECK(diary->size + 1 < sizeof diary->text);
    diary->text[diary->size++] = what;
}

static void on_wake(void *context)
{
    write_down(context, 'w');
}

static int64_t on_turn(void *context, int64_t now_ms)
{
    struct diary *diary = context;

    (void)now_ms;
    write_down(diary, 't');
    return diary->wake_ms;
}

static void on_rest(void *context)
{
    write_down(context, 'r');
}

struct dated {
    struct timer timer;
    struct diary *diary;
};

static void fire(struct timer *timer)
{
    write_down(list_owner(timer, struct dated, timer)->diary, 'f');
}

TEST(the_hooks_frame_each_turn_and_say_when_to_wake)
{
    struct diary diary = {.wake_ms = INT64_MAX};
    struct loop_hooks hooks = {on_wake, on_turn, on_rest, &diary};
    struct dated dated = {.diary = &diary};
    struct loop *loop;

    CHECK(loop_new(&hooks, &loop) == ERR_OK);
    timer_init(&dated.timer, fire);
    timer_set(loop, &dated.timer, loop_now_ms(loop));
    loop_turn(loop, 100000);
    CHECK(strcmp(diary.text, "wftr") == 0);
    diary.wake_ms = clock_now_ms() + 1;
    loop_turn(loop, 0);
    loop_turn(loop, 100000); /* ends by itself, because on_turn wanted it */
    CHECK(strcmp(diary.text, "wftrwtrwtr") == 0);
    loop_free(&loop);
}

TEST(a_timer_never_fires_early)
{
    struct diary diary = {0};
    struct dated dated = {.diary = &diary};
    struct loop *loop;

    CHECK(loop_new(NULL, &loop) == ERR_OK);
    timer_init(&dated.timer, fire);
    for (int i = 0; i < 10; i++) {
        int64_t at_ms = clock_now_ms() + i % 4;

        timer_set(loop, &dated.timer, at_ms);
        TURN_UNTIL(loop, !timer_is_set(&dated.timer));
        CHECK(clock_now_ms() >= at_ms);
    }
    CHECK(diary.size == 10);
    loop_free(&loop);
}

struct pair_watch {
    struct watch watch;
    struct loop *loop;
    struct pair_watch *other;
    int told;
};

static void stop_other(struct watch *watch, unsigned what)
{
    struct pair_watch *one = (struct pair_watch *)watch;

    CHECK((what & LOOP_READ) != 0);
    one->told++;
    watch_stop(one->loop, &one->other->watch);
}

TEST(a_watch_that_was_stopped_in_this_turn_is_not_told)
{
    struct pair_watch watches[2];
    struct loop *loop;
    int fds[2][2];

    CHECK(loop_new(NULL, &loop) == ERR_OK);
    for (int i = 0; i < 2; i++) {
        pair_local(fds[i]);
        watches[i] = (struct pair_watch){
            .watch = {.fd = fds[i][1], .wanted = LOOP_READ, .ready = stop_other},
            .loop = loop,
            .other = &watches[1 - i]};
        CHECK(watch_start(loop, &watches[i].watch) == ERR_OK);
        CHECK(send(fds[i][0], "x", 1, 0) == 1);
    }
    loop_turn(loop, 0);
    loop_turn(loop, 0);
    CHECK(watches[0].told + watches[1].told == 2);
    CHECK(watches[0].told == 0 || watches[1].told == 0);
    for (int i = 0; i < 4; i++)
        (void)close(fds[i / 2][i % 2]);
    loop_free(&loop);
}
