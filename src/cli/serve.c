/* serve.c: from flags to a running server. SPDX-License-Identifier: MIT */
#include "cli/serve.h"

#include "base/mem.h"
#include "cli/notify.h"
#include "cli/pidfile.h"
#include "cli/server.h"
#include "cli/version.h"

#include <unistd.h>

static void print_door(const char *door, const char *scheme, const struct address *address)
{
    char text[ADDRESS_TEXT_SIZE];

    address_text(address, text);
    if (strncmp(text, "unix:", 5) == 0)
        (void)printf("larder: %s on %s\n", door, text);
    else
        (void)printf("larder: %s on %s://%s\n", door, scheme, text);
}

/* Redis clients need no origin, so that none is named is no mistake; but it may be one. */
static void warn_without_origin(const struct server *server)
{
    if (server->config->origins.count > 0 || !setup_has_gateway(server->config))
        return;
    log_say(&server->log, LOG_WARNING, "cli",
            "no origin is named, so every HTTP request gets a 404: name one with --origin "
            "http://127.0.0.1:8000 or in a file with -c FILE%s; for Redis clients only: --http off",
            access("larder.yaml", R_OK) == 0 ? " (larder.yaml is here: -c larder.yaml)" : "");
}

static void write_pid(const struct server *server)
{
    const char *file = server->config->process.pid_file;
    struct fault fault = {.line = 0};

    if (file != NULL && pidfile_write(file, &fault) != ERR_OK)
        log_say(&server->log, LOG_ERROR, "cli", "%s", fault.text);
}

static void ready(const struct server *server)
{
    const struct listen_settings *listen = &server->config->listen;

    if (!setup_is_off(listen->http))
        print_door("http", "http", &server->http_address);
    if (!setup_is_off(listen->https))
        print_door("https", "https", &server->https_address);
    if (!setup_is_off(listen->resp))
        print_door("resp", "redis", &server->resp_address);
    if (!setup_is_off(listen->admin))
        print_door("admin", "http", &server->admin_address);
    (void)puts("larder: ready");
    (void)fflush(stdout);
    log_say(&server->log, LOG_INFO, "cli", "larder %s with %u worker%s", LARDER_VERSION,
            server->workers_count, server->workers_count == 1 ? "" : "s");
    warn_without_origin(server);
    write_pid(server);
    inheritance_say_ready(server->inheritance);
    (void)notify_say("READY=1\nMAINPID=%d\nSTATUS=serving", (int)getpid());
}

static int run(const struct command *self, const struct edition_source *source,
               struct edition *edition, struct inheritance *inheritance)
{
    struct fault fault = {.line = 0};
    struct server *server = NULL;
    enum err err = server_new(source, edition, inheritance, &server, &fault);

    if (err == ERR_OK)
        err = server_run(server, ready, &fault);
    if (err != ERR_OK)
        inheritance_say_failed(inheritance, &fault);
    else
        log_say(&server->log, LOG_INFO, "cli", "ended");
    if (err == ERR_OK && server->config->process.pid_file != NULL)
        pidfile_remove(server->config->process.pid_file);
    server_free(&server);
    return err == ERR_OK ? EXIT_DONE : command_failed(self, &fault);
}

static enum err read_flags(const struct command *self, struct edition_source *source, int argc,
                           char **argv, struct fault *fault)
{
    const struct flag *flag = NULL;
    const char *value = NULL;
    struct setup words; /* only for the two that are no overrides */
    struct flags flags;

    words.file = words.origin = NULL;
    flags_init(&flags, self, argc, argv);
    do {
        TRY(flags_next(&flags, &flag, &value, fault));
        if (flag == NULL && value != NULL)
            return fault_say(fault, ERR_SYNTAX, "\"%s\" is one word too many", value);
        (void)setup_take(&words, &source->overrides, flag, value);
    } while (flag != NULL || value != NULL);
    source->file = words.file;
    source->origin = words.origin;
    return ERR_OK;
}

static int serve_main(const struct command *self, int argc, char **argv)
{
    struct edition_source source = {.file = NULL};
    struct fault fault = {.line = 0};
    struct inheritance *inheritance = NULL;
    struct edition *edition = NULL;

    mem_tune();
    if (read_flags(self, &source, argc, argv, &fault) != ERR_OK)
        return command_misused(self, &fault);
    inheritance = inheritance_new();
    if (edition_read(&source, &edition, &fault) == ERR_OK) {
        int ended = run(self, &source, edition, inheritance);

        inheritance_free(&inheritance);
        return ended;
    }
    bool is_flag = fault.file[0] == '\0' && source.file == NULL;
    int status = is_flag ? command_misused(self, &fault) : command_failed(self, &fault);

    inheritance_say_failed(inheritance, &fault);
    inheritance_free(&inheritance);
    setup_print_more_faults(&edition->setup);
    editions_free(&edition);
    return status;
}

static const struct flag serve_flags[] = {SETUP_FLAGS};

const struct command serve_command = {
    .name = "serve",
    .usage = "[-c FILE | --origin URL] [FLAGS]",
    .text = "Serves HTTP clients and Redis clients from one cache, until SIGTERM.",
    .flags = serve_flags,
    .flags_count = sizeof serve_flags / sizeof serve_flags[0],
    .examples = "  larder serve --origin http://127.0.0.1:8000\n"
                "  larder serve -c larder.yaml --memory 1GiB\n"
                "  larder serve --http off --resp 127.0.0.1:6379      # Redis clients only\n"
                "\nOn the first SIGTERM or SIGINT what is under way may end; a second one ends at "
                "once.\nSIGHUP reads the file anew and opens the access log anew, SIGUSR1 only the "
                "latter;\nSIGUSR2 hands over to a new program without refusing a connection.\n",
    .run = serve_main,
};
