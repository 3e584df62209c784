/* blocks.c: blocks of 2 MiB that are backed as a whole. SPDX-License-Identifier: MIT */
#include "cache/blocks.h"

#include "base/must.h"

#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum { STEP_SHIFT = 12, STEPS = 1 << (BLOCK_SHIFT - STEP_SHIFT) };

void blocks_init(struct blocks *blocks, uint8_t *base, size_t bytes)
{
    *blocks = (struct blocks){.base = base, .count = bytes >> BLOCK_SHIFT};
    blocks->steps = mmap(NULL, blocks->count * sizeof *blocks->steps, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(blocks->steps != MAP_FAILED);
}

void blocks_fini(struct blocks *blocks)
{
    int error = munmap(blocks->steps, blocks->count * sizeof *blocks->steps);

    must(error == 0);
}

static void *block_at(const struct blocks *blocks, uint32_t block)
{
    return blocks->base + ((size_t)block << BLOCK_SHIFT);
}

static void block_backed(struct blocks *blocks, uint32_t block, size_t steps)
{
    uint32_t waiting = atomic_load_explicit(&blocks->waiting_count, memory_order_relaxed);

    blocks->steps[block] = (uint16_t)(blocks->steps[block] + steps);
    must(blocks->steps[block] <= STEPS);
    if (blocks->steps[block] < STEPS || waiting == BLOCKS_WAITING_MAX)
        return;
    blocks->waiting[waiting] = block;
    atomic_store_explicit(&blocks->waiting_count, waiting + 1, memory_order_relaxed);
}

static void block_gone(struct blocks *blocks, uint32_t block, size_t steps)
{
    if (blocks->steps[block] & BLOCK_WHOLE) {
        blocks->steps[block] &= BLOCK_WHOLE - 1;
        (void)madvise(block_at(blocks, block), (size_t)1 << BLOCK_SHIFT, MADV_NOHUGEPAGE);
    }
    must(blocks->steps[block] >= steps);
    blocks->steps[block] = (uint16_t)(blocks->steps[block] - steps);
}

/* Calls `each` for each block that the steps are in. */
static void cut(struct blocks *blocks, const uint8_t *at, size_t steps,
                void (*each)(struct blocks *blocks, uint32_t block, size_t steps))
{
    size_t first = (size_t)(at - blocks->base) >> STEP_SHIFT;

    while (steps > 0) {
        size_t here = STEPS - first % STEPS;

        if (here > steps)
            here = steps;
        each(blocks, (uint32_t)(first / STEPS), here);
        first += here;
        steps -= here;
    }
}

void blocks_backed(struct blocks *blocks, const uint8_t *at, size_t steps)
{
    cut(blocks, at, steps, block_backed);
}

void blocks_gone(struct blocks *blocks, const uint8_t *at, size_t steps)
{
    cut(blocks, at, steps, block_gone);
}

void *blocks_next(struct blocks *blocks)
{
    uint32_t waiting = atomic_load_explicit(&blocks->waiting_count, memory_order_relaxed);

    while (waiting > 0) {
        uint32_t block = blocks->waiting[--waiting];

        atomic_store_explicit(&blocks->waiting_count, waiting, memory_order_relaxed);
        if (blocks->steps[block] != STEPS)
            continue; /* a step has gone since, or it is one already */
        if (madvise(block_at(blocks, block), (size_t)1 << BLOCK_SHIFT, MADV_HUGEPAGE) != 0)
            continue;
        blocks->steps[block] |= BLOCK_WHOLE;
        return block_at(blocks, block);
    }
    return NULL;
}

void blocks_collapse(void *block)
{
    (void)madvise(block, (size_t)1 << BLOCK_SHIFT, MADV_COLLAPSE);
}
