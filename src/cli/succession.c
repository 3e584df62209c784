/* succession.c: what a server takes from its next edition. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "cli/compare.h"
#include "cli/secret.h"
#include "cli/server.h"

/* ---- worker 0 -------------------------------------------------------------------------------- */

static void take_token(struct server *server)
{
    const char *file = server->config->listen.admin_token_file;
    struct fault fault = {.line = 0};
    char token[SECRET_SIZE] = "";

    if (server->admin == NULL)
        return;
    /* It could be read a moment ago. If not now, the one before goes on: none is worse. */
    if (file != NULL && secret_read(file, token, &fault) != ERR_OK) {
        log_say(&server->log, LOG_ERROR, "cli", "%s; the token stays as it was", fault.text);
        return;
    }
    admin_set_token(server->admin, bytes_of_text(token));
}

static bool section_differs(const struct config *was, const struct config *is, const char *name);

static void take_memory(struct server *server, const struct config *was)
{
    const struct config *is = server->config;

    if (was->cache.memory_max != is->cache.memory_max) {
        cache_set_memory_max(server->cache, is->cache.memory_max);
        if (server->resp != NULL)
            resp_set_memory_max(server->resp, is->cache.memory_max);
    }
    if (strcmp(was->cache.policy, is->cache.policy) != 0) {
        enum err err = cache_set_policy(server->cache, is->cache.policy);

        must(err == ERR_OK); /* its name was checked */
        if (server->resp != NULL)
            resp_set_policy(server->resp, is->cache.policy);
    }
}

struct looking {
    const char *name;
    bool is_found;
};

static void look(void *context, const struct compare_row *row)
{
    struct looking *looking = context;

    looking->is_found |= strcmp(row->section->name, looking->name) == 0;
}

static bool section_differs(const struct config *was, const struct config *is, const char *name)
{
    struct looking looking = {name, false};

    (void)compare(was, is, look, &looking);
    return looking.is_found;
}

static void take_resp(struct server *server, const struct config *was)
{
    struct fault fault = {.line = 0};

    /* A file's content may be another one with the same name. */
    if (server->resp == NULL || (!section_differs(was, server->config, "resp") &&
                                 server->config->resp.password_file == NULL))
        return;
    if (resp_change(server->resp, &server->config->resp, &fault) != ERR_OK)
        log_say(&server->log, LOG_ERROR, "cli", "%s; section resp stays as it was", fault.text);
}

static bool has_fleet(const struct edition *edition, const struct fleet *fleet)
{
    for (size_t i = 0; edition != NULL && i < edition_fleets(edition); i++) {
        if (edition->fleets[i] == fleet)
            return true;
    }
    return false;
}

void server_begin_fleets(struct server *server, struct edition *was, struct edition *is)
{
    for (size_t i = 0; was != NULL && i < edition_fleets(was); i++) {
        if (!has_fleet(is, was->fleets[i]))
            fleet_end(was->fleets[i]);
    }
    for (size_t i = 0; is != NULL && i < edition_fleets(is); i++) {
        if (!has_fleet(was, is->fleets[i]))
            fleet_begin(is->fleets[i], server->workers[0].loop, cache_account(server->cache));
    }
}

static void take_origins(struct server *server, struct edition *past, struct edition *next)
{
    size_t j = 0;

    for (size_t i = 0; i < edition_origins(next); i++) {
        if (edition_carried(next, past, i, &j))
            next->is_known_down[i] = past->is_known_down[j];
    }
    for (unsigned i = 0; i < server->workers_count; i++)
        server->workers[i].origins = next->origins[i];
    server->is_known_down = next->is_known_down;
    server_begin_fleets(server, past, next);
    server->fleets = next->fleets;
    server_change_probe(server, next->probe);
}

void server_take(struct server *server, struct edition *next)
{
    struct edition *past = server->edition;

    server->edition = next;
    server->config = &next->setup.config;
    take_memory(server, &past->setup.config);
    if (next->site != NULL)
        site_set_limits(next->site);
    atomic_store(&server->site, next->site);
    take_origins(server, past, next);
    take_resp(server, &past->setup.config);
    take_token(server);
}

