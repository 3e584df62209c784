/* make.c: entries before they are shown and after they were. SPDX-License-Identifier: MIT */
#include "cache/store.h"

#include "base/mem.h"

enum { AT_ONCE_MAX = 4096 /* bytes that are written under a shard's latch */ };

struct recipe recipe_of(const struct cache_put *put, uint64_t sequence)
{
    int64_t stale = put->stale_until_ms == 0 ? put->expires_ms : put->stale_until_ms;
    int64_t error = put->error_until_ms == 0 ? stale : put->error_until_ms;

    must(stale >= put->expires_ms);
    must(error >= stale);
    return (struct recipe){put, sequence, stale, error, 0};
}

/* A tag that is named twice is one. */
static size_t tags_of(const struct cache_put *put)
{
    size_t count = 0;

    for (size_t i = 0; i < put->tag_count; i++) {
        size_t at = 0;

        while (!bytes_equal(put->tags[at], put->tags[i]))
            at++;
        count += at == i;
    }
    return count;
}

static size_t extra_size(const struct recipe *recipe)
{
    if (recipe->put->tag_count == 0 && recipe->error_until_ms == recipe->put->expires_ms)
        return 0;
    return sizeof(struct entry_extra) + tags_of(recipe->put) * sizeof(struct tag *);
}

/* What an entry is going to look like: its form and its kind, space and sizes in the word, and how
 * large it is. */
struct shape {
    uint64_t word;
    size_t size;
    size_t value_size;
};

static uint64_t word_sizes(uint64_t word, unsigned kind, size_t key_size, size_t value_size)
{
    if (kind >= ENTRY_KIND_WIDE || key_size >= ENTRY_KEY_WIDE || value_size >= ENTRY_VALUE_WIDE)
        return word | ENTRY_WIDE;
    return word | (uint64_t)kind << ENTRY_KIND_SHIFT | (uint64_t)key_size << ENTRY_KEY_SHIFT |
           (uint64_t)value_size << ENTRY_VALUE_SHIFT;
}

static struct shape shape_of(const struct recipe *recipe)
{
    const struct cache_put *put = recipe->put;
    struct shape shape = {.word = (uint64_t)put->key.space << ENTRY_SPACE_SHIFT,
                          .value_size = put->head.size + put->body.size};
    size_t extra = extra_size(recipe);

