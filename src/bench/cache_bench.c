/* cache_bench.c: runs and rows. SPDX-License-Identifier: MIT */
#include "bench/cache_bench.h"

#include "base/buf.h"
#include "base/must.h"
#include "bench/mixture.h"

#include <errno.h>
#include <inttypes.h>

enum { JSON_MAX = 64 << 20, BAR_WIDTH = 30, TRACE_WIDTH_MIN = 9 };

struct bench {
    const struct cache_bench_options *options;
    FILE *out;
    struct buf json;
    int trace_width;
    size_t runs;
    size_t runs_done;
    const struct replay *replay; /* the one that runs */
};

/* ---- progress ---------------------------------------------------------------------------- */

static void show_progress(void *context, size_t done)
{
    const struct bench *bench = context;
    const struct replay *replay = bench->replay;
    double share =
        ((double)done / (double)replay->trace->request_count + (double)bench->runs_done) /
        (double)bench->runs;
    int filled = (int)(share * BAR_WIDTH);

    (void)fprintf(stderr, "\r[%.*s%*s] %3.0f %%  %s, %s\033[K", filled,
                  "##############################", BAR_WIDTH - filled, "", share * 100.0,
                  replay->trace->name, replay->policy);
}

static void hide_progress(const struct bench *bench)
{
    if (bench->options->progress)
        (void)fputs("\r\033[K", stderr);
}

/* ---- rows -------------------------------------------------------------------------------- */

static const char *mode_name(enum replay_mode mode)
{
    return mode == REPLAY_OBJECTS ? "objects" : "bytes";
}

static double ratio(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0.0 : (double)part / (double)whole;
}

static void write_head(const struct bench *bench)
{
    (void)fprintf(bench->out, "%-*s  %-7s  %9s  %14s  %-10s  %11s  %11s  %8s  %8s\n",
                  bench->trace_width, "trace", "mode", "share", "capacity", "policy", "requests",
                  "misses", "miss", "bytes");
}

static void write_row(const struct bench *bench, const struct replay *replay,
                      const struct replay_result *result)
{
    (void)fprintf(
        bench->out,
        "%-*s  %-7s  %7.5g %%  %14" PRIu64 "  %-10s  %11" PRIu64 "  %11" PRIu64 "  %8.4f  %8.4f\n",
        bench->trace_width, replay->trace->name, mode_name(replay->mode), replay->fraction * 100.0,
        result->capacity, replay->policy, result->requests, result->misses,
        ratio(result->misses, result->requests), ratio(result->miss_bytes, result->request_bytes));
    (void)fflush(bench->out);
}

static void add_json(struct bench *bench, const struct replay *replay,
                     const struct replay_result *result)
{
    struct buf *json = &bench->json;

    buf_add_text(json, json->size == 0 ? "[\n  {\"trace\": \"" : ",\n  {\"trace\": \"");
    buf_add_json(json, bytes_of_text(replay->trace->name));
    buf_printf(json,
               "\", \"mode\": \"%s\", \"policy\": \"%s\", \"capacity_fraction\": %.10g, "
               "\"capacity\": %" PRIu64 ", \"requests\": %" PRIu64 ", \"misses\": %" PRIu64
               ", \"miss_ratio\": %.6f, \"byte_miss_ratio\": %.6f}",
               mode_name(replay->mode), replay->policy, replay->fraction, result->capacity,
               result->requests, result->misses, ratio(result->misses, result->requests),
               ratio(result->miss_bytes, result->request_bytes));
}

static enum err finish(struct bench *bench, struct fault *fault)
{
    if (bench->options->json) {
        buf_add_text(&bench->json, bench->json.size == 0 ? "[]\n" : "\n]\n");
        TRY(buf_failed(&bench->json));
        (void)fwrite(bench->json.data, 1, bench->json.size, bench->out);
    }
    if (fflush(bench->out) != 0 || ferror(bench->out))
        return fault_say(fault, ERR_DISK, "the result cannot be written: %s", strerror(errno));
    return ERR_OK;
}

/* ---- runs -------------------------------------------------------------------------------- */

static enum err run_trace(struct bench *bench, const struct trace *trace, struct fault *fault)
{
    const struct cache_bench_options *options = bench->options;
    struct replay replay = {.trace = trace,
                            .mode = options->mode,
                            .objective = options->objective,
                            .seed = options->seed,
                            .progress = options->progress ? show_progress : NULL,
                            .context = bench};
    struct replay_result result = {0};

    bench->replay = &replay;
    for (size_t i = 0; i < options->capacity_count * options->policy_count; i++) {
        replay.fraction = options->capacities[i / options->policy_count];
        replay.policy = options->policies[i % options->policy_count];
        if (replay_run(&replay, &result) != ERR_OK) {
            bench->replay = NULL;
            return fault_say(fault, ERR_MISS, "there is no policy '%s'", replay.policy);
        }
        bench->runs_done++;
        hide_progress(bench);
        if (options->json)
            add_json(bench, &replay, &result);
        else if (bench->runs_done == 1)
            write_head(bench);
        if (!options->json)
            write_row(bench, &replay, &result);
    }
    bench->replay = NULL;
    return ERR_OK;
}

static enum err run_all(struct bench *bench, struct fault *fault)
{
    const struct cache_bench_options *options = bench->options;
    bool made = options->trace_count == 0;
    size_t count = made ? mixture_count() : options->trace_count;

    for (size_t i = 0; i < count; i++) {
        struct trace trace = {0};
        enum err err = ERR_OK;

        if (made)
            TRY(mixture_make(i, options->requests, options->seed, &trace, fault));
        else
            TRY(trace_load(&trace, options->traces[i], fault));
        err = run_trace(bench, &trace, fault);
        trace_fini(&trace);
        TRY(err);
    }
    return ERR_OK;
}

/* The longest name that will stand in the first column. */
static int trace_width(const struct cache_bench_options *options)
{
    size_t width = TRACE_WIDTH_MIN;

    for (size_t i = 0; i < options->trace_count; i++) {
        char name[TRACE_NAME_SIZE] = "";

        trace_name(options->traces[i], name);
        if (strlen(name) > width)
            width = strlen(name);
    }
    return (int)width;
}

enum err bench_cache(const struct cache_bench_options *options, FILE *out, struct fault *fault)
{
    struct bench bench = {.options = options, .out = out, .trace_width = trace_width(options)};
    size_t traces = options->trace_count == 0 ? mixture_count() : options->trace_count;
    enum err err = ERR_OK;

    must(options->capacity_count > 0);
    must(options->policy_count > 0);
    bench.runs = traces * options->capacity_count * options->policy_count;
    buf_init(&bench.json, JSON_MAX, NULL);
    err = run_all(&bench, fault);
    if (err == ERR_OK)
        err = finish(&bench, fault);
    else
        hide_progress(&bench);
    buf_fini(&bench.json);
    return err;
}
