/* engine_worker.h: one thread of `larder bench engine`, and what it does in a phase.
 * SPDX-License-Identifier: MIT
 *
 * A worker looks at the clock itself, after every ENGINE_STRETCH operations: for the longest of
 * these stretches, and to see when its time is over. Nobody has to tell it, so a busy machine
 * cannot make a phase endless. Items of a law with favourites are drawn before the phase: drawing
 * one costs as much as reading it.
 *
 * Threads: made and read by the one that runs the phases; in between it belongs to its own.
 */
#ifndef LARDER_BENCH_ENGINE_WORKER_H
#define LARDER_BENCH_ENGINE_WORKER_H

#include "bench/zipf.h"
#include "cache/cache.h"
#include "ds/histogram.h"

#include <pthread.h>
#include <stdbool.h>

enum { ENGINE_THREADS_MAX = 256, ENGINE_LAWS_MAX = 8, ENGINE_VALUE_MAX = 1 << 20 };

enum engine_phase {
    ENGINE_FILL, /* always done, and first */
    ENGINE_GET,
    ENGINE_GET_BATCH,
    ENGINE_PUT,
    ENGINE_PUT_BATCH,
    ENGINE_MIXED,
    ENGINE_MIXED_BATCH,
    ENGINE_PHASES
};

const char *engine_phase_name(enum engine_phase phase);
const char *engine_phase_text(enum engine_phase phase);

struct engine_bench {
    uint64_t items;
    uint64_t value_bytes; /* up to ENGINE_VALUE_MAX */
    uint64_t threads;     /* the most; measured are 1, 2, 4 ... and this */
    int64_t phase_ms;
    double exponents[ENGINE_LAWS_MAX]; /* of the popularity; 0: all alike */
    unsigned exponent_count;
    unsigned phases; /* a bit for each */
    uint64_t memory_max;
    const char *policy;
    bool json;
};

enum {
    ENGINE_KEY_BYTES = 16,
    ENGINE_STRETCH = 16, /* operations of a batch, and between two looks at the clock */
};

/* What all workers of a phase share. */
struct engine_run {
    const struct engine_bench *options;
    struct cache *cache;
    const uint8_t *value;
    struct zipf law;
    enum engine_phase phase;
    uint64_t threads; /* that work in this phase */
    pthread_barrier_t start;
};

struct engine_worker {
    struct engine_run *run;
    pthread_t thread;
    struct cache_thread *cache;
    struct random random;
    uint64_t number;
    uint32_t *drawn; /* items of a law with favourites, its exponent is drawn_by; or NULL */
    double drawn_by;
    size_t drawn_next;
    int64_t now_ms;

    /* what came out */
    uint64_t operations;
    uint64_t hits;
    uint64_t refused;
    int64_t elapsed_ns;
    int64_t cpu_ns;
    struct histogram *stretches; /* ns of ENGINE_STRETCH operations */
};

void engine_worker_init(struct engine_worker *worker, struct engine_run *run, uint64_t number);
void engine_worker_fini(struct engine_worker *worker);

/* Forgets the last phase and draws the items of the next; run->law is set. */
void engine_worker_prepare(struct engine_worker *worker);

/* For pthread_create; the context is the worker, prepared and its cache handle awake. */
void *engine_worker_run(void *context);

#endif
