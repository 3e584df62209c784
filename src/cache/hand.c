/* hand.c: going through pages a little at a time. SPDX-License-Identifier: MIT */
#include "cache/pages.h"

struct cache_entry *pool_walk_on(const struct pool *pool, uint32_t page)
{
    return pool_walk(pool, page, &pool->region.units[page].walk);
}

uint32_t pool_hand(struct pool *pool, unsigned queue)
{
    if (pool->hand == REGION_NOTHING || pool_page_queue(pool, pool->hand) != queue) {
        pool->hand = pool_queue(pool, queue)->oldest;
        if (pool->hand != REGION_NOTHING)
            pool->region.units[pool->hand].walk = 0;
    }
    return pool->hand;
}

void pool_hand_on(struct pool *pool)
{
    pool->hand = pool->region.units[pool->hand].next;
    if (pool->hand != REGION_NOTHING)
        pool->region.units[pool->hand].walk = 0;
}

size_t pool_draining_count(const struct pool *pool)
{
    size_t count = 0;

    for (uint32_t page = pool_draining(pool); page != REGION_NOTHING; page = pool_next(pool, page))
        count++;
    return count;
}

void pool_unite(struct pool *pool, unsigned queue)
{
    for (unsigned other = 1; other <= POOL_QUEUES; other++) {
        while (other != queue && pool_queue(pool, other)->oldest != REGION_NOTHING)
            pool_requeue(pool, pool_queue(pool, other)->oldest, queue);
    }
    /* A page that is being emptied goes back and is one of the queue's, too. */
    while (pool_draining(pool) != REGION_NOTHING) {
        uint32_t page = pool_draining(pool);

        pool_undrain(pool, page);
        pool_requeue(pool, page, queue);
    }
}

unsigned pool_page_queue(const struct pool *pool, uint32_t page)
{
    return pool->region.units[page].queue;
}

struct pool_places pool_page_places(const struct pool *pool, uint32_t page)
{
    return (struct pool_places){pool->region.units[page].live, page_taken(pool, page)};
}

bool pool_is_alone(const struct pool *pool, uint32_t page)
{
    return pool->region.units[page].alone;
}

bool pool_has_whole(const struct pool *pool)
{
    return blocks_are_waiting(&pool->region.blocks);
}

void *pool_whole(struct pool *pool)
{
    return blocks_next(&pool->region.blocks);
}
