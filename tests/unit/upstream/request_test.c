/* request_test.c: what an origin gets to read. SPDX-License-Identifier: MIT */
#include "upstream/request.h"

#include "t.h"

#include <stdlib.h>

static bool is_written(struct exchange_request request, struct bytes host, const char *expected)
{
    size_t size = request_size(&request, host, BYTES("fallback:80"));
    uint8_t *text = malloc(size + 1);

    text[size] = 0xee; /* a byte too many would be seen */
    request_write(&request, host, BYTES("fallback:80"), text);
    bool same = size == strlen(expected) && memcmp(text, expected, size) == 0;

    same = same && text[size] == 0xee;
    free(text);
    return same;
}

static const struct bytes no_host = {0};

TEST(fields_go_out_as_they_came_and_the_host_first)
{
    static const struct http_field fields[] = {
        {BYTES_INIT("accept"), BYTES_INIT("*/*"), HTTP_ACCEPT},
        {BYTES_INIT("HOST"), BYTES_INIT("shop.example"), HTTP_HOST},
        {BYTES_INIT("X-Empty"), BYTES_INIT(""), HTTP_OTHER},
    };
    struct exchange_request request = {
        .method = BYTES("GET"), .target = BYTES("/a?b=c"), .fields = fields, .field_count = 3};

    CHECK(is_written(
        request, no_host,
        "GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\naccept: */*\r\nX-Empty: \r\n\r\n"));
    CHECK(is_written(request, BYTES("other"),
                     "GET /a?b=c HTTP/1.1\r\nHost: other\r\naccept: */*\r\nX-Empty: \r\n\r\n"));
    request.field_count = 1;
    CHECK(is_written(request, no_host,
                     "GET /a?b=c HTTP/1.1\r\nHost: fallback:80\r\naccept: */*\r\n\r\n"));
}

TEST(two_hosts_never_leave_as_two)
{
    static const struct http_field fields[] = {
        {BYTES_INIT("Host"), BYTES_INIT("one"), HTTP_HOST},
        {BYTES_INIT("Host"), BYTES_INIT("two"), HTTP_HOST},
    };
    struct exchange_request request = {
        .method = BYTES("GET"), .target = BYTES("/"), .fields = fields, .field_count = 2};

    CHECK(is_written(request, no_host, "GET / HTTP/1.1\r\nHost: one\r\n\r\n"));
}

TEST(the_framing_says_what_is_sent_and_nothing_else)
{
    struct exchange_request request = {.method = BYTES("POST"), .target = BYTES("/")};

    CHECK(
        is_written(request, BYTES("h"), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"));
    request.has_body = true;
    CHECK(is_written(request, BYTES("h"),
                     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
    request.body_size_known = true;
    request.body_size = UINT64_MAX;
    CHECK(is_written(request, BYTES("h"),
                     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n"));
    request = (struct exchange_request){.method = BYTES("DELETE"), .target = BYTES("/")};
    CHECK(is_written(request, BYTES("h"), "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n"));
}

TEST(what_belongs_to_the_clients_connection_stays_behind)
{
    static const enum http_name names[] = {
        HTTP_CONNECTION,        HTTP_CONTENT_LENGTH,   HTTP_EXPECT,
        HTTP_KEEP_ALIVE,        HTTP_PROXY_CONNECTION, HTTP_TE,
        HTTP_TRANSFER_ENCODING, HTTP_TRAILER,          HTTP_UPGRADE,
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct http_field field = {http_name_text(names[i]), BYTES("x"), names[i]};
        struct exchange_request request = {
            .method = BYTES("GET"), .target = BYTES("/"), .fields = &field, .field_count = 1};

        CHECK(is_written(request, BYTES("h"), "GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    }
}

static bool is_refused(struct bytes method, struct bytes target, struct bytes name,
                       struct bytes value)
{
    struct http_field field = {name, value, HTTP_OTHER};
    struct exchange_request request = {
        .method = method, .target = target, .fields = &field, .field_count = 1};

    return request_check(&request) == ERR_SYNTAX;
}

TEST(nothing_can_be_smuggled_in_by_a_line_break)
{
    struct bytes get = BYTES("GET"), slash = BYTES("/"), name = BYTES("X"), value = BYTES("v");

    CHECK(!is_refused(get, slash, name, value));
    CHECK(is_refused(BYTES("GET "), slash, name, value));
    CHECK(is_refused(BYTES("GE\r\nT"), slash, name, value));
    CHECK(is_refused(BYTES(""), slash, name, value));
    CHECK(is_refused(get, BYTES("/ HTTP/1.1"), name, value));
    CHECK(is_refused(get, BYTES("/\r\nX: y"), name, value));
    CHECK(is_refused(get, BYTES("/\x7f"), name, value));
    CHECK(is_refused(get, BYTES(""), name, value));
    CHECK(is_refused(get, slash, BYTES("X Y"), value));
    CHECK(is_refused(get, slash, BYTES("X:"), value));
    CHECK(is_refused(get, slash, BYTES(""), value));
    CHECK(is_refused(get, slash, name, BYTES("a\rb")));
    CHECK(is_refused(get, slash, name, BYTES("a\nb")));
    CHECK(is_refused(get, slash, name, BYTES("a\0b")));
}
