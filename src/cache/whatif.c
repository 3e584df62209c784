/* whatif.c: six miniature caches over one table of records. SPDX-License-Identifier: MIT */
#include "cache/whatif.h"

#include "base/mem.h"
#include "base/must.h"
#include "cache/latch.h"
#include "cache/lineup.h"

enum {
    RECORD_SHIFT = 7,
    CHAIN_LOAD = 2, /* records for each chain */
    TIDIED_AT_ONCE = 1024,
    LOOK_UPS_MIN = 1000,    /* in the sample, before a ratio is told */
    LOOK_UPS_MAX = 1 << 18, /* then all counts are halved: the past fades */
    EVICTED_AT_ONCE = 64,   /* in one miniature cache */
    BELOW_MIN = 1 << 8,
    EVENTS_MAX = 4000,            /* a second, in the sample: of a microsecond each; */
    BELOW_BUSY = 1U << (32 - 11), /*   one key in 2048 is never too many */
    BUSY_MS = 50,                 /* the shortest time to judge by */
};

static const struct {
    const char *name;
    double factor;
} sizes[CACHE_WHATIFS] = {{"0.25x", 0.25}, {"0.5x", 0.5}, {"1x", 1},
                          {"2x", 2},       {"4x", 4},     {"8x", 8}};

/* A key; free records are chained as well. Reference 0 is none. */
struct record {
    struct lineup_node nodes[CACHE_WHATIFS];
    uint32_t next;
    uint32_t size;
    uint64_t hash;
    int64_t ends_ms;
    uint8_t unused[32]; /* references are shifted: a record is a power of two */
};

_Static_assert(sizeof(struct record) == WHATIF_RECORD_BYTES, "records are counted by shifting");
_Static_assert(sizeof(struct record) == 1 << RECORD_SHIFT, "records are counted by shifting");

struct miniature {
    struct policy *policy;
    struct policy_marker marker;
    struct lineup lineup;
    uint64_t hits;
};

struct whatif {
    struct latch latch;
    struct whatif_gate *gate;
    struct record *records;
    uint32_t *chains;
    size_t records_count;
    size_t chains_count;
    uint32_t free;
    size_t used;
    struct miniature miniatures[CACHE_WHATIFS];
    struct random random;
    size_t bytes;    /* of the real cache */
    double expected; /* look-ups that the sample should have seen, */
    uint64_t seen;   /*   and that it saw */
    bool is_told;    /* it has seen enough: fewer after thinning out do not make it unknown again */
    size_t tidied;   /* where tidying goes on */
    uint64_t events; /* since `events_ms` */
    int64_t events_ms;
    size_t thinning; /* records that may still lie above the threshold */
};

static double rate(const struct whatif *whatif)
{
    return (double)atomic_load_explicit(&whatif->gate->below, memory_order_relaxed) / 0x1p32;
}

/* ---- records ----------------------------------------------------------------------------- */

static uint32_t *chain_of(const struct whatif *whatif, uint64_t hash)
{
    return &whatif->chains[(hash >> 32) * whatif->chains_count >> 32];
}

static uint32_t find(const struct whatif *whatif, uint64_t hash)
{
    uint32_t ref = *chain_of(whatif, hash);

    while (ref != 0 && whatif->records[ref].hash != hash)
        ref = whatif->records[ref].next;
    return ref;
}

static void free_all(struct whatif *whatif)
{
    memset(whatif->chains, 0, whatif->chains_count * sizeof *whatif->chains);
    memset(whatif->records, 0, (whatif->records_count + 1) * sizeof *whatif->records);
    whatif->free = 1;
    for (uint32_t ref = 1; ref < whatif->records_count; ref++)
        whatif->records[ref].next = ref + 1;
    whatif->used = 0;
}

/* 0: all are taken. */
static uint32_t take(struct whatif *whatif, uint64_t hash)
{
    uint32_t ref = whatif->free;
    uint32_t *chain = chain_of(whatif, hash);

    if (ref == 0)
        return 0;
    whatif->free = whatif->records[ref].next;
    whatif->records[ref].hash = hash;
    whatif->records[ref].next = *chain;
    *chain = ref;
    whatif->used++;
    return ref;
}

