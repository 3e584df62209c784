/* The promises of proto/resp.h. SPDX-License-Identifier: MIT */
#include "proto/resp.h"

#include "t.h"

#include <math.h>

static const struct resp_limits usual = {RESP_ARGUMENTS_MAX, RESP_BULK_MAX, false};

enum { ITEMS = 64, TEXT = RESP_INLINE_MAX };

struct place {
    struct bytes items[ITEMS];
    uint8_t text[TEXT];
    struct resp_arguments arguments;
};

static struct place place;

static void empty(void)
{
    place.arguments = (struct resp_arguments){
        .items = place.items, .capacity = ITEMS, .text = place.text, .text_capacity = TEXT};
}

static enum err read_all(struct bytes input, size_t *ret_size)
{
    struct resp_reader reader = {0};

    empty();
    return resp_read(&reader, input, &usual, &place.arguments, ret_size);
}

static bool says(struct bytes input, const char *complaint)
{
    struct resp_reader reader = {0};
    size_t size = 0;

    empty();
    return resp_read(&reader, input, &usual, &place.arguments, &size) == ERR_SYNTAX &&
           strcmp(reader.complaint, complaint) == 0;
}

static bool is(size_t at, const char *text)
{
    return at < place.arguments.count && bytes_equal(place.items[at], bytes_of_text(text));
}

TEST(an_array_of_bulks_is_read_in_place)
{
    struct bytes input = BYTES("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\nbc\r\nrest");
    size_t size = 0;

    CHECK(read_all(input, &size) == ERR_OK);
    CHECK(size == input.size - 4);
    CHECK(place.arguments.count == 3 && is(0, "SET") && is(1, "k") && is(2, "a\r\nbc"));
    CHECK(place.items[1].data > input.data && place.items[1].data < input.data + input.size);
}

TEST(however_a_request_is_cut_it_is_read_the_same)
{
    struct bytes whole = BYTES("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$12\r\nhello\r\nworld\r\n");

    for (size_t step = 1; step < whole.size; step++) {
        struct resp_reader reader = {0};
        size_t have = 0, size = 0;
        enum err err = ERR_AGAIN;

        empty();
        while (err == ERR_AGAIN && have < whole.size) {
            have = have + step > whole.size ? whole.size : have + step;
            err = resp_read(&reader, bytes_slice(whole, 0, have), &usual, &place.arguments, &size);
        }
        CHECK(err == ERR_OK && size == whole.size && have == whole.size);
        CHECK(place.arguments.count == 3 && is(0, "SET") && is(1, "") && is(2, "hello\r\nworld"));
    }
}

