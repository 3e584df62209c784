/* The promises of proto/etag.h. RFC 9110 §8.8.3 and §13. SPDX-License-Identifier: MIT */
#include "proto/etag.h"

#include "head.h"

static const int64_t now_s = 1795168753;
static struct http_head head;

static bool is_tag(struct bytes text)
{
    struct etag etag;

    return etag_parse(text, &etag) == ERR_OK;
}

TEST(an_entity_tag_is_quoted_and_perhaps_weak_8_8_3)
{
    struct etag etag;

    CHECK(etag_parse(BYTES("\"xyzzy\""), &etag) == ERR_OK);
    CHECK(!etag.weak);
    CHECK(bytes_equal(etag.opaque, BYTES("xyzzy")));
    CHECK(etag_parse(BYTES("W/\"xyzzy\""), &etag) == ERR_OK);
    CHECK(etag.weak);
    CHECK(is_tag(BYTES("\"\"")));
    CHECK(is_tag(BYTES("\"a,b\\c\xff\"")));
    CHECK(!is_tag(BYTES("xyzzy")));
    CHECK(!is_tag(BYTES("w/\"xyzzy\"")));
    CHECK(!is_tag(BYTES("W\"xyzzy\"")));
    CHECK(!is_tag(BYTES("\"xyzzy")));
    CHECK(!is_tag(BYTES("xyzzy\"")));
    CHECK(!is_tag(BYTES("\"a b\"")));
    CHECK(!is_tag(BYTES("\"a\"b\"")));
    CHECK(!is_tag(BYTES("\"a\" ")));
    CHECK(!is_tag(BYTES("\"a\x7f\"")));
    CHECK(!is_tag(BYTES("'a'")));
    CHECK(!is_tag(BYTES("*")));
    CHECK(!is_tag(BYTES("")));
}

/* The table of §8.8.3.2. */
TEST(tags_are_compared_strongly_or_weakly_8_8_3_2)
{
    struct etag weak1 = {true, BYTES("1")}, weak2 = {true, BYTES("2")},
                strong1 = {false, BYTES("1")};

    CHECK(!etag_equal_strong(weak1, weak1) && etag_equal_weak(weak1, weak1));
    CHECK(!etag_equal_strong(weak1, weak2) && !etag_equal_weak(weak1, weak2));
    CHECK(!etag_equal_strong(weak1, strong1) && etag_equal_weak(weak1, strong1));
    CHECK(etag_equal_strong(strong1, strong1) && etag_equal_weak(strong1, strong1));
}

TEST(lists_of_tags_are_read_one_by_one)
{
    struct bytes rest = BYTES(", \"a,b\" ,,W/\"c\"\t, ");
    struct etag etag;

    CHECK(etag_list_next(&rest, &etag) == ERR_OK);
    CHECK(bytes_equal(etag.opaque, BYTES("a,b")));
    CHECK(etag_list_next(&rest, &etag) == ERR_OK);
    CHECK(etag.weak);
    CHECK(etag_list_next(&rest, &etag) == ERR_MISS);
    rest = BYTES("\"a\" \"b\"");
    CHECK(etag_list_next(&rest, &etag) == ERR_SYNTAX);
    rest = BYTES("a");
    CHECK(etag_list_next(&rest, &etag) == ERR_SYNTAX);
}

static struct validators strong_one(void)
{
    return (struct validators){.exists = true,
                               .has_etag = true,
                               .etag = {false, BYTES("one")},
                               .has_modified = true,
                               .modified_s = 784111777, /* Sun, 06 Nov 1994 08:49:37 GMT */
                               .modified_strong = true};
}

static enum precondition judge(struct bytes request, struct validators validators)
{
    head_of_request(&head, request);
    return precondition_judge(&head, &validators, now_s);
}

static enum precondition get(struct bytes request)
{
    return judge(request, strong_one());
}

TEST(if_none_match_compares_weakly_and_takes_lists_13_1_2)
{
    CHECK(get(GET("If-None-Match: \"one\"\r\n")) == PRECONDITION_UNCHANGED);
    CHECK(get(GET("If-None-Match: W/\"one\"\r\n")) == PRECONDITION_UNCHANGED);
    CHECK(get(GET("If-None-Match: \"two\", W/\"three\", \"one\"\r\n")) == PRECONDITION_UNCHANGED);
    CHECK(get(GET("If-None-Match: \"two\"\r\nIf-None-Match: \"one\"\r\n")) ==
          PRECONDITION_UNCHANGED);
    CHECK(get(GET("If-None-Match: *\r\n")) == PRECONDITION_UNCHANGED);
    CHECK(get(GET("If-None-Match: \"two\"\r\n")) == PRECONDITION_NONE);
    CHECK(get(GET("If-None-Match: one\r\n")) == PRECONDITION_NONE);
    CHECK(get(GET("If-None-Match: \"*\"\r\n")) == PRECONDITION_NONE);
    CHECK(get(GET("If-None-Match: \"one\r\n")) == PRECONDITION_NONE);
    CHECK(judge(BYTES("PUT / HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n"), strong_one()) ==
          PRECONDITION_FAILED);
    CHECK(judge(GET("If-None-Match: *\r\n"), (struct validators){0}) == PRECONDITION_NONE);
}

