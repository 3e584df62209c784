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
    struct target *targets;
    size_t count;
    size_t pending;
    bool *is_up; /* by origin */
    size_t origins;
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

void probe_start(struct probe *probe, probe_done_fn *done, void *context)
{
    must(!probe->is_running);
    probe->is_running = true;
    probe->done = done;
    probe->context = context;
    probe->pending = 1;
    for (size_t i = 0; i < probe->origins; i++)
        probe->is_up[i] = false;
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

static enum err add_target(struct probe *probe, size_t origin, const char *server, const char *name,
                           struct fault *fault)
{
    struct target *target = &probe->targets[probe->count];
    struct fault why = {.line = 0};
    enum err err = address_parse(bytes_of_text(server), &target->address, &why);

    if (err != ERR_OK)
        return fault_say(fault, err, "origins.%s.servers: %s", name, why.text);
    target->probe = probe;
    target->origin = origin;
    probe->count++;
    return ERR_OK;
}

enum err probe_new(struct loop *loop, const struct config *config, struct probe **ret_probe,
                   struct fault *fault)
{
    struct probe *probe = mem_new(1, sizeof *probe);
    size_t servers = 0;
    enum err err = ERR_OK;

    probe->loop = loop;
    probe->origins = config->origins.count;
    probe->end.run = finish;
    timer_init(&probe->timer, late);
    for (size_t i = 0; i < probe->origins; i++)
        servers += config_origin(config, i)->settings.servers.count;
    probe->targets = mem_new(servers + 1, sizeof *probe->targets);
    probe->is_up = mem_new(probe->origins + 1, sizeof *probe->is_up);
    for (size_t i = 0; i < probe->origins; i++) {
        const struct config_origin *origin = config_origin(config, i);

        for (size_t j = 0; j < origin->settings.servers.count && err == ERR_OK; j++)
            err = add_target(probe, i, origin->settings.servers.items[j], origin->name, fault);
    }
    if (err != ERR_OK) {
        probe_free(&probe);
        return err;
    }
    *ret_probe = probe;
    return ERR_OK;
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
