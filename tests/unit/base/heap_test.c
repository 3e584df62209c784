/* heap_test.c: that bytes stay what they are, and that the account says what the process takes.
 * SPDX-License-Identifier: MIT
 */
#include "base/heap.h"

#include "base/must.h"
#include "base/random.h"
#include "t.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

struct block {
    uint8_t *bytes;
    size_t size;
    uint8_t mark;
};

static void check_marks(const struct block *block)
{
    CHECK(block->bytes[0] == block->mark);
    CHECK(block->bytes[block->size / 2] == block->mark);
    CHECK(block->bytes[block->size - 1] == block->mark);
}

static size_t random_size(struct random *random)
{
    unsigned bits = (unsigned)random_below(random, 21);

    return 1 + random_below(random, (uint64_t)1 << bits);
}

static void take(struct heap *heap, struct block *block, size_t size, uint8_t mark)
{
    block->bytes = heap_take(heap, size);
    block->size = size;
    block->mark = mark;
    CHECK(block->bytes != NULL);
    CHECK((uintptr_t)block->bytes % 8 == 0);
    CHECK(heap_cost(block->bytes) >= size);
    CHECK(heap_of(block->bytes) == heap);
    memset(block->bytes, mark, size);
}

static void resize(struct block *block, size_t size)
{
    uint8_t *bytes = heap_resize(block->bytes, size);
    size_t kept = size < block->size ? size : block->size;

    CHECK(bytes != NULL);
    CHECK(bytes[0] == block->mark && bytes[kept - 1] == block->mark);
    block->bytes = bytes;
    block->size = size;
    memset(bytes, block->mark, size);
}

TEST(blocks_keep_their_bytes_whatever_comes_and_goes_around_them)
{
    enum { BLOCKS = 600, STEPS = 60000 };
    static struct block blocks[BLOCKS];
    struct account whole;
    struct random random;
    size_t taken = 0;

    random_init(&random, 7);
    account_init(&whole, NULL, 0);
    struct heap *heap = heap_new(&whole, 1);

    for (int i = 0; i < STEPS; i++) {
        struct block *block = &blocks[random_below(&random, BLOCKS)];

        if (block->bytes != NULL) {
            check_marks(block);
            taken -= heap_cost(block->bytes);
        }
        if (block->bytes != NULL && random_below(&random, 2) == 0)
            heap_give(&block->bytes);
        else if (block->bytes != NULL)
            resize(block, random_size(&random));
        else
            take(heap, block, random_size(&random), (uint8_t)i);
        taken += heap_cost(block->bytes);
        CHECK(heap_taken(heap) == taken);
        CHECK(heap_backed(heap) >= taken);
        CHECK(account_used(&whole) == heap_backed(heap));
    }
    for (int i = 0; i < BLOCKS; i++)
        heap_give(&blocks[i].bytes);
    CHECK(heap_taken(heap) == 0);
    heap_trim(heap);
    CHECK(heap_backed(heap) == 0);
    heap_close(&heap);
    CHECK(account_used(&whole) == 0);
}

TEST(a_size_costs_at_most_an_eighth_more)
{
    struct heap *heap = heap_new(NULL, 1);

    for (size_t size = 1; size < 3 * MIB; size += 1 + size / 40) {
        uint8_t *block = heap_take(heap, size);
        size_t cost = heap_cost(block);

        CHECK(block != NULL);
        CHECK(cost >= size);
        CHECK(heap_fit(size) >= size);
        CHECK(heap_fit(heap_fit(size)) == heap_fit(size));
        CHECK(cost <= 16 || cost <= size + 8 || cost <= size + size / 8 + 16 ||
              (size > (16 << 10) && cost <= size + 8192));
        heap_give(&block);
    }
    heap_close(&heap);
}

TEST(pages_without_blocks_go_back)
{
    enum { BLOCKS = 100000 };
    static void *blocks[BLOCKS];
    struct account whole;
    size_t full = 0;

    account_init(&whole, NULL, 0);
    struct heap *heap = heap_new(&whole, 1);

    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = heap_take(heap, 100);
    full = heap_backed(heap);
    CHECK(full >= BLOCKS * (size_t)104);
    CHECK(full < BLOCKS * (size_t)104 + 4 * UINT64_C(65536));
    for (int i = 0; i < BLOCKS; i++)
        heap_give(&blocks[i]);
    CHECK(heap_backed(heap) <= 128 << 10);
    heap_close(&heap);
}

TEST(the_fullest_page_gives_the_next_place)
{
    enum { BLOCKS = 20000 };
    static void *blocks[BLOCKS];
    struct heap *heap = heap_new(NULL, 1);
    size_t full = 0;

    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = heap_take(heap, 1000);
    full = heap_backed(heap);
    /* Nine in ten leave at random; what comes and goes then lets the sparsest pages run empty. */
    struct random random;

    random_init(&random, 3);
    for (int i = 0; i < BLOCKS; i++) {
        if (random_below(&random, 10) > 0)
            heap_give(&blocks[i]);
    }
    for (int i = 0; i < 20 * BLOCKS; i++) {
        void **block = &blocks[random_below(&random, BLOCKS)];

        if (*block == NULL)
            continue;
        heap_give(block);
        *block = heap_take(heap, 1000);
    }
    CHECK(heap_backed(heap) < full / 4);
    for (int i = 0; i < BLOCKS; i++)
        heap_give(&blocks[i]);
    heap_close(&heap);
}

