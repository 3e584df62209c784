/* load.h: the records of loads in flight: who leads, who waits.
 * SPDX-License-Identifier: MIT
 *
 *            begin
 *   (none) ----------> LEADING --- share ---> SHARING      each ends by fill, fail, unchanged,
 *                         |                      |         abandon, or a deadline
 *                         | invalidated          |
 *                         v                      v
 *                       DOOMED: not found by its key any more; what it brings goes to those who
 *                               waited and is not stored
 *   (none) -- disperse --> ALONE: no load; until its time everybody loads for himself
 *
 * A record is found by its key or by its token, in a small table of the key's shard, under the
 * shard's latch. All records that load also stand in the order of their numbers, and in a ring of
 * slots by their deadlines; these two are under a latch of their own.
 *
 * Memory: one block a record (base/mem.h), its key included, charged to the account.
 * Limits: `max` of load_begin.
 */
#ifndef LARDER_CACHE_LOAD_H
#define LARDER_CACHE_LOAD_H

#include "cache/cache.h"
#include "cache/latch.h"

enum load_state { LOAD_LEADING, LOAD_SHARING, LOAD_DOOMED, LOAD_ALONE };

struct load {
    struct load *next;      /* in its shard's table */
    struct list_node order; /* by number */
    struct list_node due;   /* by deadline */
    struct list_node waiters;
    size_t waiter_count;
    uint64_t token;
    uint64_t sequence;
    uint64_t hash;
    uint64_t replaces; /* the number of the entry that it refreshes; 0: there was none */
    int64_t deadline_ms;
    int64_t lease_ms;
    void *shared;
    void (*drop_shared)(void *shared);
    enum load_state state;
    uint8_t space;
    uint16_t name_size;
    uint8_t name[];
};

/* A shard's records: a chained table that grows; under the shard's latch. */
struct load_table {
    struct load **heads;
    uint32_t mask;
    uint32_t count;
};

enum { LOAD_DUE_SLOTS = 256, LOAD_TICK_MS = 32 };

/* All records of the cache. */
struct loads {
    struct latch latch;
    struct account *account;
    _Atomic size_t count;       /* loads in flight */
    _Atomic size_t alone_count; /* records in LOAD_ALONE */
    _Atomic size_t waiter_count;
    uint64_t tokens;        /* drawn so far */
    struct list_node order; /* the oldest number first */
    struct list_node due[LOAD_DUE_SLOTS];
    int64_t due_tick;         /* slots up to it were looked at */
    _Atomic int64_t due_ms;   /* no deadline comes before; CACHE_NEVER: none at all */
    _Atomic uint64_t *source; /* of sequence numbers */
};

void loads_init(struct loads *loads, struct account *account, _Atomic uint64_t *source);
void loads_fini(struct loads *loads);

/* The record of a key's load (not a doomed one) or of its LOAD_ALONE; NULL: there is none. */
struct load *load_of_key(const struct load_table *table, const struct cache_key *key);
struct load *load_of_token(const struct load_table *table, uint64_t hash, uint64_t token);

/* A new record in state LOAD_LEADING with a fresh token and number. NULL: `max` is reached,
 * there is no memory, or no key is that long. */
struct load *load_begin(struct loads *loads, struct load_table *table, const struct cache_key *key,
                        int64_t deadline_ms, size_t max);

/* A new leader: fresh token, number and deadline. */
void load_renew(struct loads *loads, struct load *load, int64_t deadline_ms);

/* The leader is alive: another deadline. */
void load_extend(struct loads *loads, struct load *load, int64_t deadline_ms);

/* From a load to LOAD_ALONE until `until_ms`. */
void load_leave_alone(struct loads *loads, struct load *load, int64_t until_ms);

/* The record goes; nobody waits for it any more. Drops what is shared. */
void load_end(struct loads *loads, struct load_table *table, struct load **owner);

/* At the end of the cache: records of LOAD_ALONE go; there are no others any more. */
void loads_clear(struct loads *loads, struct load_table *table);

/* The number of the oldest load in flight; UINT64_MAX: there is none. */
uint64_t loads_oldest(struct loads *loads);

/* Records whose deadline has come, at most `max`: their hashes and tokens. */
struct load_name {
    uint64_t hash;
    uint64_t token;
};
size_t loads_due(struct loads *loads, int64_t now_ms, struct load_name *ret_names, size_t max);

static inline int64_t loads_due_ms(const struct loads *loads)
{
    return atomic_load_explicit(&loads->due_ms, memory_order_relaxed);
}

#endif
