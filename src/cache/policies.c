/* policies.c: the policies by name, and what they have in common: the calls of policy.h.
 * SPDX-License-Identifier: MIT
 */
#include "cache/policy.h"

#include "base/mem.h"
#include "base/must.h"
#include "cache/policy_kind.h"

#include <string.h>

static const struct policy_kind *const kinds[] = {
#define POLICY(symbol, name, redis, text) &policy_##symbol,
#include "cache/policies.def"
#undef POLICY
};

enum {
    KINDS = sizeof kinds / sizeof kinds[0],
    SEARCHED_MAX = 16384, /* candidates that cannot leave, before going on later: a millisecond */
    SEARCHED_IN_VAIN_MAX = 64,
};

const char *const *policy_names(void)
{
    static const char *const names[KINDS + 1] = {
#define POLICY(symbol, name, redis, text) name,
#include "cache/policies.def"
#undef POLICY
    };

    return names;
}

const char *const *policy_objective_names(void)
{
    static const char *const names[POLICY_OBJECTIVES + 1] = {"requests", "bytes"};

    return names;
}

enum policy_objective policy_objective(const char *name)
{
    unsigned i = 0;

    while (i < POLICY_OBJECTIVES && strcmp(policy_objective_names()[i], name) != 0)
        i++;
    return (enum policy_objective)i;
}

static const char *const redis_names[KINDS] = {
#define POLICY(symbol, name, redis, text) redis,
#include "cache/policies.def"
#undef POLICY
};

static unsigned find_kind(const char *name)
{
    unsigned i = 0;

    while (i < KINDS && strcmp(kinds[i]->name, name) != 0 && strcmp(redis_names[i], name) != 0)
        i++;
    return i;
}

const char *policy_name(const char *name)
{
    unsigned i = find_kind(name);

    return i == KINDS ? NULL : kinds[i]->name;
}

const char *policy_redis_name(const char *name)
{
    unsigned i = find_kind(name);

    return i == KINDS ? NULL : redis_names[i];
}

static void set_marker(struct policy *policy)
{
    uint32_t word = (uint32_t)(policy->clock << POLICY_MARKS_BITS) | policy->kind->marks;

    atomic_store_explicit(&policy->marker->word, word, memory_order_relaxed);
}

struct policy *policy_new(const struct policy_settings *settings)
{
    unsigned number = find_kind(settings->name);
    struct policy *policy = NULL;

    if (number == KINDS)
        return NULL;
    must(kinds[number]->size >= sizeof *policy);
    policy = mem_new(1, kinds[number]->size);
    policy->kind = kinds[number];
    policy->objective = settings->objective;
    if (policy->kind->begin != NULL)
        policy->kind->begin(policy, settings);
    return policy;
}

void policy_free(struct policy **owner)
{
    struct policy *policy = *owner;

    if (policy == NULL)
        return;
    if (policy->kind->end != NULL)
        policy->kind->end(policy);
    mem_free(owner);
}

void policy_attach(struct policy *policy, struct policy_marker *marker)
{
    policy->marker = marker;
    set_marker(policy);
}

void policy_inherit(struct policy *policy, const struct policy *old)
{
    policy->queues[POLICY_FIRST] = policy->all = old->all;
}

const char *policy_called(const struct policy *policy)
{
    return policy->kind->name;
}

bool policy_by_hand(const struct policy *policy)
{
    return policy->kind->by_hand;
}

size_t policy_cost(const struct policy *policy)
{
    return policy->kind->size + (policy->kind->cost == NULL ? 0 : policy->kind->cost(policy));
}

/* ---- counts ------------------------------------------------------------------------------ */

void policy_count_in(struct policy *policy, unsigned queue, size_t size)
{
    must(queue > 0);
    must(queue <= POLICY_QUEUES);
    policy->queues[queue].count++;
    policy->queues[queue].bytes += size;
    policy->all.count++;
    policy->all.bytes += size;
}

void policy_count_out(struct policy *policy, unsigned queue, size_t size)
{
    must(queue > 0);
    must(queue <= POLICY_QUEUES);
    must(policy->queues[queue].count > 0);
    must(policy->queues[queue].bytes >= size);
    policy->queues[queue].count--;
    policy->queues[queue].bytes -= size;
    policy->all.count--;
    policy->all.bytes -= size;
}

void policy_count_moved(struct policy *policy, unsigned from, unsigned to, size_t count,
                        size_t bytes)
{
    must(from - 1 < POLICY_QUEUES);
    must(to - 1 < POLICY_QUEUES);
    must(policy->queues[from].count >= count);
    must(policy->queues[from].bytes >= bytes);
    policy->queues[from].count -= count;
    policy->queues[from].bytes -= bytes;
    policy->queues[to].count += count;
    policy->queues[to].bytes += bytes;
}

