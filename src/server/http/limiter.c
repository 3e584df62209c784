/* limiter.c: token buckets in a table of fixed size. SPDX-License-Identifier: MIT */
#include "server/http/limiter.h"

#include "base/mem.h"
#include "base/must.h"
#include "base/number.h"

#include <stdatomic.h>

enum { WAYS = 4 };

struct place {
    _Atomic uint64_t hash; /* 0: nobody's */
    _Atomic int64_t full_ns;
};

struct limiter {
    atomic_uint uses;
    uint64_t mask; /* of rows */
    size_t size;
    struct place *places; /* WAYS in a row */
};

static const int64_t second_ns = 1000000000;

static int64_t period_ns(struct bytes unit)
{
    static const struct {
        struct bytes name;
        int64_t seconds;
    } units[] = {{BYTES_INIT("s"), 1},
                 {BYTES_INIT("m"), 60},
                 {BYTES_INIT("h"), 3600},
                 {BYTES_INIT("d"), 86400}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (bytes_equal(unit, units[i].name))
            return units[i].seconds * second_ns;
    }
    return 0;
}

enum err limiter_rate_parse(struct bytes text, struct limiter_rate *ret_rate)
{
    struct bytes rest = text;
    struct bytes count = bytes_cut(&rest, '/');
    int64_t period = period_ns(rest);
    uint64_t number = 0;

    if (period == 0 || number_u64(count, &number) != ERR_OK)
        return ERR_SYNTAX;
    if (number == 0 || number > (uint64_t)period / 1000)
        return ERR_RANGE;
    *ret_rate = (struct limiter_rate){period / (int64_t)number, 1};
    return ERR_OK;
}

struct limiter *limiter_new(uint64_t places)
{
    struct limiter *limiter = mem_new(1, sizeof *limiter);
    uint64_t rows = 1;

    limiter->uses = 1;
    while (rows * WAYS < places)
        rows *= 2;
    limiter->mask = rows - 1;
    limiter->size = rows * WAYS * sizeof *limiter->places;
    limiter->places = mem_new(rows * WAYS, sizeof *limiter->places);
    return limiter;
}

struct limiter *limiter_hold(struct limiter *limiter)
{
    atomic_fetch_add(&limiter->uses, 1);
    return limiter;
}

void limiter_drop(struct limiter **owner)
{
    struct limiter *limiter = *owner;

    *owner = NULL;
    if (limiter == NULL || atomic_fetch_sub(&limiter->uses, 1) > 1)
        return;
    mem_free(&limiter->places);
    mem_free(&limiter);
}

size_t limiter_size(const struct limiter *limiter)
{
    return limiter->size;
}

/* The place of the hash; if it has none, one that is nobody's or whose bucket is full, else the one
 * that is nearest to full, is made its place. */
static struct place *find(struct limiter *limiter, uint64_t hash, int64_t now_ns, bool *ret_evicted)
{
    struct place *row = &limiter->places[(hash >> 8 & limiter->mask) * WAYS];
    struct place *best = &row[0];

    *ret_evicted = false;
    for (size_t i = 0; i < WAYS; i++) {
        if (atomic_load_explicit(&row[i].hash, memory_order_relaxed) == hash)
            return &row[i];
        if (atomic_load_explicit(&row[i].full_ns, memory_order_relaxed) <
            atomic_load_explicit(&best->full_ns, memory_order_relaxed))
            best = &row[i];
    }
    *ret_evicted = atomic_load_explicit(&best->full_ns, memory_order_relaxed) > now_ns;
    atomic_store_explicit(&best->hash, hash, memory_order_relaxed);
    atomic_store_explicit(&best->full_ns, now_ns, memory_order_relaxed);
    return best;
}

bool limiter_take(struct limiter *limiter, uint64_t hash, struct limiter_rate rate, int64_t now_ns,
                  struct limiter_state *ret_state)
{
    must(hash != 0 && rate.interval_ns > 0 && rate.burst > 0);
    struct place *place = find(limiter, hash, now_ns, &ret_state->has_evicted);
    int64_t depth_ns = multiply_saturated(rate.interval_ns, (int64_t)(rate.burst - 1));
    int64_t full_ns = atomic_load_explicit(&place->full_ns, memory_order_relaxed);
    int64_t from_ns = 0;

    do {
        from_ns = full_ns > now_ns ? full_ns : now_ns;
        if (from_ns - now_ns > depth_ns) {
            ret_state->left = 0;
            ret_state->retry_ns = from_ns - now_ns - depth_ns;
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&place->full_ns, &full_ns,
                                                    from_ns + rate.interval_ns,
                                                    memory_order_relaxed, memory_order_relaxed));
    ret_state->left = (uint64_t)((depth_ns - (from_ns - now_ns)) / rate.interval_ns);
    ret_state->retry_ns = 0;
    return true;
}
