/* timer.c: the wheel. SPDX-License-Identifier: MIT */
#include "net/timer.h"

#include "base/must.h"

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
    list_init(&timer->node);
    timer->at_ms = 0;
    timer->fire = fire;
}

void timer_wheel_init(struct timer_wheel *wheel, int64_t now_ms)
{
    must(now_ms >= 0);
    wheel->now_ms = now_ms;
    list_init(&wheel->due);
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (unsigned slot = 0; slot < TIMER_SLOTS; slot++)
            list_init(&wheel->slots[level][slot]);
    }
}

/* The level of a time to come is the highest digit in which it differs from now. As long as now
 * does not reach the timer's slot that digit stays the highest, so the place can be found again
 * from the time alone. */
static unsigned level_of(const struct timer_wheel *wheel, int64_t at_ms)
{
    uint64_t difference = (uint64_t)at_ms ^ (uint64_t)wheel->now_ms;

    return (unsigned)(63 - __builtin_clzll(difference)) / TIMER_DIGIT_BITS;
}

static unsigned slot_of(int64_t at_ms, unsigned level)
{
    return (unsigned)((uint64_t)at_ms >> (level * TIMER_DIGIT_BITS)) % TIMER_SLOTS;
}

static void place(struct timer_wheel *wheel, struct timer *timer)
{
    if (timer->at_ms <= wheel->now_ms) {
        list_append(&wheel->due, &timer->node);
        return;
    }
    unsigned level = level_of(wheel, timer->at_ms);
    unsigned slot = slot_of(timer->at_ms, level);

    list_append(&wheel->slots[level][slot], &timer->node);
    wheel->occupied[level] |= (uint64_t)1 << slot;
}

void timer_wheel_clear(struct timer_wheel *wheel, struct timer *timer)
{
    if (timer->at_ms == 0)
        return;
    list_leave(&timer->node);
    if (timer->at_ms > wheel->now_ms) {
        unsigned level = level_of(wheel, timer->at_ms);
        unsigned slot = slot_of(timer->at_ms, level);

        if (list_alone(&wheel->slots[level][slot]))
            wheel->occupied[level] &= ~((uint64_t)1 << slot);
    }
    timer->at_ms = 0;
}

void timer_wheel_set(struct timer_wheel *wheel, struct timer *timer, int64_t at_ms)
{
    timer_wheel_clear(wheel, timer);
    timer->at_ms = at_ms > 0 ? at_ms : 1; /* 0 would mean that it is not set */
    place(wheel, timer);
}

/* The lowest level that holds something; its first slot is the next to be reached, because what is
 * in it shares all higher digits with now. */
static unsigned lowest_level(const struct timer_wheel *wheel)
{
    unsigned level = 0;

    while (level < TIMER_LEVELS && wheel->occupied[level] == 0)
        level++;
    return level;
}

static int64_t slot_start_ms(const struct timer_wheel *wheel, unsigned level, unsigned slot)
{
    unsigned shift = (level + 1) * TIMER_DIGIT_BITS;
    uint64_t higher = shift < 64 ? (uint64_t)wheel->now_ms >> shift << shift : 0;

    return (int64_t)(higher | (uint64_t)slot << (level * TIMER_DIGIT_BITS));
}

int64_t timer_wheel_next_ms(const struct timer_wheel *wheel)
{
    if (!list_alone(&wheel->due))
        return wheel->now_ms;
    unsigned level = lowest_level(wheel);

    if (level == TIMER_LEVELS)
        return INT64_MAX;
    return slot_start_ms(wheel, level, (unsigned)__builtin_ctzll(wheel->occupied[level]));
}

/* Moves all nodes of `from` behind those of `to`. */
static void move_all(struct list_node *from, struct list_node *to)
{
    if (list_alone(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

static void empty_slot(struct timer_wheel *wheel, unsigned level, unsigned slot)
{
    struct list_node moving;

    list_init(&moving);
    move_all(&wheel->slots[level][slot], &moving);
    wheel->occupied[level] &= ~((uint64_t)1 << slot);
    while (!list_alone(&moving)) {
        struct timer *timer = list_owner(moving.next, struct timer, node);

        list_leave(&timer->node);
        place(wheel, timer);
    }
}

static void collect_due(struct timer_wheel *wheel, int64_t now_ms)
{
    for (;;) {
        unsigned level = lowest_level(wheel);

        if (level == TIMER_LEVELS)
            break;
        unsigned slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
        int64_t start_ms = slot_start_ms(wheel, level, slot);

        must(start_ms > wheel->now_ms);
        if (start_ms > now_ms)
            break;
        wheel->now_ms = start_ms;
        empty_slot(wheel, level, slot);
    }
    wheel->now_ms = now_ms;
}

void timer_wheel_advance(struct timer_wheel *wheel, int64_t now_ms)
{
    if (now_ms > wheel->now_ms)
        collect_due(wheel, now_ms);
    if (list_alone(&wheel->due))
        return;
    struct list_node firing;

    list_init(&firing);
    move_all(&wheel->due, &firing);
    while (!list_alone(&firing)) {
        struct timer *timer = list_owner(firing.next, struct timer, node);

        list_leave(&timer->node);
        timer->at_ms = 0;
        timer->fire(timer);
    }
}
