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

static bool take_lease(struct fetch *fetch)
{
    struct cache_view view;
    struct cache_ask ask = {
        .lease_ms = fetch->route->settings->lease_ms,
        .refresh = true,
        .no_stale = true,
        .no_wait = true,
        .hold_shared = fetch_hold_shared,
    };
    void *shared = NULL;
    enum cache_answer answer = cache_get(fetch->gate->thread, key_for_all(fetch), &ask,
                                         now_ms(fetch), NULL, &view, &fetch->common, &shared);

    if (answer == CACHE_JOIN)
        fetch_drop_shared(shared);
    return (answer == CACHE_LEAD || answer == CACHE_HIT_LEAD) && fetch->common.token != 0;
}

/* The second lease's number is younger than the miss: what was purged in between counts too. */
static bool is_purged(const struct fetch *fetch)
{
    struct bytes tags[CACHE_TAGS_MAX];
    uint8_t url_tag[KEY_URL_TAG_SIZE];
    size_t count = fetch_tags(fetch, tags);

    tags[count++] = key_url_tag(fetch->cache, fetch->url, url_tag);
    return cache_is_purged_since(fetch->gate->thread, key_for_all(fetch), tags, count,
                                 fetch->lease.sequence);
}

void common_open(struct fetch *fetch, const struct http_head *response)
{
    if (!is_apart(fetch) || has_variants(fetch, response) || !take_lease(fetch))
        return;
    fetch->has_common = true;
    stream_hold(&fetch->stream);
    if (is_purged(fetch) || !cache_share(fetch->gate->thread, &fetch->common, &fetch->stream,
                                         fetch_drop_shared, now_ms(fetch))) {
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
