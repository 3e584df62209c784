/* slab.c: references, large places, and the lock around pages and region.
 * SPDX-License-Identifier: MIT
 */
#include "cache/slab.h"

#include "base/mem.h"
#include "base/must.h"
#include "cache/latch.h"
#include "cache/pages.h"
#include "cache/poison.h"

#include <string.h>

enum {
    CLASS_RUN = 255,   /* no class: one large place */
    CACHED_SHARE = 64, /* this part of the limit may stay backed and free, */
};

#define CACHED_MIN   ((size_t)256 << 10) /*   and so much with any limit */
#define SMALL_LIMIT  ((size_t)128 << 20) /* below it pages are a quarter as large */
#define REGION_MIN   ((size_t)4 << 30)   /* so that a limit may be raised later */
#define GRANULES_MAX ((size_t)1 << 32)

struct slab {
    struct latch latch;
    struct region region;
    unsigned granule_shift;
    _Atomic size_t taken; /* bytes */
    struct pages pages;
};

/* ---- birth ------------------------------------------------------------------------------- */

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
    size_t cached = memory_max / CACHED_SHARE;

    /* References are 32 bits: with more memory there are fewer spare addresses (twice the limit),
     * and then granules grow. */
    while (bytes > (GRANULES_MAX << 4) && bytes / 2 >= memory_max * 2)
        bytes /= 2;
    for (slab->granule_shift = 4; bytes > GRANULES_MAX << slab->granule_shift;)
        slab->granule_shift++;
    if (cached < CACHED_MIN)
        cached = CACHED_MIN;
    region_init(&slab->region, bytes, memory_max < SMALL_LIMIT ? 14 : 16, cached, account);
    pages_init(&slab->pages, &slab->region, slab->granule_shift);
    return slab;
}

void slab_free(struct slab **owner)
{
    struct slab *slab = *owner;

    if (slab == NULL)
        return;
    region_fini(&slab->region);
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

size_t slab_cost(const struct slab *slab, size_t size)
{
    must(size > 0);
    if (size <= slab->pages.classes.size_max)
        return size_class_size(&slab->pages.classes, size);
    return (size_t)region_steps(size) << REGION_STEP_SHIFT;
}

static void count_taken(struct slab *slab, size_t more, size_t less)
{
    size_t taken = atomic_load_explicit(&slab->taken, memory_order_relaxed);

    atomic_store_explicit(&slab->taken, taken + more - less, memory_order_relaxed);
}

/* ---- taking ------------------------------------------------------------------------------ */

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
    err = region_back_span(&slab->region, head, 0, size, force);
    if (err != ERR_OK) {
        region_give(&slab->region, head);
        return err;
    }
    region_trim(&slab->region, head + (uint32_t)span - 1, region_steps(tail));
    *ret_place = region_at(&slab->region, head);
    unpoison(*ret_place, (size_t)region_steps(size) << REGION_STEP_SHIFT);
    count_taken(slab, (size_t)region_steps(size) << REGION_STEP_SHIFT, 0);
    return ERR_OK;
}

static enum err take_locked(struct slab *slab, size_t size, bool force, uint8_t **ret_place)
{
    if (size > slab->pages.classes.size_max)
        return take_run(slab, size, force, ret_place);
    TRY(pages_take(&slab->pages, size, force, ret_place));
    count_taken(slab, size_class_size(&slab->pages.classes, size), 0);
    return ERR_OK;
}

enum err slab_take(struct slab *slab, size_t size, bool force, uint32_t *ret_ref)
{
    uint8_t *place = NULL;
    enum err err = ERR_OK;

    must(size > 0);
    latch_lock(&slab->latch);
    err = take_locked(slab, size, force, &place);
    if (err == ERR_OK)
        memset(place, 0, SLAB_ZEROED);
    latch_unlock(&slab->latch);
    if (err == ERR_OK)
        *ret_ref = slab_ref(slab, place);
    return err;
}

/* ---- giving ------------------------------------------------------------------------------ */

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

    latch_lock(&slab->latch);
    must(unit > 0);
    must(unit < slab->region.top);
    must(slab->region.units[unit].use == UNIT_USED);
    head = slab->region.units[unit].head;
    if (slab->region.units[head].class_ == CLASS_RUN) {
        must(place == region_at(&slab->region, head));
        give_run(slab, head);
    } else {
        count_taken(slab, 0, pages_give(&slab->pages, head, place));
    }
    latch_unlock(&slab->latch);
}

/* ---- compaction -------------------------------------------------------------------------- */

bool slab_sparse(struct slab *slab, slab_movable_fn *movable, uint32_t *ret_refs, size_t max,
                 size_t *ret_count)
{
    bool found = false;

    must(max > 0);
    latch_lock(&slab->latch);
    found = pages_sparse(&slab->pages, movable, ret_refs, max, ret_count);
    latch_unlock(&slab->latch);
    return found;
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
