/* why.c: one question to the admin door, and its answer in lines. SPDX-License-Identifier: MIT */
#include "cli/why.h"

#include "base/must.h"
#include "base/number.h"
#include "cli/admin_call.h"

#include <jansson.h>

enum { REQUEST_MAX = 100 << 10 };

/* What was said on the command line. */
struct asked {
    struct admin_call call;
    const char *url;
    bool wants_json;
    struct buf headers; /* elements of a JSON list */
};

/* ---- the answer ------------------------------------------------------------------------------ */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static json_int_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void print_line(const char *name, const char *text)
{
    (void)printf("%-12s %s\n", name, text);
}

/* "90" seconds as "1m30s". */
static const char *duration_of(const json_t *object, const char *name, char room[NUMBER_TEXT_SIZE])
{
    json_int_t s = number_of(object, name);

    number_duration_text((s < 0 ? -s : s) * 1000, room);
    return room;
}

static void print_freshness(const json_t *object)
{
    char age[NUMBER_TEXT_SIZE], ttl[NUMBER_TEXT_SIZE];
    bool is_over = number_of(object, "ttl_s") < 0;

    (void)printf("%-12s %s: %s old, fresh %s %s%s\n", "state", text_of(object, "state"),
                 duration_of(object, "age_s", age), is_over ? "until" : "for another",
                 duration_of(object, "ttl_s", ttl), is_over ? " ago" : "");
}

static void print_stale(const json_t *object)
{
    char swr[NUMBER_TEXT_SIZE], sie[NUMBER_TEXT_SIZE], grace[NUMBER_TEXT_SIZE];

    if (json_is_true(json_object_get(object, "must_revalidate"))) {
        print_line("stale", "never: the answer says must-revalidate");
        return;
    }
    (void)printf("%-12s %s while it is fetched anew, %s when the origin answers with an error, %s "
                 "when it cannot be reached\n",
                 "stale", duration_of(object, "stale_while_revalidate_s", swr),
                 duration_of(object, "stale_if_error_s", sie),
                 duration_of(object, "grace_s", grace));
}

static void print_object(const json_t *object)
{
    char body[NUMBER_TEXT_SIZE], cost[NUMBER_TEXT_SIZE];
    const json_t *tags = json_object_get(object, "tags");

    print_freshness(object);
    print_stale(object);
    number_size_text((uint64_t)number_of(object, "body_bytes"), body);
    number_size_text((uint64_t)number_of(object, "cost_bytes"), cost);
    (void)printf("%-12s %lld with %s of body; %s in memory\n", "answer",
                 (long long)number_of(object, "status"), body, cost);
    for (size_t i = 0; i < json_array_size(tags); i++)
        (void)printf(i == 0 ? "%-12s %s" : "%s%s", i == 0 ? "tags" : ", ",
                     json_string_value(json_array_get(tags, i)));
    if (json_array_size(tags) > 0)
        (void)printf("\n");
    if (json_object_get(object, "frequency") != NULL)
        (void)printf("%-12s %lld (logarithmic count of the policy)\n", "asked for",
                     (long long)number_of(object, "frequency"));
}

static void print_past(const json_t *root)
{
    const json_t *stored = json_object_get(root, "stored_last");
    const json_t *refused = json_object_get(root, "not_stored_last");
    const json_t *purge = json_object_get(root, "purge");
    char ago[NUMBER_TEXT_SIZE];

    if (stored != NULL)
        (void)printf("%-12s %s (%s ago), fresh until %s\n", "stored at", text_of(stored, "at"),
                     duration_of(stored, "seconds_ago", ago), text_of(stored, "fresh_until"));
    if (refused != NULL)
        (void)printf("%-12s %s (%s ago), status %lld: %s: %s\n", "not stored",
                     text_of(refused, "at"), duration_of(refused, "seconds_ago", ago),
                     (long long)number_of(refused, "status"), text_of(refused, "reason"),
                     text_of(refused, "meaning"));
    if (purge != NULL)
        (void)printf("%-12s %s, %sby %s %s, from %s (%s)\n", "purged", text_of(purge, "at"),
                     json_is_true(json_object_get(purge, "soft")) ? "softly " : "",
                     text_of(purge, "by"), text_of(purge, "text"), text_of(purge, "who"),
                     text_of(purge, "door"));
}

static void print_all(const json_t *root)
{
    const json_t *variants = json_object_get(root, "variants");
    const json_t *object = json_object_get(root, "object");

    print_line("url", text_of(root, "url"));
    (void)printf("%-12s %s", "route", text_of(root, "route"));
    if (json_object_get(root, "file") != NULL)
        (void)printf("  (%s:%lld)", text_of(root, "file"), (long long)number_of(root, "line"));
    (void)printf("\n");
    print_line("key", text_of(root, "key"));
    print_line("stored", json_is_true(json_object_get(root, "stored")) ? "yes" : "no");
    print_line("because", text_of(root, "because"));
    if (object != NULL)
        print_object(object);
    if (variants != NULL)
        (void)printf("%-12s by %s: %lld fresh, at most %lld\n", "variants", text_of(variants, "by"),
                     (long long)number_of(variants, "fresh"),
                     (long long)number_of(variants, "max"));
    print_past(root);
}

