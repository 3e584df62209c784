/* SPDX-License-Identifier: MIT */
#include "bench/judge.h"
#include "t.h"

static struct plan plan;

static struct http_answer http(unsigned status, uint64_t size)
{
    return (struct http_answer){.status = status, .size = size};
}

static enum failure of_http(unsigned status, uint64_t size)
{
    struct http_answer answer = http(status, size);

    return judge_http(&plan, &answer, NULL);
}

TEST(any_2xx_is_right_unless_one_status_is_expected)
{
    plan = (struct plan){.expected_status = 0};
    CHECK(of_http(200, 5) == FAILURE_COUNT);
    CHECK(of_http(204, 0) == FAILURE_COUNT);
    CHECK(of_http(304, 0) == FAILURE_STATUS);
    CHECK(of_http(503, 5) == FAILURE_STATUS);
    plan.expected_status = 304;
    CHECK(of_http(304, 0) == FAILURE_COUNT);
    CHECK(of_http(200, 5) == FAILURE_STATUS);
}

TEST(a_size_counts_only_where_one_is_expected)
{
    plan =
        (struct plan){.has_expected_size = true, .expected_size_low = 10, .expected_size_high = 20};
    CHECK(of_http(200, 9) == FAILURE_SIZE);
    CHECK(of_http(200, 10) == FAILURE_COUNT);
    CHECK(of_http(200, 20) == FAILURE_COUNT);
    CHECK(of_http(200, 21) == FAILURE_SIZE);
}

TEST(what_an_answer_says_goes_into_the_tally_right_or_wrong)
{
    struct tally *tally = tally_new();
    struct http_answer answer = http(500, 12);

    plan = (struct plan){.expected_status = 0};
    answer.cached = CACHED_MISS;
    answer.source = SOURCE_CACHE_STATUS;
    CHECK(judge_http(&plan, &answer, tally) == FAILURE_STATUS);
    answer.status = 200;
    answer.cached = CACHED_HIT;
    for (unsigned i = 0; i < 3; i++)
        CHECK(judge_http(&plan, &answer, tally) == FAILURE_COUNT);
    CHECK(tally->status[500] == 1 && tally->status[200] == 3);
    CHECK(tally->body_bytes == 48);
    CHECK(tally_hit_ratio(tally) == 0.75);
    tally_free(&tally);
}

static enum failure of_resp(uint8_t expected, uint8_t type, bool nil, uint64_t size)
{
    struct route route = {.expected_type = expected};
    struct resp_answer answer = {.type = type, .is_nil = nil, .size = size};

    return judge_resp(&plan, &route, &answer, 1, NULL);
}

TEST(a_read_may_find_nothing_but_not_something_else)
{
    plan = (struct plan){.expected_status = 0};
    CHECK(of_resp('$', '$', false, 3) == FAILURE_COUNT);
    CHECK(of_resp('$', '$', true, 0) == FAILURE_COUNT);
    CHECK(of_resp('$', '_', true, 0) == FAILURE_COUNT);
    CHECK(of_resp('$', '*', false, 3) == FAILURE_REPLY);
    CHECK(of_resp('$', '-', false, 3) == FAILURE_REPLY);
    CHECK(of_resp('+', '+', false, 2) == FAILURE_COUNT);
    CHECK(of_resp('+', '$', false, 2) == FAILURE_REPLY);
    CHECK(of_resp(0, '*', false, 2) == FAILURE_COUNT);
    CHECK(of_resp(0, '-', false, 2) == FAILURE_REPLY);
    CHECK(of_resp(0, '!', false, 2) == FAILURE_REPLY);
}

TEST(answers_that_are_alike_are_judged_once_and_counted_each)
{
    struct route route = {.expected_type = '$'};
    struct resp_answer answer = {.type = '$', .size = 10};
    struct tally *tally = tally_new();

    plan = (struct plan){.expected_status = 0};
    CHECK(judge_resp(&plan, &route, &answer, 7, tally) == FAILURE_COUNT);
    answer.is_nil = true;
    answer.size = 0;
    CHECK(judge_resp(&plan, &route, &answer, 3, tally) == FAILURE_COUNT);
    CHECK(tally->cached[CACHED_HIT] == 7 && tally->cached[CACHED_MISS] == 3);
    CHECK(tally->body_bytes == 70);
    tally_free(&tally);
}

TEST(a_value_that_is_there_must_have_the_expected_size)
{
    plan =
        (struct plan){.has_expected_size = true, .expected_size_low = 64, .expected_size_high = 64};
    CHECK(of_resp('$', '$', false, 64) == FAILURE_COUNT);
    CHECK(of_resp('$', '$', false, 63) == FAILURE_SIZE);
    CHECK(of_resp('$', '$', true, 0) == FAILURE_COUNT);
    CHECK(of_resp('+', '+', false, 2) == FAILURE_COUNT);
}
