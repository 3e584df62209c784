/* actors.h: who does something with one key, and what must be so after it.
 * SPDX-License-Identifier: MIT
 *
 * An actor has a handle of the engine, may have a lease or wait for a load; the world around knows
 * in a few plain variables what must be stored and who must be loading. Each word of a script is
 * one function of an actor, which checks what it sees; for one who is not in the place for it (a
 * fill by one who waits) it does nothing.
 */
#ifndef LARDER_TESTS_ACTORS_H
#define LARDER_TESTS_ACTORS_H

#include "cache_room.h"
#include "t.h"

enum { ACTORS_MAX = 4, LEASE_MS = 500, LIFE_MS = 1000, WAIT_MS = 100 };

/* What the key holds before anybody moves. */
enum before { ABSENT, FRESH, STALE, GRACE, BEFORES };

/* What the word "purge" is, in turn. */
enum kind { BY_KEY, BY_REMOVE, BY_TAG, BY_PREFIX, BY_GLOB, BY_SPACE, BY_ALL, BY_PUT, KINDS };

/* The test's own: tells the order that is being played. */
void print_order(void);

#define PROMISE(condition)                                                                         \
    ((condition) ? (void)0 : (print_order(), t_fail(#condition, __FILE__, __LINE__)))

struct actor {
    struct world *world;
    struct cache_thread *thread;
    struct cache_waiter waiter;
    struct cache_lease lease;
    struct actor *waits_for;
    bool leads;      /* has a lease, whatever became of it */
    bool asks_again; /* was sent back */
    bool has_read;
    bool woken;
    bool failed;
    uint32_t floor; /* what it asked for is not older */
    uint32_t read;
    uint32_t refreshes; /* the version that was there when it began to load; 0: none */
};

struct world {
    struct cache *cache;
    struct cache_key key;
    struct bytes name;
    int64_t now_ms;
    uint32_t source;
    uint32_t floor; /* versions below were invalidated */
    enum kind kind;
    bool soft;
    struct actor actors[ACTORS_MAX];
    /* What the engine must have stored, */
    bool there;
    uint32_t version;
    int64_t expires_ms;
    int64_t retry_ms;
    int64_t alone_ms;
    /* ... and who must be loading: NULL: nobody whose value may be stored. */
    struct actor *leader;
    int64_t deadline_ms;
    bool tainted; /* a tag that it brings was purged */
    bool sharing;
    bool replaced; /* the entry that it refreshes has become another one */
};

/* What a word means; ended by a row without a word. */
struct actor_word {
    const char *word;
    void (*act)(struct actor *actor);
};

extern const struct actor_word actor_words[];

/* What was there before the first word. */
void world_begin(struct world *world, enum before before);

/* Who leads loads, who was sent back asks again, until nobody waits. */
void world_finish(struct world *world, unsigned actor_count);

/* Nobody waits, and what is stored is what must be. */
void world_check(struct world *world, unsigned actor_count);

#endif