/* Gives the record back when no cache has the key any more. */
static void release(struct whatif *whatif, uint32_t ref)
{
    struct record *record = &whatif->records[ref];
    uint32_t *at = chain_of(whatif, record->hash);

    for (unsigned i = 0; i < CACHE_WHATIFS; i++) {
        if (record->nodes[i].queue != 0)
            return;
    }
    while (*at != ref)
        at = &whatif->records[*at].next;
    *at = record->next;
    record->next = whatif->free;
    whatif->free = ref;
    whatif->used--;
}

static void forget(struct whatif *whatif, uint32_t ref)
{
    for (unsigned i = 0; i < CACHE_WHATIFS; i++)
        lineup_remove(&whatif->miniatures[i].lineup, ref, whatif->records[ref].size);
    release(whatif, ref);
}

/* ---- one miniature cache ----------------------------------------------------------------- */

static void tell(void *context, uint32_t ref, struct policy_candidate *candidate)
{
    const struct record *record = &((const struct whatif *)context)->records[ref];

    candidate->size = record->size;
    candidate->has_ttl = record->ends_ms != INT64_MAX;
    candidate->ends_ms = record->ends_ms;
}

static uint64_t hash_of(void *context, uint32_t ref)
{
    return ((const struct whatif *)context)->records[ref].hash;
}

/* False: nothing leaves, or too much would have to leave at once. */
static bool make_room(struct whatif *whatif, unsigned number, size_t size)
{
    struct miniature *miniature = &whatif->miniatures[number];
    struct lineup_callbacks callbacks = {tell, hash_of, NULL, whatif};
    double max = (double)whatif->bytes * sizes[number].factor * rate(whatif);

    if ((double)size > max)
        return false;
    for (int i = 0; (double)(policy_bytes(miniature->policy) + size) > max; i++) {
        uint32_t victim = i == EVICTED_AT_ONCE ? 0 : lineup_victim(&miniature->lineup, &callbacks);

        if (victim == 0)
            return false;
        release(whatif, victim);
    }
    return true;
}

/* The key comes into all caches that do not have it. */
static void admit(struct whatif *whatif, uint32_t ref)
{
    const struct record *record = &whatif->records[ref];

    for (unsigned i = 0; i < CACHE_WHATIFS; i++) {
        if (record->nodes[i].queue == 0 && make_room(whatif, i, record->size))
            lineup_insert(&whatif->miniatures[i].lineup, ref, record->hash, record->size);
    }
    release(whatif, ref);
}

static void resize(struct whatif *whatif, struct record *record, uint32_t size)
{
    for (unsigned i = 0; i < CACHE_WHATIFS; i++) {
        unsigned queue = record->nodes[i].queue;

        if (queue == 0)
            continue;
        policy_count_out(whatif->miniatures[i].policy, queue, record->size);
        policy_count_in(whatif->miniatures[i].policy, queue, size);
    }
    record->size = size;
}

/* ---- the sample -------------------------------------------------------------------------- */

static void halve_counts(struct whatif *whatif)
{
    whatif->expected /= 2;
    whatif->seen /= 2;
    for (unsigned i = 0; i < CACHE_WHATIFS; i++)
        whatif->miniatures[i].hits /= 2;
}

/* One key in twice as many from now on, so what was counted so far counts half. What lies above the
 * threshold is given back by tidying. */
static void thin_out(struct whatif *whatif)
{
    uint32_t below = atomic_load_explicit(&whatif->gate->below, memory_order_relaxed);

    if (below <= BELOW_MIN)
        return;
    atomic_store_explicit(&whatif->gate->below, below / 2, memory_order_relaxed);
    whatif->thinning = whatif->records_count;
    halve_counts(whatif);
}

