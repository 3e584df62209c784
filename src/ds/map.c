/* map.c: chains, two tables, and a cursor that counts from the top. SPDX-License-Identifier: MIT */
#include "ds/map.h"

#include "base/must.h"

enum { BITS_MIN = 2, BITS_MAX = 32, MOVED_A_STEP = 4 };

void map_init(struct map *map, struct heap *heap, map_name_fn *name_of)
{
    *map = (struct map){.name_of = name_of, .heap = heap};
}

void map_fini(struct map *map)
{
    heap_give(&map->tables[0]);
    heap_give(&map->tables[1]);
}

size_t map_cost(const struct map *map)
{
    return heap_cost(map->tables[0]) + heap_cost(map->tables[1]);
}

static bool is_moving(const struct map *map)
{
    return map->tables[1] != NULL;
}

static size_t mask_of(const struct map *map, unsigned table)
{
    return ((size_t)1 << map->bits[table]) - 1;
}

static struct map_node **table_new(struct heap *heap, unsigned bits)
{
    size_t size = sizeof(struct map_node *) << bits;
    struct map_node **table = heap_take(heap, size);

    if (table != NULL)
        memset(table, 0, size);
    return table;
}

/* Moves some buckets to the second table; when all are there it becomes the first. */
static void move_some(struct map *map)
{
    size_t buckets = (size_t)1 << map->bits[0];

    for (int i = 0; i < MOVED_A_STEP && map->moved < buckets; map->moved++, i++) {
        struct map_node *node = map->tables[0][map->moved];

        map->tables[0][map->moved] = NULL;
        while (node != NULL) {
            struct map_node *next = node->next;
            struct map_node **bucket = &map->tables[1][node->hash & mask_of(map, 1)];

            node->next = *bucket;
            *bucket = node;
            node = next;
        }
    }
    if (map->moved < buckets)
        return;
    heap_give(&map->tables[0]);
    map->tables[0] = map->tables[1];
    map->bits[0] = map->bits[1];
    map->tables[1] = NULL;
    map->moved = 0;
}

/* Begins to move when the table is too full or too empty. Without memory the old one has to do. */
static void resize(struct map *map)
{
    size_t buckets = (size_t)1 << map->bits[0];
    unsigned bits = map->bits[0];

    if (map->count > buckets && bits < BITS_MAX)
        bits++;
    else if (map->count < buckets / 8 && bits > BITS_MIN)
        bits--;
    if (bits == map->bits[0])
        return;
    map->tables[1] = table_new(map->heap, bits);
    map->bits[1] = (uint8_t)bits;
    map->moved = 0;
}

static void after_change(struct map *map)
{
    if (is_moving(map))
        move_some(map);
    else
        resize(map);
}

/* The pointer that points at the node of this name, or NULL. */
static struct map_node **find_link(const struct map *map, uint32_t hash, struct bytes name)
{
    for (unsigned table = 0; table < 2 && map->tables[table] != NULL; table++) {
        struct map_node **link = &map->tables[table][hash & mask_of(map, table)];

        for (; *link != NULL; link = &(*link)->next) {
            if ((*link)->hash == hash && bytes_equal(map->name_of(*link), name))
                return link;
        }
    }
    return NULL;
}

struct map_node *map_find(const struct map *map, uint32_t hash, struct bytes name)
{
    struct map_node **link = find_link(map, hash, name);

    return link == NULL ? NULL : *link;
}

enum err map_insert(struct map *map, struct map_node *node, uint32_t hash)
{
    if (map->tables[0] == NULL) {
        map->bits[0] = BITS_MIN;
        map->tables[0] = table_new(map->heap, BITS_MIN);
        if (map->tables[0] == NULL)
            return ERR_FULL;
    }
    unsigned table = is_moving(map);
    struct map_node **bucket = &map->tables[table][hash & mask_of(map, table)];

    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    map->count++;
    after_change(map);
    return ERR_OK;
}

struct map_node *map_take(struct map *map, uint32_t hash, struct bytes name)
{
    struct map_node **link = find_link(map, hash, name);

