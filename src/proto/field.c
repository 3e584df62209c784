/* field.c: names of fields and methods, finding fields, lists, what is hop-by-hop.
 * SPDX-License-Identifier: MIT
 */
#include "base/must.h"
#include "proto/chars.h"
#include "proto/http.h"

static const struct bytes names[HTTP_NAMES_COUNT] = {
#define FIELD(id, text) [HTTP_##id] = BYTES_INIT(text),
#include "proto/fields.def"
#undef FIELD
};

/* Where the names of a length start; they end where those of the next length start. */
static const uint8_t starts[] = {
#define LENGTH(size) [size] = HTTP_LENGTH_##size,
#define FIELD(id, text)
#include "proto/fields.def"
#undef FIELD
};

_Static_assert(HTTP_NAMES_COUNT < 128, "http_head.present has 128 bits");

enum { LONGEST = sizeof starts - 2, SHORTEST = 2 };

static uint64_t eight_at(const uint8_t *data)
{
    uint64_t word = 0;

    memcpy(&word, data, sizeof word);
    return word;
}

/* Whether eight bytes are those of a known name but for the case of letters. Letters, and nothing
 * else in a name, have the bit 0x40; only where it is set may 0x20 differ. */
static bool same_eight(const uint8_t *known, const uint8_t *given)
{
    uint64_t wanted = eight_at(known);
    uint64_t letters = wanted & 0x4040404040404040u;

    return ((wanted ^ eight_at(given)) & ~(letters >> 1)) == 0;
}

static bool same_name(const uint8_t *known, const uint8_t *given, size_t size)
{
    if (size < sizeof(uint64_t)) {
        for (size_t i = 0; i < size; i++) {
            if (((known[i] ^ given[i]) & ~((known[i] & 0x40) >> 1)) != 0)
                return false;
        }
        return true;
    }
    /* The ends first: names of one length begin alike more often than they end alike. */
    size_t at = size - sizeof(uint64_t);

    if (!same_eight(known + at, given + at))
        return false;
    for (size_t i = 0; i < at; i += sizeof(uint64_t)) {
        if (!same_eight(known + i, given + i))
            return false;
    }
    return true;
}

enum http_name http_name_of(struct bytes name)
{
    if (name.size < SHORTEST || name.size > LONGEST)
        return HTTP_OTHER;
    for (unsigned id = starts[name.size]; id < starts[name.size + 1]; id++) {
        if (same_name(names[id].data, name.data, name.size))
            return (enum http_name)id;
    }
    return HTTP_OTHER;
}

struct bytes http_name_text(enum http_name name)
{
    must(name < HTTP_NAMES_COUNT);
    return names[name];
}

static const struct bytes methods[] = {
    [HTTP_METHOD_OTHER] = BYTES_INIT(""),      [HTTP_METHOD_GET] = BYTES_INIT("GET"),
    [HTTP_METHOD_HEAD] = BYTES_INIT("HEAD"),   [HTTP_METHOD_POST] = BYTES_INIT("POST"),
    [HTTP_METHOD_PUT] = BYTES_INIT("PUT"),     [HTTP_METHOD_DELETE] = BYTES_INIT("DELETE"),
    [HTTP_METHOD_PATCH] = BYTES_INIT("PATCH"), [HTTP_METHOD_OPTIONS] = BYTES_INIT("OPTIONS"),
    [HTTP_METHOD_TRACE] = BYTES_INIT("TRACE"), [HTTP_METHOD_CONNECT] = BYTES_INIT("CONNECT"),
    [HTTP_METHOD_QUERY] = BYTES_INIT("QUERY"), [HTTP_METHOD_PURGE] = BYTES_INIT("PURGE"),
};

enum http_method http_method_of(struct bytes name)
{
    for (unsigned id = HTTP_METHOD_GET; id < sizeof methods / sizeof methods[0]; id++) {
        if (bytes_equal(name, methods[id]))
            return (enum http_method)id;
    }
    return HTTP_METHOD_OTHER;
}

