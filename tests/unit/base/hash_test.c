/* The promises of base/hash.h and base/random.h. SPDX-License-Identifier: MIT */
#include "base/hash.h"
#include "base/random.h"
#include "t.h"

/* SipHash-1-3 computed a second time, word by word as the paper describes it, for comparison. */
static uint64_t slow_siphash13(struct hash_secret secret, const uint8_t *data, size_t size)
{
    uint64_t v0 = secret.words[0] ^ 0x736f6d6570736575u;
    uint64_t v1 = secret.words[1] ^ 0x646f72616e646f6du;
    uint64_t v2 = secret.words[0] ^ 0x6c7967656e657261u;
    uint64_t v3 = secret.words[1] ^ 0x7465646279746573u;
    size_t words = size / 8 + 1;

    for (size_t w = 0; w < words + 3; w++) {
        uint64_t m = 0;

        for (size_t i = 0; w < words && i < 8; i++) {
            size_t at = 8 * w + i;
            uint64_t byte = at < size ? data[at] : i == 7 ? size & 0xff : 0;

            m |= byte << (8 * i);
        }
        if (w == words)
            v2 ^= 0xff;
        v3 ^= m;
        v0 += v1, v1 = (v1 << 13 | v1 >> 51) ^ v0, v0 = v0 << 32 | v0 >> 32;
        v2 += v3, v3 = (v3 << 16 | v3 >> 48) ^ v2;
        v0 += v3, v3 = (v3 << 21 | v3 >> 43) ^ v0;
        v2 += v1, v1 = (v1 << 17 | v1 >> 47) ^ v2, v2 = v2 << 32 | v2 >> 32;
        v0 ^= m;
    }
    return v0 ^ v1 ^ v2 ^ v3;
}

TEST(every_length_hashes_as_the_paper_says)
{
    struct hash_secret secret = {{0x0706050403020100u, 0x0f0e0d0c0b0a0908u}};
    uint8_t data[64];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    for (size_t size = 0; size <= sizeof data; size++)
        CHECK(hash_bytes(secret, bytes_of(data, size)) == slow_siphash13(secret, data, size));
}

TEST(another_secret_gives_another_hash)
{
    CHECK(hash_bytes((struct hash_secret){{1, 2}}, BYTES("key")) !=
          hash_bytes((struct hash_secret){{1, 3}}, BYTES("key")));
}

TEST(a_seed_replays_and_a_bound_holds)
{
    struct random one, two;
    uint64_t seen = 0;

    random_init(&one, 42);
    random_init(&two, 42);
    for (int i = 0; i < 1000; i++) {
        CHECK(random_next(&one) == random_next(&two));
        uint64_t drawn = random_below(&one, 7);

        CHECK(drawn == random_below(&two, 7) && drawn < 7);
        seen |= 1ull << drawn;
        double unit = random_unit(&one);

        CHECK(unit > 0 && unit <= 1);
        (void)random_unit(&two);
    }
    CHECK(seen == 0x7f);
}
