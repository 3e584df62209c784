/* output_test.c: what is kept, lent and counted, without a socket. SPDX-License-Identifier: MIT */
#include "net/output.h"

#include "t.h"

static void count_release(void *context)
{
    ++*(int *)context;
}

TEST(small_copies_share_a_piece_and_are_charged)
{
    struct account account;
    struct output output;

    account_init(&account, NULL, 0);
    output_init(&output, &account);
    for (int i = 0; i < 100; i++)
        CHECK(output_copy(&output, BYTES("12345")));
    CHECK(output.size == 500 && output.copied == 500);
    CHECK(account_used(&account) == 1024);
    for (int i = 0; i < 1000; i++)
        CHECK(output_copy(&output, BYTES("12345")));
    CHECK(output.size == 5500);
    CHECK(account_used(&account) == 1024 + 16384);
    output_clear(&output);
    CHECK(account_used(&account) == 0 && output.size == 0 && output.first == NULL);
}

TEST(loans_count_for_the_size_and_not_for_the_copies)
{
    struct output output;
    int released = 0;

    output_init(&output, NULL);
    CHECK(output_copy(&output, BYTES("head")));
    CHECK(output_lend(&output, BYTES("body"), (struct output_loan){count_release, &released}));
    CHECK(output_copy(&output, BYTES("tail")));
    CHECK(output.size == 12 && output.copied == 8 && released == 0);
    output_clear(&output);
    CHECK(released == 1);
}

TEST(a_gather_that_is_full_says_so_and_stays_as_it_was)
{
    static struct gather gather;
    static uint8_t bytes[GATHER_SIZE];
    int released = 0;

    CHECK(gather_copy(&gather, bytes_of(bytes, GATHER_SIZE - 1)));
    CHECK(!gather_copy(&gather, BYTES("ab")));
    CHECK(gather.size == GATHER_SIZE - 1);
    CHECK(gather_copy(&gather, BYTES("a")));
    CHECK(gather.count == 1);
    for (int i = 1; i < GATHER_PARTS; i++)
        CHECK(gather_lend(&gather, BYTES("loan"), (struct output_loan){count_release, &released}));
    CHECK(!gather_lend(&gather, BYTES("loan"), (struct output_loan){count_release, &released}));
    CHECK(released == 0);
    gather_drop(&gather);
    CHECK(released == GATHER_PARTS - 1 && gather.size == 0 && gather.count == 0);
}

TEST(copies_behind_a_loan_begin_a_new_part)
{
    static struct gather gather;
    int released = 0;

    CHECK(gather_copy(&gather, BYTES("a")));
    CHECK(gather_copy(&gather, BYTES("b")));
    CHECK(gather_lend(&gather, BYTES("loan"), (struct output_loan){count_release, &released}));
    CHECK(gather_copy(&gather, BYTES("c")));
    CHECK(gather.count == 3 && gather.size == 7 && gather.parts[0].iov_len == 2);
    gather_drop(&gather);
    CHECK(released == 1);
}
