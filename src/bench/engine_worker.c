/* engine_worker.c: operations in stretches of sixteen. SPDX-License-Identifier: MIT */
#include "bench/engine_worker.h"

#include "base/mem.h"
#include "base/must.h"
#include "bench/meter.h"
#include "net/clock.h"

enum {
    STRETCHES_A_TURN = 32, /* of the thread's loop: 512 operations */
    DRAWN_MAX = 1 << 21,   /* drawn items; then they come again */
    STAGES_READ = 2,
    STAGES_WRITE = 3,
};

struct key_text {
    uint8_t bytes[ENGINE_KEY_BYTES];
};

void engine_worker_init(struct engine_worker *worker, struct engine_run *run, uint64_t number)
{
    *worker = (struct engine_worker){.run = run,
                                     .number = number,
                                     .cache = cache_join(run->cache),
                                     .stretches = histogram_new()};
    random_init(&worker->random, number + 1);
    cache_rest(worker->cache);
}

void engine_worker_fini(struct engine_worker *worker)
{
    cache_wake(worker->cache);
    cache_leave(&worker->cache);
    histogram_free(&worker->stretches);
    mem_free(&worker->drawn);
}

void engine_worker_prepare(struct engine_worker *worker)
{
    const struct zipf *law = &worker->run->law;

    worker->operations = worker->hits = worker->refused = 0;
    histogram_clear(worker->stretches);
    worker->drawn_next = 0;
    if (law->exponent == worker->drawn_by)
        return;
    mem_free(&worker->drawn);
    worker->drawn_by = law->exponent;
    if (law->exponent == 0)
        return;
    must(law->count <= UINT32_MAX);
    worker->drawn = mem_new(DRAWN_MAX, sizeof *worker->drawn);
    for (size_t i = 0; i < DRAWN_MAX; i++)
        worker->drawn[i] = (uint32_t)zipf_draw(law, &worker->random);
}

/* ---- operations -------------------------------------------------------------------------- */

static uint64_t draw(struct engine_worker *worker)
{
    if (worker->drawn == NULL)
        return zipf_draw(&worker->run->law, &worker->random);
    return worker->drawn[worker->drawn_next++ % DRAWN_MAX];
}

/* Sixteen bytes, by few steps: what is measured is the engine. */
static struct cache_key key_of(const struct engine_run *run, uint64_t item, struct key_text *text)
{
    uint64_t words[] = {item, ~item};

    memcpy(text->bytes, words, sizeof words);
    return cache_key(run->cache, 0, bytes_of(text->bytes, sizeof words));
}

static void get(struct engine_worker *worker, struct cache_key key)
{
    struct cache_view view;

    worker->hits += cache_look(worker->cache, key, worker->now_ms, &view) != CACHE_MISS;
    worker->operations++;
}

static void put(struct engine_worker *worker, struct cache_key key)
{
    struct cache_put put = {.key = key,
                            .body = bytes_of(worker->run->value, worker->run->options->value_bytes),
                            .expires_ms = worker->now_ms + 86400000};

    worker->refused += cache_put(worker->cache, &put, worker->now_ms) != ERR_OK;
    worker->operations++;
}

static void get_or_put(struct engine_worker *worker, struct cache_key key)
{
    if (random_next(&worker->random) % 10 == 0)
        put(worker, key);
    else
        get(worker, key);
}

static void get_at_once(struct engine_worker *worker, const struct cache_key *keys)
{
    struct cache_view views[ENGINE_STRETCH];

    cache_look_many(worker->cache, keys, ENGINE_STRETCH, worker->now_ms, views);
    for (unsigned i = 0; i < ENGINE_STRETCH; i++)
        worker->hits += views[i].state != CACHE_MISS;
    worker->operations += ENGINE_STRETCH;
}

typedef void operate_fn(struct engine_worker *worker, struct cache_key key);
typedef void operate_at_once_fn(struct engine_worker *worker, const struct cache_key *keys);

static const struct {
    const char *name;
    const char *text;
    operate_fn *operate;
    unsigned stages; /* fetched ahead; 0: one by one */
    operate_at_once_fn *operate_at_once;
} phases[ENGINE_PHASES] = {
    [ENGINE_FILL] = {"fill", "stores each item for the first time", NULL, 0, NULL},
    [ENGINE_GET] = {"get", "reads, one after the other", get, 0, NULL},
    [ENGINE_GET_BATCH] = {"get16", "reads in batches of 16, each one call", NULL, 0, get_at_once},
    [ENGINE_PUT] = {"put", "replaces, one after the other", put, 0, NULL},
    [ENGINE_PUT_BATCH] = {"put16", "replaces in batches of 16, fetched ahead", put, STAGES_WRITE,
                          NULL},
    [ENGINE_MIXED] = {"mixed", "nine reads, one replacement", get_or_put, 0, NULL},
    [ENGINE_MIXED_BATCH] = {"mixed16", "the same in batches of 16, fetched ahead", get_or_put,
                            STAGES_READ, NULL},
};

