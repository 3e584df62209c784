/* aside_plan.c: the command line of `larder bench replay`, and its report.
 * SPDX-License-Identifier: MIT
 */
#include "base/buf.h"
#include "base/guess.h"
#include "base/number.h"
#include "bench/aside.h"
#include "bench/mixture.h"

#include <errno.h>
#include <unistd.h>

enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, REQUESTS_HIGHEST = 100000000 };
enum { JSON_MAX = 1 << 16, BAR_WIDTH = 30 };

static const char help[] =
    "usage: larder bench replay --to redis://HOST:PORT|memcached://HOST:PORT [--trace FILE]\n"
    "                           [--value-size SIZE|FROM-TO] [--pipeline N] [--json] ...\n"
    "\n"
    "Replays requests cache-aside against a running server, which should be empty: a GET, and "
    "when\n"
    "there is nothing a SET. Tells how many requests missed.\n"
    "\n"
    "  --to URL           the server, redis:// or memcached:// (redis://127.0.0.1:6379)\n"
    "  --trace FILE       recorded requests (NAME.ltr.zst, as for larder bench cache)\n"
    "  --mixture NAME     without a trace: requests made here, listed below (the first)\n"
    "  --requests N       how many are made (1000000)\n"
    "  --seed N           another seed makes others (1)\n"
    "  --value-size SIZE  bytes of every value, or FROM-TO: drawn once for each object, as many\n"
    "                     below as above the geometric mean (the sizes of the trace)\n"
    "  --pipeline N       requests under way at a time, up to 1024 (64). A batch ends before an\n"
    "                     object that is in it already, so misses do not depend on it\n"
    "  --json             the result as JSON\n"
    "  --allow-remote     the server may be another machine\n"
    "  --help             this text\n"
    "\n"
    "Keys have 16 bytes. Exit status: 0 done, every value right; 1 wrong values, or no server;\n"
    "2 the command line.\n";

struct aside_plan {
    const char *trace_path;
    const char *to;
    size_t mixture;
    uint64_t requests;
    uint64_t seed;
    uint64_t pipeline;
    uint64_t size_low;
    uint64_t size_high;
    bool json;
    bool allow_remote;
    bool help;
};

/* ---- the command line -------------------------------------------------------------------- */

static void print_help(void)
{
    (void)fputs(help, stdout);
    (void)fputs("\nmixtures:\n", stdout);
    for (size_t i = 0; i < mixture_count(); i++)
        (void)printf("  %-10s  %s\n", mixture_name(i), mixture_text(i));
}

static enum err read_count(const char *name, const char *value, uint64_t lowest, uint64_t highest,
                           uint64_t *ret_number, struct fault *fault)
{
    uint64_t number = 0;

    if (number_u64(bytes_of_text(value), &number) != ERR_OK || number < lowest || number > highest)
        return fault_say(fault, ERR_RANGE, "%s takes a whole number from %llu to %llu, not '%s'",
                         name, (unsigned long long)lowest, (unsigned long long)highest, value);
    *ret_number = number;
    return ERR_OK;
}

static enum err read_sizes(struct aside_plan *plan, const char *value, struct fault *fault)
{
    struct bytes high = bytes_of_text(value), whole = high, low = bytes_cut(&high, '-');
    uint64_t from = 0, to = 0;

    if (low.size == whole.size)
        high = low;
    if (number_size(low, &from) != ERR_OK || number_size(high, &to) != ERR_OK)
        return fault_say(fault, ERR_SYNTAX,
                         "--value-size takes a size such as 200 or 16KiB, or two with a dash "
                         "between them, not '%s'",
                         value);
    if (from < 1 || from > to || to > WIRE_VALUE_MAX)
        return fault_say(fault, ERR_RANGE,
                         "--value-size '%s' must go upwards, from 1 to %d bytes at the most", value,
                         WIRE_VALUE_MAX);
    plan->size_low = from;
    plan->size_high = to;
    return ERR_OK;
}

static enum err read_mixture(struct aside_plan *plan, const char *value, struct fault *fault)
{
    for (size_t i = 0; i < mixture_count(); i++) {
        if (strcmp(mixture_name(i), value) == 0) {
            plan->mixture = i;
            return ERR_OK;
        }
    }
    return fault_say(fault, ERR_MISS, "there is no mixture '%s'; see --help for their names",
                     value);
}

