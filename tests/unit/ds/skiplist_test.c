/* The promises of ds/skiplist.h, against a sorted array. SPDX-License-Identifier: MIT */
#include "ds/skiplist.h"

#include "t.h"

enum { MEMBERS = 400, STEPS = 20000 };

struct pair {
    double score;
    uint32_t member;
};

struct model {
    struct pair pairs[MEMBERS];
    size_t count;
};

static struct skip_node *nodes[MEMBERS];

/* Big-endian, so that the order of bytes is that of numbers. */
static struct bytes member_bytes(uint32_t member, uint8_t text[4])
{
    text[0] = (uint8_t)(member >> 24);
    text[1] = (uint8_t)(member >> 16);
    text[2] = (uint8_t)(member >> 8);
    text[3] = (uint8_t)member;
    return bytes_of(text, 4);
}

static void model_remove(struct model *model, uint32_t member)
{
    size_t i = 0;

    while (model->pairs[i].member != member)
        i++;
    memmove(model->pairs + i, model->pairs + i + 1,
            (model->count - i - 1) * sizeof model->pairs[0]);
    model->count--;
}

static void model_add(struct model *model, double score, uint32_t member)
{
    size_t i = 0;

    while (i < model->count && (model->pairs[i].score < score || (model->pairs[i].score == score &&
                                                                  model->pairs[i].member < member)))
        i++;
    memmove(model->pairs + i + 1, model->pairs + i, (model->count - i) * sizeof model->pairs[0]);
    model->pairs[i] = (struct pair){score, member};
    model->count++;
}

static bool is_below(const void *context, const struct skip_node *node)
{
    const double *score = context;

    return node->score < *score;
}

static void check_same(const struct skiplist *list, const struct model *model)
{
    const struct skip_node *node = skiplist_first(list), *before = NULL;
    size_t below = 0;
    double middle = 5;

    CHECK(skiplist_count(list) == model->count);
    CHECK(skiplist_at(list, model->count) == NULL);
    for (size_t i = 0; i < model->count; i++) {
        uint8_t text[4];

        CHECK(node->score == model->pairs[i].score);
        CHECK(bytes_equal(skip_member(node), member_bytes(model->pairs[i].member, text)));
        CHECK(node->prev == before);
        CHECK(skiplist_rank(list, node) == i);
        CHECK(skiplist_at(list, i) == node);
        below += node->score < middle;
        before = node;
        node = node->lanes[0].next;
    }
    CHECK(node == NULL && skiplist_last(list) == before);
    CHECK(skiplist_count_before(list, is_below, &middle) == below);
}

TEST(it_is_ordered_and_ranked_as_a_sorted_array_is)
{
    struct heap *heap = heap_new(NULL, 1);
    static struct model model;
    struct random random;
    struct skiplist *list = skiplist_new(heap, 9);
    size_t empty_cost = skiplist_cost(list);
    uint8_t text[4];

    random_init(&random, 5);
    for (size_t step = 0; step < STEPS; step++) {
        uint32_t member = (uint32_t)random_below(&random, MEMBERS);
        double score = (double)random_below(&random, 10);

        if (nodes[member] == NULL) {
            nodes[member] = skiplist_insert(list, score, member_bytes(member, text));
            model_add(&model, score, member);
        } else if (random_below(&random, 2) == 0) {
            skiplist_move(list, nodes[member], score);
            model_remove(&model, member);
            model_add(&model, score, member);
        } else {
            skiplist_remove(list, nodes[member]);
            nodes[member] = NULL;
            model_remove(&model, member);
        }
        if (step % 500 == 0)
            check_same(list, &model);
    }
    check_same(list, &model);
    for (size_t i = 0; i < MEMBERS; i++) {
        if (nodes[i] != NULL)
            skiplist_remove(list, nodes[i]);
    }
    CHECK(skiplist_count(list) == 0 && skiplist_first(list) == NULL);
    CHECK(skiplist_cost(list) == empty_cost);
    skiplist_free(&list);
    CHECK(heap_taken(heap) == 0);
    heap_close(&heap);
}