TEST(a_block_grows_to_many_mebibytes_and_shrinks_again)
{
    struct account whole;

    account_init(&whole, NULL, 0);
    struct heap *heap = heap_new(&whole, 1);
    struct block block = {NULL, 0, 0};

    take(heap, &block, 10, 'x');
    for (size_t size = 10; size < 40 * MIB; size += size / 2)
        resize(&block, size);
    CHECK(heap_backed(heap) >= block.size);
    CHECK(heap_backed(heap) <= block.size + 2 * UINT64_C(65536));
    for (size_t size = block.size; size > 10; size /= 3)
        resize(&block, size);
    CHECK(heap_backed(heap) <= 2 * UINT64_C(65536));
    heap_give(&block.bytes);
    heap_close(&heap);
    CHECK(account_used(&whole) == 0);
}

TEST(beyond_the_limit_there_is_a_little_and_then_nothing)
{
    struct account whole;

    account_init(&whole, NULL, 64 * MIB);
    struct heap *heap = heap_new(&whole, 1);
    uint8_t *most = heap_take(heap, 63 * MIB), *more = heap_take(heap, 4 * MIB), *small = NULL;

    CHECK(most != NULL);
    CHECK(more != NULL);
    CHECK(account_used(&whole) > 64 * MIB);
    CHECK(heap_take(heap, 4 * MIB) == NULL);
    CHECK(heap_resize(more, 8 * MIB) == NULL);
    CHECK(heap_take(heap, 2 * MIB) == NULL);
    small = heap_take(heap, 20);
    CHECK(small != NULL);
    CHECK(account_used(&whole) <= 68 * MIB);
    atomic_store(&whole.max, 128 * MIB);
    CHECK((more = heap_resize(more, 8 * MIB)) != NULL);
    heap_give(&most);
    heap_give(&more);
    heap_give(&small);
    heap_close(&heap);
    CHECK(account_used(&whole) == 0);
}

TEST(what_a_refusal_leaves_behind_is_nothing)
{
    struct account whole;

    account_init(&whole, NULL, 64 * MIB);
    account_force(&whole, 80 * MIB);
    struct heap *heap = heap_new(&whole, 1);

    for (size_t size = 1; size < 4 * MIB; size *= 3)
        CHECK(heap_take(heap, size) == NULL);
    CHECK(heap_backed(heap) == 0);
    heap_close(&heap);
    CHECK(account_used(&whole) == 80 * MIB);
}

TEST(a_closed_heap_goes_with_its_last_block)
{
    struct account whole;

    account_init(&whole, NULL, 0);
    struct heap *heap = heap_new(&whole, 2);
    void *small = heap_take(heap, 50), *span = heap_take(heap, 50000),
         *alone = heap_take(heap, 2 * MIB);

    heap_close(&heap);
    CHECK(heap == NULL);
    CHECK(account_used(&whole) > 2 * MIB);
    heap_give(&alone);
    heap_give(&small);
    heap_give(&span);
    CHECK(account_used(&whole) == 0);
}

/* ---- threads --------------------------------------------------------------------------------- */

enum { THREADS = 4, EXCHANGED = 64 };

struct exchange {
    struct heap *heap;
    pthread_mutex_t lock;
    struct block blocks[EXCHANGED];
};

struct trader {
    struct exchange *exchange;
    uint64_t seed;
    pthread_t thread;
};

/* Takes, and returns what others took. */
static void *trade(void *context)
{
    struct trader *trader = context;
    struct exchange *exchange = trader->exchange;
    struct random random;

    random_init(&random, trader->seed);
    for (int i = 0; i < 20000; i++) {
        size_t size = 1 + random_below(&random, i % 50 == 0 ? 700000 : 3000);
        struct block *place = &exchange->blocks[random_below(&random, EXCHANGED)];
        struct block mine = {heap_take(exchange->heap, size), size, (uint8_t)i}, old;

        must(mine.bytes != NULL);
        mine.bytes[0] = mine.bytes[size / 2] = mine.bytes[size - 1] = mine.mark;
        must(pthread_mutex_lock(&exchange->lock) == 0);
        old = *place;
        *place = mine;
        must(pthread_mutex_unlock(&exchange->lock) == 0);
        if (old.bytes != NULL)
            must(old.bytes[old.size - 1] == old.mark && old.bytes[0] == old.mark);
        heap_give(&old.bytes);
    }
    return NULL;
}

TEST(threads_return_what_others_took)
{
    struct account whole;
    static struct exchange exchange;
    struct trader traders[THREADS];

    account_init(&whole, NULL, 0);
    exchange.heap = heap_new(&whole, 3);
    CHECK(pthread_mutex_init(&exchange.lock, NULL) == 0);
    for (unsigned i = 0; i < THREADS; i++) {
        traders[i] = (struct trader){.exchange = &exchange, .seed = i + 1};
        CHECK(pthread_create(&traders[i].thread, NULL, trade, &traders[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        CHECK(pthread_join(traders[i].thread, NULL) == 0);
    for (int i = 0; i < EXCHANGED; i++)
        heap_give(&exchange.blocks[i].bytes);
    CHECK(heap_taken(exchange.heap) == 0);
    heap_trim(exchange.heap);
    CHECK(heap_backed(exchange.heap) == 0);
    heap_close(&exchange.heap);
}
