/* fields.c: packed pairs, then a table. SPDX-License-Identifier: MIT */
#include "types/fields.h"

#include "base/must.h"
#include "ds/packed.h"

struct field {
    struct map_node node;
    uint32_t name_size;
    uint32_t value_size;
    uint8_t bytes[]; /* name, value */
};

/* What only large ones have. */
struct fields_table {
    struct map map;
    size_t nodes_cost;
};

struct fields {
    struct packed *packed; /* NULL: in the table */
    struct fields_table *table;
    struct type_rules *rules;
};

static const struct field *field_of(const struct map_node *node)
{
    return (const struct field *)(const void *)node;
}

static struct bytes name_of(const struct map_node *node)
{
    return bytes_of(field_of(node)->bytes, field_of(node)->name_size);
}

static struct bytes value_of(const struct map_node *node)
{
    return bytes_of(field_of(node)->bytes + field_of(node)->name_size, field_of(node)->value_size);
}

static uint32_t hash_of(const struct fields *fields, struct bytes name)
{
    return (uint32_t)hash_bytes(fields->rules->secret, name);
}

struct fields *fields_new(struct type_rules *rules)
{
    struct fields *fields = heap_take(rules->heap, sizeof *fields);
    struct packed *packed = packed_new(rules->heap, 32);

    if (fields == NULL || packed == NULL) {
        heap_give(&fields);
        packed_free(&packed);
        return NULL;
    }
    *fields = (struct fields){.packed = packed, .rules = rules};
    return fields;
}

void fields_free(struct fields **owner)
{
    if (*owner == NULL)
        return;
    if ((*owner)->packed == NULL)
        type_rules_bury((*owner)->rules, &(*owner)->table->map, (*owner)->table->nodes_cost);
    packed_free(&(*owner)->packed);
    heap_give(&(*owner)->table);
    heap_give(owner);
}

size_t fields_count(const struct fields *fields)
{
    return fields->packed != NULL ? packed_count(fields->packed) / 2 : fields->table->map.count;
}

size_t fields_cost(const struct fields *fields)
{
    size_t cost = heap_cost(fields) + heap_cost(fields->packed) + heap_cost(fields->table);

    if (fields->table != NULL)
        cost += map_cost(&fields->table->map) + fields->table->nodes_cost;
    return cost;
}

bool fields_are_packed(const struct fields *fields)
{
    return fields->packed != NULL;
}

static struct field *field_new(struct heap *heap, struct bytes name, struct bytes value)
{
    struct field *field = NULL;

    must(name.size <= UINT32_MAX);
    must(value.size <= UINT32_MAX);
    field = heap_take(heap, sizeof *field + name.size + value.size);
    if (field == NULL)
        return NULL;
    field->node = (struct map_node){0};
    field->name_size = (uint32_t)name.size;
    field->value_size = (uint32_t)value.size;
    if (name.size > 0)
        memcpy(field->bytes, name.data, name.size);
    if (value.size > 0)
        memcpy(field->bytes + name.size, value.data, value.size);
    return field;
}

static enum err set_in_table(const struct fields *fields, struct fields_table *table,
                             struct bytes name, struct bytes value, bool *ret_added)
{
    uint32_t hash = hash_of(fields, name);
    struct map_node *old = map_find(&table->map, hash, name);
    struct field *field = field_new(fields->rules->heap, name, value);
    bool added = old == NULL;

    if (field == NULL)
        return ERR_FULL;
    if (old != NULL) {
        map_exchange(&table->map, old, &field->node);
        table->nodes_cost -= heap_cost(old);
        heap_give(&old);
    } else if (map_insert(&table->map, &field->node, hash) != ERR_OK) {
        heap_give(&field);
        return ERR_FULL;
    }
    table->nodes_cost += heap_cost(field);
    *ret_added = added;
    return ERR_OK;
}

static enum err unpack(struct fields *fields)
{
    struct fields_table *table = heap_take(fields->rules->heap, sizeof *table);
    struct fields_walk walk = {0};
    struct bytes name, value;

    if (table == NULL)
        return ERR_FULL;
    table->nodes_cost = 0;
    map_init(&table->map, fields->rules->heap, name_of);
    while (fields_next(fields, &walk, &name, &value)) {
        bool added = false;

        if (set_in_table(fields, table, name, value, &added) != ERR_OK) {
            must(map_free_nodes(&table->map, &(struct map_walk){0}, SIZE_MAX));
            heap_give(&table);
            return ERR_FULL;
        }
    }
    packed_free(&fields->packed);
    type_rules_hold(fields->rules);
    fields->table = table;
    return ERR_OK;
}

