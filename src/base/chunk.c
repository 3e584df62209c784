/* chunk.c: mapping, spans of units, and charging steps. SPDX-License-Identifier: MIT */
#include "base/chunk.h"

#include "base/must.h"
#include "base/poison.h"

#include <sys/mman.h>

enum {
    TRIES_MAX = 8,       /* chunks of one list that are searched for a span */
    OVER_MIN = 4 << 20,  /* bytes */
    OVER_MAX = 64 << 20, /* bytes */
};

#define ALL_FREE (~(uint64_t)1) /* the first unit has the header */

/* ---- the system and the account -------------------------------------------------------------- */

/* Addresses at a multiple of CHUNK_SIZE; nothing of them is in memory yet. */
static void *map_chunks(size_t bytes)
{
    uint8_t *base = mmap(NULL, bytes + CHUNK_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint8_t *at = NULL;

    if (base == MAP_FAILED)
        return NULL;
    at = (uint8_t *)chunk_of(base + CHUNK_SIZE - 1);
    if (at > base)
        (void)munmap(base, (size_t)(at - base));
    if (base + CHUNK_SIZE > at)
        (void)munmap(at + bytes, (size_t)(base + CHUNK_SIZE - at));
    /* Where the system backs memory with huge pages, a place would take two mebibytes. */
    (void)madvise(at, bytes, MADV_NOHUGEPAGE);
    unpoison(at, bytes);
    return at;
}

static void unmap_chunks(struct chunk *chunk)
{
    size_t bytes = chunk->reserved;

    unpoison(chunk, bytes);
    (void)munmap(chunk, bytes);
}

/* How far the whole may be passed: who asks is within a step, and what leaves for it is free only
 * when the step is over. */
static bool is_within_reach(const struct account *whole, size_t bytes)
{
    size_t max = atomic_load_explicit(&whole->max, memory_order_relaxed);
    size_t over = max / 16;

    if (over < OVER_MIN)
        over = OVER_MIN;
    if (over > OVER_MAX)
        over = OVER_MAX;
    return max == 0 || account_used(whole) + bytes <= max + over;
}

static bool charge(struct chunks *chunks, size_t bytes)
{
    struct account *account = chunks->account;

    if (account_charge(account, bytes))
        return true;
    if (chunks->kept > 0)
        chunks_trim(chunks);
    if (account->whole != NULL && !is_within_reach(account->whole, bytes))
        return false;
    account_force(account, bytes);
    return true;
}

/* ---- lists of chunks ------------------------------------------------------------------------- */

static unsigned list_of(const struct chunk *chunk)
{
    return (unsigned)__builtin_popcountll(chunk->free) * CHUNK_LISTS / CHUNK_UNITS;
}

static void chunk_link(struct chunks *chunks, struct chunk *chunk)
{
    struct chunk **head = &chunks->lists[list_of(chunk)];

    chunk->list = (uint8_t)list_of(chunk);
    chunk->prev = NULL;
    chunk->next = *head;
    if (*head != NULL)
        (*head)->prev = chunk;
    *head = chunk;
}

static void chunk_unlink(struct chunks *chunks, struct chunk *chunk)
{
    if (chunk->prev != NULL)
        chunk->prev->next = chunk->next;
    else
        chunks->lists[chunk->list] = chunk->next;
    if (chunk->next != NULL)
        chunk->next->prev = chunk->prev;
}

static void set_free(struct chunks *chunks, struct chunk *chunk, uint64_t free)
{
    chunk->free = free;
    if (chunk->list == list_of(chunk))
        return;
    chunk_unlink(chunks, chunk);
    chunk_link(chunks, chunk);
}

static struct chunk *chunk_new(struct chunks *chunks)
{
    struct chunk *chunk = NULL;

    if (!charge(chunks, STEP_SIZE))
        return NULL;
    chunk = map_chunks(CHUNK_SIZE);
    if (chunk == NULL) {
        account_refund(chunks->account, STEP_SIZE);
        return NULL;
    }
    chunk->lane = chunks->lane;
    chunk->free = ALL_FREE;
    chunk->reserved = CHUNK_SIZE;
    chunk_link(chunks, chunk);
    chunks->count++;
    return chunk;
}

/* ---- spans ----------------------------------------------------------------------------------- */

/* The first of `span` free units in a row; 0: there are none. */
static unsigned find_row(uint64_t free, unsigned span)
{
    for (unsigned length = 1, more = 0; length < span; length += more) {
        more = length < span - length ? length : span - length;
        free &= free >> more;
    }
    return free == 0 ? 0 : (unsigned)__builtin_ctzll(free);
}

/* The fullest chunks first, so that others come to be empty. */
static struct chunk *find_chunk(const struct chunks *chunks, unsigned span, unsigned *ret_number)
{
    for (unsigned list = span * CHUNK_LISTS / CHUNK_UNITS; list < CHUNK_LISTS; list++) {
        struct chunk *chunk = chunks->lists[list];

        for (int i = 0; i < TRIES_MAX && chunk != NULL; i++, chunk = chunk->next) {
            *ret_number = find_row(chunk->free, span);
            if (*ret_number > 0)
                return chunk;
        }
    }
    return NULL;
}

static uint64_t mask_of(unsigned number, unsigned span)
{
    return (((uint64_t)1 << span) - 1) << number;
}

static size_t charged_of(const struct unit *first, unsigned span)
{
    size_t steps = 0;

    for (unsigned i = 0; i < span; i++)
        steps += first[i].steps;
    return steps << STEP_SHIFT;
}

struct unit *chunks_take(struct chunks *chunks, unsigned span, enum unit_use use)
{
    unsigned number = 0;
    struct chunk *chunk = find_chunk(chunks, span, &number);
    struct unit *first = NULL;

    must(span > 0);
    must(span <= SPAN_MAX);
    if (chunk == NULL) {
        chunk = chunk_new(chunks);
        number = 1;
    }
    if (chunk == NULL)
        return NULL;
    first = &chunk->units[number];
    set_free(chunks, chunk, chunk->free & ~mask_of(number, span));
    chunks->kept -= charged_of(first, span);
    for (unsigned i = 0; i < span; i++) {
        first[i].use = i == 0 ? (uint8_t)use : UNIT_REST;
        first[i].first = (uint8_t)number;
    }
    first->span = (uint8_t)span;
    return first;
}

bool chunks_back(struct chunks *chunks, struct unit *first, size_t bytes)
{
    size_t steps = (bytes + STEP_SIZE - 1) >> STEP_SHIFT;

    for (unsigned i = 0; steps > 0; i++) {
        size_t here = steps < STEPS_UNIT ? steps : STEPS_UNIT;

        steps -= here;
        if (first[i].steps >= here)
            continue;
        if (!charge(chunks, (here - first[i].steps) << STEP_SHIFT))
            return false;
        first[i].steps = (uint8_t)here;
    }
    return true;
}

/* Free units go back to the system. */
static void release(struct chunks *chunks, struct unit *first, unsigned span)
{
    struct chunk *chunk = chunk_of(first);
    size_t bytes = charged_of(first, span);
    uint8_t *at = unit_at(chunk, (unsigned)(first - chunk->units));

    if (bytes == 0)
        return;
    (void)madvise(at, (size_t)span << UNIT_SHIFT, MADV_DONTNEED);
    for (unsigned i = 0; i < span; i++)
        first[i].steps = 0;
    chunks->kept -= bytes;
    account_refund(chunks->account, bytes);
}

static void chunk_free(struct chunks *chunks, struct chunk *chunk)
{
    size_t bytes = charged_of(chunk->units, CHUNK_UNITS);

    chunks->kept -= bytes;
    chunk_unlink(chunks, chunk);
    unmap_chunks(chunk);
    account_refund(chunks->account, bytes + STEP_SIZE);
    chunks->count--;
}

/* Another chunk that is empty. One is kept, so that a block that comes and goes costs no mapping.
 */
static bool has_empty(const struct chunks *chunks, const struct chunk *but)
{
    const struct chunk *chunk = chunks->lists[CHUNK_LISTS - 1];

    for (; chunk != NULL; chunk = chunk->next) {
        if (chunk->free == ALL_FREE && chunk != but)
            return true;
    }
    return false;
}

void chunks_give(struct chunks *chunks, struct unit *first)
{
    struct chunk *chunk = chunk_of(first);
    unsigned span = first->span, number = (unsigned)(first - chunk->units);

    for (unsigned i = 0; i < span; i++)
        first[i].use = UNIT_FREE;
    unpoison(unit_at(chunk, number), (size_t)span << UNIT_SHIFT);
    chunks->kept += charged_of(first, span);
    set_free(chunks, chunk, chunk->free | mask_of(number, span));
    if (chunks->kept > chunks->kept_max)
        release(chunks, first, span);
    if (chunk->free == ALL_FREE && (chunks->kept_max == 0 || has_empty(chunks, chunk)))
        chunk_free(chunks, chunk);
}

void chunks_trim(struct chunks *chunks)
{
    for (unsigned list = 0; list < CHUNK_LISTS; list++) {
        for (struct chunk *chunk = chunks->lists[list], *next; chunk != NULL; chunk = next) {
            next = chunk->next;
            if (chunk->free == ALL_FREE) {
                chunk_free(chunks, chunk);
                continue;
            }
            for (unsigned i = 1; i < CHUNK_UNITS; i++) {
                if (chunk->units[i].use == UNIT_FREE)
                    release(chunks, &chunk->units[i], 1);
            }
        }
    }
    must(chunks->kept == 0);
}

/* ---- blocks with chunks of their own --------------------------------------------------------- */

size_t chunk_alone_cost(size_t bytes)
{
    return ((bytes + STEP_SIZE - 1) & ~(STEP_SIZE - 1)) + STEP_SIZE;
}

static size_t reserved_for(size_t bytes)
{
    return (chunk_alone_cost(bytes) + CHUNK_SIZE - 1) & ~(CHUNK_SIZE - 1);
}

void *chunks_take_alone(struct chunks *chunks, size_t bytes)
{
    size_t cost = chunk_alone_cost(bytes);
    struct chunk *chunk = NULL;

    if (bytes > SIZE_MAX / 4 || !charge(chunks, cost))
        return NULL;
    chunk = map_chunks(reserved_for(bytes));
    if (chunk == NULL) {
        account_refund(chunks->account, cost);
        return NULL;
    }
    chunk->lane = chunks->lane;
    chunk->alone = bytes;
    chunk->reserved = reserved_for(bytes);
    chunks->count++;
    return (uint8_t *)chunk + STEP_SIZE;
}

/* Elsewhere, without copying: the system moves the pages. */
static struct chunk *move_alone(struct chunk *chunk, size_t reserved)
{
    void *to = map_chunks(reserved), *moved = NULL;

    if (to == NULL)
        return NULL;
    unpoison(chunk, chunk->reserved);
    moved = mremap(chunk, chunk->reserved, reserved, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    if (moved == MAP_FAILED) {
        (void)munmap(to, reserved);
        return NULL;
    }
    chunk = moved;
    chunk->reserved = reserved;
    return chunk;
}

void *chunks_resize_alone(struct chunks *chunks, struct chunk *chunk, size_t bytes)
{
    size_t before = chunk_alone_cost(chunk->alone), cost = chunk_alone_cost(bytes);
    size_t reserved = reserved_for(bytes);

    if (bytes > SIZE_MAX / 4 || (cost > before && !charge(chunks, cost - before)))
        return NULL;
    if (cost < before)
        (void)madvise((uint8_t *)chunk + cost, before - cost, MADV_DONTNEED);
    if (reserved > chunk->reserved) {
        struct chunk *moved = move_alone(chunk, reserved);

        if (moved == NULL) {
            account_refund(chunks->account, cost - before);
            return NULL;
        }
        chunk = moved;
    }
    if (cost < before)
        account_refund(chunks->account, before - cost);
    chunk->alone = bytes;
    return (uint8_t *)chunk + STEP_SIZE;
}

void chunks_give_alone(struct chunks *chunks, struct chunk *chunk)
{
    size_t cost = chunk_alone_cost(chunk->alone);

    unmap_chunks(chunk);
    account_refund(chunks->account, cost);
    chunks->count--;
}
