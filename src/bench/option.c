/* option.c: words and their values, by table. SPDX-License-Identifier: MIT */
#include "bench/option.h"

#include "base/guess.h"
#include "base/must.h"
#include "base/number.h"

#include <stddef.h>

enum { HTTP = 1, RESP = 2, MEMCACHED = 4, STORES = RESP | MEMCACHED, ALL = HTTP | STORES };

struct option;

typedef enum err option_fn(struct plan *plan, const struct option *option, struct bytes value,
                           struct fault *fault);

struct option {
    const char *name;
    const char *value; /* what the value is called; "" for a switch */
    option_fn *set;
    size_t field; /* where in the plan */
    unsigned doors;
    const char *lowest;
    const char *highest;
    const char *text;
};

static void *field_of(struct plan *plan, const struct option *option)
{
    return (char *)plan + option->field;
}

static enum err say_range(const struct option *option, struct bytes value, struct fault *fault)
{
    return fault_say(fault, ERR_RANGE, "%s %.*s: must be from %s to %s", option->name,
                     BYTES_ARG(value), option->lowest, option->highest);
}

/* ---- one function a kind ------------------------------------------------------------------- */

static enum err set_COUNT(struct plan *plan, const struct option *option, struct bytes value,
                          struct fault *fault)
{
    uint64_t number = 0, lowest = 0, highest = 0;

    must(number_u64(bytes_of_text(option->lowest), &lowest) == ERR_OK);
    must(number_u64(bytes_of_text(option->highest), &highest) == ERR_OK);
    if (number_u64(value, &number) != ERR_OK)
        return fault_say(fault, ERR_SYNTAX, "%s takes a whole number, not \"%.*s\"", option->name,
                         BYTES_ARG(value));
    if (number < lowest || number > highest)
        return say_range(option, value, fault);
    memcpy(field_of(plan, option), &number, sizeof number);
    return ERR_OK;
}

static enum err set_NUMBER(struct plan *plan, const struct option *option, struct bytes value,
                           struct fault *fault)
{
    double number = 0, lowest = 0, highest = 0;

    must(number_double(bytes_of_text(option->lowest), &lowest) == ERR_OK);
    must(number_double(bytes_of_text(option->highest), &highest) == ERR_OK);
    if (number_double(value, &number) != ERR_OK)
        return fault_say(fault, ERR_SYNTAX, "%s takes a number, not \"%.*s\"", option->name,
                         BYTES_ARG(value));
    if (!(number >= lowest && number <= highest))
        return say_range(option, value, fault);
    memcpy(field_of(plan, option), &number, sizeof number);
    return ERR_OK;
}

static enum err set_DURATION(struct plan *plan, const struct option *option, struct bytes value,
                             struct fault *fault)
{
    int64_t ms = 0, lowest = 0, highest = 0;

    must(number_duration(bytes_of_text(option->lowest), &lowest) == ERR_OK);
    must(number_duration(bytes_of_text(option->highest), &highest) == ERR_OK);
    if (number_duration(value, &ms) != ERR_OK)
        return fault_say(fault, ERR_SYNTAX,
                         "%s takes a time with its unit, such as 500ms, 10s or 2m, not \"%.*s\"",
                         option->name, BYTES_ARG(value));
    if (ms < lowest || ms > highest)
        return say_range(option, value, fault);
    ms *= 1000000;
    memcpy(field_of(plan, option), &ms, sizeof ms);
    plan->has_duration = plan->has_duration || option->field == offsetof(struct plan, duration_ns);
    plan->has_warmup = plan->has_warmup || option->field == offsetof(struct plan, warmup_ns);
    return ERR_OK;
}

static enum err set_TEXT(struct plan *plan, const struct option *option, struct bytes value,
                         struct fault *fault)
{
    if (value.size > PLAN_BODY_MAX)
        return fault_say(fault, ERR_TOO_BIG, "%s is too long", option->name);
    memcpy(field_of(plan, option), &value, sizeof value);
    return ERR_OK;
}

static enum err set_SWITCH(struct plan *plan, const struct option *option, struct bytes value,
                           struct fault *fault)
{
    if (value.size > 0)
        return fault_say(fault, ERR_SYNTAX, "%s takes no value", option->name);
    *(bool *)field_of(plan, option) = true;
    return ERR_OK;
}

static enum err set_ARRIVALS(struct plan *plan, const struct option *option, struct bytes value,
                             struct fault *fault)
{
    bool poisson = bytes_equal(value, BYTES("poisson"));

    if (!poisson && !bytes_equal(value, BYTES("constant")))
        return fault_say(fault, ERR_SYNTAX, "%s is poisson or constant, not \"%.*s\"", option->name,
                         BYTES_ARG(value));
    plan->poisson = poisson;
    return ERR_OK;
}

