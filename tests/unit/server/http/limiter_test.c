/* The promises of server/http/limiter.h. SPDX-License-Identifier: MIT */
#include "server/http/limiter.h"
#include "t.h"

static const int64_t second = 1000000000;

static struct limiter_rate rate_of(const char *text, uint64_t burst)
{
    struct limiter_rate rate = {0, 0};

    CHECK(limiter_rate_parse(bytes_of_text(text), &rate) == ERR_OK);
    rate.burst = burst;
    return rate;
}

TEST(a_rate_is_a_number_and_a_unit)
{
    struct limiter_rate rate;

    CHECK(rate_of("100/s", 1).interval_ns == second / 100);
    CHECK(rate_of("1/m", 1).interval_ns == 60 * second);
    CHECK(rate_of("3600/h", 1).interval_ns == second);
    CHECK(rate_of("1/d", 1).interval_ns == 86400 * second);
    static const char *const wrong[] = {"", "100", "/s", "100/", "100/x", "-1/s", "1.5/s", "1/s "};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(limiter_rate_parse(bytes_of_text(wrong[i]), &rate) == ERR_SYNTAX);
    CHECK(limiter_rate_parse(BYTES("0/s"), &rate) == ERR_RANGE);
    CHECK(limiter_rate_parse(BYTES("1000001/s"), &rate) == ERR_RANGE);
}

TEST(a_burst_passes_at_once_and_then_one_each_interval)
{
    struct limiter *limiter = limiter_new(1024);
    struct limiter_rate rate = rate_of("10/s", 5);
    struct limiter_state state;
    int64_t now = 1000 * second;

    for (uint64_t i = 0; i < 5; i++) {
        CHECK(limiter_take(limiter, 7, rate, now, &state));
        CHECK(state.left == 4 - i && state.retry_ns == 0);
    }
    CHECK(!limiter_take(limiter, 7, rate, now, &state));
    CHECK(state.left == 0 && state.retry_ns == second / 10);
    CHECK(!limiter_take(limiter, 7, rate, now + second / 10 - 1, &state));
    CHECK(state.retry_ns == 1);
    CHECK(limiter_take(limiter, 7, rate, now + second / 10, &state));
    CHECK(!limiter_take(limiter, 7, rate, now + second / 10, &state));
    limiter_drop(&limiter);
}

TEST(over_a_long_time_the_rate_is_kept_whatever_is_refused)
{
    struct limiter *limiter = limiter_new(1024);
    struct limiter_rate rate = rate_of("100/s", 20);
    struct limiter_state state;
    uint64_t passed = 0;

    for (int64_t at = 0; at < 100 * second; at += second / 1000)
        passed += limiter_take(limiter, 7, rate, 1000 * second + at, &state);
    CHECK(passed >= 10000 && passed <= 10020);
    limiter_drop(&limiter);
}

TEST(each_visitor_has_his_own_bucket)
{
    struct limiter *limiter = limiter_new(1024);
    struct limiter_rate rate = rate_of("1/d", 1);
    struct limiter_state state;

    for (uint64_t who = 1; who <= 100; who++)
        CHECK(limiter_take(limiter, who << 8, rate, second, &state) && !state.has_evicted);
    for (uint64_t who = 1; who <= 100; who++)
        CHECK(!limiter_take(limiter, who << 8, rate, second, &state));
    limiter_drop(&limiter);
}

TEST(full_buckets_make_room_unseen_and_of_the_others_the_fullest_goes)
{
    struct limiter *limiter = limiter_new(4);
    struct limiter_rate rate = rate_of("1/s", 10);
    struct limiter_state state;
    int64_t now = 1000 * second;

    CHECK(limiter_size(limiter) == 64);
    for (uint64_t who = 1; who <= 4; who++) {
        for (uint64_t i = 0; i < who; i++)
            CHECK(limiter_take(limiter, who, rate, now, &state));
    }
    CHECK(limiter_take(limiter, 5, rate, now + second, &state));
    CHECK(!state.has_evicted); /* the first is full again */
    CHECK(limiter_take(limiter, 5, rate, now + second, &state) && state.left == 8);
    CHECK(limiter_take(limiter, 6, rate, now + second, &state));
    CHECK(state.has_evicted && state.left == 9); /* the second was */
    CHECK(limiter_take(limiter, 4, rate, now + second, &state) && state.left == 6);
    limiter_drop(&limiter);
}

TEST(a_clock_that_goes_back_a_little_gives_nothing_away)
{
    struct limiter *limiter = limiter_new(4);
    struct limiter_rate rate = rate_of("1/s", 1);
    struct limiter_state state;

    CHECK(limiter_take(limiter, 1, rate, 10 * second, &state));
    CHECK(!limiter_take(limiter, 1, rate, 10 * second - 5, &state));
    CHECK(state.retry_ns == second + 5);
    limiter_drop(&limiter);
}