    if (link == NULL)
        return NULL;
    struct map_node *node = *link;

    *link = node->next;
    node->next = NULL;
    map->count--;
    after_change(map);
    return node;
}

void map_exchange(struct map *map, struct map_node *old, struct map_node *node)
{
    for (unsigned table = 0; table < 2 && map->tables[table] != NULL; table++) {
        struct map_node **link = &map->tables[table][old->hash & mask_of(map, table)];

        while (*link != NULL && *link != old)
            link = &(*link)->next;
        if (*link == old) {
            node->hash = old->hash;
            node->next = old->next;
            *link = node;
            return;
        }
    }
    never("the node is in the map");
}

struct map_node *map_next(const struct map *map, struct map_walk *walk)
{
    struct map_node *node = walk->next;

    while (node == NULL) {
        if (walk->table > 1 || map->tables[walk->table] == NULL)
            return NULL;
        if (walk->bucket > mask_of(map, walk->table)) {
            walk->table++;
            walk->bucket = 0;
            continue;
        }
        node = map->tables[walk->table][walk->bucket++];
    }
    walk->next = node->next;
    return node;
}

bool map_free_nodes(struct map *map, struct map_walk *walk, size_t budget)
{
    struct map_node *node = NULL;

    for (; budget > 0; budget--) {
        node = map_next(map, walk);
        if (node == NULL) {
            map_fini(map);
            return true;
        }
        heap_give(&node);
    }
    return false;
}

static uint64_t reverse(uint64_t bits)
{
    bits = (bits >> 1 & 0x5555555555555555u) | (bits & 0x5555555555555555u) << 1;
    bits = (bits >> 2 & 0x3333333333333333u) | (bits & 0x3333333333333333u) << 2;
    bits = (bits >> 4 & 0x0f0f0f0f0f0f0f0fu) | (bits & 0x0f0f0f0f0f0f0f0fu) << 4;
    return __builtin_bswap64(bits);
}

/* Adds one to the cursor's bits below `mask`, counted from the highest. */
static uint64_t step(uint64_t cursor, uint64_t mask)
{
    return reverse(reverse(cursor | ~mask) + 1);
}

static void tell_bucket(const struct map *map, unsigned table, uint64_t cursor, map_scan_fn *each,
                        void *context)
{
    struct map_node *node = map->tables[table][cursor & mask_of(map, table)];

    while (node != NULL) {
        struct map_node *next = node->next;

        each(context, node);
        node = next;
    }
}

uint64_t map_scan(const struct map *map, uint64_t cursor, map_scan_fn *each, void *context)
{
    if (map->tables[0] == NULL)
        return 0;
    if (!is_moving(map)) {
        tell_bucket(map, 0, cursor, each, context);
        return step(cursor, mask_of(map, 0));
    }
    /* The bucket of the smaller table, then all those of the larger one that it splits into. */
    unsigned small = map->bits[0] < map->bits[1] ? 0 : 1;
    uint64_t small_mask = mask_of(map, small), large_mask = mask_of(map, !small);

    tell_bucket(map, small, cursor, each, context);
    do {
        tell_bucket(map, !small, cursor, each, context);
        cursor = step(cursor, large_mask);
    } while ((cursor & (small_mask ^ large_mask)) != 0);
    return cursor;
}

struct map_node *map_random(const struct map *map, struct random *random)
{
    struct map_node *first = NULL, *chosen = NULL;
    size_t buckets = ((size_t)1 << map->bits[0]) - map->moved;
    uint64_t length = 0;

    must(map->count > 0);
    if (is_moving(map))
        buckets += (size_t)1 << map->bits[1];
    while (first == NULL) {
        size_t at = random_below(random, buckets) + map->moved;
        size_t in_first = (size_t)1 << map->bits[0];

        first = at < in_first ? map->tables[0][at] : map->tables[1][at - in_first];
    }
    for (struct map_node *node = first; node != NULL; node = node->next) {
        if (random_below(random, ++length) == 0)
            chosen = node;
    }
    return chosen;
}
