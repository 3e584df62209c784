/* size_class.h: the sizes of places that the slab keeps, and which one a request gets.
 * SPDX-License-Identifier: MIT
 *
 * Every size divides its page with little left over. Sizes are a sixteenth (an eighth for small
 * limits and for wide pages) but at least one granule apart: finer sizes lose less to rounding, and
 * each costs about half a page that is partly used.
 */
#ifndef LARDER_CACHE_SIZE_CLASS_H
#define LARDER_CACHE_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

enum {
    PLACE_MIN = 16,
    PLACES_MAX = 65536 / PLACE_MIN, /* in one page */
    SIZE_CLASSES_MAX = 160,
    SIZE_CLASS_LARGEST = 32768,
    FULLNESS = 8, /* lists of pages by eighths */
    SIZE_CLASS_INVERSE_SHIFT = 34,
};

struct size_class {
    uint32_t size;
    uint32_t places;         /* in a page */
    uint32_t span;           /* units of a page */
    uint32_t inverse;        /* 2^34 / size, rounded up: exact for offsets below 2^18 */
    uint32_t eighth;         /* 2^16 * 8 / places, rounded up */
    uint32_t lists;          /* bit b: bins[b] is not empty */
    uint32_t fresh;          /* the page whose places were not all given out yet, or 0 */
    uint32_t bins[FULLNESS]; /* pages with free places */
    size_t holes;            /* free places of its pages, without those being emptied */
};

struct size_classes {
    struct size_class items[SIZE_CLASSES_MAX];
    unsigned count;
    size_t size_max; /* the largest class */
    uint8_t of[SIZE_CLASS_LARGEST / PLACE_MIN];
};

void size_classes_init(struct size_classes *classes, unsigned unit_shift, unsigned granule_shift);

/* 0 < `size` <= size_max. */
static inline struct size_class *size_class_of(struct size_classes *classes, size_t size)
{
    return &classes->items[classes->of[(size - 1) / PLACE_MIN]];
}

static inline size_t size_class_size(const struct size_classes *classes, size_t size)
{
    return classes->items[classes->of[(size - 1) / PLACE_MIN]].size;
}

/* The number of the place that begins `offset` bytes into its page (or holds that byte). */
static inline uint32_t size_class_number(const struct size_class *c, size_t offset)
{
    return (uint32_t)((offset * c->inverse) >> SIZE_CLASS_INVERSE_SHIFT);
}

/* How full a page with so many places taken is: 0 ... FULLNESS - 1. */
static inline unsigned size_class_fullness(const struct size_class *c, unsigned live)
{
    unsigned eighths = (live * c->eighth) >> 16;

    return eighths < FULLNESS ? eighths : FULLNESS - 1;
}

#endif
