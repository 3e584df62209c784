/* workers.c: the workers: each one's loop, engine handle, origins and doors.
 * SPDX-License-Identifier: MIT
 */
#include "base/mem.h"
#include "base/must.h"
#include "cli/server.h"

#include <fcntl.h>
#include <unistd.h>

enum { DRAIN_CHECK_MS = 20 };

/* ---- a worker's turn ------------------------------------------------------------------------- */

static void on_wake(void *context)
{
    struct server_worker *worker = context;

    cache_wake(worker->cache);
}

static bool is_done(const struct server_worker *worker)
{
    return (worker->gateway == NULL || worker->is_gateway_drained) &&
           (worker->resp == NULL || resp_door_is_idle(worker->resp));
}

/* Worker 0 has the admin door, which tells how draining goes: it stays until the others are done.
 */
static bool is_last_or_counted(struct server_worker *worker)
{
    struct server *server = worker->server;

    if (worker->number == 0)
        return atomic_load(&server->workers_done) == server->workers_count - 1 &&
               (server->admin == NULL || !admin_is_busy(server->admin));
    if (!worker->is_counted)
        atomic_fetch_add(&server->workers_done, 1);
    worker->is_counted = true;
    return true;
}

static int64_t on_turn(void *context, int64_t now_ms)
{
    struct server_worker *worker = context;

    if (worker->gateway != NULL)
        gateway_turn(worker->gateway);
    int64_t next_ms = cache_turn(worker->cache, now_ms);

    if (!worker->is_draining)
        return next_ms;
    if (is_done(worker) && is_last_or_counted(worker))
        loop_stop(worker->loop);
    return next_ms < now_ms + DRAIN_CHECK_MS ? next_ms : now_ms + DRAIN_CHECK_MS;
}

static void on_rest(void *context)
{
    struct server_worker *worker = context;

    cache_rest(worker->cache);
}

/* ---- draining -------------------------------------------------------------------------------- */

static void gateway_drained(void *context)
{
    struct server_worker *worker = context;

    worker->is_gateway_drained = true;
}

static void drain(struct loop_task *task)
{
    struct server_worker *worker = list_owner(task, struct server_worker, drain);

    worker->is_draining = true;
    if (worker->gateway != NULL)
        gateway_drain(worker->gateway, worker->server->drain_idle_ms, gateway_drained, worker);
    if (worker->resp != NULL)
        resp_door_stop(worker->resp);
    /* Else it tells how draining goes; but who asks now means the process that took over. */
    if (worker->number == 0 && worker->server->is_handed_over && worker->server->admin != NULL)
        admin_close(worker->server->admin);
}

/* ---- birth ----------------------------------------------------------------------------------- */

static void open_origins(struct server_worker *worker)
{
    struct edition *edition = worker->edition;

    worker->origins = edition->origins[worker->number];
    for (size_t i = 0; i < edition_origins(edition); i++)
        origin_new(worker->loop, edition->fleets[i], cache_account(worker->server->cache),
                   &worker->origins[i]);
}

/* Tells which setting or flag would help, behind what the listener says. */
static enum err blame(enum err err, const char *door, struct fault *fault)
{
    char sentence[sizeof fault->text];

    if (err == ERR_OK)
        return ERR_OK;
    memcpy(sentence, fault->text, sizeof sentence);
    return fault_say(fault, err, "%s (the flag is --%s ADDR:PORT, the setting listen.%s.address)",
                     sentence, door, door);
}

/* The ports that the system picked, which the other workers join. */
static void learn_addresses(struct server *server, const struct gateway *gateway)
{
    if (!setup_is_off(server->config->listen.http))
        server->http_address = *gateway_address(gateway, GATEWAY_HTTP);
    if (!setup_is_off(server->config->listen.https))
        server->https_address = *gateway_address(gateway, GATEWAY_HTTPS);
}

/* A Unix socket cannot be bound twice: the others accept from a copy of the first worker's. 0:
 * there is none to be copied. */
