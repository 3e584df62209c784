/* cache_plan.c: the command line of `larder bench cache`. SPDX-License-Identifier: MIT */
#include "base/guess.h"
#include "base/mem.h"
#include "base/number.h"
#include "bench/cache_bench.h"
#include "bench/mixture.h"
#include "cache/policy.h"

#include <unistd.h>

enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, REQUESTS_HIGHEST = 100000000 };

static const char usage[] =
    "usage: larder bench cache [--trace FILE[,FILE...]] [--capacity SHARE[,SHARE...]]\n"
    "                          [--mode objects|bytes] [--policy NAME[,NAME...]]\n"
    "                          [--objective requests|bytes] [--json]\n";

static const char help[] =
    "\n"
    "Replays requests through the engine's own eviction policies and tells how many were misses.\n"
    "\n"
    "  --trace FILE,...      recorded requests (NAME.ltr.zst: zstd of 16-byte little-endian\n"
    "                        records: u64 object id from 1, u32 size, u32 seconds). Without it:\n"
    "                        mixtures made here, listed below\n"
    "  --capacity SHARE,...  of the working set, as 1% or 0.01 (default 1%,10%)\n"
    "  --mode objects        every object counts 1, the capacity is a number of objects (default)\n"
    "  --mode bytes          by size, the capacity is a number of bytes\n"
    "  --policy NAME,...     policies, or all (default s3fifo); lru-exact is the textbook's, with "
    "a\n"
    "                        list, to measure others against\n"
    "  --objective requests  what s3fifo shall save: requests to the origin (default), or bytes\n"
    "  --json                a JSON list of rows in place of the table\n"
    "  --seed N              of the hash and of the mixtures (default 1)\n"
    "  --requests N          of each mixture (default 1000000)\n"
    "  --help                this text\n"
    "\n"
    "Columns: share and capacity of the cache; requests; misses; miss, the share of requests that\n"
    "missed; bytes, the share of bytes that did. Every first request of an object is a miss.\n";

static const char *const option_names[] = {"--trace",  "--capacity", "--mode",
                                           "--policy", "--json",     "--objective",
                                           "--seed",   "--requests", "--help"};

static void print_help(void)
{
    (void)fputs(usage, stdout);
    (void)fputs(help, stdout);
    (void)fputs("\npolicies:", stdout);
    for (const char *const *name = policy_names(); *name != NULL; name++)
        (void)printf(" %s", *name);
    (void)fputs("\nmixtures:\n", stdout);
    for (size_t i = 0; i < mixture_count(); i++)
        (void)printf("  %-10s  %s\n", mixture_name(i), mixture_text(i));
}

/* ---- values ------------------------------------------------------------------------------ */

typedef enum err item_fn(struct cache_bench_options *options, char *item, struct fault *fault);

/* Cuts the list at its commas (in place) and reads each item. */
static enum err read_list(struct cache_bench_options *options, char *list, item_fn *read,
                          struct fault *fault)
{
    for (char *item = list; item != NULL;) {
        char *comma = strchr(item, ',');

        if (comma != NULL)
            *comma = '\0';
        if (*item == '\0')
            return fault_say(fault, ERR_SYNTAX, "there is an empty item between commas");
        TRY(read(options, item, fault));
        item = comma == NULL ? NULL : comma + 1;
    }
    return ERR_OK;
}

static enum err read_trace(struct cache_bench_options *options, char *item, struct fault *fault)
{
    if (options->trace_count == CACHE_BENCH_TRACES_MAX)
        return fault_say(fault, ERR_TOO_BIG, "more than %d traces", CACHE_BENCH_TRACES_MAX);
    options->traces[options->trace_count++] = item;
    return ERR_OK;
}

static enum err read_capacity(struct cache_bench_options *options, char *item, struct fault *fault)
{
    struct bytes text = bytes_of_text(item);
    bool percent = text.size > 0 && text.data[text.size - 1] == '%';
    double share = 0.0;

