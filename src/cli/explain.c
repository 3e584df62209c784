/* explain.c: a request on the command line, and what would be done with it.
 * SPDX-License-Identifier: MIT
 */
#include "cli/explain.h"

#include "cli/setup.h"

enum { EXPLANATION_MAX = 1 << 20, REQUEST_MAX = 1 << 20 };

/* ---- the request ----------------------------------------------------------------------------- */

/* What was said of it. */
struct asked {
    const char *line; /* "GET /a", or only "/a" */
    struct buf fields;
    bool has_host;
};

static enum err add_field(struct asked *asked, const char *text, struct fault *fault)
{
    struct bytes rest = bytes_of_text(text);
    struct bytes name = bytes_cut(&rest, ':');

    if (name.size == strlen(text))
        return fault_say(fault, ERR_SYNTAX, "-H: \"%s\" has no colon: write -H 'Name: value'",
                         text);
    asked->has_host |= bytes_equal_nocase(name, BYTES("Host"));
    buf_printf(&asked->fields, "%.*s: %.*s\r\n", BYTES_ARG(name), BYTES_ARG(bytes_trim(rest)));
    return ERR_OK;
}

/* The host by which clients of this machine would ask: the listener's address; "localhost" where
 * that is every address, a Unix socket or none. */
static void add_assumed_host(const char *listens, struct buf *out)
{
    struct bytes address = setup_is_off(listens) ? BYTES("") : bytes_of_text(listens);
    struct bytes port = BYTES("");

    if (bytes_begin_with(address, BYTES("unix:")))
        address = BYTES("");
    for (size_t i = address.size; i > 0 && port.size == 0; i--) {
        if (address.data[i - 1] == ':') {
            port = bytes_skip(address, i - 1);
            address = bytes_slice(address, 0, i - 1);
        }
    }
    if (address.size == 0 || bytes_equal(address, BYTES("0.0.0.0")) ||
        bytes_equal(address, BYTES("[::]")))
        address = BYTES("localhost");
    buf_add(out, address);
    buf_add(out, port);
}

/* Adds the host of "http://host/path", else an assumed one, and then says so. */
static void add_host(struct bytes target, const char *listens, struct buf *out)
{
    struct bytes scheme = BYTES("http://");

    if (target.size > scheme.size &&
        bytes_equal_nocase(bytes_slice(target, 0, scheme.size), scheme)) {
        struct bytes rest = bytes_skip(target, scheme.size);

        buf_add(out, bytes_cut(&rest, '/'));
        return;
    }
    size_t from = out->size;

    add_assumed_host(listens, out);
    struct bytes host = bytes_skip(buf_bytes(out), from);

    printf("%-14s %.*s  (assumed: -H 'Host: NAME' says another)\n", "host", BYTES_ARG(host));
}

static void write_request(const struct asked *asked, const char *listens, struct buf *out)
{
    struct bytes rest = bytes_of_text(asked->line);
    struct bytes method = bytes_cut(&rest, ' ');
    bool has_method = method.size < strlen(asked->line);
    struct bytes target = bytes_trim(has_method ? rest : method);

    if (!has_method)
        method = BYTES("GET");
    buf_printf(out, "%.*s %.*s HTTP/1.1\r\n", BYTES_ARG(method), BYTES_ARG(target));
    if (!asked->has_host) {
        buf_add_text(out, "Host: ");
        add_host(target, listens, out);
        buf_add_text(out, "\r\n");
    }
    buf_add(out, buf_bytes(&asked->fields));
    buf_add_text(out, "\r\n");
}

/* ---- the explanation ------------------------------------------------------------------------- */

static bool find_place(void *context, const void *field, const char **ret_file, int *ret_line)
{
    const struct config *config = context;
    const struct config_place *place = config_where(config, field);

    if (place == NULL)
        return false;
    *ret_file = place->file;
    *ret_line = place->line;
    return true;
}

static void add_origin_line(const struct config *config, const char *name, const struct buf *value,
                            const void *field, struct buf *out)
{
    const struct config_place *place = config_where(config, field);

    buf_printf(out, "%-14s %.*s", name, BYTES_ARG(buf_bytes(value)));
    if (place != NULL)
        buf_printf(out, "  (%s:%d)\n", place->file, place->line);
    else
        buf_add_text(out, "  (default)\n");
}

/* One line for a setting of the origin, as an operator would write it. */
static void add_origin_setting(const struct config *config, const struct origin_settings *settings,
                               const char *path, const char *name, struct buf *out)
{
    const struct config_section *section = config_find_section(BYTES("origins"));
    const struct setting *setting = config_find_setting(section, path);
    struct buf value;

    buf_init(&value, EXPLANATION_MAX, NULL);
    value_print(setting, settings, &value);
    if (value.size > 0)
        add_origin_line(config, name, &value, (const char *)settings + setting->offset, out);
    buf_fini(&value);
}

