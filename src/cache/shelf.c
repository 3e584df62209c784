/* shelf.c: holes in the order of their addresses. SPDX-License-Identifier: MIT */
#include "cache/shelf.h"

#include "base/mem.h"
#include "base/must.h"
#include "base/poison.h"
#include "cache/blocks.h"
#include "cache/latch.h"

#include <string.h>
#include <sys/mman.h>

#define RESERVED  ((size_t)64 << 30) /* bytes: as many entries as there are references have less */
#define OPEN_STEP ((size_t)4 << 20)  /* made accessible at a time */
#define BLOCK     ((size_t)1 << BLOCK_SHIFT)

enum {
    PAGE = 4096,
    PAGE_LINES = PAGE / SHELF_LINE,
    HOLES_FIRST = 64,
    LAP_MIN = (4 << 20) / SHELF_LINE, /* lines; the system keeps notes about addresses once used */
};

struct hole {
    uint32_t at; /* in lines */
    uint32_t lines;
};

struct shelf {
    struct latch latch;
    struct blocks blocks;
    uint8_t *base; /* a multiple of a block in what is reserved */
    void *addresses;
    size_t reserved; /* bytes from the base */
    size_t open;     /* bytes from the base that may be touched */
    struct account *account;
    uint32_t next;      /* line from which on the next table is put */
    uint32_t taken;     /* lines */
    struct hole *holes; /* ascending, none next to another; the last one is never used up */
    size_t hole_count;
    size_t hole_max;
};

struct shelf *shelf_new(struct account *account)
{
    struct shelf *shelf = mem_new(1, sizeof *shelf);
    void *base = MAP_FAILED;