/* The record of a key that was put or found, and is in none of the caches yet if it is new. */
static uint32_t know(struct whatif *whatif, const struct whatif_key *key)
{
    uint32_t ref = find(whatif, key->hash);
    uint32_t size = key->size < UINT32_MAX ? (uint32_t)key->size : UINT32_MAX;

    if (ref == 0)
        ref = take(whatif, key->hash);
    if (ref == 0) {
        thin_out(whatif);
        return 0;
    }
    if (whatif->records[ref].size != size)
        resize(whatif, &whatif->records[ref], size);
    whatif->records[ref].ends_ms = key->ends_ms;
    return ref;
}

static void count(struct whatif *whatif, uint32_t ref, uint64_t look_ups)
{
    whatif->expected += (double)look_ups * rate(whatif);
    whatif->seen++;
    for (unsigned i = 0; ref != 0 && i < CACHE_WHATIFS; i++) {
        struct miniature *miniature = &whatif->miniatures[i];
        struct lineup_node *node = &whatif->records[ref].nodes[i];

        if (node->queue == 0)
            continue;
        miniature->hits++;
        lineup_hit(node, &miniature->marker, &whatif->random);
    }
    if (whatif->seen >= LOOK_UPS_MAX)
        halve_counts(whatif);
}

/* Takes the latch, unless it is taken or the sample is being thinned out. */
static bool enter(struct whatif *whatif)
{
    if (!latch_try(&whatif->latch))
        return false;
    whatif->events++;
    if (whatif->thinning == 0)
        return true;
    latch_unlock(&whatif->latch);
    return false;
}

void whatif_look(struct whatif *whatif, const struct whatif_key *key, uint64_t look_ups,
                 int64_t now_ms)
{
    uint32_t ref = 0;

    if (!enter(whatif))
        return;
    ref = find(whatif, key->hash);
    if (ref != 0 && whatif->records[ref].ends_ms <= now_ms) {
        forget(whatif, ref);
        ref = 0;
    }
    count(whatif, ref, look_ups);
    /* Where it is missing, a smaller cache would have loaded it now. */
    if (key->size > 0 && (ref = know(whatif, key)) != 0)
        admit(whatif, ref);
    latch_unlock(&whatif->latch);
}

void whatif_put(struct whatif *whatif, const struct whatif_key *key)
{
    uint32_t ref = 0;

    if (!enter(whatif))
        return;
    ref = know(whatif, key);
    if (ref != 0)
        admit(whatif, ref);
    latch_unlock(&whatif->latch);
}

void whatif_forget(struct whatif *whatif, uint64_t hash)
{
    uint32_t ref = 0;

    if (!enter(whatif))
        return;
    ref = find(whatif, hash);
    if (ref != 0)
        forget(whatif, ref);
    latch_unlock(&whatif->latch);
}

/* Look-ups and puts pay for the sample: the more there are, the thinner it is. */
static void watch_load(struct whatif *whatif, int64_t now_ms)
{
    int64_t passed_ms = now_ms - whatif->events_ms;
    uint32_t below = atomic_load_explicit(&whatif->gate->below, memory_order_relaxed);

    if (passed_ms < BUSY_MS)
        return;
    if (whatif->events_ms != 0 && below > BELOW_BUSY && whatif->thinning == 0 &&
        whatif->events * 1000 / (uint64_t)passed_ms > EVENTS_MAX)
        thin_out(whatif);
    whatif->events = 0;
    whatif->events_ms = now_ms;
}

bool whatif_tidy(struct whatif *whatif, int64_t now_ms)
{
    uint32_t below = 0;
    bool more = false;

    if (!latch_try(&whatif->latch))
        return false;
    watch_load(whatif, now_ms);
    below = atomic_load_explicit(&whatif->gate->below, memory_order_relaxed);
    for (size_t i = 0; i < TIDIED_AT_ONCE && i < whatif->records_count; i++) {
        uint32_t ref = (uint32_t)(whatif->tidied++ % whatif->records_count) + 1;
        const struct record *record = &whatif->records[ref];

        if (record->size > 0 && find(whatif, record->hash) == ref &&
            ((uint32_t)record->hash >= below || record->ends_ms <= now_ms))
            forget(whatif, ref);
        if (whatif->thinning > 0)
            whatif->thinning--;
    }
    for (unsigned i = 0; i < CACHE_WHATIFS; i++)
        policy_time(&whatif->miniatures[i].marker, now_ms);
    more = whatif->thinning > 0;
    latch_unlock(&whatif->latch);
    return more;
}

