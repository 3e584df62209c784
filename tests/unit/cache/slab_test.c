/* The promises of cache/slab.h. SPDX-License-Identifier: MIT */
#include "cache/slab.h"

#include "base/mem.h"
#include "base/random.h"
#include "t.h"

#include <pthread.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

/* A place that is taken: what was asked for and what was written into it. */
struct piece {
    uint32_t ref;
    uint32_t size;
    uint8_t fill;
};

struct world {
    struct account account;
    struct slab *slab;
    struct random random;
    struct piece *pieces;
    size_t count;
    size_t max;
};

static void world_begin(struct world *world, size_t limit, size_t max)
{
    *world = (struct world){.max = max};
    account_init(&world->account, NULL, limit);
    world->slab = slab_new(limit, &world->account);
    world->pieces = mem_new(max, sizeof *world->pieces);
    random_init(&world->random, 7);
}

static void piece_check(const struct world *world, const struct piece *piece)
{
    const uint8_t *at = slab_at(world->slab, piece->ref);

    for (size_t i = 0; i < piece->size; i += i < 16 || i + 16 > piece->size ? 1 : 97)
        CHECK(at[i] == piece->fill);
    CHECK(at[piece->size - 1] == piece->fill);
}

static enum err piece_take(struct world *world, uint32_t size, bool force)
{
    struct piece *piece = &world->pieces[world->count];
    uint32_t ref = 0;
    enum err err = slab_take(world->slab, size, force, &ref);

    if (err != ERR_OK)
        return err;
    CHECK(ref != 0);
    CHECK(slab_ref(world->slab, slab_at(world->slab, ref)) == ref);
    CHECK((uintptr_t)slab_at(world->slab, ref) % 16 == 0);
    *piece = (struct piece){ref, size, (uint8_t)random_next(&world->random)};
    memset(slab_at(world->slab, ref), piece->fill, size);
    world->count++;
    return ERR_OK;
}

static void piece_give(struct world *world, size_t number)
{
    piece_check(world, &world->pieces[number]);
    slab_give(world->slab, world->pieces[number].ref);
    world->pieces[number] = world->pieces[--world->count];
}

static void world_check(const struct world *world)
{
    size_t cost = 0;

    for (size_t i = 0; i < world->count; i++) {
        piece_check(world, &world->pieces[i]);
        cost += slab_cost(world->slab, world->pieces[i].size);
    }
    CHECK(cost == slab_taken(world->slab));
    CHECK(slab_backed(world->slab) >= cost);
    CHECK(slab_backed(world->slab) == account_used(&world->account));
}

/* Compacts until nothing is worth doing. Returns how many places were moved. */
static size_t world_compact(struct world *world)
{
    uint32_t refs[100];
    size_t count = 0;
    size_t moved = 0;

    while (slab_sparse(world->slab, NULL, refs, 100, &count)) {
        CHECK(count > 0);
        CHECK(count <= 100);
        for (size_t i = 0; i < count; i++) {
            size_t number = 0;
            uint32_t to = 0;

            while (number < world->count && world->pieces[number].ref != refs[i])
                number++;
            CHECK(number < world->count);
            CHECK(slab_take(world->slab, world->pieces[number].size, false, &to) == ERR_OK);
            memcpy(slab_at(world->slab, to), slab_at(world->slab, refs[i]),
                   world->pieces[number].size);
            slab_give(world->slab, refs[i]);
            world->pieces[number].ref = to;
            moved++;
        }
    }
    return moved;
}

static void world_end(struct world *world)
{
    while (world->count > 0)
        piece_give(world, world->count - 1);
    CHECK(slab_taken(world->slab) == 0);
    slab_free(&world->slab);
    CHECK(account_used(&world->account) == 0);
    mem_free(&world->pieces);
}

static uint32_t size_like(struct world *world, unsigned kind)
{
    switch (kind) {
    case 0:
        return (uint32_t)(1 + random_below(&world->random, 300));
    case 1:
        return (uint32_t)(1 + random_below(&world->random, 9000));
    case 2:
        return (uint32_t)(1 + random_below(&world->random, 70000));
    default:
        return (uint32_t)1 << random_below(&world->random, 19);
    }
}

