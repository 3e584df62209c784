/* threshold.c: burying and digging. SPDX-License-Identifier: MIT */
#include "types/threshold.h"

#include "base/mem.h"
#include "base/must.h"

enum { BURY_MIN = 1024 /* nodes; fewer are freed at once */ };

/* The table of a value that ended, and how far its nodes are freed. */
struct grave {
    struct grave *next;
    struct map map;
    struct map_walk walk;
    size_t bytes;
};

struct type_rules *type_rules_new(struct account *whole, unsigned lanes)
{
    struct type_rules *rules = mem_new(1, sizeof *rules);

    rules->heap = heap_new(whole, lanes);
    rules->holders = 1;
    rules->buried_max = SIZE_MAX;
    return rules;
}

void type_rules_hold(struct type_rules *rules)
{
    atomic_fetch_add_explicit(&rules->holders, 1, memory_order_relaxed);
}

static void type_rules_drop(struct type_rules *rules)
{
    if (atomic_fetch_sub(&rules->holders, 1) == 1)
        mem_free(&rules);
}

void type_rules_close(struct type_rules **owner)
{
    struct type_rules *rules = *owner;

    atomic_store(&rules->closed, true);
    while (type_rules_dig(rules, SIZE_MAX))
        continue;
    heap_close(&rules->heap);
    *owner = NULL;
    type_rules_drop(rules);
}

static void push(struct type_rules *rules, struct grave *first, struct grave *last)
{
    struct grave *head = atomic_load(&rules->graves);

    do {
        last->next = head;
    } while (!atomic_compare_exchange_weak(&rules->graves, &head, first));
}

/* Whether so much may wait; it is counted then. */
static bool has_place(struct type_rules *rules, size_t bytes)
{
    size_t before = atomic_fetch_add(&rules->buried_bytes, bytes);

    if (bytes <= SIZE_MAX - before && before + bytes <= atomic_load(&rules->buried_max))
        return true;
    atomic_fetch_sub(&rules->buried_bytes, bytes);
    return false;
}

void type_rules_bury(struct type_rules *rules, struct map *map, size_t bytes)
{
    struct map_walk walk = {0};
    struct grave *grave = NULL;

    bytes += map_cost(map);
    if (map->count >= BURY_MIN && !atomic_load(&rules->closed) && has_place(rules, bytes)) {
        grave = heap_take(rules->heap, sizeof *grave);
        if (grave == NULL)
            atomic_fetch_sub(&rules->buried_bytes, bytes);
    }
    if (grave == NULL) {
        must(map_free_nodes(map, &walk, SIZE_MAX));
        map_init(map, map->heap, map->name_of);
        type_rules_drop(rules);
        return;
    }
    *grave = (struct grave){.map = *map, .bytes = bytes};
    map_init(map, map->heap, map->name_of);
    push(rules, grave, grave);
}

bool type_rules_dig(struct type_rules *rules, size_t budget)
{
    struct grave *grave = atomic_exchange(&rules->graves, NULL), *next = NULL;

    if (grave == NULL)
        return false;
    /* One grave at a time; the others go back. */
    next = grave->next;
    if (next != NULL) {
        struct grave *last = next;

        while (last->next != NULL)
            last = last->next;
        push(rules, next, last);
    }
    if (map_free_nodes(&grave->map, &grave->walk, budget)) {
        atomic_fetch_sub(&rules->buried_bytes, grave->bytes);
        heap_give(&grave);
        type_rules_drop(rules);
    } else {
        push(rules, grave, grave);
    }
    return type_rules_have_graves(rules);
}
