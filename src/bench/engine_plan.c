/* engine_plan.c: the command line of `larder bench engine`. SPDX-License-Identifier: MIT */
#include "bench/engine.h"

#include "base/guess.h"
#include "base/number.h"
#include "cache/policy.h"

enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

static const char help[] =
    "usage: larder bench engine [--items N] [--value-size SIZE] [--threads N] [--duration TIME]\n"
    "                           [--zipf S] [--memory SIZE] [--policy NAME]\n"
    "\n"
    "Measures the engine alone, in this process: fill, get, get16, put, put16, mixed.\n"
    "\n"
    "  --items N          how many items (default 1000000)\n"
    "  --value-size SIZE  bytes of each value, up to 1MiB (default 64)\n"
    "  --threads N        threads that work at one time (default 1)\n"
    "  --duration TIME    of each phase but the first (default 2s)\n"
    "  --zipf S           popularity: 0 all alike, 1 as on the web (default 0)\n"
    "  --memory SIZE      the engine's limit (default: room for all items)\n"
    "  --policy NAME      of eviction (default s3fifo)\n"
    "  --help             this text\n"
    "\n"
    "Columns: operations a second of all threads; nanoseconds each takes its thread, the drawing\n"
    "of the key included; the longest stretch of 512 operations and one turn; look-ups that found\n"
    "something; writes refused.\n";

static const char *const names[] = {"--items", "--value-size", "--threads", "--duration",
                                    "--zipf",  "--memory",     "--policy",  "--help"};

enum { NAMES = sizeof names / sizeof names[0] };

static enum err in_range(uint64_t number, uint64_t low, uint64_t high)
{
    return number < low || number > high ? ERR_RANGE : ERR_OK;
}

static enum err read_duration(struct bytes text, int64_t *ret_ms)
{
    TRY(number_duration(text, ret_ms));
    return *ret_ms < 1 || *ret_ms > 3600000 ? ERR_RANGE : ERR_OK;
}

static enum err read_exponent(struct bytes text, double *ret_exponent)
{
    TRY(number_double(text, ret_exponent));
    return *ret_exponent < 0.0 || *ret_exponent > 20.0 ? ERR_RANGE : ERR_OK;
}

static enum err read_policy(const char *text, const char **ret_policy)
{
    for (const char *const *name = policy_names(); *name != NULL; name++) {
        if (strcmp(*name, text) == 0) {
            *ret_policy = *name;
            return ERR_OK;
        }
    }
    return ERR_SYNTAX;
}

static enum err read_value(struct engine_bench *options, unsigned option, const char *value)
{
    struct bytes text = bytes_of_text(value);

    switch (option) {
    case 0:
        TRY(number_u64(text, &options->items));
        return in_range(options->items, 1, 1000000000);
    case 1:
        TRY(number_size(text, &options->value_bytes));
        return in_range(options->value_bytes, 0, 1 << 20);
    case 2:
        TRY(number_u64(text, &options->threads));
        return in_range(options->threads, 1, 256);
    case 3:
        return read_duration(text, &options->phase_ms);
    case 4:
        return read_exponent(text, &options->exponent);
    case 5:
        TRY(number_size(text, &options->memory_max));
        return in_range(options->memory_max, 8 << 20, (uint64_t)128 << 30);
    default:
        return read_policy(value, &options->policy);
    }
}

static unsigned find_option(const char *word)
{
    unsigned i = 0;

    while (i < NAMES && strcmp(names[i], word) != 0)
        i++;
    return i;
}

static enum err read_line(struct engine_bench *options, int argc, char **argv, struct fault *fault)
{
    for (int i = 1; i < argc; i += 2) {
        unsigned option = find_option(argv[i]);
        const char *near = NULL;

        if (option == NAMES) {
            near = guess(bytes_of_text(argv[i]), names, NAMES);
            return fault_say(fault, ERR_SYNTAX, "there is no option %s%s%s", argv[i],
                             near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
        }
        if (i + 1 == argc)
            return fault_say(fault, ERR_SYNTAX, "%s needs a value", argv[i]);
        if (read_value(options, option, argv[i + 1]) != ERR_OK)
            return fault_say(fault, ERR_SYNTAX, "'%s' does not fit %s", argv[i + 1], argv[i]);
    }
    return ERR_OK;
}

int bench_engine_main(int argc, char **argv)
{
    struct engine_bench options = {
        .items = 1000000, .value_bytes = 64, .threads = 1, .phase_ms = 2000, .policy = "s3fifo"};
    struct fault fault = {.line = 0};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            (void)fputs(help, stdout);
            return STATUS_DONE;
        }
    }
    if (read_line(&options, argc, argv, &fault) != ERR_OK) {
        (void)fprintf(stderr, "larder bench engine: %s\n", fault.text);
        return STATUS_USAGE;
    }
    if (options.memory_max == 0)
        options.memory_max = (options.items * (options.value_bytes + 128)) * 3 / 2 + (32 << 20);
    if (bench_engine(&options, stdout, &fault) == ERR_OK)
        return STATUS_DONE;
    (void)fprintf(stderr, "larder bench engine: %s\n", fault.text);
    return STATUS_FAILED;
}
