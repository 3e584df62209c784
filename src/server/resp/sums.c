/* sums.c: the counts of all doors together. SPDX-License-Identifier: MIT */
#include "server/resp/door.h"
#include "server/resp/inside.h"

void resp_read_metrics(const struct resp *resp, struct resp_metrics *ret_metrics)
{
    memset(ret_metrics, 0, sizeof *ret_metrics);
    for (unsigned i = 0; i < atomic_load(&resp->door_count); i++) {
        const struct resp_door *door = resp->doors[i];

        if (door == NULL)
            continue;
#define METRIC(name, kind, text) counter_add(&ret_metrics->name, counter_read(&door->metrics.name));
#include "server/resp/metrics.def"
#undef METRIC
    }
    size_t backed = heap_backed(resp->rules->heap), taken = heap_taken(resp->rules->heap);

    counter_set(&ret_metrics->objects_memory_bytes, backed);
    counter_set(&ret_metrics->objects_wasted_bytes, backed > taken ? backed - taken : 0);
}

struct verb_sum resp_sum_verb(const struct resp *resp, size_t number)
{
    struct verb_sum sum = {0};

    for (unsigned i = 0; i < atomic_load(&resp->door_count); i++) {
        const struct resp_door *door = resp->doors[i];

        if (door == NULL)
            continue;
        sum.calls += counter_read(&door->counts[number].calls);
        sum.ns += counter_read(&door->counts[number].ns);
        sum.failed += counter_read(&door->counts[number].failed);
        sum.rejected += counter_read(&door->counts[number].rejected);
    }
    return sum;
}

uint64_t resp_sum_errors(const struct resp *resp, size_t kind)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < atomic_load(&resp->door_count); i++) {
        if (resp->doors[i] != NULL)
            sum += counter_read(&resp->doors[i]->errors[kind]);
    }
    return sum;
}

void resp_read_commands(const struct resp *resp, resp_command_count_fn *each, void *context)
{
    for (size_t i = 0; i < verbs_count(resp->verbs); i++) {
        struct verb_sum sum = resp_sum_verb(resp, i);

        if (sum.calls > 0)
            each(context, verbs_at(resp->verbs, i)->name, sum.calls, sum.ns / 1000, sum.failed);
    }
}

void resp_describe_commands(resp_command_row_fn *each, void *context)
{
    struct verbs *verbs = verbs_new();

    for (size_t i = 0; i < verbs_count(verbs); i++) {
        const struct verb *verb = verbs_at(verbs, i);
        struct resp_command_row row = {.name = verb->name,
                                       .group = verb->group,
                                       .since = verb->since,
                                       .complexity = verb->complexity,
                                       .summary = verb->summary,
                                       .arity = verb->arity};

        each(context, &row);
    }
    verbs_free(&verbs);
}
