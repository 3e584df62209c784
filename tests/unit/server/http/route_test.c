/* The promises of server/http/route.h and site.h. SPDX-License-Identifier: MIT */
#include "server/http/route.h"
#include "server/http/site.h"
#include "t.h"

#include <stdio.h>

static struct route_settings match(const char *name, const char *pattern)
{
    return (struct route_settings){.name = name,
                                   .file = "larder.yaml",
                                   .line = 7,
                                   .match = pattern,
                                   .cache = ROUTE_CACHE_ORIGIN};
}

static bool fits(const char *pattern, const char *path, struct captures *ret_captures)
{
    struct route_settings settings = match("r", pattern);
    struct route route;
    struct fault fault;

    CHECK(route_compile(&settings, &route, &fault) == ERR_OK);
    return route_fits(&route, bytes_of_text(path), ret_captures);
}

static bool is_refused(const char *pattern, const char *because)
{
    struct route_settings settings = match("r", pattern);
    struct route route;
    struct fault fault = {.line = 0};

    return route_compile(&settings, &route, &fault) == ERR_SYNTAX && fault.line == 7 &&
           strstr(fault.text, because) != NULL;
}

TEST(a_literal_fits_itself_only)
{
    struct captures captures;

    CHECK(fits("/a/b", "/a/b", &captures));
    CHECK(!fits("/a/b", "/a/b/", &captures));
    CHECK(!fits("/a/b", "/a", &captures));
    CHECK(!fits("/a/b", "/a/B", &captures));
    CHECK(fits("/", "/", &captures));
    CHECK(!fits("/", "/a", &captures));
    CHECK(fits("/a/", "/a/", &captures));
}

TEST(a_capture_takes_one_segment_that_is_not_empty)
{
    struct captures captures;

    CHECK(fits("/p/{id}/x", "/p/7/x", &captures));
    CHECK(captures.count == 1);
    CHECK(bytes_equal(captures.names[0], BYTES("id")));
    CHECK(bytes_equal(captures.values[0], BYTES("7")));
    CHECK(!fits("/p/{id}", "/p/", &captures));
    CHECK(!fits("/p/{id}", "/p", &captures));
    CHECK(!fits("/p/{id}", "/p/7/8", &captures));
}

TEST(an_optional_capture_may_be_missing)
{
    struct captures captures;

    CHECK(fits("/p/{id?}", "/p/7", &captures));
    CHECK(bytes_equal(captures.values[0], BYTES("7")));
    CHECK(fits("/p/{id?}", "/p", &captures));
    CHECK(captures.values[0].size == 0);
    CHECK(fits("/p/{id?}", "/p/", &captures));
    CHECK(!fits("/p/{id?}", "/p/7/8", &captures));
}

TEST(stars_take_one_segment_or_all_the_rest)
{
    struct captures captures;

    CHECK(fits("/a/*/c", "/a/b/c", &captures));
    CHECK(captures.count == 0);
    CHECK(!fits("/a/*", "/a/b/c", &captures));
    CHECK(fits("/a/**", "/a/b/c", &captures));
    CHECK(fits("/a/**", "/a", &captures));
    CHECK(!fits("/a/**", "/ab", &captures));
    CHECK(fits("/**", "/", &captures));
    CHECK(fits("/**", "/any/thing", &captures));
}

TEST(patterns_that_make_no_sense_are_refused_with_their_line)
{
    CHECK(is_refused("a/b", "begins with /"));
    CHECK(is_refused("", "begins with /"));
    CHECK(is_refused("/**/a", "last segment"));
    CHECK(is_refused("/{id?}/a", "last segment"));
    CHECK(is_refused("/a*b", "whole segments"));
    CHECK(is_refused("/x{id}", "whole segments"));
    CHECK(is_refused("/{}", "capture"));
    CHECK(is_refused("/{a b}", "capture"));
    CHECK(is_refused("/{id}/{id}", "twice"));
}

static struct gateway_settings no_settings = {.fills_max = 0.5};
static const char *const one_origin[] = {"main"};
static const char *const two_origins[] = {"shop", "blog"};

static enum err site_of(const struct route_settings *routes, size_t count,
                        const struct text_list *origins, struct site **ret_site,
                        struct fault *fault)
{
    const struct site_plan plan = {
        .settings = &no_settings, .routes = routes, .route_count = count, .origins = origins};

    return site_new(&plan, ret_site, fault);
}

static const char *route_for(const struct site *site, const char *path)
{
    struct captures captures;
    const struct route *route = site_find_route(site, bytes_of_text(path), &captures);

    return route == NULL ? "" : route->settings->name;
}