static bool is_token(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f ||
            bytes_find(BYTES("\"(),/:;<=>?@[\\]{}"), text.data[i]) < 17)
            return false;
    return text.size > 0;
}

static enum err set_METHOD(struct plan *plan, const struct option *option, struct bytes value,
                           struct fault *fault)
{
    if (!is_token(value))
        return fault_say(fault, ERR_SYNTAX, "%s: \"%.*s\" is no HTTP method", option->name,
                         BYTES_ARG(value));
    plan->method = value;
    return ERR_OK;
}

static enum err set_HEADER(struct plan *plan, const struct option *option, struct bytes value,
                           struct fault *fault)
{
    struct bytes rest = value, name = bytes_cut(&rest, ':');
    bool control = bytes_find(value, '\r') < value.size || bytes_find(value, '\n') < value.size;

    if (!is_token(name) || name.size == value.size || control)
        return fault_say(fault, ERR_SYNTAX, "%s: write a field as 'Name: value', not \"%.*s\"",
                         option->name, BYTES_ARG(value));
    if (bytes_equal_nocase(name, BYTES("content-length")) ||
        bytes_equal_nocase(name, BYTES("transfer-encoding")))
        return fault_say(fault, ERR_DENIED, "%s: the length of the body is written by itself",
                         option->name);
    if (plan->field_count == PLAN_FIELDS_MAX)
        return fault_say(fault, ERR_FULL, "at most %d header fields are possible", PLAN_FIELDS_MAX);
    plan->fields[plan->field_count++] = value;
    return ERR_OK;
}

static enum err add_target(struct plan *plan, struct bytes target, struct fault *fault)
{
    if (plan->target_count == PLAN_ROUTES_MAX)
        return fault_say(fault, ERR_FULL, "one run has at most %d routes", PLAN_ROUTES_MAX);
    plan->targets[plan->target_count++] = target;
    return ERR_OK;
}

static enum err set_COMMAND(struct plan *plan, const struct option *option, struct bytes value,
                            struct fault *fault)
{
    (void)option;
    return add_target(plan, value, fault);
}

/* "get=9,set=1" becomes the commands "9@get" and "1@set". */
static enum err set_MIX(struct plan *plan, const struct option *option, struct bytes value,
                        struct fault *fault)
{
    while (value.size > 0) {
        struct bytes weight = bytes_cut(&value, ','), name = bytes_cut(&weight, '=');
        char text[64];
        uint64_t number = 1;

        if ((!bytes_equal_nocase(name, BYTES("get")) && !bytes_equal_nocase(name, BYTES("set"))) ||
            (weight.size > 0 && number_u64(weight, &number) != ERR_OK))
            return fault_say(
                fault, ERR_SYNTAX, "%s is a list such as get=9,set=1%s", option->name,
                plan->protocol == PLAN_RESP ? "; other commands are written with --command" : "");
        if (number == 0)
            continue;
        int size =
            snprintf(text, sizeof text, "%llu@%.*s", (unsigned long long)number, BYTES_ARG(name));
        struct bytes copy = arena_copy(&plan->arena, bytes_of(text, (size_t)size));

        TRY(add_target(plan, copy, fault));
    }
    return ERR_OK;
}

/* "64" or "16-64KiB". */
static enum err read_sizes(const struct option *option, struct bytes value, uint64_t max,
                           uint64_t sizes[2], struct fault *fault)
{
    struct bytes high = value, low = bytes_cut(&high, '-');

    if (low.size == value.size)
        high = low;
    if (number_size(low, &sizes[0]) != ERR_OK || number_size(high, &sizes[1]) != ERR_OK)
        return fault_say(fault, ERR_SYNTAX,
                         "%s takes a size such as 64 or 16KiB, or two with a dash between them, "
                         "not \"%.*s\"",
                         option->name, BYTES_ARG(value));
    if (sizes[0] > sizes[1] || sizes[1] > max)
        return fault_say(fault, ERR_RANGE, "%s %.*s: must go upwards and end at %llu bytes",
                         option->name, BYTES_ARG(value), (unsigned long long)max);
    return ERR_OK;
}

static enum err set_VALUES(struct plan *plan, const struct option *option, struct bytes value,
                           struct fault *fault)
{
    uint64_t sizes[2];

    TRY(read_sizes(option, value, PLAN_VALUE_MAX, sizes, fault));
    plan->value_low = sizes[0];
    plan->value_high = sizes[1];
    return ERR_OK;
}

static enum err set_SIZES(struct plan *plan, const struct option *option, struct bytes value,
                          struct fault *fault)
{
    uint64_t sizes[2];

    TRY(read_sizes(option, value, INT64_MAX, sizes, fault));
    plan->has_expected_size = true;
    plan->expected_size_low = sizes[0];
    plan->expected_size_high = sizes[1];
    return ERR_OK;
}

