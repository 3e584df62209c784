/* deque.c: blocks of packed elements. SPDX-License-Identifier: MIT */
#include "ds/deque.h"

#include "base/must.h"
#include "ds/packed.h"

enum { BLOCK_SIZE_MAX = 8 << 10 /* bytes; a larger element has a block of its own */ };

struct deque_block {
    struct deque_block *next;
    struct deque_block *prev;
    struct packed *packed;
};

struct deque {
    struct deque_block *first;
    struct deque_block *last;
    size_t count;
    size_t cost;
};

struct deque *deque_new(struct heap *heap)
{
    struct deque *deque = heap_take(heap, sizeof *deque);

    if (deque == NULL)
        return NULL;
    *deque = (struct deque){0};
    deque->cost = heap_cost(deque);
    return deque;
}

size_t deque_count(const struct deque *deque)
{
    return deque->count;
}

size_t deque_cost(const struct deque *deque)
{
    return deque->cost;
}

static size_t block_cost(const struct deque_block *block)
{
    return heap_cost(block) + packed_cost(block->packed);
}

static void block_free(struct deque *deque, struct deque_block *block)
{
    deque->cost -= block_cost(block);
    if (block->prev != NULL)
        block->prev->next = block->next;
    else
        deque->first = block->next;
    if (block->next != NULL)
        block->next->prev = block->prev;
    else
        deque->last = block->prev;
    packed_free(&block->packed);
    heap_give(&block);
}

void deque_free(struct deque **owner)
{
    if (*owner == NULL)
        return;
    while ((*owner)->first != NULL)
        block_free(*owner, (*owner)->first);
    heap_give(owner);
}

/* A new block that stands behind `prev` (NULL: in front of all) and holds nothing yet. */
static struct deque_block *block_new(struct deque *deque, struct deque_block *prev, size_t size)
{
    struct deque_block *block = heap_take(heap_of(deque), sizeof *block);
    struct packed *packed = packed_new(heap_of(deque), size);

    if (block == NULL || packed == NULL) {
        heap_give(&block);
        packed_free(&packed);
        return NULL;
    }
    *block = (struct deque_block){.prev = prev, .packed = packed};
    block->next = prev == NULL ? deque->first : prev->next;
    if (block->next != NULL)
        block->next->prev = block;
    else
        deque->last = block;
    if (prev != NULL)
        prev->next = block;
    else
        deque->first = block;
    deque->cost += block_cost(block);
    return block;
}

static bool has_room(const struct deque_block *block, size_t size)
{
    return block != NULL &&
           packed_size(block->packed) + packed_element_size(size) <= BLOCK_SIZE_MAX;
}

static enum err block_insert(struct deque *deque, struct deque_block *block, size_t place,
                             struct bytes value)
{
    size_t before = packed_cost(block->packed);
    enum err err = packed_insert(&block->packed, place, value);

    deque->cost += packed_cost(block->packed) - before;
    deque->count += err == ERR_OK;
    return err;
}

static void block_remove(struct deque *deque, struct deque_block *block, size_t place, size_t count)
{
    size_t before = packed_cost(block->packed);

    packed_remove(&block->packed, place, count);
    deque->cost += packed_cost(block->packed) - before;
    deque->count -= count;
    if (packed_count(block->packed) == 0)
        block_free(deque, block);
}

/* A block of its own for `value`, behind `prev`. */
static enum err insert_alone(struct deque *deque, struct deque_block *prev, struct bytes value)
{
    struct deque_block *block = block_new(deque, prev, packed_element_size(value.size));

    if (block == NULL)
        return ERR_FULL;
    enum err err = block_insert(deque, block, 0, value);

    if (err != ERR_OK)
        block_free(deque, block);
    return err;
}

enum err deque_push(struct deque *deque, bool front, struct bytes value)
{
    struct deque_block *block = front ? deque->first : deque->last;

    if (!has_room(block, value.size))
        return insert_alone(deque, front ? NULL : deque->last, value);
    return block_insert(deque, block, front ? 0 : packed_size(block->packed), value);
}

struct deque_cursor deque_at(const struct deque *deque, size_t index)
{
    struct deque_block *block = deque->first;

