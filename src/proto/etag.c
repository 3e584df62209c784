/* etag.c: entity tags, and what a conditional request comes to. SPDX-License-Identifier: MIT */
#include "proto/etag.h"

#include "proto/date.h"

static bool is_etag_byte(uint8_t byte)
{
    return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
}

/* Takes a tag off the front. */
static enum err cut_etag(struct bytes *rest, struct etag *ret_etag)
{
    bool weak = bytes_begin_with(*rest, BYTES("W/"));
    struct bytes text = bytes_skip(*rest, weak ? 2 : 0);
    size_t end = 1;

    if (!bytes_begin_with(text, BYTES("\"")))
        return ERR_SYNTAX;
    while (end < text.size && is_etag_byte(text.data[end]))
        end++;
    if (end == text.size || text.data[end] != '"')
        return ERR_SYNTAX;
    *ret_etag = (struct etag){weak, bytes_slice(text, 1, end)};
    *rest = bytes_skip(text, end + 1);
    return ERR_OK;
}

enum err etag_parse(struct bytes text, struct etag *ret_etag)
{
    struct etag etag;

    TRY(cut_etag(&text, &etag));
    if (text.size > 0)
        return ERR_SYNTAX;
    *ret_etag = etag;
    return ERR_OK;
}

bool etag_equal_strong(struct etag a, struct etag b)
{
    return !a.weak && !b.weak && bytes_equal(a.opaque, b.opaque);
}

bool etag_equal_weak(struct etag a, struct etag b)
{
    return bytes_equal(a.opaque, b.opaque);
}

enum err etag_list_next(struct bytes *rest, struct etag *ret_etag)
{
    struct bytes text = bytes_trim(*rest);

    while (text.size > 0 && text.data[0] == ',')
        text = bytes_trim(bytes_skip(text, 1));
    if (text.size == 0)
        return ERR_MISS;
    struct etag etag;

    TRY(cut_etag(&text, &etag));
    text = bytes_trim(text);
    if (text.size > 0 && text.data[0] != ',')
        return ERR_SYNTAX;
    *ret_etag = etag;
    *rest = text;
    return ERR_OK;
}

/* The value of a field that is there exactly once. */
static bool find_single(const struct http_head *head, enum http_name name, struct bytes *ret_value)
{
    const struct http_field *field = http_find(head, name);

    if (field == NULL || http_find_next(head, name, field) != NULL)
        return false;
    *ret_value = field->value;
    return true;
}

static bool find_date(const struct http_head *head, enum http_name name, int64_t now_s,
                      int64_t *ret_s)
{
    struct bytes value;

    return find_single(head, name, &value) && date_parse(value, now_s, ret_s) == ERR_OK;
}

struct validators validators_of(const struct http_head *response, int64_t now_s)
{
    struct validators found = {.exists = true};
    struct bytes value;
    int64_t date_s = 0;
    bool has_date = find_date(response, HTTP_DATE, now_s, &date_s);

    found.has_etag =
        find_single(response, HTTP_ETAG, &value) && etag_parse(value, &found.etag) == ERR_OK;
    if (find_date(response, HTTP_LAST_MODIFIED, now_s, &found.modified_s)) {
        found.has_modified = true;
        found.modified_strong = has_date && found.modified_s < date_s;
    } else if (has_date) {
        found.has_modified = true;
        found.modified_s = date_s;
    }
    return found;
}

/* Whether one of the tags in all fields of that name is the one that is at hand, or '*' is asked
 * for and there is something at hand. */
static bool matches(const struct http_head *request, enum http_name name,
                    const struct validators *validators,
                    bool (*equal)(struct etag a, struct etag b))
{
    for (const struct http_field *field = http_find(request, name); field != NULL;
         field = http_find_next(request, name, field)) {
        struct bytes rest = field->value;
        struct etag etag;

        if (bytes_equal(rest, BYTES("*")) && validators->exists)
            return true;
        while (validators->exists && validators->has_etag &&
               etag_list_next(&rest, &etag) == ERR_OK) {
            if (equal(etag, validators->etag))
                return true;
        }
    }
    return false;
}

static bool is_changed_since(const struct http_head *request, enum http_name name,
                             const struct validators *validators, int64_t now_s, bool *ret_known)
{
    int64_t date_s = 0;

    *ret_known =
        validators->exists && validators->has_modified && find_date(request, name, now_s, &date_s);
    return *ret_known && validators->modified_s > date_s;
}

/* RFC 9110 §13.1.5: a tag or date that is compared strongly. */
static bool range_holds(const struct http_head *request, const struct validators *validators,
                        int64_t now_s)
{
    struct bytes value;
    struct etag etag;
    int64_t date_s = 0;

    if (!find_single(request, HTTP_IF_RANGE, &value) || !validators->exists)
        return false;
    if (etag_parse(value, &etag) == ERR_OK)
        return validators->has_etag && etag_equal_strong(etag, validators->etag);
    return validators->modified_strong && date_parse(value, now_s, &date_s) == ERR_OK &&
           date_s == validators->modified_s;
}

enum precondition precondition_judge(const struct http_head *request,
                                     const struct validators *validators, int64_t now_s)
{
    bool is_get = request->method_id == HTTP_METHOD_GET;
    bool is_read =
        is_get || request->method_id == HTTP_METHOD_HEAD || request->method_id == HTTP_METHOD_QUERY;
    bool known = false;

    if (http_has(request, HTTP_IF_MATCH)) {
        if (!matches(request, HTTP_IF_MATCH, validators, etag_equal_strong))
            return PRECONDITION_FAILED;
    } else if (is_changed_since(request, HTTP_IF_UNMODIFIED_SINCE, validators, now_s, &known)) {
        return PRECONDITION_FAILED;
    }
    if (http_has(request, HTTP_IF_NONE_MATCH)) {
        if (matches(request, HTTP_IF_NONE_MATCH, validators, etag_equal_weak))
            return is_read ? PRECONDITION_UNCHANGED : PRECONDITION_FAILED;
    } else if (is_read) {
        bool changed = is_changed_since(request, HTTP_IF_MODIFIED_SINCE, validators, now_s, &known);

        if (known && !changed)
            return PRECONDITION_UNCHANGED;
    }
    if (is_get && http_has(request, HTTP_RANGE) && http_has(request, HTTP_IF_RANGE) &&
        !range_holds(request, validators, now_s))
        return PRECONDITION_RANGE_UNTRUE;
    return PRECONDITION_NONE;
}

bool precondition_is_asked(const struct http_head *request)
{
    return http_has(request, HTTP_IF_MATCH) || http_has(request, HTTP_IF_NONE_MATCH) ||
           http_has(request, HTTP_IF_MODIFIED_SINCE) ||
           http_has(request, HTTP_IF_UNMODIFIED_SINCE) || http_has(request, HTTP_IF_RANGE);
}
