/* deque.h: a long sequence that is cheap at both ends, in packed blocks.
 * SPDX-License-Identifier: MIT
 *
 *     first -> [ packed ] <-> [ packed ] <-> [ packed ] <- last       about 8 KiB a block
 *
 * Pushing and popping touch one block; a place in the middle is found by passing whole blocks.
 *
 * Memory: the heap's; deque_cost says how much. Threads: the owner's.
 */
#ifndef LARDER_DS_DEQUE_H
#define LARDER_DS_DEQUE_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/heap.h"

struct deque;
struct deque_block;

/* An element. Any change of the deque but those below that take a cursor spoils it. */
struct deque_cursor {
    struct deque_block *block; /* NULL: beyond the end */
    size_t place;
};

/* NULL: no memory. */
struct deque *deque_new(struct heap *heap);
void deque_free(struct deque **owner);

size_t deque_count(const struct deque *deque);
size_t deque_cost(const struct deque *deque);

/* ERR_FULL: no memory; nothing happened. */
enum err deque_push(struct deque *deque, bool front, struct bytes value);

/* Takes out `count` elements from number `from` on; both are within. */
void deque_remove(struct deque *deque, size_t from, size_t count);

/* The element of this number; beyond the end there is none (block NULL). */
struct deque_cursor deque_at(const struct deque *deque, size_t index);
struct bytes deque_get(struct deque_cursor cursor);
void deque_next(struct deque_cursor *cursor);
void deque_prev(struct deque_cursor *cursor);

/* Puts `value` before the element, which the cursor must not be used for any more. */
enum err deque_insert(struct deque *deque, struct deque_cursor cursor, bool after,
                      struct bytes value);
enum err deque_replace(struct deque *deque, struct deque_cursor cursor, struct bytes value);

/* Takes the element out; the cursor stands on the one behind it, or, `back`, before it. */
void deque_take(struct deque *deque, struct deque_cursor *cursor, bool back);

#endif