/* ---- life -------------------------------------------------------------------------------- */

static void begin(struct whatif *whatif, const struct policy_settings *settings)
{
    free_all(whatif);
    for (unsigned i = 0; i < CACHE_WHATIFS; i++) {
        struct miniature *miniature = &whatif->miniatures[i];
        struct lineup_places places = {.base = (uint8_t *)whatif->records,
                                       .shift = RECORD_SHIFT,
                                       .offset = offsetof(struct record, nodes) +
                                                 i * sizeof(struct lineup_node)};

        policy_free(&miniature->policy);
        miniature->policy = policy_new(settings);
        must(miniature->policy != NULL);
        lineup_init(&miniature->lineup, miniature->policy, &miniature->marker, places);
        miniature->hits = 0;
    }
    whatif->expected = 0;
    whatif->seen = 0;
    whatif->is_told = false;
    whatif->thinning = 0;
}

struct whatif *whatif_new(const struct policy_settings *settings, size_t records, uint32_t one_in,
                          struct whatif_gate *gate)
{
    struct whatif *whatif = mem_new(1, sizeof *whatif);
    struct policy_settings small = *settings;

    must(records > 0);
    must(one_in > 0);
    small.entries_hint = 0;
    whatif->gate = gate;
    whatif->records_count = records;
    whatif->chains_count = records / CHAIN_LOAD + 1;
    whatif->records = mem_new(records + 1, sizeof *whatif->records);
    whatif->chains = mem_new(whatif->chains_count, sizeof *whatif->chains);
    random_init(&whatif->random, settings->seed);
    begin(whatif, &small);
    atomic_store(&gate->below, UINT32_MAX / one_in);
    return whatif;
}

void whatif_free(struct whatif **owner)
{
    struct whatif *whatif = *owner;

    if (whatif == NULL)
        return;
    for (unsigned i = 0; i < CACHE_WHATIFS; i++)
        policy_free(&whatif->miniatures[i].policy);
    mem_free(&whatif->records);
    mem_free(&whatif->chains);
    mem_free(owner);
}

void whatif_set_policy(struct whatif *whatif, const struct policy_settings *settings)
{
    struct policy_settings small = *settings;

    small.entries_hint = 0;
    latch_lock(&whatif->latch);
    begin(whatif, &small);
    latch_unlock(&whatif->latch);
}

void whatif_set_bytes(struct whatif *whatif, size_t bytes)
{
    latch_lock(&whatif->latch);
    whatif->bytes = bytes;
    latch_unlock(&whatif->latch);
}

size_t whatif_cost(struct whatif *whatif)
{
    size_t cost = sizeof *whatif + (whatif->records_count + 1) * sizeof *whatif->records +
                  whatif->chains_count * sizeof *whatif->chains;

    latch_lock(&whatif->latch);
    for (unsigned i = 0; i < CACHE_WHATIFS; i++)
        cost += policy_cost(whatif->miniatures[i].policy);
    latch_unlock(&whatif->latch);
    return cost;
}

static double ratio_of(const struct whatif *whatif, uint64_t hits)
{
    double ratio = ((double)hits + whatif->expected - (double)whatif->seen) / whatif->expected;

    if (ratio < 0)
        return 0;
    return ratio < 1 ? ratio : 1;
}

bool whatif_read(struct whatif *whatif, struct cache_whatif ret_rows[CACHE_WHATIFS])
{
    bool enough = false;

    latch_lock(&whatif->latch);
    whatif->is_told |= whatif->seen >= LOOK_UPS_MIN;
    enough = whatif->is_told && whatif->expected > 0;
    for (unsigned i = 0; enough && i < CACHE_WHATIFS; i++)
        ret_rows[i] = (struct cache_whatif){sizes[i].name, sizes[i].factor,
                                            ratio_of(whatif, whatif->miniatures[i].hits)};
    latch_unlock(&whatif->latch);
    return enough;
}
