/* skiplist.h: members in the order of their scores, with their ranks.
 * SPDX-License-Identifier: MIT
 *
 * A linked list with lanes: each node takes part in a random number of faster lanes (one in four
 * goes up), and every link knows how many nodes it passes over, so that finding a score, a member
 * or a rank takes O(log n) steps. Equal scores are ordered by the bytes of the member.
 *
 * Each node is also a node of a map (map.h), so that a sorted set keeps a member once.
 *
 * Memory: one block a node, the heap's. Threads: the owner's.
 */
#ifndef LARDER_DS_SKIPLIST_H
#define LARDER_DS_SKIPLIST_H

#include "ds/map.h"

struct skiplist;
struct skip_node;

struct skip_lane {
    struct skip_node *next;
    size_t span; /* how many nodes further `next` is */
};

struct skip_node {
    struct map_node in_map;
    uint32_t size; /* of the member */
    double score;
    struct skip_node *prev;
    size_t height;
    struct skip_lane lanes[]; /* then the member's bytes */
};

/* NULL: no memory. */
struct skiplist *skiplist_new(struct heap *heap, uint64_t seed);
void skiplist_free(struct skiplist **owner);

/* Its nodes belong to somebody else from now on: it is empty. */
void skiplist_forget(struct skiplist *list);

size_t skiplist_count(const struct skiplist *list);
size_t skiplist_cost(const struct skiplist *list); /* bytes of memory */

static inline struct bytes skip_member(const struct skip_node *node)
{
    return bytes_of(node->lanes + node->height, node->size);
}

/* NULL: no memory. */
struct skip_node *skiplist_insert(struct skiplist *list, double score, struct bytes member);
void skiplist_remove(struct skiplist *list, struct skip_node *node);

/* Gives the node another score, and the place that belongs to it. */
void skiplist_move(struct skiplist *list, struct skip_node *node, double score);

/* From 0. */
size_t skiplist_rank(const struct skiplist *list, const struct skip_node *node);

/* NULL: there are not so many. */
struct skip_node *skiplist_at(const struct skiplist *list, size_t rank);

struct skip_node *skiplist_first(const struct skiplist *list);
struct skip_node *skiplist_last(const struct skiplist *list);

/* The number of nodes for which `is_before` holds, when it holds for the first ones and for no
 * more: the rank of the first node that is not before. */
typedef bool skip_before_fn(const void *context, const struct skip_node *node);
size_t skiplist_count_before(const struct skiplist *list, skip_before_fn *is_before,
                             const void *context);

#endif