    if (put->negative)
        shape.word |= ENTRY_NEGATIVE;
    if (extra > 0)
        shape.word |= ENTRY_EXTRA;
    if (extra > 0 || put->expires_ms != CACHE_NEVER)
        shape.word |= ENTRY_ENDS;
    if (put->object != NULL)
        shape.word |= ENTRY_OBJECT;
    shape.word = word_sizes(shape.word, put->kind, put->key.name.size, shape.value_size);
    shape.size = sizeof(struct cache_entry) + word_extra_at(shape.word) * sizeof(uint64_t) + extra +
                 (put->object == NULL ? 0 : sizeof(struct entry_object)) + put->key.name.size +
                 shape.value_size;
    return shape;
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

static void give_tags(struct cache *cache, struct entry_extra *extra)
{
    for (uint64_t i = 0; i < extra->tag_count; i++)
        tags_give(&cache->tags, extra->tags[i]);
}

/* False: no memory; nothing was taken. */
static bool fill_extra(struct cache *cache, struct entry_extra *extra, const struct recipe *recipe)
{
    const struct cache_put *put = recipe->put;

    atomic_init(&extra->sequence, recipe->sequence);
    atomic_init(&extra->stale_ms, time_between(put->expires_ms, recipe->stale_until_ms));
    atomic_init(&extra->error_ms, time_between(put->expires_ms, recipe->error_until_ms));
    atomic_init(&extra->retry_ms, INT64_MIN);
    extra->tag_count = 0;
    for (size_t i = 0; i < put->tag_count; i++) {
        struct tag *tag = tags_take(&cache->tags, put->tags[i]);

        if (tag == NULL) {
            give_tags(cache, extra);
            return false;
        }
        if (has_tag(extra, tag))
            tags_give(&cache->tags, tag);
        else
            extra->tags[extra->tag_count++] = tag;
    }
    return true;
}

static void fill_object(struct cache *cache, struct entry_object *object,
                        const struct recipe *recipe)
{
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

/* The word comes last: until then whoever walks the page sees a place that is being made. False: no
 * memory for a tag. */
static bool fill_place(struct cache *cache, struct cache_entry *entry, const struct recipe *recipe,
                       const struct shape *shape)
{
    const struct cache_put *put = recipe->put;
    uint64_t *rest = entry->rest;
    uint8_t *at = NULL;

    if (shape->word & ENTRY_ENDS)
        atomic_init((_Atomic int64_t *)(void *)rest++, put->expires_ms);
    if (shape->word & ENTRY_WIDE)
        *(struct entry_wide *)(void *)rest++ =
            (struct entry_wide){.value_size = (uint32_t)shape->value_size,
                                .key_size = (uint16_t)put->key.name.size,
                                .kind = put->kind};
    at = (uint8_t *)rest;
    if (shape->word & ENTRY_EXTRA) {
        struct entry_extra *extra = (struct entry_extra *)(void *)rest;

        if (!fill_extra(cache, extra, recipe))
            return false;
        at += sizeof *extra + extra->tag_count * sizeof extra->tags[0];
    }
    if (put->object != NULL) {
        fill_object(cache, (struct entry_object *)(void *)at, recipe);
        at += sizeof(struct entry_object);
    }
    append(&at, put->key.name);
    append(&at, put->head);
    append(&at, put->body);
    return true;
}

/* The queue of what the key has now, which its new value inherits. 0: nothing. */
static unsigned queue_of_key(struct cache_thread *thread, const struct cache_key *key)
{
    const struct cache *cache = thread->cache;
    _Atomic uint32_t *slot = NULL;
    const struct cache_entry *old = find_entry(cache, shard_of(cache, key->hash), key, &slot);

    return old == NULL ? 0 : pool_queue_of(cache->pool, entry_ref(cache, old));
}

static enum err fill_entry(struct cache *cache, struct cache_entry *entry,
                           const struct recipe *recipe, const struct shape *shape)
{
    uint64_t word = word_with(shape->word, ENTRY_POLICY_SHIFT, ENTRY_POLICY_BITS,
                              policy_fresh(&cache->policy_marker));

    if (!fill_place(cache, entry, recipe, shape)) {
        uint32_t ref = entry_ref(cache, entry);

        order_give(cache, &ref, 1);
        return ERR_FULL;
    }
    entry_set_word(entry, word | (entry_word(entry) & ENTRY_YOUNG));
    return ERR_OK;
}

enum err entry_make(struct cache_thread *thread, const struct recipe *recipe,
                    struct cache_entry **ret_entry)
{
    struct shape shape = shape_of(recipe);
    struct room_ask ask = {.size = shape.size,
                           .hash = recipe->put->key.hash,
                           .queue = recipe->queue,
                           .ends_ms = recipe->error_until_ms};
    struct cache_entry *entry = NULL;
    bool young = false;

    if (ask.queue == 0)
        ask.queue = queue_of_key(thread, &recipe->put->key);
    TRY(room_take(thread, &ask, &entry, &young));
    TRY(fill_entry(thread->cache, entry, recipe, &shape));
    *ret_entry = entry;
    return ERR_OK;
}

enum err entry_make_at_once(struct cache *cache, struct recipe *recipe,
                            const struct cache_entry *old, struct cache_entry **ret_entry)
{
    struct shape shape = shape_of(recipe);
    struct room_ask ask = {
        .size = shape.size, .hash = recipe->put->key.hash, .ends_ms = recipe->error_until_ms};
    enum err err = ERR_OK;
    uint32_t ref = 0;
    bool young = false;

    /* What an object costs is for its maker to say, who may take long. */
    if (shape.size > AT_ONCE_MAX || recipe->put->object != NULL)
        return ERR_FULL;
    if (old != NULL)
        ask.queue = pool_queue_of(cache->pool, entry_ref(cache, old));
    err = order_take(cache, &ask, &ref, &young);
    recipe->queue = ask.queue; /* what the policy knew of the key it has forgotten now */
    TRY(err);
    TRY(fill_entry(cache, entry_at(cache, ref), recipe, &shape));
    *ret_entry = entry_at(cache, ref);
    return ERR_OK;
}

/* ---- on the heap of the process ----------------------------------------------------------- */

struct loose {
    _Atomic uint32_t holds;
    struct cache_entry entry;
};

static struct loose *loose_of(struct cache_entry *entry)
{
    return (struct loose *)(void *)((uint8_t *)entry - offsetof(struct loose, entry));
}

/* Held once. */
static struct loose *loose_new(struct cache *cache, size_t size)
{
    struct loose *loose = mem_try(offsetof(struct loose, entry) + size);

    if (loose == NULL)
        return NULL;
    account_force(&cache->values, mem_cost(loose));
    atomic_init(&loose->holds, 1);
    return loose;
}

struct cache_entry *entry_make_loose(struct cache *cache, const struct recipe *recipe)
{
    struct cache_put bare = *recipe->put;
    struct recipe plain = *recipe;
    struct loose *loose = NULL;
    struct shape shape;

    /* It is never found, so it needs neither tags nor an object. */
    bare.tag_count = 0;
    bare.object = NULL;
    plain.put = &bare;
    shape = shape_of(&plain);
    loose = loose_new(cache, shape.size);
    if (loose == NULL)
        return NULL;
    (void)fill_place(cache, &loose->entry, &plain, &shape);
    entry_set_word(&loose->entry, shape.word);
    return &loose->entry;
}

/* ---- copies ------------------------------------------------------------------------------ */

static void copy_extra(struct cache *cache, struct entry_extra *extra,
                       const struct cache_entry *from, const struct copying *copying)
{
    const struct entry_extra *old = entry_extra(from);

    atomic_init(&extra->sequence, old == NULL ? 0 : atomic_load(&old->sequence));
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

static size_t copy_extra_size(const struct cache_entry *from, const struct copying *copying)
{
    const struct entry_extra *old = entry_extra(from);
    uint64_t count = (old == NULL ? 0 : old->tag_count) + copying->tag_count;

    if (old == NULL && !copying->extra)
        return 0;
    return sizeof *old + count * sizeof old->tags[0];
}

enum err entry_copy(struct cache_thread *thread, const struct cache_entry *from,
                    const struct copying *copying, struct cache_entry **ret_entry)
{
    struct cache *cache = thread->cache;
    uint64_t old = entry_word(from);
    uint64_t word = old & ~(ENTRY_SHOWN | ENTRY_MOVED | ENTRY_YOUNG);
    size_t extra = copy_extra_size(from, copying);
    size_t head = sizeof *from + word_extra_at(old) * sizeof from->rest[0] + entry_extra_size(from);
    size_t rest = entry_size(from) - head;
    struct room_ask ask = {.queue = copying->queue, .force = true};
    struct cache_entry *entry = NULL;
    uint8_t *at = NULL;
    bool young = false;

    if (extra > 0)
        word |= ENTRY_EXTRA;
    if (extra > 0 || copying->ends)
        word |= ENTRY_ENDS;
    if (ask.queue == 0)
        ask.queue = pool_queue_of(cache->pool, entry_ref(cache, from));
    ask.size = sizeof *from + word_extra_at(word) * sizeof from->rest[0] + extra + rest;
    ask.ends_ms = entry_ends(from);
    TRY(room_take(thread, &ask, &entry, &young));
    if (word & ENTRY_ENDS)
        atomic_init(entry_end(entry), entry_expires(from));
    if (word & ENTRY_WIDE)
        *(struct entry_wide *)(void *)(entry->rest + word_wide_at(word)) = *entry_wide(from, old);
    at = (uint8_t *)(entry->rest + word_extra_at(word));
    if (extra > 0)
        copy_extra(cache, (struct entry_extra *)(void *)at, from, copying);
    memcpy(at + extra, (const uint8_t *)from + head, rest);
    entry_set_word(entry, word | (young ? ENTRY_YOUNG : 0));
    *ret_entry = entry;
    return ERR_OK;
}

/* As entry_copy, on the heap of the process, without its object, held once; NULL: no memory. */
static struct cache_entry *entry_copy_loose(struct cache *cache, const struct cache_entry *from)
{
    uint64_t word = entry_word(from) & ~(ENTRY_OBJECT | ENTRY_SHOWN | ENTRY_MOVED | ENTRY_YOUNG);
    struct copying copying = {.extra = false};
    struct bytes name = entry_name(from);
    struct bytes value = entry_value(from);
    size_t extra = entry_extra_size(from);
    size_t head = word_extra_at(word) * sizeof from->rest[0];
    struct loose *loose = loose_new(cache, sizeof *from + head + extra + name.size + value.size);
    uint8_t *at = NULL;

    if (loose == NULL)
        return NULL;
    at = (uint8_t *)loose->entry.rest;
    if (word & ENTRY_ENDS)
        atomic_init(entry_end(&loose->entry), entry_expires(from));
    if (word & ENTRY_WIDE)
        *(struct entry_wide *)(void *)(loose->entry.rest + word_wide_at(word)) =
            *entry_wide(from, word);
    if (extra > 0)
        copy_extra(cache, (struct entry_extra *)(void *)(at + head), from, &copying);
    memcpy(at + head + extra, name.data, name.size + value.size);
    entry_set_word(&loose->entry, word);
    return &loose->entry;
}

/* ---- the end ----------------------------------------------------------------------------- */

void object_free(const struct cache *cache, uint8_t kind, void *object)
{
    void (*free_object)(void *object) = cache->object_ops[kind]->free;

    if (object != NULL)
        free_object(object);
}

/* Its place apart: its tags and its object are given back. */
static void entry_empty(struct cache *cache, struct cache_entry *entry)
{
    uint64_t word = entry_word(entry);
    struct entry_object *object = entry_object(entry);
    struct entry_extra *extra = entry_extra(entry);

    must((word & ENTRY_SHOWN) == 0);
    if (extra != NULL)
        give_tags(cache, extra);
    if (object != NULL && (word & ENTRY_MOVED) == 0) {
        account_refund(&cache->objects, atomic_load(&object->cost));
        object_free(cache, (uint8_t)entry_kind(entry), object->object);
    }
}

void entries_let_go(struct cache *cache, uint32_t *refs, size_t count)
{
    size_t given = 0;

    for (size_t i = 0; i < count; i++) {
        struct cache_entry *entry = entry_at(cache, refs[i]);

        if (!pool_give_up(cache->pool, entry))
            continue;
        entry_empty(cache, entry);
        pool_forget(cache->pool, entry);
        refs[given++] = refs[i];
    }
    order_give(cache, refs, given);
}

void entry_let_go(struct cache *cache, struct cache_entry *entry)
{
    uint32_t ref = 0;

    if (!pool_has(cache->pool, entry)) {
        cache_drop(cache, &entry);
        return;
    }
    ref = entry_ref(cache, entry);
    entries_let_go(cache, &ref, 1);
}

void entry_discard(struct cache *cache, struct cache_entry *entry)
{
    struct entry_object *object = entry_object(entry);

    if (object != NULL)
        object->object = NULL; /* still the caller's */
    entry_let_go(cache, entry);
}

/* ---- holds ------------------------------------------------------------------------------- */

struct cache_entry *cache_hold(struct cache *cache, struct cache_view *view)
{
    struct cache_entry *entry = view->entry;

    must(entry != NULL);
    if (!pool_has(cache->pool, entry)) {
        atomic_fetch_add_explicit(&loose_of(entry)->holds, 1, memory_order_relaxed);
        return entry;
    }
    if (pool_hold(cache->pool, entry))
        return entry;
    entry = entry_copy_loose(cache, entry);
    if (entry == NULL)
        return NULL;
    view->entry = entry;
    view->value = entry_value(entry);
    return entry;
}

static void loose_drop(struct cache *cache, struct loose *loose)
{
    if (atomic_fetch_sub_explicit(&loose->holds, 1, memory_order_acq_rel) > 1)
        return;
    entry_empty(cache, &loose->entry);
    account_refund(&cache->values, mem_cost(loose));
    mem_free(&loose);
}

void cache_drop(struct cache *cache, struct cache_entry **owner)
{
    struct cache_entry *entry = *owner;

    *owner = NULL;
    if (entry == NULL)
        return;
    if (!pool_has(cache->pool, entry)) {
        loose_drop(cache, loose_of(entry));
    } else if (pool_drop(cache->pool, entry)) {
        uint32_t ref = entry_ref(cache, entry);

        entry_empty(cache, entry);
        pool_forget(cache->pool, entry);
        order_give(cache, &ref, 1);
    }
}

size_t entry_cost(const struct cache *cache, const struct cache_entry *entry)
{
    const struct entry_object *object = entry_object(entry);
    size_t cost = 0;

    if (!pool_has(cache->pool, entry))
        return entry_size(entry);
    cost = pool_cost(cache->pool, entry_size(entry));
    if (object == NULL || (entry_word(entry) & ENTRY_MOVED) != 0)
        return cost;
    return cost + atomic_load_explicit(&object->cost, memory_order_relaxed);
}
