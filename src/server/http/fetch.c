/* fetch.c: birth and end of a fetch, and its tags. SPDX-License-Identifier: MIT */
#include "server/http/fetch.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/clock.h"

enum { BLOCK_MAX = 4 << 20, TAGS_SIZE = CACHE_TAGS_MAX * (CACHE_TAG_SIZE_MAX + 1) };

_Static_assert(offsetof(struct fetch, stream) == 0, "fetch_of relies on it");

static void free_fetch(struct stream *stream)
{
    struct fetch *fetch = fetch_of(stream);

    must(fetch->exchange == NULL);
    must(!fetch->has_lease);
    if (fetch->old_entry != NULL)
        cache_drop(fetch->cache, &fetch->old_entry);
    buf_fini(&fetch->head.block);
    buf_fini(&fetch->own_block);
    buf_fini(&fetch->tags);
    account_refund(stream->account, fetch->cost);
    stream_fini(stream);
    mem_free(&fetch->variant_key);
    mem_free(&fetch->alike_key);
    mem_free(&fetch->memory);
    mem_free(&fetch);
}

static struct bytes copy(uint8_t **at, struct bytes bytes)
{
    struct bytes copied = bytes_of(*at, bytes.size);

    if (bytes.size > 0)
        memcpy(*at, bytes.data, bytes.size);
    *at += bytes.size;
    return copied;
}

static bool copy_request(struct fetch *fetch, const struct fetch_ask *ask)
{
    const struct target *target = ask->target;
    size_t size = ask->raw.size + target->key.size + (ask->is_variant ? ask->key.size : 0);

    fetch->memory = mem_try(size + 1);
    if (fetch->memory == NULL)
        return false;
    uint8_t *at = fetch->memory;

    fetch->raw = copy(&at, ask->raw);
    fetch->primary = copy(&at, target->key);
    fetch->url = bytes_slice(fetch->primary, 0, target->url.size);
    fetch->plain = bytes_slice(fetch->primary, 0, ask->plain_size);
    fetch->key = ask->is_variant ? copy(&at, ask->key) : fetch->primary;
    fetch->cost = sizeof *fetch + size;
    return true;
}

static void add_route_tags(struct fetch *fetch, const struct target *target, struct buf *room)
{
    size_t ends[ROUTE_TAGS_MAX];

    buf_clear(room);
    size_t count = route_tags(target->route, &target->captures, room, ends);
    size_t from = 0;

    for (size_t i = 0; i < count; i++) {
        if (!fetch_add_tag(fetch, bytes_slice(buf_bytes(room), from, ends[i])))
            fetch->pass_reason = REASON_TAG_OVERFLOW;
        from = ends[i];
    }
}

const char *fetch_why_text(enum fetch_why why)
{
    switch (why) {
    case FETCH_URI_MISS:
        return "uri-miss";
    case FETCH_VARY_MISS:
        return "vary-miss";
    case FETCH_STALE:
        return "stale";
    case FETCH_REQUEST:
        return "request";
    case FETCH_METHOD:
        return "method";
    case FETCH_BYPASS:
        return "bypass";
    case FETCH_PARTIAL:
        return "partial";
    }
    never("a why that is none");
}

struct fetch *fetch_new(struct gate *gate, const struct fetch_ask *ask)
{
    struct fetch *fetch = mem_try(sizeof *fetch);

    if (fetch == NULL)
        return NULL;
    memset(fetch, 0, sizeof *fetch);
    if (!copy_request(fetch, ask)) {
        mem_free(&fetch);
        return NULL;
    }
    account_force(site_fills(gate->site), fetch->cost);
    stream_init(&fetch->stream, gate->loop, site_fills(gate->site));
    fetch->stream.over = free_fetch;
    fetch->stream.window = gate->settings->window;
    fetch->gate = gate;
    fetch->cache = gate->cache;
    list_init(&fetch->node);
    fetch->route = ask->target->route;
    fetch->for_cache = ask->for_cache;
    fetch->authorized = ask->authorized;
    fetch->is_background = ask->is_background;
    fetch->is_probe = ask->is_probe;
    fetch->has_credentials = http_has(ask->request, HTTP_AUTHORIZATION);
    fetch->is_alike = ask->is_alike;
    fetch->has_range = http_has(ask->request, HTTP_RANGE);
    fetch->is_part = ask->is_part;
    fetch->is_post = ask->request->method_id == HTTP_METHOD_POST;
    /* A POST whose answer is stored under its body only reads: the route says so. */
    fetch->is_unsafe = !ask->for_cache && !http_method_is_safe(ask->request->method_id);
    fetch->why = ask->why;
    fetch->pass_reason = ask->pass_reason;
    fetch->started_ms = loop_now_ms(gate->loop);
    fetch->started_wall_ms = clock_wall_ms();
    fetch->has_lease = ask->has_lease;
    fetch->lease = ask->lease;
    if (ask->old != NULL && ask->old->entry != NULL) {
        fetch->old = *ask->old;
        fetch->old_entry = cache_hold(gate->cache, &fetch->old);
        if (fetch->old_entry == NULL)
            fetch->old = (struct cache_view){.state = CACHE_MISS};
    }
    buf_init(&fetch->head.block, BLOCK_MAX, NULL);
    buf_init(&fetch->own_block, BLOCK_MAX, NULL);
    buf_init(&fetch->tags, TAGS_SIZE, NULL);
    if (ask->for_cache || ask->has_lease)
        add_route_tags(fetch, ask->target, &gate->text);
    return fetch;
}

