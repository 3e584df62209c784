/* search_test.c: No-Vary-Search. SPDX-License-Identifier: MIT */
#include "proto/search.h"

#include "t.h"

/* What remains of the query by the field. */
static bool leaves(struct bytes field, struct bytes query, struct bytes wanted)
{
    struct search search;
    uint8_t out[256];
    size_t size = 0;

    CHECK(search_parse(field, &search) == ERR_OK);
    CHECK(query.size <= sizeof out);
    CHECK(search_write(&search, query, out, &size) == ERR_OK);
    return bytes_equal(bytes_of(out, size), wanted);
}

TEST(named_parameters_are_left_out)
{
    struct bytes field = BYTES("params=(\"utm\" \"b c\" \"q\\\"\")");

    CHECK(leaves(field, BYTES("a=1&utm=2&z=3"), BYTES("a=1&z=3")));
    CHECK(leaves(field, BYTES("utm=2&utm=3&utm"), BYTES("")));
    CHECK(leaves(field, BYTES("UTM=2&utmx=3"), BYTES("UTM=2&utmx=3")));
    CHECK(leaves(field, BYTES("%75tm=1&b+c=2&b%20c=3&q%22=4&b=5"), BYTES("b=5")));
    CHECK(leaves(field, BYTES(""), BYTES("")));
}

TEST(all_parameters_but_some_are_left_out)
{
    CHECK(leaves(BYTES("params"), BYTES("a=1&b=2"), BYTES("")));
    CHECK(leaves(BYTES("params=?1, except=(\"id\")"), BYTES("a=1&id=2&b=3"), BYTES("id=2")));
    CHECK(leaves(BYTES("except=(\"id\"), params"), BYTES("id=1&id=2&b=3"), BYTES("id=1&id=2")));
    CHECK(leaves(BYTES("params, except=()"), BYTES("a=1"), BYTES("")));
}

TEST(order_counts_only_within_one_name)
{
    struct bytes field = BYTES("key-order");

    CHECK(leaves(field, BYTES("b=1&a=2&b=0&a=1"), BYTES("a=2&a=1&b=1&b=0")));
    CHECK(leaves(field, BYTES("b&%61=2&a=1"), BYTES("%61=2&a=1&b")));
    CHECK(leaves(BYTES("key-order, params=(\"b\")"), BYTES("c=1&b=2&a=3"), BYTES("a=3&c=1")));
    CHECK(leaves(BYTES("key-order=?0, params=(\"b\")"), BYTES("c=1&b=2&a=3"), BYTES("c=1&a=3")));
}

TEST(empty_parameters_are_none)
{
    CHECK(leaves(BYTES("key-order"), BYTES("&b=1&&a&"), BYTES("a&b=1")));
}

TEST(a_field_that_changes_nothing_is_none)
{
    struct search search;
    const struct bytes fields[] = {BYTES_INIT(""), BYTES_INIT("params=()"), BYTES_INIT("params=?0"),
                                   BYTES_INIT("key-order=?0"), BYTES_INIT("other")};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        CHECK(search_parse(fields[i], &search) == ERR_MISS);
}

TEST(a_field_that_breaks_a_rule_is_none)
{
    struct search search;
    const struct bytes fields[] = {
        BYTES_INIT("params=a"),
        BYTES_INIT("params=(a)"),
        BYTES_INIT("params=(\"a\" 1)"),
        BYTES_INIT("params=\"a\""),
        BYTES_INIT("params=1"),
        BYTES_INIT("key-order=1"),
        BYTES_INIT("key-order=(\"a\")"),
        BYTES_INIT("except=(\"a\")"),
        BYTES_INIT("params=?0, except=(\"a\")"),
        BYTES_INIT("params=(\"b\"), except=(\"a\")"),
        BYTES_INIT("params, except=?1"),
        BYTES_INIT("params, except=(a)"),
        BYTES_INIT("params="),
        BYTES_INIT("params, ,"),
    };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        CHECK(search_parse(fields[i], &search) == ERR_SYNTAX);
}

TEST(more_parameters_than_are_looked_at_are_an_error)
{
    struct search search;
    uint8_t query[2 * SEARCH_PARAMS_MAX + 2];
    uint8_t out[sizeof query];
    size_t size = 0;

    for (size_t i = 0; i < sizeof query; i++)
        query[i] = i % 2 == 0 ? 'a' : '&';
    CHECK(search_parse(BYTES("key-order"), &search) == ERR_OK);
    CHECK(search_write(&search, bytes_of(query, (size_t)2 * SEARCH_PARAMS_MAX), out, &size) ==
          ERR_OK);
    CHECK(search_write(&search, bytes_of(query, sizeof query), out, &size) == ERR_TOO_BIG);
}
