/* epoch.h: when nobody can still be reading what was taken out of sight.
 * SPDX-License-Identifier: MIT
 *
 * Readers take no lock, so memory that a writer unlinked may be under somebody's eyes. Each thread
 * says once a turn that it looks at nothing (a quiescent state); what was unlinked before every
 * awake thread has said so since can be given back.
 *
 *   now:   7 ... 8 ............ 9
 *   A      | reads old | pass(8)     | pass(9)         unlinked and stamped 7:
 *   B      | reads old ............... | pass(9)       free once A and B have seen 8 or more
 *   C      rests: does not count
 *
 * Threads: any. Limits: EPOCH_THREADS_MAX threads at one time.
 */
#ifndef LARDER_CACHE_EPOCH_H
#define LARDER_CACHE_EPOCH_H

#include "cache/latch.h"

#include <stdalign.h>
#include <stddef.h>

enum { EPOCH_THREADS_MAX = 512 };

struct epoch_word {
    alignas(64) _Atomic uint64_t seen; /* 0: rests, or no thread */
    bool taken;                        /* under the latch */
};

struct epochs {
    _Atomic uint64_t now;
    _Atomic unsigned top; /* words that were ever in use */
    struct latch latch;
    struct epoch_word words[EPOCH_THREADS_MAX];
};

void epochs_init(struct epochs *epochs);

/* A word for a thread; it is awake. More than EPOCH_THREADS_MAX stop the program. */
struct epoch_word *epoch_join(struct epochs *epochs);
void epoch_leave(struct epochs *epochs, struct epoch_word *word);

/* The thread looks at nothing at this moment. */
void epoch_pass(struct epochs *epochs, struct epoch_word *word);
void epoch_rest(struct epoch_word *word);
void epoch_wake(struct epochs *epochs, struct epoch_word *word);

/* The stamp of something that was unlinked just now. */
uint64_t epoch_stamp(struct epochs *epochs);

/* Makes the time go on if it still stands at `stamp`, so that later passes count for it. */
void epoch_advance(struct epochs *epochs, uint64_t stamp);

/* Whatever was stamped with a lower number can be given back. */
uint64_t epoch_safe(struct epochs *epochs);

#endif
