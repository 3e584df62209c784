/* chunk.h: a mebibyte from the system in sixty-four units, and which of them are in memory.
 * SPDX-License-Identifier: MIT
 *
 *     chunk: [ header | unit 1 | unit 2 | ... | unit 63 ]     at a multiple of CHUNK_SIZE, so that
 * a 4 KiB    16 KiB                                block's address leads to its chunk
 *
 * A span is some units in a row. Memory is charged when it is first used, a step of 4 KiB at a
 * time, and stays charged until it goes back to the system; what is free and still charged is kept
 * for the next that needs it. A block of more than a chunk has chunks in a row of its own, with one
 * header.
 *
 * Memory: charged to the lane's account. Threads: none; the lane's lock covers it (heap.c).
 */
#ifndef LARDER_BASE_CHUNK_H
#define LARDER_BASE_CHUNK_H

#include "base/account.h"

#include <stdint.h>

enum {
    CHUNK_SHIFT = 20,
    CHUNK_UNITS = 64,
    UNIT_SHIFT = 14,
    STEP_SHIFT = 12, /* what the system gives and takes */
    STEPS_UNIT = 1 << (UNIT_SHIFT - STEP_SHIFT),
    SPAN_MAX = 32,   /* units; above that a block has chunks of its own */
    CHUNK_LISTS = 8, /* by how many units are free */
};

#define CHUNK_SIZE ((size_t)1 << CHUNK_SHIFT)
#define UNIT_SIZE  ((size_t)1 << UNIT_SHIFT)
#define STEP_SIZE  ((size_t)1 << STEP_SHIFT)

enum unit_use {
    UNIT_FREE,
    UNIT_PAGE, /* the first of a span with places of one size */
    UNIT_RUN,  /* the first of a span that is one block */
    UNIT_REST, /* of a span */
};

struct unit {
    struct unit *next; /* in a list of pages (heap.c) */
    struct unit *prev;
    uint8_t use;
    uint8_t first;  /* of a UNIT_REST: the number of the span's first unit */
    uint8_t span;   /* of the first: units */
    uint8_t steps;  /* that are charged, from the unit's beginning */
    uint8_t class_; /* the rest is heap.c's: a page's places */
    uint8_t list;
    uint16_t live;
    uint16_t fresh; /* places that were used once; of a run: its steps */
    uint16_t hole;  /* the first of the chain of free places */
};

struct lane;

struct chunk {
    struct lane *lane;
    struct chunk *next; /* in the lane's list */
    struct chunk *prev;
    uint64_t free;   /* a bit a unit */
    size_t alone;    /* > 0: one block of so many bytes behind the header */
    size_t reserved; /* bytes of addresses */
    uint8_t list;
    struct unit units[CHUNK_UNITS];
};

_Static_assert(sizeof(struct chunk) <= STEP_SIZE, "the header is one step");

struct chunks {
    struct account *account;
    struct chunk *lists[CHUNK_LISTS];
    struct lane *lane;
    size_t count;    /* those of one block included */
    size_t kept;     /* bytes that are free and charged */
    size_t kept_max; /* more go back to the system at once */
};

static inline struct chunk *chunk_of(const void *place)
{
    return (struct chunk *)((uintptr_t)place & ~(uintptr_t)(CHUNK_SIZE - 1));
}

static inline unsigned unit_number(const struct chunk *chunk, const void *place)
{
    return (unsigned)(((uintptr_t)place - (uintptr_t)chunk) >> UNIT_SHIFT);
}

static inline uint8_t *unit_at(struct chunk *chunk, unsigned number)
{
    return (uint8_t *)chunk + ((size_t)number << UNIT_SHIFT);
}

/* The first unit of a new span; NULL: the system or the limit refuses. Nothing of it is charged
 * that was not kept. */
struct unit *chunks_take(struct chunks *chunks, unsigned span, enum unit_use use);

/* Charges the first `bytes` of the span. False: refused. */
bool chunks_back(struct chunks *chunks, struct unit *first, size_t bytes);

void chunks_give(struct chunks *chunks, struct unit *first);

/* A block with chunks of its own, and one of another size with the same bytes. NULL: refused, and
 * nothing happened. */
void *chunks_take_alone(struct chunks *chunks, size_t bytes);
void *chunks_resize_alone(struct chunks *chunks, struct chunk *chunk, size_t bytes);
void chunks_give_alone(struct chunks *chunks, struct chunk *chunk);

/* What an own block of so many bytes costs. */
size_t chunk_alone_cost(size_t bytes);

/* Gives back to the system what is kept. */
void chunks_trim(struct chunks *chunks);

#endif
