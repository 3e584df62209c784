/* range.c: reading and writing byte ranges. SPDX-License-Identifier: MIT */
#include "proto/range.h"

#include "base/number.h"
#include "proto/http.h"

#include <stdio.h>

/* Takes "unit" and what stands behind it off the front. */
static enum err cut_unit(struct bytes *text, uint8_t separator)
{
    struct bytes rest = *text;
    struct bytes unit = bytes_cut(&rest, separator);

    if (unit.size == text->size || !http_is_token(unit))
        return ERR_SYNTAX;
    if (!bytes_equal_nocase(unit, BYTES("bytes")))
        return ERR_UNSUPPORTED;
    *text = rest;
    return ERR_OK;
}

/* A number of any length; what does not fit is the largest that does. */
static enum err read_position(struct bytes digits, uint64_t *ret_position)
{
    enum err err = number_u64(digits, ret_position);

    if (err == ERR_RANGE) {
        *ret_position = UINT64_MAX;
        return ERR_OK;
    }
    return err;
}

/* "0-99", "100-" or "-50" of `size` bytes. ERR_RANGE: nothing of it is there. */
static enum err read_range(struct bytes text, uint64_t size, struct range *ret_range)
{
    struct bytes last = text;
    struct bytes first = bytes_cut(&last, '-');
    uint64_t from = 0, to = UINT64_MAX;

    if (first.size == text.size)
        return ERR_SYNTAX;
    if (first.size == 0) {
        TRY(read_position(last, &to));
        if (to == 0 || size == 0)
            return ERR_RANGE;
        *ret_range = (struct range){to < size ? size - to : 0, size - 1};
        return ERR_OK;
    }
    TRY(read_position(first, &from));
    if (last.size > 0)
        TRY(read_position(last, &to));
    if (from > to)
        return ERR_SYNTAX;
    if (from >= size)
        return ERR_RANGE;
    *ret_range = (struct range){from, to < size ? to : size - 1};
    return ERR_OK;
}

enum err ranges_parse(struct bytes value, uint64_t size, struct ranges *ret_ranges)
{
    struct bytes text;
    size_t asked = 0;

    ret_ranges->count = 0;
    TRY(cut_unit(&value, '='));
    while (http_list_next(&value, &text)) {
        struct range range;
        enum err err = read_range(text, size, &range);

        if (err != ERR_OK && err != ERR_RANGE)
            return err;
        if (asked++ == RANGE_MAX)
            return ERR_TOO_BIG;
        if (err == ERR_RANGE)
            continue;
        if (ret_ranges->count > 0 && range.first <= ret_ranges->items[ret_ranges->count - 1].last)
            return ERR_UNSUPPORTED;
        ret_ranges->items[ret_ranges->count++] = range;
    }
    if (asked == 0)
        return ERR_SYNTAX;
    return ret_ranges->count == 0 ? ERR_RANGE : ERR_OK;
}

size_t range_write(struct range range, uint64_t size, uint8_t ret_text[RANGE_TEXT_SIZE])
{
    int written = snprintf((char *)ret_text, RANGE_TEXT_SIZE, "bytes %llu-%llu/%llu",
                           (unsigned long long)range.first, (unsigned long long)range.last,
                           (unsigned long long)size);

    return written < 0 ? 0 : (size_t)written;
}

size_t range_write_unsatisfied(uint64_t size, uint8_t ret_text[RANGE_TEXT_SIZE])
{
    int written =
        snprintf((char *)ret_text, RANGE_TEXT_SIZE, "bytes */%llu", (unsigned long long)size);

    return written < 0 ? 0 : (size_t)written;
}

enum err content_range_parse(struct bytes value, struct content_range *ret_range)
{
    struct content_range found = {0};

    TRY(cut_unit(&value, ' '));
    struct bytes size = value;
    struct bytes range = bytes_cut(&size, '/');

    found.satisfied = !bytes_equal(range, BYTES("*"));
    found.has_size = !bytes_equal(size, BYTES("*"));
    if (!found.satisfied && !found.has_size)
        return ERR_SYNTAX;
    if (found.has_size && number_u64(size, &found.size) != ERR_OK)
        return ERR_SYNTAX;
    if (found.satisfied) {
        struct bytes last = range;
        struct bytes first = bytes_cut(&last, '-');

        if (number_u64(first, &found.range.first) != ERR_OK ||
            number_u64(last, &found.range.last) != ERR_OK || found.range.first > found.range.last ||
            (found.has_size && found.range.last >= found.size))
            return ERR_SYNTAX;
    }
    *ret_range = found;
    return ERR_OK;
}
