/* SPDX-License-Identifier: MIT */
#include "bench/memcached_answer.h"
#include "t.h"

/* Whether the text is one answer and `rest` bytes, however it is cut into pieces. */
static bool is_whole(struct bytes text, uint8_t type, bool nil, uint64_t size, size_t rest)
{
    for (size_t step = 1; step <= text.size; step++) {
        struct resp_answer answer;
        size_t from = 0, to = 0;
        enum err err = ERR_AGAIN;

        resp_answer_init(&answer);
        while (err == ERR_AGAIN && to < text.size) {
            size_t used = 0;

            to = to + step > text.size ? text.size : to + step;
            err = memcached_answer_next(&answer, bytes_slice(text, from, to), &used);
            from += used;
        }
        if (err != ERR_OK || answer.type != type || answer.is_nil != nil || answer.size != size)
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
    return memcached_answer_next(&answer, bytes_of_text(text), &used);
}

TEST(a_value_a_miss_and_a_stored_are_told_apart)
{
    CHECK(is_whole(BYTES("VALUE k 0 5\r\nhello\r\nEND\r\nEND"), '$', false, 5, 3));
    CHECK(is_whole(BYTES("VALUE k 12 0\r\n\r\nEND\r\n"), '$', false, 0, 0));
    CHECK(is_whole(BYTES("VALUE k 0 4\r\n\r\n\r\n\r\nEND\r\n"), '$', false, 4, 0));
    CHECK(is_whole(BYTES("VALUE k 0 1 77\r\nx\r\nEND\r\n"), '$', false, 1, 0));
    CHECK(is_whole(BYTES("END\r\n"), '$', true, 0, 0));
    CHECK(is_whole(BYTES("STORED\r\nSTORED\r\n"), '+', false, 6, 8));
}

TEST(what_memcached_refuses_is_an_error_and_not_the_end)
{
    CHECK(is_whole(BYTES("ERROR\r\n"), '-', false, 5, 0));
    CHECK(is_whole(BYTES("NOT_STORED\r\n"), '-', false, 10, 0));
    CHECK(is_whole(BYTES("SERVER_ERROR out of memory\r\nE"), '-', false, 26, 1));
    CHECK(is_whole(BYTES("CLIENT_ERROR bad\r\n"), '-', false, 16, 0));
}

TEST(what_is_no_answer_of_memcached_is_refused)
{
    CHECK(result("+OK\r\n") == ERR_SYNTAX);
    CHECK(result("STORED\n") == ERR_SYNTAX);
    CHECK(result("VALUE k 0 x\r\n") == ERR_SYNTAX);
    CHECK(result("VALUE k x 1\r\n") == ERR_SYNTAX);
    CHECK(result("VALUE  0 1\r\n") == ERR_SYNTAX);
    CHECK(result("VALUE k 0 1\r\nab\r\n") == ERR_SYNTAX);
    CHECK(result("VALUE k 0 1\r\na\r\nVALUE l 0 1\r\n") == ERR_SYNTAX);
    CHECK(result("VALUE k 0 536870913\r\n") == ERR_TOO_BIG);
}
