/* The promises of proto/cachecontrol.h: directives. RFC 9111 unless another is named.
 * SPDX-License-Identifier: MIT */
#include "proto/cachecontrol.h"

#include "head.h"

static const int64_t now_s = 1795168753;
static struct http_head head;
static struct cache_control control;

static void read(struct bytes value)
{
    cache_control_init(&control);
    cache_control_add(&control, value);
}

static bool max_age_is(struct bytes value, int64_t seconds)
{
    read(value);
    return control.max_age_s == seconds;
}

TEST(directives_are_read_in_any_case_and_order_5_2)
{
    read(BYTES("Public, MAX-AGE=60,s-maxage=120 , must-revalidate,proxy-revalidate, immutable,"
               "no-transform, stale-while-revalidate=5, stale-if-error=6, must-understand, x=y"));
    CHECK(control.is_public && control.must_revalidate && control.proxy_revalidate);
    CHECK(control.immutable && control.no_transform && control.must_understand);
    CHECK(control.max_age_s == 60 && control.s_maxage_s == 120);
    CHECK(control.stale_while_revalidate_s == 5 && control.stale_if_error_s == 6);
    CHECK(!control.no_store && !control.no_cache && !control.is_private);
    read(BYTES("no-store, no-cache, private, only-if-cached"));
    CHECK(control.no_store && control.no_cache && control.is_private && control.only_if_cached);
    CHECK(control.max_age_s == CACHE_UNSET && control.s_maxage_s == CACHE_UNSET);
}

TEST(names_that_only_look_alike_are_other_directives_5_2_3)
{
    read(BYTES("no-stores, xpublic, privates, max-agee=5, maxage=6"));
    CHECK(!control.no_store && !control.is_public && !control.is_private);
    CHECK(control.max_age_s == CACHE_UNSET);
}

TEST(seconds_are_taken_bare_or_quoted_and_saturate_1_2_2)
{
    CHECK(max_age_is(BYTES("max-age=60"), 60));
    CHECK(max_age_is(BYTES("max-age=\"60\""), 60));
    CHECK(max_age_is(BYTES("max-age=0060"), 60));
    CHECK(max_age_is(BYTES("max-age=2147483648"), CACHE_SECONDS_MAX));
    CHECK(max_age_is(BYTES("max-age=4294967296"), CACHE_SECONDS_MAX));
    CHECK(max_age_is(BYTES("max-age=99999999999999999999999"), CACHE_SECONDS_MAX));
}

TEST(a_lifetime_that_makes_no_sense_is_0_4_2_1)
{
    CHECK(max_age_is(BYTES("max-age"), 0));
    CHECK(max_age_is(BYTES("max-age="), 0));
    CHECK(max_age_is(BYTES("max-age=-1"), 0));
    CHECK(max_age_is(BYTES("max-age=+1"), 0));
    CHECK(max_age_is(BYTES("max-age=1.5"), 0));
    CHECK(max_age_is(BYTES("max-age=60s"), 0));
    CHECK(max_age_is(BYTES("max-age=0x10"), 0));
    CHECK(max_age_is(BYTES("max-age=abc"), 0));
    CHECK(max_age_is(BYTES("max-age = 60"), 0));
    CHECK(max_age_is(BYTES("max-age=60 public"), 0));
    CHECK(max_age_is(BYTES("max-age=60; public"), 0));
    CHECK(max_age_is(BYTES("max-age=\"60"), 0));
    CHECK(max_age_is(BYTES("max-age='60'"), 0));
    CHECK(max_age_is(BYTES("max-age=\"6\\0\""), 0));
    CHECK(!control.is_public);
}

TEST(of_several_values_the_safer_one_holds_4_2_1)
{
    CHECK(max_age_is(BYTES("max-age=60, max-age=10"), 10));
    CHECK(max_age_is(BYTES("max-age=10, max-age=60"), 10));
    CHECK(max_age_is(BYTES("max-age=10, max-age=x"), 0));
    read(BYTES("min-fresh=10, min-fresh=60, max-stale=5, max-stale=50, s-maxage=3, s-maxage=1"));
    CHECK(control.min_fresh_s == 60 && control.max_stale_s == 5 && control.s_maxage_s == 1);
    cache_control_init(&control);
    cache_control_add(&control, BYTES("max-age=60"));
    cache_control_add(&control, BYTES("no-store, max-age=50"));
    CHECK(control.max_age_s == 50 && control.no_store);
}

