/* zcombine.c: unions, intersections and differences of sorted sets. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "server/resp/call.h"
#include "server/resp/handlers.h"
#include "types/members.h"
#include "types/ranking.h"

#include <math.h>

enum aggregate { AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX };

/* A sorted set, or a plain one whose members all have the score 1; both NULL: no such key. */
struct source {
    const struct ranking *zset;
    const struct members *set;
    double weight;
};

struct mixture {
    struct source *sources;
    size_t count;
    enum aggregate aggregate;
    bool scores;   /* WITHSCORES */
    int64_t limit; /* of a count; 0: none */
    struct ranking *result;
};

static size_t source_count(const struct source *source)
{
    if (source->zset != NULL)
        return ranking_count(source->zset);
    return source->set == NULL ? 0 : members_count(source->set);
}

static double weighted(double score, double weight)
{
    double product = score * weight;

    return isnan(product) ? 0 : product;
}

static bool source_score(const struct source *source, struct bytes member, double *ret_score)
{
    if (source->zset != NULL)
        return ranking_score(source->zset, member, ret_score);
    *ret_score = 1;
    return source->set != NULL && members_has(source->set, member);
}

static double aggregated(enum aggregate how, double a, double b)
{
    double sum = a + b;

    switch (how) {
    case AGGREGATE_MIN:
        return a < b ? a : b;
    case AGGREGATE_MAX:
        return a > b ? a : b;
    case AGGREGATE_SUM:
    default:
        return isnan(sum) ? 0 : sum;
    }
}

/* Calls `each` with every member and its score, not weighted; it returns false to stop. */
typedef bool pair_fn(void *context, struct bytes member, double score);

static void source_each(const struct source *source, pair_fn *each, void *context)
{
    struct members_walk walk = {0};
    struct bytes member;

    while (source->set != NULL && members_next(source->set, &walk, &member)) {
        if (!each(context, member, 1))
            return;
    }
    size_t left = source->zset == NULL ? 0 : ranking_count(source->zset);

    if (left == 0)
        return;
    struct ranking_cursor cursor = ranking_at(source->zset, 0);

    for (;; left--) {
        double score = 0;

        member = ranking_get(source->zset, cursor, &score);
        if (!each(context, member, score) || left == 1)
            return;
        ranking_step(source->zset, &cursor, false);
    }
}

/* ---- the three ways ---------------------------------------------------------------------------
 */

struct step {
    struct mixture *mixture;
    const struct source *source;
    enum err err;
    int64_t count; /* ZINTERCARD */
    int64_t limit;
};

static bool keep(struct step *step, struct bytes member, double score)
{
    bool added = false;

    step->err = ranking_set(step->mixture->result, member, score, &added);
    return step->err == ERR_OK;
}

static bool unite_one(void *context, struct bytes member, double score)
{
    struct step *step = context;
    double there = 0;

    score = weighted(score, step->source->weight);
    if (ranking_score(step->mixture->result, member, &there))
        score = aggregated(step->mixture->aggregate, there, score);
    return keep(step, member, score);
}

static enum err unite(struct mixture *mixture)
{
    struct step step = {.mixture = mixture};

    for (size_t i = 0; i < mixture->count && step.err == ERR_OK; i++) {
        step.source = &mixture->sources[i];
        source_each(step.source, unite_one, &step);
    }
    return step.err;
}

/* The score that a member has in all sources together; false: one has it not. */
static bool score_in_all(const struct mixture *mixture, struct bytes member, double *ret_score)
{
    double score = 0;

    for (size_t i = 0; i < mixture->count; i++) {
        if (!source_score(&mixture->sources[i], member, &score))
            return false;
        score = weighted(score, mixture->sources[i].weight);
        *ret_score = i == 0 ? score : aggregated(mixture->aggregate, *ret_score, score);
    }
    return true;
}

