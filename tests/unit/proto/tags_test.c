/* The promises of proto/tags.h. RFC 9875. SPDX-License-Identifier: MIT */
#include "proto/tags.h"

#include "head.h"

static struct http_head head;
static struct tags tags;

static bool tags_are(struct bytes response, struct bytes joined)
{
    head_of_response(&head, response);
    if (tags_of(&head, &tags) != ERR_OK)
        return false;
    for (size_t i = 0; i < tags.count; i++) {
        if (!bytes_equal(tags.items[i], bytes_cut(&joined, '|')))
            return false;
    }
    return joined.size == 0;
}

TEST(each_field_has_its_own_separators)
{
    CHECK(tags_are(ANSWER("Cache-Tag: a b, c ,,d\r\n"), BYTES("a b|c|d")));
    CHECK(tags_are(ANSWER("Edge-Cache-Tag: a,b\r\n"), BYTES("a|b")));
    CHECK(tags_are(ANSWER("Surrogate-Key: a  b,c\td\r\n"), BYTES("a|b,c|d")));
    CHECK(tags_are(ANSWER("xkey: a b,c\r\nXKEY: d\r\n"), BYTES("a|b|c|d")));
    CHECK(tags_are(ANSWER("Cache-Groups: \"a, b\", \"c\";x=1\r\n"), BYTES("a, b|c")));
    CHECK(tags_are(ANSWER("Cache-Tag: a\r\nSurrogate-Key: b\r\n"), BYTES("a|b")));
    CHECK(tags_are(ANSWER("Cache-Tag:\r\nX: a\r\n"), BYTES("")));
}

TEST(escapes_in_groups_are_resolved)
{
    CHECK(tags_are(ANSWER("Cache-Groups: \"a\\\"b\\\\\", \"c\\\"\"\r\n"), BYTES("a\"b\\|c\"")));
}

/* §2 */
TEST(cache_groups_that_are_no_strings_are_as_if_absent)
{
    static const struct bytes texts[] = {
        BYTES_INIT("HTTP/1.1 200 X\r\nCache-Groups: a\r\nCache-Tag: t\r\n\r\n"),
        BYTES_INIT("HTTP/1.1 200 X\r\nCache-Groups: \"a\", 1\r\nCache-Tag: t\r\n\r\n"),
        BYTES_INIT("HTTP/1.1 200 X\r\nCache-Groups: \"a\",\r\nCache-Tag: t\r\n\r\n"),
        BYTES_INIT("HTTP/1.1 200 X\r\nCache-Groups: (\"a\")\r\nCache-Tag: t\r\n\r\n"),
        BYTES_INIT(
            "HTTP/1.1 200 X\r\nCache-Groups: \"a\"\r\nCache-Tag: t\r\nCache-Groups: \"\r\n\r\n"),
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        head_of_response(&head, texts[i]);
        CHECK(tags_of(&head, &tags) == ERR_SYNTAX);
        CHECK(tags.count == 1 && bytes_equal(tags.items[0], BYTES("t")));
    }
}

static enum err many(size_t count, size_t size, const char *name, uint8_t separator)
{
    static uint8_t text[16000];
    size_t at = put(text, BYTES("HTTP/1.1 200 X\r\n"));

    at += put(text + at, bytes_of_text(name));
    for (size_t i = 0; i < count; i++) {
        memset(text + at, 'a', size);
        at += size;
        text[at++] = separator;
    }
    at += put(text + at, BYTES("x\r\n\r\n"));
    head_of_response(&head, bytes_of(text, at));
    return tags_of(&head, &tags);
}

TEST(a_list_beyond_the_limits_is_an_error_and_never_a_shorter_list)
{
    CHECK(many(TAGS_MAX - 1, 2, "Cache-Tag: ", ',') == ERR_OK);
    CHECK(tags.count == TAGS_MAX);
    CHECK(many(TAGS_MAX, 2, "Cache-Tag: ", ',') == ERR_TOO_BIG);
    CHECK(many(TAGS_MAX, 2, "xkey: ", ' ') == ERR_TOO_BIG);
    CHECK(many(1, TAGS_SIZE_MAX, "Surrogate-Key: ", ' ') == ERR_OK);
    CHECK(many(1, TAGS_SIZE_MAX + 1, "Surrogate-Key: ", ' ') == ERR_TOO_BIG);
}

TEST(escaped_tags_have_a_limit_of_their_own)
{
    static uint8_t text[8000];
    size_t at = put(text, BYTES("HTTP/1.1 200 X\r\nCache-Groups: \"a\""));

    for (size_t i = 0; i <= TAGS_ESCAPED_MAX / 1000; i++) {
        at += put(text + at, BYTES(", \""));
        memset(text + at, 'a', 998);
        at += 998 + put(text + at + 998, BYTES("\\\\\""));
    }
    at += put(text + at, BYTES("\r\n\r\n"));
    head_of_response(&head, bytes_of(text, at));
    CHECK(tags_of(&head, &tags) == ERR_TOO_BIG);
}

TEST(the_five_fields_are_known)
{
    CHECK(tags_is_field(HTTP_XKEY) && tags_is_field(HTTP_CACHE_GROUPS));
    CHECK(tags_is_field(HTTP_CACHE_TAG) && tags_is_field(HTTP_EDGE_CACHE_TAG));
    CHECK(tags_is_field(HTTP_SURROGATE_KEY) && !tags_is_field(HTTP_VARY));
    CHECK(!tags_is_field(HTTP_OTHER));
}
