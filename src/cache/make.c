/* make.c: entries before they are shown and after they were. SPDX-License-Identifier: MIT */
#include "cache/store.h"

#include "base/mem.h"

struct recipe recipe_of(const struct cache_put *put, uint64_t sequence)
{
    int64_t stale = put->stale_until_ms == 0 ? put->expires_ms : put->stale_until_ms;
    int64_t error = put->error_until_ms == 0 ? stale : put->error_until_ms;

    must(stale >= put->expires_ms);
    must(error >= stale);
    return (struct recipe){put, sequence, stale, error};
}

static size_t extra_size(const struct recipe *recipe)
{
    if (recipe->put->tag_count == 0 && recipe->error_until_ms == recipe->put->expires_ms)
        return 0;
    return sizeof(struct entry_extra) + recipe->put->tag_count * sizeof(struct tag *);
}

static size_t recipe_size(const struct recipe *recipe)
{
    const struct cache_put *put = recipe->put;
    size_t object = put->object == NULL ? 0 : sizeof(struct entry_object);

    return sizeof(struct cache_entry) + extra_size(recipe) + object + put->key.name.size +
           put->head.size + put->body.size;
}

enum err recipe_check(const struct cache *cache, const struct cache_put *put)
{
    enum { OVERHEAD_MAX = 1 << 20 }; /* header, tags and key are less */

    must(put->key.space < CACHE_SPACES);
    must(put->object == NULL || cache->object_ops[put->kind] != NULL);
    if (put->key.name.size > CACHE_KEY_MAX || put->tag_count > CACHE_TAGS_MAX)
        return ERR_TOO_BIG;
    if (put->head.size > cache->settings.value_max ||
        put->body.size > cache->settings.value_max - put->head.size)
        return ERR_TOO_BIG;
    if (put->head.size + put->body.size > UINT32_MAX - OVERHEAD_MAX)
        return ERR_TOO_BIG;
    for (size_t i = 0; i < put->tag_count; i++) {
        if (put->tags[i].size > CACHE_TAG_SIZE_MAX)
            return ERR_TOO_BIG;
    }
    return ERR_OK;
}

static bool has_tag(const struct entry_extra *extra, const struct tag *tag)
{
    for (uint64_t i = 0; i < extra->tag_count; i++) {
        if (extra->tags[i] == tag)
            return true;
    }
    return false;
}

/* False: no memory; the tags that were taken stay in the entry. */
static bool fill_extra(struct cache *cache, struct cache_entry *entry, const struct recipe *recipe)
{
    struct entry_extra *extra = entry_extra(entry);
    const struct cache_put *put = recipe->put;

    atomic_init(&extra->stale_ms, time_between(put->expires_ms, recipe->stale_until_ms));
    atomic_init(&extra->error_ms, time_between(put->expires_ms, recipe->error_until_ms));
    atomic_init(&extra->retry_ms, INT64_MIN);
    extra->tag_count = 0;
    for (size_t i = 0; i < put->tag_count; i++) {
        struct tag *tag = tags_take(&cache->tags, put->tags[i]);

        if (tag == NULL)
            return false;
        if (has_tag(extra, tag))
            tags_give(&cache->tags, tag);
        else
            extra->tags[extra->tag_count++] = tag;
    }
    return true;
}

static void fill_object(struct cache *cache, struct cache_entry *entry, const struct recipe *recipe)
{
    struct entry_object *object = entry_object(entry);
    const struct cache_object_ops *ops = cache->object_ops[recipe->put->kind];

    object->object = recipe->put->object;
    atomic_init(&object->cost, ops->cost(object->object));
    account_force(&cache->objects, atomic_load(&object->cost));
}

static void append(uint8_t **at, struct bytes bytes)
{
    if (bytes.size > 0)
        memcpy(*at, bytes.data, bytes.size);
    *at += bytes.size;
}

static bool fill_place(struct cache *cache, struct cache_entry *entry, const struct recipe *recipe,
                       uint32_t state)
{
    const struct cache_put *put = recipe->put;
    bool complete = true;
    uint8_t *at = NULL;

    atomic_store_explicit(&entry->state, state, memory_order_relaxed);
    entry->node.next = entry->node.prev = 0;
    entry->node.queue = 0;
    atomic_store_explicit(&entry->node.bits, 0, memory_order_relaxed);
    atomic_store_explicit(&entry->expires_ms, put->expires_ms, memory_order_relaxed);
    atomic_store_explicit(&entry->sequence, recipe->sequence, memory_order_relaxed);
    entry->wheel_next = entry->wheel_prev = 0;
    entry->value_size = (uint32_t)(put->head.size + put->body.size);
    entry->key_size = (uint16_t)put->key.name.size;
    entry->kind = put->kind;
    entry->space_flags = put->key.space;
    if (put->negative)
        entry->space_flags |= ENTRY_NEGATIVE;
    if (extra_size(recipe) > 0) {
        entry->space_flags |= ENTRY_EXTRA;
        complete = fill_extra(cache, entry, recipe);
    }
    if (put->object != NULL) {
        entry->space_flags |= ENTRY_OBJECT;
        fill_object(cache, entry, recipe);
    }
    at = (uint8_t *)(uintptr_t)entry_name(entry).data;
    append(&at, put->key.name);
    append(&at, put->head);
    append(&at, put->body);
    return complete;
}

enum err entry_make(struct cache_thread *thread, const struct recipe *recipe,
                    struct cache_entry **ret_entry)
{
    struct cache *cache = thread->cache;
    struct cache_entry *entry = NULL;
    uint32_t ref = 0;

    TRY(room_take(thread, recipe_size(recipe), &ref));
    entry = entry_at(cache, ref);
    if (!fill_place(cache, entry, recipe, 0)) {
        entry_discard(cache, entry);
        return ERR_FULL;
    }
    *ret_entry = entry;
    return ERR_OK;
}

