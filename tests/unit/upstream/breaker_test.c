/* The promises of upstream/breaker.h. SPDX-License-Identifier: MIT */
#include "base/random.h"
#include "t.h"
#include "upstream/breaker.h"

static const struct breaker_rules rules = {.failures_max = 5,
                                           .window_ms = 10000,
                                           .requests_min = 20,
                                           .error_rate = 0.5,
                                           .open_ms = 5000,
                                           .probes = 1};

static const struct breaker_outcome good = {.is_ok = true, .is_answered = true};
static const struct breaker_outcome silence = {.is_ok = false, .is_answered = false};
static const struct breaker_outcome error = {.is_ok = false, .is_answered = true};

static struct breaker_outcome of_probe(struct breaker_outcome outcome)
{
    outcome.is_probe = true;
    return outcome;
}

static void note(struct breaker *breaker, struct breaker_outcome outcome, unsigned times,
                 int64_t now_ms)
{
    for (unsigned i = 0; i < times; i++)
        (void)breaker_note(breaker, &rules, outcome, now_ms);
}

TEST(five_failures_in_a_row_open_it)
{
    struct breaker breaker = {.state = 0};

    note(&breaker, silence, 4, 1000);
    CHECK(breaker_state(&breaker) == BREAKER_CLOSED);
    CHECK(breaker_note(&breaker, &rules, silence, 1000));
    CHECK(breaker_state(&breaker) == BREAKER_OPEN);
    CHECK(breaker_ask(&breaker, &rules, 1000) == BREAKER_REFUSE);
    CHECK(breaker_since_ms(&breaker) == 1000);
}

TEST(an_answer_in_between_ends_the_row)
{
    struct breaker breaker = {.state = 0};

    for (int i = 0; i < 4; i++) {
        note(&breaker, silence, 2, 1000);
        note(&breaker, good, 3, 1000);
    }
    CHECK(breaker_state(&breaker) == BREAKER_CLOSED);
    CHECK(!breaker_is_suspect(&breaker));
}

TEST(one_failure_is_no_suspicion_and_two_in_a_row_are)
{
    struct breaker breaker = {.state = 0};

    note(&breaker, silence, 1, 1000);
    CHECK(!breaker_is_suspect(&breaker));
    note(&breaker, silence, 1, 1000);
    CHECK(breaker_is_suspect(&breaker));
    note(&breaker, good, 1, 1000);
    CHECK(!breaker_is_suspect(&breaker));
}

TEST(half_of_twenty_requests_open_it)
{
    struct breaker breaker = {.state = 0};

    note(&breaker, good, 10, 1000);
    note(&breaker, error, 9, 1500);
    CHECK(breaker_state(&breaker) == BREAKER_CLOSED);
    note(&breaker, error, 1, 1500);
    CHECK(breaker_state(&breaker) == BREAKER_OPEN);
}

TEST(the_share_of_few_requests_does_not_count)
{
    struct breaker breaker = {.state = 0};

    note(&breaker, error, 19, 1000);
    CHECK(breaker_state(&breaker) == BREAKER_CLOSED);
}

TEST(what_is_older_than_the_window_does_not_count)
{
    struct breaker breaker = {.state = 0};

    note(&breaker, error, 15, 1000);
    note(&breaker, error, 15, 11500);
    CHECK(breaker_state(&breaker) == BREAKER_CLOSED);
    CHECK(breaker_counts(&breaker, &rules, 11500).requests == 15);
    CHECK(breaker_counts(&breaker, &rules, 30000).requests == 0);
}

TEST(after_its_time_one_request_probes_and_the_others_wait)
{
    struct breaker breaker = {.state = 0};

    note(&breaker, silence, 5, 1000);
    CHECK(breaker_ask(&breaker, &rules, 5999) == BREAKER_REFUSE);
    CHECK(breaker_ask(&breaker, &rules, 6000) == BREAKER_PROBE);
    CHECK(breaker_ask(&breaker, &rules, 6001) == BREAKER_REFUSE);
    CHECK(breaker_state(&breaker) == BREAKER_HALF_OPEN);
}

