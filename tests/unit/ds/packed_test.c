/* The promises of ds/packed.h, against a plain array. SPDX-License-Identifier: MIT */
#include "ds/packed.h"

#include "base/random.h"
#include "t.h"

enum { MODEL_MAX = 200, STEPS = 20000 };

struct model {
    size_t sizes[MODEL_MAX];
    uint8_t seeds[MODEL_MAX]; /* every byte of the element */
    size_t count;
};

static uint8_t bytes_buffer[70000];

static struct bytes element(const struct model *model, size_t i)
{
    memset(bytes_buffer, model->seeds[i], model->sizes[i]);
    return bytes_of(bytes_buffer, model->sizes[i]);
}

static void insert_at(struct model *model, size_t i, size_t size, uint8_t seed)
{
    memmove(model->sizes + i + 1, model->sizes + i, (model->count - i) * sizeof model->sizes[0]);
    memmove(model->seeds + i + 1, model->seeds + i, model->count - i);
    model->sizes[i] = size;
    model->seeds[i] = seed;
    model->count++;
}

static void remove_at(struct model *model, size_t i, size_t count)
{
    size_t behind = model->count - i - count;

    memmove(model->sizes + i, model->sizes + i + count, behind * sizeof model->sizes[0]);
    memmove(model->seeds + i, model->seeds + i + count, behind);
    model->count -= count;
}

static void check_same(const struct packed *packed, const struct model *model)
{
    size_t place = 0;

    CHECK(packed_count(packed) == model->count);
    for (size_t i = 0; i < model->count; i++) {
        CHECK(packed_at(packed, i) == place);
        CHECK(bytes_equal(packed_get(packed, place), element(model, i)));
        size_t next = packed_next(packed, place);

        CHECK(packed_prev(packed, next) == place);
        CHECK(next - place == packed_element_size(model->sizes[i]));
        place = next;
    }
    CHECK(place == packed_size(packed));
}

static size_t place_of(const struct packed *packed, size_t i)
{
    return i == packed_count(packed) ? packed_size(packed) : packed_at(packed, i);
}

static size_t some_size(struct random *random)
{
    uint64_t kind = random_below(random, 20);

    return kind == 0 ? random_below(random, 70000) : random_below(random, kind < 5 ? 300 : 20);
}

TEST(it_holds_what_a_plain_array_would_hold)
{
    struct heap *heap = heap_new(NULL, 1);
    struct random random;
    struct model model = {.count = 0};
    struct packed *packed = packed_new(heap, 0);

    random_init(&random, 1);
    for (size_t step = 0; step < STEPS; step++) {
        size_t i = random_below(&random, model.count + 1), size = some_size(&random);
        uint8_t seed = (uint8_t)random_next(&random);
        uint64_t what = random_below(&random, 10);

        memset(bytes_buffer, seed, size);
        if (model.count < MODEL_MAX && what < 5) {
            CHECK(packed_insert(&packed, place_of(packed, i), bytes_of(bytes_buffer, size)) ==
                  ERR_OK);
            insert_at(&model, i, size, seed);
        } else if (i < model.count && what < 7) {
            CHECK(packed_replace(&packed, packed_at(packed, i), bytes_of(bytes_buffer, size)) ==
                  ERR_OK);
            model.sizes[i] = size;
            model.seeds[i] = seed;
        } else if (i < model.count) {
            size_t count = 1 + random_below(&random, model.count - i < 4 ? model.count - i : 4);

            packed_remove(&packed, packed_at(packed, i), count);
            remove_at(&model, i, count);
        }
        if (step % 50 == 0)
            check_same(packed, &model);
    }
    check_same(packed, &model);
    packed_free(&packed);
    CHECK(heap_taken(heap) == 0);
    heap_close(&heap);
}

TEST(finding_looks_at_every_second_one_when_told_so)
{
    struct heap *heap = heap_new(NULL, 1);
    struct packed *packed = packed_new(heap, 16);
    static const char *const words[] = {"a", "b", "b", "c", "", "a"};

    for (size_t i = 0; i < 6; i++)
        CHECK(packed_insert(&packed, packed_size(packed), bytes_of_text(words[i])) == ERR_OK);
    CHECK(packed_find(packed, BYTES("b"), 1) == packed_at(packed, 1));
    CHECK(packed_find(packed, BYTES("b"), 2) == packed_at(packed, 2));
    CHECK(packed_find(packed, BYTES(""), 2) == packed_at(packed, 4));
    CHECK(packed_find(packed, BYTES("c"), 2) == packed_size(packed));
    packed_free(&packed);
    CHECK(heap_taken(heap) == 0);
    heap_close(&heap);
}
