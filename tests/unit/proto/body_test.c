/* The promises of proto/body.h. RFC 9112 §7. SPDX-License-Identifier: MIT */
#include "proto/body.h"

#include "head.h"

static uint8_t collected[4096];
static size_t collected_size;
static struct http_body body;
static bool done;

/* Feeds the input in pieces of `step` bytes; *ret_used: bytes that were used up. */
static enum err feed(struct bytes input, size_t step, size_t *ret_used)
{
    size_t arrived = 0, used = 0;
    enum err err = ERR_AGAIN;

    collected_size = 0;
    done = false;
    while (!done && (err == ERR_OK || (err == ERR_AGAIN && arrived < input.size))) {
        struct bytes piece;
        size_t size = 0;

        if (err == ERR_AGAIN)
            arrived = arrived + step < input.size ? arrived + step : input.size;
        err = http_body_next(&body, bytes_slice(input, used, arrived), &size, &piece, &done);
        if (err != ERR_OK && err != ERR_AGAIN)
            return err;
        used += size;
        CHECK(used <= arrived);
        CHECK(err == ERR_OK || used == arrived);
        if (piece.size > 0)
            memcpy(collected + collected_size, piece.data, piece.size);
        collected_size += piece.size;
    }
    *ret_used = used;
    return err;
}

static void start(enum http_framing framing, uint64_t length)
{
    static struct http_head head;

    head.framing = framing;
    head.content_length = length;
    http_body_init(&body, &head);
}

/* The same at every step from a byte at a time to all at once. */
static bool chunked_is(struct bytes input, struct bytes content, size_t used)
{
    for (size_t step = 1; step <= input.size; step++) {
        size_t count = 0;

        start(HTTP_CHUNKED, 0);
        if (feed(input, step, &count) != ERR_OK || !done || count != used ||
            !bytes_equal(bytes_of(collected, collected_size), content) ||
            !http_body_is_whole_at_end(&body))
            return false;
    }
    return true;
}

static bool chunked_refused(struct bytes input, enum err wanted)
{
    for (size_t step = 1; step <= input.size; step++) {
        size_t count = 0;

        start(HTTP_CHUNKED, 0);
        if (feed(input, step, &count) != wanted || done || http_body_is_whole_at_end(&body))
            return false;
    }
    return true;
}

#define REFUSED(text) CHECK(chunked_refused(BYTES(text), ERR_SYNTAX))

TEST(chunks_are_joined_at_every_split_point)
{
    CHECK(chunked_is(BYTES("5\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\n\r\nGET /"),
                     BYTES("hello 0123456789"), 36));
    CHECK(chunked_is(BYTES("0\r\n\r\n"), BYTES(""), 5));
    CHECK(chunked_is(BYTES("00\r\n\r\n"), BYTES(""), 6));
    CHECK(chunked_is(BYTES("0000000000000001\r\na\r\n0\r\n\r\n"), BYTES("a"), 26));
}

TEST(a_chunk_size_is_hexadecimal_digits_only_7_1)
{
    REFUSED("\r\n");
    REFUSED("g\r\n");
    REFUSED("0x5\r\nhello\r\n");
    REFUSED("+5\r\nhello\r\n");
    REFUSED("-5\r\nhello\r\n");
    REFUSED(" 5\r\nhello\r\n");
    REFUSED("5 \r\nhello\r\n");
    REFUSED("5\t;a\r\nhello\r\n");
    REFUSED("5,\r\nhello\r\n");
    REFUSED("8000000000000000\r\n");
    REFUSED("FFFFFFFFFFFFFFFF\r\n");
    REFUSED("00000000000000001\r\n");
    REFUSED("1 2\r\n");
}

TEST(lines_of_a_chunked_body_end_with_crlf_7_1)
{
    REFUSED("5\nhello\r\n0\r\n\r\n");
    REFUSED("5\rhello\r\n0\r\n\r\n");
    REFUSED("5\r\nhello\n0\r\n\r\n");
    REFUSED("5\r\nhello0\r\n\r\n");
    REFUSED("5\r\nhello\r0\r\n\r\n");
    REFUSED("5\r\nhelloX\r\n0\r\n\r\n");
    REFUSED("5\r\nhell\r\n0\r\n\r\n");
    REFUSED("0\r\n\n");
    REFUSED("0\n\r\n");
    REFUSED("0\r\nX: a\n\r\n");
    REFUSED("0\r\n\rX");
}