static void churn(size_t limit, unsigned rounds)
{
    struct world world;

    world_begin(&world, limit, 4000);
    for (unsigned i = 0; i < rounds; i++) {
        unsigned kind = (i / 4000) % 4;

        if (world.count == world.max ||
            (world.count > 0 && random_below(&world.random, 100) < 48)) {
            piece_give(&world, random_below(&world.random, world.count));
        } else if (piece_take(&world, size_like(&world, kind), false) != ERR_OK) {
            for (int n = 0; n < 20 && world.count > 0; n++)
                piece_give(&world, random_below(&world.random, world.count));
        }
        if (i % 4000 == 0)
            world_check(&world);
    }
    world_compact(&world);
    world_check(&world);
    world_end(&world);
}

TEST(no_two_places_overlap_and_nothing_is_written_into_them)
{
    churn(16 * MIB, 60000);
    churn(80 * MIB, 60000);
}

TEST(a_place_costs_at_most_an_eighth_and_16_bytes_more_than_asked_for)
{
    struct world world;

    world_begin(&world, 256 * MIB, 1);
    for (uint32_t size = 1; size < 200000; size++) {
        size_t cost = slab_cost(world.slab, size);

        CHECK(cost >= size);
        CHECK(cost <= size + size / 8 + 15);
    }
    world_end(&world);
}

TEST(what_the_account_refuses_is_refused_unless_forced)
{
    struct world world;
    uint32_t ref = 0;

    world_begin(&world, 8 * MIB, 20000);
    while (piece_take(&world, 1000, false) == ERR_OK) {
    }
    CHECK(account_used(&world.account) <= 8 * MIB);
    CHECK(slab_taken(world.slab) > 8 * MIB * 15 / 16);
    CHECK(slab_take(world.slab, 100, false, &ref) == ERR_FULL);
    CHECK(slab_take(world.slab, 100000, false, &ref) == ERR_FULL);
    CHECK(ref == 0);
    CHECK(piece_take(&world, 100, true) == ERR_OK);
    CHECK(piece_take(&world, 100000, true) == ERR_OK);
    CHECK(account_used(&world.account) > 8 * MIB);
    world_check(&world);
    piece_give(&world, 0);
    CHECK(piece_take(&world, 1000, false) == ERR_OK);
    CHECK(slab_take(world.slab, SIZE_MAX / 2, true, &ref) == ERR_TOO_BIG);
    world_end(&world);
}

TEST(emptied_pages_of_small_places_become_room_for_large_ones)
{
    struct world world;
    size_t large = 0;

    world_begin(&world, 16 * MIB, 200000);
    while (piece_take(&world, 100, false) == ERR_OK) {
    }
    /* At random, so that no page becomes empty by itself. */
    for (size_t left = world.count / 4; world.count > left;)
        piece_give(&world, random_below(&world.random, world.count));
    CHECK(slab_backed(world.slab) > 15 * MIB);
    CHECK(world_compact(&world) > 1000);
    world_check(&world);
    CHECK(slab_backed(world.slab) < slab_taken(world.slab) * 17 / 16 + MIB);
    while (piece_take(&world, 65536, false) == ERR_OK)
        large++;
    CHECK(large > 150);
    world_check(&world);
    world_end(&world);
}

TEST(compaction_bounds_what_is_wasted_after_any_history)
{
    struct world world;

    world_begin(&world, 32 * MIB, 30000);
    for (unsigned i = 0; i < 60000; i++) {
        if (world.count == world.max || piece_take(&world, size_like(&world, i % 4), false))
            for (int n = 0; n < 3 && world.count > 0; n++)
                piece_give(&world, random_below(&world.random, world.count));
    }
    for (size_t left = world.count / 3; world.count > left;)
        piece_give(&world, random_below(&world.random, world.count));
    world_compact(&world);
    CHECK(slab_backed(world.slab) < slab_taken(world.slab) * 21 / 20 + 2 * MIB);
    world_check(&world);
    world_end(&world);
}

