/* hash.c: SipHash-1-3 from its paper. SPDX-License-Identifier: MIT */
#include "base/hash.h"

static inline uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static inline uint64_t read_word(const uint8_t *data)
{
    uint64_t word = 0;

    memcpy(&word, data, sizeof word);
    return word;
}

uint64_t hash_bytes(struct hash_secret secret, struct bytes bytes)
{
    uint64_t v[4] = {
        secret.words[0] ^ 0x736f6d6570736575u,
        secret.words[1] ^ 0x646f72616e646f6du,
        secret.words[0] ^ 0x6c7967656e657261u,
        secret.words[1] ^ 0x7465646279746573u,
    };
    uint64_t last = (uint64_t)bytes.size << 56;
    size_t whole = bytes.size / 8 * 8;

    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word = read_word(bytes.data + i);

        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    for (size_t i = whole; i < bytes.size; i++)
        last |= (uint64_t)bytes.data[i] << (8 * (i - whole));
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
