/* SPDX-License-Identifier: MIT */
#include "bench/aside.h"
#include "t.h"

static struct trace trace;

static void make_trace(void)
{
    struct trace_maker maker;
    struct fault fault;

    trace_begin(&maker, &trace, "test");
    for (uint32_t id = 1; id <= 1000; id++)
        CHECK(trace_add(&maker, id, id * 3, &fault) == ERR_OK);
    CHECK(trace_finish(&maker, &fault) == ERR_OK);
}

TEST(without_a_size_an_object_has_the_one_of_the_trace)
{
    struct aside aside = {.trace = &trace};

    make_trace();
    CHECK(aside_size(&aside, 1) == 3 && aside_size(&aside, 1000) == 3000);
    trace_fini(&trace);
}

TEST(one_size_is_everybodys)
{
    struct aside aside = {.size_low = 200, .size_high = 200};

    for (uint32_t id = 1; id <= 1000; id++)
        CHECK(aside_size(&aside, id) == 200);
}

TEST(between_two_sizes_each_object_has_its_own_and_keeps_it)
{
    struct aside aside = {.size_low = 64, .size_high = 1024};
    unsigned low = 0;
    bool smallest = false, largest = false;

    for (uint32_t id = 1; id <= 100000; id++) {
        uint64_t size = aside_size(&aside, id);

        CHECK(size >= 64 && size <= 1024);
        CHECK(size == aside_size(&aside, id));
        low += size < 256; /* the geometric mean */
        smallest = smallest || size == 64;
        largest = largest || size >= 1020;
    }
    CHECK(low > 49000 && low < 51000);
    CHECK(smallest && largest);
}
