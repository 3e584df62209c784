/* pages.c: chains of free places, lists of pages by fullness, pages that are being emptied.
 * SPDX-License-Identifier: MIT
 */
#include "cache/pages.h"

#include "base/must.h"
#include "cache/poison.h"

#include <string.h>

enum {
    NO_PLACE = 0xffff,
    WASTE_SHARE = 32,  /* this part of what is backed may be holes before pages are emptied */
    DRAINING_MAX = 32, /* pages that may be out of use for emptying */
    SEARCHED_MAX = 16, /* pages of one list that are compared */
    CHEAP_BIN = 1,     /* pages below a quarter full are always worth emptying */
};

enum page_state { PAGE_FULL, PAGE_LISTED, PAGE_DRAINING };

void pages_init(struct pages *pages, struct region *region, unsigned granule_shift)
{
    *pages = (struct pages){.region = region,
                            .granule_shift = granule_shift,
                            .waste_min = 4 * region_unit_bytes(region)};
    size_classes_init(&pages->classes, region->unit_shift, granule_shift);
}

static uint8_t *place_at(const struct pages *pages, const struct size_class *c, uint32_t page,
                         uint32_t number)
{
    return region_at(pages->region, page) + (size_t)number * c->size;
}

/* ---- lists of pages ---------------------------------------------------------------------- */

static void page_link(struct pages *pages, struct size_class *c, uint32_t page, unsigned bin)
{
    struct unit *units = pages->region->units;
    uint32_t next = c->bins[bin];

    units[page].state = PAGE_LISTED;
    units[page].bin = (uint16_t)bin;
    units[page].prev = REGION_NOTHING;
    units[page].next = next;
    if (next != REGION_NOTHING)
        units[next].prev = page;
    c->bins[bin] = page;
    c->lists |= 1U << bin;
}

static void page_unlink(struct pages *pages, struct size_class *c, uint32_t page)
{
    struct unit *units = pages->region->units;
    unsigned bin = units[page].bin;
    uint32_t next = units[page].next;
    uint32_t prev = units[page].prev;

    if (next != REGION_NOTHING)
        units[next].prev = prev;
    if (prev != REGION_NOTHING)
        units[prev].next = next;
    else
        c->bins[bin] = next;
    if (c->bins[bin] == REGION_NOTHING)
        c->lists &= ~(1U << bin);
    units[page].state = PAGE_FULL;
}

/* After a change of `live` or `hole`: into the list where the page belongs. */
static void page_sort(struct pages *pages, struct size_class *c, uint32_t page)
{
    const struct unit *u = &pages->region->units[page];
    unsigned bin = size_class_fullness(c, u->live);

    if (u->state == PAGE_LISTED) {
        if (u->hole != NO_PLACE && u->bin == bin)
            return;
        page_unlink(pages, c, page);
    }
    if (u->hole != NO_PLACE)
        page_link(pages, c, page, bin);
}

static void draining_add(struct pages *pages, uint32_t page)
{
    struct unit *units = pages->region->units;

    units[page].state = PAGE_DRAINING;
    units[page].next = REGION_NOTHING;
    units[page].prev = pages->draining_last;
    if (pages->draining_last != REGION_NOTHING)
        units[pages->draining_last].next = page;
    else
        pages->draining_first = page;
    pages->draining_last = page;
    pages->draining_count++;
}

static void draining_drop(struct pages *pages, uint32_t page)
{
    struct unit *units = pages->region->units;
    uint32_t next = units[page].next;
    uint32_t prev = units[page].prev;

    if (next != REGION_NOTHING)
        units[next].prev = prev;
    else
        pages->draining_last = prev;
    if (prev != REGION_NOTHING)
        units[prev].next = next;
    else
        pages->draining_first = next;
    pages->draining_count--;
    units[page].state = PAGE_FULL;
    if (pages->listing == page)
        pages->listing = REGION_NOTHING;
}

/* ---- taking ------------------------------------------------------------------------------ */

static void count_holes(struct pages *pages, struct size_class *c, size_t more, size_t less)
{
    c->holes += more - less;
    pages->hole_bytes += (more - less) * c->size;
}

