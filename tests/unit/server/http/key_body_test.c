/* key_body_test.c: bodies as parts of keys. SPDX-License-Identifier: MIT */
#include "server/http/key_body.h"

#include "t.h"

#include <stdio.h>

static void hash_with(struct hash_secret secret, const char *fields, const char *body,
                      uint8_t ret_hash[KEY_BODY_HASH_SIZE])
{
    static const struct http_limits limits = {65536, 8192, HTTP_FIELDS_MAX};
    static struct http_head head;
    struct http_complaint complaint;
    size_t size = 0;
    char text[1024];
    struct key_body *key_body = key_body_new(1024, NULL);

    CHECK(snprintf(text, sizeof text, "QUERY / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields) < 1024);
    CHECK(http_parse_request(bytes_of_text(text), &limits, &head, &size, &complaint) == ERR_OK);
    for (size_t i = 0; body[i] != 0; i++)
        CHECK(key_body_add(key_body, bytes_of(body + i, 1)));
    key_body_seal(key_body, &head, secret);
    CHECK(key_body->is_whole);
    memcpy(ret_hash, key_body->hash, KEY_BODY_HASH_SIZE);
    key_body_free(&key_body);
    CHECK(key_body == NULL);
}

static void hash(const char *fields, const char *body, uint8_t ret_hash[KEY_BODY_HASH_SIZE])
{
    hash_with((struct hash_secret){{1, 2}}, fields, body, ret_hash);
}

static bool same(const char *fields, const char *body, const char *others, const char *other_body)
{
    uint8_t one[KEY_BODY_HASH_SIZE];
    uint8_t other[KEY_BODY_HASH_SIZE];

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

TEST(nobody_who_does_not_know_the_secret_knows_the_hash)
{
    uint8_t one[KEY_BODY_HASH_SIZE];
    uint8_t other[KEY_BODY_HASH_SIZE];

    hash_with((struct hash_secret){{1, 2}}, "", "{a}", one);
    hash_with((struct hash_secret){{1, 3}}, "", "{a}", other);
    CHECK(memcmp(one, other, 8) != 0);
    CHECK(memcmp(one + 8, other + 8, 8) != 0);
    CHECK(memcmp(one, one + 8, 8) != 0);
}

TEST(what_is_too_large_leaves_the_beginning_as_it_was)
{
    struct key_body *key_body = key_body_new(5, NULL);

    CHECK(key_body_add(key_body, BYTES("abc")));
    CHECK(!key_body_add(key_body, BYTES("def")));
    CHECK(key_body->is_too_large);
    CHECK(!key_body->is_whole);
    CHECK(bytes_equal(buf_bytes(&key_body->body), BYTES("abc")));
    key_body_free(&key_body);
}
