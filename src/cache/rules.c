/* rules.c: what a rule concerns. SPDX-License-Identifier: MIT */
#include "cache/rules.h"

#include "base/glob.h"
#include "base/mem.h"
#include "cache/cache.h"

/* Whether a key fits the rule. */
static bool rule_fits(const struct rule *rule, unsigned space, struct bytes name)
{
    struct bytes pattern = {rule->name, rule->size};

    if (rule->space != space)
        return false;
    if (rule->test != NULL)
        return rule->test->fits(rule->test, name);
    return rule->glob ? glob_fits(pattern, name) : bytes_begin_with(name, pattern);
}

void rule_free(struct rule **owner)
{
    if (*owner != NULL && (*owner)->test != NULL)
        (*owner)->test->drop((*owner)->test);
    mem_free(owner);
}

bool rules_add(struct rules *rules, struct rule *rule)
{
    for (unsigned i = 0; i < RULES_MAX; i++) {
        if (atomic_load_explicit(&rules->at[i], memory_order_relaxed) != NULL)
            continue;
        atomic_store_explicit(&rules->at[i], rule, memory_order_release);
        atomic_fetch_add(&rules->count, 1);
        return true;
    }
    return false;
}

bool rules_remove(const struct rules *rules, unsigned space, struct bytes name, struct stamp stamp,
                  int64_t *soft_ms)
{
    for (unsigned i = 0; i < RULES_MAX; i++) {
        const struct rule *rule = atomic_load_explicit(&rules->at[i], memory_order_acquire);

        if (rule == NULL || !purge_is_after(&rule->number, stamp) || !rule_fits(rule, space, name))
            continue;
        if (!rule->soft)
            return true;
        if (rule->soft_ms < *soft_ms)
            *soft_ms = rule->soft_ms;
    }
    return false;
}

uint64_t rules_against(const struct rules *rules, unsigned space, struct bytes name,
                       uint64_t sequence)
{
    uint64_t highest = 0;

    for (unsigned i = 0; i < RULES_MAX; i++) {
        const struct rule *rule = atomic_load_explicit(&rules->at[i], memory_order_acquire);

        uint64_t number = rule == NULL ? 0 : atomic_load(&rule->number.sequence);

        if (number > sequence && number > highest && rule_fits(rule, space, name))
            highest = number;
    }
    return highest;
}