TEST(max_stale_without_a_value_is_any_5_2_1_2)
{
    read(BYTES("max-stale"));
    CHECK(control.max_stale_s == CACHE_SECONDS_MAX);
    read(BYTES("max-stale=x"));
    CHECK(control.max_stale_s == 0);
    read(BYTES("min-fresh=x"));
    CHECK(control.min_fresh_s == CACHE_SECONDS_MAX);
}

TEST(a_restriction_holds_however_it_is_written)
{
    read(BYTES("no-store=1, must-revalidate=\"x\", no-transform ;"));
    CHECK(control.no_store && control.must_revalidate && control.no_transform);
    read(BYTES("no-store;max-age=60"));
    CHECK(control.no_store);
    read(BYTES("public=1, must-understand=2"));
    CHECK(!control.is_public && !control.must_understand);
    read(BYTES("public;"));
    CHECK(!control.is_public);
}

/* RFC 8246 §2 */
TEST(an_argument_of_immutable_means_nothing)
{
    read(BYTES("immutable=5"));
    CHECK(control.immutable);
}

TEST(private_and_no_cache_take_lists_of_fields_5_2_2)
{
    read(BYTES("private=\"Set-Cookie, x-own\", no-cache=\"a\", no-cache=b"));
    CHECK(!control.is_private && !control.no_cache);
    CHECK(cache_lists_have(&control.private_lists, BYTES("set-cookie")));
    CHECK(cache_lists_have(&control.private_lists, BYTES("X-Own")));
    CHECK(!cache_lists_have(&control.private_lists, BYTES("a")));
    CHECK(cache_lists_have(&control.no_cache_lists, BYTES("A")));
    CHECK(cache_lists_have(&control.no_cache_lists, BYTES("B")));
    read(BYTES("private=\"a\", private"));
    CHECK(control.is_private);
}

TEST(a_list_of_fields_that_makes_no_sense_is_the_whole_restriction)
{
    read(BYTES("private="));
    CHECK(control.is_private);
    read(BYTES("private=\"\""));
    CHECK(control.is_private);
    read(BYTES("private=\"a b\""));
    CHECK(control.is_private);
    read(BYTES("no-cache=\"a, (b)\""));
    CHECK(control.no_cache);
    read(BYTES("no-cache=\"a\\\"b\""));
    CHECK(control.no_cache);
    read(BYTES("private=\"a\", private=\"b\", private=\"c\", private=\"d\", private=\"e\""));
    CHECK(control.is_private);
}

TEST(a_quote_that_nobody_closes_hides_no_directive)
{
    read(BYTES("private=\"a, no-store"));
    CHECK(control.is_private && control.no_store);
    read(BYTES("x=\"a, max-age=10, no-cache"));
    CHECK(control.max_age_s == 10 && control.no_cache);
    read(BYTES("x=\"a, y=\"b\", no-store\""));
    CHECK(control.no_store);
    read(BYTES("x=\"a, no-store\""));
    CHECK(!control.no_store);
}

TEST(pragma_counts_only_without_cache_control_5_4)
{
    head_of_request(&head, GET("Pragma: x, No-Cache\r\n"));
    cache_control_of_request(&head, &control);
    CHECK(control.no_cache);
    head_of_request(&head, GET("Pragma: no-cache\r\nCache-Control: max-age=5\r\n"));
    cache_control_of_request(&head, &control);
    CHECK(!control.no_cache && control.max_age_s == 5);
    head_of_request(&head, GET("Pragma: no-cache=1\r\n"));
    cache_control_of_request(&head, &control);
    CHECK(!control.no_cache);
}

static struct cache_response response_of(struct bytes text)
{
    struct cache_response response;

    head_of_response(&head, text);
    cache_response_of(&head, now_s, &response);
    return response;
}

