/* setup.c: one checked configuration out of file and flags. SPDX-License-Identifier: MIT */
#include "cli/setup.h"

#include "base/guess.h"
#include "base/mem.h"
#include "base/must.h"
#include "cache/policy.h"
#include "cli/reach.h"
#include "upstream/secure.h"

void setup_init(struct setup *setup)
{
    *setup = (struct setup){.file = NULL};
    config_init(&setup->config);
}

void setup_fini(struct setup *setup)
{
    config_fini(&setup->config);
}

bool setup_is_off(const char *address)
{
    return address == NULL || strcmp(address, "off") == 0;
}

bool setup_has_gateway(const struct config *config)
{
    return !setup_is_off(config->listen.http) || !setup_is_off(config->listen.https);
}

/* ---- flags ---------------------------------------------------------------------------------- */

static const struct {
    const char *name, *flag, *path;
} paths[] = {
    {"http", "--http", "listen.http.address"},
    {"resp", "--resp", "listen.resp.address"},
    {"admin", "--admin", "listen.admin.address"},
    {"memory", "--memory", "cache.memory"},
    {"workers", "--workers", "workers"},
    {"log-level", "--log-level", "log.level"},
    {"access-log", "--access-log", "http.access_log"},
};

bool setup_take(struct setup *setup, struct setup_overrides *overrides, const struct flag *flag,
                const char *value)
{
    if (flag_is(flag, "config")) {
        setup->file = value;
        return true;
    }
    if (flag_is(flag, "origin")) {
        setup->origin = value;
        return true;
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (!flag_is(flag, paths[i].name))
            continue;
        /* The last word counts when a flag is repeated without end. */
        size_t at =
            overrides->count < SETUP_OVERRIDES_MAX ? overrides->count++ : SETUP_OVERRIDES_MAX - 1;

        overrides->rows[at].path = paths[i].path;
        overrides->rows[at].flag = paths[i].flag;
        overrides->rows[at].value = value;
        return true;
    }
    return false;
}

/* ---- what single values cannot show ---------------------------------------------------------- */

/* Names the place where a field was set, or else where its item stands. */
static void at_field(const struct config *config, const void *field, const char *file, int line,
                     struct fault *fault)
{
    const struct config_place *place = config_where(config, field);

    fault->file[0] = '\0';
    if (place != NULL && place->line > 0)
        fault_at(fault, place->file, place->line, place->column);
    else if (file != NULL && line > 0)
        fault_at(fault, file, line, 0);
}

/* "http://shop.example" has the server "shop.example:80"; what begins with https:// stays as it is
 * (upstream/secure.h). */
static enum err add_server(struct config *config, const char *url, struct config_origin *origin,
                           struct fault *fault)
{
    bool is_secure = bytes_begin_with(bytes_of_text(url), BYTES("https://"));
    struct bytes host = bytes_skip(bytes_of_text(url), is_secure ? 0 : strlen("http://"));
    char server[512];

    if (host.size > 0 && host.data != NULL && host.data[host.size - 1] == '/')
        host.size--;
    bool has_port = is_secure || value_is_address(host);

    (void)snprintf(server, sizeof server, "%.*s%s", BYTES_ARG(host), has_port ? "" : ":80");
    struct bytes copy = arena_copy(&config->arena, bytes_of_text(server));
    const char **items = arena_take(&config->arena, sizeof *items);

    if (copy.data == NULL || items == NULL)
        return fault_say(fault, ERR_FULL, "the configuration is too large");
    items[0] = (const char *)copy.data;
    origin->settings.servers = (struct text_list){items, 1};
    return ERR_OK;
}

static enum err add_flag_origin(struct setup *setup, struct fault *fault)
{
    struct config *config = &setup->config;
    struct config_origin *origin = NULL;
    struct fault why = {.line = 0};
    const struct setting url = {"origin", VALUE_URL, "", "", "", "", 0};
    const char *text = NULL;

    if (config->origins.count > 0 || config->routes.count > 0)
        return fault_say(fault, ERR_SYNTAX,
                         "--origin is for running without origins and routes in the file, and %s "
                         "has some: leave out one of the two",
                         setup->file);
    enum err err = value_read(&url, bytes_of_text(setup->origin), &config->arena, &text, &why);

    if (err != ERR_OK)
        return fault_say(fault, err, "--origin: %s", why.text);
    TRY(config_add_origin(config, "default", "--origin", &origin, fault));
    return add_server(config, text, origin, fault);
}