static bool intersect_one(void *context, struct bytes member, double score)
{
    struct step *step = context;

    if (!score_in_all(step->mixture, member, &score))
        return true;
    if (step->mixture->result != NULL)
        return keep(step, member, score);
    return ++step->count != step->limit;
}

static const struct source *smallest(const struct mixture *mixture)
{
    const struct source *source = &mixture->sources[0];

    for (size_t i = 1; i < mixture->count; i++) {
        if (source_count(&mixture->sources[i]) < source_count(source))
            source = &mixture->sources[i];
    }
    return source;
}

static enum err intersect(struct mixture *mixture)
{
    struct step step = {.mixture = mixture};

    source_each(smallest(mixture), intersect_one, &step);
    return step.err;
}

static bool subtract_one(void *context, struct bytes member, double score)
{
    struct step *step = context;
    double elsewhere = 0;

    for (size_t i = 1; i < step->mixture->count; i++) {
        if (source_score(&step->mixture->sources[i], member, &elsewhere))
            return true;
    }
    return keep(step, member, score);
}

static enum err subtract(struct mixture *mixture)
{
    struct step step = {.mixture = mixture};

    source_each(&mixture->sources[0], subtract_one, &step);
    return step.err;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static bool find_source(struct call *call, size_t word, struct source *ret_source)
{
    struct cache_view view;

    *ret_source = (struct source){.weight = 1};
    if (!call_look(call, call_key(call, word), &view))
        return true;
    if (view.kind == TYPE_ZSET)
        ret_source->zset = view.object;
    else if (view.kind == TYPE_SET)
        ret_source->set = view.object;
    else
        reply_wrong_type(call);
    return view.kind == TYPE_ZSET || view.kind == TYPE_SET;
}

static bool read_aggregate(struct call *call, size_t at, enum aggregate *ret_aggregate)
{
    if (word_is(call, at, "sum"))
        *ret_aggregate = AGGREGATE_SUM;
    else if (word_is(call, at, "min"))
        *ret_aggregate = AGGREGATE_MIN;
    else if (word_is(call, at, "max"))
        *ret_aggregate = AGGREGATE_MAX;
    else
        return false;
    return true;
}

struct manner {
    enum err (*mix)(struct mixture *mixture);
    bool store;
    bool weighs; /* WEIGHTS and AGGREGATE are options */
    bool counts; /* LIMIT is the only one */
};

/* WEIGHTS from words[at] on, one for each source. */
static bool read_weights(struct call *call, size_t at, struct mixture *mixture)
{
    for (size_t i = 0; i < mixture->count; i++) {
        if (!call_double(call, at + 1 + i, "weight value is not a float",
                         &mixture->sources[i].weight))
            return false;
    }
    return true;
}

static bool read_options(struct call *call, const struct manner *manner, size_t at,
                         struct mixture *mixture)
{
    while (at < call->count) {
        size_t left = call->count - at;

        if (manner->weighs && word_is(call, at, "weights") && left > mixture->count) {
            if (!read_weights(call, at, mixture))
                return false;
            at += 1 + mixture->count;
        } else if (manner->weighs && word_is(call, at, "aggregate") && left > 1 &&
                   read_aggregate(call, at + 1, &mixture->aggregate)) {
            at += 2;
        } else if (manner->counts && word_is(call, at, "limit") && left > 1) {
            if (!call_range(call, at + 1, 0, INT64_MAX, "LIMIT can't be negative", &mixture->limit))
                return false;
            at += 2;
        } else if (!manner->store && !manner->counts && word_is(call, at, "withscores")) {
            mixture->scores = true;
            at++;
        } else {
            reply_syntax(call);
            return false;
        }
    }
    return true;
}

/* Sources and options; the caller frees `sources`. False: wrong, which was replied. */
static bool read_mixture(struct call *call, const struct manner *manner, struct mixture *mixture)
{
    size_t at = manner->store ? 2 : 1;
    int64_t keys = 0;

    if (!call_integer(call, at, &keys))
        return false;
    if (keys < 1) {
        reply_errorf(call, "at least 1 input key is needed for '%s' command", call->verb->name);
        return false;
    }
    if (keys > (int64_t)(call->count - at - 1)) {
        reply_syntax(call);
        return false;
    }
    mixture->count = (size_t)keys;
    mixture->sources = mem_new(mixture->count, sizeof *mixture->sources);
    for (size_t i = 0; i < mixture->count; i++) {
        if (!find_source(call, at + 1 + i, &mixture->sources[i]))
            return false;
    }
    return read_options(call, manner, at + 1 + mixture->count, mixture);
}

static size_t sources_cost(const struct mixture *mixture)
{
    size_t cost = 0;

    for (size_t i = 0; i < mixture->count; i++) {
        const struct source *source = &mixture->sources[i];

        if (source->zset != NULL)
            cost += ranking_cost(source->zset);
        else if (source->set != NULL)
            cost += 2 * members_cost(source->set); /* they get scores */
    }
    return cost;
}

/* ---- answering --------------------------------------------------------------------------------
 */

static void reply_result(struct call *call, const struct mixture *mixture)
{
    size_t count = ranking_count(mixture->result);
    bool nested = mixture->scores && call->protocol >= 3;

    reply_array(call, mixture->scores && !nested ? count * 2 : count);
    if (count == 0)
        return;
    struct ranking_cursor cursor = ranking_at(mixture->result, 0);

    for (size_t i = 0; i < count; i++) {
        double score = 0;
        struct bytes member = ranking_get(mixture->result, cursor, &score);

        if (nested)
            reply_array(call, 2);
        reply_bulk(call, member);
        if (mixture->scores)
            reply_double(call, score);
        if (i + 1 < count)
            ranking_step(mixture->result, &cursor, false);
    }
}

static void mix(struct call *call, const struct manner *manner)
{
    struct mixture mixture = {0};
    enum err err = ERR_OK;

    if (!read_mixture(call, manner, &mixture))
        goto out;
    mixture.result = ranking_new(call->resp->rules);
    err = mixture.result == NULL ? ERR_FULL : manner->mix(&mixture);
    if (err != ERR_OK) {
        if (err != ERR_FULL || !call_wants_room(call, sources_cost(&mixture)))
            reply_err(call, err);
    } else if (!manner->store) {
        reply_result(call, &mixture);
    } else {
        int64_t count = (int64_t)ranking_count(mixture.result);

        if (call_put_object(call, call->key, TYPE_ZSET, mixture.result, CACHE_NEVER))
            reply_integer(call, count);
        mixture.result = NULL;
    }
out:
    ranking_free(&mixture.result);
    mem_free(&mixture.sources);
}

void on_zsets_zunion(struct call *call)
{
    mix(call, &(struct manner){.mix = unite, .weighs = true});
}

void on_zsets_zunionstore(struct call *call)
{
    mix(call, &(struct manner){.mix = unite, .store = true, .weighs = true});
}

void on_zsets_zinter(struct call *call)
{
    mix(call, &(struct manner){.mix = intersect, .weighs = true});
}

void on_zsets_zinterstore(struct call *call)
{
    mix(call, &(struct manner){.mix = intersect, .store = true, .weighs = true});
}

void on_zsets_zdiff(struct call *call)
{
    mix(call, &(struct manner){.mix = subtract});
}

void on_zsets_zdiffstore(struct call *call)
{
    mix(call, &(struct manner){.mix = subtract, .store = true});
}

void on_zsets_zintercard(struct call *call)
{
    struct mixture mixture = {0};
    struct step step = {.mixture = &mixture};

    if (read_mixture(call, &(struct manner){.counts = true}, &mixture)) {
        step.limit = mixture.limit;
        source_each(smallest(&mixture), intersect_one, &step);
        reply_integer(call, step.count);
    }
    mem_free(&mixture.sources);
}
