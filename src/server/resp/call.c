/* call.c: the keys of a command, and changing what they hold. SPDX-License-Identifier: MIT */
#include "server/resp/call.h"

#include "base/mem.h"
#include "base/must.h"
#include "ds/deque.h"
#include "types/fields.h"
#include "types/members.h"
#include "types/ranking.h"

/* The key of a word among those that were gathered; NULL: it was not. */
static const struct cache_key *gathered_key(const struct call *call, size_t word)
{
    const struct verb *verb = call->verb;
    const struct bytes name = call->words[word];
    size_t at = 0;

    if (call->key_count == 0 || verb->key_step <= 0 || word < (size_t)verb->first_key)
        return NULL;
    at = (word - (size_t)verb->first_key) / (size_t)verb->key_step;
    if (at >= call->key_count)
        return NULL;
    const struct cache_key *key = &call->door->keys[at];

    return key->name.data == name.data && key->name.size == name.size ? key : NULL;
}

struct cache_key call_key(const struct call *call, size_t word)
{
    const struct cache_key *key = NULL;

    if (word == 1 && call->key.name.data == call->words[1].data)
        return call->key;
    key = gathered_key(call, word);
    return key != NULL ? *key : cache_key(call->resp->cache, call->space, call->words[word]);
}

/* ---- locks ------------------------------------------------------------------------------------
 */

struct lock_list {
    struct call *call;
    size_t count;
};

static void add_lock(void *context, size_t word, const struct key_spec *spec)
{
    struct lock_list *list = context;
    struct call *call = list->call;

    (void)spec;
    if (list->count < CACHE_LOCK_KEYS_MAX) {
        struct cache_key *key = &call->door->keys[list->count];

        *key = call_key(call, word);
        cache_prefetch(call->thread, *key, 0);
    }
    list->count++;
}

/* Starts to fetch what is behind the index of the keys that were gathered. */
static void prefetch_keys(const struct call *call)
{
    unsigned stages = (call->verb->flags & VERB_WRITE) != 0 ? 3 : 2;

    for (unsigned stage = 1; stage < stages; stage++) {
        for (size_t i = 0; i < call->key_count; i++)
            cache_prefetch(call->thread, call->door->keys[i], stage);
    }
}

bool call_lock(struct call *call)
{
    struct lock_list list = {call, 0};

    if (call->door->locked)
        return false;
    if (call->verb->last_key == 1 && (call->verb->flags & VERB_MOVABLE_KEYS) == 0) {
        cache_lock(call->thread, &call->key, 1);
    } else {
        /* What makes no sense here is refused by the command itself. */
        (void)(verb_keys(call->verb, call->words, call->count, add_lock, &list) == ERR_OK);
        if (list.count == 0)
            return false;
        call->key_count = list.count < CACHE_LOCK_KEYS_MAX ? list.count : CACHE_LOCK_KEYS_MAX;
        prefetch_keys(call);
        if (list.count > CACHE_LOCK_KEYS_MAX)
            cache_lock_all(call->thread);
        else
            cache_lock(call->thread, call->door->keys, list.count);
    }
    call->door->locked = true;
    return true;
}

void call_unlock(struct call *call)
{
    call->door->locked = false;
    cache_unlock(call->thread);
}

bool call_lock_keys(struct call *call, const struct cache_key *keys, size_t count)
{
    if (call->door->locked)
        return false;
    cache_lock(call->thread, keys, count);
    call->door->locked = true;
    return true;
}

/* ---- looking ----------------------------------------------------------------------------------
 */

static inline bool look(struct call *call, struct cache_key key, struct cache_view *ret_view)
{
    if (cache_look(call->thread, key, call->now_ms, ret_view) == CACHE_FRESH &&
        !ret_view->negative) {
        counter_add(&call->door->metrics.keyspace_hits, 1);
        return true;
    }
    counter_add(&call->door->metrics.keyspace_misses, 1);
    ret_view->state = CACHE_MISS;
    return false;
}

bool call_look(struct call *call, struct cache_key key, struct cache_view *ret_view)
{
    return look(call, key, ret_view);
}

bool call_see(struct call *call, struct cache_key key, struct cache_view *ret_view)
{
    bool found = call_peek(call, key, ret_view);

    counter_add(found ? &call->door->metrics.keyspace_hits : &call->door->metrics.keyspace_misses,
                1);
    return found;
}

bool call_peek(struct call *call, struct cache_key key, struct cache_view *ret_view)
{
    if (cache_peek(call->thread, key, call->now_ms, ret_view) == CACHE_FRESH && !ret_view->negative)
        return true;
    ret_view->state = CACHE_MISS;
    return false;
}

bool call_string(struct call *call, struct cache_key key, struct cache_view *ret_view)
{
    if (!look(call, key, ret_view) || view_is_string(ret_view))
        return true;
    reply_wrong_type(call);
    return false;
}

bool call_object(struct call *call, struct cache_key key, unsigned kind, void *ret_object)
{
    struct cache_view view;
    void *object = NULL;

    if (call_look(call, key, &view)) {
        if (view.kind != kind) {
            reply_wrong_type(call);
            return false;
        }
        object = view.object;
    }
    memcpy(ret_object, &object, sizeof object);
    return true;
}