/* What concerns the origin, if it has to be asked. */
static void tell_origin(void *context, size_t number, struct buf *out)
{
    static const struct {
        const char *path, *name;
    } rows[] = {
        {"servers", "servers"},
        {"balance", "balance"},
        {"health.get", "health check"},
        {"timeout.connect", "connect"},
        {"timeout.first_byte", "first byte"},
        {"timeout.total", "total"},
        {"retry.max", "retries"},
        {"breaker.failures", "breaker after"},
        {"breaker.open_for", "breaker for"},
    };
    const struct config *config = context;
    const struct config_origin *origin = config_origin(config, number);

    buf_printf(out, "%-14s %s", "origin", origin->name);
    if (origin->line > 0)
        buf_printf(out, "  (%s:%d)", origin->file, origin->line);
    buf_add_text(out, "\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        add_origin_setting(config, &origin->settings, rows[i].path, rows[i].name, out);
}

static int explain(const struct command *self, struct setup *setup, const struct asked *asked)
{
    struct config *config = &setup->config;
    struct fault fault = {.line = 0};
    struct site *site = NULL;
    struct buf request, out;

    enum err err = setup_site(setup, NULL, &site, &fault);

    if (err != ERR_OK) {
        (void)command_failed(self, &fault);
        setup_print_more_faults(setup);
        return EXIT_FAILED;
    }
    buf_init(&request, REQUEST_MAX, NULL);
    buf_init(&out, EXPLANATION_MAX, NULL);
    write_request(asked, config->listen.http, &request);
    const struct site_where where = {find_place, tell_origin, config};

    err = site_explain(site, buf_bytes(&request), &where, &out);
    (void)fwrite(out.data == NULL ? "" : (const char *)out.data, 1, out.size, stdout);
    buf_fini(&request);
    buf_fini(&out);
    site_free(&site);
    return err == ERR_OK ? EXIT_DONE : EXIT_FAILED;
}

static enum err take(struct setup *setup, struct asked *asked, const struct flag *flag,
                     const char *value, struct fault *fault)
{
    struct setup_overrides unused = {.count = 0};

    if (flag_is(flag, "header"))
        return add_field(asked, value, fault);
    if (flag != NULL) {
        (void)setup_take(setup, &unused, flag, value);
        return ERR_OK;
    }
    if (asked->line != NULL)
        return fault_say(fault, ERR_SYNTAX,
                         "\"%s\" is one word too many: put the request in quotes, 'GET /path'",
                         value);
    asked->line = value;
    return ERR_OK;
}

static enum err read_flags(struct flags *flags, struct setup *setup, struct asked *asked,
                           struct fault *fault)
{
    const struct flag *flag = NULL;
    const char *value = NULL;

    do {
        TRY(flags_next(flags, &flag, &value, fault));
        if (value != NULL)
            TRY(take(setup, asked, flag, value, fault));
    } while (flag != NULL || value != NULL);
    if (asked->line == NULL)
        return fault_say(fault, ERR_SYNTAX, "say which request: larder explain 'GET /path'");
    if (setup->file == NULL && setup->origin == NULL)
        setup->file = "larder.yaml";
    return ERR_OK;
}

static int explain_main(const struct command *self, int argc, char **argv)
{
    const struct setup_overrides none = {.count = 0};
    struct fault fault = {.line = 0};
    struct asked asked = {.line = NULL};
    struct setup setup;
    struct flags flags;
    int status = EXIT_DONE;

    setup_init(&setup);
    flags_init(&flags, self, argc, argv);
    buf_init(&asked.fields, REQUEST_MAX, NULL);
    if (read_flags(&flags, &setup, &asked, &fault) != ERR_OK)
        status = command_misused(self, &fault);
    else if (setup_read(&setup, &none, &fault) != ERR_OK) {
        status = command_failed(self, &fault);
        setup_print_more_faults(&setup);
    } else
        status = explain(self, &setup, &asked);
    buf_fini(&asked.fields);
    setup_fini(&setup);
    return status;
}

static const struct flag explain_flags[] = {
    {"header", 'H', "'NAME: VALUE'", "A header field of the request; may be repeated."},
    SETUP_FLAG_FILE,
    SETUP_FLAG_ORIGIN,
};

const struct command explain_command = {
    .name = "explain",
    .usage = "[-c FILE | --origin URL] 'METHOD /PATH' [-H 'NAME: VALUE']...",
    .text = "Says what would be done with a request: its key, its route, and which line decides.",
    .flags = explain_flags,
    .flags_count = sizeof explain_flags / sizeof explain_flags[0],
    .examples = "  larder explain -c larder.yaml 'GET /api/products/7?utm_source=x'\n"
                "  larder explain 'GET http://shop.example/api/me' -H 'Authorization: Bearer x'\n\n"
                "Without a host in the request, the address where Larder listens is assumed.\n",
    .run = explain_main,
};
