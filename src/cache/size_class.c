/* size_class.c: choosing the sizes. SPDX-License-Identifier: MIT */
#include "cache/size_class.h"

#include "base/must.h"
#include "cache/region.h"

enum {
    FINE_SHARE = 16,      /* classes are this part of their size apart, */
    COARSE_SHARE = 8,     /*   or this one with small pages and in wide ones */
    SMALL_PLACES_MIN = 8, /* fewer places in a unit: a wide page */
    LARGE_UNIT_SHIFT = 16,
};

static size_t round_down(size_t size, size_t granule)
{
    return size & ~(granule - 1);
}

/* The next larger size that divides its page well. */
static struct size_class class_after(size_t last, unsigned unit_shift, size_t granule)
{
    size_t unit = (size_t)1 << unit_shift;
    size_t narrow_max = unit / SMALL_PLACES_MIN;
    size_t share = unit_shift < LARGE_UNIT_SHIFT || last >= narrow_max ? COARSE_SHARE : FINE_SHARE;
    size_t step = round_down(last / share, granule);
    size_t want = last + (step > granule ? step : granule);
    uint32_t span = want <= narrow_max ? 1 : REGION_WIDE;
    size_t page = unit * span;
    size_t places = 0;
    size_t size = 0;

    must(want >= PLACE_MIN);
    places = page / want;
    must(places > 0);
    size = round_down(page / places, granule);
    /* Spreading the page's rest over its places can make the step too wide. */
    if (size > last + last / share && round_down(page / (places + 1), granule) > last)
        size = round_down(page / (places + 1), granule);
    must(size > last);
    places = page / size;
    must(places <= PLACES_MAX);
    return (struct size_class){
        .size = (uint32_t)size,
        .places = (uint32_t)places,
        .span = span,
        .inverse = (uint32_t)((((uint64_t)1 << SIZE_CLASS_INVERSE_SHIFT) + size - 1) / size),
        .eighth = (uint32_t)(((FULLNESS << 16) + places - 1) / places),
    };
}

void size_classes_init(struct size_classes *classes, unsigned unit_shift, unsigned granule_shift)
{
    size_t granule = (size_t)1 << granule_shift;
    size_t filled = 0;
    size_t last = 0;

    *classes = (struct size_classes){
        .size_max = ((size_t)REGION_WIDE << unit_shift) / SMALL_PLACES_MIN,
    };
    must(classes->size_max <= SIZE_CLASS_LARGEST);
    while (last < classes->size_max) {
        unsigned number = classes->count++;

        must(number < SIZE_CLASSES_MAX);
        classes->items[number] = class_after(last, unit_shift, granule);
        last = classes->items[number].size;
        while (filled < classes->size_max / PLACE_MIN && (filled + 1) * PLACE_MIN <= last)
            classes->of[filled++] = (uint8_t)number;
    }
}