TEST(extensions_are_checked_and_dropped_7_1_1)
{
    CHECK(chunked_is(BYTES("5;a=b;c=\"d;e\"\r\nhello\r\n0;z\r\n\r\n"), BYTES("hello"), 29));
    REFUSED("5;a\nb\r\nhello\r\n");
    REFUSED("5;a\0b\r\nhello\r\n");
    REFUSED("5;a\rb\r\nhello\r\n");
}

TEST(trailers_are_checked_and_dropped_7_1_2)
{
    CHECK(chunked_is(BYTES("1\r\na\r\n0\r\nX: y\r\nDigest: z=\r\n\r\n"), BYTES("a"), 29));
    REFUSED("0\r\n: a\r\n\r\n");
    REFUSED("0\r\nX : a\r\n\r\n");
    REFUSED("0\r\n X: a\r\n\r\n");
    REFUSED("0\r\nX: a\r\n b\r\n\r\n");
    REFUSED("0\r\nX\r\n\r\n");
    REFUSED("0\r\nX: \x01\r\n\r\n");
    REFUSED("0\r\nGET / HTTP/1.1\r\n\r\n");
}

TEST(extensions_and_trailers_have_a_limit_together)
{
    size_t used = 0;
    uint8_t line[64];
    enum err err = ERR_AGAIN;
    bool ended = false;
    struct bytes piece;
    int count = 0;

    start(HTTP_CHUNKED, 0);
    memset(line, 'x', sizeof line);
    put(line, BYTES("1;"));
    put(line + 60, BYTES("\r\na\r"));
    while (count++ < 1000 && (err == ERR_OK || err == ERR_AGAIN)) {
        struct bytes input = {line, 64};

        err = http_body_next(&body, input, &used, &piece, &ended);
        if (err == ERR_OK)
            err = http_body_next(&body, bytes_skip(input, used), &used, &piece, &ended);
        if (err == ERR_AGAIN)
            err = http_body_next(&body, BYTES("\n"), &used, &piece, &ended);
    }
    CHECK(err == ERR_TOO_BIG);
    CHECK(count > BODY_OVERHEAD_MAX / 64);
    CHECK(count < BODY_OVERHEAD_MAX / 32);
}

TEST(a_line_of_trailers_has_a_limit)
{
    static uint8_t line[BODY_CHUNK_LINE_MAX + 64];
    size_t used = 0;

    start(HTTP_CHUNKED, 0);
    memset(line, 'x', sizeof line);
    CHECK(feed(BYTES("0\r\n"), 3, &used) == ERR_AGAIN);
    CHECK(feed(bytes_of(line, sizeof line), 1, &used) == ERR_TOO_BIG);
}

TEST(a_sized_body_ends_with_its_last_byte)
{
    size_t used = 0;

    for (size_t step = 1; step <= 7; step++) {
        start(HTTP_SIZED, 5);
        CHECK(feed(BYTES("hello, world"), step, &used) == ERR_OK);
        CHECK(done);
        CHECK(used == 5);
        CHECK(bytes_equal(bytes_of(collected, collected_size), BYTES("hello")));
    }
    start(HTTP_SIZED, 5);
    CHECK(feed(BYTES("hell"), 4, &used) == ERR_AGAIN || !done);
    CHECK(!http_body_is_whole_at_end(&body));
    start(HTTP_SIZED, 0);
    struct bytes piece;

    CHECK(http_body_next(&body, BYTES(""), &used, &piece, &done) == ERR_OK);
    CHECK(done);
}

TEST(no_body_takes_nothing)
{
    struct bytes piece;
    size_t used = 1;

    start(HTTP_NO_BODY, 7);
    CHECK(http_body_next(&body, BYTES("GET /"), &used, &piece, &done) == ERR_OK);
    CHECK(done);
    CHECK(used == 0);
    CHECK(piece.size == 0);
}

TEST(a_body_until_the_close_takes_everything_and_is_whole_when_that_comes)
{
    struct bytes piece;
    size_t used = 0;

    start(HTTP_UNTIL_CLOSE, 0);
    CHECK(http_body_next(&body, BYTES("abc"), &used, &piece, &done) == ERR_OK);
    CHECK(used == 3);
    CHECK(!done);
    CHECK(http_body_next(&body, BYTES(""), &used, &piece, &done) == ERR_AGAIN);
    CHECK(http_body_is_whole_at_end(&body));
}