unsigned policy_queue_of(const struct policy *policy, unsigned queue)
{
    return queue <= policy->kind->queues ? queue : POLICY_FIRST;
}

size_t policy_count(const struct policy *policy)
{
    return policy->all.count;
}

size_t policy_bytes(const struct policy *policy)
{
    return policy->all.bytes;
}

/* ---- marks and time ---------------------------------------------------------------------- */

uint16_t policy_fresh(const struct policy_marker *marker)
{
    uint32_t word = atomic_load_explicit(&marker->word, memory_order_relaxed);

    switch ((enum policy_marks)(word & ((1 << POLICY_MARKS_BITS) - 1))) {
    case POLICY_STAMPS:
        return (uint16_t)(word >> POLICY_MARKS_BITS & POLICY_MASK);
    case POLICY_LOGS:
        return policy_log_fresh(word >> POLICY_MARKS_BITS);
    case POLICY_IGNORES:
    case POLICY_COUNTS:
        break;
    }
    return 0;
}

bool policy_frequency(const struct policy_marker *marker, uint16_t bits, unsigned *ret_count)
{
    uint32_t word = atomic_load_explicit(&marker->word, memory_order_relaxed);

    if ((word & ((1 << POLICY_MARKS_BITS) - 1)) != POLICY_LOGS)
        return false;
    *ret_count = policy_log_count(bits, word >> POLICY_MARKS_BITS);
    return true;
}

/* Time is what enters, measured by what is there: it stands still when nothing changes. */
static void clock_advance(struct policy *policy, size_t size)
{
    size_t bytes = policy->all.bytes > 0 ? policy->all.bytes : 1;

    policy->clock_owed += size * POLICY_TICKS;
    if (policy->clock_owed < bytes)
        return;
    policy->clock += policy->clock_owed / bytes;
    policy->clock_owed %= bytes;
    set_marker(policy);
}

/* ---- decisions --------------------------------------------------------------------------- */

unsigned policy_enter(struct policy *policy, uint64_t hash, size_t size)
{
    if (policy->kind->marks == POLICY_STAMPS || policy->kind->marks == POLICY_LOGS)
        clock_advance(policy, size);
    return policy->kind->enter == NULL ? POLICY_FIRST : policy->kind->enter(policy, hash, size);
}

bool policy_shift(struct policy *policy, struct policy_shift *ret_shift)
{
    return policy->kind->shift != NULL && policy->kind->shift(policy, ret_shift);
}

/* The hand looks for entries that end one day. When it has been round and saw none it looks at a
 * few each time, for an entry may be given an end later. */
static unsigned source_of_volatile(struct policy *policy)
{
    size_t max = policy->ends.endless > policy->all.count ? SEARCHED_IN_VAIN_MAX : SEARCHED_MAX;

    if (policy->ends.searched++ < max)
        return POLICY_FIRST;
    policy->ends.searched = 0;
    return 0;
}

unsigned policy_source(struct policy *policy)
{
    if (policy->all.count == 0)
        return 0;
    if (policy->kind->volatile_only)
        return source_of_volatile(policy);
    return policy->kind->source == NULL ? POLICY_FIRST : policy->kind->source(policy);
}

static bool sees_an_end(struct policy *policy, bool ends)
{
    policy->ends.seen++;
    policy->ends.seen_ending += ends ? 1 : 0;
    policy->ends.endless = ends ? 0 : policy->ends.endless + 1;
    if (policy->ends.seen >= policy->all.count) {
        policy->ends.ending = policy->ends.seen_ending;
        policy->ends.seen = policy->ends.seen_ending = 0;
    }
    return ends;
}

unsigned policy_review(struct policy *policy, struct policy_candidate *candidate)
{
    unsigned verdict = POLICY_STAYS;

    if (policy->kind->volatile_only && !sees_an_end(policy, candidate->has_ttl))
        return POLICY_STAYS;
    verdict = policy->kind->review(policy, candidate);
    policy->spared = verdict == POLICY_LEAVES ? 0 : policy->spared + 1;
    policy->told += verdict == POLICY_LEAVES ? 1 : 0;
    return verdict;
}

void policy_left(struct policy *policy, uint64_t hash, unsigned queue)
{
    policy->told = 0;
    policy->ends.searched = 0;
    if (policy->kind->left != NULL)
        policy->kind->left(policy, hash, queue);
}
