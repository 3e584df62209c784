/* engine.c: one phase after the other, each by all threads at once. SPDX-License-Identifier: MIT */
#include "bench/engine.h"

#include "base/mem.h"
#include "base/must.h"
#include "bench/zipf.h"
#include "cache/cache.h"
#include "net/clock.h"

#include <pthread.h>
#include <unistd.h>

enum {
    THREADS_MAX = 256,
    KEY_BYTES = 16, /* "key:" and 12 digits */
    BATCH = 16,     /* as many as a pipeline of this length brings */
    TURN_OPS = 512, /* operations between two turns of a thread */
    VALUE_MAX = 1 << 20,
};

enum phase {
    PHASE_FILL,
    PHASE_GET,
    PHASE_GET_BATCH,
    PHASE_PUT,
    PHASE_PUT_BATCH,
    PHASE_MIXED,
    PHASES
};

static const struct {
    const char *name;
    const char *text;
} phases[PHASES] = {
    [PHASE_FILL] = {"fill", "stores each item for the first time"},
    [PHASE_GET] = {"get", "reads, one after the other"},
    [PHASE_GET_BATCH] = {"get16", "reads in batches of 16, fetched ahead"},
    [PHASE_PUT] = {"put", "replaces, one after the other"},
    [PHASE_PUT_BATCH] = {"put16", "replaces in batches of 16, fetched ahead"},
    [PHASE_MIXED] = {"mixed", "nine reads, one replacement"},
};

struct engine_run {
    const struct engine_bench *options;
    struct cache *cache;
    struct zipf zipf;
    const uint8_t *value;
    enum phase phase;
    _Atomic bool stop;
};

struct engine_worker {
    struct engine_run *run;
    pthread_t thread;
    struct cache_thread *cache;
    struct random random;
    uint64_t number;
    uint64_t operations;
    uint64_t hits;
    uint64_t refused;
    int64_t elapsed_ns;
    int64_t worst_ns; /* the longest stretch of TURN_OPS operations and a turn */
    int64_t now_ms;
};

struct key_text {
    uint8_t bytes[KEY_BYTES];
};

static struct cache_key key_of(const struct engine_run *run, uint64_t item, struct key_text *text)
{
    memcpy(text->bytes, "key:", 4);
    for (unsigned i = KEY_BYTES - 1; i >= 4; i--) {
        text->bytes[i] = (uint8_t)('0' + item % 10);
        item /= 10;
    }
    return cache_key(run->cache, 0, bytes_of(text->bytes, KEY_BYTES));
}

static uint64_t draw(struct engine_worker *worker)
{
    return zipf_draw(&worker->run->zipf, &worker->random);
}

static void get(struct engine_worker *worker, struct cache_key key)
{
    struct cache_view view;

    worker->hits += cache_look(worker->cache, key, worker->now_ms, &view) != CACHE_MISS;
    worker->operations++;
}

static void put(struct engine_worker *worker, uint64_t item)
{
    struct key_text text;
    struct cache_put put = {.key = key_of(worker->run, item, &text),
                            .body = bytes_of(worker->run->value, worker->run->options->value_bytes),
                            .expires_ms = CACHE_NEVER - 1};

    worker->refused += cache_put(worker->cache, &put, worker->now_ms) != ERR_OK;
    worker->operations++;
}

/* Fetches ahead what a batch of drawn keys needs, in as many stages as `stages`. */
static void draw_batch(struct engine_worker *worker, unsigned stages, uint64_t items[BATCH],
                       struct cache_key keys[BATCH], struct key_text texts[BATCH])
{
    for (unsigned i = 0; i < BATCH; i++) {
        items[i] = draw(worker);
        keys[i] = key_of(worker->run, items[i], &texts[i]);
    }
    for (unsigned stage = 0; stage < stages; stage++) {
        for (unsigned i = 0; i < BATCH; i++)
            cache_prefetch(worker->cache, keys[i], stage);
    }
}

