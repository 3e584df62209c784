/* The promises of ds/map.h. SPDX-License-Identifier: MIT */
#include "ds/map.h"

#include "base/mem.h"
#include "t.h"

enum { NAMES = 5000 };

struct item {
    struct map_node node;
    uint32_t number;
    unsigned seen;
};

static struct bytes name_of(const struct map_node *node)
{
    const struct item *item = (const struct item *)(const void *)node;

    return bytes_of(&item->number, sizeof item->number);
}

/* Few values on purpose: chains. */
static uint32_t hash_of(uint32_t number)
{
    return (uint32_t)hash_mix(number % 3 == 0 ? number : number / 7, 1);
}

static struct item *find(const struct map *map, uint32_t number)
{
    return (struct item *)(void *)map_find(map, hash_of(number), bytes_of(&number, sizeof number));
}

static struct item items[NAMES];

static void put(struct map *map, uint32_t number)
{
    items[number].number = number;
    CHECK(map_insert(map, &items[number].node, hash_of(number)) == ERR_OK);
}

TEST(what_was_put_in_is_found_until_it_is_taken_out)
{
    struct heap *heap = heap_new(NULL, 1);
    static bool there[NAMES];
    struct random random;
    struct map map;
    size_t count = 0;

    random_init(&random, 3);
    map_init(&map, heap, name_of);
    for (size_t step = 0; step < 100000; step++) {
        /* Long times of growing and of shrinking. */
        uint32_t number = (uint32_t)random_below(&random, NAMES);
        bool grows =
            step / 20000 % 2 == 0 ? random_below(&random, 4) > 0 : random_below(&random, 4) == 0;

        CHECK((find(&map, number) != NULL) == there[number]);
        if (grows && !there[number]) {
            put(&map, number);
            there[number] = true;
            count++;
        } else if (!grows && there[number]) {
            CHECK(map_take(&map, hash_of(number), bytes_of(&number, sizeof number)) ==
                  &items[number].node);
            there[number] = false;
            count--;
        }
        CHECK(map.count == count);
    }
    map_fini(&map);
    CHECK(heap_taken(heap) == 0);
    heap_close(&heap);
}

TEST(a_walk_sees_each_once)
{
    struct heap *heap = heap_new(NULL, 1);
    struct map map;

    map_init(&map, heap, name_of);
    for (uint32_t count = 0; count < 1000; count++) {
        struct map_walk walk = {0};
        struct map_node *node = NULL;
        uint64_t sum = 0, expected = 0;

        put(&map, count);
        if (count % 37 != 0)
            continue;
        for (uint32_t i = 0; i <= count; i++)
            expected += hash_mix(i, 0);
        while ((node = map_next(&map, &walk)) != NULL)
            sum += hash_mix(((struct item *)(void *)node)->number, 0);
        CHECK(sum == expected);
    }
    map_fini(&map);
    CHECK(heap_taken(heap) == 0);
    heap_close(&heap);
}

static void note(void *context, struct map_node *node)
{
    (void)context;
    ((struct item *)(void *)node)->seen++;
}

/* Scans while the map grows from `from` to `to` names (or shrinks), and checks that those that are
 * there all the time are seen. */
static void scan_while(uint32_t from, uint32_t to)
{
    struct heap *heap = heap_new(NULL, 1);
    struct map map;
    uint64_t cursor = 0;
    uint32_t now = from, low = from < to ? from : to;

    map_init(&map, heap, name_of);
    for (uint32_t i = 0; i < from; i++)
        put(&map, i);
    for (uint32_t i = 0; i < NAMES; i++)
        items[i].seen = 0;
    do {
        cursor = map_scan(&map, cursor, note, NULL);
        for (int i = 0; i < 3 && now != to; i++) {
            if (now < to) {
                put(&map, now++);
            } else {
                now--;
                CHECK(map_take(&map, hash_of(now), bytes_of(&now, sizeof now)) != NULL);
            }
        }
    } while (cursor != 0);
    for (uint32_t i = 0; i < low; i++)
        CHECK(items[i].seen > 0);
    map_fini(&map);
    heap_close(&heap);
}

TEST(a_scan_misses_nobody_however_the_table_changes_meanwhile)
{
    scan_while(0, 0);
    scan_while(10, 10);
    scan_while(1000, 1000);
    scan_while(100, 4000);
    scan_while(4000, 100);
    scan_while(1025, 3000);
    scan_while(600, 5);
}

TEST(an_exchanged_node_is_found_in_place_of_the_old_one)
{
    struct heap *heap = heap_new(NULL, 1);
    struct map map;
    struct item other = {.number = 7};

    map_init(&map, heap, name_of);
    for (uint32_t i = 0; i < 100; i++)
        put(&map, i);
    map_exchange(&map, &items[7].node, &other.node);
    CHECK(find(&map, 7) == &other);
    CHECK(map.count == 100);
    map_fini(&map);
    CHECK(heap_taken(heap) == 0);
    heap_close(&heap);
}

TEST(every_one_may_be_drawn)
{
    struct heap *heap = heap_new(NULL, 1);
    struct map map;
    struct random random;

    random_init(&random, 4);
    map_init(&map, heap, name_of);
    for (uint32_t i = 0; i < 50; i++) {
        put(&map, i);
        items[i].seen = 0;
    }
    for (int i = 0; i < 5000; i++)
        ((struct item *)(void *)map_random(&map, &random))->seen++;
    for (uint32_t i = 0; i < 50; i++)
        CHECK(items[i].seen > 0);
    map_fini(&map);
    CHECK(heap_taken(heap) == 0);
    heap_close(&heap);
}