bool http_method_is_safe(enum http_method method)
{
    return method == HTTP_METHOD_GET || method == HTTP_METHOD_HEAD ||
           method == HTTP_METHOD_OPTIONS || method == HTTP_METHOD_TRACE ||
           method == HTTP_METHOD_QUERY;
}

bool http_method_is_idempotent(enum http_method method)
{
    return http_method_is_safe(method) || method == HTTP_METHOD_PUT || method == HTTP_METHOD_DELETE;
}

const struct http_field *http_find_next(const struct http_head *head, enum http_name name,
                                        const struct http_field *after)
{
    const struct http_field *end = head->fields + head->field_count;

    must(name != HTTP_OTHER);
    for (const struct http_field *field = after + 1; field < end; field++) {
        if (field->id == name)
            return field;
    }
    return NULL;
}

const struct http_field *http_find(const struct http_head *head, enum http_name name)
{
    if (!http_has(head, name))
        return NULL;
    const struct http_field *first = head->fields;

    return first->id == name ? first : http_find_next(head, name, first);
}

const struct http_field *http_find_text(const struct http_head *head, struct bytes name,
                                        const struct http_field *after)
{
    const struct http_field *end = head->fields + head->field_count;

    for (const struct http_field *field = after == NULL ? head->fields : after + 1; field < end;
         field++) {
        if (bytes_equal_nocase(field->name, name))
            return field;
    }
    return NULL;
}

/* Where the element at the front of the list ends: at a comma outside of quotes, or at the end. */
static size_t element_end(struct bytes list)
{
    bool quoted = false;

    for (size_t i = 0; i < list.size; i++) {
        uint8_t byte = list.data[i];

        if (byte == '"')
            quoted = !quoted;
        else if (byte == '\\' && quoted)
            i++;
        else if (byte == ',' && !quoted)
            return i;
    }
    return list.size;
}

bool http_list_next(struct bytes *rest, struct bytes *ret_element)
{
    while (rest->size > 0) {
        size_t end = element_end(*rest);
        struct bytes element = bytes_trim(bytes_slice(*rest, 0, end));

        *rest = bytes_skip(*rest, end + 1);
        if (element.size > 0) {
            *ret_element = element;
            return true;
        }
    }
    return false;
}

void http_drop(struct http_head *head, enum http_name name)
{
    size_t kept = 0;

    must(name != HTTP_OTHER);
    for (size_t i = 0; i < head->field_count; i++) {
        if (head->fields[i].id != name)
            head->fields[kept++] = head->fields[i];
    }
    head->field_count = kept;
    head->present[(unsigned)name / 64] &= ~((uint64_t)1 << ((unsigned)name % 64));
}

static bool connection_lists(const struct http_head *head, struct bytes name)
{
    for (const struct http_field *field = http_find(head, HTTP_CONNECTION); field != NULL;
         field = http_find_next(head, HTTP_CONNECTION, field)) {
        struct bytes rest = field->value, option;

        while (http_list_next(&rest, &option)) {
            if (bytes_equal_nocase(option, name))
                return true;
        }
    }
    return false;
}

bool http_is_hop_by_hop(const struct http_head *head, const struct http_field *field)
{
    switch ((int)field->id) {
    case HTTP_CONNECTION:
    case HTTP_KEEP_ALIVE:
    case HTTP_PROXY_AUTHENTICATE:
    case HTTP_PROXY_AUTHENTICATION_INFO:
    case HTTP_PROXY_AUTHORIZATION:
    case HTTP_PROXY_CONNECTION:
    case HTTP_TE:
    case HTTP_TRAILER:
    case HTTP_TRANSFER_ENCODING:
    case HTTP_UPGRADE:
        return true;
    default:
        return http_has(head, HTTP_CONNECTION) && connection_lists(head, field->name);
    }
}

bool http_is_token(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!char_is(text.data[i], CHAR_TOKEN))
            return false;
    }
    return text.size > 0;
}

bool http_is_field_value(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!char_is(text.data[i], CHAR_VALUE))
            return false;
    }
    return true;
}
