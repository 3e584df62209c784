/* engine.c: one phase after the other, each by all threads at once. SPDX-License-Identifier: MIT */
#include "bench/engine.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/must.h"
#include "bench/engine_worker.h"

#include <errno.h>
#include <unistd.h>

enum { JSON_MAX = 1 << 20, ROWS_MAX = ENGINE_PHASES * ENGINE_LAWS_MAX };

/* What all workers of a phase did together. */
struct row {
    double per_second;
    double ns;     /* of a thread's processor time, an operation */
    double to_one; /* as a multiple of one thread's; 0: that was not measured */
    uint64_t hits;
    uint64_t refused;
    uint64_t late_ns;  /* one stretch of ten thousand takes longer */
    uint64_t worst_ns; /* the longest */
};

struct bench {
    struct engine_run run;
    struct engine_worker *workers;
    uint64_t worker_count;
    uint64_t empty_bytes; /* RSS before the fill */
    double one_thread[ENGINE_LAWS_MAX][ENGINE_PHASES];
    FILE *out;
    struct buf json;
};

/* ---- rows -------------------------------------------------------------------------------- */

static void write_head(const struct bench *bench)
{
    if (!bench->run.options->json)
        (void)fprintf(bench->out, "%-8s %5s %3s %12s %6s %8s %10s %10s %12s %9s\n", "phase", "zipf",
                      "thr", "ops/s", "x one", "ns/op", "late us", "worst us", "hits", "refused");
}

static void write_text(const struct bench *bench, const struct row *row)
{
    const struct engine_run *run = &bench->run;
    char to_one[16] = "-";

    if (row->to_one > 0)
        (void)snprintf(to_one, sizeof to_one, "%.2f", row->to_one);
    (void)fprintf(bench->out, "%-8s %5.3g %3llu %12.0f %6s %8.1f %10.1f %10.1f %12llu %9llu\n",
                  engine_phase_name(run->phase), run->law.exponent,
                  (unsigned long long)run->threads, row->per_second, to_one, row->ns,
                  (double)row->late_ns / 1e3, (double)row->worst_ns / 1e3,
                  (unsigned long long)row->hits, (unsigned long long)row->refused);
    (void)fflush(bench->out);
}

static void write_json(struct bench *bench, const struct row *row)
{
    const struct engine_run *run = &bench->run;

    buf_printf(&bench->json,
               "%s    {\"phase\": \"%s\", \"zipf\": %g, \"threads\": %llu, \"ops_per_s\": %.0f, "
               "\"to_one_thread\": %.3f, \"cpu_ns\": %.2f, \"late_us\": %.1f, \"worst_us\": %.1f, "
               "\"hits\": %llu, \"refused\": %llu}",
               bench->json.size == 0 ? "" : ",\n", engine_phase_name(run->phase), run->law.exponent,
               (unsigned long long)run->threads, row->per_second, row->to_one, row->ns,
               (double)row->late_ns / 1e3, (double)row->worst_ns / 1e3,
               (unsigned long long)row->hits, (unsigned long long)row->refused);
}

static void write_row(struct bench *bench, unsigned law)
{
    struct histogram *stretches = histogram_new();
    struct row row = {.per_second = 0};
    uint64_t operations = 0;

    for (uint64_t i = 0; i < bench->run.threads; i++) {
        const struct engine_worker *worker = &bench->workers[i];

        row.per_second += (double)worker->operations / (double)worker->elapsed_ns * 1e9;
        row.ns += (double)worker->cpu_ns;
        row.hits += worker->hits;
        row.refused += worker->refused;
        operations += worker->operations;
        histogram_merge(stretches, worker->stretches);
    }
    row.ns /= (double)operations;
    row.late_ns = histogram_at(stretches, 0.9999);
    row.worst_ns = histogram_max(stretches);
    if (bench->run.threads == 1)
        bench->one_thread[law][bench->run.phase] = row.per_second;
    if (bench->one_thread[law][bench->run.phase] > 0)
        row.to_one = row.per_second / bench->one_thread[law][bench->run.phase];
    histogram_free(&stretches);
    if (bench->run.options->json)
        write_json(bench, &row);
    else
        write_text(bench, &row);
}

/* ---- memory ------------------------------------------------------------------------------ */

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long long pages = 0;
    int got = 0;

    if (file == NULL)
        return 0;
    got = fscanf(file, "%*u %llu", &pages); /* NOLINT(cert-err34-c): the kernel's own number */
    (void)fclose(file);
    return got == 1 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

struct account_of_items {
    uint64_t items;
    uint64_t evicted;
    double books;
    double index;
    double resident;
};

static struct account_of_items weigh(const struct bench *bench)
{
    struct cache_metrics metrics;

    cache_read_metrics(bench->run.cache, &metrics);
    uint64_t entries = counter_read(&metrics.entries);
    double count = entries == 0 ? 1.0 : (double)entries;

    return (struct account_of_items){
        .items = entries,
        .evicted = counter_read(&metrics.evicted),
        .books = (double)counter_read(&metrics.memory_used_bytes) / count,
        .index = (double)counter_read(&metrics.memory_index_bytes) / count,
        .resident = (double)(resident_bytes() - bench->empty_bytes) / count,
    };
}

