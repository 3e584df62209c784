/* blocks.h: which parts of some addresses are backed as a whole, so that large pages can be used.
 * SPDX-License-Identifier: MIT
 *
 * Of five million small entries, nearly every look-up touches a page that the processor has no
 * translation for; with pages of 2 MiB it mostly has. But a large page backs all its 2 MiB at once,
 * while regions and shelves are charged by steps of 4 KiB. So a block of 2 MiB is made one large
 * page only after every step of it was backed (MADV_COLLAPSE, Linux 6.1), and is no longer meant to
 * be one as soon as a step goes. What the system backs is what is charged, always. Where the system
 * cannot, nothing happens.
 *
 * Threads: the latch of whoever has the addresses covers all but blocks_collapse and
 * blocks_are_waiting.
 */
#ifndef LARDER_CACHE_BLOCKS_H
#define LARDER_CACHE_BLOCKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BLOCK_SHIFT = 21, BLOCK_WHOLE = 1 << 15, BLOCKS_WAITING_MAX = 8192 };

struct blocks {
    uint8_t *base;   /* a multiple of a block */
    uint16_t *steps; /* backed, of each block; BLOCK_WHOLE: it is a large page */
    size_t count;
    uint32_t waiting[BLOCKS_WAITING_MAX]; /* all backed, not collapsed yet; more are forgotten */
    _Atomic uint32_t waiting_count;
};

void blocks_init(struct blocks *blocks, uint8_t *base, size_t bytes);
void blocks_fini(struct blocks *blocks);

/* So many steps were backed, or went, from this address on. */
void blocks_backed(struct blocks *blocks, const uint8_t *at, size_t steps);
void blocks_gone(struct blocks *blocks, const uint8_t *at, size_t steps);

/* The next block to be collapsed; NULL: there is none. */
void *blocks_next(struct blocks *blocks);

/* Makes it one large page: half a millisecond, or ten where a hypervisor has to find the memory
 * first. Without the latch. */
void blocks_collapse(void *block);

static inline bool blocks_are_waiting(const struct blocks *blocks)
{
    return atomic_load_explicit(&blocks->waiting_count, memory_order_relaxed) > 0;
}

#endif