TEST(an_unfinished_request_can_be_forgotten_and_read_anew)
{
    struct bytes whole = BYTES("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    struct resp_reader reader = {0};
    size_t size = 0;

    empty();
    CHECK(resp_read(&reader, bytes_slice(whole, 0, 15), &usual, &place.arguments, &size) ==
          ERR_AGAIN);
    CHECK(reader.read == 1);
    resp_forget(&reader, &place.arguments);
    CHECK(place.arguments.count == 0);
    CHECK(resp_read(&reader, whole, &usual, &place.arguments, &size) == ERR_OK);
    CHECK(place.arguments.count == 2 && is(1, "k"));
}

TEST(a_request_with_more_arguments_than_places_asks_for_places)
{
    struct bytes whole = BYTES("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    struct resp_reader reader = {0};
    size_t size = 0;

    empty();
    place.arguments.capacity = 1;
    CHECK(resp_read(&reader, whole, &usual, &place.arguments, &size) == ERR_FULL);
    CHECK(reader.missing == 1 && reader.read == 1);
    place.arguments.capacity = 2;
    CHECK(resp_read(&reader, whole, &usual, &place.arguments, &size) == ERR_OK);
    CHECK(place.arguments.count == 2 && is(0, "GET") && is(1, "k"));
}

TEST(empty_requests_are_read_as_nothing)
{
    size_t size = 0;

    CHECK(read_all(BYTES("*0\r\nx"), &size) == ERR_OK && size == 4);
    CHECK(place.arguments.count == 0);
    CHECK(read_all(BYTES("*-1\r\n"), &size) == ERR_OK && size == 5);
    CHECK(read_all(BYTES("\r\nx"), &size) == ERR_OK && size == 2);
    CHECK(read_all(BYTES(""), &size) == ERR_AGAIN);
}

TEST(what_breaks_the_protocol_gets_redis_words)
{
    CHECK(says(BYTES("*x\r\n"), "Protocol error: invalid multibulk length"));
    CHECK(says(BYTES("*99999999\r\n"), "Protocol error: invalid multibulk length"));
    CHECK(says(BYTES("*01\r\n"), "Protocol error: invalid multibulk length"));
    CHECK(says(BYTES("*1\r\n+x\r\n"), "Protocol error: expected '$', got '+'"));
    CHECK(says(BYTES("*1\r\n$-1\r\n"), "Protocol error: invalid bulk length"));
    CHECK(says(BYTES("*1\r\n$536870913\r\n"), "Protocol error: invalid bulk length"));
    CHECK(says(BYTES("*1\r\n$99999999999999999999999999999999\r\n"),
               "Protocol error: invalid bulk length"));
    CHECK(says(BYTES("set \"a\r\n"), "Protocol error: unbalanced quotes in request"));
    CHECK(says(BYTES("set \"a\"b\r\n"), "Protocol error: unbalanced quotes in request"));
}

TEST(strangers_may_say_little)
{
    static const struct resp_limits stranger = {10, 16384, true};
    struct resp_reader reader = {0};
    size_t size = 0;

    empty();
    CHECK(resp_read(&reader, BYTES("*11\r\n"), &stranger, &place.arguments, &size) == ERR_SYNTAX);
    CHECK(strcmp(reader.complaint, "Protocol error: unauthenticated multibulk length") == 0);
    reader = (struct resp_reader){0};
    CHECK(resp_read(&reader, BYTES("*1\r\n$16385\r\n"), &stranger, &place.arguments, &size) ==
          ERR_SYNTAX);
    CHECK(strcmp(reader.complaint, "Protocol error: unauthenticated bulk length") == 0);
}

TEST(a_line_is_cut_into_words_with_quotes_and_escapes)
{
    size_t size = 0;

    CHECK(read_all(BYTES("  set k \"a \\x41\\n\\\"\" 'it\\'s' \r\nnext"), &size) == ERR_OK);
    CHECK(place.arguments.count == 4 && is(0, "set") && is(2, "a A\n\"") && is(3, "it's"));
    CHECK(read_all(BYTES("ping\n"), &size) == ERR_OK && size == 5 && is(0, "ping"));
}

TEST(a_line_without_an_end_is_refused_when_it_is_too_long)
{
    static uint8_t line[RESP_INLINE_MAX];
    size_t size = 0;

    memset(line, 'a', sizeof line);
    CHECK(read_all(bytes_of(line, sizeof line - 1), &size) == ERR_AGAIN);
    CHECK(says(bytes_of(line, sizeof line), "Protocol error: too big inline request"));
}

static bool wrote(struct buf *buf, const char *text)
{
    bool same = bytes_equal(buf_bytes(buf), bytes_of_text(text));

    buf_clear(buf);
    return same;
}

TEST(replies_have_the_shapes_of_their_protocol)
{
    struct buf buf;

    buf_init(&buf, 4096, NULL);
    resp_add_integer(&buf, INT64_MIN);
    CHECK(wrote(&buf, ":-9223372036854775808\r\n"));
    resp_add_error(&buf, BYTES("ERR a\r\nb"));
    CHECK(wrote(&buf, "-ERR a  b\r\n"));
    resp_add_bulk(&buf, BYTES("abc"));
    CHECK(wrote(&buf, "$3\r\nabc\r\n"));
    resp_add_null(&buf, 2);
    resp_add_null(&buf, 3);
    resp_add_null_array(&buf, 2);
    CHECK(wrote(&buf, "$-1\r\n_\r\n*-1\r\n"));
    resp_add_map(&buf, 2, 3);
    resp_add_map(&buf, 3, 3);
    CHECK(wrote(&buf, "*6\r\n%3\r\n"));
    resp_add_double(&buf, 2, 1.1);
    resp_add_double(&buf, 3, 3);
    resp_add_double(&buf, 3, -INFINITY);
    CHECK(wrote(&buf, "$18\r\n1.1000000000000001\r\n,3\r\n,-inf\r\n"));
    resp_add_verbatim(&buf, 3, BYTES("hi"));
    CHECK(wrote(&buf, "=6\r\ntxt:hi\r\n"));
    resp_add_bool(&buf, 3, true);
    resp_add_bool(&buf, 2, false);
    CHECK(wrote(&buf, "#t\r\n:0\r\n"));
    buf_fini(&buf);
}

TEST(a_reply_is_skipped_whole_however_deep_and_however_cut)
{
    struct bytes whole =
        BYTES("*3\r\n%1\r\n+a\r\n*2\r\n:1\r\n$-1\r\n|1\r\n+ttl\r\n:3\r\n~1\r\n#t\r\n$2\r\n"
              "hi\r\n");

    for (size_t step = 1; step <= whole.size; step++) {
        struct resp_skipper skipper = {0};
        size_t have = 0, size = 0;
        enum err err = ERR_AGAIN;

        while (err == ERR_AGAIN && have < whole.size) {
            have = have + step > whole.size ? whole.size : have + step;
            err = resp_skip(&skipper, bytes_slice(whole, 0, have), &size);
        }
        CHECK(err == ERR_OK && have == whole.size && size == whole.size);
    }
}

TEST(tokens_give_their_values)
{
    struct bytes rest =
        BYTES(":-7\r\n$2\r\nhi\r\n=7\r\ntxt:abc\r\n%2\r\n_\r\n#f\r\n,1.5\r\n?x\r\n");
    struct resp_token token;

    CHECK(resp_token(&rest, &token) == ERR_OK && token.number == -7);
    CHECK(resp_token(&rest, &token) == ERR_OK && bytes_equal(token.text, BYTES("hi")));
    CHECK(resp_token(&rest, &token) == ERR_OK && bytes_equal(token.text, BYTES("abc")));
    CHECK(resp_token(&rest, &token) == ERR_OK && token.kind == RESP_MAP && token.count == 4);
    CHECK(resp_token(&rest, &token) == ERR_OK && token.kind == RESP_NULL);
    CHECK(resp_token(&rest, &token) == ERR_OK && token.kind == RESP_BOOL && token.number == 0);
    CHECK(resp_token(&rest, &token) == ERR_OK && token.kind == RESP_DOUBLE);
    CHECK(resp_token(&rest, &token) == ERR_SYNTAX);
}
