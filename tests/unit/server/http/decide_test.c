/* The promises of server/http/decide.h. SPDX-License-Identifier: MIT */
#include "server/http/decide.h"
#include "t.h"

#include <stdio.h>

static struct route_settings settings_of(void)
{
    return (struct route_settings){.name = "r",
                                   .match = "/**",
                                   .cache = ROUTE_CACHE_ORIGIN,
                                   .authorization = ROUTE_AUTH_IF_PUBLIC,
                                   .client_control = true,
                                   .grace_ms = 600000,
                                   .body_max = 1 << 20};
}

static struct http_head parse_request(const char *text)
{
    static const struct http_limits limits = {65536, 8192, HTTP_FIELDS_MAX};
    struct http_head head;
    struct http_complaint complaint;
    size_t size = 0;

    CHECK(http_parse_request(bytes_of_text(text), &limits, &head, &size, &complaint) == ERR_OK);
    return head;
}

/* The verdict on an answer of that status with these fields. */
static struct verdict judge(const struct route_settings *settings, bool authorized, unsigned status,
                            const char *fields)
{
    static const struct http_limits limits = {65536, 0, HTTP_FIELDS_MAX};
    static char text[4096];
    struct http_head head;
    struct http_complaint complaint;
    struct route route;
    struct fault fault;
    struct verdict verdict;
    size_t size = 0;

    (void)snprintf(text, sizeof text, "HTTP/1.1 %u X\r\nContent-Length: 5\r\n%s\r\n", status,
                   fields);
    CHECK(http_parse_response(bytes_of_text(text), &limits, false, &head, &size, &complaint) ==
          ERR_OK);
    CHECK(route_compile(settings, &route, &fault) == ERR_OK);
    const struct decide_facts facts = {&route, authorized, 1000000, 1000000, 0};

    decide_store(&facts, &head, &verdict);
    return verdict;
}

static enum gateway_reason lookup(const struct route_settings *settings, const char *text)
{
    struct http_head head = parse_request(text);
    struct route route;
    struct fault fault;
    struct cache_control control;

    CHECK(route_compile(settings, &route, &fault) == ERR_OK);
    decide_control(&route, &head, &control);
    return decide_lookup(&route, &head, &control);
}

