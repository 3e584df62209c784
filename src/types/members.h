/* members.h: a set: a sorted array while all are whole numbers, packed while it is small, then a
 * table.
 * SPDX-License-Identifier: MIT
 *
 * Memory: the rules' heap; members_cost says how much. Threads: under the key's lock.
 */
#ifndef LARDER_TYPES_MEMBERS_H
#define LARDER_TYPES_MEMBERS_H

#include "ds/map.h"
#include "types/threshold.h"

struct members;

enum { MEMBER_TEXT_SIZE = 24 };

/* `rules` are borrowed for life. NULL: no memory. */
struct members *members_new(struct type_rules *rules);
void members_free(struct members **owner);

size_t members_count(const struct members *members);
size_t members_cost(const struct members *members);
bool members_are_numbers(const struct members *members);

/* ERR_FULL: no memory; nothing was added. */
enum err members_add(struct members *members, struct bytes member, bool *ret_added);
bool members_has(const struct members *members, struct bytes member);
bool members_remove(struct members *members, struct bytes member);

/* Goes through all of them while nothing changes. Zeroed: at the beginning. What was returned
 * stays until the next call. */
struct members_walk {
    size_t index; /* of a number; packed: its place */
    struct map_walk walk;
    char text[MEMBER_TEXT_SIZE];
};
bool members_next(const struct members *members, struct members_walk *walk,
                  struct bytes *ret_member);

/* As map_scan; those that are in no table are told all at once. */
typedef void members_scan_fn(void *context, struct bytes member);
uint64_t members_scan(const struct members *members, uint64_t cursor, members_scan_fn *each,
                      void *context);

/* One of those that are there (at least one); a number is written to `text`. */
struct bytes members_random(const struct members *members, struct random *random,
                            char text[MEMBER_TEXT_SIZE]);

#endif
