/* The promises of proto/http.h: heads. RFC 9112 unless another is named.
 * SPDX-License-Identifier: MIT */
#include "proto/chars.h"
#include "proto/http.h"
#include "proto/scan.h"

#include "head.h"

static const struct http_limits limits = {.head_max = 2048, .target_max = 256, .fields_max = 20};
static struct http_head head;
static struct http_complaint complaint;
static size_t size;

static enum err request(struct bytes input)
{
    complaint = (struct http_complaint){0, NULL};
    return http_parse_request(input, &limits, &head, &size, &complaint);
}

static enum err response(struct bytes input)
{
    complaint = (struct http_complaint){0, NULL};
    return http_parse_response(input, &limits, false, &head, &size, &complaint);
}

/* Whether the text, as it stands, is refused with this status, and every prefix of it is either
 * refused in the same way or waits for more. */
static bool refused(struct bytes input, unsigned status)
{
    bool whole = request(input) != ERR_OK && complaint.status == status && complaint.text != NULL;

    for (size_t i = 0; i < input.size && whole; i++) {
        enum err err = request(bytes_slice(input, 0, i));

        whole = err == ERR_AGAIN || complaint.status == status;
    }
    return whole;
}

/* A request with these lines behind the request line. */
#define REFUSED(status, lines)                                                                     \
    CHECK(refused(BYTES("POST /a HTTP/1.1\r\nHost: a.example\r\n" lines "\r\n"), status))
#define TAKEN(lines)                                                                               \
    CHECK(request(BYTES("POST /a HTTP/1.1\r\nHost: a.example\r\n" lines "\r\n")) == ERR_OK)

static bool field_is(size_t at, struct bytes name, struct bytes value)
{
    return bytes_equal(head.fields[at].name, name) && bytes_equal(head.fields[at].value, value);
}

TEST(a_request_is_cut_into_its_parts)
{
    struct bytes input = BYTES("GET /api/x?a=1&b HTTP/1.1\r\nHost: Example.org:8080\r\n"
                               "Accept:*/*\r\nX-Empty:\r\nX-Blanks: \t a b \t\r\n\r\nrest");

    CHECK(request(input) == ERR_OK);
    CHECK(size == input.size - 4);
    CHECK(bytes_equal(head.method, BYTES("GET")));
    CHECK(head.method_id == HTTP_METHOD_GET);
    CHECK(bytes_equal(head.target, BYTES("/api/x?a=1&b")));
    CHECK(bytes_equal(head.path, head.target));
    CHECK(bytes_equal(head.host, BYTES("Example.org:8080")));
    CHECK(head.minor == 1);
    CHECK(head.keep_alive);
    CHECK(head.framing == HTTP_NO_BODY);
    CHECK(head.field_count == 4);
    CHECK(field_is(0, BYTES("Host"), BYTES("Example.org:8080")));
    CHECK(field_is(1, BYTES("Accept"), BYTES("*/*")));
    CHECK(field_is(2, BYTES("X-Empty"), BYTES("")));
    CHECK(field_is(3, BYTES("X-Blanks"), BYTES("a b")));
    CHECK(head.fields[1].id == HTTP_ACCEPT);
    CHECK(head.fields[2].id == HTTP_OTHER);
}

/* Fed a byte at a time a message is waited for until its last byte and then is the same. */
TEST(every_split_point_gives_the_same_as_the_whole)
{
    struct bytes input = BYTES("\r\nPUT http://a.example/x HTTP/1.1\r\nhost: a.example\r\n"
                               "Transfer-Encoding: chunked\r\nConnection: close, upgrade\r\n"
                               "Upgrade: websocket\r\nX: caf\xc3\xa9 \"a, b\"\r\n\r\n");

    for (size_t i = 0; i < input.size; i++)
        CHECK(request(bytes_slice(input, 0, i)) == ERR_AGAIN);
    CHECK(request(input) == ERR_OK);
    CHECK(size == input.size);
    CHECK(head.framing == HTTP_CHUNKED);
    CHECK(head.upgrade);
    CHECK(!head.keep_alive);
    struct bytes answer = BYTES("HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\nA: b\r\n\r\n");

    for (size_t i = 0; i < answer.size; i++)
        CHECK(response(bytes_slice(answer, 0, i)) == ERR_AGAIN);
    CHECK(response(answer) == ERR_OK);
    CHECK(size == answer.size);
}

