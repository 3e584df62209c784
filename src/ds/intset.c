/* intset.c: binary search and moving up. SPDX-License-Identifier: MIT */
#include "ds/intset.h"

#include "base/must.h"

#include <string.h>

enum { CAPACITY_MIN = 4 };

struct intset {
    uint32_t count;
    uint32_t capacity;
    int64_t numbers[];
};

struct intset *intset_new(struct heap *heap)
{
    struct intset *set = heap_take(heap, sizeof *set + CAPACITY_MIN * sizeof set->numbers[0]);

    if (set != NULL)
        *set = (struct intset){.capacity = CAPACITY_MIN};
    return set;
}

void intset_free(struct intset **owner)
{
    heap_give(owner);
}

size_t intset_count(const struct intset *set)
{
    return set->count;
}

/* The place of the first number that is not smaller. */
static size_t find_place(const struct intset *set, int64_t number)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->numbers[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum err intset_add(struct intset **owner, int64_t number, bool *ret_added)
{
    struct intset *set = *owner;
    size_t at = find_place(set, number);

    if (at < set->count && set->numbers[at] == number) {
        *ret_added = false;
        return ERR_OK;
    }
    if (set->count == set->capacity) {
        size_t capacity = (size_t)set->capacity * 2;

        must(capacity <= UINT32_MAX);
        set = heap_resize(set, sizeof *set + capacity * sizeof set->numbers[0]);
        if (set == NULL)
            return ERR_FULL;
        set->capacity = (uint32_t)capacity;
        *owner = set;
    }
    memmove(set->numbers + at + 1, set->numbers + at, (set->count - at) * sizeof set->numbers[0]);
    set->numbers[at] = number;
    set->count++;
    *ret_added = true;
    return ERR_OK;
}

bool intset_remove(struct intset *set, int64_t number)
{
    size_t at = find_place(set, number);

    if (at == set->count || set->numbers[at] != number)
        return false;
    set->count--;
    memmove(set->numbers + at, set->numbers + at + 1, (set->count - at) * sizeof set->numbers[0]);
    return true;
}

bool intset_has(const struct intset *set, int64_t number)
{
    size_t at = find_place(set, number);

    return at < set->count && set->numbers[at] == number;
}

int64_t intset_at(const struct intset *set, size_t index)
{
    must(index < set->count);
    return set->numbers[index];
}