enum option {
    OPTION_TRACE,
    OPTION_TO,
    OPTION_MIXTURE,
    OPTION_REQUESTS,
    OPTION_SEED,
    OPTION_VALUE_SIZE,
    OPTION_PIPELINE,
    OPTION_JSON, /* from here on without a value */
    OPTION_ALLOW_REMOTE,
    OPTION_HELP,
    OPTIONS,
};

static const char *const names[OPTIONS] = {
    "--trace",      "--to",       "--mixture", "--requests",     "--seed",
    "--value-size", "--pipeline", "--json",    "--allow-remote", "--help"};

static enum err read_value(struct aside_plan *plan, enum option option, const char *value,
                           struct fault *fault)
{
    switch (option) {
    case OPTION_TRACE:
        plan->trace_path = value;
        return ERR_OK;
    case OPTION_TO:
        plan->to = value;
        return ERR_OK;
    case OPTION_MIXTURE:
        return read_mixture(plan, value, fault);
    case OPTION_REQUESTS:
        return read_count(names[option], value, 1, REQUESTS_HIGHEST, &plan->requests, fault);
    case OPTION_SEED:
        return read_count(names[option], value, 0, UINT64_MAX, &plan->seed, fault);
    case OPTION_VALUE_SIZE:
        return read_sizes(plan, value, fault);
    case OPTION_PIPELINE:
        return read_count(names[option], value, 1, ASIDE_BATCH_MAX, &plan->pipeline, fault);
    case OPTION_JSON:
        plan->json = true;
        return ERR_OK;
    case OPTION_ALLOW_REMOTE:
        plan->allow_remote = true;
        return ERR_OK;
    case OPTION_HELP:
    case OPTIONS:
        break;
    }
    plan->help = true;
    return ERR_OK;
}

static enum err find_option(const char *word, enum option *ret_option, struct fault *fault)
{
    for (enum option option = 0; option < OPTIONS; option++) {
        if (strcmp(names[option], word) == 0) {
            *ret_option = option;
            return ERR_OK;
        }
    }
    const char *near = guess(bytes_of_text(word), names, OPTIONS);

    return fault_say(fault, ERR_SYNTAX, "there is no option '%s'%s%s", word,
                     near == NULL ? "; see --help" : "; did you mean ", near == NULL ? "" : near);
}

static enum err read_line(struct aside_plan *plan, int argc, char **argv, struct fault *fault)
{
    for (int i = 1; i < argc; i++) {
        enum option option = OPTION_HELP;
        const char *value = "";

        if (strcmp(argv[i], "-h") != 0)
            TRY(find_option(argv[i], &option, fault));
        if (option < OPTION_JSON) {
            if (i + 1 == argc)
                return fault_say(fault, ERR_SYNTAX, "%s needs a value behind it", argv[i]);
            value = argv[++i];
        }
        TRY(read_value(plan, option, value, fault));
    }
    return ERR_OK;
}

/* ---- the run ----------------------------------------------------------------------------- */

static void show_progress(void *context, size_t done)
{
    const struct trace *trace = context;
    double share = (double)done / (double)trace->request_count;
    int filled = (int)(share * BAR_WIDTH);

    (void)fprintf(stderr, "\r[%.*s%*s] %3.0f %%  %s\033[K", filled,
                  "##############################", BAR_WIDTH - filled, "", share * 100.0,
                  trace->name);
}

static double ratio(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0.0 : (double)part / (double)whole;
}

static void print_text(const struct aside_plan *plan, const struct trace *trace,
                       const struct aside_result *result)
{
    double seconds = (double)result->elapsed_ns / 1e9;

    (void)printf("trace       %s: %llu requests of %u objects\n", trace->name,
                 (unsigned long long)result->requests, trace->object_count);
    (void)printf("server      %s\n", plan->to);
    (void)printf("misses      %llu\n", (unsigned long long)result->misses);
    (void)printf("miss ratio  %.4f of the requests, %.4f of the bytes\n",
                 ratio(result->misses, result->requests),
                 ratio(result->miss_bytes, result->request_bytes));
    (void)printf("time        %.1f s, %.0f requests/s, %.1f in a batch of up to %llu\n", seconds,
                 (double)result->requests / seconds, ratio(result->requests, result->batches),
                 (unsigned long long)plan->pipeline);
    if (result->refused > 0)
        (void)printf("refused     %llu SETs: %s\n", (unsigned long long)result->refused,
                     result->why_refused);
    if (result->wrong > 0)
        (void)printf("WRONG       %llu values were not what was set; was the server empty?\n",
                     (unsigned long long)result->wrong);
}

