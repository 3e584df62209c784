/* no_vary_search.c: one key for many URLs. SPDX-License-Identifier: MIT */
#include "server/http/no_vary_search.h"
#include "server/http/change.h"

#include "base/mem.h"
#include "base/must.h"
#include "base/number.h"
#include "proto/search.h"

enum { NOTE_MS = 24 * 3600 * 1000 /* a note outlives its answer by this */ };

/* ---- URLs -------------------------------------------------------------------------------- */

static struct bytes without_query(struct bytes url)
{
    return bytes_slice(url, 0, bytes_find(url, '?'));
}

static bool write_note_key(struct bytes url, struct buf *out)
{
    return key_add_mark(without_query(url), 'n', out);
}

/* The URL as the field leaves it, in `out`. False: as it was. */
static bool write_url(const struct search *search, struct bytes url, struct buf *out)
{
    struct bytes path = without_query(url);
    struct bytes query = bytes_skip(url, path.size);
    size_t size = 0;

    if (query.size == 0)
        return false;
    query = bytes_skip(query, 1);
    buf_clear(out);
    buf_add(out, path);
    uint8_t *room = buf_room(out, query.size + 2);

    if (room == NULL || search_write(search, query, room + 1, &size) != ERR_OK)
        return false;
    room[0] = '?';
    if (size > 0)
        buf_grew(out, size + 1);
    return !bytes_equal(buf_bytes(out), url);
}

bool no_vary_search_url(struct cache_thread *thread, const struct cache *cache, struct bytes url,
                        int64_t now_ms, struct buf *out)
{
    struct cache_view view;
    struct search search;

    return bytes_find(url, '?') < url.size && write_note_key(url, out) &&
           cache_peek(thread, cache_key(cache, CACHE_SPACE_HTTP, buf_bytes(out)), now_ms, &view) !=
               CACHE_MISS &&
           view.kind == STORED_NOTE && search_parse(view.value, &search) == ERR_OK &&
           write_url(&search, url, out);
}

/* ---- requests ---------------------------------------------------------------------------- */

bool no_vary_search_find(struct gate *gate, struct target *target)
{
    struct key_room *room = &gate->keys;
    struct buf *url = &gate->text;

    must(target->key.data == room->key);
    if (!no_vary_search_url(gate->thread, gate->cache, target->url, loop_now_ms(gate->loop), url))
        return false;
    struct bytes rest = bytes_skip(target->key, target->url.size);

    /* The origin is sent what was asked for. */
    must(target->whole.size <= sizeof room->second);
    memcpy(room->second, target->whole.data, target->whole.size);
    target->whole.data = room->second;
    target->path = bytes_slice(target->whole, 0, target->path.size);
    memcpy(room->key, url->data, url->size);
    if (rest.size > 0)
        memmove(room->key + url->size, rest.data, rest.size);
    target->url = bytes_of(room->key, url->size);
    target->key = bytes_of(room->key, url->size + rest.size);
    return true;
}

/* ---- answers ----------------------------------------------------------------------------- */

struct moving {
    struct fetch *fetch;
    struct gate *gate;
    int64_t now_ms;
    struct bytes field; /* what the answer says; empty: nothing that counts */
    struct search search;
};

/* All fields of the name are one (RFC 9651 §4.2). */
static void read_field(struct moving *moving, const struct http_head *response, struct buf *out)
{
    const struct http_field *field = http_find(response, HTTP_NO_VARY_SEARCH);

    for (; field != NULL; field = http_find_next(response, HTTP_NO_VARY_SEARCH, field)) {
        if (out->size > 0)
            buf_add(out, BYTES(", "));
        buf_add(out, field->value);
    }
    if (buf_failed(out) == ERR_OK && search_parse(buf_bytes(out), &moving->search) == ERR_OK)
        moving->field = buf_bytes(out);
}