TEST(if_modified_since_counts_only_without_if_none_match_13_1_3)
{
    CHECK(get(GET("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n")) ==
          PRECONDITION_UNCHANGED);
    CHECK(get(GET("If-Modified-Since: Sun Nov  6 08:49:38 1994\r\n")) == PRECONDITION_UNCHANGED);
    CHECK(get(GET("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n")) == PRECONDITION_NONE);
    CHECK(get(GET("If-Modified-Since: yesterday\r\n")) == PRECONDITION_NONE);
    CHECK(get(GET("If-None-Match: \"two\"\r\n"
                  "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n")) == PRECONDITION_NONE);
    CHECK(judge(BYTES("POST / HTTP/1.1\r\nHost: a\r\n"
                      "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"),
                strong_one()) == PRECONDITION_NONE);
    struct validators undated = strong_one();

    undated.has_modified = false;
    CHECK(judge(GET("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), undated) ==
          PRECONDITION_NONE);
}

TEST(if_match_compares_strongly_13_1_1)
{
    CHECK(get(GET("If-Match: \"two\", \"one\"\r\n")) == PRECONDITION_NONE);
    CHECK(get(GET("If-Match: *\r\n")) == PRECONDITION_NONE);
    CHECK(get(GET("If-Match: W/\"one\"\r\n")) == PRECONDITION_FAILED);
    CHECK(get(GET("If-Match: \"two\"\r\n")) == PRECONDITION_FAILED);
    CHECK(get(GET("If-Match: one\r\n")) == PRECONDITION_FAILED);
    CHECK(judge(GET("If-Match: *\r\n"), (struct validators){0}) == PRECONDITION_FAILED);
}

TEST(if_unmodified_since_counts_only_without_if_match_13_1_4)
{
    CHECK(get(GET("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n")) ==
          PRECONDITION_FAILED);
    CHECK(get(GET("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n")) == PRECONDITION_NONE);
    CHECK(get(GET("If-Unmodified-Since: tomorrow\r\n")) == PRECONDITION_NONE);
    CHECK(get(GET("If-Match: \"one\"\r\n"
                  "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n")) == PRECONDITION_NONE);
}

TEST(if_range_is_a_strong_validator_or_the_whole_is_sent_13_1_5)
{
    CHECK(get(GET("Range: bytes=0-1\r\nIf-Range: \"one\"\r\n")) == PRECONDITION_NONE);
    CHECK(get(GET("Range: bytes=0-1\r\nIf-Range: W/\"one\"\r\n")) == PRECONDITION_RANGE_UNTRUE);
    CHECK(get(GET("Range: bytes=0-1\r\nIf-Range: \"two\"\r\n")) == PRECONDITION_RANGE_UNTRUE);
    CHECK(get(GET("Range: bytes=0-1\r\nIf-Range: \"two\", \"one\"\r\n")) ==
          PRECONDITION_RANGE_UNTRUE);
    CHECK(get(GET("Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n")) ==
          PRECONDITION_NONE);
    CHECK(get(GET("Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n")) ==
          PRECONDITION_RANGE_UNTRUE);
    CHECK(get(GET("Range: bytes=0-1\r\nIf-Range: \"one\"\r\nIf-Range: \"one\"\r\n")) ==
          PRECONDITION_RANGE_UNTRUE);
    CHECK(get(GET("If-Range: \"two\"\r\n")) == PRECONDITION_NONE);
    struct validators weak = strong_one();

    weak.modified_strong = false;
    CHECK(judge(GET("Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), weak) ==
          PRECONDITION_RANGE_UNTRUE);
    weak.etag.weak = true;
    CHECK(judge(GET("Range: bytes=0-1\r\nIf-Range: W/\"one\"\r\n"), weak) ==
          PRECONDITION_RANGE_UNTRUE);
}

TEST(preconditions_are_judged_in_the_order_of_13_2_2)
{
    CHECK(get(GET("If-Match: \"two\"\r\nIf-None-Match: \"one\"\r\n")) == PRECONDITION_FAILED);
    CHECK(get(GET("If-Match: \"one\"\r\nIf-None-Match: \"one\"\r\n")) == PRECONDITION_UNCHANGED);
    CHECK(get(GET("If-None-Match: \"one\"\r\nRange: bytes=0-1\r\nIf-Range: \"two\"\r\n")) ==
          PRECONDITION_UNCHANGED);
    CHECK(get(GET("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"
                  "If-None-Match: \"one\"\r\n")) == PRECONDITION_FAILED);
    CHECK(get(GET("")) == PRECONDITION_NONE);
    CHECK(!precondition_is_asked(&head));
    CHECK(get(GET("If-Range: \"two\"\r\n")) == PRECONDITION_NONE);
    CHECK(precondition_is_asked(&head));
}

/* §8.8.2.2, and RFC 9111 §4.3.2: Date in place of a missing Last-Modified */
TEST(validators_come_from_fields_that_are_there_once)
{
    struct validators found;

    head_of_response(&head, ANSWER("ETag: W/\"a\"\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
                                   "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    found = validators_of(&head, now_s);
    CHECK(found.has_etag && found.etag.weak && bytes_equal(found.etag.opaque, BYTES("a")));
    CHECK(found.has_modified && found.modified_s == 784111777 && found.modified_strong);
    head_of_response(&head, ANSWER("ETag: \"a\"\r\nETag: \"b\"\r\n"
                                   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                   "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    found = validators_of(&head, now_s);
    CHECK(!found.has_etag);
    CHECK(found.has_modified && !found.modified_strong);
    head_of_response(&head, ANSWER("ETag: a\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    found = validators_of(&head, now_s);
    CHECK(!found.has_etag);
    CHECK(found.has_modified && found.modified_s == 784111777 && !found.modified_strong);
    head_of_response(&head, ANSWER(""));
    found = validators_of(&head, now_s);
    CHECK(found.exists && !found.has_etag && !found.has_modified);
}