static uint8_t *take_hole(struct pages *pages, struct size_class *c)
{
    uint32_t page = c->bins[31 - __builtin_clz(c->lists)];
    struct unit *u = &pages->region->units[page];
    uint8_t *place = place_at(pages, c, page, u->hole);

    must(u->hole < u->fresh);
    unpoison(place, c->size);
    memcpy(&u->hole, place, sizeof u->hole);
    u->live++;
    count_holes(pages, c, 0, 1);
    page_sort(pages, c, page);
    return place;
}

static enum err page_new(struct pages *pages, struct size_class *c)
{
    uint32_t page = REGION_NOTHING;
    struct unit *u = NULL;

    TRY(region_take(pages->region, c->span, &page));
    u = &pages->region->units[page];
    u->class_ = (uint8_t)(c - pages->classes.items);
    u->state = PAGE_FULL;
    u->live = 0;
    u->fresh = 0;
    u->hole = NO_PLACE;
    c->fresh = page;
    return ERR_OK;
}

static enum err take_fresh(struct pages *pages, struct size_class *c, bool force,
                           uint8_t **ret_place)
{
    enum err err = ERR_OK;
    struct unit *u = NULL;
    size_t begin = 0;

    if (c->fresh == REGION_NOTHING)
        TRY(page_new(pages, c));
    u = &pages->region->units[c->fresh];
    begin = (size_t)u->fresh * c->size;
    err = region_back_span(pages->region, c->fresh, begin, begin + c->size, force);
    if (err != ERR_OK) {
        if (u->fresh == 0) {
            region_give(pages->region, c->fresh);
            c->fresh = REGION_NOTHING;
        }
        return err;
    }
    *ret_place = place_at(pages, c, c->fresh, u->fresh);
    unpoison(*ret_place, c->size);
    u->live++;
    u->fresh++;
    if (u->state == PAGE_LISTED)
        page_sort(pages, c, c->fresh);
    if (u->fresh == c->places)
        c->fresh = REGION_NOTHING;
    return ERR_OK;
}

enum err pages_take(struct pages *pages, size_t size, bool force, uint8_t **ret_place)
{
    struct size_class *c = size_class_of(&pages->classes, size);

    if (c->lists == 0)
        return take_fresh(pages, c, force, ret_place);
    *ret_place = take_hole(pages, c);
    return ERR_OK;
}

/* ---- giving ------------------------------------------------------------------------------ */

/* No place of the page is taken any more: it goes back to the region. */
static void page_leave(struct pages *pages, struct size_class *c, uint32_t page)
{
    const struct unit *u = &pages->region->units[page];

    if (u->state == PAGE_DRAINING)
        draining_drop(pages, page);
    else
        count_holes(pages, c, 0, u->fresh);
    if (u->state == PAGE_LISTED)
        page_unlink(pages, c, page);
    if (c->fresh == page)
        c->fresh = REGION_NOTHING;
    region_give(pages->region, page);
}

size_t pages_give(struct pages *pages, uint32_t page, uint8_t *place)
{
    struct unit *u = &pages->region->units[page];
    struct size_class *c = &pages->classes.items[u->class_];
    size_t offset = (size_t)(place - region_at(pages->region, page));
    uint32_t number = size_class_number(c, offset);

    must((size_t)number * c->size == offset);
    must(number < u->fresh);
    must(u->live > 0);
    memcpy(place, &u->hole, sizeof u->hole);
    poison(place, c->size);
    u->hole = (uint16_t)number;
    u->live--;
    if (u->state != PAGE_DRAINING)
        count_holes(pages, c, 1, 0);
    if (u->live == 0)
        page_leave(pages, c, page);
    else if (u->state != PAGE_DRAINING)
        page_sort(pages, c, page);
    return c->size;
}

/* ---- compaction -------------------------------------------------------------------------- */

/* The page of the class that costs the least to empty into the holes of the others, or 0. */
static uint32_t sparsest_of(const struct pages *pages, const struct size_class *c)
{
    const struct unit *units = pages->region->units;
    uint32_t best = REGION_NOTHING;
    uint32_t page = c->lists == 0 ? REGION_NOTHING : c->bins[__builtin_ctz(c->lists)];

    for (unsigned i = 0; i < SEARCHED_MAX && page != REGION_NOTHING; i++) {
        if (best == REGION_NOTHING || units[page].live < units[best].live)
            best = page;
        page = units[page].next;
    }
    if (best == REGION_NOTHING || c->holes < (size_t)units[best].fresh)
        return REGION_NOTHING;
    return best;
}

