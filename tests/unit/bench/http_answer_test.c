/* SPDX-License-Identifier: MIT */
#include "bench/http_answer.h"
#include "t.h"

#include <stdlib.h>

/* Gives the text in pieces of `step` bytes, as a socket might. */
static enum err feed(struct http_answer *answer, struct bytes text, size_t step, size_t *ret_rest)
{
    size_t from = 0, to = 0;
    enum err err = ERR_AGAIN;

    while (err == ERR_AGAIN && to < text.size) {
        size_t used = 0;

        to = to + step > text.size ? text.size : to + step;
        err = http_answer_next(answer, bytes_slice(text, from, to), &used);
        from += used;
    }
    *ret_rest = text.size - from;
    return err;
}

static bool is_whole(struct bytes text, size_t size, size_t rest)
{
    for (size_t step = 1; step <= text.size; step++) {
        struct http_answer answer;
        size_t left = 0;

        http_answer_init(&answer, false);
        if (feed(&answer, text, step, &left) != ERR_OK || answer.size != size || left < rest)
            return false;
        if (step == text.size && left != rest)
            return false;
    }
    return true;
}

static enum err result(const char *text)
{
    struct http_answer answer;
    size_t used = 0;

    http_answer_init(&answer, false);
    return http_answer_next(&answer, bytes_of_text(text), &used);
}

TEST(bodies_with_a_length_end_where_it_says)
{
    CHECK(is_whole(BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), 5, 0));
    CHECK(is_whole(BYTES("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n"), 0, 0));
    CHECK(is_whole(BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1"), 2, 8));
    CHECK(is_whole(BYTES("HTTP/1.1 204 \r\nServer: x\r\n\r\n"), 0, 0));
    CHECK(is_whole(BYTES("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"), 0, 0));
}

TEST(chunked_bodies_are_counted_without_their_framing)
{
    CHECK(is_whole(BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "5\r\nhello\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"),
                   15, 0));
}

TEST(interim_answers_are_passed_over)
{
    CHECK(
        is_whole(BYTES("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
                       "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx"),
                 1, 0));
}

TEST(an_answer_to_head_has_no_body)
{
    struct http_answer answer;
    size_t used = 0;

    http_answer_init(&answer, true);
    CHECK(http_answer_next(&answer, BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), &used) ==
          ERR_OK);
    CHECK(answer.size == 0);
}

TEST(a_body_without_length_ends_with_the_connection)
{
    struct http_answer answer;
    size_t used = 0;

    http_answer_init(&answer, false);
    CHECK(!http_answer_ends_with_connection(&answer));
    CHECK(http_answer_next(&answer, BYTES("HTTP/1.0 200 OK\r\n\r\nabc"), &used) == ERR_AGAIN);
    CHECK(http_answer_ends_with_connection(&answer));
    CHECK(answer.size == 3);
    CHECK(!answer.keep_alive);
}

static bool lives_on(const char *text)
{
    struct http_answer answer;
    size_t used = 0;

    http_answer_init(&answer, false);
    CHECK(http_answer_next(&answer, bytes_of_text(text), &used) == ERR_OK);
    return answer.keep_alive;
}

