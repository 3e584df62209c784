/* block.c: writing the heads of answers. SPDX-License-Identifier: MIT */
#include "server/http/block.h"

#include "base/must.h"
#include "proto/date.h"
#include "proto/tags.h"
#include "server/http/cors.h"

void block_add_field(struct buf *out, struct bytes name, struct bytes value)
{
    buf_add(out, name);
    buf_add(out, BYTES(": "));
    buf_add(out, value);
    buf_add(out, BYTES("\r\n"));
}

static void add_status_line(struct buf *out, unsigned status, struct bytes reason)
{
    buf_add(out, BYTES("HTTP/1.1 "));
    buf_add_u64(out, status);
    buf_add_byte(out, ' ');
    buf_add(out, reason);
    buf_add(out, BYTES("\r\n"));
}

static void add_date(struct buf *out, int64_t now_s)
{
    uint8_t text[DATE_SIZE];

    date_write(now_s, text);
    block_add_field(out, BYTES("Date"), bytes_of(text, sizeof text));
}

static bool is_framing(enum http_name id)
{
    return id == HTTP_CONTENT_LENGTH || id == HTTP_TRANSFER_ENCODING || id == HTTP_TRAILER ||
           id == HTTP_CONNECTION || id == HTTP_KEEP_ALIVE;
}

/* Whether a field is for one client, and not for those who share the answer. */
static bool is_withheld(const struct verdict *verdict, const struct http_field *field)
{
    if (field->id == HTTP_SET_COOKIE && verdict->strip_cookie)
        return true;
    return verdict->unshared.count > 0 && cache_lists_have(&verdict->unshared, field->name);
}

bool block_withholds(const struct verdict *verdict, const struct http_head *response)
{
    for (size_t i = 0; verdict->unshared.count > 0 && i < response->field_count; i++) {
        if (cache_lists_have(&verdict->unshared, response->fields[i].name))
            return true;
    }
    return false;
}

/* Whether a field of the origin's goes on to the client. */
static bool is_passed(const struct block_facts *facts, const struct http_head *head,
                      const struct http_field *field)
{
    const struct verdict *verdict = facts->verdict;

    if (is_framing(field->id) || http_is_hop_by_hop(head, field))
        return false;
    if (tags_is_field(field->id) && facts->route->settings->strip_tags)
        return false;
    if (edits_take(&facts->route->answer_edits, field->name) ||
        cors_takes(facts->route, field->name))
        return false;
    if (verdict == NULL || !(verdict->share || verdict->store))
        return true;
    return field->id != HTTP_AGE && !is_withheld(verdict, field);
}

void block_write(const struct block_facts *facts, const struct http_head *response, struct buf *out)
{
    buf_clear(out);
    add_status_line(out, response->status, response->reason);
    for (size_t i = 0; i < response->field_count; i++) {
        const struct http_field *field = &response->fields[i];

        if (is_passed(facts, response, field))
            block_add_field(out, field->name, field->value);
    }
    if (!http_has(response, HTTP_DATE))
        add_date(out, facts->now_s);
    edits_write(&facts->route->answer_edits, out);
    cors_write_common(facts->route, out);
    buf_add(out, BYTES("Via: 1.1 larder\r\n"));
    if (response->has_content_length && response->status != 204 && response->status != 304) {
        buf_add(out, BYTES("Content-Length: "));
        buf_add_u64(out, response->content_length);
        buf_add(out, BYTES("\r\n"));
    }
    buf_add(out, BYTES("\r\n"));
}

/* Fields of a 304 that never replace stored ones. */
static bool is_of_the_body(enum http_name id)
{
    return is_framing(id) || id == HTTP_CONTENT_ENCODING || id == HTTP_CONTENT_RANGE ||
           id == HTTP_VIA || id == HTTP_AGE || id == HTTP_CACHE_STATUS;
}

static bool is_replaced(const struct block_facts *facts, const struct http_head *news,
                        const struct http_field *field)
{
    if (is_of_the_body(field->id) || edits_set(&facts->route->answer_edits, field->name) ||
        cors_takes(facts->route, field->name))
        return false;
    if (field->id != HTTP_OTHER)
        return http_has(news, field->id);
    return http_find_text(news, field->name, NULL) != NULL;
}

enum err block_update(const struct block_facts *facts, const struct http_head *stored,
                      const struct http_head *news, struct buf *out)
{
    size_t count = 1; /* Date */

    buf_clear(out);
    add_status_line(out, stored->status, stored->reason);
    for (size_t i = 0; i < stored->field_count; i++) {
        const struct http_field *field = &stored->fields[i];

        if (field->id == HTTP_DATE && !http_has(news, HTTP_DATE))
            continue;
        if (is_replaced(facts, news, field) || is_withheld(facts->verdict, field))
            continue;
        block_add_field(out, field->name, field->value);
        count++;
    }
    for (size_t i = 0; i < news->field_count; i++) {
        const struct http_field *field = &news->fields[i];

        if (is_of_the_body(field->id) || !is_passed(facts, news, field))
            continue;
        block_add_field(out, field->name, field->value);
        count++;
    }
    if (!http_has(news, HTTP_DATE))
        add_date(out, facts->now_s);
    buf_add(out, BYTES("\r\n"));
    return count <= HTTP_FIELDS_MAX ? ERR_OK : ERR_TOO_BIG;
}

void block_finish(struct buf *block, bool has_size, uint64_t body_size, struct bytes etag)
{
    must(block->size >= 2);
    block->size -= 2;
    if (etag.size > 0)
        block_add_field(block, BYTES("ETag"), etag);
    if (!has_size) {
        buf_add(block, BYTES("Content-Length: "));
        buf_add_u64(block, body_size);
        buf_add(block, BYTES("\r\n"));
    }
    buf_add(block, BYTES("\r\n"));
}

void block_parse(struct bytes block, struct http_head *ret_head)
{
    const struct http_limits limits = {block.size + 1, 0, HTTP_FIELDS_MAX};
    struct http_complaint complaint = {0, NULL};
    size_t size = 0;
    enum err err = http_parse_response(block, &limits, false, ret_head, &size, &complaint);

    must(err == ERR_OK);
}

/* Without them a page of another site may not see the 304. */
static bool is_for_pages(struct bytes name)
{
    struct bytes front = BYTES("Access-Control-");

    return name.size > front.size && bytes_equal_nocase(bytes_slice(name, 0, front.size), front);
}

void block_write_for_304(const struct http_head *stored, struct buf *out)
{
    for (size_t i = 0; i < stored->field_count; i++) {
        const struct http_field *field = &stored->fields[i];
        enum http_name id = field->id;

        if (id == HTTP_CACHE_CONTROL || id == HTTP_CONTENT_LOCATION || id == HTTP_DATE ||
            id == HTTP_ETAG || id == HTTP_EXPIRES || id == HTTP_VARY || id == HTTP_VIA ||
            id == HTTP_CDN_CACHE_CONTROL || id == HTTP_LAST_MODIFIED || id == HTTP_CACHE_STATUS ||
            (id == HTTP_OTHER && is_for_pages(field->name)))
            block_add_field(out, field->name, field->value);
    }
}

void block_write_for_part(const struct http_head *stored, bool with_type, struct buf *out)
{
    for (size_t i = 0; i < stored->field_count; i++) {
        const struct http_field *field = &stored->fields[i];

        if (field->id != HTTP_CONTENT_LENGTH && field->id != HTTP_CONTENT_RANGE &&
            (with_type || field->id != HTTP_CONTENT_TYPE))
            block_add_field(out, field->name, field->value);
    }
}
