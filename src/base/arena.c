/* arena.c: blocks in a chain, filled from the front. SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include "base/mem.h"

enum { BLOCK_SIZE = 4096, ALIGN = 16 };

struct arena_block {
    struct arena_block *next;
    size_t size; /* of `data` */
    _Alignas(ALIGN) uint8_t data[];
};

void arena_init(struct arena *arena, size_t max)
{
    *arena = (struct arena){.max = max};
}

static void free_behind(struct arena *arena, struct arena_block *kept)
{
    struct arena_block *block = arena->blocks;

    while (block != kept) {
        struct arena_block *next = block->next;

        arena->total -= block->size;
        mem_free(&block);
        block = next;
    }
    arena->blocks = kept;
}

void arena_fini(struct arena *arena)
{
    free_behind(arena, NULL);
}

void arena_clear(struct arena *arena)
{
    struct arena_block *last = arena->blocks;

    /* The oldest block is of the usual size, unless the very first wish was larger. */
    while (last != NULL && last->next != NULL)
        last = last->next;
    free_behind(arena, last);
    arena->used = 0;
}

static struct arena_block *new_block(struct arena *arena, size_t size)
{
    size_t wanted = size > BLOCK_SIZE ? size : BLOCK_SIZE;

    if (arena->total > arena->max || size > arena->max - arena->total)
        return NULL;
    if (wanted > arena->max - arena->total)
        wanted = size;
    struct arena_block *block = mem_try(sizeof *block + wanted);

    if (block == NULL)
        return NULL;
    *block = (struct arena_block){.next = arena->blocks, .size = wanted};
    arena->blocks = block;
    arena->used = 0;
    arena->total += wanted;
    return block;
}

void *arena_take(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;

    if (size > SIZE_MAX - ALIGN)
        return NULL;
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (block == NULL || size > block->size - arena->used) {
        block = new_block(arena, size);
        if (block == NULL)
            return NULL;
    }
    void *taken = block->data + arena->used;

    arena->used += size;
    return taken;
}

struct bytes arena_copy(struct arena *arena, struct bytes bytes)
{
    uint8_t *copy = bytes.size == SIZE_MAX ? NULL : arena_take(arena, bytes.size + 1);

    if (copy == NULL)
        return (struct bytes){0};
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = '\0';
    return (struct bytes){copy, bytes.size};
}