bool call_put(struct call *call, struct cache_key key, unsigned kind, struct bytes value,
              int64_t expires_ms)
{
    struct cache_put put = {
        .key = key, .kind = (uint8_t)kind, .body = value, .expires_ms = expires_ms};
    enum err err = cache_put(call->thread, &put, call->now_ms);

    if (err == ERR_OK)
        return true;
    reply_err(call, err);
    return false;
}

bool call_wants_room(struct call *call, size_t bytes)
{
    if (call->is_final)
        return false;
    call->room_wanted = bytes + bytes / 4;
    return true;
}

/* ---- objects ----------------------------------------------------------------------------------
 */

static void *typed_new(const struct call *call, unsigned kind)
{
    switch (kind) {
    case TYPE_LIST:
        return deque_new(call->resp->rules->heap);
    case TYPE_SET:
        return members_new(call->resp->rules);
    case TYPE_ZSET:
        return ranking_new(call->resp->rules);
    case TYPE_HASH:
        return fields_new(call->resp->rules);
    default:
        never("an object is of one of these kinds");
    }
}

static size_t typed_count(unsigned kind, const void *object)
{
    switch (kind) {
    case TYPE_LIST:
        return deque_count(object);
    case TYPE_SET:
        return members_count(object);
    case TYPE_ZSET:
        return ranking_count(object);
    case TYPE_HASH:
        return fields_count(object);
    default:
        never("an object is of one of these kinds");
    }
}

void typed_free(unsigned kind, void *object)
{
    struct deque *list = object;
    struct members *set = object;
    struct ranking *zset = object;
    struct fields *hash = object;

    if (kind == TYPE_LIST)
        deque_free(&list);
    else if (kind == TYPE_SET)
        members_free(&set);
    else if (kind == TYPE_ZSET)
        ranking_free(&zset);
    else
        fields_free(&hash);
}

static bool copy_list(struct deque *to, const struct deque *from)
{
    for (struct deque_cursor at = deque_at(from, 0); at.block != NULL; deque_next(&at)) {
        if (deque_push(to, false, deque_get(at)) != ERR_OK)
            return false;
    }
    return true;
}

static bool copy_set(struct members *to, const struct members *from)
{
    struct members_walk walk = {0};
    struct bytes member;
    bool added = false;

    while (members_next(from, &walk, &member)) {
        if (members_add(to, member, &added) != ERR_OK)
            return false;
    }
    return true;
}

static bool copy_zset(struct ranking *to, const struct ranking *from)
{
    struct ranking_cursor at = ranking_at(from, 0);
    bool added = false;

    for (size_t left = ranking_count(from); left > 0; left--) {
        double score = 0;
        struct bytes member = ranking_get(from, at, &score);

        if (ranking_set(to, member, score, &added) != ERR_OK)
            return false;
        if (left > 1)
            ranking_step(from, &at, false);
    }
    return true;
}

static bool copy_hash(struct fields *to, const struct fields *from)
{
    struct fields_walk walk = {0};
    struct bytes name, value;
    bool added = false;

    while (fields_next(from, &walk, &name, &value)) {
        if (fields_set(to, name, value, &added) != ERR_OK)
            return false;
    }
    return true;
}

void *typed_copy(const struct call *call, unsigned kind, const void *object)
{
    void *copy = typed_new(call, kind);

    if (copy == NULL)
        return NULL;
    bool whole = kind == TYPE_LIST   ? copy_list(copy, object)
                 : kind == TYPE_SET  ? copy_set(copy, object)
                 : kind == TYPE_ZSET ? copy_zset(copy, object)
                                     : copy_hash(copy, object);

    if (whole)
        return copy;
    typed_free(kind, copy);
    return NULL;
}

bool edit_begin(struct call *call, struct cache_key key, unsigned kind, struct edit *ret_edit)
{
    *ret_edit = (struct edit){.key = key, .kind = kind};
    return call_object(call, key, kind, &ret_edit->object);
}

bool edit_make(struct call *call, struct edit *edit)
{
    if (edit->object != NULL)
        return true;
    edit->object = typed_new(call, edit->kind);
    if (edit->object == NULL) {
        reply_err(call, ERR_FULL);
        return false;
    }
    edit->is_new = true;
    return true;
}

void edit_cancel(struct edit *edit)
{
    if (edit->is_new)
        typed_free(edit->kind, edit->object);
    edit->object = NULL;
}

bool call_put_object(struct call *call, struct cache_key key, unsigned kind, void *object,
                     int64_t expires_ms)
{
    struct cache_put put = {
        .key = key, .kind = (uint8_t)kind, .object = object, .expires_ms = expires_ms};

    if (typed_count(kind, object) == 0) {
        typed_free(kind, object);
        (void)cache_remove(call->thread, key, call->now_ms);
        return true;
    }
    enum err err = cache_put(call->thread, &put, call->now_ms);

    if (err == ERR_OK)
        return true;
    typed_free(kind, object);
    reply_err(call, err);
    return false;
}

bool edit_end(struct call *call, struct edit *edit, bool changed)
{
    if (edit->object == NULL)
        return true;
    if (edit->is_new) {
        if (typed_count(edit->kind, edit->object) > 0)
            return call_put_object(call, edit->key, edit->kind, edit->object, CACHE_NEVER);
        edit_cancel(edit);
    } else if (typed_count(edit->kind, edit->object) == 0) {
        (void)cache_remove(call->thread, edit->key, call->now_ms);
    } else if (changed) {
        cache_object_changed(call->thread, edit->key, call->now_ms);
    }
    return true;
}
