/* mem.c: the one place that calls malloc. SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include "base/must.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#ifdef LARDER_DEBUG
/* The only mutable global below cli/: a test's switch, absent from release builds. */
static _Atomic uint64_t fail_at;

bool mem_fails(void)
{
    uint64_t left = fail_at;

    if (left == 0)
        return false;
    fail_at = left - 1;
    return left == 1;
}

void mem_spoil(void *memory, size_t size)
{
    memset(memory, 0xa5, size);
}

void mem_fail_at(uint64_t nth)
{
    fail_at = nth;
}
#else
bool mem_fails(void)
{
    return false;
}

void mem_spoil(void *memory, size_t size)
{
    (void)memory;
    (void)size;
}

void mem_fail_at(uint64_t nth)
{
    must(nth == 0);
}
#endif

void *mem_new(size_t count, size_t size)
{
    must(count > 0 && size > 0);
    void *memory = calloc(count, size);

    if (memory == NULL)
        never("the machine has no memory left");
    return memory;
}

void *mem_new_aligned(size_t alignment, size_t size)
{
    must(size > 0);
    size_t whole = (size + alignment - 1) / alignment * alignment;
    void *memory = aligned_alloc(alignment, whole);

    if (memory == NULL)
        never("the machine has no memory left");
    memset(memory, 0, whole);
    return memory;
}

void *mem_copy(const void *data, size_t size)
{
    char *copy = malloc(size + 1);

    if (copy == NULL)
        never("the machine has no memory left");
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

char *mem_copy_text(const char *text)
{
    return mem_copy(text, strlen(text));
}

void *mem_try(size_t size)
{
    if (mem_fails())
        return NULL;
    void *memory = malloc(size == 0 ? 1 : size);

    if (memory != NULL)
        mem_spoil(memory, size);
    return memory;
}

void *mem_resize(void *memory, size_t size)
{
    if (mem_fails())
        return NULL;
    return realloc(memory, size == 0 ? 1 : size);
}

size_t mem_cost(const void *memory)
{
    /* glibc keeps one word in front of each block. The cast drops a const that
     * malloc_usable_size never uses. */
    return memory == NULL ? 0 : malloc_usable_size((void *)(uintptr_t)memory) + sizeof(size_t);
}

void mem_tune(void)
{
    enum { LARGE = 256 << 10 /* bytes */ };

    /* Set by hand, it does not rise to the size of what was freed last: holes stay small. */
    (void)mallopt(M_MMAP_THRESHOLD, LARGE);
    (void)mallopt(M_TRIM_THRESHOLD, LARGE);
}

void mem_trim(void)
{
    (void)malloc_trim(0);
}

void mem_return(void *memory)
{
    free(memory);
}
