/* sim.h: the engine in a made-up world, against a plain map that says what must be so.
 * SPDX-License-Identifier: MIT
 *
 * One system thread drives several of the engine's threads in turn, on a made-up clock, with
 * choices from a seed or from a fuzzer's bytes. After every step the map (sim_map.c) is asked
 * whether what the engine did was right: values, times, tags, purges, loads and those who wait for
 * them, watches, objects, and that whatever a thread looked at stays readable until its turn.
 *
 *   sim_map.c    what is stored, and what purges do to it
 *   sim_write.c  puts, removals, tags, expiries, objects, several steps as one
 *   sim_purge.c  purges
 *   sim_load.c   loads, and those who wait for them
 *   sim_fill.c   what leaders do
 *   sim_read.c   looks, what they showed, held values, walks, watches
 *   sim.c        the world: its threads, its clock, its choices
 *
 * Each step draws its choices from the seed and its own number only, so steps can be left out
 * without changing the others.
 */
#ifndef LARDER_TESTS_SIM_H
#define LARDER_TESTS_SIM_H

#include "cache/cache.h"

#include <stdio.h>

enum {
    SIM_ACTORS = 4,
    SIM_SPACES = 3,
    SIM_NAMES = 16,
    SIM_KEYS = SIM_SPACES * SIM_NAMES,
    SIM_TAGS = 6,
    SIM_LEADS = 40,
    SIM_WAITERS = 24,
    SIM_HOLDS = 12,
    SIM_WATCHES = 6,
    SIM_SEEN = 32,
    SIM_OBJECTS = 4096,
    SIM_CROWD = 4096, /* small values beside, so that the index grows and shrinks */
    SIM_VALUE_MAX = 400 << 10,
    SIM_NONE = -1,
};

/* An object: a number that changes in place. */
struct sim_object {
    struct sim *sim;
    uint64_t id;
    uint32_t number;
    uint32_t cost;
    bool taken; /* the engine has it */
    bool freed;
};

/* What the map knows of a key. A value whose lives are over is still `there` until something takes
 * it out; sim_state tells. */
struct sim_fact {
    bool there;
    bool negative;
    bool soft;
    bool extra; /* has tags or stale times, and so remembers a failed load */
    uint8_t tags;
    uint32_t size;
    uint64_t id; /* of the value: its bytes follow from it */
    struct sim_object *object;
    int64_t expires_ms;
    int64_t stale_ms; /* distances */
    int64_t error_ms;
    int64_t retry_ms;
    uint64_t version; /* changes with whatever makes another entry of it */
};

enum sim_lead_state { SIM_LEADING, SIM_SHARING, SIM_DOOMED };

/* A lease that somebody in this world has. */
struct sim_lead {
    bool active;
    bool lost;       /* it is no longer his */
    bool maybe_lost; /* its time was over when nobody waited, so it may have ended */
    bool doubtful;   /* a tag was purged since it began */
    bool purged;     /* what it brings is, whatever its tags are */
    uint8_t bad_tags;
    enum sim_lead_state state;
    int key;
    uint64_t replaces;
    int64_t deadline_ms;
    int64_t lease_ms;
    int shares; /* references of what it shares, the engine's included */
    struct cache_lease lease;
};

struct sim_waiter {
    struct cache_waiter waiter;
    struct sim *sim;
    bool waits;
    bool late;
    bool shares;
    bool woken; /* since the step began */
    int lead;
    uint64_t order;
    enum cache_outcome outcome;
    enum err err;
    uint64_t id; /* of the value, as far as the value is long enough to tell, */
    uint32_t size;
    void *shared;
    struct cache_lease lease;
};

/* What somebody looked at and may still read. */
struct sim_seen {
    struct bytes value;
    uint64_t id;
    uint32_t size;
    struct sim_object *object;
};

struct sim_actor {
    struct cache_thread *thread; /* NULL: has not joined */
    int64_t now_ms;
    bool rests;
    unsigned seen_count;
    struct sim_seen seen[SIM_SEEN];
};

struct sim_hold {
    struct cache_entry *entry;
    struct sim_seen seen;
};

