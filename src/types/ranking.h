/* ranking.h: a sorted set: members with scores, in the order of score and then of bytes.
 * SPDX-License-Identifier: MIT
 *
 * Memory: the rules' heap; ranking_cost says how much. Threads: under the key's lock.
 */
#ifndef LARDER_TYPES_RANKING_H
#define LARDER_TYPES_RANKING_H

#include "ds/skiplist.h"
#include "types/threshold.h"

struct ranking;

/* `rules` are borrowed for life. NULL: no memory. */
struct ranking *ranking_new(struct type_rules *rules);
void ranking_free(struct ranking **owner);

size_t ranking_count(const struct ranking *ranking);
size_t ranking_cost(const struct ranking *ranking);
bool ranking_is_packed(const struct ranking *ranking);

/* ERR_FULL: no memory; nothing was set. `score` is a number (no NaN). */
enum err ranking_set(struct ranking *ranking, struct bytes member, double score, bool *ret_added);
bool ranking_score(const struct ranking *ranking, struct bytes member, double *ret_score);
bool ranking_remove(struct ranking *ranking, struct bytes member);

/* Ranks count from 0, the lowest score. */
bool ranking_rank(const struct ranking *ranking, struct bytes member, size_t *ret_rank);
void ranking_remove_ranks(struct ranking *ranking, size_t from, size_t count);

/* One member; good while nothing changes. */
struct ranking_cursor {
    const struct skip_node *node;
    size_t place;
};

/* `rank` < ranking_count. */
struct ranking_cursor ranking_at(const struct ranking *ranking, size_t rank);
struct bytes ranking_get(const struct ranking *ranking, struct ranking_cursor cursor,
                         double *ret_score);

/* One further, up or down; behind the last one the cursor must not be used. */
void ranking_step(const struct ranking *ranking, struct ranking_cursor *cursor, bool down);

/* How many of the first members are before something: `is_before` holds for these and for no
 * other. */
typedef bool ranking_before_fn(const void *context, double score, struct bytes member);
size_t ranking_count_before(const struct ranking *ranking, ranking_before_fn *is_before,
                            const void *context);

/* As map_scan; packed ones are told all at once. */
typedef void ranking_scan_fn(void *context, struct bytes member, double score);
uint64_t ranking_scan(const struct ranking *ranking, uint64_t cursor, ranking_scan_fn *each,
                      void *context);

#endif