static enum err set_in_packed(struct fields *fields, struct bytes name, struct bytes value,
                              bool *ret_added)
{
    size_t place = packed_find(fields->packed, name, 2), end = packed_size(fields->packed);

    if (place < end) {
        TRY(packed_replace(&fields->packed, packed_next(fields->packed, place), value));
        *ret_added = false;
        return ERR_OK;
    }
    TRY(packed_insert(&fields->packed, end, name));
    enum err err = packed_insert(&fields->packed, packed_size(fields->packed), value);

    if (err != ERR_OK)
        packed_remove(&fields->packed, end, 1);
    *ret_added = true;
    return err;
}

enum err fields_set(struct fields *fields, struct bytes name, struct bytes value, bool *ret_added)
{
    size_t value_max = type_rule(&fields->rules->hash_value);

    if (fields->packed != NULL) {
        if (name.size <= value_max && value.size <= value_max) {
            TRY(set_in_packed(fields, name, value, ret_added));
            /* Packed for lack of memory is no fault: it changes its form with the next one. */
            if (fields_count(fields) > type_rule(&fields->rules->hash_entries))
                (void)(unpack(fields) == ERR_OK);
            return ERR_OK;
        }
        TRY(unpack(fields));
    }
    return set_in_table(fields, fields->table, name, value, ret_added);
}

bool fields_get(const struct fields *fields, struct bytes name, struct bytes *ret_value)
{
    if (fields->packed != NULL) {
        size_t place = packed_find(fields->packed, name, 2);

        if (place == packed_size(fields->packed))
            return false;
        *ret_value = packed_get(fields->packed, packed_next(fields->packed, place));
        return true;
    }
    struct map_node *node = map_find(&fields->table->map, hash_of(fields, name), name);

    if (node == NULL)
        return false;
    *ret_value = value_of(node);
    return true;
}

bool fields_remove(struct fields *fields, struct bytes name)
{
    if (fields->packed != NULL) {
        size_t place = packed_find(fields->packed, name, 2);

        if (place == packed_size(fields->packed))
            return false;
        packed_remove(&fields->packed, place, 2);
        return true;
    }
    struct map_node *node = map_take(&fields->table->map, hash_of(fields, name), name);

    if (node == NULL)
        return false;
    fields->table->nodes_cost -= heap_cost(node);
    heap_give(&node);
    return true;
}

bool fields_next(const struct fields *fields, struct fields_walk *walk, struct bytes *ret_name,
                 struct bytes *ret_value)
{
    if (fields->packed != NULL) {
        if (walk->place >= packed_size(fields->packed))
            return false;
        size_t value = packed_next(fields->packed, walk->place);

        *ret_name = packed_get(fields->packed, walk->place);
        *ret_value = packed_get(fields->packed, value);
        walk->place = packed_next(fields->packed, value);
        return true;
    }
    struct map_node *node = map_next(&fields->table->map, &walk->walk);

    if (node == NULL)
        return false;
    *ret_name = name_of(node);
    *ret_value = value_of(node);
    return true;
}

struct scan {
    fields_scan_fn *each;
    void *context;
};

static void tell_node(void *context, struct map_node *node)
{
    const struct scan *scan = context;

    scan->each(scan->context, name_of(node), value_of(node));
}

uint64_t fields_scan(const struct fields *fields, uint64_t cursor, fields_scan_fn *each,
                     void *context)
{
    struct scan scan = {each, context};
    struct fields_walk walk = {0};
    struct bytes name, value;

    if (fields->packed == NULL)
        return map_scan(&fields->table->map, cursor, tell_node, &scan);
    while (fields_next(fields, &walk, &name, &value))
        each(context, name, value);
    return 0;
}

void fields_random(const struct fields *fields, struct random *random, struct bytes *ret_name,
                   struct bytes *ret_value)
{
    if (fields->packed != NULL) {
        size_t index = random_below(random, fields_count(fields));
        size_t place = packed_at(fields->packed, index * 2);

        *ret_name = packed_get(fields->packed, place);
        *ret_value = packed_get(fields->packed, packed_next(fields->packed, place));
        return;
    }
    const struct map_node *node = map_random(&fields->table->map, random);

    *ret_name = name_of(node);
    *ret_value = value_of(node);
}
