/* region.c: extents of units, what is backed of them, and what stays cached.
 * SPDX-License-Identifier: MIT
 */
#include "cache/region.h"

#include "base/must.h"
#include "base/poison.h"

#include <sys/mman.h>

enum {
    OPEN_BYTES = 16 << 20, /* made accessible at a time, so that the system knows few areas */
    FIT_TRIES = 8,         /* extents of the first list that are tried */
};

#define BLOCK_BYTES ((size_t)1 << BLOCK_SHIFT)

/* ---- birth ------------------------------------------------------------------------------- */

/* Zeroed memory, backed when it is touched. */
static void *addresses(size_t bytes, int access)
{
    return mmap(NULL, bytes, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void region_init(struct region *region, size_t bytes, unsigned unit_shift, size_t cached_bytes_max,
                 struct account *account)
{
    void *base = MAP_FAILED;

    *region = (struct region){.account = account,
                              .unit_shift = unit_shift,
                              .cached_bytes_max = cached_bytes_max,
                              .top = 1,
                              .open = 1};
    for (; bytes >= OPEN_BYTES; bytes /= 2) {
        base = addresses(bytes + BLOCK_BYTES, PROT_NONE);
        if (base != MAP_FAILED)
            break;
    }
    must(base != MAP_FAILED);
    region->reserved = base;
    region->reserved_bytes = bytes + BLOCK_BYTES;
    region->base = region->reserved + (-(uintptr_t)base & (BLOCK_BYTES - 1));
    /* A large page would back 2 MiB where one step was charged: only whole blocks become one
     * (blocks.h). A system without them says no. */
    (void)madvise(region->base, bytes, MADV_NOHUGEPAGE);
    blocks_init(&region->blocks, region->base, bytes);
    region->unit_count = (uint32_t)(bytes >> unit_shift);
    region->units = addresses(region->unit_count * sizeof *region->units, PROT_READ | PROT_WRITE);
    must(region->units != MAP_FAILED);
    atomic_init(&region->backed, 0);
}

void region_fini(struct region *region)
{
    size_t backed = atomic_load_explicit(&region->backed, memory_order_relaxed);
    int error = 0;

    unpoison(region->base, (size_t)region->open << region->unit_shift);
    error = munmap(region->reserved, region->reserved_bytes);
    must(error == 0);
    blocks_fini(&region->blocks);
    error = munmap(region->units, region->unit_count * sizeof *region->units);
    must(error == 0);
    account_refund(region->account, backed);
}

/* ---- what is backed ---------------------------------------------------------------------- */

static void count_backed(struct region *region, size_t bytes)
{
    atomic_fetch_add_explicit(&region->backed, bytes, memory_order_relaxed);
}

static void refund(struct region *region, size_t bytes)
{
    atomic_fetch_sub_explicit(&region->backed, bytes, memory_order_relaxed);
    account_refund(region->account, bytes);
}

void region_trim(struct region *region, uint32_t unit, unsigned steps)
{
    struct unit *u = &region->units[unit];
    size_t bytes = 0;
    int error = 0;

    if (u->steps <= steps)
        return;
    bytes = (size_t)(u->steps - steps) << REGION_STEP_SHIFT;
    blocks_gone(&region->blocks, region_at(region, unit), u->steps - steps);
    error = madvise(region_at(region, unit) + ((size_t)steps << REGION_STEP_SHIFT), bytes,
                    MADV_DONTNEED);
    must(error == 0);
    u->steps = (uint8_t)steps;
    refund(region, bytes);
}

static size_t span_backed(const struct region *region, uint32_t head)
{
    size_t steps = 0;

    for (uint32_t i = 0; i < region->units[head].span; i++)
        steps += region->units[head + i].steps;
    return steps << REGION_STEP_SHIFT;
}

/* ---- extents ----------------------------------------------------------------------------- */

static unsigned bin_of(uint32_t span)
{
    return 31 - (unsigned)__builtin_clz(span);
}

static void extent_link(struct region *region, uint32_t head, uint32_t span)
{
    struct unit *units = region->units;
    unsigned bin = bin_of(span);
    uint32_t next = region->extents[bin];

    units[head].head = head;
    units[head].span = span;
    units[head].use = UNIT_FREE;
    units[head + span - 1].head = head;
    units[head + span - 1].use = UNIT_FREE;
    units[head].prev = REGION_NOTHING;
    units[head].next = next;
    if (next != REGION_NOTHING)
        units[next].prev = head;
    region->extents[bin] = head;
    region->extent_bins |= 1U << bin;
}

static void extent_unlink(struct region *region, uint32_t head)
{
    struct unit *units = region->units;
    unsigned bin = bin_of(units[head].span);
    uint32_t next = units[head].next;
    uint32_t prev = units[head].prev;

    if (next != REGION_NOTHING)
        units[next].prev = prev;
    if (prev != REGION_NOTHING)
        units[prev].next = next;
    else
        region->extents[bin] = next;
    if (region->extents[bin] == REGION_NOTHING)
        region->extent_bins &= ~(1U << bin);
}

/* Merges with free neighbours; what touches the top makes the top lower. */
static void extent_add(struct region *region, uint32_t head, uint32_t span)
{
    struct unit *units = region->units;
    uint32_t end = head + span;

    if (head > 1 && units[head - 1].use == UNIT_FREE) {
        head = units[head - 1].head;
        extent_unlink(region, head);
    }
    if (end < region->top && units[end].use == UNIT_FREE) {
        extent_unlink(region, end);
        end += units[end].span;
    }
    if (end == region->top)
        region->top = head;
    else
        extent_link(region, head, end - head);
}

/* An extent of at least `count` units, or REGION_NOTHING. */
static uint32_t extent_find(const struct region *region, uint32_t count)
{
    unsigned bin = bin_of(count);
    uint32_t larger = bin == 31 ? 0 : region->extent_bins & ~((2U << bin) - 1);
    uint32_t one = region->extents[bin];

    for (unsigned i = 0; i < FIT_TRIES && one != REGION_NOTHING; i++) {
        if (region->units[one].span >= count)
            return one;
        one = region->units[one].next;
    }
    return larger == 0 ? REGION_NOTHING : region->extents[__builtin_ctz(larger)];
}

/* The span leaves the account and the system and becomes free addresses. */
static void span_release(struct region *region, uint32_t head)
{
    uint32_t span = region->units[head].span;
    size_t backed = span_backed(region, head);
    int error = 0;

    if (backed > 0) {
        for (uint32_t i = 0; i < span; i++) {
            blocks_gone(&region->blocks, region_at(region, head + i),
                        region->units[head + i].steps);
            region->units[head + i].steps = 0;
        }
        error = madvise(region_at(region, head), (size_t)span << region->unit_shift, MADV_DONTNEED);
        must(error == 0);
        refund(region, backed);
    }
    poison(region_at(region, head), (size_t)span << region->unit_shift);
    extent_add(region, head, span);
}

/* ---- cached spans ------------------------------------------------------------------------ */

static uint32_t cached_pop(struct region *region, uint32_t span)
{
    uint32_t head = REGION_NOTHING;

    if (span > REGION_CACHED_MAX || region->cached[span] == REGION_NOTHING)
        return REGION_NOTHING;
    head = region->cached[span];
    region->cached[span] = region->units[head].next;
    if (region->cached[span] == REGION_NOTHING)
        region->cached_spans &= ~(1U << span);
    region->cached_bytes -= span_backed(region, head);
    return head;
}

/* False: it does not stay. */
static bool cached_push(struct region *region, uint32_t head)
{
    struct unit *units = region->units;
    uint32_t span = units[head].span;
    size_t backed = 0;

    if (span > REGION_CACHED_MAX)
        return false;
    backed = span_backed(region, head);
    if (backed == 0 || region->cached_bytes + backed > region->cached_bytes_max)
        return false;
    for (uint32_t i = 0; i < span; i++)
        units[head + i].use = UNIT_CACHED;
    units[head].next = region->cached[span];
    region->cached[span] = head;
    region->cached_spans |= 1U << span;
    region->cached_bytes += backed;
    poison(region_at(region, head), (size_t)span << region->unit_shift);
    return true;
}

static bool cached_release_one(struct region *region)
{
    if (region->cached_spans == 0)
        return false;
    span_release(region, cached_pop(region, bin_of(region->cached_spans)));
    return true;
}

/* ---- spans ------------------------------------------------------------------------------- */

static enum err open_up(struct region *region, uint32_t top)
{
    uint32_t more = (uint32_t)(OPEN_BYTES >> region->unit_shift);
    size_t table = 0;

    while (region->open < top) {
        uint32_t open = region->open == 1 ? more : region->open + more;

        if (open > region->unit_count)
            open = region->unit_count;
        if (mprotect(region_at(region, region->open),
                     (size_t)(open - region->open) << region->unit_shift,
                     PROT_READ | PROT_WRITE) != 0)
            return ERR_FULL;
        table = (open - region->open) * sizeof(struct unit);
        account_force(region->account, table);
        count_backed(region, table);
        region->open = open;
    }
    return ERR_OK;
}

static enum err addresses_take(struct region *region, uint32_t count, uint32_t *ret_head)
{
    uint32_t head = extent_find(region, count);

    if (head != REGION_NOTHING) {
        uint32_t rest = region->units[head].span - count;

        extent_unlink(region, head);
        if (rest > 0)
            extent_link(region, head + count, rest);
        *ret_head = head;
        return ERR_OK;
    }
    if (count > region->unit_count - region->top)
        return ERR_FULL;
    TRY(open_up(region, region->top + count));
    *ret_head = region->top;
    region->top += count;
    return ERR_OK;
}

enum err region_take(struct region *region, uint32_t count, uint32_t *ret_head)
{
    uint32_t head = cached_pop(region, count);

    while (head == REGION_NOTHING && addresses_take(region, count, &head) != ERR_OK) {
        if (!cached_release_one(region))
            return ERR_FULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        region->units[head + i].head = head;
        region->units[head + i].use = UNIT_USED;
    }
    region->units[head].span = count;
    *ret_head = head;
    return ERR_OK;
}

static enum err unit_back(struct region *region, uint32_t unit, unsigned steps, bool force)
{
    struct unit *u = &region->units[unit];
    size_t bytes = 0;

    if (u->steps >= steps)
        return ERR_OK;
    bytes = (size_t)(steps - u->steps) << REGION_STEP_SHIFT;
    while (!account_charge(region->account, bytes)) {
        if (cached_release_one(region))
            continue;
        if (!force)
            return ERR_FULL;
        account_force(region->account, bytes);
        break;
    }
    count_backed(region, bytes);
    blocks_backed(&region->blocks, region_at(region, unit), steps - u->steps);
    u->steps = (uint8_t)steps;
    return ERR_OK;
}

enum err region_back_span(struct region *region, uint32_t head, size_t begin, size_t end,
                          bool force)
{
    unsigned shift = region->unit_shift;

    for (size_t unit = begin >> shift; unit << shift < end; unit++) {
        size_t here = end - (unit << shift);

        if (here > region_unit_bytes(region))
            here = region_unit_bytes(region);
        TRY(unit_back(region, head + (uint32_t)unit, region_steps(here), force));
    }
    return ERR_OK;
}

void region_forget(const struct region *region, uint32_t head)
{
    uint32_t span = region->units[head].span;
    int error = 0;

    if (span <= REGION_CACHED_MAX)
        return;
    error = madvise(region_at(region, head) + REGION_STEP,
                    ((size_t)span << region->unit_shift) - REGION_STEP, MADV_DONTNEED);
    must(error == 0);
}

void region_give(struct region *region, uint32_t head)
{
    if (!cached_push(region, head))
        span_release(region, head);
}
