/* purge.c: purges by URL, prefix, tag. SPDX-License-Identifier: MIT */
#include "server/http/purge.h"

#include "base/mem.h"
#include "base/must.h"
#include "server/http/stored.h"

static const struct bytes schemes[2] = {BYTES_INIT("http://"), BYTES_INIT("https://")};

static bool is_marker(const struct purge_place *place, struct cache_key key)
{
    struct cache_view view;

    return cache_peek(place->thread, key, place->now_ms, &view) != CACHE_MISS &&
           view.kind == STORED_MARKER;
}

/* The same URL as clients with TLS, or without it, ask for it. In the room's second half. */
static struct bytes other_spelling(const struct purge_place *place, struct bytes url)
{
    bool is_secure = bytes_begin_with(url, schemes[1]);
    struct bytes front = schemes[!is_secure];
    struct bytes rest = bytes_skip(url, schemes[is_secure].size);
    uint8_t *out = place->room->second;

    must(url.size < sizeof place->room->second);
    memcpy(out, front.data, front.size);
    memcpy(out + front.size, rest.data, rest.size);
    return bytes_of(out, front.size + rest.size);
}

static void purge_spelling(const struct purge_place *place, struct bytes url, bool soft)
{
    uint8_t tag[KEY_URL_TAG_SIZE];
    struct cache_purge by_key = {
        .by = CACHE_BY_KEY,
        .key = cache_key(place->cache, CACHE_SPACE_HTTP, url),
        .space = CACHE_SPACE_HTTP,
        .soft = soft,
    };
    struct cache_purge by_tag = {
        .by = CACHE_BY_TAG,
        .name = key_url_tag(place->cache, url, tag),
        .space = CACHE_SPACE_HTTP,
        .soft = soft,
    };

    /* A marker stays when what it names goes stale only. Neither kind can be refused. */
    if (!soft || !is_marker(place, by_key.key))
        (void)cache_purge(place->thread, &by_key, place->now_ms, NULL);
    (void)cache_purge(place->thread, &by_tag, place->now_ms, NULL);
}

/* How clients come is the listener's affair: what is gone is gone for all. */
void purge_url(const struct purge_place *place, struct bytes url, bool soft)
{
    purge_spelling(place, url, soft);
    purge_spelling(place, other_spelling(place, url), soft);
}

/* The head that a request for this URL would have. */
static struct http_head head_of(const struct url_parts *parts)
{
    struct http_head head = {.method_id = HTTP_METHOD_GET, .minor = 1};

    head.host = parts->host;
    head.path = parts->target;
    head.is_secure = parts->tls;
    return head;
}

void purge_reference(const struct purge_place *place, struct bytes base, struct bytes reference)
{
    struct url_parts here;
    struct url_parts there;
    struct target target;
    struct http_complaint complaint;
    uint8_t *room = place->room->second;

    if (url_split(base, &here) != ERR_OK ||
        url_resolve(&here, reference, room, sizeof place->room->second, &there) != ERR_OK)
        return;
    struct http_head head = head_of(&there);

    if (here.tls == there.tls &&
        target_find(place->site, &head, place->room, &target, &complaint) == ERR_OK &&
        bytes_equal(target.host, here.host))
        purge_url(place, target.url, false);
}

/* ---- for operators ----------------------------------------------------------------------- */

static enum err no_url(struct fault *fault, struct bytes text)
{
    return fault_say(fault, ERR_SYNTAX, "\"%.*s\" is no URL; write http://host/path?query",
                     BYTES_ARG(text));
}

/* The normalised form of a URL that a person wrote. */
static enum err read_url(const struct purge_place *place, struct bytes text,
                         struct target *ret_target, struct fault *fault)
{
    struct url_parts parts;
    struct http_complaint complaint = {400, ""};

    if (url_split(text, &parts) != ERR_OK)
        return no_url(fault, text);
    struct http_head head = head_of(&parts);
    enum err err = target_find(place->site, &head, place->room, ret_target, &complaint);

    if (err != ERR_OK)
        return fault_say(fault, ERR_SYNTAX, "\"%.*s\": %s", BYTES_ARG(text), complaint.text);
    return ERR_OK;
}

/* The front of the keys that begin so. What is written may end within a segment, so it is not read
 * as a URL; only its host is brought into the form that keys have. */