struct cache_entry *entry_make_loose(struct cache *cache, const struct recipe *recipe)
{
    struct cache_put bare = *recipe->put;
    struct recipe plain = *recipe;
    struct cache_entry *entry = NULL;

    /* It is never found, so it needs neither tags nor an object's keeper. */
    bare.tag_count = 0;
    bare.object = NULL;
    plain.put = &bare;
    entry = mem_try(recipe_size(&plain));
    if (entry == NULL)
        return NULL;
    account_force(&cache->values, mem_cost(entry));
    (void)fill_place(cache, entry, &plain, ENTRY_HEAP);
    return entry;
}

static void copy_extra(struct cache *cache, struct cache_entry *to, const struct cache_entry *from,
                       const struct copying *copying)
{
    const struct entry_extra *old = entry_extra(from);
    struct entry_extra *extra = entry_extra(to);

    atomic_init(&extra->stale_ms, old == NULL ? 0 : atomic_load(&old->stale_ms));
    atomic_init(&extra->error_ms, old == NULL ? 0 : atomic_load(&old->error_ms));
    atomic_init(&extra->retry_ms, old == NULL ? INT64_MIN : atomic_load(&old->retry_ms));
    extra->tag_count = 0;
    for (uint64_t i = 0; old != NULL && i < old->tag_count; i++) {
        tags_share(&cache->tags, old->tags[i]);
        extra->tags[extra->tag_count++] = old->tags[i];
    }
    for (size_t i = 0; i < copying->tag_count; i++)
        extra->tags[extra->tag_count++] = copying->tags[i];
}

enum err entry_copy(struct cache_thread *thread, const struct cache_entry *from,
                    const struct copying *copying, struct cache_entry **ret_entry)
{
    struct cache *cache = thread->cache;
    size_t extra = entry_extra_size(from);
    size_t rest = entry_size(from) - sizeof *from - extra;
    struct cache_entry *entry = NULL;
    uint32_t ref = 0;

    if (copying->extra) {
        const struct entry_extra *old = entry_extra(from);
        uint64_t count = (old == NULL ? 0 : old->tag_count) + copying->tag_count;

        extra = sizeof *old + count * sizeof old->tags[0];
    }
    if (copying->force)
        TRY(slab_take(cache->slab, sizeof *from + extra + rest, true, &ref));
    else
        TRY(room_take(thread, sizeof *from + extra + rest, &ref));
    entry = entry_at(cache, ref);
    atomic_store_explicit(&entry->state, entry_state(from) & ENTRY_SOFT, memory_order_relaxed);
    entry->node.next = entry->node.prev = 0;
    entry->node.queue = 0;
    atomic_store_explicit(&entry->node.bits, atomic_load(&from->node.bits), memory_order_relaxed);
    atomic_store_explicit(&entry->expires_ms, entry_expires(from), memory_order_relaxed);
    atomic_store_explicit(&entry->sequence, entry_sequence(from), memory_order_relaxed);
    entry->wheel_next = entry->wheel_prev = 0;
    entry->value_size = from->value_size;
    entry->key_size = from->key_size;
    entry->kind = from->kind;
    entry->space_flags = from->space_flags;
    if (extra > 0) {
        entry->space_flags |= ENTRY_EXTRA;
        copy_extra(cache, entry, from, copying);
    }
    memcpy(entry->rest + extra, from->rest + entry_extra_size(from), rest);
    *ret_entry = entry;
    return ERR_OK;
}

void object_free(const struct cache *cache, uint8_t kind, void *object)
{
    void (*free_object)(void *object) = cache->object_ops[kind]->free;

    if (object != NULL)
        free_object(object);
}

void entry_free(struct cache *cache, struct cache_entry *entry)
{
    uint32_t state = entry_state(entry);
    struct entry_object *object = entry_object(entry);
    struct entry_extra *extra = entry_extra(entry);

    must((state & (ENTRY_HOLDS | ENTRY_SHOWN)) == 0);
    for (uint64_t i = 0; extra != NULL && i < extra->tag_count; i++)
        tags_give(&cache->tags, extra->tags[i]);
    if (object != NULL && (state & ENTRY_MOVED) == 0) {
        account_refund(&cache->objects, atomic_load(&object->cost));
        object_free(cache, entry->kind, object->object);
    }
    if (state & ENTRY_HEAP) {
        account_refund(&cache->values, mem_cost(entry));
        mem_free(&entry);
    } else {
        atomic_store_explicit(&entry->state, 0, memory_order_relaxed);
        slab_give(cache->slab, entry_ref(cache, entry));
    }
}

void entry_let_go(struct cache *cache, struct cache_entry *entry)
{
    uint32_t before = atomic_fetch_or_explicit(&entry->state, ENTRY_DEAD, memory_order_acq_rel);

    if ((before & ENTRY_HOLDS) == 0)
        entry_free(cache, entry);
}

void entry_discard(struct cache *cache, struct cache_entry *entry)
{
    struct entry_object *object = entry_object(entry);

    if (object != NULL)
        object->object = NULL; /* still the caller's */
    entry_let_go(cache, entry);
}

size_t entry_cost(const struct cache *cache, const struct cache_entry *entry)
{
    const struct entry_object *object = entry_object(entry);
    uint32_t state = entry_state(entry);
    size_t cost = 0;

    if (state & ENTRY_HEAP)
        return mem_cost(entry);
    cost = slab_cost(cache->slab, entry_size(entry));
    if (object == NULL || (state & ENTRY_MOVED) != 0)
        return cost;
    return cost + atomic_load_explicit(&object->cost, memory_order_relaxed);
}
