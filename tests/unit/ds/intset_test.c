/* The promises of ds/intset.h. SPDX-License-Identifier: MIT */
#include "ds/intset.h"

#include "base/random.h"
#include "t.h"

static void check_numbers(int64_t distance)
{
    struct heap *heap = heap_new(NULL, 1);
    bool there[1000] = {false};
    struct random random;
    struct intset *set = intset_new(heap);
    size_t count = 0;
    bool added = false;

    random_init(&random, 6);
    for (size_t step = 0; step < 20000; step++) {
        size_t i = random_below(&random, 1000);
        int64_t number = ((int64_t)i - 500) * distance;

        CHECK(intset_has(set, number) == there[i]);
        if (random_below(&random, 2) == 0) {
            CHECK(intset_add(&set, number, &added) == ERR_OK);
            CHECK(added == !there[i]);
            count += added;
            there[i] = true;
        } else {
            CHECK(intset_remove(set, number) == there[i]);
            count -= there[i];
            there[i] = false;
        }
        CHECK(intset_count(set) == count);
    }
    for (size_t i = 1; i < count; i++)
        CHECK(intset_at(set, i - 1) < intset_at(set, i));
    intset_free(&set);
    CHECK(heap_taken(heap) == 0);
    heap_close(&heap);
}

TEST(numbers_are_there_once_and_in_order)
{
    check_numbers(1);
    check_numbers(65);
    check_numbers(66);
    check_numbers(4294968);
    check_numbers(INT64_C(18000000000000000));
}

TEST(numbers_grow_wider_when_one_needs_it)
{
    static const int64_t numbers[] = {5,           32767,      32768,      -32768,
                                      -32769,      2147483647, 2147483648, -2147483648,
                                      -2147483649, INT64_MAX,  INT64_MIN};
    struct heap *heap = heap_new(NULL, 1);
    struct intset *set = intset_new(heap);
    bool added = false;

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        CHECK(intset_add(&set, numbers[i], &added) == ERR_OK && added);
        for (size_t j = 0; j <= i; j++)
            CHECK(intset_has(set, numbers[j]));
        CHECK(intset_count(set) == i + 1);
    }
    for (size_t i = 1; i < intset_count(set); i++)
        CHECK(intset_at(set, i - 1) < intset_at(set, i));
    intset_free(&set);
    heap_close(&heap);
}
