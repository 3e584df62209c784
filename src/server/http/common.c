/* common.c: the second lease. SPDX-License-Identifier: MIT */
#include "server/http/common.h"

static int64_t now_ms(const struct fetch *fetch)
{
    return loop_now_ms(fetch->gate->loop);
}

static struct cache_key key_for_all(const struct fetch *fetch)
{
    return cache_key(fetch->cache, CACHE_SPACE_HTTP, fetch->plain);
}

/* Whether the fetch's own key is only for those with credentials, and holds nothing but that. */
static bool is_apart(const struct fetch *fetch)
{
    return fetch->authorized && fetch->plain.size < fetch->primary.size &&
           fetch->key.data == fetch->primary.data;
}

static bool has_variants(const struct fetch *fetch, const struct http_head *response)
{
    struct cache_view view = {.state = CACHE_MISS};

    return http_has(response, HTTP_VARY) || (cache_peek(fetch->gate->thread, key_for_all(fetch),
                                                        now_ms(fetch), &view) != CACHE_MISS &&
                                             marker_names(&view).size > 0);
}

void common_open(struct fetch *fetch, const struct http_head *response)
{
    if (!is_apart(fetch) || has_variants(fetch, response) ||
        !fetch_take_lease(fetch->gate, fetch->plain, fetch->route->settings->lease_ms,
                          &fetch->common))
        return;
    fetch->has_common = true;
    stream_hold(&fetch->stream);
    if (fetch_is_purged(fetch, fetch->url, fetch->plain) ||
        !cache_share(fetch->gate->thread, &fetch->common, &fetch->stream, fetch_drop_shared,
                     now_ms(fetch))) {
        stream_drop(&fetch->stream);
        common_close(fetch);
    }
}

bool common_fill(struct fetch *fetch, struct cache_put *put)
{
    struct cache_key own = put->key;

    if (!fetch->has_common)
        return false;
    fetch->has_common = false;
    put->key = key_for_all(fetch);
    if (cache_fill(fetch->gate->thread, &fetch->common, put, now_ms(fetch)) == ERR_OK)
        return true;
    put->key = own;
    return false;
}

void common_close(struct fetch *fetch)
{
    if (!fetch->has_common)
        return;
    fetch->has_common = false;
    cache_disperse(fetch->gate->thread, &fetch->common, 0, now_ms(fetch));
}
