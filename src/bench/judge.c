/* judge.c: answers against expectations. SPDX-License-Identifier: MIT */
#include "bench/judge.h"

static enum failure judge_size(const struct plan *plan, uint64_t size)
{
    bool right = !plan->has_expected_size ||
                 (size >= plan->expected_size_low && size <= plan->expected_size_high);

    return right ? FAILURE_COUNT : FAILURE_SIZE;
}

enum failure judge_http(const struct plan *plan, const struct http_answer *answer,
                        struct tally *tally)
{
    uint64_t wanted = plan->expected_status;

    if (tally != NULL) {
        tally->status[answer->status]++;
        tally->cached[answer->cached]++;
        tally->sources[answer->source]++;
        tally->body_bytes += answer->size;
    }
    if (wanted == 0 ? answer->status / 100 != 2 : answer->status != wanted)
        return FAILURE_STATUS;
    return judge_size(plan, answer->size);
}

static bool is_expected_type(const struct route *route, uint8_t type)
{
    if (type == '-' || type == '!')
        return false;
    if (route->expected_type == '$')
        return type == '$' || type == '_';
    return route->expected_type == 0 || route->expected_type == type;
}

enum failure judge_resp(const struct plan *plan, const struct route *route,
                        const struct resp_answer *answer, uint64_t count, struct tally *tally)
{
    bool reads = route->expected_type == '$';

    if (!is_expected_type(route, answer->type))
        return FAILURE_REPLY;
    if (tally != NULL && reads)
        tally->cached[answer->is_nil ? CACHED_MISS : CACHED_HIT] += count;
    if (tally != NULL && answer->type == '$')
        tally->body_bytes += answer->size * count;
    return reads && !answer->is_nil ? judge_size(plan, answer->size) : FAILURE_COUNT;
}
