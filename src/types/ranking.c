/* ranking.c: packed pairs, then a skip list with a table. SPDX-License-Identifier: MIT */
#include "types/ranking.h"

#include "base/mem.h"
#include "base/must.h"
#include "ds/packed.h"

#include <math.h>

/* Packed: member, then its score in one to eight bytes, in order. */
struct ranking {
    struct packed *packed; /* NULL: in list and map */
    struct skiplist *list;
    struct map *map;
    struct type_rules *rules;
};

static struct skip_node *node_of(struct map_node *node)
{
    return (struct skip_node *)(void *)node;
}

static struct bytes name_of(const struct map_node *node)
{
    return skip_member((const struct skip_node *)(const void *)node);
}

static uint32_t hash_of(const struct ranking *ranking, struct bytes name)
{
    return (uint32_t)hash_bytes(ranking->rules->secret, name);
}

struct ranking *ranking_new(struct type_rules *rules)
{
    struct ranking *ranking = heap_take(rules->heap, sizeof *ranking);
    struct packed *packed = packed_new(rules->heap, 32);

    if (ranking == NULL || packed == NULL) {
        heap_give(&ranking);
        packed_free(&packed);
        return NULL;
    }
    *ranking = (struct ranking){.packed = packed, .rules = rules};
    return ranking;
}

void ranking_free(struct ranking **owner)
{
    if (*owner == NULL)
        return;
    if ((*owner)->packed == NULL) {
        size_t bytes = skiplist_cost((*owner)->list);

        skiplist_forget((*owner)->list);
        type_rules_bury((*owner)->rules, (*owner)->map, bytes);
    }
    packed_free(&(*owner)->packed);
    skiplist_free(&(*owner)->list);
    heap_give(&(*owner)->map);
    heap_give(owner);
}

size_t ranking_count(const struct ranking *ranking)
{
    return ranking->packed != NULL ? packed_count(ranking->packed) / 2
                                   : skiplist_count(ranking->list);
}

size_t ranking_cost(const struct ranking *ranking)
{
    size_t cost = heap_cost(ranking) + heap_cost(ranking->packed);

    if (ranking->packed == NULL)
        cost += skiplist_cost(ranking->list) + heap_cost(ranking->map) + map_cost(ranking->map);
    return cost;
}

bool ranking_is_packed(const struct ranking *ranking)
{
    return ranking->packed != NULL;
}

/* ---- packed -------------------------------------------------------------------------------- */

/* A score in as few bytes as it needs: most are small whole numbers. */
struct score_text {
    uint8_t bytes[sizeof(double)];
    size_t size;
};

static struct score_text score_write(double score)
{
    struct score_text text = {.size = sizeof score};
    bool is_whole = score >= INT32_MIN && score <= INT32_MAX && score == (int32_t)score &&
                    !(score == 0 && signbit(score));
    int32_t number = is_whole ? (int32_t)score : 0;

    memcpy(text.bytes, &score, sizeof score);
    if (!is_whole)
        return text;
    /* The low bytes come first on the machines this runs on; the sign is in the last that is kept.
     */
    memcpy(text.bytes, &number, sizeof number);
    text.size = number == (int8_t)number ? 1 : number == (int16_t)number ? 2 : sizeof number;
    return text;
}

static double score_read(struct bytes bytes)
{
    double score = 0;
    int32_t number = 0;

    if (bytes.size == sizeof score) {
        memcpy(&score, bytes.data, sizeof score);
        return score;
    }
    must(bytes.size == 1 || bytes.size == 2 || bytes.size == sizeof number);
    memcpy(&number, bytes.data, bytes.size);
    return bytes.size == 1 ? (int8_t)number : bytes.size == 2 ? (int16_t)number : number;
}

/* The score of the member at `place`. */
static double score_at(const struct ranking *ranking, size_t place)
{
    return score_read(packed_get(ranking->packed, packed_next(ranking->packed, place)));
}

static size_t pair_next(const struct ranking *ranking, size_t place)
{
    return packed_next(ranking->packed, packed_next(ranking->packed, place));
}

/* Where a pair belongs: before the first one that is greater. */
static size_t place_for(const struct ranking *ranking, double score, struct bytes member)
{
    size_t place = 0;

    while (place < packed_size(ranking->packed)) {
        double here = score_at(ranking, place);

        if (here > score ||
            (here == score && bytes_compare(packed_get(ranking->packed, place), member) > 0))
            break;
        place = pair_next(ranking, place);
    }
    return place;
}

