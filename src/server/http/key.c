/* key.c: building keys. SPDX-License-Identifier: MIT */
#include "server/http/key.h"

#include "base/must.h"

static const struct bytes schemes[2] = {BYTES_INIT("http://"), BYTES_INIT("https://")};

static enum err refuse(struct http_complaint *complaint, unsigned status, const char *text,
                       enum err err)
{
    complaint->status = status;
    complaint->text = text;
    return err;
}

/* Room at the end of the key for `size` bytes more, or NULL. */
static uint8_t *key_end(struct target *target, struct key_room *room, size_t size)
{
    must(target->key.data == room->key);
    if (size > CACHE_KEY_MAX || target->key.size > CACHE_KEY_MAX - size)
        return NULL;
    uint8_t *end = room->key + target->key.size;

    target->key.size += size;
    return end;
}

static bool add_part(struct target *target, struct key_room *room, char kind, struct bytes name,
                     struct bytes value)
{
    uint8_t *out = key_end(target, room, 6 + name.size + value.size);

    if (out == NULL)
        return false;
    *out++ = 0;
    *out++ = (uint8_t)kind;
    for (size_t i = 0; i < name.size; i++)
        *out++ = byte_lower(name.data[i]);
    *out++ = ':';
    *out++ = (uint8_t)(value.size >> 16);
    *out++ = (uint8_t)(value.size >> 8);
    *out++ = (uint8_t)value.size;
    if (value.size > 0)
        memcpy(out, value.data, value.size);
    return true;
}

struct bytes key_cookie(const struct http_head *head, struct bytes name)
{
    const struct http_field *field = http_find(head, HTTP_COOKIE);

    for (; field != NULL; field = http_find_next(head, HTTP_COOKIE, field)) {
        struct bytes rest = field->value;

        while (rest.size > 0) {
            struct bytes pair = bytes_trim(bytes_cut(&rest, ';'));
            struct bytes key = bytes_cut(&pair, '=');

            if (bytes_equal(key, name))
                return pair;
        }
    }
    return BYTES("");
}

static const struct http_field *find(const struct http_head *head, enum http_name id,
                                     struct bytes name, const struct http_field *after)
{
    if (id == HTTP_OTHER)
        return http_find_text(head, name, after);
    return after == NULL ? http_find(head, id) : http_find_next(head, id, after);
}

static bool add_keys(struct target *target, const struct http_head *head, struct key_room *room)
{
    const struct route *route = target->route;
    const struct text_list *cookies = &route->settings->key_cookies;

    for (size_t i = 0; i < route->key_header_count; i++) {
        struct bytes name = bytes_of_text(route->settings->key_headers.items[i]);
        enum http_name id = route->key_headers[i];
        const struct http_field *field = find(head, id, name, NULL);

        for (; field != NULL; field = find(head, id, name, field)) {
            if (!add_part(target, room, 'h', name, field->value))
                return false;
        }
    }
    for (size_t i = 0; i < cookies->count; i++) {
        struct bytes name = bytes_of_text(cookies->items[i]);

        if (!add_part(target, room, 'c', name, key_cookie(head, name)))
            return false;
    }
    return true;
}

/* The front of the key for this Host. */
static enum err find_front(const struct http_head *head, struct key_front *front)
{
    const struct bytes scheme = schemes[head->is_secure];
    struct url_host host;

    if (front->said_size > 0 && front->is_secure == head->is_secure &&
        bytes_equal(bytes_of(front->said, front->said_size), head->host))
        return ERR_OK;
    front->said_size = 0;
    memcpy(front->text, scheme.data, scheme.size);
    TRY(url_host_normalise(head->host, head->is_secure ? 443 : 80, front->text + scheme.size,
                           &host));
    must(host.whole.data == front->text + scheme.size);
    front->size = scheme.size + host.whole.size;
    if (head->host.size > sizeof front->said)
        return ERR_OK;
    memcpy(front->said, head->host.data, head->host.size);
    front->said_size = head->host.size;
    front->is_secure = head->is_secure;
    return ERR_OK;
}

