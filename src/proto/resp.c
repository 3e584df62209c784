/* resp.c: requests out of bytes, replies into bytes. SPDX-License-Identifier: MIT */
#include "proto/resp.h"

#include "base/must.h"
#include "base/number.h"

#include <math.h>
#include <stdio.h>

/* ---- requests ------------------------------------------------------------------------------ */

/* While a request is incomplete its arguments are offsets, since the input may move: places that
 * count from 0. */
static const uint8_t *place_of(uintptr_t base, size_t offset)
{
    return (const uint8_t *)(base + offset); // NOLINT(performance-no-int-to-ptr)
}

static __attribute__((cold, noinline)) enum err complain(struct resp_reader *reader,
                                                         const char *text)
{
    (void)snprintf(reader->complaint, sizeof reader->complaint, "Protocol error: %s", text);
    return ERR_SYNTAX;
}

static inline bool is_line_end(const uint8_t *at)
{
    return memcmp(at, "\r\n", 2) == 0;
}

/* The number of a head, written as usual and all there: the bytes that it and its line end take. 0:
 * look closer. Nearly all have one or two digits. */
static inline size_t read_plain_number(struct bytes input, size_t at, uint64_t *ret_number)
{
    enum { DIGITS_MAX = 9 };
    const uint8_t *text = input.data + at;
    size_t room = input.size - at, digits = 0;
    uint64_t number = 0;

    if (room < 4 || (unsigned)(text[0] - '1') > 8)
        return 0;
    if (is_line_end(text + 1)) {
        *ret_number = (unsigned)(text[0] - '0');
        return 3;
    }
    if (is_line_end(text + 2) && (unsigned)(text[1] - '0') <= 9) {
        *ret_number = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
        return 4;
    }
    for (; digits + 2 < room && digits < DIGITS_MAX && (unsigned)(text[digits] - '0') <= 9;
         digits++)
        number = number * 10 + (unsigned)(text[digits] - '0');
    *ret_number = number;
    return is_line_end(text + digits) ? digits + 2 : 0;
}

/* The rare heads: not all there, long, with a sign, nonsense. */
static __attribute__((noinline)) enum err read_odd_number(struct bytes input, size_t at,
                                                          int64_t *ret_number, size_t *ret_next)
{
    struct bytes line = bytes_slice(input, at, at + 32);
    size_t end = bytes_find(line, '\r');

    if (end == line.size || at + end + 1 >= input.size)
        return line.size >= 32 ? ERR_SYNTAX : ERR_AGAIN;
    if (input.data[at + end + 1] != '\n')
        return ERR_SYNTAX;
    TRY(number_i64(bytes_slice(line, 0, end), ret_number));
    *ret_next = at + end + 2;
    return ERR_OK;
}

/* The number of a head like "*3\r\n" or "$16\r\n" that stands at `at` (behind the sign, within the
 * input); `*ret_next` is the place behind its line end. Anything but a number that fits is
 * ERR_SYNTAX. */
