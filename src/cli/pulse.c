/* pulse.c: a task there and back. SPDX-License-Identifier: MIT */
#include "cli/pulse.h"

#include "base/mem.h"
#include "cli/notify.h"

struct beat {
    struct pulse *pulse;
    struct loop *worker;
    struct loop_task there, back;
};

struct pulse {
    struct loop *loop;
    int64_t every_ms;
    struct timer timer;
    unsigned waits_for; /* workers */
    unsigned workers_count;
    struct beat *beats; /* one a worker */
};

static void there(struct loop_task *task)
{
    struct beat *beat = list_owner(task, struct beat, there);

    loop_post(beat->pulse->loop, &beat->back);
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

    timer_set(pulse->loop, timer, loop_now_ms(pulse->loop) + pulse->every_ms);
    if (pulse->waits_for > 0)
        return; /* somebody hangs */
    pulse->waits_for = pulse->workers_count;
    for (unsigned i = 0; i < pulse->workers_count; i++)
        loop_post(pulse->beats[i].worker, &pulse->beats[i].there);
}

struct pulse *pulse_new(struct loop *loop, unsigned workers_max)
{
    int64_t every_ms = notify_watchdog_ms();

    if (every_ms <= 0)
        return NULL;
    struct pulse *pulse = mem_new(1, sizeof *pulse);

    pulse->loop = loop;
    pulse->every_ms = every_ms;
    pulse->beats = mem_new(workers_max, sizeof *pulse->beats);
    timer_init(&pulse->timer, beat_all);
    timer_set(loop, &pulse->timer, loop_now_ms(loop));
    return pulse;
}

void pulse_add(struct pulse *pulse, struct loop *worker)
{
    if (pulse != NULL)
        pulse->beats[pulse->workers_count++] =
            (struct beat){pulse, worker, {NULL, there}, {NULL, back}};
}

void pulse_free(struct pulse **owner)
{
    struct pulse *pulse = *owner;

    if (pulse == NULL)
        return;
    timer_clear(pulse->loop, &pulse->timer);
    mem_free(&pulse->beats);
    mem_free(owner);
}
