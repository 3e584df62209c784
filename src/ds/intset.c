/* intset.c: binary search, moving up, and growing wider. SPDX-License-Identifier: MIT */
#include "ds/intset.h"

#include "base/must.h"

#include <string.h>

/* Numbers of 1 << shift bytes each: as wide as the widest needs. */
struct intset {
    uint32_t count;
    uint32_t room; /* bytes */
    uint32_t shift;
    uint8_t bytes[];
};

enum { SHIFT_MIN = 1, ROOM_FIRST = 8 };

static unsigned shift_for(int64_t number)
{
    if (number == (int16_t)number)
        return 1;
    return number == (int32_t)number ? 2 : 3;
}

static int64_t read_at(const struct intset *set, unsigned shift, size_t index)
{
    const uint8_t *at = set->bytes + (index << shift);
    int64_t wide = 0;
    int32_t middle = 0;
    int16_t narrow = 0;

    switch (shift) {
    case 1:
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    case 2:
        memcpy(&middle, at, sizeof middle);
        return middle;
    default:
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
}

static void write_at(struct intset *set, size_t index, int64_t number)
{
    uint8_t *at = set->bytes + (index << set->shift);
    int32_t middle = (int32_t)number;
    int16_t narrow = (int16_t)number;

    if (set->shift == 1)
        memcpy(at, &narrow, sizeof narrow);
    else if (set->shift == 2)
        memcpy(at, &middle, sizeof middle);
    else
        memcpy(at, &number, sizeof number);
}

struct intset *intset_new(struct heap *heap)
{
    size_t size = heap_fit(sizeof(struct intset) + ROOM_FIRST);
    struct intset *set = heap_take(heap, size);

    if (set != NULL)
        *set = (struct intset){.room = (uint32_t)(size - sizeof *set), .shift = SHIFT_MIN};
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

        if (read_at(set, set->shift, middle) < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Room for one more number of this width; all become as wide. */
static enum err make_room(struct intset **owner, unsigned shift)
{
    struct intset *set = *owner;
    unsigned before = set->shift;
    size_t needed = 0;

    if (shift < before)
        shift = before;
    needed = ((size_t)set->count + 1) << shift;
    if (needed > set->room) {
        size_t size = heap_fit(sizeof *set + needed + needed / 8);

        must(size <= UINT32_MAX);
        set = heap_resize(set, size);
        if (set == NULL)
            return ERR_FULL;
        set->room = (uint32_t)(size - sizeof *set);
        *owner = set;
    }
    set->shift = shift;
    for (size_t i = set->count; shift != before && i-- > 0;)
        write_at(set, i, read_at(set, before, i));
    return ERR_OK;
}

enum err intset_add(struct intset **owner, int64_t number, bool *ret_added)
{
    struct intset *set = *owner;
    size_t at = find_place(set, number);

    *ret_added = false;
    if (at < set->count && read_at(set, set->shift, at) == number)
        return ERR_OK;
    if (set->count == INTSET_COUNT_MAX)
        return ERR_FULL;
    TRY(make_room(owner, shift_for(number)));
    set = *owner;
    memmove(set->bytes + ((at + 1) << set->shift), set->bytes + (at << set->shift),
            (set->count - at) << set->shift);
    write_at(set, at, number);
    set->count++;
    *ret_added = true;
    return ERR_OK;
}

bool intset_remove(struct intset *set, int64_t number)
{
    size_t at = find_place(set, number);

    if (at == set->count || read_at(set, set->shift, at) != number)
        return false;
    set->count--;
    memmove(set->bytes + (at << set->shift), set->bytes + ((at + 1) << set->shift),
            (set->count - at) << set->shift);
    return true;
}

bool intset_has(const struct intset *set, int64_t number)
{
    size_t at = find_place(set, number);

    return at < set->count && read_at(set, set->shift, at) == number;
}

int64_t intset_at(const struct intset *set, size_t index)
{
    must(index < set->count);
    return read_at(set, set->shift, index);
}