const char *engine_phase_name(enum engine_phase phase)
{
    must(phase < ENGINE_PHASES);
    return phases[phase].name;
}

const char *engine_phase_text(enum engine_phase phase)
{
    must(phase < ENGINE_PHASES);
    return phases[phase].text;
}

static void one_by_one(struct engine_worker *worker, operate_fn *operate)
{
    struct key_text text;

    for (unsigned i = 0; i < ENGINE_STRETCH; i++)
        operate(worker, key_of(worker->run, draw(worker), &text));
}

/* As a pipeline brings them: all keys are known before the first operation. */
static void in_a_batch(struct engine_worker *worker, enum engine_phase phase)
{
    operate_fn *operate = phases[phase].operate;
    unsigned stages = phases[phase].stages;
    struct key_text texts[ENGINE_STRETCH];
    struct cache_key keys[ENGINE_STRETCH];

    for (unsigned i = 0; i < ENGINE_STRETCH; i++)
        keys[i] = key_of(worker->run, draw(worker), &texts[i]);
    if (operate == NULL) {
        phases[phase].operate_at_once(worker, keys);
        return;
    }
    for (unsigned stage = 0; stage < stages; stage++) {
        for (unsigned i = 0; i < ENGINE_STRETCH; i++)
            cache_prefetch(worker->cache, keys[i], stage);
    }
    for (unsigned i = 0; i < ENGINE_STRETCH; i++)
        operate(worker, keys[i]);
}

/* ---- the thread -------------------------------------------------------------------------- */

/* The clock, at the end of a stretch. */
static int64_t end_stretch(struct engine_worker *worker, int64_t begin_ns)
{
    int64_t now_ns = clock_now_ns();

    histogram_record(worker->stretches, (uint64_t)(now_ns - begin_ns));
    worker->now_ms = now_ns / 1000000;
    return now_ns;
}

static int64_t fill(struct engine_worker *worker, int64_t now_ns)
{
    uint64_t items = worker->run->options->items, step = worker->run->threads;

    for (uint64_t item = worker->number; item < items; item += step) {
        struct key_text text;

        put(worker, key_of(worker->run, item, &text));
        if (worker->operations % ((uint64_t)ENGINE_STRETCH * STRETCHES_A_TURN) == 0)
            (void)cache_turn(worker->cache, worker->now_ms);
        if (worker->operations % ENGINE_STRETCH == 0)
            now_ns = end_stretch(worker, now_ns);
    }
    return clock_now_ns();
}

/* The turn belongs to the last stretch before it: a client would wait for it, too. */
static int64_t work(struct engine_worker *worker, int64_t begin_ns)
{
    const struct engine_run *run = worker->run;
    operate_fn *operate = phases[run->phase].operate;
    bool single = operate != NULL && phases[run->phase].stages == 0;
    int64_t now_ns = begin_ns, end_ns = begin_ns + run->options->phase_ms * 1000000;

    for (uint64_t stretch = 1; now_ns < end_ns; stretch++) {
        if (single)
            one_by_one(worker, operate);
        else
            in_a_batch(worker, run->phase);
        if (stretch % STRETCHES_A_TURN == 0)
            (void)cache_turn(worker->cache, worker->now_ms);
        now_ns = end_stretch(worker, now_ns);
    }
    return now_ns;
}

void *engine_worker_run(void *context)
{
    struct engine_worker *worker = context;
    struct meter before;
    int64_t begin_ns = 0, end_ns = 0;

    (void)pthread_barrier_wait(&worker->run->start);
    before = meter_read();
    begin_ns = clock_now_ns();
    worker->now_ms = begin_ns / 1000000;
    end_ns = worker->run->phase == ENGINE_FILL ? fill(worker, begin_ns) : work(worker, begin_ns);
    worker->elapsed_ns = end_ns - begin_ns;
    worker->cpu_ns = meter_read().cpu_ns - before.cpu_ns;
    cache_rest(worker->cache);
    return NULL;
}
