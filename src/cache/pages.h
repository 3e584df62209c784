/* pages.h: places of one size cut from a page, and which page is worth emptying.
 * SPDX-License-Identifier: MIT
 *
 * A page is a span of one unit of the region (64 KiB), or of four for places above an eighth of
 * that, so that at most an eighth is lost to rounding. Places are given out from the start of a
 * page, so that only what was used is backed; free places of a page form a chain of numbers that
 * is kept in them. Pages with free places stand in eight lists by fullness: the fullest gives the
 * next place, the emptiest is the next to be emptied.
 *
 * Threads: none; the slab's lock covers it.
 */
#ifndef LARDER_CACHE_PAGES_H
#define LARDER_CACHE_PAGES_H

#include "cache/region.h"
#include "cache/size_class.h"

struct pages {
    struct region *region;
    unsigned granule_shift;  /* of references */
    size_t waste_min;        /* bytes of holes that are never too many */
    size_t hole_bytes;       /* in all classes */
    uint32_t draining_first; /* the oldest of the pages that are being emptied */
    uint32_t draining_last;
    uint32_t draining_count;
    uint32_t listing; /* the page of which not all places were listed yet, or 0 */
    uint32_t listing_next;
    struct size_classes classes;
};

/* `region` must outlive it. */
void pages_init(struct pages *pages, struct region *region, unsigned granule_shift);

/* A place for `size` <= classes.size_max bytes. ERR_FULL: see slab_take. */
enum err pages_take(struct pages *pages, size_t size, bool force, uint8_t **ret_place);

/* Gives back a place of the page that begins with unit `page`. Returns what it cost. */
size_t pages_give(struct pages *pages, uint32_t page, uint8_t *place);

/* See slab_sparse. */
bool pages_sparse(struct pages *pages, bool (*movable)(const void *place), uint32_t *ret_refs,
                  size_t max, size_t *ret_count);

#endif