static enum err read_prefix(const struct purge_place *place, struct bytes text,
                            struct bytes *ret_prefix, struct fault *fault)
{
    bool is_secure = bytes_begin_with(text, schemes[1]);
    const struct bytes scheme = schemes[is_secure];
    uint8_t *out = place->room->key;
    struct url_host host;

    if (!bytes_begin_with(text, scheme))
        return no_url(fault, text);
    struct bytes rest = bytes_skip(text, scheme.size);
    struct bytes name = bytes_slice(rest, 0, bytes_find(rest, '/'));
    struct bytes path = bytes_skip(rest, name.size);

    if (path.size > CACHE_KEY_MAX ||
        url_host_normalise(name, is_secure ? 443 : 80, place->room->second, &host) != ERR_OK)
        return no_url(fault, text);
    memcpy(out, scheme.data, scheme.size);
    memcpy(out + scheme.size, host.whole.data, host.whole.size);
    memcpy(out + scheme.size + host.whole.size, path.data, path.size);
    *ret_prefix = bytes_of(out, scheme.size + host.whole.size + path.size);
    return ERR_OK;
}

static enum err purge_by(const struct purge_place *place, const struct site_purge *purge,
                         struct cache_purge *what, size_t *ret_count)
{
    what->space = CACHE_SPACE_HTTP;
    what->soft = purge->soft;
    if (purge->dry) {
        *ret_count += cache_purge_preview(place->thread, what, place->now_ms);
        return ERR_OK;
    }
    return cache_purge(place->thread, what, place->now_ms, NULL);
}

static enum err by_spelling(const struct purge_place *place, const struct site_purge *purge,
                            struct bytes url, size_t *ret_count)
{
    uint8_t tag[KEY_URL_TAG_SIZE];
    struct cache_purge by_key = {.by = CACHE_BY_KEY,
                                 .key = cache_key(place->cache, CACHE_SPACE_HTTP, url)};
    struct cache_purge by_tag = {.by = CACHE_BY_TAG, .name = key_url_tag(place->cache, url, tag)};

    if (!purge->soft || !is_marker(place, by_key.key))
        TRY(purge_by(place, purge, &by_key, ret_count));
    return purge_by(place, purge, &by_tag, ret_count);
}

static enum err by_url(const struct purge_place *place, const struct site_purge *purge,
                       size_t *ret_count, struct fault *fault)
{
    struct target target = {.route = NULL};

    TRY(read_url(place, purge->text, &target, fault));
    TRY(by_spelling(place, purge, target.url, ret_count));
    return by_spelling(place, purge, other_spelling(place, target.url), ret_count);
}

static enum err by_prefix(const struct purge_place *place, const struct site_purge *purge,
                          size_t *ret_count, struct fault *fault)
{
    struct cache_purge what = {.by = CACHE_BY_PREFIX};

    TRY(read_prefix(place, purge->text, &what.name, fault));
    struct bytes other = other_spelling(place, what.name);

    TRY(purge_by(place, purge, &what, ret_count));
    what.name = other;
    return purge_by(place, purge, &what, ret_count);
}

static enum err run(const struct purge_place *place, const struct site_purge *purge,
                    size_t *ret_count, struct fault *fault)
{
    struct cache_purge what = {.by = CACHE_BY_SPACE, .name = purge->text};
    enum err err = ERR_OK;

    switch (purge->by) {
    case SITE_PURGE_URL:
        return by_url(place, purge, ret_count, fault);
    case SITE_PURGE_PREFIX:
        err = by_prefix(place, purge, ret_count, fault);
        break;
    case SITE_PURGE_TAG:
        what.by = CACHE_BY_TAG;
        err = purge_by(place, purge, &what, ret_count);
        break;
    case SITE_PURGE_ALL:
        err = purge_by(place, purge, &what, ret_count);
        break;
    }
    if (err == ERR_FULL)
        return fault_say(fault, err, "too many prefixes are being swept; try again in a second");
    return err;
}

enum err site_purge(const struct site *site, struct cache_thread *thread,
                    const struct site_purge *purge, int64_t now_ms, size_t *ret_count,
                    struct fault *fault)
{
    struct key_room *room = mem_new(1, sizeof *room);
    const struct purge_place place = {site, thread, site_cache(site), room, now_ms};
    size_t count = 0;
    enum err err = run(&place, purge, &count, fault);

    mem_free(&room);
    if (err == ERR_OK)
        *ret_count = count;
    return err;
}
