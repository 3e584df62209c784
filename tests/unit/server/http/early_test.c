/* The promises of server/http/early.h. SPDX-License-Identifier: MIT */
#include "server/http/early.h"
#include "t.h"

static struct stored loaded_in(uint32_t load_ms)
{
    return (struct stored){.lifetime_ms = 100000, .load_ms = load_ms};
}

TEST(the_dearer_the_load_the_earlier_it_is_due)
{
    struct stored cheap = loaded_in(100);
    struct stored dear = loaded_in(10000);

    /* ln(1/e) = -1 */
    CHECK(!early_is_due(&cheap, 100000, 95000, 1, 0.36787944));
    CHECK(early_is_due(&dear, 100000, 95000, 1, 0.36787944));
    CHECK(early_is_due(&cheap, 100000, 99901, 1, 0.36787944));
}

TEST(beta_brings_it_forward_and_0_never_does_before_the_end)
{
    struct stored stored = loaded_in(1000);

    CHECK(!early_is_due(&stored, 100000, 98500, 1, 0.36787944));
    CHECK(early_is_due(&stored, 100000, 98500, 2, 0.36787944));
    CHECK(!early_is_due(&stored, 100000, 99999, 0, 0.0001));
}

TEST(it_is_never_due_before_the_last_quarter)
{
    struct stored stored = loaded_in(1000000);

    CHECK(!early_is_due(&stored, 100000, 74999, 1000, 0.0001));
    CHECK(early_is_due(&stored, 100000, 75000, 1000, 0.0001));
}

TEST(the_best_throw_never_refreshes_early)
{
    struct stored stored = loaded_in(1000000);

    CHECK(!early_is_due(&stored, 100000, 99999, 1, 1.0));
}

TEST(what_has_no_known_load_time_is_not_refreshed_early)
{
    struct stored stored = loaded_in(0);

    CHECK(!early_is_due(&stored, 100000, 99999, 1000, 0.0001));
}

TEST(load_times_are_averaged_with_those_before)
{
    CHECK(early_load_ms(100, 0) == 100);
    CHECK(early_load_ms(200, 100) == 125);
    CHECK(early_load_ms(0, 0) == 1);
    CHECK(early_load_ms(INT64_MAX, 0) == UINT32_MAX);
}