/* RFC 9213 §2.2 */
TEST(cdn_cache_control_replaces_cache_control_and_expires)
{
    struct cache_response response =
        response_of(ANSWER("Cache-Control: no-store, public\r\nCDN-Cache-Control: max-age=600\r\n"
                           "Expires: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));

    CHECK(response.is_targeted && !response.control.no_store && !response.control.is_public);
    CHECK(response.control.max_age_s == 600);
    CHECK(!response.has_expires);
    response = response_of(ANSWER("Cache-Control: max-age=600\r\nCDN-Cache-Control: no-store\r\n"));
    CHECK(response.is_targeted && response.control.no_store);
    CHECK(response.control.max_age_s == CACHE_UNSET);
}

/* RFC 9213 §2.1 */
TEST(a_cdn_cache_control_that_is_broken_or_empty_is_ignored_as_a_whole)
{
    static const struct bytes texts[] = {
        BYTES_INIT("HTTP/1.1 200 X\r\nCDN-Cache-Control: max-age=600,\r\nCache-Control: a\r\n\r\n"),
        BYTES_INIT("HTTP/1.1 200 X\r\nCDN-Cache-Control: Max-Age=600\r\n\r\n"),
        BYTES_INIT("HTTP/1.1 200 X\r\nCDN-Cache-Control: max-age=600 public\r\n\r\n"),
        BYTES_INIT("HTTP/1.1 200 X\r\nCDN-Cache-Control: max-age = 600\r\n\r\n"),
        BYTES_INIT("HTTP/1.1 200 X\r\nCDN-Cache-Control: no-store; max-age=600\"\r\n\r\n"),
        BYTES_INIT("HTTP/1.1 200 X\r\nCDN-Cache-Control:\r\n\r\n"),
        BYTES_INIT(
            "HTTP/1.1 200 X\r\nCDN-Cache-Control: max-age=600\r\nCDN-Cache-Control: ,\r\n\r\n"),
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct cache_response response = response_of(texts[i]);

        CHECK(!response.is_targeted);
        CHECK(response.control.max_age_s == CACHE_UNSET);
        CHECK(!response.control.no_store);
    }
}

/* RFC 9651 §3.2: the last one of a key; RFC 9213 §2.1: parameters mean nothing */
TEST(members_of_cdn_cache_control_have_structured_values)
{
    struct cache_response response = response_of(
        ANSWER("CDN-Cache-Control: max-age=10;x=1, no-store, s-maxage=5\r\n"
               "CDN-Cache-Control: max-age=20, no-store=?0, private=\"a\", unknown=1\r\n"));

    CHECK(response.is_targeted);
    CHECK(response.control.max_age_s == 20 && response.control.s_maxage_s == 5);
    CHECK(!response.control.no_store && !response.control.is_private);
    CHECK(cache_lists_have(&response.control.private_lists, BYTES("a")));
    response = response_of(ANSWER("CDN-Cache-Control: max-age=\"60\", s-maxage=1.5\r\n"));
    CHECK(response.is_targeted);
    CHECK(response.control.max_age_s == 0 && response.control.s_maxage_s == 0);
    response = response_of(ANSWER("CDN-Cache-Control: no-store=yes, public=yes, private=(a)\r\n"));
    CHECK(response.control.no_store && !response.control.is_public && response.control.is_private);
    response = response_of(ANSWER("CDN-Cache-Control: max-age=-5, stale-if-error=99999999999\r\n"));
    CHECK(response.control.max_age_s == 0);
    CHECK(response.control.stale_if_error_s == CACHE_SECONDS_MAX);
}

TEST(dates_and_ages_that_make_no_sense_are_as_if_absent)
{
    struct cache_response response =
        response_of(ANSWER("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nExpires: 0\r\nAge: 1.5\r\n"
                           "Last-Modified: long ago\r\n"));

    CHECK(response.has_date && response.date_s == 784111777);
    CHECK(response.has_expires && response.expires_s == 0); /* §5.3: in the past */
    CHECK(response.age_s == 0);
    CHECK(!response.has_last_modified);
    /* §5.1: the first member of the first field. */
    response = response_of(ANSWER("Date: now\r\nAge: 10, 20, x\r\nAge: 15\r\n"
                                  "Expires: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                  "Expires: Sun, 06 Nov 1994 08:49:38 GMT\r\n"));
    CHECK(!response.has_date && response.age_s == 10 && response.expires_s == 0);
    response = response_of(ANSWER("Age: 99999999999999999999999\r\n"));
    CHECK(response.age_s == CACHE_SECONDS_MAX);
    response = response_of(ANSWER("Age: -1\r\n"));
    CHECK(response.age_s == 0);
}
