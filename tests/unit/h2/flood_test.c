/* The promises of h2/flood.h. SPDX-License-Identifier: MIT */
#include "h2/flood.h"
#include "t.h"

TEST(the_limit_may_be_reached_and_not_passed)
{
    struct flood flood;

    flood_init(&flood, 100, 0);
    CHECK(flood_add(&flood, FLOOD_RESETS, 100, 0));
    CHECK(!flood_add(&flood, FLOOD_CONTROL, 1, 0));
    CHECK(flood.is_over && flood.kind == FLOOD_CONTROL);
}

TEST(once_over_it_stays_over)
{
    struct flood flood;

    flood_init(&flood, 100, 0);
    CHECK(!flood_add(&flood, FLOOD_EMPTY, 101, 0));
    CHECK(!flood_add(&flood, FLOOD_RESETS, 0, 1000000));
    CHECK(flood.kind == FLOOD_EMPTY);
}

TEST(a_twentieth_is_forgotten_each_second)
{
    struct flood flood;

    flood_init(&flood, 1000, 0);
    CHECK(flood_add(&flood, FLOOD_RESETS, 1000, 0));
    CHECK(flood_add(&flood, FLOOD_RESETS, 50, 1000));
    CHECK(!flood_add(&flood, FLOOD_RESETS, 1, 1000));
}

TEST(a_slow_trickle_is_forgotten_too)
{
    struct flood flood;
    bool is_well = true;

    flood_init(&flood, 100, 0); /* a point each 200 ms */
    for (int64_t now_ms = 0; now_ms < 100000; now_ms += 210)
        is_well = is_well && flood_add(&flood, FLOOD_CONTROL, 1, now_ms);
    CHECK(is_well && flood.score <= 2);
}

TEST(all_kinds_are_one_score)
{
    struct flood flood;

    flood_init(&flood, 100, 0);
    for (unsigned kind = 0; kind < FLOOD_KINDS; kind++)
        CHECK(flood_add(&flood, (enum flood_kind)kind, 20, 0));
    CHECK(!flood_add(&flood, FLOOD_HEADERS, 1, 0));
}

TEST(nothing_is_forgotten_twice)
{
    struct flood flood;

    flood_init(&flood, 1000, 0);
    CHECK(flood_add(&flood, FLOOD_RESETS, 10, 5000));
    CHECK(flood_add(&flood, FLOOD_RESETS, 0, 5010));
    CHECK(flood.score == 10);
}
