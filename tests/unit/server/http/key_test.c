/* The promises of server/http/key.h, stored.h and purge.h. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "server/http/key.h"
#include "server/http/stored.h"
#include "t.h"

#include <stdio.h>

struct place {
    struct gateway_settings gateway;
    struct route_settings route;
    struct site *site;
    struct key_room *room;
    struct http_head head;
    struct target target;
    struct http_complaint complaint;
};

static const char *const origin_names[] = {"main"};

static void place_init(struct place *place)
{
    const struct text_list origins = {origin_names, 1};
    struct fault fault;

    place->gateway.fills_max = 0.5;
    place->route.name = "r";
    place->route.match = "/**";
    place->route.cache = ROUTE_CACHE_ORIGIN;
    place->route.vary_normalize = true;
    place->room = mem_new(1, sizeof *place->room);
    const struct site_plan plan = {.settings = &place->gateway,
                                   .routes = &place->route,
                                   .route_count = 1,
                                   .origins = &origins};

    CHECK(site_new(&plan, &place->site, &fault) == ERR_OK);
}

static void place_fini(struct place *place)
{
    site_free(&place->site);
    mem_free(&place->room);
}

static enum err find(struct place *place, const char *target, const char *fields)
{
    static const struct http_limits limits = {65536, 32768, HTTP_FIELDS_MAX};
    static char text[65536];
    size_t size = 0;

    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n%s\r\n", target, fields);
    CHECK(http_parse_request(bytes_of_text(text), &limits, &place->head, &size,
                             &place->complaint) == ERR_OK);
    return target_find(place->site, &place->head, place->room, &place->target, &place->complaint);
}

static bool key_is(struct place *place, const char *target, const char *fields, const char *key)
{
    return find(place, target, fields) == ERR_OK &&
           bytes_equal(place->target.key, bytes_of_text(key));
}

TEST(a_key_is_the_normalised_url)
{
    struct place place = {.site = NULL};

    place_init(&place);
    CHECK(key_is(&place, "/a", "Host: A.Example:80\r\n", "http://a.example/a"));
    CHECK(key_is(&place, "/a", "Host: a.example:81\r\n", "http://a.example:81/a"));
    CHECK(key_is(&place, "/b/../%61?q=1&p=2", "Host: a\r\n", "http://a/a?q=1&p=2"));
    CHECK(key_is(&place, "/a?", "Host: a\r\n", "http://a/a"));
    CHECK(key_is(&place, "http://a/a", "Host: a\r\n", "http://a/a"));
    CHECK(bytes_equal(place.target.whole, BYTES("/a")));
    CHECK(bytes_equal(place.target.host, BYTES("a")));
    CHECK(find(&place, "/%00", "Host: a\r\n") == ERR_SYNTAX);
    CHECK(place.complaint.status == 400);
    place_fini(&place);
}

TEST(query_rules_make_one_key_of_what_means_the_same)
{
    static const char *const ignored[] = {"utm_*"};
    struct place place = {.site = NULL};

    place.route.query_sort = true;
    place.route.query_ignore = (struct text_list){ignored, 1};
    place_init(&place);
    CHECK(key_is(&place, "/a?b=2&utm_x=1&a=1", "Host: a\r\n", "http://a/a?a=1&b=2"));
    CHECK(bytes_equal(place.target.whole, BYTES("/a?a=1&b=2")));
    CHECK(key_is(&place, "/a?utm_x=1", "Host: a\r\n", "http://a/a"));
    place_fini(&place);
}

TEST(key_headers_and_cookies_cannot_be_confused)
{
    static const char *const headers[] = {"X-A", "X-B"};
    static const char *const cookies[] = {"lang"};
    struct place place = {.site = NULL};
    uint8_t first[256];
    size_t size = 0;

    place.route.key_headers = (struct text_list){headers, 2};
    place.route.key_cookies = (struct text_list){cookies, 1};
    place_init(&place);
    CHECK(find(&place, "/a", "Host: a\r\nX-A: 12\r\nX-B: 3\r\n") == ERR_OK);
    size = place.target.key.size;
    CHECK(size <= sizeof first);
    memcpy(first, place.target.key.data, size);
    CHECK(find(&place, "/a", "Host: a\r\nX-A: 1\r\nX-B: 23\r\n") == ERR_OK);
    CHECK(!bytes_equal(place.target.key, bytes_of(first, size)));
    CHECK(find(&place, "/a", "Host: a\r\nx-b: 3\r\nx-a: 12\r\n") == ERR_OK);
    CHECK(bytes_equal(place.target.key, bytes_of(first, size)));
    CHECK(find(&place, "/a", "Host: a\r\nX-A: 12\r\nX-B: 3\r\nCookie: lang=de\r\n") == ERR_OK);
    CHECK(!bytes_equal(place.target.key, bytes_of(first, size)));
    CHECK(bytes_equal(place.target.url, BYTES("http://a/a")));
    place_fini(&place);
}

TEST(variants_are_told_apart_by_what_vary_names)
{
    struct place place = {.site = NULL};
    struct vary vary;
    struct buf one;
    struct buf other;

    buf_init(&one, 4096, NULL);
    buf_init(&other, 4096, NULL);
    place_init(&place);
    CHECK(vary_parse(BYTES("accept-encoding,x-kind"), &vary) == ERR_OK);
    CHECK(find(&place, "/a", "Host: a\r\nAccept-Encoding: gzip, br\r\nX-Kind: 1\r\n") == ERR_OK);
    CHECK(key_of_variant(place.target.key, &vary, &place.head, place.target.route, &one));
    CHECK(find(&place, "/a", "Host: a\r\nX-Kind: 1\r\nAccept-Encoding: br,gzip;q=1\r\n") == ERR_OK);
    CHECK(key_of_variant(place.target.key, &vary, &place.head, place.target.route, &other));
    CHECK(bytes_equal(buf_bytes(&one), buf_bytes(&other)));
    CHECK(find(&place, "/a", "Host: a\r\nX-Kind: 2\r\nAccept-Encoding: br, gzip\r\n") == ERR_OK);
    CHECK(key_of_variant(place.target.key, &vary, &place.head, place.target.route, &other));
    CHECK(!bytes_equal(buf_bytes(&one), buf_bytes(&other)));
    CHECK(bytes_begin_with(buf_bytes(&one), BYTES("http://a/a\0v")));
    place_fini(&place);
    buf_fini(&one);
    buf_fini(&other);
}

TEST(a_key_that_would_be_too_long_is_refused)
{
    static const char *const headers[] = {"X-A"};
    struct place place = {.site = NULL};
    static char fields[40000];
    size_t size = 0;

    place.route.key_headers = (struct text_list){headers, 1};
    place_init(&place);
    size = (size_t)snprintf(fields, sizeof fields, "Host: a\r\nX-A: ");
    memset(fields + size, 'x', 30000);
    (void)snprintf(fields + size + 30000, sizeof fields - size - 30000, "\r\nX-A: y\r\n");
    CHECK(find(&place, "/a", fields) == ERR_OK);
    CHECK(place.target.key.size > 30000);
    place_fini(&place);
}

/* ---- markers ------------------------------------------------------------------------------ */

