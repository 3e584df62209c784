/* number.c: strict readers of numbers. SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* Takes the digits at the front of `*rest`. */
static enum err cut_digits(struct bytes *rest, uint64_t *ret_number)
{
    uint64_t number = 0;
    bool overflow = false;
    size_t count = 0;

    while (count < rest->size && is_digit(rest->data[count])) {
        overflow |= __builtin_mul_overflow(number, (uint64_t)10, &number);
        overflow |= __builtin_add_overflow(number, (uint64_t)(rest->data[count] - '0'), &number);
        count++;
    }
    if (count == 0)
        return ERR_SYNTAX;
    if (overflow)
        return ERR_RANGE;
    *rest = bytes_skip(*rest, count);
    *ret_number = number;
    return ERR_OK;
}

enum err number_u64(struct bytes text, uint64_t *ret_number)
{
    uint64_t number = 0;

    for (size_t i = 0; i < text.size; i++) {
        if (!is_digit(text.data[i]))
            return ERR_SYNTAX;
    }
    TRY(cut_digits(&text, &number));
    *ret_number = number;
    return ERR_OK;
}

enum err number_i64(struct bytes text, int64_t *ret_number)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    struct bytes digits = bytes_skip(text, negative);
    uint64_t number = 0;

    if (digits.size > 0 && digits.data[0] == '0' && (digits.size > 1 || negative))
        return ERR_SYNTAX;
    TRY(number_u64(digits, &number));
    if (number > (uint64_t)INT64_MAX + negative)
        return ERR_RANGE;
    *ret_number = negative ? (int64_t)-number : (int64_t)number;
    return ERR_OK;
}

static int hex_value(uint8_t byte)
{
    byte = byte_lower(byte);
    if (is_digit(byte))
        return byte - '0';
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

enum err number_hex(struct bytes text, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (text.size == 0)
        return ERR_SYNTAX;
    for (size_t i = 0; i < text.size; i++) {
        int digit = hex_value(text.data[i]);

        if (digit < 0)
            return ERR_SYNTAX;
        number = number << 4 | (uint64_t)digit;
    }
    if (text.size > 16)
        return ERR_RANGE;
    *ret_number = number;
    return ERR_OK;
}

enum err number_double(struct bytes text, double *ret_number)
{
    char copy[128];
    char *end = NULL;

    if (text.size == 0 || text.size >= sizeof copy)
        return ERR_SYNTAX;
    if (text.data[0] == ' ' || (text.data[0] >= '\t' && text.data[0] <= '\r'))
        return ERR_SYNTAX;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    errno = 0;
    double number = strtod(copy, &end);

    if (end != copy + text.size || isnan(number))
        return ERR_SYNTAX;
    if (errno == ERANGE && (number >= HUGE_VAL || number <= -HUGE_VAL))
        return ERR_RANGE;
    *ret_number = number;
    return ERR_OK;
}

struct unit {
    struct bytes name;
    uint64_t factor;
};

static const struct unit *find_unit(const struct unit *units, size_t count, struct bytes name)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal_nocase(units[i].name, name))
            return &units[i];
    }
    return NULL;
}

enum err number_size(struct bytes text, uint64_t *ret_bytes)
{
    static const struct unit units[] = {
        {BYTES_INIT(""), 1},
        {BYTES_INIT("b"), 1},
        {BYTES_INIT("k"), 1000},
        {BYTES_INIT("m"), 1000000},
        {BYTES_INIT("g"), 1000000000},
        {BYTES_INIT("t"), 1000000000000},
        {BYTES_INIT("kb"), 1ull << 10},
        {BYTES_INIT("mb"), 1ull << 20},
        {BYTES_INIT("gb"), 1ull << 30},
        {BYTES_INIT("tb"), 1ull << 40},
        {BYTES_INIT("kib"), 1ull << 10},
        {BYTES_INIT("mib"), 1ull << 20},
        {BYTES_INIT("gib"), 1ull << 30},
        {BYTES_INIT("tib"), 1ull << 40},
    };
    uint64_t number = 0;

    TRY(cut_digits(&text, &number));
    const struct unit *unit = find_unit(units, sizeof units / sizeof units[0], text);

    if (unit == NULL)
        return ERR_SYNTAX;
    if (__builtin_mul_overflow(number, unit->factor, &number))
        return ERR_RANGE;
    *ret_bytes = number;
    return ERR_OK;
}

static const struct unit duration_units[] = {
    {BYTES_INIT("d"), 86400000}, {BYTES_INIT("h"), 3600000}, {BYTES_INIT("m"), 60000},
    {BYTES_INIT("s"), 1000},     {BYTES_INIT("ms"), 1},
};

enum { DURATION_UNITS = sizeof duration_units / sizeof duration_units[0] };

enum err number_duration(struct bytes text, int64_t *ret_ms)
{
    uint64_t total = 0;

    if (bytes_equal(text, BYTES("0"))) {
        *ret_ms = 0;
        return ERR_OK;
    }
    do {
        uint64_t number = 0;
        size_t letters = 0;

        TRY(cut_digits(&text, &number));
        while (letters < text.size && !is_digit(text.data[letters]))
            letters++;
        const struct unit *unit =
            find_unit(duration_units, DURATION_UNITS, bytes_slice(text, 0, letters));

        if (unit == NULL)
            return ERR_SYNTAX;
        if (__builtin_mul_overflow(number, unit->factor, &number) ||
            __builtin_add_overflow(total, number, &total) || total > INT64_MAX)
            return ERR_RANGE;
        text = bytes_skip(text, letters);
    } while (text.size > 0);
    *ret_ms = (int64_t)total;
    return ERR_OK;
}

void number_duration_text(int64_t ms, char ret_text[NUMBER_TEXT_SIZE])
{
    uint64_t left = ms < 0 ? 0 : (uint64_t)ms;
    size_t used = 0;

    if (left == 0) {
        (void)snprintf(ret_text, NUMBER_TEXT_SIZE, "0s");
        return;
    }
    for (size_t i = 0; i < DURATION_UNITS && left > 0; i++) {
        uint64_t count = left / duration_units[i].factor;

        if (count == 0)
            continue;
        left %= duration_units[i].factor;
        int size = snprintf(ret_text + used, NUMBER_TEXT_SIZE - used, "%llu%.*s",
                            (unsigned long long)count, BYTES_ARG(duration_units[i].name));

        if (size > 0)
            used += (size_t)size;
        if (used >= NUMBER_TEXT_SIZE)
            return;
    }
}

void number_size_text(uint64_t bytes, char ret_text[NUMBER_TEXT_SIZE])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t step = 0;

    while (step < 4 && bytes >= 1024 && bytes % 1024 == 0) {
        bytes /= 1024;
        step++;
    }
    (void)snprintf(ret_text, NUMBER_TEXT_SIZE, "%llu%s", (unsigned long long)bytes, names[step]);
}
