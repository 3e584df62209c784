/* breaker.c: slots, states. SPDX-License-Identifier: MIT */
#include "upstream/breaker.h"

/* A state's word: two bits of state, one bit "a probe is under way", the time. */
enum { STATE_BITS = 2, STATE_MASK = 3, PROBING = 4, TIME_SHIFT = 3 };

/* A slot's word: 24 bits of the slot's own number in time, 20 of requests, 20 of failures. */
enum { COUNT_BITS = 20, COUNT_MAX = (1 << COUNT_BITS) - 1, EPOCH_MASK = (1 << 24) - 1 };

static uint64_t word_of(enum breaker_state state, bool probing, int64_t since_ms)
{
    return (uint64_t)since_ms << TIME_SHIFT | (probing ? (uint64_t)PROBING : 0) | (uint64_t)state;
}

static enum breaker_state state_of(uint64_t word)
{
    return (enum breaker_state)(word & STATE_MASK);
}

static int64_t since_of(uint64_t word)
{
    return (int64_t)(word >> TIME_SHIFT);
}

enum breaker_state breaker_state(const struct breaker *breaker)
{
    return state_of(atomic_load_explicit(&breaker->state, memory_order_relaxed));
}

int64_t breaker_since_ms(const struct breaker *breaker)
{
    return since_of(atomic_load_explicit(&breaker->state, memory_order_relaxed));
}

/* ---- the window --------------------------------------------------------------------------- */

static uint64_t epoch_of(const struct breaker_rules *rules, int64_t now_ms)
{
    int64_t slot_ms = rules->window_ms / BREAKER_SLOTS;

    return (uint64_t)(now_ms / (slot_ms > 0 ? slot_ms : 1));
}

static void count(struct breaker *breaker, const struct breaker_rules *rules, bool is_ok,
                  int64_t now_ms)
{
    uint64_t epoch = epoch_of(rules, now_ms);
    _Atomic uint64_t *slot = &breaker->slots[epoch % BREAKER_SLOTS];
    uint64_t old = atomic_load_explicit(slot, memory_order_relaxed);
    uint64_t next = 0;

    epoch &= EPOCH_MASK;
    do {
        uint64_t requests = old >> COUNT_BITS & COUNT_MAX, failures = old & COUNT_MAX;

        if (old >> (2 * COUNT_BITS) != epoch)
            requests = failures = 0;
        if (requests < COUNT_MAX) {
            requests++;
            failures += is_ok ? 0 : 1;
        }
        next = epoch << (2 * COUNT_BITS) | requests << COUNT_BITS | failures;
    } while (!atomic_compare_exchange_weak_explicit(slot, &old, next, memory_order_relaxed,
                                                    memory_order_relaxed));
}

struct breaker_counts breaker_counts(const struct breaker *breaker,
                                     const struct breaker_rules *rules, int64_t now_ms)
{
    uint64_t epoch = epoch_of(rules, now_ms);
    struct breaker_counts counts = {0, 0};

    for (unsigned i = 0; i < BREAKER_SLOTS; i++) {
        uint64_t slot = atomic_load_explicit(&breaker->slots[i], memory_order_relaxed);
        uint64_t age = (epoch - (slot >> (2 * COUNT_BITS))) & EPOCH_MASK;

        if (age >= BREAKER_SLOTS)
            continue;
        counts.requests += slot >> COUNT_BITS & COUNT_MAX;
        counts.failures += slot & COUNT_MAX;
    }
    return counts;
}

static bool is_too_much(const struct breaker *breaker, const struct breaker_rules *rules,
                        int64_t now_ms)
{
    if (rules->failures_max > 0 &&
        atomic_load_explicit(&breaker->failures, memory_order_relaxed) >= rules->failures_max)
        return true;
    struct breaker_counts counts = breaker_counts(breaker, rules, now_ms);

    return counts.requests >= rules->requests_min && counts.failures > 0 &&
           (double)counts.failures >= rules->error_rate * (double)counts.requests;
}

static void forget_window(struct breaker *breaker)
{
    atomic_store(&breaker->failures, 0);
    for (unsigned i = 0; i < BREAKER_SLOTS; i++)
        atomic_store(&breaker->slots[i], 0);
}

/* ---- the states --------------------------------------------------------------------------- */

enum breaker_leave breaker_ask(struct breaker *breaker, const struct breaker_rules *rules,
                               int64_t now_ms)
{
    uint64_t word = atomic_load_explicit(&breaker->state, memory_order_relaxed);
    bool is_free = state_of(word) == BREAKER_HALF_OPEN && (word & PROBING) == 0;

    if (state_of(word) == BREAKER_CLOSED)
        return BREAKER_PASS;
    /* A probe of which nothing was heard for so long does not keep others from trying. */
    if (!is_free && now_ms < since_of(word) + rules->open_ms)
        return BREAKER_REFUSE;
    if (state_of(word) == BREAKER_OPEN)
        atomic_store(&breaker->probed, 0);
    return atomic_compare_exchange_strong(&breaker->state, &word,
                                          word_of(BREAKER_HALF_OPEN, true, now_ms))
               ? BREAKER_PROBE
               : BREAKER_REFUSE;
}

static bool note_probe(struct breaker *breaker, const struct breaker_rules *rules, bool is_ok,
                       int64_t now_ms)
{
    uint64_t word = atomic_load(&breaker->state);

    if (state_of(word) != BREAKER_HALF_OPEN)
        return false;
    if (!is_ok)
        return atomic_compare_exchange_strong(&breaker->state, &word,
                                              word_of(BREAKER_OPEN, false, now_ms));
    if (atomic_fetch_add(&breaker->probed, 1) + 1 < rules->probes) {
        (void)atomic_compare_exchange_strong(&breaker->state, &word,
                                             word_of(BREAKER_HALF_OPEN, false, since_of(word)));
        return false;
    }
    forget_window(breaker);
    return atomic_compare_exchange_strong(&breaker->state, &word,
                                          word_of(BREAKER_CLOSED, false, now_ms));
}

bool breaker_note(struct breaker *breaker, const struct breaker_rules *rules,
                  struct breaker_outcome outcome, int64_t now_ms)
{
    uint64_t word = atomic_load_explicit(&breaker->state, memory_order_relaxed);

    if (outcome.is_probe)
        return note_probe(breaker, rules, outcome.is_ok, now_ms);
    if (state_of(word) != BREAKER_CLOSED)
        return false; /* what went before it opened says nothing new */
    count(breaker, rules, outcome.is_ok, now_ms);
    if (outcome.is_answered) {
        if (atomic_load_explicit(&breaker->failures, memory_order_relaxed) != 0)
            atomic_store_explicit(&breaker->failures, 0, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(&breaker->failures, 1, memory_order_relaxed);
    }
    return !outcome.is_ok && is_too_much(breaker, rules, now_ms) &&
           atomic_compare_exchange_strong(&breaker->state, &word,
                                          word_of(BREAKER_OPEN, false, now_ms));
}

void breaker_forget(struct breaker *breaker, int64_t now_ms)
{
    uint64_t word = atomic_load(&breaker->state);

    if (state_of(word) == BREAKER_HALF_OPEN)
        (void)atomic_compare_exchange_strong(&breaker->state, &word,
                                             word_of(BREAKER_HALF_OPEN, false, now_ms));
}
