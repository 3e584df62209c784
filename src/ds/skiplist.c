/* skiplist.c: lanes with spans (Pugh, 1990). SPDX-License-Identifier: MIT */
#include "ds/skiplist.h"

#include "base/must.h"

enum { HEIGHT_MAX = 24 };

struct skiplist {
    struct skip_lane head[HEIGHT_MAX];
    struct skip_node *last;
    size_t count;
    size_t height;
    size_t cost;
    uint64_t seed;
};

struct skiplist *skiplist_new(struct heap *heap, uint64_t seed)
{
    struct skiplist *list = heap_take(heap, sizeof *list);

    if (list == NULL)
        return NULL;
    *list = (struct skiplist){.head[0].span = 1, .height = 1, .seed = seed};
    list->cost = heap_cost(list);
    return list;
}

void skiplist_free(struct skiplist **owner)
{
    if (*owner == NULL)
        return;
    struct skip_node *node = (*owner)->head[0].next;

    while (node != NULL) {
        struct skip_node *next = node->lanes[0].next;

        heap_give(&node);
        node = next;
    }
    heap_give(owner);
}

void skiplist_forget(struct skiplist *list)
{
    uint64_t seed = list->seed;

    *list = (struct skiplist){.head[0].span = 1, .height = 1, .seed = seed};
    list->cost = heap_cost(list);
}

size_t skiplist_count(const struct skiplist *list)
{
    return list->count;
}

size_t skiplist_cost(const struct skiplist *list)
{
    return list->cost;
}

struct skip_node *skiplist_first(const struct skiplist *list)
{
    return list->head[0].next;
}

struct skip_node *skiplist_last(const struct skiplist *list)
{
    return list->last;
}

static size_t random_height(struct skiplist *list)
{
    size_t height = 1;

    list->seed = hash_mix(list->seed, list->count);
    for (uint64_t bits = list->seed; height < HEIGHT_MAX && (bits & 3) == 0; bits >>= 2)
        height++;
    return height;
}

static bool is_before(const struct skip_node *node, double score, struct bytes member)
{
    return node->score < score ||
           (node->score == score && bytes_compare(skip_member(node), member) < 0);
}

/* Where a node of this score and member stands or would stand: the lanes that lead to it, and the
 * ranks (from 1; 0 is the head) of the nodes these lanes belong to. */
struct way {
    struct skip_lane *lanes[HEIGHT_MAX];
    size_t ranks[HEIGHT_MAX];
    struct skip_node *before;
};

static void find_way(struct skiplist *list, double score, struct bytes member, struct way *way)
{
    struct skip_lane *lanes = list->head;
    size_t rank = 0;

    way->before = NULL;
    must(list->height > 0);
    for (size_t level = list->height; level-- > 0;) {
        while (lanes[level].next != NULL && is_before(lanes[level].next, score, member)) {
            rank += lanes[level].span;
            way->before = lanes[level].next;
            lanes = way->before->lanes;
        }
        way->lanes[level] = &lanes[level];
        way->ranks[level] = rank;
    }
}

static void link_node(struct skiplist *list, struct skip_node *node)
{
    struct way way;

    find_way(list, node->score, skip_member(node), &way);
    for (; list->height < node->height; list->height++) {
        list->head[list->height] = (struct skip_lane){.span = list->count + 1};
        way.lanes[list->height] = &list->head[list->height];
        way.ranks[list->height] = 0;
    }
    size_t rank = way.ranks[0] + 1;

    for (size_t level = 0; level < list->height; level++) {
        struct skip_lane *lane = way.lanes[level];

        if (level >= node->height) {
            lane->span++;
            continue;
        }
        size_t passed = rank - way.ranks[level];

        node->lanes[level] = (struct skip_lane){lane->next, lane->span + 1 - passed};
        *lane = (struct skip_lane){node, passed};
    }
    node->prev = way.before;
    if (node->lanes[0].next != NULL)
        node->lanes[0].next->prev = node;
    else
        list->last = node;
    list->count++;
}

static void unlink_node(struct skiplist *list, struct skip_node *node)
{
    struct way way;

    find_way(list, node->score, skip_member(node), &way);
    must(way.lanes[0]->next == node);
    for (size_t level = 0; level < list->height; level++) {
        struct skip_lane *lane = way.lanes[level];

        if (lane->next == node)
            *lane = (struct skip_lane){node->lanes[level].next,
                                       lane->span + node->lanes[level].span - 1};
        else
            lane->span--;
    }
    if (node->lanes[0].next != NULL)
        node->lanes[0].next->prev = node->prev;
    else
        list->last = node->prev;
    while (list->height > 1 && list->head[list->height - 1].next == NULL)
        list->height--;
    list->count--;
}

struct skip_node *skiplist_insert(struct skiplist *list, double score, struct bytes member)
{
    size_t height = random_height(list);
    struct skip_node *node = NULL;

    must(member.size <= UINT32_MAX);
    node = heap_take(heap_of(list), sizeof *node + height * sizeof node->lanes[0] + member.size);
    if (node == NULL)
        return NULL;
    *node = (struct skip_node){.size = (uint32_t)member.size, .score = score, .height = height};
    if (member.size > 0)
        memcpy(node->lanes + height, member.data, member.size);
    link_node(list, node);
    list->cost += heap_cost(node);
    return node;
}

void skiplist_remove(struct skiplist *list, struct skip_node *node)
{
    unlink_node(list, node);
    list->cost -= heap_cost(node);
    heap_give(&node);
}

void skiplist_move(struct skiplist *list, struct skip_node *node, double score)
{
    unlink_node(list, node);
    node->score = score;
    link_node(list, node);
}

size_t skiplist_rank(const struct skiplist *list, const struct skip_node *node)
{
    const struct skip_lane *lanes = list->head;
    struct bytes member = skip_member(node);
    size_t rank = 0;

    for (size_t level = list->height; level-- > 0;) {
        while (lanes[level].next != NULL && is_before(lanes[level].next, node->score, member)) {
            rank += lanes[level].span;
            lanes = lanes[level].next->lanes;
        }
    }
    return rank;
}

struct skip_node *skiplist_at(const struct skiplist *list, size_t rank)
{
    const struct skip_lane *lanes = list->head;
    size_t left = rank + 1;

    if (rank >= list->count)
        return NULL;
    for (size_t level = list->height; level-- > 0;) {
        while (lanes[level].next != NULL && lanes[level].span <= left) {
            left -= lanes[level].span;
            if (left == 0)
                return lanes[level].next;
            lanes = lanes[level].next->lanes;
        }
    }
    never("every rank below the count has a node");
}

size_t skiplist_count_before(const struct skiplist *list, skip_before_fn *is_before_it,
                             const void *context)
{
    const struct skip_lane *lanes = list->head;
    size_t rank = 0;

    for (size_t level = list->height; level-- > 0;) {
        while (lanes[level].next != NULL && is_before_it(context, lanes[level].next)) {
            rank += lanes[level].span;
            lanes = lanes[level].next->lanes;
        }
    }
    return rank;
}
