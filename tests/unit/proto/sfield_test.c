/* The promises of proto/sfield.h. RFC 9651 and RFC 9211. SPDX-License-Identifier: MIT */
#include "proto/sfield.h"
#include "t.h"

static struct sf_item item;

static bool number_is(struct bytes text, enum sf_kind kind, int64_t number)
{
    return sf_item_parse(text, &item) == ERR_OK && item.kind == kind && item.number == number;
}

static bool text_is(struct bytes text, enum sf_kind kind, struct bytes wanted)
{
    return sf_item_parse(text, &item) == ERR_OK && item.kind == kind &&
           bytes_equal(item.text, wanted);
}

static bool refused(struct bytes text)
{
    return sf_item_parse(text, &item) == ERR_SYNTAX;
}

TEST(integers_have_at_most_15_digits_4_2_4)
{
    CHECK(number_is(BYTES("42"), SF_INTEGER, 42));
    CHECK(number_is(BYTES("  -0 "), SF_INTEGER, 0));
    CHECK(number_is(BYTES("007"), SF_INTEGER, 7));
    CHECK(number_is(BYTES("-999999999999999"), SF_INTEGER, -999999999999999));
    CHECK(refused(BYTES("1000000000000000")));
    CHECK(refused(BYTES("-")));
    CHECK(refused(BYTES("--1")));
    CHECK(refused(BYTES("+1")));
    CHECK(refused(BYTES("1 2")));
    CHECK(refused(BYTES("")));
    CHECK(refused(BYTES("\t1")));
}

TEST(decimals_have_at_most_12_and_3_digits_4_2_4)
{
    CHECK(number_is(BYTES("4.5"), SF_DECIMAL, 4500));
    CHECK(number_is(BYTES("-0.001"), SF_DECIMAL, -1));
    CHECK(number_is(BYTES("999999999999.999"), SF_DECIMAL, 999999999999999));
    CHECK(refused(BYTES("1.")));
    CHECK(refused(BYTES(".5")));
    CHECK(refused(BYTES("1.2345")));
    CHECK(refused(BYTES("1000000000000.0")));
    CHECK(refused(BYTES("1.2.3")));
    CHECK(refused(BYTES("1.-2")));
}

TEST(strings_are_printable_ascii_with_two_escapes_4_2_5)
{
    uint8_t out[16];

    CHECK(text_is(BYTES("\"hello; a=1, b\""), SF_STRING, BYTES("hello; a=1, b")));
    CHECK(!item.escaped);
    CHECK(text_is(BYTES("\"\""), SF_STRING, BYTES("")));
    CHECK(text_is(BYTES("\"a\\\"b\\\\\""), SF_STRING, BYTES("a\\\"b\\\\")));
    CHECK(item.escaped);
    CHECK(sf_unescape(item.text, out) == 4);
    CHECK(memcmp(out, "a\"b\\", 4) == 0);
    CHECK(refused(BYTES("\"a")));
    CHECK(refused(BYTES("\"a\\\"")));
    CHECK(refused(BYTES("\"a\\n\"")));
    CHECK(refused(BYTES("\"a\tb\"")));
    CHECK(refused(BYTES("\"\xc3\xa9\"")));
    CHECK(refused(BYTES("'a'")));
    CHECK(refused(BYTES("\"a\"b")));
}

TEST(tokens_begin_with_a_letter_or_an_asterisk_4_2_6)
{
    CHECK(text_is(BYTES("foo123/456:*"), SF_TOKEN, BYTES("foo123/456:*")));
    CHECK(text_is(BYTES("*"), SF_TOKEN, BYTES("*")));
    CHECK(text_is(BYTES("ABC"), SF_TOKEN, BYTES("ABC")));
    CHECK(refused(BYTES("a,b")));
    CHECK(refused(BYTES("a\x7f")));
    CHECK(refused(BYTES("/a")));
}

TEST(byte_sequences_are_base64_between_colons_4_2_7)
{
    CHECK(text_is(BYTES(":aGVsbG8=:"), SF_BINARY, BYTES("aGVsbG8=")));
    CHECK(text_is(BYTES("::"), SF_BINARY, BYTES("")));
    CHECK(refused(BYTES(":aGVs")));
    CHECK(refused(BYTES(":a b:")));
    CHECK(refused(BYTES(":")));
}

