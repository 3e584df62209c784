/* list.h: a ring of nodes that live inside the things they link.
 * SPDX-License-Identifier: MIT
 *
 * A node that is in no ring points at itself, so leaving twice is harmless and `list_alone` is
 * always a fair question.
 */
#ifndef LARDER_BASE_LIST_H
#define LARDER_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *next;
    struct list_node *prev;
};

/* The thing of `type` whose member `member` is the node at `node`. */
#define list_owner(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list_node *node)
{
    node->next = node->prev = node;
}

static inline bool list_alone(const struct list_node *node)
{
    return node->next == node;
}

static inline void list_append(struct list_node *ring, struct list_node *node)
{
    node->prev = ring->prev;
    node->next = ring;
    ring->prev->next = node;
    ring->prev = node;
}

static inline void list_prepend(struct list_node *ring, struct list_node *node)
{
    list_append(ring->next, node);
}

static inline void list_leave(struct list_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#endif
