/* purge.c: flags to one request to the admin door. SPDX-License-Identifier: MIT */
#include "cli/purge.h"

#include "base/number.h"
#include "cli/admin_call.h"

#include <jansson.h>

/* What is to go. */
struct purge_request {
    const char *by; /* "tag", ...; "": nothing was said yet */
    const char *text;
    uint64_t database;
    bool has_database;
    bool soft;
    bool dry_run;
    bool list;
    uint64_t examples;
};

enum { EXAMPLES = 10, EXAMPLES_MAX = 1000 };

static enum err take_target(struct purge_request *request, const char *by, const char *text,
                            struct fault *fault)
{
    if (request->by[0] != '\0')
        return fault_say(fault, ERR_SYNTAX, "--%s and --%s exclude each other", request->by, by);
    request->by = by;
    request->text = text;
    return ERR_OK;
}

static enum err take_flag(struct purge_request *request, const struct flag *flag, const char *value,
                          struct fault *fault)
{
    if (flag_is(flag, "soft")) {
        request->soft = true;
        return ERR_OK;
    }
    if (flag_is(flag, "dry-run")) {
        request->dry_run = true;
        return ERR_OK;
    }
    if (flag_is(flag, "list")) {
        request->list = true;
        return ERR_OK;
    }
    if (flag_is(flag, "examples")) {
        if (number_u64(bytes_of_text(value), &request->examples) != ERR_OK ||
            request->examples > EXAMPLES_MAX)
            return fault_say(fault, ERR_RANGE, "--examples: \"%s\" is no number from 0 to %d",
                             value, EXAMPLES_MAX);
        return ERR_OK;
    }
    if (!flag_is(flag, "db"))
        return take_target(request, flag->name, value, fault);
    request->has_database = true;
    if (number_u64(bytes_of_text(value), &request->database) != ERR_OK || request->database > 15)
        return fault_say(fault, ERR_RANGE, "--db: \"%s\" is no number from 0 to 15", value);
    return ERR_OK;
}

static enum err check(const struct purge_request *request, struct fault *fault)
{
    if (request->list)
        return request->by[0] == '\0' ? ERR_OK
                                      : fault_say(fault, ERR_SYNTAX,
                                                  "--list purges nothing: "
                                                  "leave --%s out",
                                                  request->by);
    if (request->by[0] == '\0')
        return fault_say(
            fault, ERR_SYNTAX,
            "say what is to go: --tag, --url, --prefix, --host, --regex, --key or --all");
    if (request->has_database && strcmp(request->by, "key") != 0)
        return fault_say(fault, ERR_SYNTAX, "--db belongs to --key only");
    return ERR_OK;
}

static void write_wish(const struct purge_request *request, struct buf *out)
{
    buf_printf(out, "{\"%s\": ", request->by);
    if (request->text == NULL) {
        buf_add_text(out, "true");
    } else {
        buf_add_text(out, "\"");
        buf_add_json(out, bytes_of_text(request->text));
        buf_add_text(out, "\"");
    }
    if (request->has_database)
        buf_printf(out, ", \"db\": %llu", (unsigned long long)request->database);
    if (request->dry_run)
        buf_printf(out, ", \"examples\": %llu", (unsigned long long)request->examples);
    buf_printf(out, ", \"soft\": %s, \"dry_run\": %s}", request->soft ? "true" : "false",
               request->dry_run ? "true" : "false");
}

/* "every entry with the tag a" */
static void print_object(const struct purge_request *request)
{
    if (strcmp(request->by, "tag") == 0)
        (void)printf("every entry with the tag %s", request->text);
    else if (strcmp(request->by, "url") == 0)
        (void)printf("%s", request->text);
    else if (strcmp(request->by, "prefix") == 0)
        (void)printf("every URL that begins with %s", request->text);
    else if (strcmp(request->by, "host") == 0)
        (void)printf("every URL of the host %s", request->text);
    else if (strcmp(request->by, "regex") == 0)
        (void)printf("every URL that fits %s", request->text);
    else if (strcmp(request->by, "key") == 0)
        (void)printf("the key %s", request->text);
    else
        (void)printf("every response of the gateway");
}

static void print_examples(const json_t *urls, json_int_t count)
{
    size_t told = json_array_size(urls);

    for (size_t i = 0; i < told; i++)
        (void)printf("  %s\n", json_string_value(json_array_get(urls, i)));
    if (told > 0 && (json_int_t)told < count)
        (void)printf("  ... (--examples N shows more)\n");
}

