/* intset.h: a sorted array of whole numbers: a small set at two, four or eight bytes a
 * member, as the largest of them needs.
 * SPDX-License-Identifier: MIT
 *
 * Memory: the heap's. Threads: the owner's. Limits: INTSET_COUNT_MAX members.
 */
#ifndef LARDER_DS_INTSET_H
#define LARDER_DS_INTSET_H

#include "base/err.h"
#include "base/heap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INTSET_COUNT_MAX = 1 << 28 };

struct intset;

/* NULL: no memory. */
struct intset *intset_new(struct heap *heap);
void intset_free(struct intset **owner);

size_t intset_count(const struct intset *set);

/* ERR_FULL: no memory. */
enum err intset_add(struct intset **owner, int64_t number, bool *ret_added);
bool intset_remove(struct intset *set, int64_t number);
bool intset_has(const struct intset *set, int64_t number);

/* The number at this place in their order (< intset_count). */
int64_t intset_at(const struct intset *set, size_t index);

#endif