TEST(whether_the_connection_lives_on_follows_version_and_field)
{
    CHECK(lives_on("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    CHECK(!lives_on("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n"));
    CHECK(!lives_on("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    CHECK(lives_on("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nconnection: keep-alive\r\n\r\n"));
}

TEST(what_is_no_response_is_refused)
{
    CHECK(result("HTTP/2 200 OK\r\n\r\n") == ERR_SYNTAX);
    CHECK(result("HTTP/1.1 20 OK\r\n\r\n") == ERR_SYNTAX);
    CHECK(result("HTTP/1.1 2000 OK\r\n\r\n") == ERR_SYNTAX);
    CHECK(result("HTTP/1.1 101 Switching\r\n\r\n") == ERR_SYNTAX);
    CHECK(result("HTTP/1.1 200 OK\nContent-Length: 0\n\n") == ERR_SYNTAX);
    CHECK(result("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n") == ERR_SYNTAX);
    CHECK(result("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") ==
          ERR_SYNTAX);
    CHECK(result("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") ==
          ERR_SYNTAX);
    CHECK(result("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n") == ERR_SYNTAX);
    CHECK(result("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n") == ERR_SYNTAX);
    CHECK(result("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n") == ERR_SYNTAX);
    CHECK(result("+OK\r\n") == ERR_SYNTAX);
}

TEST(a_head_without_end_is_refused_at_the_limit)
{
    static uint8_t head[HTTP_ANSWER_HEAD_MAX + 2];
    struct http_answer answer;
    size_t used = 0;

    memset(head, 'a', sizeof head);
    struct bytes start = BYTES("HTTP/1.1 200 OK\r\n");

    memcpy(head, start.data, start.size);
    http_answer_init(&answer, false);
    CHECK(http_answer_next(&answer, bytes_of(head, HTTP_ANSWER_HEAD_MAX), &used) == ERR_AGAIN);
    CHECK(http_answer_next(&answer, bytes_of(head, sizeof head), &used) == ERR_TOO_BIG);
}

TEST(the_cache_nearest_to_the_client_tells_what_it_did)
{
    CHECK(http_answer_cache_status(BYTES("larder; hit; ttl=30")) == CACHED_HIT);
    CHECK(http_answer_cache_status(BYTES("larder;hit;ttl=-3;detail=stale")) == CACHED_STALE);
    CHECK(http_answer_cache_status(BYTES("larder; fwd=miss; stored")) == CACHED_MISS);
    CHECK(http_answer_cache_status(BYTES("larder; fwd=miss; collapsed")) == CACHED_SHARED);
    CHECK(http_answer_cache_status(BYTES("larder; fwd=miss; collapsed=?0")) == CACHED_MISS);
    CHECK(http_answer_cache_status(BYTES("origin; fwd=miss, larder; hit")) == CACHED_HIT);
    CHECK(http_answer_cache_status(BYTES("a; hit, \"b, hit\"; fwd=stale;key=\"x\\\",hit\"")) ==
          CACHED_MISS);
    CHECK(http_answer_cache_status(BYTES("")) == CACHED_UNTOLD);
    CHECK(http_answer_cache_status(BYTES("larder")) == CACHED_UNTOLD);
    CHECK(http_answer_cache_status(BYTES("larder; hits; xhit=1")) == CACHED_UNTOLD);
}

static bool learned(const char *fields, enum cached cached, enum cached_source source)
{
    struct http_answer answer;
    char text[512] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
    size_t used = 0, at = strlen(text);

    memcpy(text + at, fields, strlen(fields) + 1);
    http_answer_init(&answer, false);
    CHECK(http_answer_next(&answer, bytes_of_text(text), &used) == ERR_OK);
    return answer.cached == cached && answer.source == source;
}

TEST(hints_count_only_where_cache_status_is_missing)
{
    CHECK(learned("\r\n", CACHED_UNTOLD, SOURCE_NONE));
    CHECK(learned("Age: 0\r\n\r\n", CACHED_UNTOLD, SOURCE_NONE));
    CHECK(learned("Age: 7\r\n\r\n", CACHED_HIT, SOURCE_AGE));
    CHECK(learned("X-Cache: MISS\r\nAge: 7\r\n\r\n", CACHED_MISS, SOURCE_X_CACHE));
    CHECK(learned("X-Cache-Status: HIT\r\n\r\n", CACHED_HIT, SOURCE_X_CACHE));
    CHECK(learned("Cache-Status: l; fwd=miss\r\nX-Cache: HIT\r\nAge: 9\r\n\r\n", CACHED_MISS,
                  SOURCE_CACHE_STATUS));
    CHECK(learned("Cache-Status: o; fwd=miss\r\nCache-Status: l; hit\r\n\r\n", CACHED_HIT,
                  SOURCE_CACHE_STATUS));
}