TEST(one_empty_line_ahead_of_a_request_is_skipped_2_2)
{
    CHECK(request(BYTES("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")) == ERR_OK);
    CHECK(refused(BYTES("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
}

TEST(a_bare_line_feed_ends_no_line_2_2)
{
    CHECK(refused(BYTES("GET / HTTP/1.1\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.1\r\nHost: a\r\n\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.1\r\nHost: a\r\nX: 1\nY: 2\r\n\r\n"), 400));
}

TEST(a_bare_carriage_return_is_refused_2_2)
{
    CHECK(refused(BYTES("GET / HTTP/1.1\rHost: a\r\n\r\n"), 400));
    REFUSED(400, "X: a\rb\r\n");
    REFUSED(400, "X: a\r\r\n");
    REFUSED(400, "X\r: a\r\n");
}

TEST(white_space_ahead_of_the_first_field_is_refused_2_2)
{
    CHECK(refused(BYTES("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"), 400));
}

TEST(versions_other_than_1_0_and_1_1_are_refused_with_505_2_3)
{
    CHECK(request(BYTES("GET / HTTP/1.0\r\nHost: a\r\n\r\n")) == ERR_OK);
    CHECK(head.minor == 0);
    CHECK(!head.keep_alive);
    CHECK(refused(BYTES("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505));
    CHECK(refused(BYTES("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505));
    CHECK(refused(BYTES("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), 505));
    CHECK(refused(BYTES("GET / http/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/11\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.10\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET /\r\nHost: a\r\n\r\n"), 400));
}

TEST(the_request_line_has_two_blanks_exactly_3)
{
    CHECK(refused(BYTES("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / a HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
}

TEST(a_method_is_a_token_and_keeps_its_case_3_1)
{
    CHECK(request(BYTES("get / HTTP/1.1\r\nHost: a\r\n\r\n")) == ERR_OK);
    CHECK(head.method_id == HTTP_METHOD_OTHER);
    CHECK(request(BYTES("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n")) == ERR_OK);
    CHECK(refused(BYTES("G(T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("G\xc3\x89T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\nHost: a\r\n\r\n"), 501));
    CHECK(refused(BYTES("\x16\x03\x01\x02"), 400)); /* the start of TLS */
}

TEST(a_target_holds_visible_ascii_and_no_number_sign_3_2)
{
    CHECK(refused(BYTES("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET a/b HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
}

TEST(an_absolute_target_names_the_host_of_host_3_2_2)
{
    CHECK(request(BYTES("GET http://A.example:80?q HTTP/1.1\r\nHost: a.Example\r\n\r\n")) ==
          ERR_OK);
    CHECK(bytes_equal(head.path, BYTES("?q")));
    CHECK(request(BYTES("GET https://a/x HTTP/1.1\r\nHost: a:443\r\n\r\n")) == ERR_OK);
    CHECK(bytes_equal(head.path, BYTES("/x")));
    CHECK(refused(BYTES("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
}

TEST(a_connect_is_answered_with_501_3_2_3)
{
    CHECK(refused(BYTES("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"), 501));
    CHECK(refused(BYTES("GET a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"), 400));
}

TEST(an_asterisk_is_a_target_of_options_only_3_2_4)
{
    CHECK(request(BYTES("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")) == ERR_OK);
    CHECK(bytes_equal(head.path, BYTES("*")));
    CHECK(refused(BYTES("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n"), 400));
}

TEST(there_is_exactly_one_host_and_it_is_one_3_2)
{
    CHECK(refused(BYTES("GET / HTTP/1.1\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.0\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: b\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400));
    CHECK(refused(BYTES("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"), 400));
    CHECK(request(BYTES("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n")) == ERR_OK);
}

TEST(a_field_name_is_a_token_right_ahead_of_its_colon_5)
{
    REFUSED(400, "X : a\r\n");
    REFUSED(400, "X\t: a\r\n");
    REFUSED(400, ": a\r\n");
    REFUSED(400, "X\r\n");
    REFUSED(400, "X(y): a\r\n");
    REFUSED(400, "X\xc3\xa9: a\r\n");
    REFUSED(400, "X\0Y: a\r\n");
    REFUSED(400, "Content-Length : 5\r\n");
    TAKEN("!#$%&'*+-.^_`|~09azAZ: a\r\n");
    TAKEN("X::\r\n");
}

TEST(a_folded_line_is_refused_5_2)
{
    REFUSED(400, "X: a\r\n b\r\n");
    REFUSED(400, "X: a\r\n\tb\r\n");
    REFUSED(400, "X: a\r\n \r\n");
}

/* RFC 9110 §5.5 */
TEST(a_value_holds_no_control_but_tab_at_any_place)
{
    char text[128];

    for (int byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < 40; at++) {
            size_t used = put(text, BYTES("GET / HTTP/1.1\r\nHost: a\r\nX: "));

            memset(text + used, 'v', 40);
            text[used + at] = (char)byte;
            put(text + used + 40, BYTES("\r\n\r\n"));
            enum err err = request(bytes_of(text, used + 44));
            bool fine = byte == '\t' || (byte >= 0x20 && byte != 0x7f);

            CHECK((err == ERR_OK) == fine);
            CHECK(http_is_field_value(bytes_of(text + used, 40)) == fine);
        }
    }
}

TEST(content_length_is_one_number_6_3)
{
    TAKEN("Content-Length: 0\r\n");
    CHECK(head.framing == HTTP_SIZED);
    CHECK(head.content_length == 0);
    TAKEN("Content-Length: 9223372036854775807\r\n");
    REFUSED(400, "Content-Length: 9223372036854775808\r\n");
    REFUSED(400, "Content-Length: 99999999999999999999\r\n");
    REFUSED(400, "Content-Length: 5\r\nContent-Length: 5\r\n");
    REFUSED(400, "Content-Length: 5\r\ncontent-length: 6\r\n");
    REFUSED(400, "Content-Length: 5, 5\r\n");
    REFUSED(400, "Content-Length: +5\r\n");
    REFUSED(400, "Content-Length: -5\r\n");
    REFUSED(400, "Content-Length: 0x5\r\n");
    REFUSED(400, "Content-Length: 5.0\r\n");
    REFUSED(400, "Content-Length: 5 5\r\n");
    REFUSED(400, "Content-Length:\r\n");
    REFUSED(400, "Content-Length: \"5\"\r\n");
}

TEST(the_only_transfer_coding_is_chunked_and_it_stands_alone_6_1)
{
    TAKEN("Transfer-Encoding: Chunked\r\n");
    CHECK(head.framing == HTTP_CHUNKED);
    REFUSED(400, "Transfer-Encoding: gzip, chunked\r\n");
    REFUSED(400, "Transfer-Encoding: chunked, chunked\r\n");
    REFUSED(400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n");
    REFUSED(400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n");
    REFUSED(501, "Transfer-Encoding: identity\r\n");
    REFUSED(501, "Transfer-Encoding: xchunked\r\n");
    REFUSED(400, "Transfer-Encoding: chunked;a=b\r\n");
    REFUSED(400, "Transfer-Encoding: \"chunked\"\r\n");
    REFUSED(400, "Transfer-Encoding: chunked,\r\n");
    REFUSED(400, "Transfer-Encoding:\r\n");
    REFUSED(400, "Transfer-Encoding: \x0b"
                 "chunked\r\n");
}

TEST(length_and_coding_together_are_refused_in_either_order_6_3)
{
    REFUSED(400, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n");
    REFUSED(400, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n");
    REFUSED(400, "Transfer-Encoding: identity\r\nContent-Length: 5\r\n");
}

TEST(a_coding_in_http_1_0_is_refused_6_1)
{
    CHECK(refused(BYTES("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400));
}

TEST(the_version_and_connection_decide_about_keeping_it_9_3)
{
    TAKEN("Connection: close\r\n");
    CHECK(!head.keep_alive);
    TAKEN("Connection: Keep-Alive, CLOSE\r\n");
    CHECK(!head.keep_alive);
    TAKEN("Connection: x\r\nConnection: close\r\n");
    CHECK(!head.keep_alive);
    CHECK(request(BYTES("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")) == ERR_OK);
    CHECK(head.keep_alive);
    REFUSED(400, "Connection: a b\r\n");
}

/* RFC 9110 §7.6.1: else a client could have the key see a field that the origin does not. */
TEST(connection_does_not_name_fields_that_are_meant_for_the_origin)
{
    TAKEN("Connection: TE, X-Own, keep-alive\r\n");
    REFUSED(400, "Connection: close, Authorization\r\n");
    REFUSED(400, "Connection: host\r\n");
    REFUSED(400, "Connection: Cookie\r\n");
    REFUSED(400, "Connection: X-Forwarded-For\r\n");
}

/* RFC 9110 §10.1.1 */
TEST(expect_is_100_continue_or_417)
{
    TAKEN("Expect: 100-Continue\r\nContent-Length: 5\r\n");
    CHECK(head.expects_continue);
    TAKEN("Expect: 100-continue\r\n");
    CHECK(!head.expects_continue);
    REFUSED(417, "Expect: 200-ok\r\n");
    REFUSED(417, "Expect: 100-continue\r\nExpect: 100-continue\r\n");
    CHECK(request(BYTES("POST / HTTP/1.0\r\nHost: a\r\nExpect: x\r\n\r\n")) == ERR_OK);
}

/* RFC 9110 §7.8 */
TEST(an_upgrade_needs_both_fields_and_http_1_1)
{
    TAKEN("Connection: upgrade\r\nUpgrade: websocket\r\n");
    CHECK(head.upgrade);
    TAKEN("Upgrade: websocket\r\n");
    CHECK(!head.upgrade);
    TAKEN("Connection: upgrade\r\n");
    CHECK(!head.upgrade);
}

TEST(each_limit_is_refused_with_its_own_status)
{
    static char text[4096];
    size_t used = put(text, BYTES("GET /"));

    memset(text + used, 'a', sizeof text - used);
    CHECK(request(bytes_of(text, used + 255)) == ERR_AGAIN);
    CHECK(request(bytes_of(text, used + 256)) == ERR_TOO_BIG);
    CHECK(complaint.status == 414);

    struct bytes many = BYTES("GET / HTTP/1.1\r\nHost: a\r\n"
                              "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n"
                              "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n");

    CHECK(request(many) == ERR_TOO_BIG);
    CHECK(complaint.status == 431);
    CHECK(refused(many, 431));

    used = put(text, BYTES("GET / HTTP/1.1\r\nHost: a\r\nX: "));
    memset(text + used, 'a', sizeof text - used);
    CHECK(request(bytes_of(text, limits.head_max - 1)) == ERR_AGAIN);
    CHECK(request(bytes_of(text, limits.head_max)) == ERR_TOO_BIG);
    CHECK(complaint.status == 431);
    put(text + limits.head_max - 4, BYTES("\r\n\r\n"));
    CHECK(request(bytes_of(text, sizeof text)) == ERR_OK);
    CHECK(size == limits.head_max);
    put(text + limits.head_max - 4, BYTES("a\r\n\r\n"));
    CHECK(request(bytes_of(text, sizeof text)) == ERR_TOO_BIG);
}

TEST(a_response_is_cut_into_its_parts_4)
{
    CHECK(response(BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")) == ERR_OK);
    CHECK(head.status == 200);
    CHECK(bytes_equal(head.reason, BYTES("OK")));
    CHECK(head.framing == HTTP_SIZED);
    CHECK(head.keep_alive);
    CHECK(response(BYTES("HTTP/1.1 200 \r\n\r\n")) == ERR_OK);
    CHECK(response(BYTES("HTTP/1.1 200\r\n\r\n")) == ERR_OK);
    CHECK(head.reason.size == 0);
    CHECK(response(BYTES("HTTP/1.1 99 X\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/1.1 099 X\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/1.1 600 X\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/1.1 2000 X\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/1.1  200 X\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/1.1 200 a\x01"
                         "b\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/2 200 X\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("\r\nHTTP/1.1 200 X\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("ICY 200 OK\r\n\r\n")) == ERR_SYNTAX);
}

TEST(the_body_of_a_response_ends_as_6_3_says)
{
    CHECK(response(BYTES("HTTP/1.1 200 OK\r\n\r\n")) == ERR_OK);
    CHECK(head.framing == HTTP_UNTIL_CLOSE);
    CHECK(!head.keep_alive);
    CHECK(response(BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")) == ERR_OK);
    CHECK(head.framing == HTTP_CHUNKED);
    CHECK(response(BYTES("HTTP/1.1 304 X\r\nContent-Length: 70\r\n\r\n")) == ERR_OK);
    CHECK(head.framing == HTTP_NO_BODY);
    CHECK(head.content_length == 70);
    CHECK(head.keep_alive);
    CHECK(response(BYTES("HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n")) == ERR_OK);
    CHECK(head.framing == HTTP_NO_BODY);
    CHECK(response(BYTES("HTTP/1.1 103 X\r\nLink: </a>\r\n\r\n")) == ERR_OK);
    CHECK(head.framing == HTTP_NO_BODY);
    CHECK(response(BYTES("HTTP/1.1 204 X\r\nContent-Length: 1\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/1.1 100 X\r\nTransfer-Encoding: chunked\r\n\r\n")) == ERR_SYNTAX);
    struct bytes to_head = BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");

    CHECK(http_parse_response(to_head, &limits, true, &head, &size, &complaint) == ERR_OK);
    CHECK(head.framing == HTTP_NO_BODY);
    CHECK(head.has_content_length);
    CHECK(head.content_length == 5);
}

TEST(responses_are_held_to_the_same_rules_as_requests)
{
    CHECK(response(BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
                         "\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n")) ==
          ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/1.1 200 OK\nX: a\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/1.1 200 OK\r\nX : a\r\n\r\n")) == ERR_SYNTAX);
    CHECK(response(BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: br\r\n\r\n")) == ERR_UNSUPPORTED);
}

TEST(every_known_name_is_found_in_any_case_and_nothing_else_is)
{
    char text[64];

    for (unsigned id = HTTP_OTHER + 1; id < HTTP_NAMES_COUNT; id++) {
        struct bytes name = http_name_text((enum http_name)id);

        CHECK(http_name_of(name) == (enum http_name)id);
        for (size_t i = 0; i < name.size; i++)
            text[i] = (char)(name.data[i] ^ (name.data[i] == '-' ? 0 : 0x20));
        CHECK(http_name_of(bytes_of(text, name.size)) == (enum http_name)id);
        for (size_t i = 0; i < name.size; i++) {
            for (int byte = 0; byte < 256; byte++) {
                bool same = byte_lower((uint8_t)byte) == byte_lower(name.data[i]);

                memcpy(text, name.data, name.size);
                text[i] = (char)byte;
                enum http_name found = http_name_of(bytes_of(text, name.size));

                CHECK(same == (found == (enum http_name)id));
            }
        }
        CHECK(http_name_of(bytes_slice(name, 0, name.size - 1)) == HTTP_OTHER);
    }
    CHECK(http_name_of(BYTES("")) == HTTP_OTHER);
    CHECK(http_name_of(BYTES("X-Unknown-Field-With-A-Very-Long-Name")) == HTTP_OTHER);
}

TEST(fields_are_found_in_their_order)
{
    CHECK(request(BYTES("GET / HTTP/1.1\r\nVia: 1\r\nHost: a\r\nvia: 2\r\nX-Own: 3\r\nx-own: 4\r\n"
                        "\r\n")) == ERR_OK);
    const struct http_field *field = http_find(&head, HTTP_VIA);

    CHECK(field == &head.fields[0]);
    field = http_find_next(&head, HTTP_VIA, field);
    CHECK(field == &head.fields[2]);
    CHECK(http_find_next(&head, HTTP_VIA, field) == NULL);
    CHECK(http_find(&head, HTTP_COOKIE) == NULL);
    CHECK(!http_has(&head, HTTP_COOKIE));
    CHECK(http_has(&head, HTTP_HOST));
    field = http_find_text(&head, BYTES("X-OWN"), NULL);
    CHECK(field == &head.fields[3]);
    CHECK(http_find_text(&head, BYTES("X-OWN"), field) == &head.fields[4]);
    CHECK(http_find_text(&head, BYTES("X-Other"), NULL) == NULL);
}

/* RFC 9110 §5.6.1 */
TEST(lists_are_cut_at_commas_outside_of_quotes)
{
    struct bytes rest = BYTES(" , a ,,\"b, \\\", c\" x,\td\t, "), element;

    CHECK(http_list_next(&rest, &element));
    CHECK(bytes_equal(element, BYTES("a")));
    CHECK(http_list_next(&rest, &element));
    CHECK(bytes_equal(element, BYTES("\"b, \\\", c\" x")));
    CHECK(http_list_next(&rest, &element));
    CHECK(bytes_equal(element, BYTES("d")));
    CHECK(!http_list_next(&rest, &element));
    rest = BYTES("a, \"b, c");
    CHECK(http_list_next(&rest, &element));
    CHECK(http_list_next(&rest, &element));
    CHECK(bytes_equal(element, BYTES("\"b, c")));
    CHECK(!http_list_next(&rest, &element));
}

/* RFC 9110 §7.6.1 */
TEST(hop_by_hop_fields_are_those_of_the_rfc_and_those_that_connection_lists)
{
    CHECK(response(BYTES("HTTP/1.1 200 OK\r\nConnection: X-Own, close\r\nX-Own: a\r\nTE: b\r\n"
                         "X-Other: c\r\nKeep-Alive: d\r\nVia: e\r\n\r\n")) == ERR_OK);
    CHECK(http_is_hop_by_hop(&head, &head.fields[0]));
    CHECK(http_is_hop_by_hop(&head, &head.fields[1]));
    CHECK(http_is_hop_by_hop(&head, &head.fields[2]));
    CHECK(!http_is_hop_by_hop(&head, &head.fields[3]));
    CHECK(http_is_hop_by_hop(&head, &head.fields[4]));
    CHECK(!http_is_hop_by_hop(&head, &head.fields[5]));
}

/* RFC 9110 §9.2 */
TEST(methods_are_safe_or_idempotent_as_the_rfc_says)
{
    CHECK(http_method_is_safe(http_method_of(BYTES("HEAD"))));
    CHECK(http_method_is_safe(http_method_of(BYTES("QUERY"))));
    CHECK(!http_method_is_safe(http_method_of(BYTES("POST"))));
    CHECK(!http_method_is_safe(http_method_of(BYTES("BREW"))));
    CHECK(!http_method_is_safe(http_method_of(BYTES("get"))));
    CHECK(http_method_is_idempotent(http_method_of(BYTES("DELETE"))));
    CHECK(!http_method_is_idempotent(http_method_of(BYTES("PATCH"))));
}

static bool among(int byte, const char *text)
{
    return byte > 0 && strchr(text, byte) != NULL;
}

TEST(the_table_of_characters_is_what_the_rfcs_say)
{
    for (int byte = 0; byte < 256; byte++) {
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool digit = byte >= '0' && byte <= '9';
        bool visible = byte > 0x20 && byte < 0x7f;
        uint8_t b = (uint8_t)byte;

        CHECK(char_is(b, CHAR_TOKEN) == (letter || digit || among(byte, "!#$%&'*+-.^_`|~")));
        CHECK(char_is(b, CHAR_VALUE) == (byte == '\t' || (byte >= 0x20 && byte != 0x7f)));
        CHECK(char_is(b, CHAR_TARGET) == (visible && byte != '#'));
        CHECK(char_is(b, CHAR_HEX) == (digit || among(byte, "abcdefABCDEF")));
        CHECK(char_is(b, CHAR_DIGIT) == digit);
        CHECK(char_is(b, CHAR_UNRESERVED) == (letter || digit || among(byte, "-._~")));
        CHECK(char_is(b, CHAR_HOST) == (letter || digit || among(byte, "-._")));
        CHECK(char_is(b, CHAR_URI) == (letter || digit || among(byte, "-._~!$&'()*+,;=:@/?[]%")));
    }
}

TEST(runs_end_at_the_same_byte_sixteen_at_a_time_as_one_at_a_time)
{
    uint8_t text[48];

    for (int byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < sizeof text; at++) {
            const uint8_t *end = text + sizeof text;

            memset(text, 'a', sizeof text);
            text[at] = (uint8_t)byte;
            CHECK(scan_value(text, end) == scan_class(text, end, CHAR_VALUE));
            CHECK(scan_target(text, end) == scan_class(text, end, CHAR_TARGET));
            CHECK(scan_value(text, text + at) == text + at);
            CHECK(scan_target(text, text + at) == text + at);
        }
    }
    memset(text, 'a', sizeof text);
    CHECK(scan_near_colon(text, text + sizeof text) == NULL);
    text[32] = ':';
    CHECK(scan_near_colon(text, text + sizeof text) == NULL);
    text[31] = ':';
    CHECK(scan_near_colon(text, text + sizeof text) != text + 32);
}
