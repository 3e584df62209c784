/* variant.c: from the URL's lease to the variant's. SPDX-License-Identifier: MIT */
#include "server/http/variant.h"

#include "base/number.h"

enum { MARKER_MS = 24 * 3600 * 1000 };

struct settling {
    struct fetch *fetch;
    struct gate *gate;
    struct cache_key primary;
    struct marker marker; /* what is there, or an empty one */
    uint8_t names_room[4096];
    struct vary vary; /* the names in question: the answer's and the marker's */
    int64_t now_ms;
};

/* The names of the answer and of the marker together, in one form. False: too many. */
static bool join_names(struct settling *settling, const struct http_head *response)
{
    struct buf *text = &settling->gate->text;
    struct vary said;

    if (vary_of(response, &said) != ERR_OK)
        return false;
    buf_clear(text);
    vary_write(&said, text);
    if (settling->marker.names.size > 0) {
        if (text->size > 0)
            buf_add_byte(text, ',');
        buf_add(text, settling->marker.names);
        if (buf_failed(text) != ERR_OK || vary_parse(buf_bytes(text), &said) != ERR_OK)
            return false;
    }
    struct buf *other = &settling->gate->variant;

    buf_clear(other);
    vary_write(&said, other);
    if (buf_failed(other) != ERR_OK || other->size > sizeof settling->names_room)
        return false;
    memcpy(settling->names_room, other->data, other->size);
    settling->marker.names = bytes_of(settling->names_room, other->size);
    return vary_parse(settling->marker.names, &settling->vary) == ERR_OK;
}

static int64_t marker_until(const struct settling *settling)
{
    return add_saturated(settling->fetch->head.expires_ms, MARKER_MS);
}

static struct cache_put marker_put(struct settling *settling)
{
    struct buf *text = &settling->gate->text;

    buf_clear(text);
    marker_write(&settling->marker, text);
    return (struct cache_put){
        .key = settling->primary,
        .kind = STORED_MARKER,
        .head = buf_bytes(text),
        .expires_ms = marker_until(settling),
    };
}

/* Ends the lease that the fetch had, so that all who wait find the marker. */
static bool publish_marker(struct settling *settling)
{
    struct fetch *fetch = settling->fetch;
    struct cache_thread *thread = settling->gate->thread;
    struct cache_put put = marker_put(settling);
    enum err err = buf_failed(&settling->gate->text);

    fetch->has_lease = false;
    if (fetch->key.data == fetch->primary.data) {
        if (err == ERR_OK)
            err = cache_fill(thread, &fetch->lease, &put, settling->now_ms);
        else
            cache_fail(thread, &fetch->lease, err, 0, settling->now_ms);
        return err == ERR_OK;
    }
    if (err == ERR_OK)
        err = cache_put(thread, &put, settling->now_ms);
    cache_disperse(thread, &fetch->lease, 0, settling->now_ms);
    return err == ERR_OK;
}

static void move(struct settling *settling, struct bytes key)
{
    struct fetch *fetch = settling->fetch;
    struct cache_lease lease = {0, 0, 0};
    bool is_mine = fetch_take_lease(settling->gate, key, fetch->route->settings->lease_ms, &lease);
    bool is_late = fetch_is_purged(fetch, fetch->url, fetch->primary);

    if (!publish_marker(settling) || is_late) {
        if (is_mine)
            cache_abandon(settling->gate->thread, &lease, settling->now_ms);
        fetch_refuse(fetch, REASON_PURGED_DURING_FETCH);
        return;
    }
    if (!is_mine) {
        fetch_refuse(fetch, REASON_WAITERS_FULL);
        return;
    }
    if (!fetch_take_key(fetch, key)) {
        cache_abandon(settling->gate->thread, &lease, settling->now_ms);
        fetch_refuse(fetch, REASON_MEMORY_PRESSURE);
        return;
    }
    fetch->lease = lease;
    fetch->has_lease = true;
}

/* Another variant under names that are known already. */
static void admit_known(struct settling *settling)
{
    struct cache_put put = marker_put(settling);

    if (buf_failed(&settling->gate->text) != ERR_OK ||
        cache_put(settling->gate->thread, &put, settling->now_ms) != ERR_OK)
        fetch_refuse(settling->fetch, REASON_MEMORY_PRESSURE);
}

static void settle(struct settling *settling, const struct http_head *response)
{
    struct fetch *fetch = settling->fetch;
    struct gate *gate = settling->gate;
    struct cache_view view = {.state = CACHE_MISS};
    struct bytes before = BYTES("");

    if (cache_peek(gate->thread, settling->primary, settling->now_ms, &view) != CACHE_MISS &&
        marker_read(&view, &settling->marker))
        before = settling->marker.names;
    bool has_marker = before.size > 0;

    if (!has_marker && !vary_is_named(response))
        return;
    if (!join_names(settling, response)) {
        fetch_refuse(fetch, REASON_VARY_STAR);
        return;
    }
    if (has_marker && !bytes_equal(before, settling->marker.names))
        settling->marker.count = 0;
    if (!key_of_variant(fetch->primary, &settling->vary, fetch_request(fetch), fetch->route,
                        &gate->variant)) {
        fetch_refuse(fetch, REASON_KEY_TOO_LARGE);
        return;
    }
    struct bytes key = buf_bytes(&gate->variant);
    uint64_t hash = cache_key(gate->cache, CACHE_SPACE_HTTP, key).hash;

    if (!marker_admit(&settling->marker, hash, fetch->head.expires_ms, settling->now_ms,
                      fetch->route->settings->vary_max)) {
        fetch->verdict.store = false;
        fetch->verdict.reason = REASON_VARY_LIMIT;
        fetch->verdict.share &= bytes_equal(key, fetch->key);
        return;
    }
    if (bytes_equal(key, fetch->key))
        admit_known(settling);
    else
        move(settling, key);
}

void variant_settle(struct fetch *fetch, const struct http_head *response)
{
    struct settling settling = {
        .fetch = fetch,
        .gate = fetch->gate,
        .primary = cache_key(fetch->cache, CACHE_SPACE_HTTP, fetch->primary),
        .now_ms = loop_now_ms(fetch->gate->loop),
    };

    if (!fetch->has_lease)
        return;
    if (fetch->key.data == fetch->primary.data && !http_has(response, HTTP_VARY))
        return;
    settle(&settling, response);
}
