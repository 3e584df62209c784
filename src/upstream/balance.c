/* balance.c: four ways to choose. SPDX-License-Identifier: MIT */
#include "upstream/balance.h"

#include "base/mem.h"

#include <stdlib.h>

enum { WARM_LEAST = 10 /* hundredths of its weight that a server begins with */ };

/* The same in every process, so that several gateways agree. */
static const struct hash_secret ring_secret = {{0x6c61726465723231, 0x72696e67}};

uint64_t balance_warm_weight(uint64_t weight, int64_t warm_ms, int64_t slow_start_ms)
{
    uint64_t whole = weight * BALANCE_WEIGHT;

    if (warm_ms < 0 || warm_ms >= slow_start_ms)
        return whole;
    uint64_t share = (uint64_t)(warm_ms * 100 / slow_start_ms);

    return whole * (share < WARM_LEAST ? WARM_LEAST : share) / 100;
}

/* ---- in turn ------------------------------------------------------------------------------ */

/* Smooth weighted round robin: everybody is given his weight, who has most is chosen and pays the
 * sum. */
static ptrdiff_t pick_in_turn(struct balance_candidate *candidates, size_t count)
{
    ptrdiff_t best = BALANCE_NONE;
    int64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        if (!candidates[i].is_usable)
            continue;
        candidates[i].credit += (int64_t)candidates[i].weight;
        sum += (int64_t)candidates[i].weight;
        if (best == BALANCE_NONE || candidates[i].credit > candidates[best].credit)
            best = (ptrdiff_t)i;
    }
    if (best != BALANCE_NONE)
        candidates[best].credit -= sum;
    return best;
}

/* ---- by load ------------------------------------------------------------------------------ */

static bool is_less_loaded(const struct balance_candidate *a, const struct balance_candidate *b)
{
    return (a->active + 1) * b->weight < (b->active + 1) * a->weight;
}

/* Among those with the least load, in turn. */
static ptrdiff_t pick_least(struct balance_candidate *candidates, size_t count)
{
    const struct balance_candidate *least = NULL;

    for (size_t i = 0; i < count; i++) {
        if (candidates[i].is_usable && (least == NULL || is_less_loaded(&candidates[i], least)))
            least = &candidates[i];
    }
    if (least == NULL)
        return BALANCE_NONE;
    const struct balance_candidate level = *least;

    for (size_t i = 0; i < count; i++) {
        if (candidates[i].is_usable && is_less_loaded(&level, &candidates[i]))
            candidates[i].is_usable = false;
    }
    return pick_in_turn(candidates, count);
}

/* ---- by time ------------------------------------------------------------------------------ */

static double expected_ms(const struct balance_candidate *candidate)
{
    return (candidate->ewma_ms + 1) * (double)(candidate->active + 1) / (double)candidate->weight;
}

static size_t nth_usable(const struct balance_candidate *candidates, uint64_t nth)
{
    size_t i = 0;

    for (;; i++) {
        if (candidates[i].is_usable && nth-- == 0)
            return i;
    }
}

static ptrdiff_t pick_quicker_of_two(const struct balance_candidate *candidates, size_t count,
                                     struct random *random)
{
    uint64_t usable = 0;

    for (size_t i = 0; i < count; i++)
        usable += candidates[i].is_usable;
    if (usable == 0)
        return BALANCE_NONE;
    uint64_t first = random_below(random, usable);
    uint64_t second = usable > 1 ? random_below(random, usable - 1) : first;

    if (usable > 1 && second >= first)
        second++;
    size_t a = nth_usable(candidates, first), b = nth_usable(candidates, second);

    return (ptrdiff_t)(expected_ms(&candidates[b]) < expected_ms(&candidates[a]) ? b : a);
}

/* ---- by key ------------------------------------------------------------------------------- */

uint64_t balance_key(struct bytes key)
{
    return hash_bytes(ring_secret, key);
}

static int compare_points(const void *left, const void *right)
{
    const struct balance_point *a = left, *b = right;

    return (a->at > b->at) - (a->at < b->at);
}

static size_t points_of(const struct balance_server *server)
{
    uint64_t points = server->weight * BALANCE_POINTS;

    return points < BALANCE_POINTS_MAX ? (size_t)points : BALANCE_POINTS_MAX;
}

struct balance_ring *balance_ring_new(const struct balance_server *servers, size_t count)
{
    size_t points = 0;

    for (size_t i = 0; i < count; i++)
        points += points_of(&servers[i]);
    struct balance_ring *ring = mem_new(1, sizeof *ring + points * sizeof(struct balance_point));

    for (size_t i = 0; i < count; i++) {
        uint64_t name = hash_bytes(ring_secret, servers[i].name);

        for (size_t j = 0; j < points_of(&servers[i]); j++)
            ring->points[ring->count++] = (struct balance_point){hash_mix(name, j), i};
    }
    qsort(ring->points, ring->count, sizeof ring->points[0], compare_points);
    return ring;
}

/* The first point at or behind `at`. */
static size_t find_point(const struct balance_ring *ring, uint64_t at)
{
    size_t low = 0, high = ring->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ring->points[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static ptrdiff_t pick_by_key(const struct balance_choice *choice,
                             const struct balance_candidate *candidates, size_t count)
{
    const struct balance_ring *ring = choice->ring;
    size_t from = find_point(ring, choice->key);
    uint64_t active = 1, weight = 0;
    ptrdiff_t first = BALANCE_NONE;

    for (size_t i = 0; i < count; i++) {
        if (candidates[i].is_usable) {
            active += candidates[i].active;
            weight += candidates[i].weight;
        }
    }
    for (size_t i = 0; i < ring->count; i++) {
        size_t at = ring->points[(from + i) % ring->count].candidate;
        const struct balance_candidate *candidate = &candidates[at];

        if (!candidate->is_usable)
            continue;
        if (first == BALANCE_NONE)
            first = (ptrdiff_t)at;
        /* Its share of all that is under way, and a quarter more; but a few are never too many. */
        if (candidate->active < BALANCE_LOAD_LEAST ||
            candidate->active * weight * 100 < active * candidate->weight * BALANCE_LOAD_SHARE)
            return (ptrdiff_t)at;
    }
    return first;
}

ptrdiff_t balance_pick(const struct balance_choice *choice, struct balance_candidate *candidates,
                       size_t count)
{
    switch (choice->kind) {
    case BALANCE_ROUND_ROBIN:
        return pick_in_turn(candidates, count);
    case BALANCE_LEAST:
        return pick_least(candidates, count);
    case BALANCE_EWMA:
        return pick_quicker_of_two(candidates, count, choice->random);
    case BALANCE_HASH:
        return pick_by_key(choice, candidates, count);
    }
    return BALANCE_NONE;
}
