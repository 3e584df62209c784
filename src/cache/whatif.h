/* whatif.h: what the hit ratio would be with other amounts of memory.
 * SPDX-License-Identifier: MIT
 *
 * "Would twice the memory help?" is asked of every cache, and a guess costs money. So miniature
 * caches run beside the real one: for each size one, with the very policy of the engine (policy.h,
 * lineup.h), without values, and only for a sample of the keys: those whose hash lies below a
 * threshold (Waldspurger et al., SHARDS, FAST 2015). A key in R has its fate decided by the others
 * in R, so a cache of size S and a cache of size S/R for one key in R miss alike.
 *
 *   look-up or put of a key ──(hash < below?)──> one record ──> a node in each of six caches
 *     one compare for all others                 hash, size        0.25x 0.5x 1x 2x 4x 8x
 *
 * When the records are all taken, or the sample is asked for too often to be cheap, the threshold
 * is halved, and records above it go, some at a time: until then nothing is counted. A favourite
 * that is in the sample, or not, would weigh too much: look-ups that the sample should have seen
 * and did not are taken for hits everywhere, and those that it saw beyond are taken off
 * (SHARDS-adj).
 *
 * How well: on recorded traces the ratio told for 2x, 4x and 8x was within 3, 2 and 2 points of
 * what engines with that memory missed; the larger error is holes in the real one's pages.
 *
 * What it does not know: purges by tag, prefix and pattern of entries that only the larger caches
 * still have. Few keys make a poor sample: below a thousand look-ups in it nothing is told.
 *
 * Memory: 128 bytes a record, and the policies' ghosts.
 * Threads: any, at any time; whoever finds it busy goes on, and that event is not counted.
 */
#ifndef LARDER_CACHE_WHATIF_H
#define LARDER_CACHE_WHATIF_H

#include "cache/cache.h"
#include "cache/policy.h"

enum { WHATIF_RECORD_BYTES = 128 };

struct whatif;

/* Whether a key is in the sample: the one compare that every look-up and put pays. */
struct whatif_gate {
    _Atomic uint32_t below; /* 0: off */
};

static inline bool whatif_takes(const struct whatif_gate *gate, uint64_t hash)
{
    return (uint32_t)hash < atomic_load_explicit(&gate->below, memory_order_relaxed);
}

/* With room for so many keys. `one_in`: at most one key in so many is in the sample. Opens the
 * gate. */
struct whatif *whatif_new(const struct policy_settings *settings, size_t records, uint32_t one_in,
                          struct whatif_gate *gate);
void whatif_free(struct whatif **owner);

/* Another policy: begins anew. */
void whatif_set_policy(struct whatif *whatif, const struct policy_settings *settings);

/* What the real cache would have of its memory for entries, at 1x. */
void whatif_set_bytes(struct whatif *whatif, size_t bytes);

/* A key in the sample. */
struct whatif_key {
    uint64_t hash;
    size_t size;     /* what the entry takes; 0: the real cache has none */
    int64_t ends_ms; /* INT64_MAX: never */
};

/* It was looked up, and `look_ups` were made since the last in the sample, this one included. */
void whatif_look(struct whatif *whatif, const struct whatif_key *key, uint64_t look_ups,
                 int64_t now_ms);

/* It was put. */
void whatif_put(struct whatif *whatif, const struct whatif_key *key);

/* It was removed, purged, or its time is over. */
void whatif_forget(struct whatif *whatif, uint64_t hash);

/* Some times a second: a part of the records is tidied. True: there is more to do soon. */
bool whatif_tidy(struct whatif *whatif, int64_t now_ms);

/* Bytes that all of it takes. */
size_t whatif_cost(struct whatif *whatif);

/* False: too few look-ups yet. */
bool whatif_read(struct whatif *whatif, struct cache_whatif ret_rows[CACHE_WHATIFS]);

#endif
