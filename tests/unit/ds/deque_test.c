/* The promises of ds/deque.h, against a plain array. SPDX-License-Identifier: MIT */
#include "ds/deque.h"

#include "base/random.h"
#include "t.h"

enum { MODEL_MAX = 3000, STEPS = 30000 };

struct model {
    uint32_t numbers[MODEL_MAX];
    size_t count;
};

/* A number as an element: its digits, and for some a long tail. */
static struct bytes element(uint32_t number)
{
    static uint8_t text[20000];
    size_t size = number % 97 == 0 ? 9000 + number % 1000 : 4 + number % 60;

    memset(text, (int)(number % 251), size);
    memcpy(text, &number, sizeof number);
    return bytes_of(text, size);
}

static void insert_at(struct model *model, size_t i, uint32_t number)
{
    memmove(model->numbers + i + 1, model->numbers + i,
            (model->count - i) * sizeof model->numbers[0]);
    model->numbers[i] = number;
    model->count++;
}

static void remove_at(struct model *model, size_t i, size_t count)
{
    memmove(model->numbers + i, model->numbers + i + count,
            (model->count - i - count) * sizeof model->numbers[0]);
    model->count -= count;
}

static void check_same(const struct deque *deque, const struct model *model)
{
    struct deque_cursor cursor = deque_at(deque, 0);

    CHECK(deque_count(deque) == model->count);
    CHECK(deque_at(deque, model->count).block == NULL);
    for (size_t i = 0; i < model->count; i++) {
        CHECK(bytes_equal(deque_get(cursor), element(model->numbers[i])));
        struct deque_cursor direct = deque_at(deque, i);

        CHECK(direct.block == cursor.block && direct.place == cursor.place);
        deque_next(&cursor);
    }
    CHECK(cursor.block == NULL);
    if (model->count == 0)
        return;
    cursor = deque_at(deque, model->count - 1);
    for (size_t i = model->count; i-- > 0;) {
        CHECK(bytes_equal(deque_get(cursor), element(model->numbers[i])));
        deque_prev(&cursor);
    }
    CHECK(cursor.block == NULL);
}

static void change_middle(struct deque *deque, struct model *model, struct random *random,
                          uint32_t number)
{
    size_t i = random_below(random, model->count);
    struct deque_cursor cursor = deque_at(deque, i);
    bool back = random_below(random, 2) == 0;

    switch (random_below(random, 4)) {
    case 0:
        CHECK(deque_insert(deque, cursor, back, element(number)) == ERR_OK);
        insert_at(model, i + back, number);
        break;
    case 1:
        CHECK(deque_replace(deque, cursor, element(number)) == ERR_OK);
        model->numbers[i] = number;
        break;
    case 2:
        deque_take(deque, &cursor, back);
        remove_at(model, i, 1);
        if (back ? i > 0 : i < model->count)
            CHECK(bytes_equal(deque_get(cursor), element(model->numbers[back ? i - 1 : i])));
        else
            CHECK(cursor.block == NULL);
        break;
    default: {
        size_t count = 1 + random_below(random, model->count - i);

        count = count > 40 ? 40 : count;
        deque_remove(deque, i, count);
        remove_at(model, i, count);
    }
    }
}

TEST(it_holds_what_a_plain_array_would_hold)
{
    struct heap *heap = heap_new(NULL, 1);
    static struct model model;
    struct random random;
    struct deque *deque = deque_new(heap);
    size_t empty_cost = deque_cost(deque);

    random_init(&random, 2);
    for (size_t step = 0; step < STEPS; step++) {
        uint32_t number = (uint32_t)random_next(&random);
        bool front = random_below(&random, 2) == 0;

        if (model.count == 0 || (model.count < MODEL_MAX && random_below(&random, 10) < 6)) {
            CHECK(deque_push(deque, front, element(number)) == ERR_OK);
            insert_at(&model, front ? 0 : model.count, number);
        } else {
            change_middle(deque, &model, &random, number);
        }
        if (step % 1000 == 0)
            check_same(deque, &model);
    }
    check_same(deque, &model);
    deque_remove(deque, 0, model.count);
    CHECK(deque_count(deque) == 0);
    CHECK(deque_cost(deque) == empty_cost);
    deque_free(&deque);
    CHECK(heap_taken(heap) == 0);
    heap_close(&heap);
}