static int copy_of_first(const struct server_worker *worker, unsigned door,
                         const struct address *address)
{
    const struct gateway *first = worker->server->workers[0].gateway;

    if (worker->number == 0 || address->any.sa_family != AF_UNIX)
        return 0;
    int fd = fcntl(gateway_fd(first, door), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    return fd < 0 ? 0 : fd;
}

static struct gateway_door door_at(const struct server_worker *worker, unsigned which,
                                   const char *name, const char *text,
                                   const struct address *address, struct tls *tls)
{
    struct gateway_door door = {.address = setup_is_off(text) ? NULL : address, .tls = tls};

    if (door.address == NULL)
        return door;
    door.handed = inheritance_take(worker->server->inheritance, name, address, worker->number == 0);
    if (door.handed == 0)
        door.handed = copy_of_first(worker, which, address);
    return door;
}

static enum err open_gateway(struct server_worker *worker, struct fault *fault)
{
    struct server *server = worker->server;
    const struct listen_settings *listen = &server->config->listen;

    open_origins(worker);
    struct gateway_birth birth = {
        .number = worker->number,
        .loop = worker->loop,
        .cache = server->cache,
        .thread = worker->cache,
        .site = server->edition->site,
        .origins = worker->origins,
        .log = &server->log,
        .history = server->history,
        .access_log = server->access_log,
        .doors =
            {
                [GATEWAY_HTTP] = door_at(worker, GATEWAY_HTTP, "http", listen->http,
                                         &server->http_address, NULL),
                [GATEWAY_HTTPS] = door_at(worker, GATEWAY_HTTPS, "https", listen->https,
                                          &server->https_address, server->tls),
            },
        .share = worker->number > 0,
        .limit = &server->http_limit,
    };

    birth.doors[GATEWAY_HTTP].proxied = listen->http_proxied;
    birth.doors[GATEWAY_HTTPS].proxied = listen->https_proxied;
    TRY(blame(gateway_new(&birth, &worker->gateway, fault), "http", fault));
    if (worker->number == 0)
        learn_addresses(server, worker->gateway);
    return ERR_OK;
}

static enum err open_resp(struct server_worker *worker, struct fault *fault)
{
    struct server *server = worker->server;

    const struct listener_place place = {
        &server->resp_address,
        inheritance_take(server->inheritance, "resp", &server->resp_address, worker->number == 0)};

    TRY(blame(
        resp_door_new(server->resp, worker->loop, worker->cache, &place, &worker->resp, fault),
        "resp", fault));
    if (worker->number == 0)
        server->resp_address = *resp_door_address(worker->resp);
    return ERR_OK;
}

enum err server_worker_new(struct server *server, unsigned number, struct fault *fault)
{
    struct server_worker *worker = &server->workers[number];
    const struct listen_settings *listen = &server->config->listen;
    const struct loop_hooks hooks = {
        .on_wake = on_wake, .on_turn = on_turn, .on_rest = on_rest, .context = worker};

    worker->server = server;
    worker->number = number;
    worker->edition = server->edition;
    worker->drain.run = drain;
    worker->cache = cache_join(server->cache);
    enum err err = loop_new(&hooks, &worker->loop);

    if (err != ERR_OK)
        (void)fault_say(fault, err, "the system gives no epoll descriptor for worker %u", number);
    if (err == ERR_OK && setup_has_gateway(server->config))
        err = open_gateway(worker, fault);
    if (err == ERR_OK && !setup_is_off(listen->resp))
        err = open_resp(worker, fault);
    cache_rest(worker->cache);
    return err;
}

/* ---- end ------------------------------------------------------------------------------------- */

static void cut_worker(struct server_worker *worker)
{
    struct origin **origins = worker->edition->origins[worker->number];

    cache_wake(worker->cache);
    if (worker->gateway != NULL)
        gateway_free(&worker->gateway);
    if (worker->resp != NULL)
        resp_door_free(&worker->resp);
    for (size_t i = 0; i < edition_origins(worker->edition); i++)
        origin_free(&origins[i]);
    cache_rest(worker->cache);
}

static void turn_all(struct server *server)
{
    for (unsigned i = 0; i < server->workers_count; i++) {
        if (server->workers[i].loop != NULL)
            loop_turn(server->workers[i].loop, 0);
    }
}

void server_workers_cut(struct server *server)
{
    /* What one worker ends may wake another's task: each loop turns after every step. */
    turn_all(server);
    for (unsigned i = 0; i < server->workers_count; i++) {
        if (server->workers[i].loop != NULL)
            cut_worker(&server->workers[i]);
        turn_all(server);
    }
    turn_all(server); /* old editions' origins ended in the last one */
}

void server_workers_free(struct server *server)
{
    for (unsigned i = 0; i < server->workers_count; i++) {
        struct server_worker *worker = &server->workers[i];

        if (worker->loop != NULL)
            loop_free(&worker->loop);
        if (worker->cache == NULL)
            continue;
        cache_wake(worker->cache);
        cache_leave(&worker->cache);
    }
    mem_free(&server->workers);
}
