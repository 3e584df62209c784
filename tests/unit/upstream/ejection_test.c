/* The promises of upstream/ejection.h, ewma.h and budget.h. SPDX-License-Identifier: MIT */
#include "t.h"
#include "upstream/budget.h"
#include "upstream/ejection.h"
#include "upstream/ewma.h"

TEST(so_many_failures_in_a_row_put_a_server_out)
{
    struct ejection ejection = {.failures = 0};

    for (int i = 0; i < 4; i++)
        CHECK(!ejection_note_failure(&ejection, 5));
    CHECK(ejection_note_failure(&ejection, 5));
    CHECK(ejection_begin(&ejection, 10000, 500));
    CHECK(ejection_is_out(&ejection, 10499) && !ejection_is_out(&ejection, 10500));
}

TEST(an_answer_ends_the_row_of_failures)
{
    struct ejection ejection = {.failures = 0};

    for (int i = 0; i < 20; i++) {
        CHECK(!ejection_note_failure(&ejection, 2));
        ejection_note_ok(&ejection, 10000, 500);
    }
}

TEST(no_limit_means_never)
{
    struct ejection ejection = {.failures = 0};

    for (int i = 0; i < 100; i++)
        CHECK(!ejection_note_failure(&ejection, 0));
}

TEST(who_is_put_out_again_is_out_for_longer)
{
    struct ejection ejection = {.failures = 0};
    int64_t now_ms = 500;

    for (int64_t times = 1; times <= 15; times++) {
        CHECK(ejection_begin(&ejection, 1000, now_ms));
        CHECK(!ejection_begin(&ejection, 1000, now_ms));
        int64_t longest = times < EJECTION_TIMES_MAX ? times : EJECTION_TIMES_MAX;

        CHECK(ejection_is_out(&ejection, now_ms + 1000 * longest - 1));
        CHECK(!ejection_is_out(&ejection, now_ms + 1000 * longest));
        now_ms += 1000 * longest;
    }
}

TEST(who_has_been_well_for_as_long_begins_anew)
{
    struct ejection ejection = {.failures = 0};

    CHECK(ejection_begin(&ejection, 1000, 500));
    CHECK(ejection_begin(&ejection, 1000, 2000));
    ejection_note_ok(&ejection, 1000, 5000);
    CHECK(ejection_begin(&ejection, 1000, 6000));
    CHECK(!ejection_is_out(&ejection, 7000));
}

TEST(only_a_share_of_the_servers_may_be_out)
{
    CHECK(!ejection_is_allowed(0, 1, 0.5));
    CHECK(ejection_is_allowed(0, 2, 0.5) && !ejection_is_allowed(1, 2, 0.5));
    CHECK(ejection_is_allowed(0, 3, 0.5) && !ejection_is_allowed(1, 3, 0.5));
    CHECK(ejection_is_allowed(2, 3, 1.0) && !ejection_is_allowed(3, 3, 1.0));
}

TEST(a_slow_answer_is_believed_at_once_and_quick_ones_over_time)
{
    struct ewma ewma = {.at_ms = 0};

    ewma_note(&ewma, 10, 1000);
    ewma_note(&ewma, 500, 1001);
    CHECK(ewma_read(&ewma, 1001) > 499);
    ewma_note(&ewma, 10, 2001);
    CHECK(ewma_read(&ewma, 2001) > 400 && ewma_read(&ewma, 2001) < 499);
    for (int64_t now_ms = 2100; now_ms < 60000; now_ms += 100)
        ewma_note(&ewma, 10, now_ms);
    CHECK(ewma_read(&ewma, 60000) < 12);
}

TEST(a_mean_fades_while_nothing_is_heard)
{
    struct ewma ewma = {.at_ms = 0};

    ewma_note(&ewma, 1000, 1000);
    CHECK(ewma_read(&ewma, 1000 + EWMA_TAU_MS) < 400);
    CHECK(ewma_read(&ewma, 1000 + 10 * EWMA_TAU_MS) < 1);
}

TEST(retries_are_a_share_of_the_requests)
{
    struct budget budget;
    unsigned retries = 0;

    budget_init(&budget);
    while (budget_take(&budget))
        retries++;
    CHECK(retries == BUDGET_TOKENS);
    for (int i = 0; i < 1000; i++) {
        budget_pay(&budget, 200);
        retries += budget_take(&budget);
    }
    CHECK(retries == BUDGET_TOKENS + 200);
}

TEST(no_more_than_a_few_retries_are_saved)
{
    struct budget budget;

    budget_init(&budget);
    for (int i = 0; i < 1000; i++)
        budget_pay(&budget, 500);
    CHECK(budget_read(&budget) <= BUDGET_TOKENS);
}
