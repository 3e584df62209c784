/* compressible.c: by type, size, and whose it is. SPDX-License-Identifier: MIT */
#include "server/http/compressible.h"

#include "base/glob.h"
#include "proto/vary.h"
#include "server/http/block.h"

/* Vary, Content-Encoding, ETag, Content-Length: what may still be added to the head. */
enum { MARK_FIELDS = 4 };

static bool is_text(struct bytes type)
{
    static const char *const patterns[] = {
        "text/*",
        "*+json",
        "*+xml",
        "application/json",
        "application/xml",
        "application/wasm",
        "application/javascript",
        "application/x-javascript",
        "application/graphql-response",
        "image/svg+xml",
        "image/bmp",
        "image/x-icon",
        "font/ttf",
        "font/otf",
    };

    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        if (glob_fits(bytes_of_text(patterns[i]), type))
            return true;
    }
    return false;
}

static bool is_wanted_type(const struct text_list *types, const struct http_head *response)
{
    const struct http_field *field = http_find(response, HTTP_CONTENT_TYPE);
    struct bytes rest = field == NULL ? BYTES("") : field->value;
    struct bytes type = bytes_trim(bytes_cut(&rest, ';'));
    uint8_t lower[128];

    if (type.size == 0 || type.size > sizeof lower)
        return false;
    for (size_t i = 0; i < type.size; i++)
        lower[i] = byte_lower(type.data[i]);
    type.data = lower;
    if (types->count == 0)
        return is_text(type);
    for (size_t i = 0; i < types->count; i++) {
        if (glob_fits(bytes_of_text(types->items[i]), type))
            return true;
    }
    return false;
}

static bool is_coded(const struct http_head *response)
{
    const struct http_field *field = http_find(response, HTTP_CONTENT_ENCODING);

    return field != NULL && !bytes_equal_nocase(field->value, BYTES("identity"));
}

bool compressible_is(const struct route *route, const struct http_head *response, bool authorized)
{
    const struct route_settings *settings = route->settings;
    struct cache_response known;

    if (route->coding_count == 0 || response->status != 200)
        return false;
    if (!settings->compress_secrets &&
        (authorized || http_has(response, HTTP_SET_COOKIE) ||
         settings->authorization == ROUTE_AUTH_PER_USER || settings->key_cookies.count > 0))
        return false;
    if (is_coded(response) || http_has(response, HTTP_CONTENT_RANGE) ||
        (response->has_content_length && response->content_length < settings->compress_min) ||
        !is_wanted_type(&settings->compress_types, response))
        return false;
    cache_response_of(response, 0, &known);
    return !known.control.no_transform;
}

bool compressible_mark(struct buf *block)
{
    struct http_head head;
    struct vary vary;

    block_parse(buf_bytes(block), &head);
    if (vary_of(&head, &vary) != ERR_OK || head.field_count + MARK_FIELDS > HTTP_FIELDS_MAX)
        return false;
    for (size_t i = 0; i < vary.count; i++) {
        if (vary.ids[i] == HTTP_ACCEPT_ENCODING)
            return true;
    }
    block->size -= 2;
    block_add_field(block, BYTES("Vary"), BYTES("Accept-Encoding"));
    buf_add(block, BYTES("\r\n"));
    return true;
}