    if (percent)
        text.size--;
    if (number_double(text, &share) != ERR_OK)
        return fault_say(fault, ERR_SYNTAX, "'%s' is no share: write 1%% or 0.01", item);
    if (percent)
        share /= 100.0;
    if (!(share > 0.0) || share > 1.0)
        return fault_say(fault, ERR_RANGE, "'%s' is out of range: above 0%% and up to 100%%", item);
    if (options->capacity_count == CACHE_BENCH_CAPACITIES_MAX)
        return fault_say(fault, ERR_TOO_BIG, "more than %d shares", CACHE_BENCH_CAPACITIES_MAX);
    options->capacities[options->capacity_count++] = share;
    return ERR_OK;
}

static enum err add_policy(struct cache_bench_options *options, const char *name,
                           struct fault *fault)
{
    if (options->policy_count == CACHE_BENCH_POLICIES_MAX)
        return fault_say(fault, ERR_TOO_BIG, "more than %d policies", CACHE_BENCH_POLICIES_MAX);
    options->policies[options->policy_count++] = name;
    return ERR_OK;
}

static enum err read_policy(struct cache_bench_options *options, char *item, struct fault *fault)
{
    const char *names[CACHE_BENCH_POLICIES_MAX] = {REPLAY_LRU_EXACT};
    const char *near = NULL;
    size_t count = 0;
    bool all = strcmp(item, "all") == 0;
    bool found = all;

    for (size_t i = 0; policy_names()[i] != NULL && i + 1 < CACHE_BENCH_POLICIES_MAX; i++)
        names[i + 1] = policy_names()[i];
    for (; count < CACHE_BENCH_POLICIES_MAX && names[count] != NULL; count++) {
        /* Objects of a trace never end, so these are what the others are. */
        if (all ? strncmp(names[count], "volatile-", 9) == 0 : strcmp(names[count], item) != 0)
            continue;
        found = true;
        TRY(add_policy(options, names[count], fault));
    }
    if (found)
        return ERR_OK;
    near = guess(bytes_of_text(item), names, count);
    if (near != NULL)
        return fault_say(fault, ERR_MISS, "there is no policy '%s'; did you mean %s?", item, near);
    return fault_say(fault, ERR_MISS, "there is no policy '%s'; see --help for their names", item);
}

/* One of two words; `what` they are about. */
static enum err read_word(const char *what, const char *const words[2], const char *value,
                          unsigned *ret_number, struct fault *fault)
{
    const char *near = value[0] == '\0' ? NULL : guess(bytes_of_text(value), words, 2);

    for (unsigned i = 0; i < 2; i++) {
        if (strcmp(value, words[i]) != 0)
            continue;
        *ret_number = i;
        return ERR_OK;
    }
    if (near != NULL)
        return fault_say(fault, ERR_SYNTAX, "there is no %s '%s'; did you mean %s?", what, value,
                         near);
    return fault_say(fault, ERR_SYNTAX, "there is no %s '%s': it is %s or %s", what, value,
                     words[0], words[1]);
}

static enum err read_mode(struct cache_bench_options *options, const char *value,
                          struct fault *fault)
{
    static const char *const modes[] = {"objects", "bytes"};
    unsigned number = 0;

    TRY(read_word("mode", modes, value, &number, fault));
    options->mode = (enum replay_mode)number;
    return ERR_OK;
}

static enum err read_objective(struct cache_bench_options *options, const char *value,
                               struct fault *fault)
{
    unsigned number = 0;

    TRY(read_word("objective", policy_objective_names(), value, &number, fault));
    options->objective = (enum policy_objective)number;
    return ERR_OK;
}

static enum err read_number(const char *name, const char *value, uint64_t lowest, uint64_t highest,
                            uint64_t *ret_number, struct fault *fault)
{
    uint64_t number = 0;

    if (number_u64(bytes_of_text(value), &number) != ERR_OK || number < lowest || number > highest)
        return fault_say(fault, ERR_RANGE, "%s takes a whole number from %llu to %llu, not '%s'",
                         name, (unsigned long long)lowest, (unsigned long long)highest, value);
    *ret_number = number;
    return ERR_OK;
}

/* ---- options ----------------------------------------------------------------------------- */

struct words {
    char **items; /* copies of the command line's */
    size_t count;
    size_t at;
    bool help;
};

static bool is(const char *name, const char *option)
{
    return strcmp(name, option) == 0;
}

static enum err read_option(struct cache_bench_options *options, const char *name, char *value,
                            struct fault *fault)
{
    uint64_t number = 0;