static inline enum err read_head(struct bytes input, size_t at, int64_t *ret_number,
                                 size_t *ret_next)
{
    uint64_t number = 0;
    size_t size = read_plain_number(input, at, &number);

    if (__builtin_expect(size == 0, 0))
        return read_odd_number(input, at, ret_number, ret_next);
    *ret_number = (int64_t)number;
    *ret_next = at + size;
    return ERR_OK;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r') || byte == 0;
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = byte_lower(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Reads what stands behind a backslash at line[*at] within double quotes. */
static uint8_t read_escape(struct bytes line, size_t *at)
{
    size_t i = *at + 1;

    if (line.data[i] == 'x' && i + 2 < line.size && hex_digit(line.data[i + 1]) >= 0 &&
        hex_digit(line.data[i + 2]) >= 0) {
        *at = i + 3;
        return (uint8_t)(hex_digit(line.data[i + 1]) * 16 + hex_digit(line.data[i + 2]));
    }
    *at = i + 1;
    switch (line.data[i]) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return line.data[i];
    }
}

/* Reads a quoted stretch that opens at line[*at] and moves behind its end. False: it does not end,
 * or something else than a space follows. */
static bool read_quoted(struct bytes line, size_t *at, uint8_t *out, size_t *size)
{
    uint8_t quote = line.data[*at];
    size_t i = *at + 1;

    while (i < line.size && line.data[i] != quote) {
        bool escapes = line.data[i] == '\\' && i + 1 < line.size;

        if (escapes && quote == '"') {
            out[(*size)++] = read_escape(line, &i);
        } else if (escapes && line.data[i + 1] == '\'') {
            out[(*size)++] = '\'';
            i += 2;
        } else {
            out[(*size)++] = line.data[i++];
        }
    }
    if (i >= line.size || (i + 1 < line.size && !is_space(line.data[i + 1])))
        return false;
    *at = i + 1;
    return true;
}

/* One word of an inline request, into `out`. A quote may open in the middle of a word; the word
 * ends where the quote closes. */
static bool read_word(struct bytes line, size_t *at, uint8_t *out, size_t *ret_size)
{
    size_t size = 0;

    while (*at < line.size && !is_space(line.data[*at])) {
        if (line.data[*at] == '"' || line.data[*at] == '\'') {
            if (!read_quoted(line, at, out, &size))
                return false;
            break;
        }
        out[size++] = line.data[(*at)++];
    }
    *ret_size = size;
    return true;
}

static enum err read_inline(struct resp_reader *reader, struct bytes input,
                            struct resp_arguments *arguments, size_t *ret_size)
{
    struct bytes window = bytes_slice(input, 0, RESP_INLINE_MAX);
    size_t end = reader->at + bytes_find(bytes_skip(window, reader->at), '\n');

    if (end >= window.size) {
        reader->at = window.size;
        return input.size >= RESP_INLINE_MAX ? complain(reader, "too big inline request")
                                             : ERR_AGAIN;
    }
    reader->at = 0;
    struct bytes line =
        bytes_slice(input, 0, end > 0 && input.data[end - 1] == '\r' ? end - 1 : end);

    if (arguments->text_capacity - arguments->text_used < line.size)
        return ERR_FULL;
    for (size_t i = 0; i < line.size;) {
        uint8_t *word = arguments->text + arguments->text_used;
        size_t size = 0;

        if (is_space(line.data[i])) {
            i++;
            continue;
        }
        if (arguments->count == arguments->capacity) {
            resp_forget(reader, arguments);
            return ERR_FULL;
        }
        if (!read_word(line, &i, word, &size))
            return complain(reader, "unbalanced quotes in request");
        arguments->items[arguments->count++] = bytes_of(word, size);
        arguments->text_used += size;
        reader->read++;
    }
    *ret_size = end + 1;
    *reader = (struct resp_reader){0};
    return ERR_OK;
}

static enum err read_count(struct resp_reader *reader, struct bytes input,
                           const struct resp_limits *limits)
{
    int64_t count = 0;
    size_t next = 0;
    enum err err = read_head(input, 1, &count, &next);

    if (err == ERR_AGAIN)
        return err;
    if (err != ERR_OK)
        return complain(reader, "invalid multibulk length");
    if (count > 0 && (uint64_t)count > limits->arguments_max)
        return complain(reader, limits->is_stranger ? "unauthenticated multibulk length"
                                                    : "invalid multibulk length");
    reader->missing = count > 0 ? (size_t)count : 0;
    reader->at = next;
    return ERR_OK;
}

static __attribute__((cold, noinline)) enum err complain_of_sign(struct resp_reader *reader,
                                                                 uint8_t byte)
{
    char text[32];

    (void)snprintf(text, sizeof text, "expected '$', got '%c'",
                   byte >= ' ' && byte < 0x7f ? byte : '?');
    return complain(reader, text);
}

/* The head of the bulk at `*at`, and moves behind it. */
static inline enum err read_bulk_head(struct resp_reader *reader, struct bytes input,
                                      const struct resp_limits *limits, size_t *at,
                                      uint64_t *ret_size)
{
    int64_t size = 0;

    if (*at >= input.size)
        return ERR_AGAIN;
    if (input.data[*at] != '$')
        return complain_of_sign(reader, input.data[*at]);
    enum err err = read_head(input, *at + 1, &size, at);

    if (err == ERR_AGAIN)
        return err;
    if (err != ERR_OK || size < 0)
        return complain(reader, "invalid bulk length");
    if ((uint64_t)size > limits->bulk_max)
        return complain(reader, limits->is_stranger ? "unauthenticated bulk length"
                                                    : "invalid bulk length");
    *ret_size = (uint64_t)size;
    return ERR_OK;
}

/* Reads the missing bulks; their places count from `base`. */
static enum err read_bulks(struct resp_reader *reader, struct bytes input, uintptr_t base,
                           const struct resp_limits *limits, struct resp_arguments *arguments)
{
    size_t at = reader->at, first = arguments->count, last = first + reader->missing, i = first;
    bool has_head = reader->bulk > 0;
    uint64_t size = reader->bulk - has_head;
    enum err err = ERR_OK;

    for (; i < last; i++) {
        if (!has_head)
            err = read_bulk_head(reader, input, limits, &at, &size);
        if (err != ERR_OK)
            break;
        has_head = true;
        if (input.size - at < size + 2)
            err = ERR_AGAIN;
        else if (!is_line_end(input.data + at + size))
            err = complain(reader, "a bulk does not end with its line end");
        else if (i == arguments->capacity)
            err = ERR_FULL;
        if (err != ERR_OK)
            break;
        arguments->items[i] = (struct bytes){place_of(base, at), (size_t)size};
        at += (size_t)size + 2;
        has_head = false;
    }
    arguments->count = i;
    reader->at = at;
    reader->missing = last - i;
    reader->read += i - first;
    reader->bulk = has_head ? size + 1 : 0;
    return err;
}

/* Adds `shift` to the places of the request that is being read. */
static void move_places(const struct resp_reader *reader, const struct resp_arguments *arguments,
                        uintptr_t shift)
{
    for (size_t i = arguments->count - reader->read; i < arguments->count; i++)
        arguments->items[i].data = place_of((uintptr_t)arguments->items[i].data, shift);
}

/* A request that is whole at once is read in place. Another one is kept as offsets from the first
 * time on, so that its arguments are touched twice however often more of it comes. */
enum err resp_read(struct resp_reader *reader, struct bytes input, const struct resp_limits *limits,
                   struct resp_arguments *arguments, size_t *ret_size)
{
    if (input.size == 0)
        return ERR_AGAIN;
    if (input.data[0] != '*')
        return read_inline(reader, input, arguments, ret_size);
    bool is_new = reader->at == 0;
    uintptr_t base = is_new ? (uintptr_t)input.data : 0;

    if (is_new)
        TRY(read_count(reader, input, limits));
    enum err err = read_bulks(reader, input, base, limits, arguments);

    if (is_new != (err == ERR_OK))
        move_places(reader, arguments, is_new ? -base : (uintptr_t)input.data);
    if (err != ERR_OK)
        return err;
    *ret_size = reader->at;
    reader->at = reader->read = 0;
    return ERR_OK;
}

void resp_forget(struct resp_reader *reader, struct resp_arguments *arguments)
{
    must(arguments->count >= reader->read);
    arguments->count -= reader->read;
    *reader = (struct resp_reader){0};
}
