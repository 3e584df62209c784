/* map.h: a hash table of nodes that live inside the things it finds.
 * SPDX-License-Identifier: MIT
 *
 * It never stops to rebuild itself: when it grows or shrinks, a new table stands beside the old one
 * and each change moves a few buckets over. A scan with a cursor survives that: the cursor counts
 * the bits of a bucket's number from the highest to the lowest, so that the buckets into which one
 * splits are the next ones in order (the way of Redis' SCAN).
 *
 *     table: [ ]->node->node   [ ]   [ ]->node ...        a power of two of chains
 *
 * Memory: the tables; nodes are the caller's. Threads: the owner's.
 * Limits: 2^32 buckets, for the 32 bits of the hash that a node keeps.
 */
#ifndef LARDER_DS_MAP_H
#define LARDER_DS_MAP_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/random.h"

struct map_node {
    struct map_node *next;
    uint32_t hash;
};

typedef struct bytes map_name_fn(const struct map_node *node);

struct map {
    struct map_node **tables[2]; /* the second one while moving from the first to it */
    uint8_t bits[2];
    size_t count;
    size_t moved; /* buckets of the first table that are empty by moving */
    map_name_fn *name_of;
    struct heap *heap;
};

/* Its tables are the heap's. */
void map_init(struct map *map, struct heap *heap, map_name_fn *name_of);
void map_fini(struct map *map);

/* Bytes of memory of the tables. */
size_t map_cost(const struct map *map);

struct map_node *map_find(const struct map *map, uint32_t hash, struct bytes name);

/* `name` is not in the map yet. ERR_FULL: no memory for the first table. */
enum err map_insert(struct map *map, struct map_node *node, uint32_t hash);

/* Takes it out; NULL: it is not there. */
struct map_node *map_take(struct map *map, uint32_t hash, struct bytes name);

/* Puts `node` in the place of `old`, which has the same name. */
void map_exchange(struct map *map, struct map_node *old, struct map_node *node);

/* Every node in some order; no change meanwhile, but the one returned may be freed. Zeroed: at the
 * beginning. NULL: there is no more. */
struct map_walk {
    size_t bucket;
    unsigned table;
    struct map_node *next;
};
struct map_node *map_next(const struct map *map, struct map_walk *walk);

/* For maps whose nodes are blocks of memory of their own (base/heap.h), each beginning with its
 * map_node: gives back up to `budget` of them, going on where `walk` (zeroed: the beginning)
 * stands. True: all are gone, and the tables too. Until then the map is for nothing else. */
bool map_free_nodes(struct map *map, struct map_walk *walk, size_t budget);

/* Calls `each` with the nodes of the next bucket; returns the next cursor, 0 at the end. A node
 * that is there all the time is seen at least once. */
typedef void map_scan_fn(void *context, struct map_node *node);
uint64_t map_scan(const struct map *map, uint64_t cursor, map_scan_fn *each, void *context);

/* A node of a map that is not empty. */
struct map_node *map_random(const struct map *map, struct random *random);

#endif
