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