static enum err print_text(struct bytes answer, struct fault *fault)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)answer.data, answer.size, 0, &error);
    enum err err = ERR_OK;

    if (json_object_get(root, "because") == NULL)
        err = fault_say(fault, ERR_PEER_BROKEN, "this is no Larder's admin door");
    else
        print_all(root);
    json_decref(root);
    return err;
}

/* ---- the question ---------------------------------------------------------------------------- */

/* "GET http://a.example/x", or only the URL. */
static void write_question(const struct asked *asked, struct buf *out)
{
    must(asked->url != NULL);
    struct bytes rest = bytes_of_text(asked->url);
    struct bytes method = bytes_cut(&rest, ' ');
    bool has_method = method.size < strlen(asked->url);

    buf_add_text(out, "{\"url\": \"");
    buf_add_json(out, bytes_trim(has_method ? rest : method));
    buf_add_text(out, "\", \"method\": \"");
    buf_add_json(out, has_method ? method : BYTES("GET"));
    buf_printf(out, "\", \"headers\": [%.*s]}", BYTES_ARG(buf_bytes(&asked->headers)));
}

static int ask(const struct command *self, struct asked *asked)
{
    struct fault fault = {.line = 0};
    struct buf question, answer;

    buf_init(&question, REQUEST_MAX, NULL);
    buf_init(&answer, ADMIN_CALL_ANSWER_MAX, NULL);
    write_question(asked, &question);
    enum err err = buf_failed(&question);

    if (err != ERR_OK)
        err = fault_say(&fault, err, "the request is too long");
    else
        err =
            admin_call_send(&asked->call, "POST", "/v1/why", buf_bytes(&question), &answer, &fault);
    if (err == ERR_OK && asked->wants_json)
        (void)fwrite(answer.data, 1, answer.size, stdout);
    else if (err == ERR_OK)
        err = print_text(buf_bytes(&answer), &fault);
    buf_fini(&question);
    buf_fini(&answer);
    return err == ERR_OK ? EXIT_DONE : command_failed(self, &fault);
}

static enum err take(struct asked *asked, const struct flag *flag, const char *value,
                     struct fault *fault)
{
    if (flag_is(flag, "json")) {
        asked->wants_json = true;
    } else if (flag_is(flag, "header")) {
        if (strchr(value, ':') == NULL)
            return fault_say(fault, ERR_SYNTAX, "-H: \"%s\" has no colon: write -H 'Name: value'",
                             value);
        buf_add_text(&asked->headers, asked->headers.size == 0 ? "\"" : ", \"");
        buf_add_json(&asked->headers, bytes_of_text(value));
        buf_add_text(&asked->headers, "\"");
    } else if (flag == NULL && value != NULL) {
        if (asked->url != NULL)
            return fault_say(fault, ERR_SYNTAX, "\"%s\" is one word too many", value);
        asked->url = value;
    }
    return ERR_OK;
}

static int why_main(const struct command *self, int argc, char **argv)
{
    struct asked asked = {.url = NULL};
    struct fault fault = {.line = 0};
    const struct flag *flag = NULL;
    const char *value = NULL;
    struct flags flags;
    enum err err = ERR_OK;

    admin_call_init(&asked.call);
    buf_init(&asked.headers, REQUEST_MAX, NULL);
    flags_init(&flags, self, argc, argv);
    do {
        err = flags_next(&flags, &flag, &value, &fault);
        if (err == ERR_OK && !admin_call_take(&asked.call, flag, value))
            err = take(&asked, flag, value, &fault);
    } while (err == ERR_OK && (flag != NULL || value != NULL));
    if (err == ERR_OK && asked.url == NULL)
        err = fault_say(&fault, ERR_SYNTAX, "say which URL: larder why http://host/path");
    int status = err == ERR_OK ? ask(self, &asked) : command_misused(self, &fault);

    buf_fini(&asked.headers);
    admin_call_fini(&asked.call);
    return status;
}

static const struct flag why_flags[] = {
    {"header", 'H', "'NAME: VALUE'", "A header field of the request; may be repeated."},
    {"json", 'j', NULL, "Everything that is known, as one JSON object."},
    ADMIN_CALL_FLAGS,
};

const struct command why_command = {
    .name = "why",
    .usage = "URL | 'METHOD URL' [-H 'NAME: VALUE']... [FLAGS]",
    .text = "Says what a running Larder has stored for a request, and if nothing, why.",
    .flags = why_flags,
    .flags_count = sizeof why_flags / sizeof why_flags[0],
    .examples = "  larder why http://shop.example/api/products/7\n"
                "  larder why http://shop.example/ -H 'Accept-Language: de' --json\n"
                "\nAsking changes nothing and is not counted. What became of a URL is remembered "
                "for the last\n2,000 or so that were fetched, and the last 128 purges.\n",
    .run = why_main,
};
