/* cache_room.h: a cache and a thread for a test. SPDX-License-Identifier: MIT */
#ifndef LARDER_TESTS_CACHE_ROOM_H
#define LARDER_TESTS_CACHE_ROOM_H

#include "cache/cache.h"

#include <stdio.h>

struct room {
    struct cache *cache;
    struct cache_thread *thread;
};

static inline struct cache_settings room_settings(size_t memory_max, const char *policy)
{
    return (struct cache_settings){.memory_max = memory_max,
                                   .policy = policy,
                                   .objective = "requests",
                                   .whatif = true,
                                   .value_max = 64 << 20,
                                   .leases_max = 65536,
                                   .waiters_max = 10000,
                                   .negative_share = 0.05};
}

static inline struct room room_new(size_t memory_max, const char *policy)
{
    struct cache_settings settings = room_settings(memory_max, policy);
    struct room room = {cache_new(&settings, 1), NULL};

    room.thread = cache_join(room.cache);
    return room;
}

static inline void room_free(struct room *room)
{
    cache_leave(&room->thread);
    cache_free(&room->cache);
}

struct name {
    char text[24];
    size_t size;
};

static inline struct name name_of(int number)
{
    struct name name;

    name.size = (size_t)snprintf(name.text, sizeof name.text, "key:%012d", number);
    return name;
}

static inline struct bytes name_bytes(const struct name *name)
{
    return bytes_of(name->text, name->size);
}

/* Stores `value` under the name of `number`. */
static inline enum err room_put(struct room *room, unsigned space, int number, int value)
{
    struct name name = name_of(number);
    struct cache_put put = {.key = cache_key(room->cache, space, name_bytes(&name)),
                            .body = bytes_of(&value, sizeof value),
                            .expires_ms = CACHE_NEVER};

    return cache_put(room->thread, &put, 0);
}

#endif
