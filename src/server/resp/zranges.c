/* zranges.c: ZRANGE in all its forms. SPDX-License-Identifier: MIT */
#include "server/resp/handlers.h"
#include "server/resp/span.h"

struct range {
    enum span_by by;
    bool down;
    bool scores;
    bool limited;
    int64_t skip;
    int64_t limit; /* negative: all */
};

/* What a form of the command allows and has by its name. */
struct form {
    size_t key;   /* word of the source; the range stands behind it */
    bool by_word; /* BYSCORE, BYLEX and REV are options */
    bool store;
};

static bool read_option(struct call *call, size_t *at, const struct form *form, struct range *range)
{
    bool by_free = form->by_word && range->by == SPAN_BY_RANK; /* nothing was said yet */

    if (!form->store && word_is(call, *at, "withscores")) {
        range->scores = true;
    } else if (word_is(call, *at, "limit") && *at + 2 < call->count) {
        if (!call_integer(call, *at + 1, &range->skip) ||
            !call_integer(call, *at + 2, &range->limit))
            return false;
        range->limited = true;
        *at += 2;
    } else if (form->by_word && !range->down && word_is(call, *at, "rev")) {
        range->down = true;
    } else if (by_free && word_is(call, *at, "bylex")) {
        range->by = SPAN_BY_BYTES;
    } else if (by_free && word_is(call, *at, "byscore")) {
        range->by = SPAN_BY_SCORE;
    } else {
        reply_syntax(call);
        return false;
    }
    return true;
}

/* False: wrong, which was replied. */
static bool read_range(struct call *call, const struct form *form, struct range *range,
                       struct span *ret_span)
{
    size_t low = form->key + 1, high = form->key + 2;

    for (size_t i = form->key + 3; i < call->count; i++) {
        if (!read_option(call, &i, form, range))
            return false;
    }
    if (range->limit != -1 && range->by == SPAN_BY_RANK) {
        reply_error(call, "syntax error, LIMIT is only supported in combination with either "
                          "BYSCORE or BYLEX");
        return false;
    }
    if (range->scores && range->by == SPAN_BY_BYTES) {
        reply_error(call, "syntax error, WITHSCORES not supported in combination with BYLEX");
        return false;
    }
    /* Backwards the higher border stands first, but for ranks. */
    if (range->down && range->by != SPAN_BY_RANK)
        return span_read(call, range->by, high, low, ret_span);
    return span_read(call, range->by, low, high, ret_span);
}

static struct span_ranks limited(const struct range *range, struct span_ranks ranks)
{
    size_t skip =
        range->skip < 0 || (uint64_t)range->skip > ranks.count ? ranks.count : (size_t)range->skip;
    size_t left = ranks.count - skip;
    size_t count = range->limit < 0 || (uint64_t)range->limit > left ? left : (size_t)range->limit;

    if (!range->limited || range->by == SPAN_BY_RANK)
        return ranks;
    return (struct span_ranks){range->down ? ranks.from + left - count : ranks.from + skip, count};
}

static void reply_ranks(struct call *call, const struct ranking *zset, const struct range *range,
                        struct span_ranks ranks)
{
    bool nested = range->scores && call->protocol >= 3;

    reply_array(call, range->scores && !nested ? ranks.count * 2 : ranks.count);
    if (ranks.count == 0)
        return;
    struct ranking_cursor cursor =
        ranking_at(zset, range->down ? ranks.from + ranks.count - 1 : ranks.from);

    for (size_t i = 0; i < ranks.count; i++) {
        double score = 0;
        struct bytes member = ranking_get(zset, cursor, &score);

        if (nested)
            reply_array(call, 2);
        reply_bulk(call, member);
        if (range->scores)
            reply_double(call, score);
        if (i + 1 < ranks.count)
            ranking_step(zset, &cursor, range->down);
    }
}

static void store_ranks(struct call *call, const struct ranking *zset, struct span_ranks ranks)
{
    struct ranking *result = ranking_new(call->resp->rules);
    struct ranking_cursor cursor = {0};
    enum err err = result == NULL ? ERR_FULL : ERR_OK;
    bool added = false;

    if (ranks.count > 0)
        cursor = ranking_at(zset, ranks.from);
    for (size_t i = 0; i < ranks.count && err == ERR_OK; i++) {
        double score = 0;
        struct bytes member = ranking_get(zset, cursor, &score);

        err = ranking_set(result, member, score, &added);
        if (i + 1 < ranks.count)
            ranking_step(zset, &cursor, false);
    }
    if (err != ERR_OK) {
        ranking_free(&result);
        if (!call_wants_room(call, ranking_cost(zset)))
            reply_err(call, err);
        return;
    }
    if (call_put_object(call, call->key, TYPE_ZSET, result, CACHE_NEVER))
        reply_integer(call, (int64_t)ranks.count);
}

static void range_over(struct call *call, const struct form *form, struct range range)
{
    struct ranking *zset = NULL;
    struct span span;
    struct span_ranks ranks = {0};

    if (!read_range(call, form, &range, &span) ||
        !call_object(call, call_key(call, form->key), TYPE_ZSET, &zset))
        return;
    if (zset != NULL)
        ranks = limited(&range, span_ranks(&span, zset, range.down));
    if (form->store)
        store_ranks(call, zset, ranks);
    else
        reply_ranks(call, zset, &range, ranks);
}

void on_zsets_zrange(struct call *call)
{
    range_over(call, &(struct form){.key = 1, .by_word = true}, (struct range){.limit = -1});
}

void on_zsets_zrangestore(struct call *call)
{
    range_over(call, &(struct form){.key = 2, .by_word = true, .store = true},
               (struct range){.limit = -1});
}

void on_zsets_zrevrange(struct call *call)
{
    range_over(call, &(struct form){.key = 1}, (struct range){.down = true, .limit = -1});
}

void on_zsets_zrangebyscore(struct call *call)
{
    range_over(call, &(struct form){.key = 1}, (struct range){.by = SPAN_BY_SCORE, .limit = -1});
}

void on_zsets_zrevrangebyscore(struct call *call)
{
    range_over(call, &(struct form){.key = 1},
               (struct range){.by = SPAN_BY_SCORE, .down = true, .limit = -1});
}

void on_zsets_zrangebylex(struct call *call)
{
    range_over(call, &(struct form){.key = 1}, (struct range){.by = SPAN_BY_BYTES, .limit = -1});
}

void on_zsets_zrevrangebylex(struct call *call)
{
    range_over(call, &(struct form){.key = 1},
               (struct range){.by = SPAN_BY_BYTES, .down = true, .limit = -1});
}
