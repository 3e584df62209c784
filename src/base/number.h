/* number.h: numbers out of text, and arithmetic that says when it does not fit.
 * SPDX-License-Identifier: MIT
 *
 * Every reader takes the whole text or nothing: no leading space, no sign where none belongs, no
 * rest behind the number. ERR_SYNTAX: it is no such number; ERR_RANGE: it does not fit.
 */
#ifndef LARDER_BASE_NUMBER_H
#define LARDER_BASE_NUMBER_H

#include "base/bytes.h"
#include "base/err.h"

/* Digits only. "007" is a number, "+7" and "" are none. */
enum err number_u64(struct bytes text, uint64_t *ret_number);

/* An optional '-' and digits, without leading zeros and without "-0": the canonical form, which
 * text and number have in common (as Redis reads integers). */
enum err number_i64(struct bytes text, int64_t *ret_number);

/* Hexadecimal digits of either case, 1 to 16 of them. */
enum err number_hex(struct bytes text, uint64_t *ret_number);

/* A decimal floating point number, "inf" and "-inf" included, "nan" not. */
enum err number_double(struct bytes text, double *ret_number);

/* Bytes: digits and an optional unit, in any case, with Redis' meaning: b, kb, mb, gb, tb and KiB,
 * MiB, GiB, TiB are powers of 1024; k, m, g, t alone are powers of 1000. */
enum err number_size(struct bytes text, uint64_t *ret_bytes);

/* Milliseconds: digits with a unit (ms, s, m, h, d), several parts allowed ("1m30s"); "0" needs no
 * unit, every other number does. */
enum err number_duration(struct bytes text, int64_t *ret_ms);

/* Duration and size as a person would write them: "1m30s", "256MiB". */
enum { NUMBER_TEXT_SIZE = 32 };
void number_duration_text(int64_t ms, char ret_text[NUMBER_TEXT_SIZE]);
void number_size_text(uint64_t bytes, char ret_text[NUMBER_TEXT_SIZE]);

/* a + b and a · b, or the largest value when that does not fit. */
static inline int64_t add_saturated(int64_t a, int64_t b)
{
    int64_t sum = 0;

    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return b < 0 ? INT64_MIN : INT64_MAX;
}

static inline int64_t multiply_saturated(int64_t a, int64_t b)
{
    int64_t product = 0;

    if (!__builtin_mul_overflow(a, b, &product))
        return product;
    return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
}

#endif