static enum err check_server(const struct config *config, const struct config_origin *origin,
                             const char *server, struct fault *fault)
{
    struct bytes text = {NULL, 0};
    struct fault why = {.line = 0};
    char room[SECURE_ADDRESS_MAX];
    uint64_t weight = 0;
    enum err err = fleet_read_server(bytes_of_text(server), &text, &weight, &why);

    if (err == ERR_OK && secure_cut(&text, room) && bytes_begin_with(text, BYTES("unix:")))
        err = fault_say(&why, ERR_SYNTAX, "\"%s\": a Unix socket has no TLS", server);
    if (err == ERR_OK && value_is_address(text) && !bytes_equal(text, BYTES("off")))
        return ERR_OK;
    at_field(config, &origin->settings.servers, origin->file, origin->line, fault);
    if (err != ERR_OK)
        return fault_say(fault, err, "origins.%s.servers: %s", origin->name, why.text);
    if (bytes_begin_with(text, BYTES("http://")))
        return fault_say(fault, ERR_SYNTAX,
                         "origins.%s.servers: \"%s\" is a URL: write host:port, \"%s\"",
                         origin->name, server, server + strlen("http://"));
    return fault_say(fault, ERR_SYNTAX,
                     "origins.%s.servers: \"%s\" is no address: write host:port, such as "
                     "127.0.0.1:8000, or unix:/path",
                     origin->name, server);
}

static enum err check_origin(const struct config *config, const struct config_origin *origin,
                             struct fault *fault)
{
    const struct text_list *servers = &origin->settings.servers;

    if (servers->count == 0) {
        at_field(config, servers, origin->file, origin->line, fault);
        return fault_say(fault, ERR_SYNTAX,
                         "origins.%s: servers is missing: write servers: [\"127.0.0.1:8000\"]",
                         origin->name);
    }
    for (size_t j = 0; j < servers->count; j++)
        TRY(check_server(config, origin, servers->items[j], fault));
    return ERR_OK;
}

static enum err check_origins(struct config *config, struct fault *fault)
{
    for (size_t i = 0; i < config->origins.count; i++)
        TRY(config_note(config, check_origin(config, config_origin(config, i), fault), fault));
    return ERR_OK;
}

static enum err check_route(const struct setup *setup, const struct route_settings *route,
                            struct fault *fault)
{
    const struct config *config = &setup->config;
    size_t count = setup->origins.count;

    at_field(config, &route->origin, route->file, route->line, fault);
    if (count == 0)
        return fault_say(fault, ERR_SYNTAX,
                         "routes.%s: there are no origins: add origins: {NAME: {servers: "
                         "[\"127.0.0.1:8000\"]}}",
                         route->name);
    if (route->origin == NULL && count > 1)
        return fault_say(fault, ERR_SYNTAX,
                         "routes.%s: there are %zu origins: say which with origin: %s", route->name,
                         count, setup->origins.items[0]);
    if (route->origin == NULL || config_find_origin(config, route->origin) != NULL) {
        fault->file[0] = '\0';
        return ERR_OK;
    }
    const char *near = guess(bytes_of_text(route->origin), setup->origins.items, count);

    return fault_say(fault, ERR_SYNTAX, "routes.%s.origin: there is no origin \"%s\"%s%s%s",
                     route->name, route->origin, near == NULL ? "" : "; did you mean \"",
                     near == NULL ? "" : near, near == NULL ? "" : "\"?");
}

static enum err list_origins(struct setup *setup, struct fault *fault)
{
    struct config *config = &setup->config;
    const char **names = arena_take(&config->arena, (config->origins.count + 1) * sizeof *names);

    if (names == NULL)
        return fault_say(fault, ERR_FULL, "the configuration is too large");
    for (size_t i = 0; i < config->origins.count; i++)
        names[i] = config_origin(config, i)->name;
    setup->origins = (struct text_list){names, config->origins.count};
    return ERR_OK;
}

/* Whether a field of the section `cache` has one of these values, the default first. */
static enum err check_word(const struct config *config, const char *const *field, const char *what,
                           const char *const *names, struct fault *fault)
{
    size_t count = 0;

    for (; names[count] != NULL; count++) {
        if (strcmp(names[count], *field) == 0)
            return ERR_OK;
    }
    const char *near = guess(bytes_of_text(*field), names, count);

    at_field(config, field, NULL, 0, fault);
    if (near != NULL)
        return fault_say(fault, ERR_SYNTAX, "cache.%s: there is no %s \"%s\"; did you mean \"%s\"?",
                         what, what, *field, near);
    return fault_say(fault, ERR_SYNTAX, "cache.%s: there is no %s \"%s\": %s is the default", what,
                     what, *field, names[0]);
}

static enum err check_policy(const struct config *config, struct fault *fault)
{
    if (policy_name(config->cache.policy) == NULL)
        TRY(check_word(config, &config->cache.policy, "policy", policy_names(), fault));
    return check_word(config, &config->cache.objective, "objective", policy_objective_names(),
                      fault);
}

