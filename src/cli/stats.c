/* stats.c: the admin door's numbers for people. SPDX-License-Identifier: MIT */
#include "cli/stats.h"

#include "base/number.h"
#include "cli/admin_call.h"

#include <jansson.h>

static double number_of(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* Bytes as a person reads them. */
static void print_bytes(double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;

    while (bytes >= 1024 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    (void)printf(unit == 0 ? "%14.0f %s" : "%14.1f %s", bytes, units[unit]);
}

static void print_value(const char *name, const json_t *value)
{
    (void)printf("  %-24s", name);
    if (json_is_boolean(value))
        (void)printf("%14s", json_is_true(value) ? "yes" : "no");
    else if (ends_with(name, "_bytes"))
        print_bytes(json_number_value(value));
    else
        (void)printf("%14lld", (long long)json_integer_value(value));
    (void)printf("\n");
}

/* The members that are numbers, without those that are 0. */
static void print_members(json_t *object)
{
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach(object, name, value)
    {
        if (!json_is_object(value) && (json_is_boolean(value) || json_number_value(value) > 0))
            print_value(name, value);
    }
}

static void print_room(json_t *root, const char *name, const char *title)
{
    json_t *room = json_object_get(root, name);

    if (room == NULL)
        return;
    (void)printf("\n%s\n", title);
    print_members(room);
}

static void print_ratio(const char *name, double part, double whole)
{
    if (whole > 0)
        (void)printf("  %-24s%13.1f%%\n", name, part / whole * 100);
}

static void print_whatif(json_t *root)
{
    json_t *ratios = json_object_get(json_object_get(root, "cache"), "whatif_hit_ratio");
    const char *memory = NULL;
    json_t *ratio = NULL;

    if (json_object_size(ratios) == 0)
        return;
    (void)printf("\nLook-ups that would find a value with\n");
    json_object_foreach(ratios, memory, ratio)
    {
        char name[64];

        (void)snprintf(name, sizeof name, "%s the memory", memory);
        print_ratio(name, json_number_value(ratio), 1);
    }
}

static void print_http(json_t *root)
{
    const json_t *http = json_object_get(root, "http");
    double requests = number_of(http, "requests");
    double hits =
        number_of(http, "hits") + number_of(http, "hits_stale") + number_of(http, "collapsed");

    print_room(root, "http", "HTTP gateway");
    print_ratio("answered without origin", hits, requests);
    json_t *reasons = json_object_get(http, "reasons");

    if (json_object_size(reasons) > 0) {
        (void)printf("\nNot from the cache, or not stored, because of\n");
        print_members(reasons);
    }
}

static void print_origins(json_t *root)
{
    const char *name = NULL;
    json_t *origin = NULL;

    json_object_foreach(json_object_get(root, "origins"), name, origin)
    {
        (void)printf("\norigin %s\n", name);
        print_members(origin);
    }
}

static void print_resp(json_t *root)
{
    json_t *resp = json_object_get(root, "resp");
    const char *name = NULL;
    json_t *command = NULL;

    print_room(root, "resp", "Redis clients");
    print_ratio("keys found", number_of(resp, "keyspace_hits"),
                number_of(resp, "keyspace_hits") + number_of(resp, "keyspace_misses"));
    json_object_foreach(json_object_get(resp, "by_command"), name, command)
    {
        double calls = number_of(command, "calls");

        (void)printf("  %-24s%14.0f calls, %.1f us each\n", name, calls,
                     calls > 0 ? number_of(command, "usec") / calls : 0);
    }
}

static void print_all(json_t *root)
{
    char uptime[NUMBER_TEXT_SIZE];

    number_duration_text((int64_t)number_of(root, "uptime_s") * 1000, uptime);
    (void)printf("larder %s, up %s, %.0f workers, %.1f MiB resident, %.1f s of processor time\n",
                 json_string_value(json_object_get(root, "version")), uptime,
                 number_of(root, "workers"), number_of(root, "resident_bytes") / 1048576,
                 number_of(root, "cpu_seconds"));
    (void)printf("%.1f MiB of it in no account\n", number_of(root, "unaccounted_bytes") / 1048576);
    print_room(root, "cache", "Cache");
    print_whatif(root);
    print_http(root);
    print_origins(root);
    print_resp(root);
    (void)printf("\nNumbers that are 0 are left out; --json has all of them.\n");
}

static int ask(const struct command *self, struct admin_call *call, bool wants_json)
{
    struct fault fault = {.line = 0};
    struct buf answer;

    buf_init(&answer, ADMIN_CALL_ANSWER_MAX, NULL);
    enum err err = admin_call_send(call, "GET", "/v1/stats", BYTES(""), &answer, &fault);

    if (err == ERR_OK && wants_json) {
        (void)fwrite(answer.data, 1, answer.size, stdout);
    } else if (err == ERR_OK) {
        json_error_t error;
        json_t *root = json_loadb((const char *)answer.data, answer.size, 0, &error);

        if (!json_is_object(root) || json_object_get(root, "version") == NULL)
            err = fault_say(&fault, ERR_PEER_BROKEN, "this is no Larder's admin door");
        else
            print_all(root);
        json_decref(root);
    }
    buf_fini(&answer);
    return err == ERR_OK ? EXIT_DONE : command_failed(self, &fault);
}

static int stats_main(const struct command *self, int argc, char **argv)
{
    struct fault fault = {.line = 0};
    const struct flag *flag = NULL;
    const char *value = NULL;
    bool wants_json = false;
    struct admin_call call;
    struct flags flags;
    enum err err = ERR_OK;

    admin_call_init(&call);
    flags_init(&flags, self, argc, argv);
    do {
        err = flags_next(&flags, &flag, &value, &fault);
        if (err == ERR_OK && flag == NULL && value != NULL)
            err = fault_say(&fault, ERR_SYNTAX, "\"%s\" is one word too many", value);
        if (err == ERR_OK && !admin_call_take(&call, flag, value))
            wants_json |= flag_is(flag, "json");
    } while (err == ERR_OK && (flag != NULL || value != NULL));
    int status = err == ERR_OK ? ask(self, &call, wants_json) : command_misused(self, &fault);

    admin_call_fini(&call);
    return status;
}

static const struct flag stats_flags[] = {
    {"json", 'j', NULL, "All numbers as one JSON object."},
    ADMIN_CALL_FLAGS,
};

const struct command stats_command = {
    .name = "stats",
    .usage = "[--json] [FLAGS]",
    .text = "Prints the numbers of a running Larder: hits, misses, memory, origins, commands.",
    .flags = stats_flags,
    .flags_count = sizeof stats_flags / sizeof stats_flags[0],
    .examples = "  larder stats\n"
                "  larder stats --json | jq .cache.hits\n",
    .run = stats_main,
};
