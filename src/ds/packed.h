/* packed.h: a short sequence of byte strings in one block of memory.
 * SPDX-License-Identifier: MIT
 *
 * A hash of five short fields as a table of nodes costs ten times what its bytes do. Packed, an
 * element costs its bytes and two more, and walking it is one run through the processor's cache;
 * changes move what stands behind them, so a sequence is for tens or hundreds of elements.
 *
 *     +-----------+------+-----------+-----------+------+-----------+
 *     | size      | data | back size | size      | data | back size | ...
 *     +-----------+------+-----------+-----------+------+-----------+
 *     7 bits a byte, low first;        back size: bytes of size and data together, written so
 *     0x80: another follows            that it can be read from its end
 *
 * An element is named by its place: the distance of its first byte from the beginning. Places
 * behind a change move.
 *
 * Memory: the heap's; grows by an eighth of its size, a large one by half. Threads: its owner's.
 * Limits: PACKED_SIZE_MAX bytes.
 */
#ifndef LARDER_DS_PACKED_H
#define LARDER_DS_PACKED_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/heap.h"

#define PACKED_SIZE_MAX ((size_t)0xfff00000) /* bytes of all elements with their heads */

struct packed;

/* NULL: no memory. */
struct packed *packed_new(struct heap *heap, size_t capacity);
void packed_free(struct packed **owner);

size_t packed_count(const struct packed *packed);
size_t packed_size(const struct packed *packed); /* also the place behind the last element */
size_t packed_cost(const struct packed *packed); /* bytes of memory */

/* Bytes that an element of `size` takes. */
size_t packed_element_size(size_t size);

/* Puts `value` before the element at `place` (packed_size: behind the last). `value` must not lie
 * within the sequence. ERR_FULL: no memory; nothing happened. */
enum err packed_insert(struct packed **owner, size_t place, struct bytes value);
enum err packed_replace(struct packed **owner, size_t place, struct bytes value);

/* Takes out `count` elements from `place` on. */
void packed_remove(struct packed **owner, size_t place, size_t count);

struct bytes packed_get(const struct packed *packed, size_t place);
size_t packed_next(const struct packed *packed, size_t place);
size_t packed_prev(const struct packed *packed, size_t place); /* of 0: never asked */

/* The place of the element of this number (< packed_count), from the nearer end. */
size_t packed_at(const struct packed *packed, size_t index);

/* The place of the first element equal to `value` among every `step`-th one (1: all; 2: the first,
 * third... as in pairs of name and value); packed_size: there is none. */
size_t packed_find(const struct packed *packed, struct bytes value, size_t step);

#endif
