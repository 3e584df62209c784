/* replay.c: a cache without values. SPDX-License-Identifier: MIT */
#include "bench/replay.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/must.h"
#include "cache/lineup.h"

enum { PROGRESS_STEP = 1 << 16, CELL_SHIFT = 4 };

/* One object, in the cache or not. */
struct cell {
    struct lineup_node node; /* in no queue: not in the cache */
    uint32_t cost;
};

_Static_assert(sizeof(struct cell) == 1 << CELL_SHIFT, "policies count places by powers of two");

struct model {
    const struct replay *replay;
    struct policy *policy;
    struct policy_marker marker;
    struct lineup lineup;
    struct cell *cells; /* by object id */
    struct random random;
    bool exact; /* a hit makes the newest of the one queue */
    uint64_t used;
    uint64_t capacity;
};

static void tell(void *context, uint32_t ref, struct policy_candidate *candidate)
{
    const struct model *model = context;

    candidate->size = model->cells[ref].cost;
    candidate->has_ttl = true;
}

static uint64_t hash_of(void *context, uint32_t ref)
{
    const struct model *model = context;

    return hash_mix(ref, model->replay->seed);
}

/* False: the policy keeps what it has. */
static bool make_room(struct model *model, uint32_t cost)
{
    struct lineup_callbacks callbacks = {tell, hash_of, NULL, model};

    while (model->used + cost > model->capacity) {
        uint32_t victim = lineup_victim(&model->lineup, &callbacks);

        if (victim == 0)
            return false;
        must(model->cells[victim].node.queue == 0);
        must(model->used >= model->cells[victim].cost);
        model->used -= model->cells[victim].cost;
    }
    return true;
}

static void put(struct model *model, uint32_t id)
{
    uint32_t cost = model->cells[id].cost;

    if (cost > model->capacity || !make_room(model, cost))
        return;
    lineup_insert(&model->lineup, id, hash_of(model, id), cost);
    model->used += cost;
}

static void hit(struct model *model, uint32_t id)
{
    struct cell *cell = &model->cells[id];

    if (model->exact) {
        lineup_remove(&model->lineup, id, cell->cost);
        lineup_insert(&model->lineup, id, hash_of(model, id), cell->cost);
        return;
    }
    lineup_hit(&cell->node, &model->marker, &model->random);
}

static void run(struct model *model, struct replay_result *result)
{
    const struct replay *replay = model->replay;
    const struct trace *trace = replay->trace;

    for (size_t i = 0; i < trace->request_count; i++) {
        uint32_t id = trace->ids[i];
        struct cell *cell = &model->cells[id];

        if (i % PROGRESS_STEP == 0 && replay->progress != NULL)
            replay->progress(replay->context, i);
        result->request_bytes += trace->sizes[id];
        if (cell->node.queue == 0) {
            result->misses++;
            result->miss_bytes += trace->sizes[id];
            put(model, id);
            continue;
        }
        hit(model, id);
    }
}

static uint64_t capacity_of(const struct replay *replay)
{
    uint64_t whole =
        replay->mode == REPLAY_OBJECTS ? replay->trace->object_count : replay->trace->footprint;
    uint64_t capacity = (uint64_t)(replay->fraction * (double)whole);

    return capacity == 0 ? 1 : capacity;
}

enum err replay_run(const struct replay *replay, struct replay_result *ret_result)
{
    const struct trace *trace = replay->trace;
    struct model model = {.replay = replay, .capacity = capacity_of(replay)};
    struct replay_result result = {.capacity = model.capacity, .requests = trace->request_count};
    struct lineup_places places = {.shift = CELL_SHIFT, .offset = offsetof(struct cell, node)};
    struct policy_settings settings = {
        .name = replay->policy, .objective = replay->objective, .seed = replay->seed};

    model.cells = mem_new((size_t)trace->object_count + 1, sizeof *model.cells);
    for (uint32_t id = 1; id <= trace->object_count; id++)
        model.cells[id].cost = replay->mode == REPLAY_OBJECTS ? 1 : trace->sizes[id];
    places.base = (uint8_t *)model.cells;
    random_init(&model.random, replay->seed);
    model.exact = strcmp(replay->policy, REPLAY_LRU_EXACT) == 0;
    if (model.exact)
        settings.name = "fifo";
    model.policy = policy_new(&settings);
    if (model.policy != NULL) {
        lineup_init(&model.lineup, model.policy, &model.marker, places);
        run(&model, &result);
        result.policy_bytes = policy_cost(model.policy);
        *ret_result = result;
    }
    mem_free(&model.cells);
    if (model.policy == NULL)
        return ERR_MISS;
    policy_free(&model.policy);
    return ERR_OK;
}