bool fetch_take_lease(struct gate *gate, struct bytes key, int64_t lease_ms,
                      struct cache_lease *ret_lease)
{
    const struct cache_ask ask = {
        .lease_ms = lease_ms,
        .refresh = true,
        .no_stale = true,
        .no_wait = true, /* so nothing shared comes */
    };
    struct cache_view view;
    void *shared = NULL;
    enum cache_answer answer =
        cache_get(gate->thread, cache_key(gate->cache, CACHE_SPACE_HTTP, key), &ask,
                  loop_now_ms(gate->loop), NULL, &view, ret_lease, &shared);

    return (answer == CACHE_LEAD || answer == CACHE_HIT_LEAD) && ret_lease->token != 0;
}

bool fetch_ask_apart(struct gate *gate, struct fetch_ask *ask, char mark)
{
    const struct target *target = ask->target;

    if (!key_add_mark(target->key, mark, &gate->text) ||
        !fetch_take_lease(gate, buf_bytes(&gate->text), target->route->settings->lease_ms,
                          &ask->lease))
        return false;
    ask->has_lease = true;
    ask->is_variant = true;
    ask->key = buf_bytes(&gate->text);
    return true;
}

bool fetch_is_purged(const struct fetch *fetch, struct bytes url, struct bytes key)
{
    struct bytes tags[CACHE_TAGS_MAX];
    uint8_t url_tag[KEY_URL_TAG_SIZE];
    size_t count = fetch_tags(fetch, tags);

    tags[count++] = key_url_tag(fetch->cache, url, url_tag);
    return cache_is_purged_since(fetch->gate->thread,
                                 cache_key(fetch->cache, CACHE_SPACE_HTTP, key), tags, count,
                                 fetch->lease.sequence);
}

bool fetch_take_key(struct fetch *fetch, struct bytes key)
{
    uint8_t *copy = mem_try(key.size);

    if (copy == NULL)
        return false;
    memcpy(copy, key.data, key.size);
    mem_free(&fetch->variant_key);
    fetch->variant_key = copy;
    fetch->key = bytes_of(copy, key.size);
    return true;
}

struct http_head *fetch_request(const struct fetch *fetch)
{
    struct http_head *request = gate_read_kept(fetch->gate, fetch->raw);

    request->is_secure = bytes_begin_with(fetch->url, BYTES("https:"));
    return request;
}

void fetch_refuse(struct fetch *fetch, enum gateway_reason reason)
{
    fetch->verdict.share = fetch->verdict.store = false;
    fetch->verdict.reason = reason;
}

void fetch_charge(struct fetch *fetch, size_t size)
{
    account_force(fetch->stream.account, size);
    fetch->cost += size;
}

void fetch_hold_shared(void *shared)
{
    stream_hold(shared);
}

void fetch_drop_shared(void *shared)
{
    stream_drop(shared);
}

size_t fetch_tags(const struct fetch *fetch, struct bytes ret_tags[CACHE_TAGS_MAX])
{
    size_t from = 0;

    for (size_t i = 0; i < fetch->tag_count; i++) {
        ret_tags[i] = bytes_slice(buf_bytes(&fetch->tags), from, fetch->tag_ends[i]);
        from = fetch->tag_ends[i];
    }
    return fetch->tag_count;
}

bool fetch_add_tag(struct fetch *fetch, struct bytes tag)
{
    /* One place is kept for the tag of the URL. */
    if (fetch->tag_count >= CACHE_TAGS_MAX - 1 || tag.size == 0 || tag.size > CACHE_TAG_SIZE_MAX)
        return tag.size == 0;
    buf_add(&fetch->tags, tag);
    if (buf_failed(&fetch->tags) != ERR_OK)
        return false;
    fetch->tag_ends[fetch->tag_count++] = fetch->tags.size;
    return true;
}
