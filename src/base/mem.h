/* mem.h: the only door to the heap.
 * SPDX-License-Identifier: MIT
 *
 * Control memory (tables, pools, configuration) is taken with mem_new and cannot fail: the process
 * stops instead, so that no caller carries a branch that is never run. Data memory (whatever grows
 * with traffic) is taken with mem_try and mem_resize after it was charged to an account with a
 * ceiling (account.h), and there a refusal is an ordinary error. Nothing outside mem.c calls
 * malloc; the engine's own pages (cache/region.c) and those of values that change in place
 * (base/heap.h) come from mmap.
 *
 * Debug builds fill new data memory with 0xa5 and can fail the n-th data allocation.
 */
#ifndef LARDER_BASE_MEM_H
#define LARDER_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `count` zeroed objects of `size` bytes. Never NULL. */
void *mem_new(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* `size` zeroed bytes at a multiple of `alignment`, a power of two. Never NULL. */
void *mem_new_aligned(size_t alignment, size_t size) __attribute__((malloc, returns_nonnull));

/* A copy of `size` bytes, or of a string. Never NULL; an empty copy has one NUL byte. A copy of
 * bytes is followed by a NUL that does not count. */
void *mem_copy(const void *data, size_t size) __attribute__((malloc, returns_nonnull));
char *mem_copy_text(const char *text) __attribute__((malloc, returns_nonnull));

/* `size` bytes of data memory with unknown content, or NULL when there is none to be had. */
void *mem_try(size_t size) __attribute__((malloc));

/* The same bytes in a block of `size`; the old block is gone on success. NULL: nothing happened. */
void *mem_resize(void *memory, size_t size);

/* What a block from mem_try costs the process, the heap's own share included. 0 for NULL. */
size_t mem_cost(const void *memory);

/* Gives back what `*owner` owns and forgets it. `*owner` may be NULL; handing over the pointer
 * itself in place of its address does not compile. */
#define mem_free(owner) (mem_return(*(owner)), *(owner) = NULL, (void)0)

void mem_return(void *memory);

/* For the whole process, once: large blocks come from the system and go back to it one by one, and
 * a freed end of the heap goes back at once. */
void mem_tune(void);

/* Gives whatever is free in the C library's heap back to the system. Others who take or free
 * memory may wait for as long as that takes. */
void mem_trim(void);

/* Tests only, debug builds only: the `nth` call of mem_try, mem_resize, heap_take or heap_resize
 * from now (1 = the next) finds no memory; 0 switches that off. */
void mem_fail_at(uint64_t nth);

/* For those who give out memory: whether this call is the one that fails, and the filling of new
 * memory in debug builds. */
bool mem_fails(void);
void mem_spoil(void *memory, size_t size);

#endif
