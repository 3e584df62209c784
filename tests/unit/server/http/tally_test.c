/* The promises of server/http/tally.h. SPDX-License-Identifier: MIT */
#include "t.h"
#include "server/http/tally.h"

#include <string.h>

TEST(every_time_is_in_the_bucket_that_begins_at_or_below_it)
{
    for (uint64_t us = 0; us < 1000000; us = us * 9 / 8 + 1) {
        size_t bucket = tally_bucket(us);

        CHECK(tally_bucket_us(bucket) <= us);
        CHECK(tally_bucket_us(bucket + 1) > us);
    }
}

TEST(a_bucket_is_no_wider_than_an_eighth_of_its_beginning)
{
    for (size_t i = 1 << TALLY_BITS; i < TALLY_BUCKETS; i++) {
        CHECK(tally_bucket_us(i + 1) - tally_bucket_us(i) <= tally_bucket_us(i) / 8);
        CHECK(tally_bucket(tally_bucket_us(i)) == i);
    }
}

TEST(what_takes_longer_than_all_buckets_counts_in_the_last)
{
    CHECK(tally_bucket(UINT64_MAX) == TALLY_BUCKETS - 1);
    CHECK(tally_bucket(1ULL << TALLY_OCTAVES) == TALLY_BUCKETS - 1);
}

static void take(void *context, const char *name, const struct tally *sum)
{
    CHECK(strcmp(name, "api") == 0);
    *(uint64_t *)context += counter_read(&sum->errors) * 100 + tally_below(sum, 64);
}

TEST(a_name_has_the_same_rows_whenever_it_is_asked_for_and_they_add_up)
{
    struct tallies *tallies = tallies_new(2);
    struct tally *of = tallies_of(tallies, "api");
    uint64_t told = 0;

    CHECK(tallies_of(tallies, "api") == of);
    counter_add(&of[0].errors, 2);
    counter_add(&of[1].errors, 3);
    counter_add(&of[0].took[tally_bucket(63)], 1);
    counter_add(&of[1].took[tally_bucket(64)], 1);
    tallies_read(tallies, take, &told);
    CHECK(told == 501);
    tallies_free(&tallies);
    CHECK(tallies == NULL);
}

TEST(names_beyond_the_limit_share_the_last_rows)
{
    struct tallies *tallies = tallies_new(1);
    char name[32] = "x";

    for (unsigned i = 0; i < TALLIES_MAX; i++) {
        name[1] = (char)('a' + i % 26);
        name[2] = (char)('a' + i / 26 % 26);
        name[3] = (char)('a' + i / 676);
        (void)tallies_of(tallies, name);
    }
    CHECK(tallies_of(tallies, "one more") == tallies_of(tallies, "and another"));
    tallies_free(&tallies);
}
