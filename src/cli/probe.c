/* probe.c: one short connection to each server. SPDX-License-Identifier: MIT */
#include "cli/probe.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/conn.h"

struct target {
    struct probe *probe;
    size_t origin; /* its number */
    struct address address;
    struct conn *conn; /* NULL: decided */
};

struct probe {
    struct loop *loop;
    struct fleet *const *fleets;
    struct target *targets; /* of this round */
    size_t count, room;
    size_t pending;
    bool *is_up; /* by origin */
    size_t origins;
    size_t origin; /* whose targets are being added */
    bool is_running;
    struct timer timer;
    struct loop_task end; /* so that a round never ends within probe_start */
    probe_done_fn *done;
    void *context;
};

static const struct conn_settings conns = {
    .input_max = 4096, .output_high = 4096, .output_low = 1024, .output_max = 4096};

static void finish(struct loop_task *task)
{
    struct probe *probe = list_owner(task, struct probe, end);

    timer_clear(probe->loop, &probe->timer);
    probe->is_running = false;
    if (probe->done != NULL)
        probe->done(probe->context, probe->is_up, probe->origins);
}

static void decided(struct target *target)
{
    target->conn = NULL;
    if (--target->probe->pending == 0)
        loop_post(target->probe->loop, &target->probe->end);
}

static void connected(struct conn *conn, void *owner)
{
    struct target *target = owner;

    target->probe->is_up[target->origin] = true;
    conn_abort(conn);
}

static void received(struct conn *conn, void *owner)
{
    (void)owner;
    conn_abort(conn);
}

static void closed(struct conn *conn, void *owner, enum err why)
{
    (void)conn;
    (void)why;
    decided(owner);
}

static const struct conn_events events = {
    .connected = connected, .received = received, .closed = closed};

static void abort_all(struct probe *probe)
{
    for (size_t i = 0; i < probe->count; i++) {
        if (probe->targets[i].conn != NULL)
            conn_abort(probe->targets[i].conn);
    }
}

static void late(struct timer *timer)
{
    abort_all(list_owner(timer, struct probe, timer));
}

/* The servers as they are now: names may have got other addresses. */
static void add_target(void *context, const struct member *member)
{
    struct probe *probe = context;

    if (probe->count == probe->room) {
        struct target *old = probe->targets;

        probe->room = probe->room * 2 + 8;
        probe->targets = mem_new(probe->room, sizeof *probe->targets);
        if (probe->count > 0)
            memcpy(probe->targets, old, probe->count * sizeof *old);
        mem_free(&old);
    }
    probe->targets[probe->count++] = (struct target){probe, probe->origin, member->address, NULL};
}

void probe_start(struct probe *probe, probe_done_fn *done, void *context)
{
    must(!probe->is_running);
    probe->is_running = true;
    probe->done = done;
    probe->context = context;
    probe->pending = 1;
    probe->count = 0;
    for (size_t i = 0; i < probe->origins; i++) {
        probe->is_up[i] = false;
        probe->origin = i;
        fleet_tell(probe->fleets[i], add_target, probe);
    }
    for (size_t i = 0; i < probe->count; i++) {
        struct target *target = &probe->targets[i];

        if (conn_connect(probe->loop, &target->address, &conns, &events, target, &target->conn) ==
            ERR_OK)
            probe->pending++;
    }
    timer_set(probe->loop, &probe->timer, loop_now_ms(probe->loop) + PROBE_MS);
    if (--probe->pending == 0)
        loop_post(probe->loop, &probe->end);
}

bool probe_is_running(const struct probe *probe)
{
    return probe->is_running;
}

void probe_stop(struct probe *probe)
{
    probe->done = NULL;
    timer_clear(probe->loop, &probe->timer);
    abort_all(probe);
}

struct probe *probe_new(struct loop *loop, struct fleet *const *fleets, size_t count)
{
    struct probe *probe = mem_new(1, sizeof *probe);

    probe->loop = loop;
    probe->fleets = fleets;
    probe->origins = count;
    probe->end.run = finish;
    timer_init(&probe->timer, late);
    probe->is_up = mem_new(count + 1, sizeof *probe->is_up);
    return probe;
}

void probe_free(struct probe **owner)
{
    struct probe *probe = *owner;

    if (probe == NULL)
        return;
    must(probe->pending == 0);
    mem_free(&probe->targets);
    mem_free(&probe->is_up);
    mem_free(owner);
}
