/* scan.h: where a run of good bytes ends, sixteen bytes at a time where the machine can.
 * SPDX-License-Identifier: MIT
 *
 * Nothing here reads a byte at `end` or behind it. Without SSE2 the table of chars.h does it all;
 * tests/unit/proto/http_test.c compares the two.
 */
#ifndef LARDER_PROTO_SCAN_H
#define LARDER_PROTO_SCAN_H

#include "proto/chars.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The first byte from `at` on that is in none of the classes, or `end`. */
static inline const uint8_t *scan_class(const uint8_t *at, const uint8_t *end, unsigned class)
{
    while (at < end && char_is(*at, class))
        at++;
    return at;
}

#ifdef __SSE2__
static inline __m128i scan_sixteen(const uint8_t *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

/* Which of sixteen bytes no field value may hold: the controls other than tab. */
static inline unsigned scan_wrong_in_value(const uint8_t *at)
{
    __m128i text = scan_sixteen(at);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(text, _mm_set1_epi8(0x1f)), text);
    __m128i tab = _mm_cmpeq_epi8(text, _mm_set1_epi8('\t'));
    __m128i del = _mm_cmpeq_epi8(text, _mm_set1_epi8(0x7f));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
}

/* Which of sixteen bytes no target may hold. Those above 0x7f are negative here. */
static inline unsigned scan_wrong_in_target(const uint8_t *at)
{
    __m128i text = scan_sixteen(at);
    __m128i visible = _mm_cmpgt_epi8(text, _mm_set1_epi8(' '));
    __m128i sign = _mm_cmpeq_epi8(text, _mm_set1_epi8('#'));
    __m128i del = _mm_cmpeq_epi8(text, _mm_set1_epi8(0x7f));

    return (unsigned)_mm_movemask_epi8(_mm_andnot_si128(_mm_or_si128(sign, del), visible)) ^
           0xffffu;
}
#endif

/* The first byte from `at` on that no field value may hold. */
static inline const uint8_t *scan_value(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        unsigned wrong = scan_wrong_in_value(at);

        if (wrong != 0)
            return at + __builtin_ctz(wrong);
    }
#endif
    return scan_class(at, end, CHAR_VALUE);
}

static inline const uint8_t *scan_target(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        unsigned wrong = scan_wrong_in_target(at);

        if (wrong != 0)
            return at + __builtin_ctz(wrong);
    }
#endif
    return scan_class(at, end, CHAR_TARGET);
}

/* The first colon among the next 32 bytes; NULL: there is none, or that cannot be told quickly. */
static inline const uint8_t *scan_near_colon(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    if (end - at >= 32) {
        __m128i colon = _mm_set1_epi8(':');
        unsigned low = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(scan_sixteen(at), colon));
        unsigned high = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(scan_sixteen(at + 16), colon));
        unsigned colons = low | high << 16;

        return colons == 0 ? NULL : at + __builtin_ctz(colons);
    }
#endif
    (void)at;
    (void)end;
    return NULL;
}

#endif