static void get_batch(struct engine_worker *worker)
{
    struct key_text texts[BATCH];
    struct cache_key keys[BATCH];
    uint64_t items[BATCH];

    draw_batch(worker, 2, items, keys, texts);
    for (unsigned i = 0; i < BATCH; i++)
        get(worker, keys[i]);
}

static void put_batch(struct engine_worker *worker)
{
    struct key_text texts[BATCH];
    struct cache_key keys[BATCH];
    uint64_t items[BATCH];

    draw_batch(worker, 3, items, keys, texts);
    for (unsigned i = 0; i < BATCH; i++)
        put(worker, items[i]);
}

static void operate(struct engine_worker *worker)
{
    struct key_text text;

    switch (worker->run->phase) {
    case PHASE_GET:
        get(worker, key_of(worker->run, draw(worker), &text));
        break;
    case PHASE_GET_BATCH:
        get_batch(worker);
        break;
    case PHASE_PUT:
        put(worker, draw(worker));
        break;
    case PHASE_PUT_BATCH:
        put_batch(worker);
        break;
    case PHASE_MIXED:
        if (random_below(&worker->random, 10) == 0)
            put(worker, draw(worker));
        else
            get(worker, key_of(worker->run, draw(worker), &text));
        break;
    case PHASE_FILL:
    case PHASES:
        never("a phase without operations of its own");
    }
}

static void turn(struct engine_worker *worker, int64_t *last_ns)
{
    int64_t now_ns = clock_now_ns();

    if (now_ns - *last_ns > worker->worst_ns)
        worker->worst_ns = now_ns - *last_ns;
    *last_ns = now_ns;
    worker->now_ms = now_ns / 1000000;
    (void)cache_turn(worker->cache, worker->now_ms);
}

static void fill(struct engine_worker *worker, int64_t *last_ns)
{
    const struct engine_bench *options = worker->run->options;

    for (uint64_t item = worker->number; item < options->items; item += options->threads) {
        put(worker, item);
        if (worker->operations % TURN_OPS == 0)
            turn(worker, last_ns);
    }
}

static void *work(void *argument)
{
    struct engine_worker *worker = argument;
    int64_t begin_ns = clock_now_ns();
    int64_t last_ns = begin_ns;

    worker->now_ms = begin_ns / 1000000;
    if (worker->run->phase == PHASE_FILL)
        fill(worker, &last_ns);
    while (worker->run->phase != PHASE_FILL &&
           !atomic_load_explicit(&worker->run->stop, memory_order_relaxed)) {
        for (uint64_t end = worker->operations + TURN_OPS; worker->operations < end;)
            operate(worker);
        turn(worker, &last_ns);
    }
    worker->elapsed_ns = clock_now_ns() - begin_ns;
    cache_rest(worker->cache);
    return NULL;
}

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

static void print_phase(const struct engine_run *run, const struct engine_worker *workers,
                        FILE *out)
{
    double per_second = 0.0, ns = 0.0;
    uint64_t operations = 0, hits = 0, refused = 0;
    int64_t worst_ns = 0;

    for (uint64_t i = 0; i < run->options->threads; i++) {
        const struct engine_worker *worker = &workers[i];

        per_second += (double)worker->operations / (double)worker->elapsed_ns * 1e9;
        ns += (double)worker->elapsed_ns;
        operations += worker->operations;
        hits += worker->hits;
        refused += worker->refused;
        if (worker->worst_ns > worst_ns)
            worst_ns = worker->worst_ns;
    }
    (void)fprintf(out, "%-6s %3llu %12.0f %8.1f %10.1f %12llu %10llu  %s\n",
                  phases[run->phase].name, (unsigned long long)run->options->threads, per_second,
                  ns / (double)operations, (double)worst_ns / 1e3, (unsigned long long)hits,
                  (unsigned long long)refused, phases[run->phase].text);
    (void)fflush(out);
}