static void print_json(const struct aside_plan *plan, const struct trace *trace,
                       const struct aside_result *result)
{
    double seconds = (double)result->elapsed_ns / 1e9;
    struct buf json;

    buf_init(&json, JSON_MAX, NULL);
    buf_add_text(&json, "{\"trace\": \"");
    buf_add_json(&json, bytes_of_text(trace->name));
    buf_add_text(&json, "\", \"server\": \"");
    buf_add_json(&json, bytes_of_text(plan->to));
    buf_printf(&json,
               "\", \"pipeline\": %llu, \"requests\": %llu, \"objects\": %u, \"misses\": %llu, "
               "\"miss_ratio\": %.6f, \"byte_miss_ratio\": %.6f, \"refused\": %llu, "
               "\"wrong\": %llu, \"batches\": %llu, \"duration_s\": %.3f, "
               "\"requests_per_s\": %.0f}\n",
               (unsigned long long)plan->pipeline, (unsigned long long)result->requests,
               trace->object_count, (unsigned long long)result->misses,
               ratio(result->misses, result->requests),
               ratio(result->miss_bytes, result->request_bytes),
               (unsigned long long)result->refused, (unsigned long long)result->wrong,
               (unsigned long long)result->batches, seconds, (double)result->requests / seconds);
    (void)fwrite(json.data, 1, json.size, stdout);
    buf_fini(&json);
}

static enum err replay(const struct aside_plan *plan, struct wire *wire, struct trace *trace,
                       struct fault *fault)
{
    bool bar = isatty(STDERR_FILENO) == 1;
    struct aside aside = {.trace = trace,
                          .batch_max = plan->pipeline,
                          .size_low = plan->size_low,
                          .size_high = plan->size_high,
                          .progress = bar ? show_progress : NULL,
                          .context = trace};
    struct aside_result result = {.requests = 0};
    enum err err = aside_run(&aside, wire, &result, fault);

    if (bar)
        (void)fputs("\r\033[K", stderr);
    TRY(err);
    if (plan->json)
        print_json(plan, trace, &result);
    else
        print_text(plan, trace, &result);
    if (fflush(stdout) != 0)
        return fault_say(fault, ERR_DISK, "the result cannot be written: %s", strerror(errno));
    return result.wrong == 0 ? ERR_OK
                             : fault_say(fault, ERR_PEER_BROKEN, "values were not what was set");
}

static enum err run(const struct aside_plan *plan, struct fault *fault)
{
    struct wire *wire = NULL;
    struct trace trace = {.request_count = 0};
    enum err err = wire_open(bytes_of_text(plan->to), plan->allow_remote, &wire, fault);

    if (err == ERR_OK)
        err = plan->trace_path != NULL
                  ? trace_load(&trace, plan->trace_path, fault)
                  : mixture_make(plan->mixture, plan->requests, plan->seed, &trace, fault);
    if (err == ERR_OK) {
        fault_at(fault, "", 0, 0);
        err = replay(plan, wire, &trace, fault);
        trace_fini(&trace);
    }
    wire_close(&wire);
    return err;
}

static int complain(const struct fault *fault, int status)
{
    (void)fputs("larder bench replay: ", stderr);
    fault_print(fault, stderr);
    if (status == STATUS_USAGE)
        (void)fputs("Try 'larder bench replay --help'.\n", stderr);
    return status;
}

int bench_replay_main(int argc, char **argv)
{
    struct aside_plan plan = {
        .to = "redis://127.0.0.1:6379", .requests = MIXTURE_REQUESTS, .seed = 1, .pipeline = 64};
    struct fault fault = {.line = 0};
    enum err err = read_line(&plan, argc, argv, &fault);

    if (err != ERR_OK)
        return complain(&fault, STATUS_USAGE);
    if (plan.help) {
        print_help();
        return STATUS_DONE;
    }
    err = run(&plan, &fault);
    if (err == ERR_OK)
        return STATUS_DONE;
    return complain(&fault, err == ERR_SYNTAX || err == ERR_DENIED ? STATUS_USAGE : STATUS_FAILED);
}
