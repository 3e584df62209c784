/* slab.c: places of fixed sizes in pages, large places, and which page is worth emptying.
 * SPDX-License-Identifier: MIT
 *
 * A page is a span of one unit of the region (64 KiB), or of four for places above an eighth of
 * that, so that at most an eighth is lost to rounding. Places are given out from the start of a
 * page, so that only what was used is backed; free places of a page form a chain of numbers that
 * is kept in them. Pages with free places stand in eight lists by fullness: the fullest gives the
 * next place, the emptiest is the next to be emptied.
 */
#include "cache/slab.h"

#include "base/mem.h"
#include "base/must.h"
#include "cache/poison.h"
#include "cache/region.h"

#include <pthread.h>
#include <string.h>

enum {
    PLACE_MIN = 16,
    FINE_SHARE = 16,      /* classes are this part (and at least 16 bytes) apart */
    COARSE_SHARE = 8,     /*   the same for small limits and for places in wide pages */
    CLASSES_MAX = 160,    /* and CLASS_RUN must not be one of them */
    LARGE_UNIT = 1 << 16, /* bytes of a page's unit, with a limit that is not small */
    SMALL_UNIT = 1 << 14,
    CLASS_RUN = 255,           /* no class: one large place */
    CLASS_OF_MAX = 32768 / 16, /* entries of the table from sizes to classes */
    FULLNESS = 8,              /* lists of pages by eighths */
    NO_PLACE = 0xffff,
    PLACES_MAX = 65536 / PLACE_MIN,
    DRAINING_MAX = 32, /* pages that may be out of use for emptying */
    SEARCHED_MAX = 16, /* pages of one list that are compared */
    CHEAP_BIN = 1,     /* pages below a quarter full are always worth emptying */
};

#define SMALL_LIMIT   ((size_t)128 << 20) /* below it pages are a quarter as large */
#define REGION_MIN    ((size_t)4 << 30)   /* so that a limit may be raised later */
#define GRANULES_MAX  ((size_t)1 << 32)
#define WASTE_SHARE   32 /* holes may be this part of what is backed before pages are emptied */
#define CACHED_SHARE  128
#define INVERSE_SHIFT 34

enum page_state { PAGE_FULL, PAGE_LISTED, PAGE_DRAINING };

struct size_class {
    uint32_t size;
    uint32_t places;  /* in a page */
    uint32_t span;    /* units of a page */
    uint32_t inverse; /* 2^34 / size, rounded up: exact for offsets below 2^18 */
    uint32_t eighth;  /* 2^16 * 8 / places, rounded up */
    uint32_t lists;   /* bit b: bins[b] is not empty */
    uint32_t fresh;   /* the page whose places were not all given out yet, or 0 */
    uint32_t bins[FULLNESS];
    size_t holes; /* free places of its pages, without those being emptied */
};

struct slab {
    pthread_mutex_t lock;
    struct region region;
    unsigned granule_shift;
    unsigned class_count;
    size_t class_size_max;
    size_t waste_min;
    size_t hole_bytes;       /* in all classes */
    _Atomic size_t taken;    /* bytes */
    uint32_t draining_first; /* the oldest */
    uint32_t draining_last;
    uint32_t draining_count;
    uint32_t listing; /* the page of which not all places were listed yet, or 0 */
    uint32_t listing_next;
    struct size_class classes[CLASSES_MAX];
    uint8_t class_of[CLASS_OF_MAX];
};

/* ---- birth ------------------------------------------------------------------------------- */

static size_t round_down(size_t size, size_t granule)
{
    return size & ~(granule - 1);
}

/* The next larger size that divides its page well. */
static struct size_class class_after(const struct slab *slab, size_t last)
{
    size_t granule = (size_t)1 << slab->granule_shift;
    size_t unit = region_unit_bytes(&slab->region);
    size_t share = unit < LARGE_UNIT || last >= unit / 8 ? COARSE_SHARE : FINE_SHARE;
    size_t step = round_down(last / share, granule);
    size_t want = last + (step > granule ? step : granule);
    uint32_t span = want <= unit / 8 ? 1 : REGION_WIDE;
    size_t page = unit * span;
    size_t places = page / want;
    size_t size = round_down(page / places, granule);
    size_t less = round_down(page / (places + 1), granule);

