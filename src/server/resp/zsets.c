/* zsets.c: commands on one sorted set. SPDX-License-Identifier: MIT */
#include "server/resp/handlers.h"
#include "server/resp/picking.h"
#include "server/resp/span.h"
#include "types/members.h"

#include <math.h>

static bool find_zset(struct call *call, struct ranking **ret_zset)
{
    return call_object(call, call->key, TYPE_ZSET, ret_zset);
}

/* ---- adding -----------------------------------------------------------------------------------
 */

struct add_options {
    bool nx, xx, gt, lt, changed, incr;
    size_t first; /* word of the first score */
};

static bool read_add_option(struct call *call, size_t at, struct add_options *options)
{
    if (word_is(call, at, "nx"))
        return options->nx = true;
    if (word_is(call, at, "xx"))
        return options->xx = true;
    if (word_is(call, at, "gt"))
        return options->gt = true;
    if (word_is(call, at, "lt"))
        return options->lt = true;
    if (word_is(call, at, "ch"))
        return options->changed = true;
    if (word_is(call, at, "incr"))
        return options->incr = true;
    return false;
}

static bool read_add_options(struct call *call, bool incr, struct add_options *ret_options)
{
    struct add_options options = {.incr = incr, .first = 2};

    while (!incr && options.first < call->count && read_add_option(call, options.first, &options))
        options.first++;
    size_t left = call->count - options.first;

    *ret_options = options;
    if (left == 0 || left % 2 != 0)
        reply_syntax(call);
    else if (options.nx && options.xx)
        reply_error(call, "XX and NX options at the same time are not compatible");
    else if ((options.gt && options.nx) || (options.lt && options.nx) || (options.gt && options.lt))
        reply_error(call, "GT, LT, and/or NX options at the same time are not compatible");
    else if (options.incr && left > 2)
        reply_error(call, "INCR option supports a single increment-element pair");
    else
        return true;
    return false;
}

struct added {
    int64_t added;
    int64_t updated;
    double score;   /* of the last one */
    bool processed; /* the last one was not kept out by an option */
};

enum add_outcome { ADD_DONE, ADD_NAN, ADD_FULL };

static enum add_outcome add_one(struct ranking *zset, const struct add_options *options,
                                double score, struct bytes member, struct added *result)
{
    double old = 0;
    bool exists = ranking_score(zset, member, &old), added = false;

    result->processed = false;
    if (exists ? options->nx : options->xx)
        return ADD_DONE;
    if (options->incr && exists)
        score += old;
    if (isnan(score))
        return ADD_NAN;
    if (exists && ((options->gt && score <= old) || (options->lt && score >= old)))
        return ADD_DONE;
    result->processed = true;
    result->score = score;
    if (exists && score == old)
        return ADD_DONE;
    if (ranking_set(zset, member, score, &added) != ERR_OK)
        return ADD_FULL;
    result->added += added;
    result->updated += !added;
    return ADD_DONE;
}

static void add(struct call *call, bool incr)
{
    struct add_options options;
    struct added result = {0};
    struct edit edit;
    double score = 0;
    enum add_outcome outcome = ADD_DONE;

    if (!read_add_options(call, incr, &options))
        return;
    for (size_t i = options.first; i < call->count; i += 2) {
        if (!call_double(call, i, "value is not a valid float", &score))
            return;
    }
    if (!edit_begin(call, call->key, TYPE_ZSET, &edit))
        return;
    if (!(edit.object == NULL && options.xx) && !edit_make(call, &edit))
        return;
    for (size_t i = options.first; edit.object != NULL && i < call->count && outcome == ADD_DONE;
         i += 2) {
        if (number_double(call->words[i], &score) == ERR_OK)
            outcome = add_one(edit.object, &options, score, call->words[i + 1], &result);
    }
    if (!edit_end(call, &edit, result.added + result.updated > 0))
        return;
    if (outcome == ADD_NAN)
        reply_error(call, "resulting score is not a number (NaN)");
    else if (outcome == ADD_FULL)
        reply_err(call, ERR_FULL);
    else if (options.incr && !result.processed)
        reply_null(call);
    else if (options.incr)
        reply_double(call, result.score);
    else
        reply_integer(call, options.changed ? result.added + result.updated : result.added);
}

void on_zsets_zadd(struct call *call)
{
    add(call, false);
}

void on_zsets_zincrby(struct call *call)
{
    add(call, true);
}

void on_zsets_zrem(struct call *call)
{
    struct edit edit;
    int64_t count = 0;

    if (!edit_begin(call, call->key, TYPE_ZSET, &edit))
        return;
    for (size_t i = 2; edit.object != NULL && i < call->count; i++)
        count += ranking_remove(edit.object, call->words[i]);
    if (edit_end(call, &edit, count > 0))
        reply_integer(call, count);
}

