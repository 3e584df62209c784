/* admin_ops.c: what the admin door does with the server: metrics, statistics, purges, readiness.
 * SPDX-License-Identifier: MIT
 */
#include "base/mem.h"
#include "base/must.h"
#include "cli/collect.h"
#include "cli/origins.h"
#include "cli/reload.h"
#include "cli/routes.h"
#include "cli/secret.h"
#include "cli/server.h"
#include "cli/upgrade.h"
#include "net/clock.h"

#include <signal.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 1000 };

static void expose(void *context, struct buf *out)
{
    collect_exposition(context, out);
}

static void write_stats(void *context, struct buf *out)
{
    collect_json(context, out);
}

static void write_routes(void *context, struct buf *out)
{
    const struct server *server = context;

    routes_json(server->tallies, clock_wall_ms() - server->started_ms, out);
}

static void write_origins(void *context, struct buf *out)
{
    origins_json(context, out);
}

/* The main thread does it, as on the signal, and says in the log what came of it. */
static enum err reopen_log(void *context, struct fault *fault)
{
    const struct server *server = context;

    if (server->access_fd <= STDERR_FILENO)
        return fault_say(fault, ERR_UNSUPPORTED, "there is no access log in a file");
    (void)kill(getpid(), SIGUSR1);
    return ERR_OK;
}

/* ---- readiness ------------------------------------------------------------------------------- */

static void tell_ready(struct server *server, size_t count)
{
    bool is_draining = atomic_load(&server->is_draining);
    bool is_ready = !is_draining;
    struct buf json;

    buf_init(&json, (size_t)CONFIG_ORIGINS_MAX * 2 * CONFIG_NAME_MAX, NULL);
    for (size_t i = 0; i < count; i++)
        is_ready = is_ready && fleet_is_up(server->fleets[i]);
    buf_printf(&json, "{\"ready\": %s, \"draining\": %s, \"origins\": {",
               is_ready ? "true" : "false", is_draining ? "true" : "false");
    for (size_t i = 0; i < count; i++)
        buf_printf(&json, "%s\"%s\": \"%s\"", i == 0 ? "" : ", ",
                   config_origin(server->config, i)->name,
                   fleet_is_up(server->fleets[i]) ? "up" : "down");
    buf_add_text(&json, "}}");
    admin_probed(server->admin, is_ready, buf_bytes(&json));
    buf_fini(&json);
}

static void note(struct server *server, size_t i, bool is_up)
{
    const struct config_origin *origin = config_origin(server->config, i);

    if (server->is_known_down[i] == is_up)
        log_say(&server->log, is_up ? LOG_INFO : LOG_WARNING, "cli",
                is_up ? "the origin %s (%s) can be reached again"
                      : "the origin %s (%s) cannot be reached: what is not cached is answered 502 "
                        "until it can",
                origin->name, origin->settings.servers.items[0]);
    server->is_known_down[i] = !is_up;
    fleet_set_up(server->fleets[i], is_up);
}

static void probed(void *context, const bool *is_up, size_t count)
{
    struct server *server = context;

    if (!setup_has_gateway(server->config))
        count = 0; /* nobody asks them for anything */
    for (size_t i = 0; i < count; i++)
        note(server, i, is_up[i]);
    if (server->admin != NULL)
        tell_ready(server, count);
    timer_set(server->workers[0].loop, &server->look_again,
              loop_now_ms(server->workers[0].loop) + LOOK_AGAIN_MS);
}

static void start_probe(void *context)
{
    struct server *server = context;

    if (probe_is_running(server->probe))
        return;
    timer_clear(server->workers[0].loop, &server->look_again);
    probe_start(server->probe, probed, server);
}

/* An origin that failed is looked after until it is back; one that works is left alone. */
static void look_again(struct timer *timer)
{
    struct server *server = list_owner(timer, struct server, look_again);
    bool is_all_up = true;

    for (size_t i = 0; i < server->config->origins.count; i++)
        is_all_up = is_all_up && fleet_is_up(server->fleets[i]);
    if (is_all_up)
        timer_set(server->workers[0].loop, timer,
                  loop_now_ms(server->workers[0].loop) + LOOK_AGAIN_MS);
    else
        start_probe(server);
}

void server_change_probe(struct server *server, struct probe *probe)
{
    bool was_running = probe_is_running(server->probe);

    probe_stop(server->probe);
    server->probe = probe;
    if (was_running)
        start_probe(server); /* somebody may wait for /readyz */
}

void server_origins_probe(struct server *server)
{
    timer_init(&server->look_again, look_again);
    if (setup_has_gateway(server->config))
        start_probe(server);
}

/* ---- what takes a while ---------------------------------------------------------------------- */

static void order(void *context, enum admin_order order)
{
    struct server *server = context;

    if (order == ADMIN_RELOAD)
        reload_ask(server->reload);
    else
        upgrade_ask(server->upgrade);
}

/* ---- birth ----------------------------------------------------------------------------------- */

static void warn_if_open(const struct server *server, bool has_token)
{
    if (!address_is_local(&server->admin_address) && !has_token)
        log_say(&server->log, LOG_WARNING, "cli",
                "the admin door listens on %s without a token: whoever reaches it can purge "
                "everything; set listen.admin.token_file",
                server->config->listen.admin);
}

enum err server_admin_open(struct server *server, struct fault *fault)
{
    const char *file = server->config->listen.admin_token_file;
    char token[SECRET_SIZE] = "";
    char sentence[sizeof fault->text];

    if (file != NULL)
        TRY(secret_read(file, token, fault));
    warn_if_open(server, file != NULL);
    const struct admin_birth birth = {
        .loop = server->workers[0].loop,
        .account = cache_account(server->cache),
        .log = &server->log,
        .address = &server->admin_address,
        .handed = inheritance_take(server->inheritance, "admin", &server->admin_address, true),
        .token = bytes_of_text(token),
        .ops =
            {
                .expose = expose,
                .stats = write_stats,
                .routes = write_routes,
                .origins = write_origins,
                .purges = server_write_purges,
                .purge = server_purge,
                .why = server_why,
                .reopen_log = reopen_log,
                .probe = start_probe,
                .order = order,
                .context = server,
            },
    };
    enum err err = admin_new(&birth, &server->admin, fault);

    if (err != ERR_OK) {
        memcpy(sentence, fault->text, sizeof sentence);
        return fault_say(fault, err,
                         "%s (the flag is --admin ADDR:PORT, the setting listen.admin.address)",
                         sentence);
    }
    server->admin_address = *admin_address(server->admin);
    return ERR_OK;
}