TEST(only_get_and_head_without_a_body_are_looked_up)
{
    struct route_settings settings = settings_of();

    CHECK(lookup(&settings, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") == REASON_NONE);
    CHECK(lookup(&settings, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n") == REASON_NONE);
    CHECK(lookup(&settings, "POST / HTTP/1.1\r\nHost: a\r\n\r\n") == REASON_METHOD);
    CHECK(lookup(&settings, "get / HTTP/1.1\r\nHost: a\r\n\r\n") == REASON_METHOD);
    CHECK(lookup(&settings, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n") ==
          REASON_METHOD);
}

TEST(requests_that_are_not_for_the_cache_say_why)
{
    struct route_settings settings = settings_of();

    CHECK(lookup(&settings, "GET / HTTP/1.1\r\nHost: a\r\nCache-Control: no-store\r\n\r\n") ==
          REASON_REQUEST_NO_STORE);
    settings.upgrade = ROUTE_UPGRADE_WEBSOCKET;
    CHECK(lookup(&settings, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                            "Upgrade: websocket\r\n\r\n") == REASON_UPGRADE);
    CHECK(lookup(&settings,
                 "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n") ==
          REASON_NONE);
    settings.client_control = false;
    CHECK(lookup(&settings, "GET / HTTP/1.1\r\nHost: a\r\nCache-Control: no-store\r\n\r\n") ==
          REASON_NONE);
    settings.authorization = ROUTE_AUTH_NEVER;
    CHECK(lookup(&settings, "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\n\r\n") ==
          REASON_AUTHORIZATION);
    settings.cache = ROUTE_CACHE_OFF;
    CHECK(lookup(&settings, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") == REASON_ROUTE_OFF);
}

TEST(explicit_freshness_is_stored_for_that_long)
{
    struct route_settings settings = settings_of();
    struct verdict verdict =
        judge(&settings, false, 200, "Cache-Control: max-age=60\r\nAge: 20\r\n");

    CHECK(verdict.store);
    CHECK(verdict.share);
    CHECK(verdict.lifetime_ms == 60000);
    CHECK(verdict.age_ms == 20000);
    CHECK(verdict.grace_ms == 600000);
}

TEST(an_answer_that_is_too_old_already_is_shared_with_those_who_waited_only)
{
    struct route_settings settings = settings_of();
    struct verdict verdict =
        judge(&settings, false, 200, "Cache-Control: max-age=60\r\nAge: 60\r\n");

    CHECK(!verdict.store);
    CHECK(verdict.share);
    CHECK(verdict.reason == REASON_NO_FRESHNESS);
}

TEST(what_is_stale_at_once_is_stored_if_the_origin_can_be_asked_about_it)
{
    struct route_settings settings = settings_of();
    struct verdict verdict =
        judge(&settings, false, 200, "Cache-Control: max-age=0\r\nETag: \"1\"\r\n");

    CHECK(verdict.store && verdict.share);
    CHECK(judge(&settings, false, 200, "Expires: 0\r\nLast-Modified: x\r\n").store);
    CHECK(!judge(&settings, false, 200, "ETag: \"1\"\r\n").store);
    CHECK(!judge(&settings, false, 503, "Cache-Control: max-age=0\r\nETag: \"1\"\r\n").store);
    /* ... or if it may be served stale. */
    CHECK(judge(&settings, false, 200,
                "Age: 50\r\nCache-Control: max-age=10, stale-while-revalidate=60\r\n")
              .store);
    CHECK(!judge(&settings, false, 200,
                 "Age: 90\r\nCache-Control: max-age=10, stale-while-revalidate=60\r\n")
               .store);
}

TEST(what_says_no_cache_is_stored_and_shared_with_nobody)
{
    struct route_settings settings = settings_of();
    struct verdict verdict =
        judge(&settings, false, 200, "Cache-Control: no-cache, max-age=60\r\nETag: \"1\"\r\n");

    CHECK(verdict.store && !verdict.share);
    CHECK(verdict.lifetime_ms == 0);
    CHECK((verdict.flags & (STORED_STRICT | STORED_ASK)) == (STORED_STRICT | STORED_ASK));
    CHECK(judge(&settings, false, 200, "Cache-Control: no-cache\r\nETag: \"1\"\r\n").store);
    CHECK(!judge(&settings, false, 302, "Cache-Control: no-cache\r\nETag: \"1\"\r\n").store);
    CHECK(!judge(&settings, false, 200, "Cache-Control: no-cache\r\n").store);
}

TEST(fields_under_private_and_no_cache_are_for_the_first_client)
{
    struct route_settings settings = settings_of();
    struct verdict verdict = judge(
        &settings, false, 200, "Cache-Control: max-age=9, private=\"a\", no-cache=\"b, c\"\r\n");

    CHECK(verdict.store && verdict.share);
    CHECK(verdict.unshared.count == 2);
    CHECK(cache_lists_have(&verdict.unshared, BYTES("A")));
    CHECK(cache_lists_have(&verdict.unshared, BYTES("c")));
}

TEST(without_a_word_nothing_is_stored_or_shared)
{
    struct route_settings settings = settings_of();
    struct verdict verdict = judge(&settings, false, 200, "");

    CHECK(!verdict.store);
    CHECK(!verdict.share);
    CHECK(verdict.reason == REASON_NO_FRESHNESS);
}

TEST(the_routes_ttl_is_for_successes_and_the_negative_one_for_absence)
{
    struct route_settings settings = settings_of();

    settings.ttl_ms = 60000;
    CHECK(judge(&settings, false, 200, "").store);
    CHECK(judge(&settings, false, 301, "").store);
    CHECK(!judge(&settings, false, 404, "").store);
    CHECK(!judge(&settings, false, 500, "").store);
    CHECK(!judge(&settings, false, 302, "").store);
    settings.negative_ms = 1000;
    CHECK(judge(&settings, false, 404, "").lifetime_ms == 1000);
    CHECK(judge(&settings, false, 410, "").store);
    CHECK(judge(&settings, false, 200, "Cache-Control: max-age=5\r\n").lifetime_ms == 5000);
    CHECK(!judge(&settings, false, 200, "Cache-Control: no-store\r\n").store);
}

TEST(force_beats_the_origins_word_but_not_cookies)
{
    struct route_settings settings = settings_of();

    settings.cache = ROUTE_CACHE_FORCE;
    settings.ttl_ms = 60000;
    CHECK(judge(&settings, false, 200, "Cache-Control: no-store\r\n").lifetime_ms == 60000);
    CHECK(judge(&settings, false, 200, "Cache-Control: private, max-age=5\r\n").store);
    CHECK(judge(&settings, false, 200, "Set-Cookie: a=b\r\n").reason == REASON_SET_COOKIE);
    CHECK(!judge(&settings, false, 500, "").store);
}

TEST(obstacles_have_names)
{
    struct route_settings settings = settings_of();

    CHECK(judge(&settings, false, 206, "Cache-Control: max-age=5\r\n").reason ==
          REASON_RANGE_PARTIAL);
    CHECK(judge(&settings, false, 200, "Cache-Control: private\r\n").reason == REASON_PRIVATE);
    CHECK(judge(&settings, false, 200, "Cache-Control: max-age=5\r\nVary: *\r\n").reason ==
          REASON_VARY_STAR);
    CHECK(judge(&settings, false, 200, "Cache-Control: max-age=5\r\nSet-Cookie: a=b\r\n").reason ==
          REASON_SET_COOKIE);
    settings.body_max = 4;
    CHECK(judge(&settings, false, 200, "Cache-Control: max-age=5\r\n").reason == REASON_TOO_LARGE);
}

TEST(authorization_needs_a_permission_to_share)
{
    struct route_settings settings = settings_of();

    CHECK(judge(&settings, true, 200, "Cache-Control: max-age=5\r\n").reason ==
          REASON_AUTHORIZATION);
    CHECK(judge(&settings, true, 200, "Cache-Control: max-age=5, public\r\n").store);
    CHECK(judge(&settings, true, 200, "Cache-Control: s-maxage=5\r\n").store);
    CHECK(judge(&settings, true, 200, "Cache-Control: max-age=5, must-revalidate\r\n").store);
    CHECK((judge(&settings, false, 200, "Cache-Control: max-age=5\r\n").flags & STORED_PUBLIC) ==
          0);
    CHECK((judge(&settings, false, 200, "Cache-Control: public, max-age=5\r\n").flags &
           STORED_PUBLIC) != 0);
}

TEST(stale_times_are_the_origins_or_else_the_routes)
{
    struct route_settings settings = settings_of();

    settings.swr_ms = 7000;
    settings.sie_ms = 8000;
    struct verdict verdict = judge(&settings, false, 200, "Cache-Control: max-age=5\r\n");

    CHECK(verdict.swr_ms == 7000);
    CHECK(verdict.sie_ms == 8000);
    verdict = judge(&settings, false, 200,
                    "Cache-Control: max-age=5, stale-while-revalidate=1, stale-if-error=2\r\n");
    CHECK(verdict.swr_ms == 1000);
    CHECK(verdict.sie_ms == 2000);
    verdict = judge(&settings, false, 200, "Cache-Control: max-age=5, must-revalidate\r\n");
    CHECK((verdict.flags & STORED_STRICT) != 0);
    CHECK(verdict.swr_ms == 0);
    CHECK(verdict.grace_ms == 0);
}

TEST(errors_are_shared_with_those_who_wait_and_not_stored)
{
    struct route_settings settings = settings_of();
    struct verdict verdict = judge(&settings, false, 500, "");

    CHECK(verdict.is_error);
    CHECK(verdict.share);
    CHECK(!verdict.store);
    CHECK(!judge(&settings, false, 500, "Cache-Control: private\r\n").share);
}

/* ---- reuse -------------------------------------------------------------------------------- */

static struct cache_control control_of(const char *value)
{
    struct cache_control control;

    cache_control_init(&control);
    cache_control_add(&control, bytes_of_text(value));
    return control;
}

static enum reuse reuse(enum cache_state state, int64_t age_s, uint16_t flags, const char *wish)
{
    const struct stored stored = {
        .born_ms = 0, .lifetime_ms = 60000, .swr_ms = 30000, .flags = flags};
    struct cache_control request = control_of(wish);
    struct cache_control response = control_of("max-age=60");

    return decide_reuse(state, &stored, &request, &response, age_s * 1000);
}

TEST(a_request_without_wishes_takes_fresh_and_stale_but_not_grace)
{
    CHECK(decide_reuse_plain(CACHE_FRESH) == REUSE_SERVE);
    CHECK(decide_reuse_plain(CACHE_STALE) == REUSE_SERVE);
    CHECK(decide_reuse_plain(CACHE_GRACE) == REUSE_REFRESH);
}

TEST(wishes_of_a_request_are_obeyed)
{
    CHECK(reuse(CACHE_FRESH, 10, 0, "max-age=20") == REUSE_SERVE);
    CHECK(reuse(CACHE_FRESH, 30, 0, "max-age=20") == REUSE_REFRESH);
    CHECK(reuse(CACHE_FRESH, 10, 0, "no-cache") == REUSE_REFRESH);
    CHECK(reuse(CACHE_FRESH, 10, 0, "min-fresh=40") == REUSE_SERVE);
    CHECK(reuse(CACHE_FRESH, 30, 0, "min-fresh=40") == REUSE_REFRESH);
    CHECK(reuse(CACHE_STALE, 70, 0, "no-cache") == REUSE_REFRESH);
    CHECK(reuse(CACHE_STALE, 70, 0, "max-age=20") == REUSE_REFRESH);
    CHECK(reuse(CACHE_STALE, 70, 0, "only-if-cached") == REUSE_SERVE);
}

TEST(max_stale_takes_what_is_in_grace_unless_that_is_forbidden)
{
    CHECK(reuse(CACHE_GRACE, 70, 0, "max-stale=20") == REUSE_SERVE);
    CHECK(reuse(CACHE_GRACE, 90, 0, "max-stale=20") == REUSE_REFRESH);
    CHECK(reuse(CACHE_GRACE, 70, STORED_STRICT, "max-stale=20") == REUSE_REFRESH);
}

static bool stands_in(int64_t stale_s, enum failure failure, uint16_t flags, const char *wish)
{
    const struct stored stored = {.born_ms = 0,
                                  .lifetime_ms = 60000,
                                  .swr_ms = 10000,
                                  .sie_ms = 30000,
                                  .grace_ms = 100000,
                                  .flags = flags};
    struct cache_control request = control_of(wish);

    return decide_stand_in(&stored, failure, &request, 60000 + stale_s * 1000);
}

TEST(stale_stands_in_for_an_error_as_long_as_stale_if_error_says)
{
    CHECK(stands_in(30, FAILURE_STATUS, 0, ""));
    CHECK(!stands_in(31, FAILURE_STATUS, 0, ""));
    CHECK(stands_in(50, FAILURE_STATUS, 0, "stale-if-error=60"));
}

TEST(stale_stands_in_for_an_unreachable_origin_as_long_as_grace_says)
{
    CHECK(stands_in(100, FAILURE_UNREACHABLE, 0, ""));
    CHECK(!stands_in(101, FAILURE_UNREACHABLE, 0, ""));
    CHECK(!stands_in(1, FAILURE_UNREACHABLE, STORED_STRICT, ""));
    CHECK(!stands_in(1, FAILURE_UNREACHABLE, 0, "no-cache"));
}