static void remove_span(struct call *call, enum span_by by)
{
    struct edit edit;
    struct span span;
    struct span_ranks ranks = {0};

    if (!span_read(call, by, 2, 3, &span) || !edit_begin(call, call->key, TYPE_ZSET, &edit))
        return;
    if (edit.object != NULL) {
        ranks = span_ranks(&span, edit.object, false);
        ranking_remove_ranks(edit.object, ranks.from, ranks.count);
    }
    if (edit_end(call, &edit, ranks.count > 0))
        reply_integer(call, (int64_t)ranks.count);
}

void on_zsets_zremrangebyrank(struct call *call)
{
    remove_span(call, SPAN_BY_RANK);
}

void on_zsets_zremrangebyscore(struct call *call)
{
    remove_span(call, SPAN_BY_SCORE);
}

void on_zsets_zremrangebylex(struct call *call)
{
    remove_span(call, SPAN_BY_BYTES);
}

/* ---- asking -----------------------------------------------------------------------------------
 */

void on_zsets_zcard(struct call *call)
{
    struct ranking *zset = NULL;

    if (find_zset(call, &zset))
        reply_integer(call, zset == NULL ? 0 : (int64_t)ranking_count(zset));
}

static void reply_score(struct call *call, const struct ranking *zset, struct bytes member)
{
    double score = 0;

    if (zset != NULL && ranking_score(zset, member, &score))
        reply_double(call, score);
    else
        reply_null(call);
}

void on_zsets_zscore(struct call *call)
{
    struct ranking *zset = NULL;

    if (find_zset(call, &zset))
        reply_score(call, zset, call->words[2]);
}

void on_zsets_zmscore(struct call *call)
{
    struct ranking *zset = NULL;

    if (!find_zset(call, &zset))
        return;
    reply_array(call, call->count - 2);
    for (size_t i = 2; i < call->count; i++)
        reply_score(call, zset, call->words[i]);
}

static void reply_rank(struct call *call, bool down)
{
    struct ranking *zset = NULL;
    size_t rank = 0;

    if (!find_zset(call, &zset))
        return;
    if (zset == NULL || !ranking_rank(zset, call->words[2], &rank))
        reply_null(call);
    else
        reply_integer(call, (int64_t)(down ? ranking_count(zset) - 1 - rank : rank));
}

void on_zsets_zrank(struct call *call)
{
    reply_rank(call, false);
}

void on_zsets_zrevrank(struct call *call)
{
    reply_rank(call, true);
}

static void count_span(struct call *call, enum span_by by)
{
    struct ranking *zset = NULL;
    struct span span;

    if (span_read(call, by, 2, 3, &span) && find_zset(call, &zset))
        reply_integer(call, zset == NULL ? 0 : (int64_t)span_ranks(&span, zset, false).count);
}

void on_zsets_zcount(struct call *call)
{
    count_span(call, SPAN_BY_SCORE);
}

void on_zsets_zlexcount(struct call *call)
{
    count_span(call, SPAN_BY_BYTES);
}

static void scan_member(void *context, struct bytes member, double score)
{
    struct scanned *scanned = context;
    struct buf text;
    uint8_t copy[64];

    /* A score is told as text in both protocols. */
    buf_init(&text, sizeof copy, NULL);
    if (isinf(score))
        buf_add_text(&text, score > 0 ? "inf" : "-inf");
    else
        buf_printf(&text, "%.17g", score);
    memcpy(copy, text.data, text.size);
    struct bytes written = bytes_of(copy, text.size);

    buf_fini(&text);
    scanned_add(scanned, member, written);
}

void on_zsets_zscan(struct call *call)
{
    struct scan_options options;
    struct ranking *zset = NULL;
    struct scanned scanned;
    uint64_t cursor = 0;

    if (!call_cursor(call, 2, &cursor) || !call_scan_options(call, 3, &options) ||
        !find_zset(call, &zset))
        return;
    scanned_begin(&scanned, &options);
    do {
        cursor = zset == NULL ? 0 : ranking_scan(zset, cursor, scan_member, &scanned);
    } while (scanned_goes_on(&scanned, cursor));
    scanned_reply(call, &scanned, cursor);
}

/* ---- popping ----------------------------------------------------------------------------------
 */

/* One member with its score, as a pair of its own where `nested`. */
static void reply_pair(struct call *call, bool nested, struct bytes member, double score)
{
    if (nested)
        reply_array(call, 2);
    reply_bulk(call, member);
    reply_double(call, score);
}

/* Replies with the pairs (not with their number) and takes them out. */
static void pop_pairs(struct call *call, struct ranking *zset, bool highest, size_t count,
                      bool nested)
{
    size_t have = ranking_count(zset);

    if (count == 0)
        return;
    struct ranking_cursor cursor = ranking_at(zset, highest ? have - 1 : 0);

    for (size_t i = 0; i < count; i++) {
        double score = 0;
        struct bytes member = ranking_get(zset, cursor, &score);

        reply_pair(call, nested, member, score);
        if (i + 1 < count)
            ranking_step(zset, &cursor, highest);
    }
    ranking_remove_ranks(zset, highest ? have - count : 0, count);
}

