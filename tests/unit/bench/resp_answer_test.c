/* SPDX-License-Identifier: MIT */
#include "bench/resp_answer.h"
#include "t.h"

/* Whether the text is one reply and `rest` bytes, however it is cut into pieces. */
static bool is_whole(struct bytes text, uint8_t type, uint64_t size, size_t rest)
{
    for (size_t step = 1; step <= text.size; step++) {
        struct resp_answer answer;
        size_t from = 0, to = 0;
        enum err err = ERR_AGAIN;

        resp_answer_init(&answer);
        while (err == ERR_AGAIN && to < text.size) {
            size_t used = 0;

            to = to + step > text.size ? text.size : to + step;
            err = resp_answer_next(&answer, bytes_slice(text, from, to), &used);
            from += used;
        }
        if (err != ERR_OK || answer.type != type || answer.size != size)
            return false;
        if (step == text.size && text.size - from != rest)
            return false;
    }
    return true;
}

static enum err result(const char *text)
{
    struct resp_answer answer;
    size_t used = 0;

    resp_answer_init(&answer);
    return resp_answer_next(&answer, bytes_of_text(text), &used);
}

TEST(every_type_is_framed)
{
    CHECK(is_whole(BYTES("+OK\r\n"), '+', 2, 0));
    CHECK(is_whole(BYTES("-ERR no\r\n+OK\r\n"), '-', 6, 5));
    CHECK(is_whole(BYTES(":12\r\n"), ':', 2, 0));
    CHECK(is_whole(BYTES("$5\r\nhello\r\n$"), '$', 5, 1));
    CHECK(is_whole(BYTES("$0\r\n\r\n"), '$', 0, 0));
    CHECK(is_whole(BYTES("$2\r\n\r\n\r\n"), '$', 2, 0));
    CHECK(is_whole(BYTES("*0\r\n"), '*', 0, 0));
    CHECK(is_whole(BYTES("*2\r\n*1\r\n:1\r\n$1\r\nx\r\n"), '*', 2, 0));
    CHECK(is_whole(BYTES("%2\r\n+a\r\n:1\r\n+b\r\n*2\r\n:1\r\n:2\r\n"), '%', 2, 0));
    CHECK(is_whole(BYTES("~1\r\n#t\r\n"), '~', 1, 0));
    CHECK(is_whole(BYTES(",1.5\r\n"), ',', 3, 0));
    CHECK(is_whole(BYTES("=7\r\ntxt:abc\r\n"), '=', 7, 0));
}

TEST(nothing_is_told_apart_from_empty)
{
    struct resp_answer answer;
    size_t used = 0;

    resp_answer_init(&answer);
    CHECK(resp_answer_next(&answer, BYTES("$-1\r\n"), &used) == ERR_OK);
    CHECK(answer.is_nil);
    resp_answer_init(&answer);
    CHECK(resp_answer_next(&answer, BYTES("_\r\n"), &used) == ERR_OK);
    CHECK(answer.is_nil);
    resp_answer_init(&answer);
    CHECK(resp_answer_next(&answer, BYTES("*-1\r\n"), &used) == ERR_OK);
    CHECK(answer.is_nil);
    resp_answer_init(&answer);
    CHECK(resp_answer_next(&answer, BYTES("$0\r\n\r\n"), &used) == ERR_OK);
    CHECK(!answer.is_nil);
}

TEST(what_is_no_resp_is_refused)
{
    CHECK(result("HTTP/1.1 400 Bad Request\r\n") == ERR_SYNTAX);
    CHECK(result("$x\r\n") == ERR_SYNTAX);
    CHECK(result("$-2\r\n") == ERR_SYNTAX);
    CHECK(result("$1\r\nabc") == ERR_SYNTAX);
    CHECK(result("+OK\n") == ERR_SYNTAX);
    CHECK(result("*1\r\n*x\r\n") == ERR_SYNTAX);
    CHECK(result("\r\n") == ERR_SYNTAX);
    CHECK(result("$536870913\r\n") == ERR_TOO_BIG);
    CHECK(result("*4294967297\r\n") == ERR_TOO_BIG);
    CHECK(result("%18446744073709551615\r\n") == ERR_TOO_BIG);
}

/* How many likes of the first reply in `text` follow it. */
static size_t repeats(struct bytes text, size_t count_max)
{
    struct resp_answer answer;
    size_t used = 0;

    resp_answer_init(&answer);
    if (resp_answer_next(&answer, text, &used) != ERR_OK)
        return SIZE_MAX;
    return resp_answer_repeats(&answer, bytes_slice(text, 0, used), bytes_skip(text, used),
                               count_max);
}

TEST(replies_that_are_alike_are_counted_in_one_go)
{
    CHECK(repeats(BYTES("+OK\r\n+OK\r\n+OK\r\n"), 9) == 2);
    CHECK(repeats(BYTES("+OK\r\n+OK\r\n+OK\r\n"), 1) == 1);
    CHECK(repeats(BYTES("+OK\r\n+OK\r\n+NO\r\n"), 9) == 1);
    CHECK(repeats(BYTES("$2\r\nab\r\n$2\r\ncd\r\n$2\r\ne"), 9) == 1);
    CHECK(repeats(BYTES("$-1\r\n$-1\r\n$2\r\nab\r\n"), 9) == 1);
    CHECK(repeats(BYTES(":1\r\n:1\r\n"), 9) == 1);
}

TEST(a_reply_that_differs_or_is_broken_is_no_like)
{
    CHECK(repeats(BYTES("$2\r\nab\r\n$3\r\nabc\r\n"), 9) == 0);
    CHECK(repeats(BYTES("$2\r\nab\r\n$2\r\nabc\r\n"), 9) == 0);
    CHECK(repeats(BYTES("$2\r\nab\r\n$-1\r\n"), 9) == 0);
    CHECK(repeats(BYTES("$2\r\nab\r\n-ER\r\n\r\n"), 9) == 0);
    CHECK(repeats(BYTES("+OK\r\n-NO\r\n"), 9) == 0);
    CHECK(repeats(BYTES("*1\r\n:1\r\n*1\r\n:1\r\n"), 9) == 0);
    CHECK(repeats(BYTES("-ERR\r\n-ERR\r\n"), 9) == 0);
}
