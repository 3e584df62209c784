/* The promises of ds/intset.h. SPDX-License-Identifier: MIT */
#include "ds/intset.h"

#include "base/random.h"
#include "t.h"

TEST(numbers_are_there_once_and_in_order)
{
    struct heap *heap = heap_new(NULL, 1);
    static bool there[1000];
    struct random random;
    struct intset *set = intset_new(heap);
    size_t count = 0;
    bool added = false;

    random_init(&random, 6);
    for (size_t step = 0; step < 20000; step++) {
        size_t i = random_below(&random, 1000);
        int64_t number = ((int64_t)i - 500) * INT64_C(18000000000000000);

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