TEST(the_most_specific_route_is_found_whatever_the_order)
{
    const struct text_list origins = {one_origin, 1};
    struct route_settings routes[] = {
        match("rest", "/**"),         match("any", "/api/*/x"),   match("one", "/api/{id}"),
        match("maybe", "/list/{n?}"), match("me", "/api/me"),     match("deep", "/api/**"),
        match("list", "/list"),       match("list-7", "/list/7"),
    };
    struct fault fault;
    size_t count = sizeof routes / sizeof routes[0];

    for (size_t turn = 0; turn < count; turn++) {
        struct site *site = NULL;
        struct route_settings first = routes[0];

        memmove(routes, routes + 1, (count - 1) * sizeof routes[0]);
        routes[count - 1] = first;
        CHECK(site_of(routes, count, &origins, &site, &fault) == ERR_OK);
        CHECK(strcmp(route_for(site, "/api/me"), "me") == 0);
        CHECK(strcmp(route_for(site, "/api/7"), "one") == 0);
        CHECK(strcmp(route_for(site, "/api/7/x"), "any") == 0);
        CHECK(strcmp(route_for(site, "/api/7/y"), "deep") == 0);
        CHECK(strcmp(route_for(site, "/api"), "deep") == 0);
        CHECK(strcmp(route_for(site, "/list"), "list") == 0);
        CHECK(strcmp(route_for(site, "/list/7"), "list-7") == 0);
        CHECK(strcmp(route_for(site, "/list/8"), "maybe") == 0);
        CHECK(strcmp(route_for(site, "/"), "rest") == 0);
        site_free(&site);
    }
}

TEST(a_tie_is_an_error_that_names_both)
{
    const struct text_list origins = {one_origin, 1};
    const struct route_settings routes[] = {match("one", "/a/{x}"), match("other", "/a/*")};
    struct site *site = NULL;
    struct fault fault = {.line = 0};

    CHECK(site_of(routes, 2, &origins, &site, &fault) == ERR_SYNTAX);
    CHECK(strstr(fault.text, "one") != NULL);
    CHECK(strstr(fault.text, "other") != NULL);
    CHECK(site == NULL);
}

TEST(an_origin_is_named_when_there_are_several)
{
    const struct text_list origins = {two_origins, 2};
    struct route_settings route = match("a", "/**");
    struct site *site = NULL;
    struct fault fault = {.line = 0};

    CHECK(site_of(&route, 1, &origins, &site, &fault) == ERR_SYNTAX);
    route.origin = "shpo";
    CHECK(site_of(&route, 1, &origins, &site, &fault) == ERR_SYNTAX);
    CHECK(strstr(fault.text, "did you mean \"shop\"") != NULL);
    route.origin = "blog";
    CHECK(site_of(&route, 1, &origins, &site, &fault) == ERR_OK);
    site_free(&site);
}

TEST(tags_get_what_was_captured_or_are_left_out)
{
    static const char *const tags[] = {"all", "product:{id}", "{id}-x"};
    struct route_settings settings = match("p", "/p/{id?}");
    struct route route;
    struct captures captures;
    struct fault fault;
    struct buf out;
    size_t ends[ROUTE_TAGS_MAX];

    settings.tags = (struct text_list){tags, 3};
    buf_init(&out, 1024, NULL);
    CHECK(route_compile(&settings, &route, &fault) == ERR_OK);
    CHECK(route_fits(&route, BYTES("/p/7"), &captures));
    CHECK(route_tags(&route, &captures, &out, ends) == 3);
    CHECK(bytes_equal(buf_bytes(&out), BYTES("allproduct:77-x")));
    CHECK(ends[1] == 12);
    buf_clear(&out);
    CHECK(route_fits(&route, BYTES("/p"), &captures));
    CHECK(route_tags(&route, &captures, &out, ends) == 1);
    CHECK(bytes_equal(buf_bytes(&out), BYTES("all")));
    buf_fini(&out);
}

TEST(a_tag_with_an_unknown_capture_is_an_error)
{
    static const char *const tags[] = {"product:{nr}"};
    struct route_settings settings = match("p", "/p/{id}");
    struct route route;
    struct fault fault;

    settings.tags = (struct text_list){tags, 1};
    CHECK(route_compile(&settings, &route, &fault) == ERR_SYNTAX);
    CHECK(strstr(fault.text, "product:{nr}") != NULL);
}

TEST(force_without_a_ttl_is_an_error)
{
    struct route_settings settings = match("p", "/p");
    struct route route;
    struct fault fault;

    settings.cache = ROUTE_CACHE_FORCE;
    CHECK(route_compile(&settings, &route, &fault) == ERR_SYNTAX);
    settings.ttl_ms = 1000;
    CHECK(route_compile(&settings, &route, &fault) == ERR_OK);
}

static bool ttls_are_refused(const char *text)
{
    const char *const list[] = {text};
    struct route_settings settings = match("p", "/p");
    struct route route;
    struct fault fault;

    settings.status_ttl = (struct text_list){list, 1};
    return route_compile(&settings, &route, &fault) == ERR_SYNTAX &&
           strstr(fault.text, text) != NULL;
}

