/* holes.c: the next larger size. SPDX-License-Identifier: MIT */
#include "cache/holes.h"

_Static_assert(HOLE_MAPS <= 32, "every map has a bit");

size_t holes_larger(const struct holes *holes, size_t size)
{
    unsigned bin = hole_bin(size) + 1;
    unsigned map = bin / 64;
    uint64_t here = 0;
    uint32_t above = 0;

    if (bin >= HOLE_BINS)
        return 0;
    here = holes->occupied[map] >> bin % 64;
    if (here != 0)
        return (size_t)(bin + 1 + (unsigned)__builtin_ctzll(here)) * ENTRY_GRAIN;
    above = holes->maps & ~((2U << map) - 1);
    if (above == 0)
        return 0;
    map = (unsigned)__builtin_ctz(above);
    bin = map * 64 + (unsigned)__builtin_ctzll(holes->occupied[map]);
    return (size_t)(bin + 1) * ENTRY_GRAIN;
}
