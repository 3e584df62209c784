/* bytes.h: a run of bytes that belongs to somebody else.
 * SPDX-License-Identifier: MIT
 *
 * Everything that arrives from a socket, a file or a caller is passed on as a `struct bytes`. It is
 * a loan: whoever holds one may read it until the call returns, and copies it to keep it. It is
 * never NUL-terminated by promise; `data` may be NULL only when `size` is 0.
 */
#ifndef LARDER_BASE_BYTES_H
#define LARDER_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data;
    size_t size;
};

/* Only for string literals: the size is known to the compiler. */
#define BYTES(literal) ((struct bytes){(const uint8_t *)("" literal), sizeof(literal) - 1})
#define BYTES_INIT(literal)                                                                        \
    {                                                                                              \
        (const uint8_t *)("" literal), sizeof(literal) - 1                                         \
    }

/* For printf: `"%.*s", BYTES_ARG(text)`; at most INT_MAX bytes are printed. */
#define BYTES_ARG(text)                                                                            \
    (int)((text).size > 0x7fffffff ? 0x7fffffff : (text).size), (const char *)(text).data

static inline struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){data, size};
}

/* A NUL-terminated string without its end; NULL counts as empty. */
static inline struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool bytes_begin_with(struct bytes whole, struct bytes start)
{
    return whole.size >= start.size &&
           (start.size == 0 || memcmp(whole.data, start.data, start.size) == 0);
}

/* The part from `from` (inclusive) to `to` (exclusive); both are cut to the size. */
static inline struct bytes bytes_slice(struct bytes whole, size_t from, size_t to)
{
    if (to > whole.size)
        to = whole.size;
    if (from >= to)
        return (struct bytes){whole.data, 0};
    return (struct bytes){whole.data + from, to - from};
}

/* What is left behind the first `count` bytes. */
static inline struct bytes bytes_skip(struct bytes whole, size_t count)
{
    return bytes_slice(whole, count, whole.size);
}

static inline uint8_t byte_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

/* Equal when ASCII letters of either case count as the same. */
bool bytes_equal_nocase(struct bytes a, struct bytes b);

/* Lexical order of unsigned bytes, a shorter prefix first: < 0, 0, > 0. */
int bytes_compare(struct bytes a, struct bytes b);

/* Without spaces and tabs at both ends. */
struct bytes bytes_trim(struct bytes text);

/* Position of the first `byte` (or of `part`), or `whole.size` when there is none. */
size_t bytes_find(struct bytes whole, uint8_t byte);
size_t bytes_find_part(struct bytes whole, struct bytes part);

/* Cuts `*rest` at the first `separator`: returns what stands before it and leaves in `*rest` what
 * stands behind. Without a separator everything is returned and `*rest` becomes empty. */
struct bytes bytes_cut(struct bytes *rest, uint8_t separator);

/* In a time that depends on the sizes alone: for secrets. */
bool bytes_equal_secret(struct bytes a, struct bytes b);

#endif