    *shelf = (struct shelf){.reserved = RESERVED, .account = account, .hole_max = HOLES_FIRST};
    for (; base == MAP_FAILED && shelf->reserved >= OPEN_STEP; shelf->reserved /= 2)
        base = mmap(NULL, shelf->reserved + BLOCK, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(base != MAP_FAILED);
    shelf->reserved *= 2;
    shelf->addresses = base;
    shelf->base = (uint8_t *)base + (-(uintptr_t)base & (BLOCK - 1));
    /* A large page would back 2 MiB where one page was charged: only whole blocks become one
     * (blocks.h). A system without them says no. */
    (void)madvise(shelf->base, shelf->reserved, MADV_NOHUGEPAGE);
    blocks_init(&shelf->blocks, shelf->base, shelf->reserved);
    shelf->holes = mem_new(shelf->hole_max, sizeof *shelf->holes);
    shelf->holes[shelf->hole_count++] = (struct hole){0, (uint32_t)(shelf->reserved / SHELF_LINE)};
    account_force(account, shelf->hole_max * sizeof *shelf->holes);
    return shelf;
}

void shelf_free(struct shelf **owner)
{
    struct shelf *shelf = *owner;
    int error = 0;

    must(shelf->hole_count == 1 && shelf->holes[0].at == 0);
    unpoison(shelf->base, shelf->open);
    error = munmap(shelf->addresses, shelf->reserved + BLOCK);
    must(error == 0);
    blocks_fini(&shelf->blocks);
    account_refund(shelf->account, shelf->hole_max * sizeof *shelf->holes);
    mem_free(&shelf->holes);
    mem_free(owner);
}

/* ---- holes ------------------------------------------------------------------------------- */

static uint32_t hole_end(struct hole hole)
{
    return hole.at + hole.lines;
}

static uint32_t page_up(uint32_t line)
{
    return (line + PAGE_LINES - 1) / PAGE_LINES;
}

/* Pages that nothing but the hole has a part in: they are not backed. */
static size_t hole_pages(struct hole hole)
{
    uint32_t first = page_up(hole.at);
    uint32_t behind = hole_end(hole) / PAGE_LINES;

    return behind > first ? behind - first : 0;
}

static void hole_insert(struct shelf *shelf, size_t number, struct hole hole)
{
    if (shelf->hole_count == shelf->hole_max) {
        struct hole *holes = mem_new(shelf->hole_max * 2, sizeof *holes);

        memcpy(holes, shelf->holes, shelf->hole_count * sizeof *holes);
        mem_free(&shelf->holes);
        account_force(shelf->account, shelf->hole_max * sizeof *holes);
        shelf->holes = holes;
        shelf->hole_max *= 2;
    }
    memmove(&shelf->holes[number + 1], &shelf->holes[number],
            (shelf->hole_count - number) * sizeof *shelf->holes);
    shelf->holes[number] = hole;
    shelf->hole_count++;
}

static void hole_delete(struct shelf *shelf, size_t number)
{
    shelf->hole_count--;
    memmove(&shelf->holes[number], &shelf->holes[number + 1],
            (shelf->hole_count - number) * sizeof *shelf->holes);
}

/* The first hole behind the line. */
static size_t hole_behind(const struct shelf *shelf, uint32_t line)
{
    size_t low = 0, high = shelf->hole_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (shelf->holes[middle].at > line)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* ---- taking and giving ------------------------------------------------------------------- */

static void open_up(struct shelf *shelf, size_t bytes)
{
    size_t open = (bytes + OPEN_STEP - 1) / OPEN_STEP * OPEN_STEP;
    int error = 0;

    if (bytes <= shelf->open)
        return;
    must(bytes < shelf->reserved);
    error = mprotect(shelf->base + shelf->open, open - shelf->open, PROT_READ | PROT_WRITE);
    must(error == 0);
    shelf->open = open;
}

static void *take_lines(struct shelf *shelf, uint32_t lines)
{
    size_t number = 0;

    if (shelf->next / 2 > shelf->taken + LAP_MIN / 2)
        shelf->next = 0;
    number = hole_behind(shelf, shelf->next);
    if (number > 0 && hole_end(shelf->holes[number - 1]) > shelf->next)
        number--;
    while (shelf->holes[number].lines < lines) {
        number++;
        must(number < shelf->hole_count);
    }
    struct hole *hole = &shelf->holes[number];
    size_t pages = hole_pages(*hole);
    uint8_t *first_page = shelf->base + (size_t)page_up(hole->at) * PAGE;
    uint8_t *place = shelf->base + (size_t)hole->at * SHELF_LINE;

    hole->at += lines;
    hole->lines -= lines;
    shelf->next = hole->at;
    shelf->taken += lines;
    pages -= hole_pages(*hole);
    account_force(shelf->account, pages * PAGE);
    blocks_backed(&shelf->blocks, first_page, pages);
    open_up(shelf, (size_t)hole->at * SHELF_LINE);
    if (hole->lines == 0)
        hole_delete(shelf, number);
    return place;
}

void *shelf_take(struct shelf *shelf, size_t bytes)
{
    void *place = NULL;

    must(bytes > 0 && bytes % SHELF_LINE == 0 && bytes / SHELF_LINE < UINT32_MAX);
    latch_lock(&shelf->latch);
    place = take_lines(shelf, (uint32_t)(bytes / SHELF_LINE));
    latch_unlock(&shelf->latch);
    unpoison(place, bytes);
    return memset(place, 0, bytes);
}

/* Makes the lines a hole, one with those beside it. */
static struct hole merge(struct shelf *shelf, struct hole lines, size_t *ret_pages)
{
    size_t number = hole_behind(shelf, lines.at);
    struct hole *next = &shelf->holes[number];

    *ret_pages = 0;
    must(number < shelf->hole_count && hole_end(lines) <= next->at);
    if (hole_end(lines) == next->at) {
        *ret_pages += hole_pages(*next);
        *next = (struct hole){lines.at, lines.lines + next->lines};
    } else {
        hole_insert(shelf, number, lines);
    }
    if (number == 0)
        return shelf->holes[number];
    struct hole *before = &shelf->holes[number - 1];

    must(hole_end(*before) <= lines.at);
    if (hole_end(*before) < lines.at)
        return shelf->holes[number];
    *ret_pages += hole_pages(*before);
    before->lines += shelf->holes[number].lines;
    hole_delete(shelf, number);
    return shelf->holes[number - 1];
}

void shelf_give(struct shelf *shelf, void *place, size_t bytes)
{
    struct hole lines = {(uint32_t)((size_t)((uint8_t *)place - shelf->base) / SHELF_LINE),
                         (uint32_t)(bytes / SHELF_LINE)};
    struct hole hole;
    size_t pages = 0, first = 0, behind = 0;

    poison(place, bytes);
    latch_lock(&shelf->latch);
    hole = merge(shelf, lines, &pages);
    shelf->taken -= lines.lines;
    /* The pages that came free with these lines. */
    first = page_up(hole.at) > lines.at / PAGE_LINES ? page_up(hole.at) : lines.at / PAGE_LINES;
    behind = page_up(hole_end(lines)) < hole_end(hole) / PAGE_LINES ? page_up(hole_end(lines))
                                                                    : hole_end(hole) / PAGE_LINES;
    if (behind > first) {
        int error = 0;

        blocks_gone(&shelf->blocks, shelf->base + first * PAGE, behind - first);
        error = madvise(shelf->base + first * PAGE, (behind - first) * PAGE, MADV_DONTNEED);
        must(error == 0 && behind - first == hole_pages(hole) - pages);
        account_refund(shelf->account, (behind - first) * PAGE);
    }
    latch_unlock(&shelf->latch);
}

bool shelf_collapse(struct shelf *shelf)
{
    void *block = NULL;

    if (!blocks_are_waiting(&shelf->blocks) || !latch_try(&shelf->latch))
        return false;
    block = blocks_next(&shelf->blocks);
    latch_unlock(&shelf->latch);
    if (block != NULL)
        blocks_collapse(block);
    return block != NULL;
}

bool shelf_has_whole(const struct shelf *shelf)
{
    return blocks_are_waiting(&shelf->blocks);
}