TEST(booleans_dates_and_display_strings_4_2_8_to_4_2_10)
{
    CHECK(number_is(BYTES("?1"), SF_BOOLEAN, 1));
    CHECK(number_is(BYTES("?0"), SF_BOOLEAN, 0));
    CHECK(refused(BYTES("?2")));
    CHECK(refused(BYTES("?")));
    CHECK(refused(BYTES("?10")));
    CHECK(number_is(BYTES("@1659578233"), SF_DATE, 1659578233));
    CHECK(number_is(BYTES("@-1"), SF_DATE, -1));
    CHECK(refused(BYTES("@1.0")));
    CHECK(refused(BYTES("@")));
    CHECK(text_is(BYTES("%\"f%c3%bc \\\""), SF_DISPLAY, BYTES("f%c3%bc \\")));
    CHECK(refused(BYTES("%\"f%C3%BC\"")));
    CHECK(refused(BYTES("%\"f%c3\"")));
    CHECK(refused(BYTES("%\"%c0%80\"")));
    CHECK(refused(BYTES("%\"%ed%a0%80\"")));
    CHECK(refused(BYTES("%\"%f4%90%80%80\"")));
    CHECK(refused(BYTES("%\"%f\"")));
    CHECK(refused(BYTES("%\"%f")));
    CHECK(refused(BYTES("%\"a\xff\"")));
    CHECK(refused(BYTES("%\"a")));
    CHECK(refused(BYTES("%a\"")));
}

TEST(parameters_follow_their_item_4_2_3_2)
{
    struct bytes rest, key;
    struct sf_item value;

    CHECK(sf_item_parse(BYTES("a;b;  c=1;b=?0"), &item) == ERR_OK);
    rest = item.parameters;
    CHECK(sf_parameter_next(&rest, &key, &value) == ERR_OK);
    CHECK(bytes_equal(key, BYTES("b")) && value.kind == SF_BOOLEAN && value.number == 1);
    CHECK(sf_parameter_next(&rest, &key, &value) == ERR_OK);
    CHECK(bytes_equal(key, BYTES("c")) && value.kind == SF_INTEGER && value.number == 1);
    CHECK(sf_parameter_next(&rest, &key, &value) == ERR_OK);
    CHECK(sf_parameter_next(&rest, &key, &value) == ERR_MISS);
    CHECK(sf_parameter_find(&item, BYTES("b"), &value) == ERR_OK && value.number == 0);
    CHECK(sf_parameter_find(&item, BYTES("d"), &value) == ERR_MISS);
    rest = BYTES("x");
    CHECK(sf_parameter_next(&rest, &key, &value) == ERR_SYNTAX);
    CHECK(refused(BYTES("a;")));
    CHECK(refused(BYTES("a;B")));
    CHECK(refused(BYTES("a;b=")));
    CHECK(refused(BYTES("a ;b")));
    CHECK(refused(BYTES("a;b = 1")));
    CHECK(refused(BYTES("a;1=b")));
}

TEST(lists_are_separated_by_commas_4_2_1)
{
    struct bytes rest = BYTES(" a ,\t\"b, c\" , (1 2);x, 3");

    CHECK(sf_list_next(&rest, &item) == ERR_OK && item.kind == SF_TOKEN);
    CHECK(sf_list_next(&rest, &item) == ERR_OK && item.kind == SF_STRING);
    CHECK(sf_list_next(&rest, &item) == ERR_OK && item.kind == SF_INNER_LIST);
    struct bytes inner = item.text;
    struct sf_item member;

    CHECK(bytes_equal(item.parameters, BYTES(";x")));
    CHECK(sf_inner_next(&inner, &member) == ERR_OK && member.number == 1);
    CHECK(sf_inner_next(&inner, &member) == ERR_OK && member.number == 2);
    CHECK(sf_inner_next(&inner, &member) == ERR_MISS);
    CHECK(sf_list_next(&rest, &item) == ERR_OK && item.number == 3);
    CHECK(sf_list_next(&rest, &item) == ERR_MISS);
    CHECK(sf_is_list(BYTES("")));
    CHECK(sf_is_list(BYTES("( )")));
    CHECK(sf_is_list(BYTES("(  \"a\"  b;c  )")));
    CHECK(!sf_is_list(BYTES("a,")));
    CHECK(!sf_is_list(BYTES("a, ")));
    CHECK(!sf_is_list(BYTES(",a")));
    CHECK(!sf_is_list(BYTES("a,,b")));
    CHECK(!sf_is_list(BYTES("a b")));
    CHECK(!sf_is_list(BYTES("(a,b)")));
    CHECK(!sf_is_list(BYTES("(a")));
    CHECK(!sf_is_list(BYTES("(a\"b\")")));
    CHECK(!sf_is_list(BYTES("((a))")));
    CHECK(!sf_is_list(BYTES("a)")));
}

