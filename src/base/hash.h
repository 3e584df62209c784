/* hash.h: one keyed hash for every table that strangers can fill.
 * SPDX-License-Identifier: MIT
 *
 * SipHash-1-3 (Aumasson and Bernstein, 2012; one round a word, three at the end): with a secret
 * drawn at start nobody outside can choose keys that collide.
 */
#ifndef LARDER_BASE_HASH_H
#define LARDER_BASE_HASH_H

#include "base/bytes.h"

struct hash_secret {
    uint64_t words[2];
};

uint64_t hash_bytes(struct hash_secret secret, struct bytes bytes);

/* Two numbers to one well mixed one, unkeyed: for numbers that nobody outside chooses. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    uint64_t x = a ^ (b + 0x9e3779b97f4a7c15u + (a << 6));

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

#endif