TEST(a_mark_stands_behind_a_nul_and_a_key_that_is_full_takes_none)
{
    struct buf out;
    uint8_t name[CACHE_KEY_MAX];

    memset(name, 'a', sizeof name);
    buf_init(&out, (size_t)2 * CACHE_KEY_MAX, NULL);
    CHECK(key_add_mark(BYTES("http://a/"), 'r', &out));
    CHECK(bytes_equal(buf_bytes(&out), BYTES("http://a/\0r")));
    CHECK(key_add_mark(bytes_of(name, sizeof name - 2), 'r', &out));
    CHECK(!key_add_mark(bytes_of(name, sizeof name - 1), 'r', &out));
    buf_fini(&out);
}

TEST(a_marker_is_read_as_it_was_written)
{
    struct marker marker = {.count = 0, .names = BYTES("accept,origin")};
    struct marker again;
    struct buf out;

    buf_init(&out, 4096, NULL);
    CHECK(marker_admit(&marker, 11, 500, 100, 8));
    CHECK(marker_admit(&marker, 12, 600, 100, 8));
    marker_write(&marker, &out);
    const struct cache_view view = {.kind = STORED_MARKER, .value = buf_bytes(&out)};

    CHECK(bytes_equal(marker_names(&view), BYTES("accept,origin")));
    CHECK(marker_read(&view, &again));
    CHECK(again.count == 2);
    CHECK(again.slots[1].hash == 12);
    const struct cache_view other = {.kind = STORED_RESPONSE, .value = buf_bytes(&out)};

    CHECK(!marker_read(&other, &again));
    buf_fini(&out);
}

TEST(a_marker_admits_so_many_variants_and_forgets_those_whose_time_is_over)
{
    struct marker marker = {.count = 0};

    for (uint64_t i = 0; i < 8; i++)
        CHECK(marker_admit(&marker, i, 500, 100, 8));
    CHECK(!marker_admit(&marker, 8, 500, 100, 8));
    CHECK(marker_admit(&marker, 3, 900, 100, 8));
    CHECK(marker_admit(&marker, 8, 900, 500, 8));
    CHECK(marker.count == 8);
}