    /* Spreading the page's rest over its places can make the step too wide. */
    if (size > last + last / share && less > last)
        size = less;
    places = page / size;
    must(places <= PLACES_MAX);
    return (struct size_class){
        .size = (uint32_t)size,
        .places = (uint32_t)places,
        .span = span,
        .inverse = (uint32_t)((((uint64_t)1 << INVERSE_SHIFT) + size - 1) / size),
        .eighth = (uint32_t)(((FULLNESS << 16) + places - 1) / places),
    };
}

static void make_classes(struct slab *slab)
{
    size_t filled = 0;
    size_t last = 0;

    slab->class_size_max = region_unit_bytes(&slab->region) * REGION_WIDE / 8;
    must(slab->class_size_max / PLACE_MIN <= CLASS_OF_MAX);
    while (last < slab->class_size_max) {
        unsigned number = slab->class_count++;

        must(number < CLASSES_MAX);
        slab->classes[number] = class_after(slab, last);
        last = slab->classes[number].size;
        while (filled < slab->class_size_max / PLACE_MIN && (filled + 1) * PLACE_MIN <= last)
            slab->class_of[filled++] = (uint8_t)number;
    }
}

static size_t power_above(size_t size)
{
    size_t power = REGION_MIN;

    while (power < size)
        power *= 2;
    return power;
}

struct slab *slab_new(size_t memory_max, struct account *account)
{
    struct slab *slab = mem_new(1, sizeof *slab);
    size_t bytes = power_above(memory_max * 8);
    int error = pthread_mutex_init(&slab->lock, NULL);

    must(error == 0);
    /* References are 32 bits: with more memory there are fewer spare addresses (twice the limit),
     * and then granules grow. */
    while (bytes > (GRANULES_MAX << 4) && bytes / 2 >= memory_max * 2)
        bytes /= 2;
    for (slab->granule_shift = 4; bytes > GRANULES_MAX << slab->granule_shift;)
        slab->granule_shift++;
    region_init(&slab->region, bytes, memory_max < SMALL_LIMIT ? 14 : 16, memory_max / CACHED_SHARE,
                account);
    slab->waste_min = 4 * region_unit_bytes(&slab->region);
    make_classes(slab);
    return slab;
}

void slab_free(struct slab **owner)
{
    struct slab *slab = *owner;
    int error = 0;

    if (slab == NULL)
        return;
    region_fini(&slab->region);
    error = pthread_mutex_destroy(&slab->lock);
    must(error == 0);
    mem_free(owner);
}

/* ---- names of places --------------------------------------------------------------------- */

void *slab_at(const struct slab *slab, uint32_t ref)
{
    return slab->region.base + ((size_t)ref << slab->granule_shift);
}

uint32_t slab_ref(const struct slab *slab, const void *place)
{
    return (uint32_t)((size_t)((const uint8_t *)place - slab->region.base) >> slab->granule_shift);
}

uint8_t *slab_base(const struct slab *slab)
{
    return slab->region.base;
}

unsigned slab_shift(const struct slab *slab)
{
    return slab->granule_shift;
}

static const struct size_class *class_for(const struct slab *slab, size_t size)
{
    return &slab->classes[slab->class_of[(size - 1) / PLACE_MIN]];
}

static size_t steps_for(size_t size)
{
    return (size + REGION_STEP - 1) >> REGION_STEP_SHIFT;
}

size_t slab_cost(const struct slab *slab, size_t size)
{
    must(size > 0);
    if (size <= slab->class_size_max)
        return class_for(slab, size)->size;
    return steps_for(size) << REGION_STEP_SHIFT;
}

static uint8_t *place_at(const struct slab *slab, const struct size_class *c, uint32_t page,
                         uint32_t number)
{
    return region_at(&slab->region, page) + (size_t)number * c->size;
}

static void count_taken(struct slab *slab, size_t more, size_t less)
{
    size_t taken = atomic_load_explicit(&slab->taken, memory_order_relaxed);

    atomic_store_explicit(&slab->taken, taken + more - less, memory_order_relaxed);
}

/* ---- lists of pages ---------------------------------------------------------------------- */

