/* The promises of base/bytes.h. SPDX-License-Identifier: MIT */
#include "base/bytes.h"
#include "t.h"

TEST(cutting_takes_what_stands_before_the_separator)
{
    struct bytes rest = BYTES("a,bc,,d");

    CHECK(bytes_equal(bytes_cut(&rest, ','), BYTES("a")));
    CHECK(bytes_equal(bytes_cut(&rest, ','), BYTES("bc")));
    CHECK(bytes_cut(&rest, ',').size == 0);
    CHECK(bytes_equal(bytes_cut(&rest, ','), BYTES("d")));
    CHECK(rest.size == 0);
}

TEST(slices_never_leave_the_whole)
{
    struct bytes whole = BYTES("larder");

    CHECK(bytes_equal(bytes_slice(whole, 2, 4), BYTES("rd")));
    CHECK(bytes_equal(bytes_slice(whole, 4, 99), BYTES("er")));
    CHECK(bytes_slice(whole, 99, 100).size == 0);
    CHECK(bytes_slice(whole, 4, 2).size == 0);
}

TEST(order_is_that_of_unsigned_bytes_and_a_prefix_comes_first)
{
    CHECK(bytes_compare(BYTES("a"), BYTES("b")) < 0);
    CHECK(bytes_compare(BYTES("\xff"), BYTES("a")) > 0);
    CHECK(bytes_compare(BYTES("a"), BYTES("ab")) < 0);
    CHECK(bytes_compare(BYTES(""), BYTES("")) == 0);
}

TEST(secrets_are_equal_only_when_every_byte_is)
{
    CHECK(bytes_equal_secret(BYTES("token"), BYTES("token")));
    CHECK(!bytes_equal_secret(BYTES("token"), BYTES("toker")));
    CHECK(!bytes_equal_secret(BYTES("token"), BYTES("token1")));
    CHECK(!bytes_equal_secret(BYTES(""), BYTES("x")));
}
