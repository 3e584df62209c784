/* compressible_test.c: what is fit to be compressed. SPDX-License-Identifier: MIT */
#include "server/http/compressible.h"

#include "t.h"

#include <stdio.h>

static struct route_settings settings;
static struct route route;

static void init(void)
{
    settings = (struct route_settings){.name = "r", .compress_min = 100};
    route = (struct route){.settings = &settings, .coding_count = 1};
}

static bool fits(const char *fields, bool authorized)
{
    static const struct http_limits limits = {65536, 0, HTTP_FIELDS_MAX};
    static struct http_head head;
    struct http_complaint complaint;
    size_t size = 0;
    char text[1024];

    CHECK(snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n%s\r\n", fields) < (int)sizeof text);
    CHECK(http_parse_response(bytes_of_text(text), &limits, false, &head, &size, &complaint) ==
          ERR_OK);
    return compressible_is(&route, &head, authorized);
}

TEST(texts_of_some_size_are_fit)
{
    init();
    CHECK(fits("Content-Type: text/html; charset=utf-8\r\nContent-Length: 100\r\n", false));
    CHECK(fits("Content-Type: Application/JSON\r\n", false));
    CHECK(fits("Content-Type: application/problem+json\r\n", false));
    CHECK(!fits("Content-Type: text/html\r\nContent-Length: 99\r\n", false));
    CHECK(!fits("Content-Type: image/png\r\n", false));
    CHECK(!fits("Content-Type: \r\n", false));
    CHECK(!fits("", false));
}

TEST(what_is_coded_or_must_not_be_changed_is_not)
{
    init();
    CHECK(!fits("Content-Type: text/css\r\nContent-Encoding: gzip\r\n", false));
    CHECK(fits("Content-Type: text/css\r\nContent-Encoding: identity\r\n", false));
    CHECK(!fits("Content-Type: text/css\r\nCache-Control: no-transform\r\n", false));
}

TEST(what_is_one_persons_is_not_unless_the_route_says_so)
{
    const char *cookies[] = {"id"};

    init();
    CHECK(!fits("Content-Type: text/css\r\n", true));
    CHECK(!fits("Content-Type: text/css\r\nSet-Cookie: a=b\r\n", false));
    settings.authorization = ROUTE_AUTH_PER_USER;
    CHECK(!fits("Content-Type: text/css\r\n", false));
    settings.authorization = ROUTE_AUTH_IF_PUBLIC;
    settings.key_cookies = (struct text_list){cookies, 1};
    CHECK(!fits("Content-Type: text/css\r\n", false));
    settings.compress_secrets = true;
    CHECK(fits("Content-Type: text/css\r\nSet-Cookie: a=b\r\n", true));
}

TEST(the_types_of_the_route_stand_in_place_of_ours)
{
    const char *types[] = {"image/*", "application/pdf"};

    init();
    settings.compress_types = (struct text_list){types, 2};
    CHECK(fits("Content-Type: image/anything\r\n", false));
    CHECK(fits("Content-Type: application/pdf\r\n", false));
    CHECK(!fits("Content-Type: text/css\r\n", false));
}

TEST(a_mark_is_made_once)
{
    struct buf block;

    buf_init(&block, 4096, NULL);
    buf_add(&block, BYTES("HTTP/1.1 200 OK\r\nVary: Origin\r\n\r\n"));
    CHECK(compressible_mark(&block));
    CHECK(bytes_equal(buf_bytes(&block), BYTES("HTTP/1.1 200 OK\r\nVary: Origin\r\n"
                                               "Vary: Accept-Encoding\r\n\r\n")));
    size_t size = block.size;

    CHECK(compressible_mark(&block));
    CHECK(block.size == size);
    buf_fini(&block);
}