static void page_link(struct slab *slab, struct size_class *c, uint32_t page, unsigned bin)
{
    struct unit *units = slab->region.units;
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

static void page_unlink(struct slab *slab, struct size_class *c, uint32_t page)
{
    struct unit *units = slab->region.units;
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
static void page_sort(struct slab *slab, struct size_class *c, uint32_t page)
{
    const struct unit *u = &slab->region.units[page];
    unsigned bin = (u->live * c->eighth) >> 16;

    if (bin >= FULLNESS)
        bin = FULLNESS - 1;
    if (u->state == PAGE_LISTED) {
        if (u->hole != NO_PLACE && u->bin == bin)
            return;
        page_unlink(slab, c, page);
    }
    if (u->hole != NO_PLACE)
        page_link(slab, c, page, bin);
}

static void draining_add(struct slab *slab, uint32_t page)
{
    struct unit *units = slab->region.units;

    units[page].state = PAGE_DRAINING;
    units[page].next = REGION_NOTHING;
    units[page].prev = slab->draining_last;
    if (slab->draining_last != REGION_NOTHING)
        units[slab->draining_last].next = page;
    else
        slab->draining_first = page;
    slab->draining_last = page;
    slab->draining_count++;
}

static void draining_drop(struct slab *slab, uint32_t page)
{
    struct unit *units = slab->region.units;
    uint32_t next = units[page].next;
    uint32_t prev = units[page].prev;

    if (next != REGION_NOTHING)
        units[next].prev = prev;
    else
        slab->draining_last = prev;
    if (prev != REGION_NOTHING)
        units[prev].next = next;
    else
        slab->draining_first = next;
    slab->draining_count--;
    units[page].state = PAGE_FULL;
    if (slab->listing == page)
        slab->listing = REGION_NOTHING;
}

/* ---- taking ------------------------------------------------------------------------------ */

static void count_holes(struct slab *slab, struct size_class *c, size_t more, size_t less)
{
    c->holes += more - less;
    slab->hole_bytes += (more - less) * c->size;
}

static uint8_t *take_hole(struct slab *slab, struct size_class *c)
{
    uint32_t page = c->bins[31 - __builtin_clz(c->lists)];
    struct unit *u = &slab->region.units[page];
    uint8_t *place = place_at(slab, c, page, u->hole);

    must(u->hole < u->fresh);
    unpoison(place, c->size);
    memcpy(&u->hole, place, sizeof u->hole);
    u->live++;
    count_holes(slab, c, 0, 1);
    page_sort(slab, c, page);
    return place;
}

static enum err page_new(struct slab *slab, struct size_class *c)
{
    uint32_t page = REGION_NOTHING;
    struct unit *u = NULL;

    TRY(region_take(&slab->region, c->span, &page));
    u = &slab->region.units[page];
    u->class_ = (uint8_t)(c - slab->classes);
    u->state = PAGE_FULL;
    u->live = 0;
    u->fresh = 0;
    u->hole = NO_PLACE;
    c->fresh = page;
    return ERR_OK;
}

/* Backs the bytes from `begin` to `end` of a span; everything before them is backed. */
static enum err span_back(struct slab *slab, uint32_t head, size_t begin, size_t end, bool force)
{
    unsigned shift = slab->region.unit_shift;

    for (size_t unit = begin >> shift; unit << shift < end; unit++) {
        size_t here = end - (unit << shift);

        if (here > region_unit_bytes(&slab->region))
            here = region_unit_bytes(&slab->region);
        TRY(region_back(&slab->region, head + (uint32_t)unit, (unsigned)steps_for(here), force));
    }
    return ERR_OK;
}

static enum err take_fresh(struct slab *slab, struct size_class *c, bool force, uint8_t **ret_place)
{
    enum err err = ERR_OK;
    struct unit *u = NULL;
    size_t begin = 0;

    if (c->fresh == REGION_NOTHING)
        TRY(page_new(slab, c));
    u = &slab->region.units[c->fresh];
    begin = (size_t)u->fresh * c->size;
    err = span_back(slab, c->fresh, begin, begin + c->size, force);
    if (err != ERR_OK) {
        if (u->fresh == 0) {
            region_give(&slab->region, c->fresh);
            c->fresh = REGION_NOTHING;
        }
        return err;
    }
    *ret_place = place_at(slab, c, c->fresh, u->fresh);
    unpoison(*ret_place, c->size);
    u->live++;
    u->fresh++;
    if (u->state == PAGE_LISTED)
        page_sort(slab, c, c->fresh);
    if (u->fresh == c->places)
        c->fresh = REGION_NOTHING;
    return ERR_OK;
}

static enum err take_run(struct slab *slab, size_t size, bool force, uint8_t **ret_place)
{
    size_t unit = region_unit_bytes(&slab->region);
    size_t span = (size - 1) / unit + 1;
    size_t tail = size - (span - 1) * unit;
    uint32_t head = REGION_NOTHING;
    enum err err = ERR_OK;

    if (span >= slab->region.unit_count)
        return ERR_TOO_BIG;
    TRY(region_take(&slab->region, (uint32_t)span, &head));
    slab->region.units[head].class_ = CLASS_RUN;
    err = span_back(slab, head, 0, size, force);
    if (err != ERR_OK) {
        region_give(&slab->region, head);
        return err;
    }
    region_trim(&slab->region, head + (uint32_t)span - 1, (unsigned)steps_for(tail));
    *ret_place = region_at(&slab->region, head);
    unpoison(*ret_place, steps_for(size) << REGION_STEP_SHIFT);
    count_taken(slab, steps_for(size) << REGION_STEP_SHIFT, 0);
    return ERR_OK;
}

static enum err take_locked(struct slab *slab, size_t size, bool force, uint8_t **ret_place)
{
    struct size_class *c = NULL;

    if (size > slab->class_size_max)
        return take_run(slab, size, force, ret_place);
    c = &slab->classes[slab->class_of[(size - 1) / PLACE_MIN]];
    if (c->lists != 0)
        *ret_place = take_hole(slab, c);
    else
        TRY(take_fresh(slab, c, force, ret_place));
    count_taken(slab, c->size, 0);
    return ERR_OK;
}

enum err slab_take(struct slab *slab, size_t size, bool force, uint32_t *ret_ref)
{
    uint8_t *place = NULL;
    enum err err = ERR_OK;

    must(size > 0);
    (void)pthread_mutex_lock(&slab->lock);
    err = take_locked(slab, size, force, &place);
    (void)pthread_mutex_unlock(&slab->lock);
    if (err == ERR_OK)
        *ret_ref = slab_ref(slab, place);
    return err;
}

/* ---- giving ------------------------------------------------------------------------------ */

/* No place of the page is taken any more: it goes back to the region. */
static void page_leave(struct slab *slab, struct size_class *c, uint32_t page)
{
    const struct unit *u = &slab->region.units[page];

    if (u->state == PAGE_DRAINING)
        draining_drop(slab, page);
    else
        count_holes(slab, c, 0, u->fresh);
    if (u->state == PAGE_LISTED)
        page_unlink(slab, c, page);
    if (c->fresh == page)
        c->fresh = REGION_NOTHING;
    region_give(&slab->region, page);
}

static void give_place(struct slab *slab, uint32_t page, uint8_t *place)
{
    struct unit *u = &slab->region.units[page];
    struct size_class *c = &slab->classes[u->class_];
    size_t offset = (size_t)(place - region_at(&slab->region, page));
    uint32_t number = (uint32_t)((offset * c->inverse) >> INVERSE_SHIFT);

    must((size_t)number * c->size == offset);
    must(number < u->fresh);
    must(u->live > 0);
    memcpy(place, &u->hole, sizeof u->hole);
    poison(place, c->size);
    u->hole = (uint16_t)number;
    u->live--;
    count_taken(slab, 0, c->size);
    if (u->state != PAGE_DRAINING)
        count_holes(slab, c, 1, 0);
    if (u->live == 0)
        page_leave(slab, c, page);
    else if (u->state != PAGE_DRAINING)
        page_sort(slab, c, page);
}

static void give_run(struct slab *slab, uint32_t head)
{
    const struct unit *units = slab->region.units;
    size_t steps = 0;

    for (uint32_t i = 0; i < units[head].span; i++)
        steps += units[head + i].steps;
    count_taken(slab, 0, steps << REGION_STEP_SHIFT);
    region_give(&slab->region, head);
}

void slab_give(struct slab *slab, uint32_t ref)
{
    uint8_t *place = slab_at(slab, ref);
    uint32_t unit = (uint32_t)((size_t)(place - slab->region.base) >> slab->region.unit_shift);
    uint32_t head = REGION_NOTHING;

    (void)pthread_mutex_lock(&slab->lock);
    must(unit > 0);
    must(unit < slab->region.top);
    must(slab->region.units[unit].use == UNIT_USED);
    head = slab->region.units[unit].head;
    if (slab->region.units[head].class_ == CLASS_RUN) {
        must(place == region_at(&slab->region, head));
        give_run(slab, head);
    } else {
        give_place(slab, head, place);
    }
    (void)pthread_mutex_unlock(&slab->lock);
}

/* ---- compaction -------------------------------------------------------------------------- */

/* The page of the class that costs the least to empty into the holes of the others, or 0. */
static uint32_t sparsest_of(const struct slab *slab, const struct size_class *c)
{
    const struct unit *units = slab->region.units;
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

static uint32_t choose_page(const struct slab *slab)
{
    size_t backed = slab_backed(slab);
    bool wasteful = slab->hole_bytes > backed / WASTE_SHARE + slab->waste_min;
    uint32_t best = REGION_NOTHING;
    unsigned best_bin = FULLNESS;
    size_t best_holes = 0;

    for (unsigned i = 0; i < slab->class_count; i++) {
        const struct size_class *c = &slab->classes[i];
        uint32_t page = sparsest_of(slab, c);
        unsigned bin = 0;

        if (page == REGION_NOTHING)
            continue;
        bin = slab->region.units[page].bin;
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
static void drain_no_longer(struct slab *slab, uint32_t page)
{
    const struct unit *u = &slab->region.units[page];
    struct size_class *c = &slab->classes[u->class_];

    draining_drop(slab, page);
    count_holes(slab, c, u->fresh - u->live, 0);
    if (c->fresh == REGION_NOTHING && u->fresh < c->places)
        c->fresh = page;
    page_sort(slab, c, page);
}

/* Marks the free places of the page, in bits. */
static void find_holes(const struct slab *slab, const struct size_class *c, uint32_t page,
                       uint64_t free_places[PLACES_MAX / 64])
{
    const struct unit *u = &slab->region.units[page];
    uint32_t holes = u->fresh - u->live;

    for (uint16_t number = u->hole; number != NO_PLACE; holes--) {
        const uint8_t *place = place_at(slab, c, page, number);

        must(holes > 0);
        must(number < u->fresh);
        free_places[number / 64] |= (uint64_t)1 << (number % 64);
        unpoison(place, PLACE_MIN);
        memcpy(&number, place, sizeof number);
        poison(place, PLACE_MIN);
    }
    must(holes == 0);
}

static size_t list_places(struct slab *slab, uint32_t *refs, size_t max)
{
    uint64_t free_places[PLACES_MAX / 64] = {0};
    const struct unit *u = &slab->region.units[slab->listing];
    const struct size_class *c = &slab->classes[u->class_];
    uint32_t number = slab->listing_next;
    size_t count = 0;

    find_holes(slab, c, slab->listing, free_places);
    for (; number < u->fresh && count < max; number++) {
        if ((free_places[number / 64] >> (number % 64) & 1) == 0)
            refs[count++] = slab_ref(slab, place_at(slab, c, slab->listing, number));
    }
    slab->listing_next = number;
    if (number == u->fresh)
        slab->listing = REGION_NOTHING;
    return count;
}

bool slab_sparse(struct slab *slab, uint32_t *ret_refs, size_t max, size_t *ret_count)
{
    uint32_t page = REGION_NOTHING;
    size_t count = 0;

    must(max > 0);
    (void)pthread_mutex_lock(&slab->lock);
    if (slab->listing != REGION_NOTHING)
        count = list_places(slab, ret_refs, max);
    if (count == 0 && slab->draining_count >= DRAINING_MAX) {
        drain_no_longer(slab, slab->draining_first);
    } else if (count == 0) {
        page = choose_page(slab);
    }
    if (page != REGION_NOTHING) {
        struct size_class *c = &slab->classes[slab->region.units[page].class_];

        page_unlink(slab, c, page);
        count_holes(slab, c, 0, slab->region.units[page].fresh - slab->region.units[page].live);
        if (c->fresh == page)
            c->fresh = REGION_NOTHING;
        draining_add(slab, page);
        slab->listing = page;
        slab->listing_next = 0;
        count = list_places(slab, ret_refs, max);
    }
    (void)pthread_mutex_unlock(&slab->lock);
    if (count > 0)
        *ret_count = count;
    return count > 0;
}

/* ---- figures ----------------------------------------------------------------------------- */

size_t slab_backed(const struct slab *slab)
{
    return atomic_load_explicit(&slab->region.backed, memory_order_relaxed);
}

size_t slab_taken(const struct slab *slab)
{
    return atomic_load_explicit(&slab->taken, memory_order_relaxed);
}