static void tell(const struct purge_request *request, struct bytes answer)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)answer.data, answer.size, 0, &error);
    const json_t *count = json_object_get(root, "count");
    json_int_t number = json_integer_value(count);

    if (request->dry_run) {
        (void)printf("dry run: %lld entr%s would be purged: ", (long long)number,
                     number == 1 ? "y" : "ies");
        print_object(request);
    } else if (count != NULL && number == 0) {
        print_object(request);
        (void)printf(" was not there");
    } else {
        (void)printf("purged%s: ", request->soft ? " softly (may still be served stale)" : "");
        print_object(request);
    }
    (void)printf("\n");
    print_examples(json_object_get(root, "examples"), number);
    json_decref(root);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

/* "2026-01-31T12:00:00Z  admin 127.0.0.1:5000  soft tag product:7" */
static void print_list(struct bytes answer)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)answer.data, answer.size, 0, &error);
    const json_t *purges = json_object_get(root, "purges");

    for (size_t i = 0; i < json_array_size(purges); i++) {
        const json_t *purge = json_array_get(purges, i);

        (void)printf("%s  %-5s %-21s  %s%s %s\n", text_of(purge, "at"), text_of(purge, "door"),
                     text_of(purge, "who"),
                     json_is_true(json_object_get(purge, "soft")) ? "soft " : "",
                     text_of(purge, "by"), text_of(purge, "text"));
    }
    json_decref(root);
}

static int ask(const struct command *self, struct admin_call *call,
               const struct purge_request *request)
{
    struct fault fault = {.line = 0};
    struct buf body, answer;

    buf_init(&body, 1 << 20, NULL);
    buf_init(&answer, ADMIN_CALL_ANSWER_MAX, NULL);
    if (!request->list)
        write_wish(request, &body);
    enum err err = admin_call_send(call, request->list ? "GET" : "POST",
                                   request->list ? "/v1/purges" : "/v1/purge", buf_bytes(&body),
                                   &answer, &fault);

    if (err == ERR_OK && request->list)
        print_list(buf_bytes(&answer));
    else if (err == ERR_OK)
        tell(request, buf_bytes(&answer));
    buf_fini(&body);
    buf_fini(&answer);
    return err == ERR_OK ? EXIT_DONE : command_failed(self, &fault);
}

static int purge_main(const struct command *self, int argc, char **argv)
{
    struct fault fault = {.line = 0};
    struct purge_request request = {.by = "", .examples = EXAMPLES};
    const struct flag *flag = NULL;
    const char *value = NULL;
    struct admin_call call;
    struct flags flags;
    enum err err = ERR_OK;

    admin_call_init(&call);
    flags_init(&flags, self, argc, argv);
    do {
        err = flags_next(&flags, &flag, &value, &fault);
        if (err == ERR_OK && flag == NULL && value != NULL)
            err = fault_say(&fault, ERR_SYNTAX, "\"%s\" is one word too many", value);
        else if (err == ERR_OK && flag != NULL && !admin_call_take(&call, flag, value))
            err = take_flag(&request, flag, value, &fault);
    } while (err == ERR_OK && (flag != NULL || value != NULL));
    if (err == ERR_OK)
        err = check(&request, &fault);
    int status = err == ERR_OK ? ask(self, &call, &request) : command_misused(self, &fault);

    admin_call_fini(&call);
    return status;
}

static const struct flag purge_flags[] = {
    {"tag", 't', "TAG", "Every entry with this tag, whoever stored it."},
    {"url", 'u', "URL", "One URL with all its variants: http://HOST/PATH"},
    {"prefix", 'p', "URL", "Every URL that begins so."},
    {"host", 0, "HOST", "Every URL of this host; with its port, if that is not 80."},
    {"regex", 'r', "REGEX", "Every URL of which a part fits this expression (PCRE2)."},
    {"key", 'k', "KEY", "One key of Redis clients."},
    {"db", 0, "N", "With --key: the database, 0 to 15. 0"},
    {"all", 'a', NULL, "Every response of the gateway. Keys of Redis clients stay."},
    {"soft", 's', NULL, "Expire only: stale answers may be served while new ones are fetched."},
    {"dry-run", 'n', NULL, "Only count what would go, and name some of it."},
    {"examples", 0, "N", "With --dry-run: how many URLs to name, up to 1000. 10"},
    {"list", 'l', NULL, "Purge nothing: print who purged what lately."},
    ADMIN_CALL_FLAGS,
};

const struct command purge_command = {
    .name = "purge",
    .usage =
        "--tag TAG | --url URL | --prefix URL | --host HOST | --regex REGEX | --key KEY | --all "
        "[FLAGS]",
    .text = "Takes answers out of a running Larder: when it returns, none of them is served any "
            "more.",
    .flags = purge_flags,
    .flags_count = sizeof purge_flags / sizeof purge_flags[0],
    .examples = "  larder purge --tag product:7\n"
                "  larder purge --url http://shop.example/api/products/7 --soft\n"
                "  larder purge --prefix http://shop.example/api/ --dry-run\n"
                "  larder purge --regex '\\.(png|jpg)$' --dry-run\n"
                "  larder purge --list\n",
    .run = purge_main,
};