TEST(a_ttl_for_a_status_comes_before_its_class_and_both_before_the_routes)
{
    static const char *const list[] = {"4xx=1s", "404=2s", "302=3s", "2xx=4s"};
    struct route_settings settings = match("p", "/p");
    struct route route;
    struct fault fault;

    settings.ttl_ms = 60000;
    settings.negative_ms = 5000;
    CHECK(route_compile(&settings, &route, &fault) == ERR_OK);
    CHECK(route_ttl_ms(&route, 200) == 60000 && route_ttl_ms(&route, 404) == 5000);
    CHECK(route_ttl_ms(&route, 302) == 0 && route_ttl_ms(&route, 500) == 0);
    settings.status_ttl = (struct text_list){list, 4};
    CHECK(route_compile(&settings, &route, &fault) == ERR_OK);
    CHECK(route_ttl_ms(&route, 404) == 2000 && route_ttl_ms(&route, 410) == 1000);
    CHECK(route_ttl_ms(&route, 302) == 3000 && route_ttl_ms(&route, 200) == 4000);
    CHECK(route_ttl_ms(&route, 301) == 60000 && route_ttl_ms(&route, 500) == 0);
}

TEST(what_is_no_status_with_a_time_is_an_error)
{
    CHECK(ttls_are_refused("404") && ttls_are_refused("404=") && ttls_are_refused("=1s"));
    CHECK(ttls_are_refused("199=1s") && ttls_are_refused("600=1s") && ttls_are_refused("1xx=1s"));
    CHECK(ttls_are_refused("4x=1s") && ttls_are_refused("abc=1s") && ttls_are_refused("404=x"));
    CHECK(!ttls_are_refused("599=0s") && !ttls_are_refused("5xx=1h"));
}

static bool upgrades_to(unsigned allowed, const char *fields, const char *protocol)
{
    const struct http_limits limits = {4096, 1024, 100};
    struct route_settings settings = match("r", "/**");
    struct http_complaint complaint;
    struct http_head head;
    struct route route;
    struct fault fault;
    char text[512];
    size_t size;

    settings.upgrade = allowed;
    CHECK(route_compile(&settings, &route, &fault) == ERR_OK);
    (void)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    CHECK(http_parse_request(bytes_of_text(text), &limits, &head, &size, &complaint) == ERR_OK);
    return bytes_equal(route_upgrade(&route, &head), bytes_of_text(protocol));
}

TEST(a_request_may_switch_to_what_the_route_allows_and_never_to_another_http)
{
    enum { OFF = ROUTE_UPGRADE_OFF, WS = ROUTE_UPGRADE_WEBSOCKET, ANY = ROUTE_UPGRADE_ANY };

    CHECK(upgrades_to(WS, "Connection: upgrade\r\nUpgrade: websocket\r\n", "websocket"));
    CHECK(upgrades_to(WS, "Connection: x, Upgrade\r\nUpgrade: h2c, WebSocket\r\n", "WebSocket"));
    CHECK(upgrades_to(WS, "Connection: upgrade\r\nUpgrade: foo\r\nUpgrade: websocket\r\n",
                      "websocket"));
    CHECK(upgrades_to(WS, "Connection: upgrade\r\nUpgrade: foo\r\n", ""));
    CHECK(upgrades_to(WS, "Connection: keep-alive\r\nUpgrade: websocket\r\n", ""));
    CHECK(upgrades_to(OFF, "Connection: upgrade\r\nUpgrade: websocket\r\n", ""));
    CHECK(upgrades_to(ANY, "Connection: upgrade\r\nUpgrade: h2c, foo/1\r\n", "foo/1"));
    CHECK(upgrades_to(ANY, "Connection: upgrade\r\nUpgrade: H2C\r\n", ""));
    CHECK(upgrades_to(ANY, "Connection: upgrade\r\nUpgrade: HTTP/2.0\r\n", ""));
    CHECK(upgrades_to(ANY, "Connection: upgrade\r\nUpgrade: foo/, /1, a b\r\n", ""));
    CHECK(
        upgrades_to(WS, "Content-Length: 1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", ""));
}

static bool rate_is_refused(const char *rate, const char *key, const char *because)
{
    struct route_settings settings = match("r", "/**");
    struct route route;
    struct fault fault = {.line = 0};

    settings.rate = rate;
    settings.rate_key = key;
    return route_compile(&settings, &route, &fault) == ERR_SYNTAX && fault.line == 7 &&
           strstr(fault.text, because) != NULL;
}

TEST(a_rate_limit_that_makes_no_sense_is_told)
{
    struct route_settings settings = match("r", "/**");
    struct route route;
    struct fault fault;

    CHECK(rate_is_refused("many", "address", "\"many\" is no rate"));
    CHECK(rate_is_refused("0/s", "address", "is no rate"));
    CHECK(rate_is_refused("1/s", "user", "\"user\" tells nobody apart"));
    CHECK(rate_is_refused("1/s", "header", "tells nobody apart"));
    CHECK(rate_is_refused("1/s", "cookie a b", "tells nobody apart"));
    settings.rate = "100/s";
    settings.rate_key = "cookie  sid";
    CHECK(route_compile(&settings, &route, &fault) == ERR_OK);
    CHECK(route.rate_by == ROUTE_RATE_BY_COOKIE && bytes_equal(route.rate_name, BYTES("sid")));
    CHECK(route.rate.burst == 100);
    settings.rate = "1/m";
    CHECK(route_compile(&settings, &route, &fault) == ERR_OK && route.rate.burst == 1);
}
