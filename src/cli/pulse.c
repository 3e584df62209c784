/* pulse.c: a task there and back. SPDX-License-Identifier: MIT */
#include "cli/pulse.h"

#include "base/mem.h"
#include "cli/notify.h"
#include "cli/server.h"

struct beat {
    struct pulse *pulse;
    struct loop_task there, back;
};

struct pulse {
    struct server *server;
    int64_t every_ms;
    struct timer timer;
    unsigned waits_for; /* workers */
    struct beat *beats; /* one a worker */
};

static void there(struct loop_task *task)
{
    struct beat *beat = list_owner(task, struct beat, there);

    loop_post(beat->pulse->server->loop, &beat->back);
}

static void back(struct loop_task *task)
{
    struct pulse *pulse = list_owner(task, struct beat, back)->pulse;

    if (--pulse->waits_for == 0)
        (void)notify_say("WATCHDOG=1");
}

static void beat_all(struct timer *timer)
{
    struct pulse *pulse = list_owner(timer, struct pulse, timer);
    struct server *server = pulse->server;

    timer_set(server->loop, timer, loop_now_ms(server->loop) + pulse->every_ms);
    if (pulse->waits_for > 0)
        return; /* somebody hangs */
    pulse->waits_for = server->workers_count;
    for (unsigned i = 0; i < server->workers_count; i++)
        loop_post(server->workers[i].loop, &pulse->beats[i].there);
}

struct pulse *pulse_new(struct server *server)
{
    int64_t every_ms = notify_watchdog_ms();

    if (every_ms <= 0)
        return NULL;
    struct pulse *pulse = mem_new(1, sizeof *pulse);

    pulse->server = server;
    pulse->every_ms = every_ms;
    pulse->beats = mem_new(server->workers_count, sizeof *pulse->beats);
    for (unsigned i = 0; i < server->workers_count; i++)
        pulse->beats[i] = (struct beat){pulse, {NULL, there}, {NULL, back}};
    timer_init(&pulse->timer, beat_all);
    timer_set(server->loop, &pulse->timer, loop_now_ms(server->loop));
    return pulse;
}

void pulse_free(struct pulse **owner)
{
    struct pulse *pulse = *owner;

    if (pulse == NULL)
        return;
    timer_clear(pulse->server->loop, &pulse->timer);
    mem_free(&pulse->beats);
    mem_free(owner);
}
