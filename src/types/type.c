/* type.c: names and the engine's grip on objects. SPDX-License-Identifier: MIT */
#include "types/type.h"

#include "base/number.h"
#include "ds/deque.h"
#include "types/fields.h"
#include "types/members.h"
#include "types/ranking.h"

enum { EMBEDDED_MAX = 44 /* bytes: Redis keeps a string of this size in one block */ };

static size_t list_cost(const void *object)
{
    return deque_cost(object);
}

static void list_free(void *object)
{
    struct deque *list = object;

    deque_free(&list);
}

static size_t set_cost(const void *object)
{
    return members_cost(object);
}

static void set_free(void *object)
{
    struct members *set = object;

    members_free(&set);
}

static size_t zset_cost(const void *object)
{
    return ranking_cost(object);
}

static void zset_free(void *object)
{
    struct ranking *zset = object;

    ranking_free(&zset);
}

static size_t hash_cost(const void *object)
{
    return fields_cost(object);
}

static void hash_free(void *object)
{
    struct fields *hash = object;

    fields_free(&hash);
}

void types_register(struct cache *cache)
{
    static const struct cache_object_ops list = {list_cost, list_free};
    static const struct cache_object_ops set = {set_cost, set_free};
    static const struct cache_object_ops zset = {zset_cost, zset_free};
    static const struct cache_object_ops hash = {hash_cost, hash_free};

    cache_set_object_ops(cache, TYPE_LIST, &list);
    cache_set_object_ops(cache, TYPE_SET, &set);
    cache_set_object_ops(cache, TYPE_ZSET, &zset);
    cache_set_object_ops(cache, TYPE_HASH, &hash);
}

const char *type_name(unsigned kind)
{
    switch (kind) {
    case TYPE_LIST:
        return "list";
    case TYPE_SET:
        return "set";
    case TYPE_ZSET:
        return "zset";
    case TYPE_HASH:
        return "hash";
    default:
        return "string";
    }
}

const char *type_encoding(const struct cache_view *view)
{
    int64_t number = 0;

    switch (view->kind) {
    case TYPE_LIST:
        return "quicklist";
    case TYPE_SET:
        return members_are_numbers(view->object) ? "intset" : "hashtable";
    case TYPE_ZSET:
        return ranking_is_packed(view->object) ? "listpack" : "skiplist";
    case TYPE_HASH:
        return fields_are_packed(view->object) ? "listpack" : "hashtable";
    case TYPE_STRING_GROWN:
        return "raw";
    default:
        if (view->kind == TYPE_STRING && view->value.size <= 20 &&
            number_i64(view->value, &number) == ERR_OK)
            return "int";
        return view->value.size <= EMBEDDED_MAX ? "embstr" : "raw";
    }
}
