/* wheel.c: seven wheels of 64 slots. SPDX-License-Identifier: MIT */
#include "cache/wheel.h"

#include "base/must.h"

enum { DIGIT = 6 /* bits: log2(WHEEL_SLOTS) */ };

_Static_assert(WHEEL_LEVELS *WHEEL_SLOTS < WHEEL_CODES, "every slot has a code of its own");

void wheel_init(struct wheel *wheel)
{
    atomic_init(&wheel->due_ms, CACHE_NEVER);
}

static uint64_t tick_after(int64_t ms)
{
    if (ms <= 0)
        return 0;
    return ((uint64_t)ms + (1U << WHEEL_TICK_SHIFT) - 1) >> WHEEL_TICK_SHIFT;
}

static int64_t tick_ms(uint64_t tick)
{
    return (int64_t)(tick << WHEEL_TICK_SHIFT);
}

static unsigned digit(uint64_t tick, unsigned level)
{
    return (unsigned)(tick >> (level * DIGIT)) % WHEEL_SLOTS;
}

static void due_at(struct wheel *wheel, uint64_t tick)
{
    if (tick_ms(tick) < wheel_due_ms(wheel))
        atomic_store_explicit(&wheel->due_ms, tick_ms(tick), memory_order_relaxed);
}

/* By the page's own time. */
static void enter(struct wheel *wheel, struct unit *units, uint32_t page)
{
    struct unit *u = &units[page];
    uint64_t at = tick_after(u->due_ms);
    unsigned level = 0;

    if (at < wheel->tick)
        at = wheel->tick;
    if (at != wheel->tick)
        level = (63 - (unsigned)__builtin_clzll(at ^ wheel->tick)) / DIGIT;
    if (u->due_ms == CACHE_NEVER || level >= WHEEL_LEVELS)
        return;
    unsigned slot = digit(at, level);
    uint32_t next = wheel->heads[level][slot];

    u->due_next = next;
    u->due_prev = 1 + level * WHEEL_SLOTS + slot;
    if (next != REGION_NOTHING)
        units[next].due_prev = page + WHEEL_CODES;
    wheel->heads[level][slot] = page;
    wheel->occupied[level] |= (uint64_t)1 << slot;
    due_at(wheel, at >> (level * DIGIT) << (level * DIGIT));
}

static void leave(struct wheel *wheel, struct unit *units, uint32_t page)
{
    uint32_t prev = units[page].due_prev;
    uint32_t next = units[page].due_next;

    if (prev == 0)
        return;
    units[page].due_prev = 0;
    if (next != REGION_NOTHING)
        units[next].due_prev = prev;
    if (prev >= WHEEL_CODES) {
        units[prev - WHEEL_CODES].due_next = next;
        return;
    }
    unsigned level = (prev - 1) / WHEEL_SLOTS;
    unsigned slot = (prev - 1) % WHEEL_SLOTS;

    must(wheel->heads[level][slot] == page);
    wheel->heads[level][slot] = next;
    if (next == REGION_NOTHING)
        wheel->occupied[level] &= ~((uint64_t)1 << slot);
}

void wheel_sooner(struct wheel *wheel, struct unit *units, uint32_t page, int64_t due_ms)
{
    struct unit *u = &units[page];
    bool moves = tick_after(due_ms) != tick_after(u->due_ms);

    if (due_ms >= u->due_ms)
        return;
    u->due_ms = due_ms;
    if (!moves)
        return;
    leave(wheel, units, page);
    enter(wheel, units, page);
}

void wheel_remove(struct wheel *wheel, struct unit *units, uint32_t page)
{
    leave(wheel, units, page);
    units[page].due_ms = CACHE_NEVER;
}

struct due_slot {
    unsigned level;
    unsigned slot;
    uint64_t tick; /* when it comes */
};

/* The slot that comes next. False: the wheel is empty. */
static bool next_slot(const struct wheel *wheel, struct due_slot *ret_slot)
{
    bool found = false;

    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        unsigned from = digit(wheel->tick, level);
        uint64_t ahead = wheel->occupied[level] >> from;

        if (wheel->occupied[level] == 0)
            continue;
        must(ahead != 0);
        unsigned slot = from + (unsigned)__builtin_ctzll(ahead);
        uint64_t whole = wheel->tick >> (level * DIGIT) & ~(uint64_t)(WHEEL_SLOTS - 1);
        uint64_t tick = (whole | slot) << (level * DIGIT);

        if (!found || tick < ret_slot->tick)
            *ret_slot = (struct due_slot){level, slot, tick};
        found = true;
    }
    return found;
}

uint32_t wheel_pop(struct wheel *wheel, struct unit *units, int64_t now_ms)
{
    uint64_t now = now_ms < 0 ? 0 : (uint64_t)now_ms >> WHEEL_TICK_SHIFT;
    struct due_slot due = {0};
    bool more = next_slot(wheel, &due);
    uint32_t found = REGION_NOTHING;

    for (unsigned moves = 0; more && due.tick <= now && found == REGION_NOTHING; moves++) {
        uint32_t page = wheel->heads[due.level][due.slot];

        if (moves == WHEEL_MOVES_MAX)
            break;
        if (due.tick > wheel->tick)
            wheel->tick = due.tick;
        if (due.level == 0) {
            wheel_remove(wheel, units, page);
            found = page;
        } else {
            leave(wheel, units, page);
            enter(wheel, units, page);
        }
        more = next_slot(wheel, &due);
    }
    if ((!more || due.tick > now) && wheel->tick < now)
        wheel->tick = now;
    atomic_store_explicit(&wheel->due_ms, more ? tick_ms(due.tick) : CACHE_NEVER,
                          memory_order_relaxed);
    return found;
}
