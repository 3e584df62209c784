/* members.c: numbers or packed, then a table. SPDX-License-Identifier: MIT */
#include "types/members.h"

#include "base/must.h"
#include "base/number.h"
#include "ds/intset.h"
#include "ds/packed.h"

#include <stdio.h>

struct member {
    struct map_node node;
    uint32_t size;
    uint8_t bytes[];
};

/* What only large ones have. */
struct members_table {
    struct map map;
    size_t nodes_cost;
};

/* One of the three. */
struct members {
    struct intset *numbers;
    struct packed *packed;
    struct members_table *table;
    struct type_rules *rules;
};

static struct bytes name_of(const struct map_node *node)
{
    const struct member *member = (const struct member *)(const void *)node;

    return bytes_of(member->bytes, member->size);
}

static uint32_t hash_of(const struct members *members, struct bytes name)
{
    return (uint32_t)hash_bytes(members->rules->secret, name);
}

struct members *members_new(struct type_rules *rules)
{
    struct members *members = heap_take(rules->heap, sizeof *members);
    struct intset *numbers = intset_new(rules->heap);

    if (members == NULL || numbers == NULL) {
        heap_give(&members);
        intset_free(&numbers);
        return NULL;
    }
    *members = (struct members){.numbers = numbers, .rules = rules};
    return members;
}

void members_free(struct members **owner)
{
    if (*owner == NULL)
        return;
    if ((*owner)->table != NULL)
        type_rules_bury((*owner)->rules, &(*owner)->table->map, (*owner)->table->nodes_cost);
    intset_free(&(*owner)->numbers);
    packed_free(&(*owner)->packed);
    heap_give(&(*owner)->table);
    heap_give(owner);
}

size_t members_count(const struct members *members)
{
    if (members->packed != NULL)
        return packed_count(members->packed);
    if (members->numbers != NULL)
        return intset_count(members->numbers);
    must(members->table != NULL);
    return members->table->map.count;
}

size_t members_cost(const struct members *members)
{
    size_t cost = heap_cost(members) + heap_cost(members->numbers) + heap_cost(members->packed) +
                  heap_cost(members->table);

    if (members->table != NULL)
        cost += map_cost(&members->table->map) + members->table->nodes_cost;
    return cost;
}

bool members_are_numbers(const struct members *members)
{
    return members->numbers != NULL;
}

static enum err add_to_table(const struct members *members, struct members_table *table,
                             struct bytes name)
{
    struct member *member = NULL;

    must(name.size <= UINT32_MAX);
    member = heap_take(members->rules->heap, sizeof *member + name.size);
    if (member == NULL)
        return ERR_FULL;
    member->size = (uint32_t)name.size;
    if (name.size > 0)
        memcpy(member->bytes, name.data, name.size);
    if (map_insert(&table->map, &member->node, hash_of(members, name)) != ERR_OK) {
        heap_give(&member);
        return ERR_FULL;
    }
    table->nodes_cost += heap_cost(member);
    return ERR_OK;
}

static struct bytes number_text(int64_t number, char text[MEMBER_TEXT_SIZE])
{
    int size = snprintf(text, MEMBER_TEXT_SIZE, "%lld", (long long)number);

    must(size > 0);
    return bytes_of(text, (size_t)size);
}

static enum err to_table(struct members *members)
{
    struct members_table *table = heap_take(members->rules->heap, sizeof *table);
    struct members_walk walk = {0};
    struct bytes name;

    if (table == NULL)
        return ERR_FULL;
    table->nodes_cost = 0;
    map_init(&table->map, members->rules->heap, name_of);
    while (members_next(members, &walk, &name)) {
        if (add_to_table(members, table, name) != ERR_OK) {
            must(map_free_nodes(&table->map, &(struct map_walk){0}, SIZE_MAX));
            heap_give(&table);
            return ERR_FULL;
        }
    }
    intset_free(&members->numbers);
    packed_free(&members->packed);
    type_rules_hold(members->rules);
    members->table = table;
    return ERR_OK;
}

/* Numbers become texts. */
static enum err to_packed(struct members *members)
{
    struct packed *packed = packed_new(members->rules->heap, 0);
    struct members_walk walk = {0};
    struct bytes name;
    enum err err = packed == NULL ? ERR_FULL : ERR_OK;