static void write_memory(const struct bench *bench, const struct account_of_items *of)
{
    uint64_t payload = ENGINE_KEY_BYTES + bench->run.options->value_bytes;

    if (!bench->run.options->json)
        (void)fprintf(bench->out,
                      "\n%llu items of %llu bytes (key and value) with a time to live: by RSS %.1f "
                      "bytes an item, by the books %.1f (%.1f of it index); evicted %llu\n\n",
                      (unsigned long long)of->items, (unsigned long long)payload, of->resident,
                      of->books, of->index, (unsigned long long)of->evicted);
}

/* ---- phases ------------------------------------------------------------------------------ */

static enum err run_phase(struct bench *bench, unsigned law, struct fault *fault)
{
    struct engine_run *run = &bench->run;
    uint64_t started = 0;

    must(pthread_barrier_init(&run->start, NULL, (unsigned)run->threads) == 0);
    for (; started < run->threads; started++) {
        struct engine_worker *worker = &bench->workers[started];

        engine_worker_prepare(worker);
        cache_wake(worker->cache);
        if (pthread_create(&worker->thread, NULL, engine_worker_run, worker) != 0)
            return fault_say(fault, ERR_SYSTEM, "the system gives no more threads");
    }
    while (started-- > 0)
        must(pthread_join(bench->workers[started].thread, NULL) == 0);
    must(pthread_barrier_destroy(&run->start) == 0);
    write_row(bench, law);
    return ERR_OK;
}

static enum err run_phases(struct bench *bench, unsigned law, struct fault *fault)
{
    struct engine_run *run = &bench->run;

    zipf_init(&run->law, run->options->items, run->options->exponents[law]);
    for (run->phase = ENGINE_FILL + 1; run->phase < ENGINE_PHASES; run->phase++) {
        if ((run->options->phases & 1U << run->phase) == 0)
            continue;
        for (run->threads = 1; run->threads < run->options->threads; run->threads *= 2)
            TRY(run_phase(bench, law, fault));
        run->threads = run->options->threads;
        TRY(run_phase(bench, law, fault));
    }
    return ERR_OK;
}

static enum err finish(struct bench *bench, const struct account_of_items *of, struct fault *fault)
{
    if (bench->run.options->json) {
        (void)fprintf(bench->out,
                      "{\n  \"items\": %llu, \"value_bytes\": %llu, \"evicted\": %llu,\n"
                      "  \"bytes_per_item\": {\"rss\": %.2f, \"books\": %.2f, \"index\": %.2f},\n"
                      "  \"rows\": [\n%.*s\n  ]\n}\n",
                      (unsigned long long)of->items,
                      (unsigned long long)bench->run.options->value_bytes,
                      (unsigned long long)of->evicted, of->resident, of->books, of->index,
                      BYTES_ARG(buf_bytes(&bench->json)));
    }
    if (buf_failed(&bench->json) != ERR_OK || fflush(bench->out) != 0 || ferror(bench->out))
        return fault_say(fault, ERR_DISK, "the result cannot be written: %s", strerror(errno));
    return ERR_OK;
}

static enum err run_all(struct bench *bench, struct fault *fault)
{
    struct engine_run *run = &bench->run;
    struct account_of_items of;

    write_head(bench);
    zipf_init(&run->law, run->options->items, 0);
    run->phase = ENGINE_FILL;
    run->threads = run->options->threads;
    TRY(run_phase(bench, 0, fault));
    of = weigh(bench);
    write_memory(bench, &of);
    for (unsigned law = 0; law < run->options->exponent_count; law++)
        TRY(run_phases(bench, law, fault));
    return finish(bench, &of, fault);
}

/* ---- all of it --------------------------------------------------------------------------- */

static struct cache *make_cache(const struct engine_bench *options)
{
    struct cache_settings settings = {.memory_max = options->memory_max,
                                      .policy = options->policy,
                                      .objective = "requests",
                                      .whatif = true,
                                      .value_max = ENGINE_VALUE_MAX,
                                      .leases_max = 65536,
                                      .waiters_max = 10000,
                                      .negative_share = 0.05};

    return cache_new(&settings, 0);
}

enum err bench_engine(const struct engine_bench *options, FILE *out, struct fault *fault)
{
    struct bench bench = {.run = {.options = options}, .out = out};
    uint8_t *value = mem_new(1, ENGINE_VALUE_MAX);
    enum err err = ERR_OK;

    must(options->threads >= 1 && options->threads <= ENGINE_THREADS_MAX);
    must(options->value_bytes <= ENGINE_VALUE_MAX);
    must(options->exponent_count >= 1 && options->exponent_count <= ENGINE_LAWS_MAX);
    bench.run.value = value;
    bench.run.cache = make_cache(options);
    bench.workers = mem_new(options->threads, sizeof *bench.workers);
    for (uint64_t i = 0; i < options->threads; i++)
        engine_worker_init(&bench.workers[i], &bench.run, i);
    buf_init(&bench.json, JSON_MAX, NULL);
    bench.empty_bytes = resident_bytes();
    err = run_all(&bench, fault);
    if (err == ERR_SYSTEM)
        return err; /* some threads wait for the rest: the program ends */
    buf_fini(&bench.json);
    for (uint64_t i = 0; i < options->threads; i++)
        engine_worker_fini(&bench.workers[i]);
    cache_free(&bench.run.cache);
    mem_free(&bench.workers);
    mem_free(&value);
    return err;
}
