/* span.c: reading ranges and finding them. SPDX-License-Identifier: MIT */
#include "server/resp/span.h"

/* "1.5", "(1.5", "-inf" */
static bool read_score(struct bytes word, struct span_edge *ret_edge)
{
    *ret_edge = (struct span_edge){.exclusive = word.size > 0 && word.data[0] == '('};
    word = bytes_skip(word, ret_edge->exclusive);
    /* As in Redis nothing at all is 0. */
    return word.size == 0 || number_double(word, &ret_edge->score) == ERR_OK;
}

/* "[a", "(a", "-", "+" */
static bool read_bytes(struct bytes word, struct span_edge *ret_edge)
{
    *ret_edge = (struct span_edge){.bytes = bytes_skip(word, 1)};
    if (word.size == 0)
        return false;
    switch (word.data[0]) {
    case '-':
        ret_edge->beyond = -1;
        return word.size == 1;
    case '+':
        ret_edge->beyond = 1;
        return word.size == 1;
    case '(':
        ret_edge->exclusive = true;
        return true;
    default:
        return word.data[0] == '[';
    }
}

bool span_read(struct call *call, enum span_by by, size_t low, size_t high, struct span *ret_span)
{
    *ret_span = (struct span){.by = by};
    if (by == SPAN_BY_RANK)
        return call_integer(call, low, &ret_span->from) && call_integer(call, high, &ret_span->to);
    if (by == SPAN_BY_SCORE) {
        if (read_score(call->words[low], &ret_span->low) &&
            read_score(call->words[high], &ret_span->high))
            return true;
        reply_error(call, "min or max is not a float");
        return false;
    }
    if (read_bytes(call->words[low], &ret_span->low) &&
        read_bytes(call->words[high], &ret_span->high))
        return true;
    reply_error(call, "min or max not valid string range item");
    return false;
}

/* Members before the low border. */
static bool is_below_score(const void *context, double score, struct bytes member)
{
    const struct span_edge *edge = context;

    (void)member;
    return edge->exclusive ? score <= edge->score : score < edge->score;
}

/* Members up to the high border. */
static bool is_up_to_score(const void *context, double score, struct bytes member)
{
    const struct span_edge *edge = context;

    (void)member;
    return edge->exclusive ? score < edge->score : score <= edge->score;
}

static bool is_below_bytes(const void *context, double score, struct bytes member)
{
    const struct span_edge *edge = context;
    int order = 0;

    (void)score;
    if (edge->beyond != 0)
        return edge->beyond > 0;
    order = bytes_compare(member, edge->bytes);
    return edge->exclusive ? order <= 0 : order < 0;
}

static bool is_up_to_bytes(const void *context, double score, struct bytes member)
{
    const struct span_edge *edge = context;
    int order = 0;

    (void)score;
    if (edge->beyond != 0)
        return edge->beyond > 0;
    order = bytes_compare(member, edge->bytes);
    return edge->exclusive ? order < 0 : order <= 0;
}

static struct span_ranks by_rank(const struct span *span, int64_t count, bool down)
{
    int64_t from = span->from < 0 ? add_saturated(span->from, count) : span->from;
    int64_t to = span->to < 0 ? add_saturated(span->to, count) : span->to;

    from = from < 0 ? 0 : from;
    to = to >= count ? count - 1 : to;
    if (from > to)
        return (struct span_ranks){0};
    return (struct span_ranks){(size_t)(down ? count - 1 - to : from), (size_t)(to - from + 1)};
}

struct span_ranks span_ranks(const struct span *span, const struct ranking *ranking, bool down)
{
    bool scores = span->by == SPAN_BY_SCORE;

    if (span->by == SPAN_BY_RANK)
        return by_rank(span, (int64_t)ranking_count(ranking), down);
    size_t below =
        ranking_count_before(ranking, scores ? is_below_score : is_below_bytes, &span->low);
    size_t up_to =
        ranking_count_before(ranking, scores ? is_up_to_score : is_up_to_bytes, &span->high);

    return (struct span_ranks){below, up_to > below ? up_to - below : 0};
}