static enum err insert_packed(struct ranking *ranking, double score, struct bytes member)
{
    size_t place = place_for(ranking, score, member);

    struct score_text text = score_write(score);

    TRY(packed_insert(&ranking->packed, place, bytes_of(text.bytes, text.size)));
    enum err err = packed_insert(&ranking->packed, place, member);

    if (err != ERR_OK)
        packed_remove(&ranking->packed, place, 1);
    return err;
}

/* ---- list and map -------------------------------------------------------------------------- */

static enum err insert_node(struct ranking *ranking, double score, struct bytes member)
{
    struct skip_node *node = skiplist_insert(ranking->list, score, member);

    if (node == NULL)
        return ERR_FULL;
    if (map_insert(ranking->map, &node->in_map, hash_of(ranking, member)) == ERR_OK)
        return ERR_OK;
    skiplist_remove(ranking->list, node);
    return ERR_FULL;
}

static struct skip_node *find_node(const struct ranking *ranking, struct bytes member)
{
    return node_of(map_find(ranking->map, hash_of(ranking, member), member));
}

/* As it was before it was unpacked. */
static void forget_table(struct ranking *ranking)
{
    skiplist_free(&ranking->list);
    if (ranking->map != NULL)
        map_fini(ranking->map);
    heap_give(&ranking->map);
}

static enum err unpack(struct ranking *ranking)
{
    uint64_t seed = hash_mix(ranking->rules->secret.words[0], (uintptr_t)ranking);

    ranking->list = skiplist_new(ranking->rules->heap, seed);
    ranking->map = heap_take(ranking->rules->heap, sizeof *ranking->map);
    if (ranking->map != NULL)
        map_init(ranking->map, ranking->rules->heap, name_of);
    if (ranking->list == NULL || ranking->map == NULL) {
        forget_table(ranking);
        return ERR_FULL;
    }
    for (size_t place = 0; place < packed_size(ranking->packed);
         place = pair_next(ranking, place)) {
        struct bytes member = packed_get(ranking->packed, place);

        if (insert_node(ranking, score_at(ranking, place), member) != ERR_OK) {
            forget_table(ranking);
            return ERR_FULL;
        }
    }
    type_rules_hold(ranking->rules);
    packed_free(&ranking->packed);
    return ERR_OK;
}

/* ---- both ---------------------------------------------------------------------------------- */

/* Changing a packed score: the pair is put in anew before the old one goes, so that no failure
 * loses it. */
static enum err reset_packed(struct ranking *ranking, size_t place, double score)
{
    struct bytes there = packed_get(ranking->packed, place);
    uint8_t *copy = mem_copy(there.data, there.size);
    struct bytes member = bytes_of(copy, there.size);
    size_t before = packed_size(ranking->packed);
    bool moves_up = place_for(ranking, score, member) <= place;
    enum err err = insert_packed(ranking, score, member);

    if (err == ERR_OK)
        packed_remove(&ranking->packed,
                      moves_up ? place + packed_size(ranking->packed) - before : place, 2);
    mem_free(&copy);
    return err;
}

static enum err set_packed(struct ranking *ranking, struct bytes member, double score,
                           bool *ret_added)
{
    size_t place = packed_find(ranking->packed, member, 2);

    *ret_added = place == packed_size(ranking->packed);
    if (!*ret_added)
        return score_at(ranking, place) == score ? ERR_OK : reset_packed(ranking, place, score);
    return insert_packed(ranking, score, member);
}

enum err ranking_set(struct ranking *ranking, struct bytes member, double score, bool *ret_added)
{
    must(score == score); // NOLINT(misc-redundant-expression): no NaN
    if (ranking->packed != NULL) {
        bool fits = member.size <= type_rule(&ranking->rules->zset_value) &&
                    ranking_count(ranking) < type_rule(&ranking->rules->zset_entries);

        if (fits || packed_find(ranking->packed, member, 2) < packed_size(ranking->packed))
            return set_packed(ranking, member, score, ret_added);
        TRY(unpack(ranking));
    }
    struct skip_node *node = find_node(ranking, member);

    *ret_added = node == NULL;
    if (node == NULL)
        return insert_node(ranking, score, member);
    if (node->score != score)
        skiplist_move(ranking->list, node, score);
    return ERR_OK;
}

bool ranking_score(const struct ranking *ranking, struct bytes member, double *ret_score)
{
    if (ranking->packed != NULL) {
        size_t place = packed_find(ranking->packed, member, 2);

        if (place == packed_size(ranking->packed))
            return false;
        *ret_score = score_at(ranking, place);
        return true;
    }
    const struct skip_node *node = find_node(ranking, member);

    if (node == NULL)
        return false;
    *ret_score = node->score;
    return true;
}