/* Writes the URL in its normal form; `target` gets its parts. */
static enum err write_url(const struct http_head *head, struct key_room *room,
                          const struct url_rules *rules, struct target *target)
{
    const struct key_front *front = &room->front;
    size_t scheme_size = schemes[head->is_secure].size;
    struct url url;

    TRY(find_front(head, &room->front));
    memcpy(room->key, front->text, front->size);
    uint8_t *out = room->key + front->size;

    TRY(url_normalise(head->path, rules, out, sizeof room->key - sizeof front->text, &url));
    must(url.whole.data == out);
    target->host = bytes_of(room->key + scheme_size, front->size - scheme_size);
    target->path = url.path;
    target->whole = url.whole;
    target->url = bytes_of(room->key, front->size + url.whole.size);
    target->key = target->url;
    return ERR_OK;
}

enum err target_find(const struct site *site, const struct http_head *head, struct key_room *room,
                     struct target *ret_target, struct http_complaint *complaint)
{
    enum err err = write_url(head, room, NULL, ret_target);

    if (err == ERR_TOO_BIG)
        return refuse(complaint, 414, "the target is too long", err);
    if (err != ERR_OK)
        return refuse(complaint, 400, "the target is no valid path", err);
    ret_target->route = site_find_route(site, ret_target->path, &ret_target->captures);
    if (ret_target->route == NULL)
        return refuse(complaint, 404, "no route fits this path", ERR_MISS);
    if (ret_target->route->has_rules && ret_target->whole.size > ret_target->path.size) {
        err = write_url(head, room, &ret_target->route->rules, ret_target);
        if (err != ERR_OK)
            return refuse(complaint, 414, "the query has too many parameters", err);
    }
    if (ret_target->url.size > CACHE_KEY_MAX)
        return refuse(complaint, 414, "the target is too long", ERR_TOO_BIG);
    if (ret_target->route->has_keys && !add_keys(ret_target, head, room))
        return refuse(complaint, 431, "header fields that belong to the key are too long",
                      ERR_TOO_BIG);
    return ERR_OK;
}

bool target_split_by_user(struct target *target, const struct http_head *head, bool by_value,
                          struct key_room *room)
{
    const struct http_field *field = http_find(head, HTTP_AUTHORIZATION);

    if (!by_value)
        return add_part(target, room, 'a', BYTES(""), BYTES(""));
    for (; field != NULL; field = http_find_next(head, HTTP_AUTHORIZATION, field)) {
        if (!add_part(target, room, 'u', BYTES(""), field->value))
            return false;
    }
    return true;
}

bool target_add_body(struct target *target, struct bytes method, struct bytes hash,
                     struct key_room *room)
{
    return add_part(target, room, 'b', method, hash);
}

static bool is_ignored(const struct route *route, struct bytes name)
{
    const struct text_list *ignored = &route->settings->vary_ignore;

    for (size_t i = 0; i < ignored->count; i++) {
        if (bytes_equal_nocase(bytes_of_text(ignored->items[i]), name))
            return true;
    }
    return false;
}

bool key_add_mark(struct bytes key, char mark, struct buf *out)
{
    buf_clear(out);
    buf_add(out, key);
    buf_add_byte(out, 0);
    buf_add_byte(out, (uint8_t)mark);
    return buf_failed(out) == ERR_OK && out->size <= CACHE_KEY_MAX;
}

bool key_of_variant(struct bytes primary, const struct vary *vary, const struct http_head *head,
                    const struct route *route, struct buf *out)
{
    enum vary_mode mode = route->settings->vary_normalize ? VARY_NORMALISE : VARY_EXACT;

    buf_clear(out);
    buf_add(out, primary);
    buf_add(out, BYTES("\0v"));
    for (size_t i = 0; i < vary->count; i++) {
        if (is_ignored(route, vary->names[i]))
            continue;
        buf_add(out, vary->names[i]);
        size_t before = out->size;

        buf_add_byte(out, ':');
        if (!vary_value(head, vary->ids[i], vary->names[i], mode, out))
            out->size = before;
        buf_add_byte(out, '\n');
    }
    return buf_failed(out) == ERR_OK && out->size <= CACHE_KEY_MAX;
}

struct bytes key_url_tag(const struct cache *cache, struct bytes url,
                         uint8_t ret_tag[KEY_URL_TAG_SIZE])
{
    uint64_t hash = cache_key(cache, CACHE_SPACE_HTTP, url).hash;

    ret_tag[0] = 0;
    ret_tag[1] = 'u';
    memcpy(ret_tag + 2, &hash, sizeof hash);
    return bytes_of(ret_tag, KEY_URL_TAG_SIZE);
}