    if (is(name, "--trace"))
        return read_list(options, value, read_trace, fault);
    if (is(name, "--capacity"))
        return read_list(options, value, read_capacity, fault);
    if (is(name, "--policy"))
        return read_list(options, value, read_policy, fault);
    if (is(name, "--mode"))
        return read_mode(options, value, fault);
    if (is(name, "--objective"))
        return read_objective(options, value, fault);
    if (is(name, "--seed"))
        return read_number(name, value, 0, UINT64_MAX, &options->seed, fault);
    TRY(read_number(name, value, 1, REQUESTS_HIGHEST, &number, fault));
    options->requests = (size_t)number;
    return ERR_OK;
}

static enum err unknown(const char *word, struct fault *fault)
{
    size_t count = sizeof option_names / sizeof option_names[0];
    const char *near = guess(bytes_of_text(word), option_names, count);

    if (near != NULL)
        return fault_say(fault, ERR_SYNTAX, "unknown option '%s'; did you mean %s?", word, near);
    if (word[0] != '-')
        return fault_say(fault, ERR_SYNTAX, "'%s' stands alone; for a file write --trace %s", word,
                         word);
    return fault_say(fault, ERR_SYNTAX, "unknown option '%s'", word);
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < sizeof option_names / sizeof option_names[0]; i++) {
        if (is(name, option_names[i]))
            return true;
    }
    return false;
}

/* Reads the option in words[*at] and the value behind it, if it takes one. Words are cut in place:
 * `--name=value` at its '=', lists at commas. */
static enum err read_argument(struct cache_bench_options *options, struct words *words,
                              struct fault *fault)
{
    char *name = words->items[words->at++];
    char *value = name[0] == '-' ? strchr(name, '=') : NULL;
    bool bare = false;

    if (value != NULL)
        *value++ = '\0';
    if (!is_known(name) && !is(name, "-h"))
        return unknown(name, fault);
    bare = is(name, "--json") || is(name, "--help") || is(name, "-h");
    if (bare && value != NULL)
        return fault_say(fault, ERR_SYNTAX, "%s takes no value", name);
    if (is(name, "--json"))
        options->json = true;
    else if (bare)
        words->help = true;
    if (bare)
        return ERR_OK;
    if (value == NULL && words->at < words->count)
        value = words->items[words->at++];
    if (value == NULL)
        return fault_say(fault, ERR_SYNTAX, "%s needs a value behind it", name);
    return read_option(options, name, value, fault);
}

static enum err read_words(struct cache_bench_options *options, struct words *words,
                           struct fault *fault)
{
    while (words->at < words->count)
        TRY(read_argument(options, words, fault));
    return ERR_OK;
}

static enum err set_defaults(struct cache_bench_options *options, struct fault *fault)
{
    if (options->capacity_count == 0) {
        options->capacities[options->capacity_count++] = 0.01;
        options->capacities[options->capacity_count++] = 0.1;
    }
    return options->policy_count > 0 ? ERR_OK : add_policy(options, policy_names()[0], fault);
}

static int complain(const struct fault *fault, int status)
{
    (void)fputs("larder bench cache: ", stderr);
    fault_print(fault, stderr);
    if (status == STATUS_USAGE)
        (void)fputs("Try 'larder bench cache --help'.\n", stderr);
    return status;
}

int bench_cache_main(int argc, char **argv)
{
    struct cache_bench_options options = {
        .seed = 1, .requests = MIXTURE_REQUESTS, .progress = isatty(STDERR_FILENO) != 0};
    struct words words = {.count = argc > 1 ? (size_t)argc - 1 : 0};
    struct fault fault = {0};
    enum err err = ERR_OK;
    int status = STATUS_DONE;

    words.items = mem_new(words.count + 1, sizeof *words.items);
    for (size_t i = 0; i < words.count; i++)
        words.items[i] = mem_copy_text(argv[i + 1]);
    err = read_words(&options, &words, &fault);
    if (err == ERR_OK)
        err = set_defaults(&options, &fault);
    if (err != ERR_OK)
        status = complain(&fault, STATUS_USAGE);
    else if (words.help)
        print_help();
    else if (bench_cache(&options, stdout, &fault) != ERR_OK)
        status = complain(&fault, STATUS_FAILED);
    for (size_t i = 0; i < words.count; i++)
        mem_free(&words.items[i]);
    mem_free(&words.items);
    return status;
}
