/* buf.c: growing, and remembering that it could not. SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/mem.h"
#include "base/must.h"

#include <stdarg.h>
#include <stdio.h>

enum { CAPACITY_MIN = 64 };

void buf_init(struct buf *buf, size_t max, struct account *account)
{
    *buf = (struct buf){.max = max, .account = account};
}

static void set_capacity(struct buf *buf, size_t capacity)
{
    if (buf->account != NULL && capacity < buf->capacity)
        account_refund(buf->account, buf->capacity - capacity);
    buf->capacity = capacity;
}

void buf_fini(struct buf *buf)
{
    mem_free(&buf->data);
    set_capacity(buf, 0);
    buf->size = 0;
}

void buf_clear(struct buf *buf)
{
    buf->size = 0;
    buf->failed = false;
}

static bool grow(struct buf *buf, size_t needed)
{
    size_t wanted = buf->capacity + buf->capacity / 2;

    if (wanted < needed)
        wanted = needed;
    if (wanted < CAPACITY_MIN)
        wanted = CAPACITY_MIN;
    if (wanted > buf->max)
        wanted = buf->max;
    must(wanted >= needed);

    size_t more = wanted - buf->capacity;

    if (buf->account != NULL && !account_charge(buf->account, more))
        return false;
    uint8_t *data = mem_resize(buf->data, wanted);

    if (data == NULL) {
        if (buf->account != NULL)
            account_refund(buf->account, more);
        return false;
    }
    buf->data = data;
    buf->capacity = wanted;
    return true;
}

uint8_t *buf_more_room(struct buf *buf, size_t more)
{
    if (buf->failed)
        return NULL;
    if (more <= buf->capacity - buf->size && buf->data != NULL)
        return buf->data + buf->size;
    if (buf->size > buf->max || more > buf->max - buf->size || !grow(buf, buf->size + more)) {
        buf->failed = true;
        return NULL;
    }
    return buf->data + buf->size;
}

void buf_grew(struct buf *buf, size_t count)
{
    must(count <= buf->capacity - buf->size);
    buf->size += count;
}

void buf_add(struct buf *buf, struct bytes bytes)
{
    if (bytes.size == 0)
        return;
    uint8_t *room = buf_room(buf, bytes.size);

    if (room == NULL)
        return;
    memcpy(room, bytes.data, bytes.size);
    buf->size += bytes.size;
}

void buf_add_byte(struct buf *buf, uint8_t byte)
{
    buf_add(buf, (struct bytes){&byte, 1});
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, bytes_of_text(text));
}

void buf_add_u64(struct buf *buf, uint64_t number)
{
    uint8_t digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_add(buf, (struct bytes){digits + at, sizeof digits - at});
}

void buf_add_i64(struct buf *buf, int64_t number)
{
    if (number < 0)
        buf_add_byte(buf, '-');
    buf_add_u64(buf, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    must(size >= 0);

    uint8_t *room = buf_room(buf, (size_t)size + 1);

    if (room == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf((char *)room, (size_t)size + 1, format, arguments);
    va_end(arguments);
    buf->size += (size_t)size;
}

/* How long a UTF-8 sequence with this first byte is; 0: none begins so. */
static size_t utf8_size_by_first(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    if (first < 0xe0)
        return 2;
    return first < 0xf0 ? 3 : 4;
}

/* Overlong forms, surrogates and numbers above U+10FFFF show in the second byte. */
static bool utf8_second_fits(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second < 0xa0;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second < 0x90;
    default:
        return true;
    }
}

/* The size of the sequence at the start of `text`, or 0 when there is no valid one (RFC 3629). */
static size_t utf8_size(struct bytes text)
{
    size_t size = utf8_size_by_first(text.data[0]);

    if (size == 0 || size > text.size)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((text.data[i] & 0xc0) != 0x80)
            return 0;
    }
    return size < 2 || utf8_second_fits(text.data[0], text.data[1]) ? size : 0;
}

static void add_json_byte(struct buf *buf, uint8_t byte)
{
    static const char letters[] = "btn.fr"; /* the short escapes of 8 to 13 */

    if (byte == '"' || byte == '\\') {
        buf_add_byte(buf, '\\');
        buf_add_byte(buf, byte);
    } else if (byte >= 8 && byte <= 13 && byte != 11) {
        buf_add_byte(buf, '\\');
        buf_add_byte(buf, (uint8_t)letters[byte - 8]);
    } else if (byte < 0x20 || byte == 0x7f) {
        buf_printf(buf, "\\u%04x", byte);
    } else {
        buf_add_byte(buf, byte);
    }
}

void buf_add_json(struct buf *buf, struct bytes text)
{
    while (text.size > 0) {
        size_t size = utf8_size(text);

        if (size == 0)
            buf_add_text(buf, "\xef\xbf\xbd");
        else if (size == 1)
            add_json_byte(buf, text.data[0]);
        else
            buf_add(buf, bytes_slice(text, 0, size));
        text = bytes_skip(text, size == 0 ? 1 : size);
    }
}

void buf_consume(struct buf *buf, size_t count)
{
    must(count <= buf->size);
    if (count == 0)
        return;
    buf->size -= count;
    if (buf->size > 0)
        memmove(buf->data, buf->data + count, buf->size);
}

enum err buf_failed(const struct buf *buf)
{
    return buf->failed ? ERR_FULL : ERR_OK;
}
