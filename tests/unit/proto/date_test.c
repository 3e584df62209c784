/* The promises of proto/date.h. RFC 9110 §5.6.7. SPDX-License-Identifier: MIT */
#include "proto/date.h"
#include "t.h"

static const int64_t now_s = 1795168753; /* in November 2026 */

static int64_t read(struct bytes text)
{
    int64_t s = 0;

    return date_parse(text, now_s, &s) == ERR_OK ? s : INT64_MIN;
}

static bool refused(struct bytes text)
{
    return read(text) == INT64_MIN;
}

TEST(the_three_forms_of_the_rfc_are_one_moment)
{
    CHECK(read(BYTES("Sun, 06 Nov 1994 08:49:37 GMT")) == 784111777);
    CHECK(read(BYTES("Sunday, 06-Nov-94 08:49:37 GMT")) == 784111777);
    CHECK(read(BYTES("Sun Nov  6 08:49:37 1994")) == 784111777);
}

TEST(dates_around_the_epoch_and_leap_days_are_exact)
{
    CHECK(read(BYTES("Thu, 01 Jan 1970 00:00:00 GMT")) == 0);
    CHECK(read(BYTES("Wed, 31 Dec 1969 23:59:59 GMT")) == -1);
    CHECK(read(BYTES("Tue, 29 Feb 2000 12:00:00 GMT")) == 951825600);
    CHECK(read(BYTES("Thu, 29 Feb 2024 00:00:00 GMT")) == 1709164800);
    CHECK(read(BYTES("Tue, 19 Jan 2038 03:14:08 GMT")) == 2147483648);
    CHECK(read(BYTES("Fri, 31 Dec 9999 23:59:59 GMT")) == 253402300799);
    CHECK(read(BYTES("Sat, 01 Jan 0000 00:00:00 GMT")) == -62167219200);
    CHECK(refused(BYTES("Thu, 29 Feb 2023 00:00:00 GMT")));
    CHECK(refused(BYTES("Thu, 29 Feb 1900 00:00:00 GMT")));
}

TEST(a_leap_second_is_the_first_second_of_the_next_minute)
{
    CHECK(read(BYTES("Sat, 31 Dec 2016 23:59:60 GMT")) == 1483228800);
    CHECK(refused(BYTES("Sat, 31 Dec 2016 23:59:61 GMT")));
}

/* "more than 50 years in the future" is the past */
TEST(a_year_of_two_digits_is_at_most_fifty_years_ahead)
{
    CHECK(read(BYTES("Friday, 20-Nov-26 00:00:00 GMT")) == 1795132800);
    CHECK(read(BYTES("Friday, 20-Nov-76 00:00:00 GMT")) == 3373056000); /* 2076 */
    CHECK(read(BYTES("Sunday, 20-Nov-77 00:00:00 GMT")) == 248832000);  /* 1977 */
    CHECK(read(BYTES("Thursday, 01-Jan-70 00:00:00 GMT")) ==
          INT64_MIN); /* 2070 began on a Wednesday */
    CHECK(read(BYTES("Wednesday, 01-Jan-70 00:00:00 GMT")) == 3155760000);
}

TEST(letters_may_have_either_case)
{
    CHECK(read(BYTES("Sun, 06 Nov 1994 08:49:37 gmt")) == 784111777);
    CHECK(read(BYTES("sUN, 06 nOV 1994 08:49:37 GMT")) == 784111777);
    CHECK(read(BYTES("SUNDAY, 06-NOV-94 08:49:37 GMT")) == 784111777);
    CHECK(read(BYTES("SUN NOV  6 08:49:37 1994")) == 784111777);
}

TEST(what_is_nearly_a_date_is_none)
{
    CHECK(refused(BYTES("")));
    CHECK(refused(BYTES("0")));
    CHECK(refused(BYTES("-1")));
    CHECK(refused(BYTES("784111777")));
    CHECK(refused(BYTES("Sun, 06 Nov 1994 08:49:37 UTC")));
    CHECK(refused(BYTES("Sun, 06 Nov 1994 08:49:37 +0000")));
    CHECK(refused(BYTES("Mon, 06 Nov 1994 08:49:37 GMT"))); /* it was a Sunday */
    CHECK(refused(BYTES("Sun, 6 Nov 1994 08:49:37 GMT")));
    CHECK(refused(BYTES("Sun,  6 Nov 1994 08:49:37 GMT")));
    CHECK(refused(BYTES("Sun, 06 Nov 94 08:49:37 GMT")));
    CHECK(refused(BYTES("Sun, 06-Nov-1994 08:49:37 GMT")));
    CHECK(refused(BYTES("Sun, 06 Nov 1994 8:49:37 GMT")));
    CHECK(refused(BYTES("Sun, 06 Nov 1994 24:00:00 GMT")));
    CHECK(refused(BYTES("Sun, 06 Nov 1994 08:60:00 GMT")));
    CHECK(refused(BYTES("Sun, 06 Nov 1994 08:49 GMT")));
    CHECK(refused(BYTES("Sun, 00 Nov 1994 08:49:37 GMT")));
    CHECK(refused(BYTES("Sun, 31 Nov 1994 08:49:37 GMT")));
    CHECK(refused(BYTES("Sun, 06 Nov 1994 08:49:37 GMT ")));
    CHECK(refused(BYTES(" Sun, 06 Nov 1994 08:49:37 GMT")));
    CHECK(refused(BYTES("Sun, 06 Nov 1994  08:49:37 GMT")));
    CHECK(refused(BYTES("Sun, 06 Nov 1994 08:49:37")));
    CHECK(refused(BYTES("Sun Nov 6 08:49:37 1994")));
    CHECK(refused(BYTES("Sun Nov  6 08:49:37 1994 GMT")));
    CHECK(refused(BYTES("Sundey, 06-Nov-94 08:49:37 GMT")));
    CHECK(refused(BYTES("Sunday, 06-Nov-1994 08:49:37 GMT")));
    CHECK(refused(BYTES("Sunday, 06 Nov 94 08:49:37 GMT")));
}

TEST(every_prefix_of_a_date_is_refused)
{
    static const struct bytes texts[] = {
        BYTES_INIT("Sun, 06 Nov 1994 08:49:37 GMT"),
        BYTES_INIT("Sunday, 06-Nov-94 08:49:37 GMT"),
        BYTES_INIT("Sun Nov  6 08:49:37 1994"),
    };

    for (size_t t = 0; t < 3; t++) {
        for (size_t i = 0; i < texts[t].size; i++)
            CHECK(refused(bytes_slice(texts[t], 0, i)));
    }
}

TEST(what_is_written_is_read_as_the_same_moment)
{
    uint8_t text[DATE_SIZE];

    for (int64_t s = -62167219200; s <= 253402300799; s += 86400 * 17 + 12345) {
        date_write(s, text);
        CHECK(read(bytes_of(text, DATE_SIZE)) == s);
    }
    date_write(784111777, text);
    CHECK(bytes_equal(bytes_of(text, DATE_SIZE), BYTES("Sun, 06 Nov 1994 08:49:37 GMT")));
    date_write(INT64_MAX, text);
    CHECK(bytes_equal(bytes_of(text, DATE_SIZE), BYTES("Fri, 31 Dec 9999 23:59:59 GMT")));
    date_write(INT64_MIN, text);
    CHECK(bytes_equal(bytes_of(text, DATE_SIZE), BYTES("Sat, 01 Jan 0000 00:00:00 GMT")));
}
