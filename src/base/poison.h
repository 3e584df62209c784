/* poison.h: tells the address sanitizer which bytes of our own memory nobody may touch.
 * SPDX-License-Identifier: MIT
 *
 * In builds without it both do nothing.
 */
#ifndef LARDER_BASE_POISON_H
#define LARDER_BASE_POISON_H

#include "base/sanitizer.h"

#include <stddef.h>

#if SANITIZER_ADDRESS
#include <sanitizer/asan_interface.h>

static inline void poison(const void *memory, size_t size)
{
    __asan_poison_memory_region(memory, size);
}

static inline void unpoison(const void *memory, size_t size)
{
    __asan_unpoison_memory_region(memory, size);
}
#else
static inline void poison(const void *memory, size_t size)
{
    (void)memory;
    (void)size;
}

static inline void unpoison(const void *memory, size_t size)
{
    (void)memory;
    (void)size;
}
#endif

#endif