TEST(a_page_that_cannot_be_emptied_is_used_again)
{
    struct world world;
    uint32_t refs[8192];
    size_t count = 0;

    world_begin(&world, 16 * MIB, 200000);
    while (piece_take(&world, 100, false) == ERR_OK) {
    }
    for (size_t left = world.count / 2; world.count > left;)
        piece_give(&world, random_below(&world.random, world.count));
    for (int i = 0; i < 1000; i++)
        (void)slab_sparse(world.slab, NULL, refs, 8192, &count);
    for (size_t full = slab_backed(world.slab); slab_backed(world.slab) <= full;)
        if (piece_take(&world, 100, false) != ERR_OK)
            break;
    CHECK(slab_taken(world.slab) > 14 * MIB);
    world_check(&world);
    world_end(&world);
}

TEST(large_places_coalesce_when_they_leave)
{
    struct world world;
    uint32_t ref = 0;

    world_begin(&world, 64 * MIB, 2000);
    for (int round = 0; round < 100; round++) {
        while (piece_take(&world, 300000 + 70000 * (uint32_t)(round % 7), false) == ERR_OK) {
        }
        while (world.count > (size_t)(round % 3))
            piece_give(&world, random_below(&world.random, world.count));
    }
    while (world.count > 0)
        piece_give(&world, 0);
    CHECK(slab_take(world.slab, 60 * MIB, false, &ref) == ERR_OK);
    slab_give(world.slab, ref);
    CHECK(slab_backed(world.slab) < MIB + MIB / 4);
    world_end(&world);
}

TEST(few_bytes_back_few_pages)
{
    struct world world;

    world_begin(&world, 256 * MIB, 1000);
    for (uint32_t size = 16; size < 32768; size += size / 8 + 1)
        CHECK(piece_take(&world, size, false) == ERR_OK);
    /* A step or two for each size, not a page for each. */
    CHECK(slab_backed(world.slab) < slab_taken(world.slab) + MIB / 3);
    world_end(&world);
}

enum { THREADS = 4, THREAD_STEPS = 20000, THREAD_PLACES = 500 };

struct thread_part {
    struct slab *slab;
    uint64_t seed;
    bool intact;
};

/* Takes, fills, checks and gives back places of its own, and now and then asks for a sparse page.
 */
static void *thread_run(void *context)
{
    struct thread_part *part = context;
    struct random random;
    uint32_t refs[THREAD_PLACES] = {0};
    uint32_t sizes[THREAD_PLACES] = {0};
    uint32_t sparse[64];
    size_t count = 0;

    random_init(&random, part->seed);
    part->intact = true;
    for (int i = 0; i < THREAD_STEPS; i++) {
        size_t n = random_below(&random, THREAD_PLACES);

        if (refs[n] != 0) {
            const uint8_t *place = slab_at(part->slab, refs[n]);

            part->intact &= place[0] == (uint8_t)part->seed;
            part->intact &= place[sizes[n] - 1] == (uint8_t)part->seed;
            slab_give(part->slab, refs[n]);
            refs[n] = 0;
            continue;
        }
        sizes[n] = (uint32_t)(16 + random_below(&random, random_below(&random, 60000) + 1));
        if (slab_take(part->slab, sizes[n], false, &refs[n]) == ERR_OK)
            memset(slab_at(part->slab, refs[n]), (int)part->seed, sizes[n]);
        if (i % 100 == 0)
            (void)slab_sparse(part->slab, NULL, sparse, 64, &count);
    }
    for (size_t n = 0; n < THREAD_PLACES; n++) {
        if (refs[n] != 0)
            slab_give(part->slab, refs[n]);
    }
    return NULL;
}

TEST(threads_get_places_of_their_own)
{
    struct thread_part parts[THREADS];
    pthread_t threads[THREADS];
    struct world world;

    world_begin(&world, 32 * MIB, 1);
    for (unsigned i = 0; i < THREADS; i++) {
        parts[i] = (struct thread_part){.slab = world.slab, .seed = i + 1};
        CHECK(pthread_create(&threads[i], NULL, thread_run, &parts[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(parts[i].intact);
    }
    world_end(&world);
}
