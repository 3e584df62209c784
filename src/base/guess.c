/* guess.c: distances between short words. SPDX-License-Identifier: MIT */
#include "base/guess.h"

enum { WORD_MAX = 63 };

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

static size_t distance(struct bytes a, struct bytes b)
{
    size_t rows[3][WORD_MAX + 1];

    for (size_t j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t *now = rows[i % 3], *before = rows[(i - 1) % 3], *earlier = rows[(i + 1) % 3];

        now[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            uint8_t x = byte_lower(a.data[i - 1]), y = byte_lower(b.data[j - 1]);

            now[j] = smallest(before[j] + 1, now[j - 1] + 1, before[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == byte_lower(b.data[j - 2]) &&
                byte_lower(a.data[i - 2]) == y && earlier[j - 2] + 1 < now[j])
                now[j] = earlier[j - 2] + 1;
        }
    }
    return rows[a.size % 3][b.size];
}

const char *guess(struct bytes word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t allowed = word.size / 3 > 1 ? word.size / 3 : 1;

    if (word.size == 0 || word.size > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct bytes candidate = bytes_of_text(candidates[i]);

        if (candidate.size > WORD_MAX)
            continue;
        size_t far = distance(word, candidate);

        if (far <= allowed) {
            best = candidates[i];
            if (far == 0)
                break;
            allowed = far - 1;
        }
    }
    return best;
}
