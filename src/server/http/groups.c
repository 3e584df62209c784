/* groups.c: groups as tags. SPDX-License-Identifier: MIT */
#include "server/http/groups.h"

#include "base/hash.h"
#include "proto/sfield.h"
#include "proto/tags.h"

enum { GROUP_TAG_SIZE = 18, GROUPS_MAX = 128 /* of one field that are looked at */ };

/* "http://host:port" of a URL in its normal form. */
static struct bytes origin_of(struct bytes url)
{
    size_t begin = bytes_find_part(url, BYTES("://")) + 3;

    return bytes_slice(url, 0, begin + bytes_find(bytes_skip(url, begin), '/'));
}

static struct bytes tag_of(const struct fetch *fetch, struct bytes group,
                           uint8_t ret_tag[GROUP_TAG_SIZE])
{
    const uint64_t halves[2] = {
        cache_key(fetch->cache, CACHE_SPACE_HTTP, origin_of(fetch->url)).hash,
        cache_key(fetch->cache, CACHE_SPACE_HTTP, group).hash,
    };

    ret_tag[0] = 0;
    ret_tag[1] = 'g';
    memcpy(ret_tag + 2, halves, sizeof halves);
    return bytes_of(ret_tag, GROUP_TAG_SIZE);
}

/* A field with an error anywhere is as if it were not there. */
static bool is_whole(const struct http_head *response, enum http_name name)
{
    const struct http_field *field = http_find(response, name);

    for (; field != NULL; field = http_find_next(response, name, field)) {
        struct bytes rest = field->value;
        struct bytes text;
        bool escaped = false;
        enum err err = ERR_OK;

        while ((err = tags_group_next(&rest, &text, &escaped)) == ERR_OK)
            ;
        if (err != ERR_MISS)
            return false;
    }
    return true;
}

typedef bool group_fn(struct fetch *fetch, struct bytes tag);

/* Calls with the tag of each group until one is refused. */
static bool each_group(struct fetch *fetch, const struct http_head *response, enum http_name name,
                       group_fn *call)
{
    const struct http_field *field = http_find(response, name);
    size_t count = 0;

    if (field == NULL || !is_whole(response, name))
        return true;
    for (; field != NULL; field = http_find_next(response, name, field)) {
        struct bytes rest = field->value;
        struct bytes text;
        uint8_t plain[TAGS_SIZE_MAX];
        uint8_t tag[GROUP_TAG_SIZE];
        bool escaped = false;

        while (tags_group_next(&rest, &text, &escaped) == ERR_OK) {
            if (count++ == GROUPS_MAX || text.size > sizeof plain)
                return false;
            if (escaped)
                text = bytes_of(plain, sf_unescape(text, plain));
            if (!call(fetch, tag_of(fetch, text, tag)))
                return false;
        }
    }
    return true;
}

static bool add(struct fetch *fetch, struct bytes tag)
{
    return fetch_add_tag(fetch, tag);
}

bool groups_tag(struct fetch *fetch, const struct http_head *response)
{
    return each_group(fetch, response, HTTP_CACHE_GROUPS, add);
}

static bool purge(struct fetch *fetch, struct bytes tag)
{
    const struct cache_purge by_tag = {
        .by = CACHE_BY_TAG,
        .name = tag,
        .space = CACHE_SPACE_HTTP,
    };

    counter_add(&fetch->gate->metrics.groups_invalidated, 1);
    return cache_purge(fetch->gate->thread, &by_tag, loop_now_ms(fetch->gate->loop), NULL) ==
           ERR_OK;
}

void groups_invalidate(struct fetch *fetch, const struct http_head *response)
{
    if (fetch->route->settings->group_invalidation)
        (void)each_group(fetch, response, HTTP_CACHE_GROUP_INVALIDATION, purge);
}
