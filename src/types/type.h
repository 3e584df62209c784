/* type.h: the Redis data types as values of the engine.
 * SPDX-License-Identifier: MIT
 *
 *   string       plain bytes of the engine, immutable
 *   hash         struct fields   packed pairs | table
 *   list         struct deque    (ds/deque.h)
 *   set          struct members  sorted numbers | packed | table
 *   sorted set   struct ranking  packed pairs | skip list and table
 *
 * Small ones are packed; one that passes a threshold (types/threshold.h) changes its form for good,
 * as in Redis, so that OBJECT ENCODING says the same.
 *
 * Threads: an object is touched only under the lock of its key.
 */
#ifndef LARDER_TYPES_TYPE_H
#define LARDER_TYPES_TYPE_H

#include "cache/cache.h"

enum type_kind {
    TYPE_STRING = CACHE_KIND_PLAIN,
    TYPE_STRING_GROWN = 1, /* made by APPEND or SETRANGE: Redis calls it raw whatever its size */
    TYPE_STRING_FLOAT = 2, /* made by INCRBYFLOAT: no int to Redis, even if it is a whole number */
    TYPE_LIST = 32,
    TYPE_SET,
    TYPE_ZSET,
    TYPE_HASH,
};

/* Tells the engine how to weigh and free objects. Once, at birth. */
void types_register(struct cache *cache);

/* "string", "list", "set", "zset", "hash". */
const char *type_name(unsigned kind);

/* As OBJECT ENCODING says it. */
const char *type_encoding(const struct cache_view *view);

#endif
