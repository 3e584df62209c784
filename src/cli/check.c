/* check.c: reads a configuration, and says whether it is right. SPDX-License-Identifier: MIT */
#include "cli/check.h"

#include "cli/keyring.h"
#include "cli/probe.h"
#include "cli/setup.h"
#include "net/address.h"

/* ---- are the origins there? -------------------------------------------------------------------
 */

struct look {
    const struct config *config;
    bool is_done;
};

static void looked(void *context, const bool *is_up, size_t count)
{
    struct look *look = context;

    look->is_done = true;
    for (size_t i = 0; i < count; i++) {
        const struct config_origin *origin = config_origin(look->config, i);

        if (!is_up[i])
            (void)fprintf(stderr, "%s:%d: warning: the origin %s (%s) cannot be reached now\n",
                          origin->file, origin->line, origin->name,
                          origin->settings.servers.items[0]);
    }
}

static enum err look_at_origins(const struct setup *setup, struct fault *fault)
{
    struct look look = {.config = &setup->config};
    struct fleet **fleets = NULL;
    struct loop *loop = NULL;

    TRY(setup_fleets(setup, NULL, &fleets, fault));
    enum err err = loop_new(NULL, &loop);

    if (err != ERR_OK) {
        setup_fleets_free(setup, &fleets);
        return fault_say(fault, err, "the system gives no epoll descriptor");
    }
    struct probe *probe = probe_new(loop, fleets, setup->config.origins.count);

    probe_start(probe, looked, &look);
    while (!look.is_done)
        loop_turn(loop, 100);
    probe_free(&probe);
    loop_free(&loop);
    setup_fleets_free(setup, &fleets);
    return ERR_OK;
}

/* ---- may the doors listen there? --------------------------------------------------------------
 */

static enum err place_fault(const struct config *config, const void *field, enum err err,
                            struct fault *fault)
{
    const struct config_place *place = config_where(config, field);

    if (place != NULL)
        fault_at(fault, place->file, place->line, place->column);
    return err;
}

static enum err check_listener(const struct config *config, const char *const *field,
                               const char *door, struct address *ret_address, struct fault *fault)
{
    struct fault why = {.line = 0};

    if (setup_is_off(*field))
        return ERR_OK;
    enum err err = address_parse(bytes_of_text(*field), ret_address, &why);

    if (err == ERR_OK)
        return ERR_OK;
    return place_fault(config, field,
                       fault_say(fault, err, "listen.%s.address: %s", door, why.text), fault);
}

enum err check_listeners(const struct config *config, struct fault *fault)
{
    const struct listen_settings *listen = &config->listen;
    const struct resp_settings *resp = &config->resp;
    struct address address = {.size = 0};

    TRY(check_listener(config, &listen->http, "http", &address, fault));
    TRY(check_listener(config, &listen->https, "https", &address, fault));
    TRY(check_listener(config, &listen->admin, "admin", &address, fault));
    TRY(check_listener(config, &listen->resp, "resp", &address, fault));
    bool has_password =
        resp->password_file != NULL || (resp->password != NULL && resp->password[0] != '\0');

    if (setup_is_off(listen->resp) || address_is_local(&address) || resp->open || has_password)
        return ERR_OK;
    return place_fault(config, &listen->resp,
                       fault_say(fault, ERR_DENIED,
                                 "listen.resp.address: whoever reaches %s could read and purge "
                                 "everything: set resp.password, listen on 127.0.0.1, or say "
                                 "resp.open: on",
                                 listen->resp),
                       fault);
}

/* ---- the command ------------------------------------------------------------------------------
 */

static enum err check_keyring(const struct config *config, struct fault *fault)
{
    struct tls *tls = NULL;

    if (!keyring_is_wanted(config))
        return ERR_OK;
    TRY(keyring_new(config, &tls, fault));
    tls_free(&tls);
    return ERR_OK;
}

static enum err check_all(struct setup *setup, struct fault *fault)
{
    const struct setup_overrides none = {.count = 0};
    struct site *site = NULL;

    TRY(setup_read(setup, &none, fault));
    TRY(check_listeners(&setup->config, fault));
    TRY(check_keyring(&setup->config, fault));
    if (setup_has_gateway(&setup->config)) {
        TRY(setup_site(setup, NULL, &site, fault));
        site_free(&site);
    }
    return look_at_origins(setup, fault);
}

static enum err read_flags(const struct command *self, int argc, char **argv, struct setup *setup,
                           struct fault *fault)
{
    struct setup_overrides unused = {.count = 0};
    const struct flag *flag = NULL;
    const char *value = NULL;
    struct flags flags;

    flags_init(&flags, self, argc, argv);
    do {
        TRY(flags_next(&flags, &flag, &value, fault));
        if (flag == NULL && value != NULL && setup->file != NULL)
            return fault_say(fault, ERR_SYNTAX, "\"%s\" is one word too many", value);
        if (flag == NULL && value != NULL)
            setup->file = value;
        (void)setup_take(setup, &unused, flag, value);
    } while (flag != NULL || value != NULL);
    if (setup->file == NULL)
        setup->file = "larder.yaml";
    return ERR_OK;
}

static int check_main(const struct command *self, int argc, char **argv)
{
    struct fault fault = {.line = 0};
    struct setup setup;
    int status = EXIT_DONE;

    setup_init(&setup);
    if (read_flags(self, argc, argv, &setup, &fault) != ERR_OK)
        status = command_misused(self, &fault);
    else if (check_all(&setup, &fault) != ERR_OK) {
        status = command_failed(self, &fault);
        setup_print_more_faults(&setup);
    } else
        (void)printf("%s is right: %zu origin%s, %zu route%s\n", setup.file,
                     setup.config.origins.count, setup.config.origins.count == 1 ? "" : "s",
                     setup.config.routes.count, setup.config.routes.count == 1 ? "" : "s");
    setup_fini(&setup);
    return status;
}

static const struct flag check_flags[] = {SETUP_FLAG_FILE};

const struct command check_command = {
    .name = "check",
    .usage = "[-c] [FILE]",
    .text = "Says whether a configuration is right, and if not, what is wrong and where.",
    .flags = check_flags,
    .flags_count = sizeof check_flags / sizeof check_flags[0],
    .examples = "  larder check -c larder.yaml\n\n"
                "An origin that cannot be reached now is a warning only.\n",
    .run = check_main,
};
