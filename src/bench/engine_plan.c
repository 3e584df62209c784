/* engine_plan.c: the command line of `larder bench engine`. SPDX-License-Identifier: MIT */
#include "bench/engine.h"

#include "base/guess.h"
#include "base/number.h"
#include "bench/engine_worker.h"
#include "cache/policy.h"

enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

static const char help[] =
    "usage: larder bench engine [--items N] [--value-size SIZE] [--threads N] [--duration TIME]\n"
    "                           [--zipf S,...] [--phase NAME,...] [--memory SIZE] [--policy NAME]\n"
    "                           [--json]\n"
    "\n"
    "Measures the engine alone, in this process.\n"
    "\n"
    "  --items N          how many items (1000000)\n"
    "  --value-size SIZE  bytes of each value, up to 1MiB (64)\n"
    "  --threads N        the most threads; measured are 1, 2, 4 ... and N (1)\n"
    "  --duration TIME    of each measurement (1s)\n"
    "  --zipf S,...       popularity: 0 all alike, 1 as on the web; several: one after the other\n"
    "                     (0,0.99)\n"
    "  --phase NAME,...   what is measured behind the fill (all)\n"
    "  --memory SIZE      the engine's limit (room for all items)\n"
    "  --policy NAME      of eviction (the server's default)\n"
    "  --json             the result as JSON\n"
    "  --help             this text\n"
    "\n"
    "Columns: popularity; threads; operations a second of all threads, and as a multiple of one\n"
    "thread's; nanoseconds of processor time an operation takes its thread, key and hash "
    "included;\n"
    "how long sixteen operations took, the turns of the thread's loop included: one in ten "
    "thousand\n"
    "took longer than `late`, none longer than `worst`; look-ups that found something; writes\n"
    "refused.\n"
    "\n"
    "phases:\n";

enum option {
    OPTION_ITEMS,
    OPTION_VALUE_SIZE,
    OPTION_THREADS,
    OPTION_DURATION,
    OPTION_ZIPF,
    OPTION_PHASE,
    OPTION_MEMORY,
    OPTION_POLICY,
    OPTION_JSON, /* from here on without a value */
    OPTION_HELP,
    OPTIONS,
};

static const char *const names[OPTIONS] = {"--items", "--value-size", "--threads", "--duration",
                                           "--zipf",  "--phase",      "--memory",  "--policy",
                                           "--json",  "--help"};

static enum err in_range(uint64_t number, uint64_t low, uint64_t high)
{
    return number < low || number > high ? ERR_RANGE : ERR_OK;
}

static enum err read_duration(struct bytes text, int64_t *ret_ms)
{
    TRY(number_duration(text, ret_ms));
    return *ret_ms < 1 || *ret_ms > 3600000 ? ERR_RANGE : ERR_OK;
}

static enum err read_exponents(struct engine_bench *options, struct bytes list)
{
    options->exponent_count = 0;
    while (list.size > 0) {
        double *exponent = &options->exponents[options->exponent_count];

        if (options->exponent_count++ == ENGINE_LAWS_MAX)
            return ERR_FULL;
        TRY(number_double(bytes_cut(&list, ','), exponent));
        if (!(*exponent >= 0.0 && *exponent <= 20.0))
            return ERR_RANGE;
    }
    return options->exponent_count == 0 ? ERR_SYNTAX : ERR_OK;
}

static enum err read_phase(struct engine_bench *options, struct bytes name)
{
    for (enum engine_phase phase = ENGINE_FILL + 1; phase < ENGINE_PHASES; phase++) {
        if (bytes_equal(name, bytes_of_text(engine_phase_name(phase)))) {
            options->phases |= 1U << phase;
            return ERR_OK;
        }
    }
    return ERR_MISS;
}

static enum err read_phases(struct engine_bench *options, struct bytes list)
{
    options->phases = 0;
    while (list.size > 0)
        TRY(read_phase(options, bytes_cut(&list, ',')));
    return options->phases == 0 ? ERR_SYNTAX : ERR_OK;
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

static enum err read_value(struct engine_bench *options, enum option option, const char *value)
{
    struct bytes text = bytes_of_text(value);

    switch (option) {
    case OPTION_ITEMS:
        TRY(number_u64(text, &options->items));
        return in_range(options->items, 1, 1000000000);
    case OPTION_VALUE_SIZE:
        TRY(number_size(text, &options->value_bytes));
        return in_range(options->value_bytes, 0, ENGINE_VALUE_MAX);
    case OPTION_THREADS:
        TRY(number_u64(text, &options->threads));
        return in_range(options->threads, 1, ENGINE_THREADS_MAX);
    case OPTION_DURATION:
        return read_duration(text, &options->phase_ms);
    case OPTION_ZIPF:
        return read_exponents(options, text);
    case OPTION_PHASE:
        return read_phases(options, text);
    case OPTION_MEMORY:
        TRY(number_size(text, &options->memory_max));
        return in_range(options->memory_max, 8 << 20, (uint64_t)128 << 30);
    case OPTION_POLICY:
        return read_policy(value, &options->policy);
    case OPTION_JSON:
    case OPTION_HELP:
    case OPTIONS:
        break;
    }
    options->json = options->json || option == OPTION_JSON;
    return ERR_OK;
}

static enum option find_option(const char *word)
{
    enum option option = OPTION_ITEMS;

    while (option < OPTIONS && strcmp(names[option], word) != 0)
        option++;
    return option;
}

static enum err read_line(struct engine_bench *options, int argc, char **argv, struct fault *fault)
{
    for (int i = 1; i < argc; i++) {
        enum option option = find_option(argv[i]);
        const char *name = argv[i], *value = "";

        if (option == OPTIONS) {
            const char *near = guess(bytes_of_text(name), names, OPTIONS);

            return fault_say(fault, ERR_SYNTAX, "there is no option %s%s%s", name,
                             near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
        }
        if (option < OPTION_JSON) {
            if (i + 1 == argc)
                return fault_say(fault, ERR_SYNTAX, "%s needs a value", name);
            value = argv[++i];
        }
        if (read_value(options, option, value) != ERR_OK)
            return fault_say(fault, ERR_SYNTAX, "'%s' does not fit %s; see --help", value, name);
    }
    return ERR_OK;
}

static void print_help(void)
{
    (void)fputs(help, stdout);
    for (enum engine_phase phase = ENGINE_FILL; phase < ENGINE_PHASES; phase++)
        (void)printf("  %-8s  %s\n", engine_phase_name(phase), engine_phase_text(phase));
}

int bench_engine_main(int argc, char **argv)
{
    struct engine_bench options = {.items = 1000000,
                                   .value_bytes = 64,
                                   .threads = 1,
                                   .phase_ms = 1000,
                                   .exponents = {0, 0.99},
                                   .exponent_count = 2,
                                   .phases = UINT32_MAX,
                                   .policy = policy_names()[0]};
    struct fault fault = {.line = 0};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help();
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
