/* glob.c: matching with one remembered star. SPDX-License-Identifier: MIT */
#include "base/glob.h"

/* Reads the set that opens at pattern[*at] ('['), moves *at behind it, says whether `byte` is in.
 * As in Redis a set that nobody closes ends with the pattern. */
static bool set_holds(struct bytes pattern, size_t *at, uint8_t byte)
{
    size_t i = *at + 1;
    bool invert = i < pattern.size && pattern.data[i] == '^';
    bool found = false;

    i += invert;
    while (i < pattern.size && pattern.data[i] != ']') {
        if (pattern.data[i] == '\\' && i + 1 < pattern.size)
            i++;
        uint8_t low = pattern.data[i], high = low;

        if (i + 2 < pattern.size && pattern.data[i + 1] == '-') {
            high = pattern.data[i + 2];
            i += 2;
        }
        if (low > high) {
            uint8_t swap = low;

            low = high;
            high = swap;
        }
        found |= byte >= low && byte <= high;
        i++;
    }
    *at = i < pattern.size ? i + 1 : i;
    return found != invert;
}

/* Whether the one-byte pattern at *at takes `byte`; moves *at behind it if so. */
static bool takes(struct bytes pattern, size_t *at, uint8_t byte)
{
    size_t i = *at;
    bool fits = false;

    switch (pattern.data[i]) {
    case '?':
        fits = true;
        i++;
        break;
    case '[':
        fits = set_holds(pattern, &i, byte);
        break;
    case '\\':
        if (i + 1 < pattern.size)
            i++;
        __attribute__((fallthrough));
    default:
        fits = pattern.data[i] == byte;
        i++;
    }
    if (fits)
        *at = i;
    return fits;
}

bool glob_fits(struct bytes pattern, struct bytes text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;

    while (t < text.size) {
        if (p < pattern.size && pattern.data[p] == '*') {
            star = ++p;
            star_text = t;
        } else if (p < pattern.size && takes(pattern, &p, text.data[t])) {
            t++;
        } else if (star != SIZE_MAX) {
            p = star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.size && pattern.data[p] == '*')
        p++;
    return p == pattern.size;
}