    if (index >= deque->count)
        return (struct deque_cursor){0};
    if (index <= deque->count / 2) {
        for (; index >= packed_count(block->packed); block = block->next)
            index -= packed_count(block->packed);
    } else {
        size_t behind = deque->count - index; /* elements from this one on */

        for (block = deque->last; behind > packed_count(block->packed); block = block->prev)
            behind -= packed_count(block->packed);
        index = packed_count(block->packed) - behind;
    }
    return (struct deque_cursor){block, packed_at(block->packed, index)};
}

struct bytes deque_get(struct deque_cursor cursor)
{
    return packed_get(cursor.block->packed, cursor.place);
}

void deque_next(struct deque_cursor *cursor)
{
    cursor->place = packed_next(cursor->block->packed, cursor->place);
    if (cursor->place < packed_size(cursor->block->packed))
        return;
    cursor->block = cursor->block->next;
    cursor->place = 0;
}

void deque_prev(struct deque_cursor *cursor)
{
    if (cursor->place == 0) {
        cursor->block = cursor->block->prev;
        if (cursor->block == NULL)
            return;
        cursor->place = packed_size(cursor->block->packed);
    }
    cursor->place = packed_prev(cursor->block->packed, cursor->place);
}

void deque_remove(struct deque *deque, size_t from, size_t count)
{
    struct deque_cursor cursor = deque_at(deque, from);

    must(count <= deque->count - (from < deque->count ? from : deque->count));
    while (count > 0) {
        struct deque_block *block = cursor.block, *next = block->next;
        size_t here = 0;

        for (size_t place = cursor.place; place < packed_size(block->packed) && here < count;
             place = packed_next(block->packed, place))
            here++;
        block_remove(deque, block, cursor.place, here);
        count -= here;
        cursor = (struct deque_cursor){next, 0};
    }
}

/* Moves what stands in `block` from `place` on into a new block behind it. */
static enum err split(struct deque *deque, struct deque_block *block, size_t place)
{
    size_t size = packed_size(block->packed), count = 0;
    struct deque_block *behind = block_new(deque, block, size - place);

    if (behind == NULL)
        return ERR_FULL;
    for (size_t at = place; at < size; at = packed_next(block->packed, at)) {
        /* There is room for all of it: this cannot fail. */
        must(packed_insert(&behind->packed, packed_size(behind->packed),
                           packed_get(block->packed, at)) == ERR_OK);
        count++;
    }
    size_t before = packed_cost(block->packed);

    packed_remove(&block->packed, place, count);
    deque->cost += packed_cost(block->packed) - before;
    return ERR_OK;
}

enum err deque_insert(struct deque *deque, struct deque_cursor cursor, bool after,
                      struct bytes value)
{
    struct deque_block *block = cursor.block;
    size_t place = after ? packed_next(block->packed, cursor.place) : cursor.place;

    if (has_room(block, value.size))
        return block_insert(deque, block, place, value);
    if (place > 0 && place < packed_size(block->packed))
        TRY(split(deque, block, place));
    else if (place == 0)
        block = block->prev;
    if (has_room(block, value.size))
        return block_insert(deque, block, packed_size(block->packed), value);
    return insert_alone(deque, block, value);
}

enum err deque_replace(struct deque *deque, struct deque_cursor cursor, struct bytes value)
{
    struct deque_block *block = cursor.block;
    size_t old = packed_next(block->packed, cursor.place) - cursor.place;

    /* An element that outgrows the block's size is put in anew, so that blocks stay small. */
    if (packed_count(block->packed) > 1 &&
        packed_size(block->packed) - old + packed_element_size(value.size) > BLOCK_SIZE_MAX) {
        TRY(deque_insert(deque, cursor, true, value));
        block_remove(deque, block, cursor.place, 1);
        return ERR_OK;
    }
    size_t before = packed_cost(block->packed);
    enum err err = packed_replace(&block->packed, cursor.place, value);

    deque->cost += packed_cost(block->packed) - before;
    return err;
}

void deque_take(struct deque *deque, struct deque_cursor *cursor, bool back)
{
    struct deque_cursor taken = *cursor;
    bool same_block = packed_count(taken.block->packed) > 1;

    if (back)
        deque_prev(cursor);
    else if (packed_next(taken.block->packed, taken.place) >= packed_size(taken.block->packed))
        *cursor = (struct deque_cursor){taken.block->next, 0};
    else
        must(same_block);
    block_remove(deque, taken.block, taken.place, 1);
}
