/* fields.h: a hash: names with values.
 * SPDX-License-Identifier: MIT
 *
 * Memory: the rules' heap; fields_cost says how much. Threads: under the key's lock.
 */
#ifndef LARDER_TYPES_FIELDS_H
#define LARDER_TYPES_FIELDS_H

#include "ds/map.h"
#include "types/threshold.h"

struct fields;

/* `rules` are borrowed for life. NULL: no memory. */
struct fields *fields_new(struct type_rules *rules);
void fields_free(struct fields **owner);

size_t fields_count(const struct fields *fields);
size_t fields_cost(const struct fields *fields);
bool fields_are_packed(const struct fields *fields);

/* ERR_FULL: no memory; nothing was set. */
enum err fields_set(struct fields *fields, struct bytes name, struct bytes value, bool *ret_added);
bool fields_get(const struct fields *fields, struct bytes name, struct bytes *ret_value);
bool fields_remove(struct fields *fields, struct bytes name);

/* Goes through all of them while nothing changes. Zeroed: at the beginning. */
struct fields_walk {
    size_t place;
    struct map_walk walk;
};
bool fields_next(const struct fields *fields, struct fields_walk *walk, struct bytes *ret_name,
                 struct bytes *ret_value);

/* As map_scan; packed ones are told all at once. */
typedef void fields_scan_fn(void *context, struct bytes name, struct bytes value);
uint64_t fields_scan(const struct fields *fields, uint64_t cursor, fields_scan_fn *each,
                     void *context);

/* One of those that are there (at least one). */
void fields_random(const struct fields *fields, struct random *random, struct bytes *ret_name,
                   struct bytes *ret_value);

#endif