bool ranking_remove(struct ranking *ranking, struct bytes member)
{
    if (ranking->packed != NULL) {
        size_t place = packed_find(ranking->packed, member, 2);

        if (place == packed_size(ranking->packed))
            return false;
        packed_remove(&ranking->packed, place, 2);
        return true;
    }
    struct map_node *node = map_take(ranking->map, hash_of(ranking, member), member);

    if (node == NULL)
        return false;
    skiplist_remove(ranking->list, node_of(node));
    return true;
}

bool ranking_rank(const struct ranking *ranking, struct bytes member, size_t *ret_rank)
{
    if (ranking->packed != NULL) {
        size_t rank = 0;

        for (size_t place = 0; place < packed_size(ranking->packed); rank++) {
            if (bytes_equal(packed_get(ranking->packed, place), member)) {
                *ret_rank = rank;
                return true;
            }
            place = pair_next(ranking, place);
        }
        return false;
    }
    const struct skip_node *node = find_node(ranking, member);

    if (node == NULL)
        return false;
    *ret_rank = skiplist_rank(ranking->list, node);
    return true;
}

void ranking_remove_ranks(struct ranking *ranking, size_t from, size_t count)
{
    if (count == 0)
        return;
    if (ranking->packed != NULL) {
        packed_remove(&ranking->packed, packed_at(ranking->packed, from * 2), count * 2);
        return;
    }
    struct skip_node *node = skiplist_at(ranking->list, from);

    while (count-- > 0) {
        struct skip_node *next = node->lanes[0].next;

        must(map_take(ranking->map, node->in_map.hash, skip_member(node)) == &node->in_map);
        skiplist_remove(ranking->list, node);
        node = next;
    }
}

struct ranking_cursor ranking_at(const struct ranking *ranking, size_t rank)
{
    if (ranking->packed != NULL)
        return (struct ranking_cursor){NULL, packed_at(ranking->packed, rank * 2)};
    return (struct ranking_cursor){skiplist_at(ranking->list, rank), 0};
}

struct bytes ranking_get(const struct ranking *ranking, struct ranking_cursor cursor,
                         double *ret_score)
{
    if (ranking->packed != NULL) {
        *ret_score = score_at(ranking, cursor.place);
        return packed_get(ranking->packed, cursor.place);
    }
    *ret_score = cursor.node->score;
    return skip_member(cursor.node);
}

void ranking_step(const struct ranking *ranking, struct ranking_cursor *cursor, bool down)
{
    if (ranking->packed == NULL) {
        cursor->node = down ? cursor->node->prev : cursor->node->lanes[0].next;
    } else if (!down) {
        cursor->place = pair_next(ranking, cursor->place);
    } else if (cursor->place > 0) {
        cursor->place = packed_prev(ranking->packed, packed_prev(ranking->packed, cursor->place));
    }
}

struct question {
    ranking_before_fn *is_before;
    const void *context;
};

static bool ask_node(const void *context, const struct skip_node *node)
{
    const struct question *question = context;

    return question->is_before(question->context, node->score, skip_member(node));
}

size_t ranking_count_before(const struct ranking *ranking, ranking_before_fn *is_before,
                            const void *context)
{
    struct question question = {is_before, context};
    size_t count = 0;

    if (ranking->packed == NULL)
        return skiplist_count_before(ranking->list, ask_node, &question);
    for (size_t place = 0; place < packed_size(ranking->packed); count++) {
        if (!is_before(context, score_at(ranking, place), packed_get(ranking->packed, place)))
            break;
        place = pair_next(ranking, place);
    }
    return count;
}

struct scan {
    ranking_scan_fn *each;
    void *context;
};

static void tell_node(void *context, struct map_node *node)
{
    const struct scan *scan = context;

    scan->each(scan->context, name_of(node), node_of(node)->score);
}

uint64_t ranking_scan(const struct ranking *ranking, uint64_t cursor, ranking_scan_fn *each,
                      void *context)
{
    struct scan scan = {each, context};

    if (ranking->packed == NULL)
        return map_scan(ranking->map, cursor, tell_node, &scan);
    for (size_t place = 0; place < packed_size(ranking->packed); place = pair_next(ranking, place))
        each(context, packed_get(ranking->packed, place), score_at(ranking, place));
    return 0;
}