static enum err check_doors(const struct setup *setup, struct fault *fault)
{
    const struct config *config = &setup->config;
    bool has_gateway = setup_has_gateway(config);

    fault->file[0] = '\0';
    if (!has_gateway && setup_is_off(config->listen.resp))
        return fault_say(fault, ERR_SYNTAX,
                         "both doors are off: there is nothing to serve; leave http or resp on");
    if (!has_gateway || config->origins.count > 0)
        return ERR_OK;
    if (setup->file != NULL)
        return fault_say(fault, ERR_SYNTAX,
                         "%s names no origin: add origins: {app: {servers: [\"127.0.0.1:8000\"]}}, "
                         "or switch the HTTP door off with listen: {http: {address: off}}",
                         setup->file);
    return ERR_OK;
}

/* Notes what is wrong and goes on, so that all of it is told at once. */
static enum err check_all(struct setup *setup, struct fault *fault)
{
    struct config *config = &setup->config;
    struct route_settings *route = NULL;

    TRY(config_note(config, check_policy(config, fault), fault));
    TRY(config_note(config, check_doors(setup, fault), fault));
    TRY(list_origins(setup, fault));
    TRY(check_origins(config, fault));
    if (config->routes.count == 0 && config->origins.count > 0) {
        TRY(config_add_route(config, "default", setup->origin == NULL ? setup->file : "--origin",
                             &route, fault));
        route->origin = config_origin(config, 0)->name;
    }
    bool is_told = config->origins.count == 0 && config->fault_count > 0; /* that none is there */

    for (size_t i = 0; i < config->routes.count && !is_told; i++)
        TRY(config_note(config, check_route(setup, config_route(config, i), fault), fault));
    return config_first_fault(config, fault);
}

enum err setup_read(struct setup *setup, const struct setup_overrides *overrides,
                    struct fault *fault)
{
    struct config *config = &setup->config;

    if (setup->file != NULL)
        TRY(config_read_file(config, setup->file, fault));
    fault->file[0] = '\0';
    for (size_t i = 0; i < overrides->count; i++)
        TRY(config_set(config, overrides->rows[i].path, overrides->rows[i].flag,
                       overrides->rows[i].value, fault));
    if (setup->origin != NULL)
        TRY(add_flag_origin(setup, fault));
    return check_all(setup, fault);
}

/* Each route on its own, so that all mistakes are told and not the first one only. */
static enum err check_patterns(struct setup *setup, struct fault *fault)
{
    struct config *config = &setup->config;

    for (size_t i = 0; i < config->routes.count; i++) {
        struct fault why = {.line = 0};
        struct route route;

        *fault = why;
        TRY(config_note(config, route_compile(config_route(config, i), &route, fault), fault));
    }
    return config_first_fault(config, fault);
}

enum err setup_site(struct setup *setup, struct site_accounts *accounts, struct site **ret_site,
                    struct fault *fault)
{
    struct config *config = &setup->config;
    struct fault why = {.line = 0};
    const struct site_plan plan = {
        .settings = &config->http,
        .routes = config->routes.items,
        .route_count = config->routes.count,
        .origins = &setup->origins,
        .accounts = accounts,
    };

    TRY(check_patterns(setup, fault));
    enum err err = site_new(&plan, ret_site, &why);

    if (err == ERR_OK) {
        err = reach_check(*ret_site, config->routes.items, config->routes.count, &why);
        if (err != ERR_OK)
            site_free(ret_site);
    }
    if (err == ERR_OK)
        return ERR_OK;
    *fault = why;
    TRY(config_note(config, err, fault));
    return err;
}

void setup_print_more_faults(const struct setup *setup)
{
    for (size_t i = 1; i < setup->config.fault_count; i++)
        fault_print(&setup->config.faults[i], stderr);
}

enum err setup_fleets(const struct setup *setup, const struct log *log, struct fleet ***ret_fleets,
                      struct fault *fault)
{
    const struct config *config = &setup->config;
    struct fleet **fleets = mem_new(config->origins.count + 1, sizeof(struct fleet *));

    for (size_t i = 0; i < config->origins.count; i++) {
        const struct config_origin *origin = config_origin(config, i);
        struct fault why = {.line = 0};
        enum err err = fleet_new(origin->name, &origin->settings, log, &fleets[i], &why);

        if (err == ERR_OK)
            continue;
        setup_fleets_free(setup, &fleets);
        at_field(config, &origin->settings.servers, origin->file, origin->line, fault);
        return fault_say(fault, err, "origins.%s: %s", origin->name, why.text);
    }
    *ret_fleets = fleets;
    return ERR_OK;
}

void setup_fleets_free(const struct setup *setup, struct fleet ***owner)
{
    for (size_t i = 0; *owner != NULL && i < setup->config.origins.count; i++)
        fleet_free(&(*owner)[i]);
    mem_free(owner);
}