    while (err == ERR_OK && members_next(members, &walk, &name))
        err = packed_insert(&packed, packed_size(packed), name);
    if (err != ERR_OK) {
        packed_free(&packed);
        return err;
    }
    intset_free(&members->numbers);
    members->packed = packed;
    return ERR_OK;
}

static bool fits_packed(const struct members *members, struct bytes member)
{
    return member.size <= type_rule(&members->rules->set_value) &&
           members_count(members) < type_rule(&members->rules->set_entries);
}

/* Adds one that is not there yet and is not one number more. */
static enum err add_new(struct members *members, struct bytes member)
{
    if (members->table == NULL && fits_packed(members, member)) {
        if (members->packed == NULL)
            TRY(to_packed(members));
        return packed_insert(&members->packed, packed_size(members->packed), member);
    }
    if (members->table == NULL)
        TRY(to_table(members));
    return add_to_table(members, members->table, member);
}

enum err members_add(struct members *members, struct bytes member, bool *ret_added)
{
    int64_t number = 0;

    if (members->numbers != NULL && number_i64(member, &number) == ERR_OK) {
        TRY(intset_add(&members->numbers, number, ret_added));
        /* Numbers for lack of memory are no fault: they change their form with the next one. */
        if (intset_count(members->numbers) > type_rule(&members->rules->set_numbers))
            (void)(to_table(members) == ERR_OK);
        return ERR_OK;
    }
    *ret_added = false;
    if (members_has(members, member))
        return ERR_OK;
    TRY(add_new(members, member));
    *ret_added = true;
    return ERR_OK;
}

bool members_has(const struct members *members, struct bytes member)
{
    int64_t number = 0;

    if (members->numbers != NULL)
        return number_i64(member, &number) == ERR_OK && intset_has(members->numbers, number);
    if (members->packed != NULL)
        return packed_find(members->packed, member, 1) < packed_size(members->packed);
    return map_find(&members->table->map, hash_of(members, member), member) != NULL;
}

bool members_remove(struct members *members, struct bytes member)
{
    int64_t number = 0;

    if (members->numbers != NULL)
        return number_i64(member, &number) == ERR_OK && intset_remove(members->numbers, number);
    if (members->packed != NULL) {
        size_t place = packed_find(members->packed, member, 1);
        bool is_there = place < packed_size(members->packed);

        if (is_there)
            packed_remove(&members->packed, place, 1);
        return is_there;
    }
    struct map_node *node = map_take(&members->table->map, hash_of(members, member), member);

    if (node == NULL)
        return false;
    members->table->nodes_cost -= heap_cost(node);
    heap_give(&node);
    return true;
}

bool members_next(const struct members *members, struct members_walk *walk,
                  struct bytes *ret_member)
{
    if (members->numbers != NULL) {
        if (walk->index >= intset_count(members->numbers))
            return false;
        *ret_member = number_text(intset_at(members->numbers, walk->index++), walk->text);
        return true;
    }
    if (members->packed != NULL) {
        if (walk->index >= packed_size(members->packed))
            return false;
        *ret_member = packed_get(members->packed, walk->index);
        walk->index = packed_next(members->packed, walk->index);
        return true;
    }
    struct map_node *node = map_next(&members->table->map, &walk->walk);

    if (node == NULL)
        return false;
    *ret_member = name_of(node);
    return true;
}

struct scan {
    members_scan_fn *each;
    void *context;
};

static void tell_node(void *context, struct map_node *node)
{
    const struct scan *scan = context;

    scan->each(scan->context, name_of(node));
}

uint64_t members_scan(const struct members *members, uint64_t cursor, members_scan_fn *each,
                      void *context)
{
    struct scan scan = {each, context};
    struct members_walk walk = {0};
    struct bytes member;

    if (members->table != NULL)
        return map_scan(&members->table->map, cursor, tell_node, &scan);
    while (members_next(members, &walk, &member))
        each(context, member);
    return 0;
}

struct bytes members_random(const struct members *members, struct random *random,
                            char text[MEMBER_TEXT_SIZE])
{
    if (members->table != NULL)
        return name_of(map_random(&members->table->map, random));
    size_t index = random_below(random, members_count(members));

    if (members->packed != NULL)
        return packed_get(members->packed, packed_at(members->packed, index));
    return number_text(intset_at(members->numbers, index), text);
}