static void pop(struct call *call, bool highest)
{
    struct edit edit;
    int64_t wanted = 1;
    /* Without a count a RESP3 client gets one flat pair. */
    bool nested = call->count == 3 && call->protocol >= 3;

    if (call->count > 3) {
        reply_syntax(call);
        return;
    }
    if (call->count == 3 &&
        !call_range(call, 2, 0, INT64_MAX, "value is out of range, must be positive", &wanted))
        return;
    if (!edit_begin(call, call->key, TYPE_ZSET, &edit))
        return;
    size_t have = edit.object == NULL ? 0 : ranking_count(edit.object);
    size_t count = (size_t)wanted < have ? (size_t)wanted : have;

    reply_array(call, nested ? count : count * 2);
    if (count > 0)
        pop_pairs(call, edit.object, highest, count, nested);
    (void)edit_end(call, &edit, count > 0);
}

void on_zsets_zpopmin(struct call *call)
{
    pop(call, false);
}

void on_zsets_zpopmax(struct call *call)
{
    pop(call, true);
}

/* ZMPOP numkeys key [key ...] MIN|MAX [COUNT n]; false: wrong, which was replied. */
static bool read_mpop(struct call *call, size_t *ret_keys_end, bool *ret_highest,
                      int64_t *ret_count)
{
    int64_t keys = 0;

    if (!call_range(call, 1, 1, INT32_MAX, "numkeys should be greater than 0", &keys))
        return false;
    size_t at = 2 + (size_t)keys;

    *ret_keys_end = at;
    *ret_count = 1;
    if (at >= call->count || (!word_is(call, at, "min") && !word_is(call, at, "max"))) {
        reply_syntax(call);
        return false;
    }
    *ret_highest = word_is(call, at, "max");
    if (call->count == at + 1)
        return true;
    if (call->count != at + 3 || !word_is(call, at + 1, "count")) {
        reply_syntax(call);
        return false;
    }
    return call_range(call, at + 2, 1, INT64_MAX, "count should be greater than 0", ret_count);
}

void on_zsets_zmpop(struct call *call)
{
    struct edit edit;
    size_t end = 0;
    bool highest = false;
    int64_t wanted = 0;

    if (!read_mpop(call, &end, &highest, &wanted))
        return;
    for (size_t i = 2; i < end; i++) {
        if (!edit_begin(call, call_key(call, i), TYPE_ZSET, &edit))
            return;
        if (edit.object == NULL)
            continue;
        size_t have = ranking_count(edit.object);
        size_t count = (size_t)wanted < have ? (size_t)wanted : have;

        reply_array(call, 2);
        reply_bulk(call, call->words[i]);
        reply_array(call, count);
        pop_pairs(call, edit.object, highest, count, true);
        (void)edit_end(call, &edit, true);
        return;
    }
    reply_null_array(call);
}

/* ---- at random --------------------------------------------------------------------------------
 */

static void reply_at(struct call *call, const struct ranking *zset, size_t rank, bool scores)
{
    double score = 0;
    struct bytes member = ranking_get(zset, ranking_at(zset, rank), &score);

    if (scores)
        reply_pair(call, call->protocol >= 3, member, score);
    else
        reply_bulk(call, member);
}

static void reply_random(struct call *call, const struct ranking *zset, int64_t count, bool scores)
{
    struct random *random = &call->door->random;
    size_t have = ranking_count(zset), parts = scores && call->protocol < 3 ? 2 : 1;
    struct picking picking;

    if (count < 0) {
        reply_array(call, (size_t)-count * parts);
        for (; count < 0; count++)
            reply_at(call, zset, random_below(random, have), scores);
        return;
    }
    picking_begin(&picking, have, (size_t)count);
    reply_array(call, picking.wanted * parts);
    struct ranking_cursor cursor = ranking_at(zset, 0);

    for (size_t rank = 0; picking.wanted > 0; rank++) {
        double score = 0;
        struct bytes member = ranking_get(zset, cursor, &score);

        if (picking_takes(&picking, random)) {
            if (scores)
                reply_pair(call, call->protocol >= 3, member, score);
            else
                reply_bulk(call, member);
        }
        if (rank + 1 < have)
            ranking_step(zset, &cursor, false);
    }
}

void on_zsets_zrandmember(struct call *call)
{
    struct ranking *zset = NULL;
    bool scores = call->count == 4;
    int64_t count = 0;

    if (call->count >= 3) {
        if (!call_range(call, 2, -INT64_MAX, INT64_MAX, NULL, &count))
            return;
        if (call->count > 4 || (scores && !word_is(call, 3, "withscores"))) {
            reply_syntax(call);
            return;
        }
        if (scores && (count < INT64_MIN / 2 || count > INT64_MAX / 2)) {
            reply_error(call, "value is out of range");
            return;
        }
    }
    if (!find_zset(call, &zset))
        return;
    if (call->count == 2 && zset == NULL)
        reply_null(call);
    else if (call->count == 2)
        reply_at(call, zset, random_below(&call->door->random, ranking_count(zset)), false);
    else if (zset == NULL || count == 0)
        reply_array(call, 0);
    else
        reply_random(call, zset, count, scores);
}
