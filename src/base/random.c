/* random.c: xoshiro256**, seeded by splitmix64. SPDX-License-Identifier: MIT */
#include "base/random.h"

#include "base/must.h"

#include <sys/random.h>

void random_init(struct random *random, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        random->state[i] = hash_mix(seed, i);
    }
}

static uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

uint64_t random_next(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
    must(bound > 0);
    uint64_t unfair = -bound % bound; /* 2^64 mod bound: as many results come once too often */
    uint64_t draw = 0;

    do
        draw = random_next(random);
    while (draw < unfair);
    return draw % bound;
}

double random_unit(struct random *random)
{
    return (double)((random_next(random) >> 11) + 1) * 0x1p-53;
}

void random_secret(void *data, size_t size)
{
    uint8_t *at = data;

    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);

        if (got <= 0)
            never("the operating system gives no random numbers");
        at += got;
        size -= (size_t)got;
    }
}

struct hash_secret random_hash_secret(void)
{
    struct hash_secret secret;

    random_secret(&secret, sizeof secret);
    return secret;
}
