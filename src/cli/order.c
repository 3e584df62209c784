/* order.c: clients of POST /v1/reload and /v1/upgrade. SPDX-License-Identifier: MIT */
#include "cli/order.h"

#include "cli/admin_call.h"

#include <jansson.h>

typedef void order_tell_fn(const json_t *answer);

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static const char *or_nothing(const char *text)
{
    return text[0] == '\0' ? "(nothing)" : text;
}

static void tell_row(const json_t *row)
{
    const char *name = text_of(row, "setting");

    if (json_is_true(json_object_get(row, "added")))
        (void)printf("  %s is new\n", name);
    else if (json_is_true(json_object_get(row, "removed")))
        (void)printf("  %s is gone\n", name);
    else
        (void)printf("  %s: %s -> %s\n", name, or_nothing(text_of(row, "was")),
                     or_nothing(text_of(row, "is")));
}

static void tell_reload(const json_t *answer)
{
    const json_t *changes = json_object_get(answer, "changes");
    const json_t *waits = json_object_get(answer, "restart");
    size_t count = json_array_size(changes);

    (void)printf("the configuration was read anew: %zu change%s\n", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < count; i++)
        tell_row(json_array_get(changes, i));
    if (json_array_size(waits) > 0)
        (void)printf("these need a restart and stay as they were:\n");
    for (size_t i = 0; i < json_array_size(waits); i++)
        tell_row(json_array_get(waits, i));
}

static void tell_upgrade(const json_t *answer)
{
    (void)printf("process %lld serves from now on; process %lld ends when its requests have\n",
                 (long long)json_integer_value(json_object_get(answer, "pid")),
                 (long long)json_integer_value(json_object_get(answer, "old_pid")));
}

/* All mistakes of a configuration, one a line, as `larder check` prints them. */
static bool tell_errors(const json_t *answer)
{
    const json_t *errors = json_object_get(answer, "errors");
    size_t count = json_array_size(errors);

    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(errors, i);
        struct fault fault = {.line = 0};

        (void)fault_say(&fault, ERR_SYNTAX, "%s", text_of(one, "text"));
        fault_at(&fault, text_of(one, "file"),
                 (int)json_integer_value(json_object_get(one, "line")),
                 (int)json_integer_value(json_object_get(one, "column")));
        fault_print(&fault, stderr);
    }
    return count > 0;
}

static int order(const struct command *self, struct admin_call *call, const char *path,
                 order_tell_fn *tell)
{
    struct fault fault = {.line = 0};
    struct buf text;

    buf_init(&text, ADMIN_CALL_ANSWER_MAX, NULL);
    enum err err = admin_call_send(call, "POST", path, BYTES(""), &text, &fault);
    json_t *answer =
        text.size == 0 ? NULL : json_loadb((const char *)text.data, text.size, 0, NULL);
    int status = EXIT_DONE;

    if (err == ERR_OK)
        tell(answer);
    else if (!tell_errors(answer)) {
        status = command_failed(self, &fault);
        for (size_t i = 1; i < call->config.fault_count; i++)
            fault_print(&call->config.faults[i], stderr);
    }
    if (err != ERR_OK)
        status = EXIT_FAILED;
    json_decref(answer);
    buf_fini(&text);
    return status;
}

static int order_main(const struct command *self, int argc, char **argv, const char *path,
                      order_tell_fn *tell)
{
    struct fault fault = {.line = 0};
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
        if (err == ERR_OK && flag != NULL)
            (void)admin_call_take(&call, flag, value);
    } while (err == ERR_OK && (flag != NULL || value != NULL));
    int status = err == ERR_OK ? order(self, &call, path, tell) : command_misused(self, &fault);

    admin_call_fini(&call);
    return status;
}

static int reload_main(const struct command *self, int argc, char **argv)
{
    return order_main(self, argc, argv, "/v1/reload", tell_reload);
}

static int upgrade_main(const struct command *self, int argc, char **argv)
{
    return order_main(self, argc, argv, "/v1/upgrade", tell_upgrade);
}

static const struct flag order_flags[] = {ADMIN_CALL_FLAGS};

const struct command reload_command = {
    .name = "reload",
    .usage = "[FLAGS]",
    .text = "Makes a running Larder read its configuration anew, and says what changed.",
    .flags = order_flags,
    .flags_count = sizeof order_flags / sizeof order_flags[0],
    .examples = "  larder reload -c larder.yaml\n\n"
                "No request and no connection is lost. A configuration that is wrong changes "
                "nothing:\nall its mistakes are told, and the exit status is 1. SIGHUP does the "
                "same.\n",
    .run = reload_main,
};

const struct command upgrade_command = {
    .name = "upgrade",
    .usage = "[FLAGS]",
    .text = "Makes a running Larder hand over to the program that is installed now.",
    .flags = order_flags,
    .flags_count = sizeof order_flags / sizeof order_flags[0],
    .examples = "  larder upgrade -c larder.yaml\n\n"
                "The new process gets the listening sockets, so that no connection is refused; "
                "when it\nserves, the old one ends what is under way. If it does not come up, the "
                "old one goes on.\nThe new one begins with an empty cache. SIGUSR2 does the "
                "same.\n",
    .run = upgrade_main,
};
