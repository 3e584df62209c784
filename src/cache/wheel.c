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

void wheel_insert(struct wheel *wheel, struct places places, uint32_t ref)
{
    struct cache_entry *entry = place_entry(places, ref);
    int64_t ends_ms = entry_ends(entry);
    uint64_t at = tick_after(ends_ms);
    unsigned level = 0;

    if (at < wheel->tick)
        at = wheel->tick;
    if (at != wheel->tick)
        level = (63 - (unsigned)__builtin_clzll(at ^ wheel->tick)) / DIGIT;
    entry->wheel_prev = 0;
    entry->wheel_next = 0;
    if (ends_ms == CACHE_NEVER || level >= WHEEL_LEVELS)
        return;
    unsigned slot = digit(at, level);
    uint32_t next = wheel->heads[level][slot];

    must(ref >= WHEEL_CODES);
    entry->wheel_next = next;
    entry->wheel_prev = 1 + level * WHEEL_SLOTS + slot;
    if (next != 0)
        place_entry(places, next)->wheel_prev = ref;
    wheel->heads[level][slot] = ref;
    wheel->occupied[level] |= (uint64_t)1 << slot;
    due_at(wheel, at >> (level * DIGIT) << (level * DIGIT));
}

void wheel_remove(struct wheel *wheel, struct places places, uint32_t ref)
{
    struct cache_entry *entry = place_entry(places, ref);
    uint32_t prev = entry->wheel_prev;
    uint32_t next = entry->wheel_next;

    if (prev == 0)
        return;
    entry->wheel_prev = 0;
    entry->wheel_next = 0;
    if (next != 0)
        place_entry(places, next)->wheel_prev = prev;
    if (prev >= WHEEL_CODES) {
        place_entry(places, prev)->wheel_next = next;
        return;
    }
    unsigned level = (prev - 1) / WHEEL_SLOTS;
    unsigned slot = (prev - 1) % WHEEL_SLOTS;

    must(wheel->heads[level][slot] == ref);
    wheel->heads[level][slot] = next;
    if (next == 0)
        wheel->occupied[level] &= ~((uint64_t)1 << slot);
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

size_t wheel_pop(struct wheel *wheel, struct places places, int64_t now_ms, size_t budget,
                 uint32_t *ret_refs, size_t max)
{
    uint64_t now = now_ms < 0 ? 0 : (uint64_t)now_ms >> WHEEL_TICK_SHIFT;
    struct due_slot due = {0};
    bool more = next_slot(wheel, &due);
    size_t count = 0;

    for (; more && due.tick <= now && count < max && budget > 0; budget--) {
        uint32_t ref = wheel->heads[due.level][due.slot];

        if (due.tick > wheel->tick)
            wheel->tick = due.tick;
        wheel_remove(wheel, places, ref);
        if (due.level == 0)
            ret_refs[count++] = ref;
        else
            wheel_insert(wheel, places, ref);
        more = next_slot(wheel, &due);
    }
    if ((!more || due.tick > now) && wheel->tick < now)
        wheel->tick = now;
    atomic_store_explicit(&wheel->due_ms, more ? tick_ms(due.tick) : CACHE_NEVER,
                          memory_order_relaxed);
    return count;
}
