/* The promises of proto/cachecontrol.h: lifetimes, ages and reuse. RFC 9111 §3, §4 and §5.
 * SPDX-License-Identifier: MIT */
#include "proto/cachecontrol.h"

#include "head.h"

static const int64_t base_s = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */
static struct http_head head;

#define DATE     "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define EXPIRES  "Expires: Sun, 06 Nov 1994 08:50:37 GMT\r\n"
#define MODIFIED "Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\n"

static struct freshness judge(struct bytes text, int64_t request_s, int64_t response_s)
{
    struct cache_response response;

    head_of_response(&head, text);
    cache_response_of(&head, base_s, &response);
    return cache_freshness(&response, request_s, response_s);
}

static bool lifetime_is(struct bytes text, enum freshness_source source, int64_t lifetime_s)
{
    struct freshness found = judge(text, base_s, base_s);

    return found.source == source && found.lifetime_s == lifetime_s;
}

TEST(the_source_of_a_lifetime_is_the_first_that_speaks_4_2_1)
{
    CHECK(lifetime_is(ANSWER(DATE EXPIRES MODIFIED "CDN-Cache-Control: max-age=1\r\n"
                                                   "Cache-Control: s-maxage=2, max-age=3\r\n"),
                      FRESHNESS_TARGETED, 1));
    CHECK(lifetime_is(ANSWER(DATE EXPIRES MODIFIED "Cache-Control: s-maxage=2, max-age=3\r\n"),
                      FRESHNESS_S_MAXAGE, 2));
    CHECK(lifetime_is(ANSWER(DATE EXPIRES MODIFIED "Cache-Control: max-age=3\r\n"),
                      FRESHNESS_MAX_AGE, 3));
    CHECK(lifetime_is(ANSWER(DATE EXPIRES MODIFIED), FRESHNESS_EXPIRES, 60));
    CHECK(lifetime_is(ANSWER(DATE MODIFIED), FRESHNESS_HEURISTIC, 8640));
    CHECK(lifetime_is(ANSWER(DATE), FRESHNESS_NONE, 0));
    CHECK(
        lifetime_is(ANSWER("CDN-Cache-Control: max-age=9, s-maxage=4\r\n"), FRESHNESS_TARGETED, 4));
}

TEST(an_expires_in_the_past_or_that_is_no_date_is_no_lifetime_5_3)
{
    CHECK(lifetime_is(ANSWER(DATE "Expires: Sun, 06 Nov 1994 08:49:36 GMT\r\n"), FRESHNESS_EXPIRES,
                      0));
    CHECK(lifetime_is(ANSWER(DATE MODIFIED "Expires: 0\r\n"), FRESHNESS_EXPIRES, 0));
    CHECK(lifetime_is(ANSWER(DATE "Expires: Fri, 31 Dec 9999 23:59:59 GMT\r\n"), FRESHNESS_EXPIRES,
                      CACHE_SECONDS_MAX));
    /* without Date the time of the response takes its place (§4.2.3) */
    CHECK(lifetime_is(ANSWER(EXPIRES), FRESHNESS_EXPIRES, 60));
}

TEST(a_guess_is_a_tenth_and_a_day_at_most_and_only_for_some_statuses_4_2_2)
{
    CHECK(lifetime_is(ANSWER(DATE "Last-Modified: Sun, 06 Nov 1994 08:49:28 GMT\r\n"),
                      FRESHNESS_HEURISTIC, 0));
    CHECK(lifetime_is(ANSWER(DATE "Last-Modified: Fri, 01 Jan 1971 00:00:00 GMT\r\n"),
                      FRESHNESS_HEURISTIC, CACHE_HEURISTIC_MAX));
    CHECK(lifetime_is(ANSWER(DATE "Last-Modified: Mon, 07 Nov 1994 08:49:37 GMT\r\n"),
                      FRESHNESS_HEURISTIC, 0));
    CHECK(lifetime_is(STATUS(404, DATE MODIFIED), FRESHNESS_HEURISTIC, 8640));
    CHECK(lifetime_is(STATUS(302, DATE MODIFIED), FRESHNESS_NONE, 0));
    CHECK(lifetime_is(STATUS(500, DATE MODIFIED), FRESHNESS_NONE, 0));
    CHECK(lifetime_is(STATUS(302, DATE MODIFIED "Cache-Control: public\r\n"), FRESHNESS_HEURISTIC,
                      8640));
    CHECK(lifetime_is(STATUS(302, DATE "Cache-Control: max-age=5\r\n"), FRESHNESS_MAX_AGE, 5));
}