struct sim_watch {
    struct cache_watch watch;
    bool set;
    int key;
    unsigned told;   /* since the step began */
    unsigned unseen; /* ... since the map last saw the value there */
    uint64_t before; /* what there was when the step began */
};

struct sim;

/* Everything that a run depends on. */
struct sim_settings {
    uint64_t seed;
    unsigned steps;
    const uint8_t *data; /* choices of a fuzzer in place of the seed's; NULL: the seed's */
    size_t size;
    const uint8_t *left_out; /* steps that are not made, one byte each; NULL: all are made */
    bool loud;               /* tells every step */
    /* Must not return. */
    void (*failed)(const struct sim *sim, const char *what, const char *file, int line);
};

struct sim {
    struct sim_settings settings;
    struct random random;
    struct cache *cache;
    bool tight;  /* memory is short: whatever may leave may have left */
    bool skewed; /* the threads' clocks differ a little */
    unsigned step;
    unsigned depth; /* inside several steps as one */
    bool untold;    /* what the step changed is no news to watches */
    size_t data_at;
    int64_t now_ms;
    int64_t newest_ms; /* that any thread has used */
    uint64_t ids;
    uint64_t orders;
    uint64_t versions;
    struct sim_actor actors[SIM_ACTORS];
    struct sim_actor *actor; /* whose step it is */
    struct sim_fact facts[SIM_KEYS];
    int leading[SIM_KEYS];       /* the lead of the key, SIM_NONE: there is none */
    int64_t alone_ms[SIM_KEYS];  /* until then everybody loads for himself; 0: no */
    uint8_t softened[SIM_TAGS];  /* soft purges of the tag since all was swept */
    uint8_t emptied[SIM_SPACES]; /* ... of the space */
    struct sim_lead leads[SIM_LEADS];
    struct sim_waiter waiters[SIM_WAITERS];
    struct sim_hold holds[SIM_HOLDS];
    struct sim_watch watches[SIM_WATCHES];
    struct sim_object objects[SIM_OBJECTS];
    unsigned object_count;
    unsigned tests;            /* of purges, that the engine has */
    uint64_t evicted;          /* in the whole run */
    uint32_t crowd[SIM_CROWD]; /* values; 0: not there */
    uint8_t scratch[SIM_VALUE_MAX];
};

/* Turns all threads that are awake until nobody wants to go on at once. False: that takes long. */
bool sim_settle(struct sim *sim);

/* One run, in memory of the caller's. Returns when all was right. */
void sim_run(struct sim *sim, const struct sim_settings *settings);

/* ---- choices and failures ---------------------------------------------------------------- */

unsigned sim_pick(struct sim *sim, unsigned bound);

static inline bool sim_once_in(struct sim *sim, unsigned count)
{
    return sim_pick(sim, count) == 0;
}

