/* heap.h: memory for values that change in place, of which every page is in an account.
 * SPDX-License-Identifier: MIT
 *
 * The C library's heap keeps what is freed between blocks that live, and tells nobody: a process
 * whose values come to 64 MB can take 110. Here a block is a place in a page of places of one size,
 * a page goes back to the system when its last block does, and the account is charged with pages,
 * holes included. So the limit on memory holds whatever comes and goes, and the difference between
 * heap_backed and heap_taken is how much of it are holes.
 *
 *     block    up to 16 KiB    a place in a page: 8 sizes a doubling, so an eighth is lost at most
 *              up to 512 KiB   a span of its own, in steps of 4 KiB
 *              above           chunks of its own (chunk.h); grows without being copied
 *
 * No block has a head: its address leads to its chunk, which knows the size and the heap. The
 * fullest page of a size gives the next place, so that others come to be empty.
 *
 * Memory: the account's, in steps of 4 KiB. A block that the limit has no room for is had all the
 *   same up to a sixteenth (4 to 64 MiB) beyond the limit, for who asks may be within a step, and
 *   what is evicted for it comes free only afterwards; then NULL is the answer.
 * Threads: any thread takes and returns any block. Each lane of the heap has a lock; a thread takes
 *   from the lane of the processor that it runs on.
 * Limits: blocks are at multiples of 8 bytes.
 */
#ifndef LARDER_BASE_HEAP_H
#define LARDER_BASE_HEAP_H

#include "base/account.h"

struct heap;

/* `whole`: what its account is a part of; NULL: of nothing. With more lanes threads wait less for
 * each other, and there are more pages with holes. */
struct heap *heap_new(struct account *whole, unsigned lanes);

/* Nothing more is taken. The heap goes with its last block, which may be now, and the account with
 * it. */
void heap_close(struct heap **owner);

/* `size` bytes with unknown content; NULL: there is no memory. */
void *heap_take(struct heap *heap, size_t size) __attribute__((malloc));

/* The same bytes in a block of `size`; the old block is gone on success. NULL: nothing happened. */
void *heap_resize(void *block, size_t size);

/* Gives back what `*owner` owns and forgets it; `*owner` may be NULL. */
#define heap_give(owner) (heap_return(*(owner)), *(owner) = NULL, (void)0)

void heap_return(void *block);

/* What the block takes, rounding included. 0 for NULL. */
size_t heap_cost(const void *block);

/* The largest size that costs no more than this one. */
size_t heap_fit(size_t size);

/* Where the block is from. */
struct heap *heap_of(const void *block);

/* Bytes that are charged, and those of them that are in blocks. */
size_t heap_backed(const struct heap *heap);
size_t heap_taken(const struct heap *heap);

/* Gives back to the system what is kept for the next that asks. */
void heap_trim(struct heap *heap);

#endif
