/* purge.c: flags to one request to the admin door. SPDX-License-Identifier: MIT */
#include "cli/purge.h"

#include "base/number.h"
#include "cli/asker.h"

#include <jansson.h>

/* What is to go. */
struct wish {
    const char *by; /* "tag", ...; "": nothing was said yet */
    const char *text;
    uint64_t database;
    bool has_database;
    bool soft;
    bool dry_run;
};

static enum err take_target(struct wish *wish, const char *by, const char *text,
                            struct fault *fault)
{
    if (wish->by[0] != '\0')
        return fault_say(fault, ERR_SYNTAX, "--%s and --%s exclude each other", wish->by, by);
    wish->by = by;
    wish->text = text;
    return ERR_OK;
}

static enum err take_flag(struct wish *wish, const struct flag *flag, const char *value,
                          struct fault *fault)
{
    if (flag_is(flag, "soft")) {
        wish->soft = true;
        return ERR_OK;
    }
    if (flag_is(flag, "dry-run")) {
        wish->dry_run = true;
        return ERR_OK;
    }
    if (!flag_is(flag, "db"))
        return take_target(wish, flag->name, value, fault);
    wish->has_database = true;
    if (number_u64(bytes_of_text(value), &wish->database) != ERR_OK || wish->database > 15)
        return fault_say(fault, ERR_RANGE, "--db: \"%s\" is no number from 0 to 15", value);
    return ERR_OK;
}

static enum err check(const struct wish *wish, struct fault *fault)
{
    if (wish->by[0] == '\0')
        return fault_say(fault, ERR_SYNTAX,
                         "say what is to go: --tag, --url, --prefix, --key or --all");
    if (wish->has_database && strcmp(wish->by, "key") != 0)
        return fault_say(fault, ERR_SYNTAX, "--db belongs to --key only");
    return ERR_OK;
}

static void write_wish(const struct wish *wish, struct buf *out)
{
    buf_printf(out, "{\"%s\": ", wish->by);
    if (wish->text == NULL) {
        buf_add_text(out, "true");
    } else {
        buf_add_text(out, "\"");
        buf_add_json(out, bytes_of_text(wish->text));
        buf_add_text(out, "\"");
    }
    if (wish->has_database)
        buf_printf(out, ", \"db\": %llu", (unsigned long long)wish->database);
    buf_printf(out, ", \"soft\": %s, \"dry_run\": %s}", wish->soft ? "true" : "false",
               wish->dry_run ? "true" : "false");
}

/* "every entry with the tag a" */
static void print_object(const struct wish *wish)
{
    if (strcmp(wish->by, "tag") == 0)
        (void)printf("every entry with the tag %s", wish->text);
    else if (strcmp(wish->by, "url") == 0)
        (void)printf("%s", wish->text);
    else if (strcmp(wish->by, "prefix") == 0)
        (void)printf("every URL that begins with %s", wish->text);
    else if (strcmp(wish->by, "key") == 0)
        (void)printf("the key %s", wish->text);
    else
        (void)printf("every response of the gateway");
}

static void tell(const struct wish *wish, struct bytes answer)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)answer.data, answer.size, 0, &error);
    const json_t *count = json_object_get(root, "count");
    json_int_t number = json_integer_value(count);

    if (wish->dry_run) {
        (void)printf("dry run: %lld entr%s would be purged: ", (long long)number,
                     number == 1 ? "y" : "ies");
        print_object(wish);
    } else if (count != NULL && number == 0) {
        print_object(wish);
        (void)printf(" was not there");
    } else {
        (void)printf("purged%s: ", wish->soft ? " softly (may still be served stale)" : "");
        print_object(wish);
    }
    (void)printf("\n");
    json_decref(root);
}

static int ask(const struct command *self, struct asker *asker, const struct wish *wish)
{
    struct fault fault = {.line = 0};
    struct buf body, answer;

    buf_init(&body, 1 << 20, NULL);
    buf_init(&answer, ASKER_ANSWER_MAX, NULL);
    write_wish(wish, &body);
    enum err err = asker_ask(asker, "POST", "/v1/purge", buf_bytes(&body), &answer, &fault);

    if (err == ERR_OK)
        tell(wish, buf_bytes(&answer));
    buf_fini(&body);
    buf_fini(&answer);
    return err == ERR_OK ? EXIT_DONE : command_failed(self, &fault);
}

static int purge_main(const struct command *self, int argc, char **argv)
{
    struct fault fault = {.line = 0};
    struct wish wish = {.by = ""};
    const struct flag *flag = NULL;
    const char *value = NULL;
    struct asker asker;
    struct flags flags;
    enum err err = ERR_OK;

    asker_init(&asker);
    flags_init(&flags, self, argc, argv);
    do {
        err = flags_next(&flags, &flag, &value, &fault);
        if (err == ERR_OK && flag == NULL && value != NULL)
            err = fault_say(&fault, ERR_SYNTAX, "\"%s\" is one word too many", value);
        else if (err == ERR_OK && flag != NULL && !asker_take(&asker, flag, value))
            err = take_flag(&wish, flag, value, &fault);
    } while (err == ERR_OK && (flag != NULL || value != NULL));
    if (err == ERR_OK)
        err = check(&wish, &fault);
    int status = err == ERR_OK ? ask(self, &asker, &wish) : command_misused(self, &fault);

    asker_fini(&asker);
    return status;
}

static const struct flag purge_flags[] = {
    {"tag", 't', "TAG", "Every entry with this tag, whoever stored it."},
    {"url", 'u', "URL", "One URL with all its variants: http://HOST/PATH"},
    {"prefix", 'p', "URL", "Every URL that begins so."},
    {"key", 'k', "KEY", "One key of Redis clients."},
    {"db", 0, "N", "With --key: the database, 0 to 15. 0"},
    {"all", 'a', NULL, "Every response of the gateway. Keys of Redis clients stay."},
    {"soft", 's', NULL, "Expire only: stale answers may be served while new ones are fetched."},
    {"dry-run", 'n', NULL, "Only count what would go."},
    ASKER_FLAGS,
};

const struct command purge_command = {
    .name = "purge",
    .usage = "--tag TAG | --url URL | --prefix URL | --key KEY | --all [FLAGS]",
    .text = "Takes answers out of a running Larder: when it returns, none of them is served any "
            "more.",
    .flags = purge_flags,
    .flags_count = sizeof purge_flags / sizeof purge_flags[0],
    .examples = "  larder purge --tag product:7\n"
                "  larder purge --url http://shop.example/api/products/7 --soft\n"
                "  larder purge --prefix http://shop.example/api/ --dry-run\n",
    .run = purge_main,
};
