/* buf.h: bytes that grow, up to a limit.
 * SPDX-License-Identifier: MIT
 *
 * Appending never fails in the middle of a sentence: a buffer that met its limit, its account's
 * ceiling or the machine's end remembers that (`buf_failed`), ignores what follows, and is asked
 * once at the end. So writers of text need no check a line.
 *
 * Memory: grows by half its size; buf_fini gives everything back. Not thread-safe.
 */
#ifndef LARDER_BASE_BUF_H
#define LARDER_BASE_BUF_H

#include "base/account.h"
#include "base/bytes.h"
#include "base/err.h"

struct buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t max;              /* bytes that it may hold at the most */
    struct account *account; /* charged with the capacity; may be NULL */
    bool failed;
};

void buf_init(struct buf *buf, size_t max, struct account *account);
void buf_fini(struct buf *buf);

/* Empties it and forgives a failure. The memory stays. */
void buf_clear(struct buf *buf);

/* Makes room for `more` bytes behind the last one: the place to write to, or NULL (failed). What
 * was written there counts after buf_grew. */
uint8_t *buf_more_room(struct buf *buf, size_t more);

static inline uint8_t *buf_room(struct buf *buf, size_t more)
{
    if (__builtin_expect(!buf->failed && more < buf->capacity - buf->size, 1))
        return buf->data + buf->size;
    return buf_more_room(buf, more);
}

void buf_grew(struct buf *buf, size_t count);

void buf_add(struct buf *buf, struct bytes bytes);
void buf_add_byte(struct buf *buf, uint8_t byte);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_u64(struct buf *buf, uint64_t number);
void buf_add_i64(struct buf *buf, int64_t number);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `text` with JSON's escapes, without the quotes around it. Bytes that are no valid UTF-8 are
 * written as U+FFFD, so that the result is always valid JSON (RFC 8259). */
void buf_add_json(struct buf *buf, struct bytes text);

/* Drops the first `count` bytes and moves the rest to the front. */
void buf_consume(struct buf *buf, size_t count);

static inline struct bytes buf_bytes(const struct buf *buf)
{
    return (struct bytes){buf->data, buf->size};
}

/* ERR_FULL: something did not fit. */
enum err buf_failed(const struct buf *buf);

#endif
