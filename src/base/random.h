/* random.h: a source of random numbers that is injected, so that a seed replays a run.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_BASE_RANDOM_H
#define LARDER_BASE_RANDOM_H

#include "base/hash.h"

struct random {
    uint64_t state[4]; /* xoshiro256** (Blackman and Vigna, 2018) */
};

void random_init(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);

/* Uniform in 0 ... bound-1, without bias. `bound` > 0. */
uint64_t random_below(struct random *random, uint64_t bound);

/* Uniform in (0, 1], never 0: fit for a logarithm. */
double random_unit(struct random *random);

/* From the operating system; stops the program when it has none to give. */
void random_secret(void *data, size_t size);
struct hash_secret random_hash_secret(void);

#endif