/* Notes what the answer says, or that it says nothing. */
static void note(const struct moving *moving)
{
    struct gate *gate = moving->gate;
    struct buf *key = &gate->text;

    if (!write_note_key(moving->fetch->url, key))
        return;
    const struct cache_put put = {
        .key = cache_key(gate->cache, CACHE_SPACE_HTTP, buf_bytes(key)),
        .kind = STORED_NOTE,
        .head = moving->field,
        .expires_ms = add_saturated(moving->fetch->head.expires_ms, NOTE_MS),
    };

    if (moving->field.size == 0)
        (void)cache_remove(gate->thread, put.key, moving->now_ms);
    else if (cache_put(gate->thread, &put, moving->now_ms) != ERR_OK)
        fetch_refuse(moving->fetch, REASON_MEMORY_PRESSURE);
}

/* The fetch goes on under the URL and what stood behind the old one in its key. */
static bool take_key(struct fetch *fetch, struct bytes url)
{
    struct bytes rest = bytes_skip(fetch->primary, fetch->url.size);
    size_t plain = fetch->plain.size - fetch->url.size;
    uint8_t *copy = mem_try(url.size + rest.size);

    if (copy == NULL || url.size + rest.size > CACHE_KEY_MAX) {
        mem_free(&copy);
        return false;
    }
    memcpy(copy, url.data, url.size);
    if (rest.size > 0)
        memcpy(copy + url.size, rest.data, rest.size);
    mem_free(&fetch->alike_key);
    fetch->alike_key = copy;
    fetch->url = bytes_of(copy, url.size);
    fetch->primary = fetch->key = bytes_of(copy, url.size + rest.size);
    fetch->plain = bytes_slice(fetch->primary, 0, url.size + plain);
    return true;
}

static void move(struct moving *moving, struct bytes url)
{
    struct fetch *fetch = moving->fetch;
    struct cache_lease before = fetch->lease;
    struct cache_lease lease = {0, 0, 0};
    struct bytes asked = fetch->url; /* stays: it is not the key's */
    bool has_key = take_key(fetch, url);
    bool is_mine = has_key && fetch_take_lease(moving->gate, fetch->key,
                                               fetch->route->settings->lease_ms, &lease);
    bool is_late =
        fetch_is_purged(fetch, asked, fetch->key) || fetch_is_purged(fetch, url, fetch->key);

    if (is_mine && is_late) {
        cache_abandon(moving->gate->thread, &lease, moving->now_ms);
        is_mine = false;
    }
    note(moving);
    /* Whoever waits looks again, finds the note, and joins under the new key. */
    cache_disperse(moving->gate->thread, &before, 0, moving->now_ms);
    fetch->has_lease = is_mine;
    fetch->lease = lease;
    if (!has_key)
        fetch_refuse(fetch, REASON_MEMORY_PRESSURE);
    else if (is_late)
        fetch_refuse(fetch, REASON_PURGED_DURING_FETCH);
    else if (!is_mine)
        fetch_refuse(fetch, REASON_WAITERS_FULL);
}

/* The URL that was asked for, as the route's rules leave it. */
static struct bytes asked_url(struct fetch *fetch)
{
    struct gate *gate = fetch->gate;
    struct http_complaint complaint;
    struct target target;

    must(target_find(gate_site(gate, fetch->route), fetch_request(fetch), &gate->keys, &target,
                     &complaint) == ERR_OK);
    return target.url;
}

static void settle(struct moving *moving, const struct http_head *response)
{
    struct fetch *fetch = moving->fetch;
    struct buf field;
    struct buf url;

    buf_init(&field, NO_VARY_SEARCH_MAX, NULL);
    buf_init(&url, CACHE_KEY_MAX, NULL);
    read_field(moving, response, &field);
    if (moving->field.size > 0 || fetch->is_alike) {
        struct bytes asked = asked_url(fetch);

        if (moving->field.size > 0 && write_url(&moving->search, asked, &url))
            asked = buf_bytes(&url);
        if (bytes_equal(asked, fetch->url))
            note(moving);
        else
            move(moving, asked);
    }
    buf_fini(&url);
    buf_fini(&field);
}

void no_vary_search_settle(struct fetch *fetch, const struct http_head *response)
{
    struct moving moving = {
        .fetch = fetch,
        .gate = fetch->gate,
        .now_ms = loop_now_ms(fetch->gate->loop),
        .field = BYTES(""),
    };

    if (!fetch->has_lease || !fetch->route->settings->no_vary_search ||
        (!fetch->is_alike && !http_has(response, HTTP_NO_VARY_SEARCH)))
        return;
    settle(&moving, response);
}