/* ---- each worker ----------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t offset; /* of its address within struct listen_settings */
} doors[GATEWAY_DOORS] = {
    [GATEWAY_HTTP] = {"http", offsetof(struct listen_settings, http)},
    [GATEWAY_HTTPS] = {"https", offsetof(struct listen_settings, https)},
};

static const char *address_of(const struct edition *edition, unsigned door)
{
    const char *listen = (const char *)&edition->setup.config.listen;

    return *(const char *const *)(const void *)(listen + doors[door].offset);
}

static enum err open_door(struct server_worker *worker, unsigned door, const char *text,
                          struct fault *fault)
{
    struct address *address = &worker->server->next_addresses[door];
    struct fault why = {.line = 0};
    const struct gateway_door place = {
        .address = setup_is_off(text) ? NULL : address,
        .tls = door == GATEWAY_HTTPS ? worker->server->tls : NULL,
    };

    if (place.address != NULL && worker->number == 0) {
        enum err err = address_parse(bytes_of_text(text), address, &why);

        if (err != ERR_OK)
            return fault_say(fault, err, "listen.%s.address: %s", doors[door].name, why.text);
    }
    return gateway_open(worker->gateway, door, &place, worker->number > 0, address, fault);
}

enum err server_worker_open(struct server_worker *worker, struct edition *next, struct fault *fault)
{
    for (unsigned i = 0; i < GATEWAY_DOORS; i++) {
        const char *was = address_of(worker->edition, i);
        const char *is = address_of(next, i);
        bool is_off = setup_is_off(was) && setup_is_off(is);

        if (!is_off && strcmp(was == NULL ? "off" : was, is == NULL ? "off" : is) != 0)
            TRY(open_door(worker, i, is, fault));
    }
    return ERR_OK;
}

static void tell_move(struct server *server, unsigned door, struct address *ret_address)
{
    char text[ADDRESS_TEXT_SIZE];

    if (!gateway_is_moving(server->workers[0].gateway, door))
        return;
    if (setup_is_off(address_of(server->edition, door))) {
        log_say(&server->log, LOG_INFO, "cli", "%s: nobody is served there any more",
                doors[door].name);
        return;
    }
    *ret_address = server->next_addresses[door];
    address_text(ret_address, text);
    log_say(&server->log, LOG_INFO, "cli", "%s clients are served on %s from now on",
            doors[door].name, text);
}

void server_worker_move(struct server_worker *worker)
{
    struct server *server = worker->server;

    if (worker->number == 0) {
        tell_move(server, GATEWAY_HTTP, &server->http_address);
        tell_move(server, GATEWAY_HTTPS, &server->https_address);
    }
    gateway_move(worker->gateway);
}

void server_worker_stay(struct server_worker *worker)
{
    if (worker->gateway != NULL)
        gateway_stay(worker->gateway);
}

/* ---- the main thread ------------------------------------------------------------------------- */

enum err server_check_files(const struct server *server, const struct edition *next,
                            struct fault *fault)
{
    const char *token_file = next->setup.config.listen.admin_token_file;
    char password[RESP_PASSWORD_MAX];
    char token[SECRET_SIZE];

    if (token_file != NULL)
        TRY(secret_read(token_file, token, fault));
    if (server->resp != NULL)
        TRY(resp_read_password(&next->setup.config.resp, password, fault));
    return ERR_OK;
}

void server_apply(struct server *server)
{
    const struct config *config = server->config;

    server->log.level = (enum log_level)config->log.level;
    server->log.json = config->log.format == 1;
    server->drain_ms = config->http.drain_ms;
    atomic_store(&server->http_limit.connections_max, config->http.connections_max);
    server_raise_descriptors(server);
    if (server->access_name != NULL && strcmp(server->access_name, config->http.access_log) != 0)
        server_reopen_access_log(server, "another name");
    server_warn_of_expiry(server);
}
