/* arena.h: memory that is given back all at once: one request's, or the configuration's.
 * SPDX-License-Identifier: MIT
 *
 * Threads: none; an arena belongs to one request or one loader.
 * Limits: at most `max` bytes in all; then arena_take returns NULL (data memory, see mem.h).
 */
#ifndef LARDER_BASE_ARENA_H
#define LARDER_BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* the one in use first */
    size_t used;                /* bytes in the first block */
    size_t total;               /* bytes in all blocks */
    size_t max;
};

void arena_init(struct arena *arena, size_t max);
void arena_fini(struct arena *arena);

/* Forgets everything that was taken; keeps one block for the next request. */
void arena_clear(struct arena *arena);

/* `size` bytes aligned to 16, unknown content; NULL when the limit or the machine refuses. */
void *arena_take(struct arena *arena, size_t size);

/* A copy with a NUL behind it that does not count; `data` is NULL when refused. */
struct bytes arena_copy(struct arena *arena, struct bytes bytes);

#endif