static uint32_t choose_page(const struct pages *pages)
{
    size_t backed = atomic_load_explicit(&pages->region->backed, memory_order_relaxed);
    bool wasteful = pages->hole_bytes > backed / WASTE_SHARE + pages->waste_min;
    uint32_t best = REGION_NOTHING;
    unsigned best_bin = FULLNESS;
    size_t best_holes = 0;

    for (unsigned i = 0; i < pages->classes.count; i++) {
        const struct size_class *c = &pages->classes.items[i];
        uint32_t page = sparsest_of(pages, c);
        unsigned bin = 0;

        if (page == REGION_NOTHING)
            continue;
        bin = pages->region->units[page].bin;
        if ((!wasteful && bin > CHEAP_BIN) || bin > best_bin)
            continue;
        if (bin < best_bin || c->holes * c->size > best_holes) {
            best = page;
            best_bin = bin;
            best_holes = c->holes * c->size;
        }
    }
    return best;
}

/* A page that could not be emptied for long is used again. */
static void drain_no_longer(struct pages *pages, uint32_t page)
{
    const struct unit *u = &pages->region->units[page];
    struct size_class *c = &pages->classes.items[u->class_];

    draining_drop(pages, page);
    count_holes(pages, c, u->fresh - u->live, 0);
    if (c->fresh == REGION_NOTHING && u->fresh < c->places)
        c->fresh = page;
    page_sort(pages, c, page);
}

/* Marks the free places of the page, in bits. */
static void find_holes(const struct pages *pages, const struct size_class *c, uint32_t page,
                       uint64_t free_places[PLACES_MAX / 64])
{
    const struct unit *u = &pages->region->units[page];
    uint32_t holes = u->fresh - u->live;

    for (uint16_t number = u->hole; number != NO_PLACE; holes--) {
        const uint8_t *place = place_at(pages, c, page, number);

        must(holes > 0);
        must(number < u->fresh);
        free_places[number / 64] |= (uint64_t)1 << (number % 64);
        unpoison(place, PLACE_MIN);
        memcpy(&number, place, sizeof number);
        poison(place, PLACE_MIN);
    }
    must(holes == 0);
}

static uint32_t pages_ref(const struct pages *pages, const uint8_t *place)
{
    return (uint32_t)((size_t)(place - pages->region->base) >> pages->granule_shift);
}

static size_t list_places(struct pages *pages, bool (*movable)(const void *place), uint32_t *refs,
                          size_t max)
{
    uint64_t free_places[PLACES_MAX / 64] = {0};
    const struct unit *u = &pages->region->units[pages->listing];
    const struct size_class *c = &pages->classes.items[u->class_];
    uint32_t number = pages->listing_next;
    size_t count = 0;

    find_holes(pages, c, pages->listing, free_places);
    for (; number < u->fresh && count < max; number++) {
        const uint8_t *place = place_at(pages, c, pages->listing, number);

        if ((free_places[number / 64] >> (number % 64) & 1) == 0 &&
            (movable == NULL || movable(place)))
            refs[count++] = pages_ref(pages, place);
    }
    pages->listing_next = number;
    if (number == u->fresh)
        pages->listing = REGION_NOTHING;
    return count;
}

bool pages_sparse(struct pages *pages, bool (*movable)(const void *place), uint32_t *ret_refs,
                  size_t max, size_t *ret_count)
{
    uint32_t page = REGION_NOTHING;
    size_t count = 0;

    if (pages->listing != REGION_NOTHING)
        count = list_places(pages, movable, ret_refs, max);
    if (count == 0 && pages->draining_count >= DRAINING_MAX) {
        drain_no_longer(pages, pages->draining_first);
    } else if (count == 0) {
        page = choose_page(pages);
    }
    if (page != REGION_NOTHING) {
        struct size_class *c = &pages->classes.items[pages->region->units[page].class_];

        page_unlink(pages, c, page);
        count_holes(pages, c, 0,
                    pages->region->units[page].fresh - pages->region->units[page].live);
        if (c->fresh == page)
            c->fresh = REGION_NOTHING;
        draining_add(pages, page);
        pages->listing = page;
        pages->listing_next = 0;
        count = list_places(pages, movable, ret_refs, max);
    }
    if (count > 0)
        *ret_count = count;
    return count > 0;
}
