/* ghost.c: buckets of sixteen short names. SPDX-License-Identifier: MIT
 *
 *   a slot:   31 ............ 16   15       14 ......... 0      0: free
 *            | hash, never 0     | origin | tick of leaving |
 */
#include "cache/ghost.h"

#include "base/mem.h"

enum {
    SLOTS = 16,     /* of a bucket */
    KEYS_MIN = 256, /* the smallest table */
    TICK_BITS = 15,
    TICK_MASK = (1 << TICK_BITS) - 1,
    TICKS_OF_TABLE_SHIFT = 13, /* a table's worth of keys leaves in so many ticks at the most */
};

void ghost_init(struct ghost *ghost)
{
    *ghost = (struct ghost){0};
    ghost_reserve(ghost, 0);
}

void ghost_fini(struct ghost *ghost)
{
    mem_free(&ghost->table.slots);
    mem_free(&ghost->former.slots);
}

static size_t table_slots(const struct ghost_table *table)
{
    return (size_t)table->bucket_count * SLOTS;
}

void ghost_reserve(struct ghost *ghost, size_t keys)
{
    size_t slots = table_slots(&ghost->table);
    size_t want = 0;

    if (ghost->former.slots != NULL && ghost->left[0] + ghost->left[1] >= ghost->former_until)
        mem_free(&ghost->former.slots);
    if (keys < KEYS_MIN)
        keys = KEYS_MIN;
    if (ghost->former.slots != NULL || (keys <= slots - slots / 8 && keys >= slots / 4))
        return;
    want = keys + keys / 2;
    ghost->former = ghost->table;
    ghost->former_until = ghost->left[0] + ghost->left[1] + slots;
    ghost->table = (struct ghost_table){.bucket_count = (uint32_t)(want / SLOTS + 1)};
    ghost->table.slots = mem_new(table_slots(&ghost->table), sizeof *ghost->table.slots);
    while (table_slots(&ghost->table) >> ghost->table.tick_shift > 1U << TICKS_OF_TABLE_SHIFT)
        ghost->table.tick_shift++;
}

static uint32_t *bucket_of(const struct ghost_table *table, uint64_t hash)
{
    uint64_t bucket = ((hash >> 32) * table->bucket_count) >> 32;

    return table->slots + bucket * SLOTS;
}

static uint32_t name_of(uint64_t hash)
{
    uint32_t name = (uint32_t)hash & 0xffff;

    return name == 0 ? 1 : name;
}

static uint32_t slot_age(const struct ghost *ghost, const struct ghost_table *table, uint32_t slot)
{
    uint64_t now = ghost->left[slot >> TICK_BITS & 1] >> table->tick_shift;

    return ((uint32_t)now - slot) & TICK_MASK;
}

void ghost_add(struct ghost *ghost, uint64_t hash, unsigned origin)
{
    uint32_t *bucket = bucket_of(&ghost->table, hash);
    uint32_t tick = (uint32_t)(ghost->left[origin]++ >> ghost->table.tick_shift) & TICK_MASK;
    uint32_t oldest_age = 0;
    unsigned oldest = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        uint32_t age = 0;

        if (bucket[i] == 0 || bucket[i] >> 16 == name_of(hash)) {
            oldest = i;
            break;
        }
        age = slot_age(ghost, &ghost->table, bucket[i]);
        if (age >= oldest_age) {
            oldest_age = age;
            oldest = i;
        }
    }
    bucket[oldest] = name_of(hash) << 16 | (uint32_t)origin << TICK_BITS | tick;
}

/* Without a branch for each slot: nearly all keys that come are none of these. */
static bool is_named(const uint32_t *bucket, uint32_t name)
{
    uint32_t named = 0;

    for (unsigned i = 0; i < SLOTS; i++)
        named |= bucket[i] >> 16 == name ? 1 : 0;
    return named != 0;
}

static bool table_take(const struct ghost *ghost, const struct ghost_table *table, uint64_t hash,
                       unsigned *ret_origin, uint64_t *ret_age)
{
    uint32_t *bucket = bucket_of(table, hash);

    if (!is_named(bucket, name_of(hash)))
        return false;
    for (unsigned i = 0; i < SLOTS; i++) {
        if (bucket[i] >> 16 != name_of(hash))
            continue;
        *ret_origin = bucket[i] >> TICK_BITS & 1;
        *ret_age = (uint64_t)slot_age(ghost, table, bucket[i]) << table->tick_shift;
        bucket[i] = 0;
        return true;
    }
    return false;
}

bool ghost_take(struct ghost *ghost, uint64_t hash, unsigned *ret_origin, uint64_t *ret_age)
{
    if (ghost->left[0] + ghost->left[1] == 0)
        return false;
    if (table_take(ghost, &ghost->table, hash, ret_origin, ret_age))
        return true;
    return ghost->former.slots != NULL &&
           table_take(ghost, &ghost->former, hash, ret_origin, ret_age);
}

size_t ghost_cost(const struct ghost *ghost)
{
    size_t slots = table_slots(&ghost->table);

    if (ghost->former.slots != NULL)
        slots += table_slots(&ghost->former);
    return slots * sizeof *ghost->table.slots;
}