TEST(dictionaries_have_keys_and_the_last_of_one_key_is_left_to_the_reader_4_2_2)
{
    struct bytes rest = BYTES("a=1, b;x, c=(1 2), a=?0"), key;

    CHECK(sf_dictionary_next(&rest, &key, &item) == ERR_OK);
    CHECK(bytes_equal(key, BYTES("a")) && item.number == 1);
    CHECK(sf_dictionary_next(&rest, &key, &item) == ERR_OK);
    CHECK(item.kind == SF_BOOLEAN && item.number == 1 && bytes_equal(item.parameters, BYTES(";x")));
    CHECK(sf_dictionary_next(&rest, &key, &item) == ERR_OK && item.kind == SF_INNER_LIST);
    CHECK(sf_dictionary_next(&rest, &key, &item) == ERR_OK && item.number == 0);
    CHECK(sf_dictionary_next(&rest, &key, &item) == ERR_MISS);
    CHECK(sf_is_dictionary(BYTES("")));
    CHECK(sf_is_dictionary(BYTES("*a_-.*=1")));
    CHECK(!sf_is_dictionary(BYTES("A=1")));
    CHECK(!sf_is_dictionary(BYTES("1=1")));
    CHECK(!sf_is_dictionary(BYTES("a= 1")));
    CHECK(!sf_is_dictionary(BYTES("a =1")));
    CHECK(!sf_is_dictionary(BYTES("a=1,")));
    CHECK(!sf_is_dictionary(BYTES("a=1 b=2")));
    CHECK(!sf_is_dictionary(BYTES("a=")));
    CHECK(!sf_is_dictionary(BYTES("=1")));
    CHECK(!sf_is_dictionary(BYTES("a=1;")));
}

static bool status_is(const struct cache_status *status, struct bytes wanted)
{
    struct buf out;

    buf_init(&out, 1024, NULL);
    cache_status_write(&out, status);
    bool same = bytes_equal(buf_bytes(&out), wanted) && sf_is_list(buf_bytes(&out));

    buf_fini(&out);
    return same;
}

static bool string_is(struct bytes text, struct bytes wanted)
{
    struct buf out;

    buf_init(&out, 1024, NULL);
    sf_write_string(&out, text);
    bool same = bytes_equal(buf_bytes(&out), wanted);

    buf_fini(&out);
    return same;
}

TEST(strings_are_written_with_what_a_string_can_hold_4_1_6)
{
    CHECK(string_is(BYTES(""), BYTES("\"\"")));
    CHECK(string_is(BYTES("a b"), BYTES("\"a b\"")));
    CHECK(string_is(BYTES("a\"\\"), BYTES("\"a\\\"\\\\\"")));
    CHECK(string_is(BYTES("\n\xc3\xa9z"), BYTES("\"???z\"")));
}

TEST(cache_status_is_a_structured_list_rfc_9211_2)
{
    CHECK(status_is(&(struct cache_status){.hit = true, .has_ttl = true, .ttl_s = 30},
                    BYTES("larder; hit; ttl=30")));
    CHECK(status_is(&(struct cache_status){.forwarded = "stale",
                                           .forward_status = 304,
                                           .has_ttl = true,
                                           .ttl_s = -412,
                                           .stored = true,
                                           .collapsed = true,
                                           .key = BYTES("GET a/b?\"\\"),
                                           .detail = "no-store"},
                    BYTES("larder; fwd=stale; fwd-status=304; ttl=-412; stored; collapsed; "
                          "key=\"GET a/b?\\\"\\\\\"; detail=no-store")));
    CHECK(
        status_is(&(struct cache_status){.forwarded = "uri-miss", .detail = "two words, \x01\xff"},
                  BYTES("larder; fwd=uri-miss; detail=\"two words, ??\"")));
    CHECK(status_is(&(struct cache_status){0}, BYTES("larder")));
}