TEST(a_probe_that_goes_well_closes_it_and_the_past_is_forgotten)
{
    struct breaker breaker = {.state = 0};

    note(&breaker, error, 20, 1000);
    CHECK(breaker_ask(&breaker, &rules, 6000) == BREAKER_PROBE);
    CHECK(breaker_note(&breaker, &rules, of_probe(good), 6100));
    CHECK(breaker_state(&breaker) == BREAKER_CLOSED);
    CHECK(breaker_ask(&breaker, &rules, 6100) == BREAKER_PASS);
    note(&breaker, error, 1, 6200);
    CHECK(breaker_state(&breaker) == BREAKER_CLOSED);
    CHECK(!breaker_is_suspect(&breaker));
}

TEST(a_probe_that_fails_opens_it_for_as_long_again)
{
    struct breaker breaker = {.state = 0};

    note(&breaker, silence, 5, 1000);
    CHECK(breaker_ask(&breaker, &rules, 6000) == BREAKER_PROBE);
    CHECK(breaker_note(&breaker, &rules, of_probe(silence), 6100));
    CHECK(breaker_ask(&breaker, &rules, 11099) == BREAKER_REFUSE);
    CHECK(breaker_ask(&breaker, &rules, 11100) == BREAKER_PROBE);
}

TEST(a_probe_whose_client_left_makes_room_for_the_next)
{
    struct breaker breaker = {.state = 0};

    note(&breaker, silence, 5, 1000);
    CHECK(breaker_ask(&breaker, &rules, 6000) == BREAKER_PROBE);
    breaker_forget(&breaker, 6050);
    CHECK(breaker_ask(&breaker, &rules, 6051) == BREAKER_PROBE);
}

TEST(a_probe_that_is_never_heard_of_again_does_not_shut_it_forever)
{
    struct breaker breaker = {.state = 0};

    note(&breaker, silence, 5, 1000);
    CHECK(breaker_ask(&breaker, &rules, 6000) == BREAKER_PROBE);
    CHECK(breaker_ask(&breaker, &rules, 10999) == BREAKER_REFUSE);
    CHECK(breaker_ask(&breaker, &rules, 11000) == BREAKER_PROBE);
}

TEST(as_many_probes_as_are_wanted_must_go_well)
{
    struct breaker_rules three = rules;
    struct breaker breaker = {.state = 0};

    three.probes = 3;
    note(&breaker, silence, 5, 1000);
    for (int64_t i = 0; i < 3; i++) {
        CHECK(breaker_state(&breaker) != BREAKER_CLOSED);
        CHECK(breaker_ask(&breaker, &three, 6000 + i) == BREAKER_PROBE);
        CHECK(breaker_note(&breaker, &three, of_probe(good), 6000 + i) == (i == 2));
    }
    CHECK(breaker_state(&breaker) == BREAKER_CLOSED);
}

TEST(what_left_before_it_opened_says_nothing_new)
{
    struct breaker breaker = {.state = 0};

    note(&breaker, silence, 5, 1000);
    CHECK(!breaker_note(&breaker, &rules, good, 1200));
    CHECK(breaker_state(&breaker) == BREAKER_OPEN);
}

/* Whatever happens: it opens only for a reason, lets one probe out at a time, and an origin that is
 * well again is asked again. */
TEST(random_fates_never_shut_out_an_origin_that_is_well)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct breaker breaker = {.state = 0};
        struct random random;
        int64_t now_ms = 1000;

        random_init(&random, seed);
        for (int i = 0; i < 2000; i++) {
            enum breaker_leave leave = breaker_ask(&breaker, &rules, now_ms);
            bool is_well = random_below(&random, 100) < 1 + seed * 2;
            struct breaker_outcome outcome = is_well ? good : silence;

            now_ms += (int64_t)random_below(&random, 200);
            CHECK((leave == BREAKER_PASS) == (breaker_state(&breaker) == BREAKER_CLOSED));
            if (leave == BREAKER_PROBE)
                CHECK(breaker_ask(&breaker, &rules, now_ms) == BREAKER_REFUSE);
            if (leave != BREAKER_REFUSE && random_below(&random, 10) > 0)
                (void)breaker_note(&breaker, &rules,
                                   leave == BREAKER_PROBE ? of_probe(outcome) : outcome, now_ms);
            else if (leave == BREAKER_PROBE)
                breaker_forget(&breaker, now_ms);
        }
        now_ms += rules.open_ms;
        if (breaker_ask(&breaker, &rules, now_ms) == BREAKER_PROBE)
            (void)breaker_note(&breaker, &rules, of_probe(good), now_ms);
        CHECK(breaker_ask(&breaker, &rules, now_ms) == BREAKER_PASS);
    }
}
