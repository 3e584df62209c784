/* purge_request.c: JSON to a purge, strictly. SPDX-License-Identifier: MIT */
#include "server/admin/purge_request.h"

#include "base/guess.h"

#include <jansson.h>

enum { DATABASES = 16 };

static const char *const names[] = {
    [ADMIN_PURGE_TAG] = "tag",     [ADMIN_PURGE_URL] = "url", [ADMIN_PURGE_PREFIX] = "prefix",
    [ADMIN_PURGE_KEY] = "key",     [ADMIN_PURGE_ALL] = "all", [ADMIN_PURGE_HOST] = "host",
    [ADMIN_PURGE_REGEX] = "regex",
};

enum { NAMES = sizeof names / sizeof names[0] };

const char *admin_purge_name(enum admin_purge_by by)
{
    return names[by];
}

/* What was said so far. */
struct reading {
    struct admin_purge *purge;
    struct arena *arena;
    struct fault *fault;
    bool has_target;
    bool has_database;
};

static enum err read_target(struct reading *reading, unsigned by, const json_t *value)
{
    struct admin_purge *purge = reading->purge;
    struct fault *fault = reading->fault;

    if (reading->has_target)
        return fault_say(fault, ERR_SYNTAX,
                         "\"%s\" and \"%s\" exclude each other: send two requests",
                         names[purge->by], names[by]);
    reading->has_target = true;
    purge->by = by;
    if (by == ADMIN_PURGE_ALL)
        return json_is_true(value)
                   ? ERR_OK
                   : fault_say(fault, ERR_SYNTAX, "\"all\" must be true, or absent");
    if (!json_is_string(value) || json_string_length(value) == 0)
        return fault_say(fault, ERR_SYNTAX, "\"%s\" must be a text that is not empty", names[by]);
    purge->text =
        arena_copy(reading->arena, bytes_of(json_string_value(value), json_string_length(value)));
    if (purge->text.data == NULL)
        return fault_say(fault, ERR_FULL, "\"%s\" is too long", names[by]);
    return ERR_OK;
}

static enum err read_switch(struct reading *reading, const char *name, const json_t *value,
                            bool *ret_switch)
{
    if (!json_is_boolean(value))
        return fault_say(reading->fault, ERR_SYNTAX, "\"%s\" must be true or false", name);
    *ret_switch = json_is_true(value);
    return ERR_OK;
}

static enum err read_database(struct reading *reading, const json_t *value)
{
    json_int_t number = json_integer_value(value);

    reading->has_database = true;
    if (!json_is_integer(value) || number < 0 || number >= DATABASES)
        return fault_say(reading->fault, ERR_RANGE, "\"db\" must be a number from 0 to %d",
                         DATABASES - 1);
    reading->purge->database = (unsigned)number;
    return ERR_OK;
}

static enum err read_examples(struct reading *reading, const json_t *value)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || number > ADMIN_EXAMPLES_MAX)
        return fault_say(reading->fault, ERR_RANGE, "\"examples\" must be a number from 0 to %d",
                         ADMIN_EXAMPLES_MAX);
    reading->purge->examples = (unsigned)number;
    return ERR_OK;
}

static enum err read_member(struct reading *reading, const char *name, const json_t *value)
{
    static const char *const all[] = {"tag", "url", "prefix", "host",    "regex",   "key",
                                      "all", "db",  "soft",   "dry_run", "examples"};

    for (unsigned by = 0; by < NAMES; by++) {
        if (strcmp(name, names[by]) == 0)
            return read_target(reading, by, value);
    }
    if (strcmp(name, "db") == 0)
        return read_database(reading, value);
    if (strcmp(name, "soft") == 0)
        return read_switch(reading, name, value, &reading->purge->soft);
    if (strcmp(name, "dry_run") == 0)
        return read_switch(reading, name, value, &reading->purge->dry_run);
    if (strcmp(name, "examples") == 0)
        return read_examples(reading, value);
    const char *near = guess(bytes_of_text(name), all, sizeof all / sizeof all[0]);

    return fault_say(reading->fault, ERR_SYNTAX, "there is no member \"%.64s\" here%s%s%s", name,
                     near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
                     near == NULL ? "" : "\"?");
}

static enum err read_object(struct reading *reading, json_t *object)
{
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach(object, name, value)
    {
        TRY(read_member(reading, name, value));
    }
    if (!reading->has_target)
        return fault_say(
            reading->fault, ERR_SYNTAX,
            "say what to purge: \"tag\", \"url\", \"prefix\", \"host\", \"regex\", \"key\" "
            "or \"all\"");
    if (reading->has_database && reading->purge->by != ADMIN_PURGE_KEY)
        return fault_say(reading->fault, ERR_SYNTAX, "\"db\" belongs to \"key\" only");
    if (reading->purge->examples > 0 && !reading->purge->dry_run)
        return fault_say(reading->fault, ERR_SYNTAX, "\"examples\" belong to \"dry_run\" only");
    return ERR_OK;
}

enum err admin_purge_read(struct bytes json, struct arena *arena, struct admin_purge *ret_purge,
                          struct fault *fault)
{
    struct admin_purge purge = {.database = 0};
    struct reading reading = {.purge = &purge, .arena = arena, .fault = fault};
    json_error_t error;
    json_t *root = json_loadb(json.data == NULL ? "" : (const char *)json.data, json.size,
                              JSON_REJECT_DUPLICATES, &error);

    if (root == NULL)
        return fault_say(fault, ERR_SYNTAX, "the body is no JSON: %.128s in line %d, column %d",
                         error.text, error.line, error.column);
    enum err err = ERR_OK;

    if (json_is_object(root))
        err = read_object(&reading, root);
    else
        err = fault_say(fault, ERR_SYNTAX, "the body must be an object, such as {\"tag\": \"a\"}");
    json_decref(root);
    if (err == ERR_OK)
        *ret_purge = purge;
    return err;
}