/* ---- the table --------------------------------------------------------------------------- */

static const struct option options[] = {
#define OPTION(field, name, value, kind, doors, lowest, highest, text)                             \
    {name, value, set_##kind, offsetof(struct plan, field), doors, lowest, highest, text},
#include "bench/option.def"
#undef OPTION
};

enum { OPTIONS_COUNT = sizeof options / sizeof *options };

static unsigned door_of(enum plan_protocol protocol)
{
    static const unsigned doors[] = {
        [PLAN_HTTP] = HTTP, [PLAN_RESP] = RESP, [PLAN_MEMCACHED] = MEMCACHED};

    return doors[protocol];
}

static const struct option *option_find(enum plan_protocol protocol, struct bytes name)
{
    if (bytes_equal(name, BYTES("-H")))
        name = BYTES("--header");
    if (bytes_equal(name, BYTES("-h")))
        name = BYTES("--help");
    for (unsigned i = 0; i < OPTIONS_COUNT; i++)
        if ((options[i].doors & door_of(protocol)) != 0 &&
            bytes_equal(name, bytes_of_text(options[i].name)))
            return &options[i];
    return NULL;
}

static enum err say_unknown(enum plan_protocol protocol, struct bytes name, struct fault *fault)
{
    const char *names[OPTIONS_COUNT];
    size_t count = 0;

    for (unsigned i = 0; i < OPTIONS_COUNT; i++)
        if ((options[i].doors & door_of(protocol)) != 0)
            names[count++] = options[i].name;
    const char *near = guess(name, names, count);

    return fault_say(fault, ERR_SYNTAX, "%.*s is no option here%s%s%s; --help lists them",
                     BYTES_ARG(name), near == NULL ? "" : "; did you mean ",
                     near == NULL ? "" : near, near == NULL ? "" : "?");
}

static enum err read_plain(struct plan *plan, struct bytes word, struct fault *fault)
{
    if (plan->protocol == PLAN_HTTP)
        return add_target(plan, word, fault);
    plan->place = word;
    return ERR_OK;
}

enum err option_read(struct plan *plan, int argc, char **argv, struct fault *fault)
{
    for (int i = 1; i < argc; i++) {
        struct bytes value = bytes_of_text(argv[i]), name = value;

        if (name.size < 2 || name.data[0] != '-') {
            TRY(read_plain(plan, name, fault));
            continue;
        }
        if (bytes_begin_with(name, BYTES("--")))
            name = bytes_cut(&value, '=');
        const struct option *option = option_find(plan->protocol, name);
        bool inside = name.size < strlen(argv[i]); /* --name=value */

        if (option == NULL)
            return say_unknown(plan->protocol, name, fault);
        if (!inside)
            value = BYTES("");
        if (!inside && option->value[0] != '\0') {
            if (i + 1 == argc)
                return fault_say(fault, ERR_SYNTAX, "%s needs a value: %s %s", option->name,
                                 option->name, option->value);
            value = bytes_of_text(argv[++i]);
        }
        TRY(option->set(plan, option, value, fault));
    }
    return ERR_OK;
}

void option_help(enum plan_protocol protocol, struct buf *out)
{
    if (protocol == PLAN_HTTP)
        buf_add_text(
            out, "larder bench http URL... [options]: how fast an HTTP server answers.\n\n"
                 "A URL may have gaps: {key} is drawn among --keys, {1-2000} is a number of that "
                 "range.\nSeveral URLs are mixed; 3@http://... is asked three times as often.\n\n");
    else if (protocol == PLAN_MEMCACHED)
        buf_add_text(out, "larder bench memcached [HOST:PORT] [options]: how fast memcached "
                          "answers, in its text\nprotocol.\nDefault: 127.0.0.1:11211, get of a "
                          "million keys key:000000000000...\n\n");
    else
        buf_add_text(out, "larder bench resp [HOST:PORT] [options]: how fast a server of the "
                          "Redis protocol answers.\nDefault: 127.0.0.1:6379, GET of a million "
                          "keys key:000000000000...\n\n");
    for (unsigned i = 0; i < OPTIONS_COUNT; i++)
        if ((options[i].doors & door_of(protocol)) != 0)
            buf_printf(out, "  %-15s %-5s  %s\n", options[i].name, options[i].value,
                       options[i].text);
    buf_add_text(out,
                 "\nWithout --rate the loop is closed: each connection sends its next request when "
                 "the last\nanswer is there. With --rate it is open: requests are due by the "
                 "clock, and a latency\ncounts from then, so that a stalled server cannot hide "
                 "behind a client that waits.\n\n"
                 "Exit status: 0 measured, every answer right; 1 wrong answers, or nothing to "
                 "measure;\n2 the command line; 3 INVALID: this client was the bottleneck.\n");
}
