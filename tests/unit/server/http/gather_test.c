/* gather_test.c: bodies as parts of keys. SPDX-License-Identifier: MIT */
#include "server/http/gather.h"

#include "t.h"

#include <stdio.h>

static void hash(const char *fields, const char *body, uint8_t ret_hash[GATHER_HASH_SIZE])
{
    static const struct http_limits limits = {65536, 8192, HTTP_FIELDS_MAX};
    static struct http_head head;
    struct http_complaint complaint;
    size_t size = 0;
    char text[1024];
    struct gather *gather = gather_new(1024, NULL);

    CHECK(snprintf(text, sizeof text, "QUERY / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields) < 1024);
    CHECK(http_parse_request(bytes_of_text(text), &limits, &head, &size, &complaint) == ERR_OK);
    for (size_t i = 0; body[i] != 0; i++)
        CHECK(gather_add(gather, bytes_of(body + i, 1)));
    gather_seal(gather, &head);
    CHECK(gather->is_whole);
    memcpy(ret_hash, gather->hash, GATHER_HASH_SIZE);
    gather_free(&gather);
    CHECK(gather == NULL);
}

static bool same(const char *fields, const char *body, const char *others, const char *other_body)
{
    uint8_t one[GATHER_HASH_SIZE];
    uint8_t other[GATHER_HASH_SIZE];

    hash(fields, body, one);
    hash(others, other_body, other);
    return memcmp(one, other, sizeof one) == 0;
}

TEST(the_same_body_of_the_same_type_is_the_same_question)
{
    CHECK(same("Content-Type: a/b\r\nX: 1\r\n", "{a}", "X: 2\r\nContent-Type: a/b\r\n", "{a}"));
    CHECK(same("", "", "", ""));
}

TEST(body_type_and_coding_each_make_a_difference)
{
    CHECK(!same("", "{a}", "", "{b}"));
    CHECK(!same("", "{a}", "", ""));
    CHECK(!same("Content-Type: a/b\r\n", "{a}", "", "{a}"));
    CHECK(!same("Content-Type: a/b\r\n", "", "", "a/b"));
    CHECK(!same("Content-Type: gzip\r\n", "", "Content-Encoding: gzip\r\n", ""));
    CHECK(!same("Content-Type: a/b\r\nContent-Type: c\r\n", "", "Content-Type: a/b, c\r\n", ""));
}

TEST(what_is_too_large_leaves_the_beginning_as_it_was)
{
    struct gather *gather = gather_new(5, NULL);

    CHECK(gather_add(gather, BYTES("abc")));
    CHECK(!gather_add(gather, BYTES("def")));
    CHECK(gather->is_too_large);
    CHECK(!gather->is_whole);
    CHECK(bytes_equal(buf_bytes(&gather->body), BYTES("abc")));
    gather_free(&gather);
}