static enum err run_phase(struct engine_run *run, struct engine_worker *workers, FILE *out,
                          struct fault *fault)
{
    uint64_t started = 0;
    bool complete = true;

    atomic_store(&run->stop, false);
    for (; started < run->options->threads && complete; started++) {
        struct engine_worker *worker = &workers[started];

        worker->operations = worker->hits = worker->refused = 0;
        worker->worst_ns = 0;
        cache_wake(worker->cache);
        complete = pthread_create(&worker->thread, NULL, work, worker) == 0;
        if (!complete) {
            cache_rest(worker->cache);
            break;
        }
    }
    if (run->phase != PHASE_FILL && complete)
        (void)usleep((useconds_t)(run->options->phase_ms * 1000));
    atomic_store(&run->stop, true);
    while (started-- > 0)
        (void)pthread_join(workers[started].thread, NULL);
    if (!complete)
        return fault_say(fault, ERR_SYSTEM, "the system gives no more threads");
    print_phase(run, workers, out);
    return ERR_OK;
}

static void print_memory(const struct engine_run *run, uint64_t before, FILE *out)
{
    struct cache_metrics metrics;
    uint64_t payload = KEY_BYTES + run->options->value_bytes;

    cache_read_metrics(run->cache, &metrics);
    uint64_t entries = counter_read(&metrics.entries);
    double count = entries == 0 ? 1.0 : (double)entries;

    (void)fprintf(
        out,
        "\n%llu items of %llu bytes (key and value): %.1f bytes an item by the books (%.1f "
        "of it index), %.1f by RSS; evicted %llu\n",
        (unsigned long long)entries, (unsigned long long)payload,
        (double)counter_read(&metrics.memory_used_bytes) / count,
        (double)counter_read(&metrics.memory_index_bytes) / count,
        (double)(resident_bytes() - before) / count,
        (unsigned long long)counter_read(&metrics.evicted));
}

static struct cache *make_cache(const struct engine_bench *options)
{
    struct cache_settings settings = {.memory_max = options->memory_max,
                                      .policy = options->policy,
                                      .objective = "requests",
                                      .value_max = VALUE_MAX,
                                      .leases_max = 65536,
                                      .waiters_max = 10000,
                                      .negative_share = 0.05};

    return cache_new(&settings, 0);
}

enum err bench_engine(const struct engine_bench *options, FILE *out, struct fault *fault)
{
    struct engine_run run = {.options = options};
    uint64_t before = resident_bytes();
    uint8_t *value = mem_new(1, VALUE_MAX);
    struct engine_worker *workers = mem_new(options->threads, sizeof *workers);
    enum err err = ERR_OK;

    must(options->threads <= THREADS_MAX);
    must(options->value_bytes <= VALUE_MAX);
    run.value = value;
    run.cache = make_cache(options);
    zipf_init(&run.zipf, options->items, options->exponent);
    for (uint64_t i = 0; i < options->threads; i++) {
        workers[i] = (struct engine_worker){.run = &run, .number = i};
        random_init(&workers[i].random, i + 1);
        workers[i].cache = cache_join(run.cache);
        cache_rest(workers[i].cache);
    }
    (void)fprintf(out, "%-6s %3s %12s %8s %10s %12s %10s\n", "phase", "thr", "ops/s", "ns/op",
                  "pause us", "hits", "refused");
    for (run.phase = PHASE_FILL; run.phase < PHASES && err == ERR_OK; run.phase++)
        err = run_phase(&run, workers, out, fault);
    if (err == ERR_OK)
        print_memory(&run, before, out);
    for (uint64_t i = 0; i < options->threads; i++) {
        cache_wake(workers[i].cache);
        cache_leave(&workers[i].cache);
    }
    cache_free(&run.cache);
    mem_free(&workers);
    mem_free(&value);
    return err;
}