void sim_say(const struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

_Noreturn void sim_fail(const struct sim *sim, const char *what, const char *file, int line);

#define SIM_CHECK(sim, condition)                                                                  \
    ((condition) ? (void)0 : sim_fail(sim, #condition, __FILE__, __LINE__))

/* ---- sim_map.c --------------------------------------------------------------------------- */

enum { SIM_SPACE_CROWD = 7, SIM_KIND_OBJECT = 9 };

struct bytes sim_name(int key);
unsigned sim_space(int key);
struct bytes sim_tag(unsigned tag);
struct cache_key sim_key(const struct sim *sim, int key);
int sim_pick_key(struct sim *sim);

enum cache_state sim_state(const struct sim_fact *fact, int64_t now_ms);
bool sim_visible(const struct sim *sim, int key);
int64_t sim_ends(const struct sim_fact *fact);

/* The bytes of a value. */
void sim_content(uint64_t id, uint32_t size, uint8_t *out);
bool sim_is_content(struct bytes value, uint64_t id, uint32_t size);
uint64_t sim_id_of(struct bytes value);

/* The view must be what the map says; a miss must be allowed, and is written down. */
void sim_check_view(struct sim *sim, int key, const struct cache_view *view);

/* What a purge concerns. */
struct sim_purge {
    struct cache_purge purge;
    unsigned tag;
    unsigned remainder; /* by test: of the name's last byte */
    int key;
};
bool sim_has_remainder(struct bytes name, unsigned remainder);
bool sim_concerns(const struct sim_purge *purge, int key, unsigned tags);
void sim_purge_facts(struct sim *sim, const struct sim_purge *purge);

/* ---- sim_write.c ------------------------------------------------------------------------- */

/* A put that was drawn: what to store and what the map is to know of it. */
struct sim_draft {
    struct cache_put put;
    struct bytes tags[2 * SIM_TAGS];
    struct sim_fact fact;
};

void sim_draw(struct sim *sim, int key, struct sim_draft *draft);

/* The put was acknowledged. */
void sim_accept(struct sim *sim, int key, const struct sim_draft *draft);

/* Whether a put may be refused for want of room. */
bool sim_may_be_full(const struct sim *sim, const struct sim_draft *draft);

void sim_put(struct sim *sim, int key);
void sim_put_object(struct sim *sim, int key);
void sim_change_object(struct sim *sim, int key);
void sim_put_wrong(struct sim *sim, int key);
void sim_remove(struct sim *sim, int key);
void sim_set_expiry(struct sim *sim, int key);
void sim_give_tag(struct sim *sim, int key);
void sim_crowd(struct sim *sim);
void sim_step_of_many(struct sim *sim);
struct cache_object_ops sim_object_ops(void);

/* ---- sim_purge.c ------------------------------------------------------------------------- */

void sim_purge(struct sim *sim, int key);
void sim_purge_key(struct sim *sim, int key);

/* ---- sim_load.c -------------------------------------------------------------------------- */

void sim_get(struct sim *sim, int key);
void sim_cancel(struct sim *sim);

/* What a put, a removal of the key or a purge does to loads. */
void sim_loads_overtaken(struct sim *sim, int key, const struct sim_fact *put);
void sim_loads_doomed(struct sim *sim, int key);
void sim_loads_purged(struct sim *sim, const struct sim_purge *purge);

/* After a turn: leaders whose time is over may have been replaced. */
void sim_loads_turned(struct sim *sim);

/* Nobody was woken but those whom the step's kind explains. */
void sim_check_nobody_woken(struct sim *sim);

/* Those who wait for the lead have been woken so. */
void sim_explain(struct sim *sim, struct sim_waiter *waiter, enum cache_outcome outcome);
void sim_all_filled(struct sim *sim, int lead, const struct sim_fact *fact, bool late_too);
void sim_all_told(struct sim *sim, int lead, enum cache_outcome outcome);

int sim_lead_number(const struct sim *sim, const struct sim_lead *lead);

/* The engine does not know the lease any more. */
void sim_lead_lost(struct sim *sim, struct sim_lead *lead);

/* The leader is gone: the first who waits leads now. */
void sim_lead_passed_on(struct sim *sim, struct sim_lead *lead);

void sim_drop_shared(void *shared);

/* ---- sim_fill.c -------------------------------------------------------------------------- */

struct sim_lead *sim_pick_lead(struct sim *sim);
void sim_fill(struct sim *sim, struct sim_lead *lead);
void sim_end(struct sim *sim, struct sim_lead *lead);
void sim_continue(struct sim *sim, struct sim_lead *lead);

/* ---- sim_read.c -------------------------------------------------------------------------- */

void sim_look(struct sim *sim, int key);
void sim_look_many(struct sim *sim);
void sim_hold(struct sim *sim, int key);
void sim_drop(struct sim *sim, struct sim_hold *hold);
void sim_saw(struct sim *sim, int key, const struct cache_view *view);
void sim_missed(struct sim *sim, int key); /* what the map had there */
void sim_check_seen(struct sim *sim, struct sim_actor *actor);
void sim_walk(struct sim *sim);
void sim_preview(struct sim *sim, int key);
void sim_watch(struct sim *sim, int key);
void sim_watches_begin(struct sim *sim);
void sim_watches_end(struct sim *sim);

#endif