TEST(the_age_of_a_response_is_the_larger_of_two_estimates_4_2_3)
{
    /* apparent_age */
    CHECK(judge(ANSWER(DATE), base_s + 5, base_s + 7).age_s == 7);
    /* corrected_age_value: Age and the delay of the answer */
    CHECK(judge(ANSWER(DATE "Age: 100\r\n"), base_s + 5, base_s + 7).age_s == 102);
    CHECK(judge(ANSWER("Age: 100\r\n"), base_s, base_s + 3).age_s == 103);
    CHECK(judge(ANSWER(""), base_s, base_s).age_s == 0);
    /* an origin whose clock is ahead, and a clock of ours that was set back meanwhile */
    CHECK(judge(ANSWER(DATE), base_s - 100, base_s - 100).age_s == 0);
    CHECK(judge(ANSWER(DATE), base_s, base_s - 5).age_s == 0);
    CHECK(judge(ANSWER(DATE "Age: nonsense\r\n"), base_s, base_s).age_s == 0);
}

TEST(of_several_ages_the_first_counts_5_1)
{
    CHECK(judge(ANSWER(DATE "Age: 5, 7\r\n"), base_s, base_s).age_s == 5);
    CHECK(judge(ANSWER(DATE "Age: 7\r\nAge: 5\r\n"), base_s, base_s).age_s == 7);
    CHECK(judge(ANSWER(DATE "Age: x, 7\r\n"), base_s, base_s).age_s == 0);
}

static struct cache_control control_of(struct bytes value)
{
    struct cache_control control;

    cache_control_init(&control);
    cache_control_add(&control, value);
    return control;
}

TEST(authorized_answers_are_shared_only_where_3_5_allows)
{
    struct cache_control control = control_of(BYTES("max-age=60"));

    CHECK(!cache_allows_authorized(&control));
    control = control_of(BYTES("public"));
    CHECK(cache_allows_authorized(&control));
    control = control_of(BYTES("s-maxage=0"));
    CHECK(cache_allows_authorized(&control));
    control = control_of(BYTES("must-revalidate"));
    CHECK(cache_allows_authorized(&control));
    control = control_of(BYTES("proxy-revalidate, max-age=5"));
    CHECK(!cache_allows_authorized(&control));
}

TEST(stale_answers_are_forbidden_by_four_directives_4_2_4)
{
    static const struct bytes values[] = {BYTES_INIT("must-revalidate"),
                                          BYTES_INIT("proxy-revalidate"), BYTES_INIT("s-maxage=5"),
                                          BYTES_INIT("no-cache")};

    for (size_t i = 0; i < 4; i++) {
        struct cache_control control = control_of(values[i]);

        CHECK(cache_forbids_stale(&control));
    }
    struct cache_control control = control_of(BYTES("max-age=5, stale-if-error=5"));

    CHECK(!cache_forbids_stale(&control));
}

static enum cache_use use(struct bytes request, struct bytes response, int64_t age_s)
{
    struct cache_control wanted = control_of(request), given = control_of(response);

    return cache_use_of(&wanted, &given, age_s, 60);
}

TEST(fresh_means_that_the_lifetime_is_longer_than_the_age_4_2)
{
    CHECK(use(BYTES(""), BYTES("max-age=60"), 0) == CACHE_USE_FRESH);
    CHECK(use(BYTES(""), BYTES("max-age=60"), 59) == CACHE_USE_FRESH);
    CHECK(use(BYTES(""), BYTES("max-age=60"), 60) == CACHE_USE_VALIDATE);
    CHECK(use(BYTES(""), BYTES("max-age=60, no-cache"), 0) == CACHE_USE_VALIDATE);
    CHECK(use(BYTES(""), BYTES("max-age=60, no-cache=\"a\""), 0) == CACHE_USE_FRESH);
}

TEST(request_directives_ask_for_newer_or_take_older_5_2_1)
{
    CHECK(use(BYTES("no-cache"), BYTES("max-age=60"), 1) == CACHE_USE_VALIDATE);
    CHECK(use(BYTES("max-age=10"), BYTES("max-age=60"), 10) == CACHE_USE_FRESH);
    CHECK(use(BYTES("max-age=10"), BYTES("max-age=60"), 11) == CACHE_USE_VALIDATE);
    CHECK(use(BYTES("max-age=0"), BYTES("max-age=60"), 0) == CACHE_USE_VALIDATE);
    CHECK(use(BYTES("min-fresh=50"), BYTES("max-age=60"), 10) == CACHE_USE_FRESH);
    CHECK(use(BYTES("min-fresh=51"), BYTES("max-age=60"), 10) == CACHE_USE_VALIDATE);
    CHECK(use(BYTES("max-stale=10"), BYTES("max-age=60"), 70) == CACHE_USE_STALE);
    CHECK(use(BYTES("max-stale=10"), BYTES("max-age=60"), 71) == CACHE_USE_VALIDATE);
    CHECK(use(BYTES("max-stale"), BYTES("max-age=60"), 100000) == CACHE_USE_STALE);
    CHECK(use(BYTES("max-stale"), BYTES("max-age=60, must-revalidate"), 70) == CACHE_USE_VALIDATE);
    CHECK(use(BYTES("max-stale"), BYTES("s-maxage=60"), 70) == CACHE_USE_VALIDATE);
    CHECK(use(BYTES("max-stale, max-age=65"), BYTES("max-age=60"), 70) == CACHE_USE_VALIDATE);
}
