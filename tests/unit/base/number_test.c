/* The promises of base/number.h. SPDX-License-Identifier: MIT */
#include "base/number.h"
#include "t.h"

#include <string.h>

static enum err size_of(const char *text, uint64_t *ret_size)
{
    return number_size(bytes_of_text(text), ret_size);
}

static enum err duration_of(const char *text, int64_t *ret_ms)
{
    return number_duration(bytes_of_text(text), ret_ms);
}

TEST(unsigned_numbers_are_digits_and_nothing_else)
{
    uint64_t number = 7;

    CHECK(number_u64(BYTES("0"), &number) == ERR_OK && number == 0);
    CHECK(number_u64(BYTES("007"), &number) == ERR_OK && number == 7);
    CHECK(number_u64(BYTES("18446744073709551615"), &number) == ERR_OK && number == UINT64_MAX);
    CHECK(number_u64(BYTES("18446744073709551616"), &number) == ERR_RANGE);
    CHECK(number_u64(BYTES(""), &number) == ERR_SYNTAX);
    CHECK(number_u64(BYTES("+1"), &number) == ERR_SYNTAX);
    CHECK(number_u64(BYTES(" 1"), &number) == ERR_SYNTAX);
    CHECK(number_u64(BYTES("1 "), &number) == ERR_SYNTAX);
    CHECK(number_u64(BYTES("0x1"), &number) == ERR_SYNTAX);
    CHECK(number == UINT64_MAX); /* a result is not touched on failure */
}

TEST(signed_numbers_are_taken_in_their_one_canonical_form)
{
    int64_t number = 0;

    CHECK(number_i64(BYTES("-9223372036854775808"), &number) == ERR_OK && number == INT64_MIN);
    CHECK(number_i64(BYTES("9223372036854775807"), &number) == ERR_OK && number == INT64_MAX);
    CHECK(number_i64(BYTES("9223372036854775808"), &number) == ERR_RANGE);
    CHECK(number_i64(BYTES("-9223372036854775809"), &number) == ERR_RANGE);
    CHECK(number_i64(BYTES("0"), &number) == ERR_OK && number == 0);
    CHECK(number_i64(BYTES("-0"), &number) == ERR_SYNTAX);
    CHECK(number_i64(BYTES("01"), &number) == ERR_SYNTAX);
    CHECK(number_i64(BYTES("-"), &number) == ERR_SYNTAX);
    CHECK(number_i64(BYTES(""), &number) == ERR_SYNTAX);
}

TEST(hexadecimal_numbers_have_one_to_sixteen_digits)
{
    uint64_t number = 0;

    CHECK(number_hex(BYTES("fF"), &number) == ERR_OK && number == 255);
    CHECK(number_hex(BYTES("ffffffffffffffff"), &number) == ERR_OK && number == UINT64_MAX);
    CHECK(number_hex(BYTES("00000000000000001"), &number) == ERR_RANGE);
    CHECK(number_hex(BYTES("g"), &number) == ERR_SYNTAX);
    CHECK(number_hex(BYTES(""), &number) == ERR_SYNTAX);
}

TEST(floating_numbers_may_be_infinite_but_never_nan)
{
    double number = 0;

    CHECK(number_double(BYTES("3.5"), &number) == ERR_OK && number > 3.4 && number < 3.6);
    CHECK(number_double(BYTES("-inf"), &number) == ERR_OK && number < 0);
    CHECK(number_double(BYTES("1e400"), &number) == ERR_RANGE);
    CHECK(number_double(BYTES("nan"), &number) == ERR_SYNTAX);
    CHECK(number_double(BYTES(" 1"), &number) == ERR_SYNTAX);
    CHECK(number_double(BYTES("1x"), &number) == ERR_SYNTAX);
}

TEST(sizes_have_the_units_that_redis_knows)
{
    uint64_t size = 0;

    CHECK(size_of("1024", &size) == ERR_OK && size == 1024);
    CHECK(size_of("1k", &size) == ERR_OK && size == 1000);
    CHECK(size_of("1kb", &size) == ERR_OK && size == 1024);
    CHECK(size_of("256MB", &size) == ERR_OK && size == 256u << 20);
    CHECK(size_of("1GiB", &size) == ERR_OK && size == 1u << 30);
    CHECK(size_of("16777216tb", &size) == ERR_RANGE);
    CHECK(size_of("MB", &size) == ERR_SYNTAX);
    CHECK(size_of("1 MB", &size) == ERR_SYNTAX);
    CHECK(size_of("-1", &size) == ERR_SYNTAX);
}

TEST(durations_need_a_unit_and_add_up)
{
    int64_t ms = 0;

    CHECK(duration_of("1m30s", &ms) == ERR_OK && ms == 90000);
    CHECK(duration_of("250ms", &ms) == ERR_OK && ms == 250);
    CHECK(duration_of("0", &ms) == ERR_OK && ms == 0);
    CHECK(duration_of("7d", &ms) == ERR_OK && ms == 7 * 86400000ll);
    CHECK(duration_of("30", &ms) == ERR_SYNTAX);
    CHECK(duration_of("", &ms) == ERR_SYNTAX);
    CHECK(duration_of("s", &ms) == ERR_SYNTAX);
    CHECK(duration_of("-1s", &ms) == ERR_SYNTAX);
    CHECK(duration_of("99999999999999999d", &ms) == ERR_RANGE);
}

TEST(what_is_printed_can_be_read_again)
{
    static const int64_t durations[] = {0, 1, 999, 1000, 90061001, 86400000, INT64_MAX};
    static const uint64_t sizes[] = {0, 1, 1023, 1024, 1u << 30, UINT64_MAX};
    char text[NUMBER_TEXT_SIZE];

    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        int64_t again = -1;

        number_duration_text(durations[i], text);
        CHECK(duration_of(strcmp(text, "0s") == 0 ? "0" : text, &again) == ERR_OK);
        CHECK(again == durations[i]);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t again = 1;

        number_size_text(sizes[i], text);
        CHECK(size_of(text, &again) == ERR_OK && again == sizes[i]);
    }
}

TEST(arithmetic_stops_at_the_ends)
{
    CHECK(add_saturated(INT64_MAX, 1) == INT64_MAX);
    CHECK(add_saturated(INT64_MIN, -1) == INT64_MIN);
    CHECK(add_saturated(1, 2) == 3);
    CHECK(multiply_saturated(INT64_MAX, 2) == INT64_MAX);
    CHECK(multiply_saturated(INT64_MAX, -2) == INT64_MIN);
    CHECK(multiply_saturated(INT64_MIN, -1) == INT64_MAX);
}
