/* tags.c: five fields, three ways of separating. SPDX-License-Identifier: MIT */
#include "proto/tags.h"

#include "proto/sfield.h"

bool tags_is_field(enum http_name name)
{
    return name == HTTP_CACHE_TAG || name == HTTP_SURROGATE_KEY || name == HTTP_EDGE_CACHE_TAG ||
           name == HTTP_XKEY || name == HTTP_CACHE_GROUPS;
}

static enum err add(struct tags *tags, struct bytes tag)
{
    if (tag.size == 0)
        return ERR_OK;
    if (tags->count == TAGS_MAX || tag.size > TAGS_SIZE_MAX)
        return ERR_TOO_BIG;
    tags->items[tags->count++] = tag;
    return ERR_OK;
}

static bool separates(uint8_t byte, bool commas, bool blanks)
{
    return (commas && byte == ',') || (blanks && (byte == ' ' || byte == '\t'));
}

static enum err add_separated(struct tags *tags, struct bytes value, bool commas, bool blanks)
{
    size_t start = 0;

    for (size_t i = 0; i <= value.size; i++) {
        if (i < value.size && !separates(value.data[i], commas, blanks))
            continue;
        TRY(add(tags, bytes_trim(bytes_slice(value, start, i))));
        start = i + 1;
    }
    return ERR_OK;
}

enum err tags_group_next(struct bytes *rest, struct bytes *ret_text, bool *ret_escaped)
{
    struct sf_item item;

    TRY(sf_list_next(rest, &item));
    if (item.kind != SF_STRING)
        return ERR_SYNTAX;
    *ret_text = item.text;
    *ret_escaped = item.escaped;
    return ERR_OK;
}

static enum err add_escaped(struct tags *tags, struct bytes text)
{
    uint8_t *place = tags->escaped + tags->escaped_size;

    if (text.size > TAGS_ESCAPED_MAX - tags->escaped_size)
        return ERR_TOO_BIG;
    size_t size = sf_unescape(text, place);

    tags->escaped_size += size;
    return add(tags, (struct bytes){place, size});
}

static bool is_list_of_groups(struct bytes value)
{
    struct bytes text;
    bool escaped = false;
    enum err err = ERR_OK;

    while ((err = tags_group_next(&value, &text, &escaped)) == ERR_OK)
        continue;
    return err == ERR_MISS;
}

static enum err add_groups(struct tags *tags, struct bytes value)
{
    struct bytes text;
    bool escaped = false;

    while (tags_group_next(&value, &text, &escaped) == ERR_OK)
        TRY(escaped ? add_escaped(tags, text) : add(tags, text));
    return ERR_OK;
}

static enum err add_field(struct tags *tags, const struct http_field *field)
{
    switch ((int)field->id) {
    case HTTP_CACHE_TAG:
    case HTTP_EDGE_CACHE_TAG:
        return add_separated(tags, field->value, true, false);
    case HTTP_SURROGATE_KEY:
        return add_separated(tags, field->value, false, true);
    case HTTP_XKEY:
        return add_separated(tags, field->value, true, true);
    default:
        return ERR_OK;
    }
}

enum err tags_of(const struct http_head *response, struct tags *ret_tags)
{
    bool groups_are_good = true;
    const struct http_field *end = response->fields + response->field_count;

    ret_tags->count = 0;
    ret_tags->escaped_size = 0;
    for (const struct http_field *field = response->fields; field < end; field++) {
        TRY(add_field(ret_tags, field));
        if (field->id == HTTP_CACHE_GROUPS)
            groups_are_good &= is_list_of_groups(field->value);
    }
    if (!groups_are_good)
        return ERR_SYNTAX;
    for (const struct http_field *field = http_find(response, HTTP_CACHE_GROUPS); field != NULL;
         field = http_find_next(response, HTTP_CACHE_GROUPS, field))
        TRY(add_groups(ret_tags, field->value));
    return ERR_OK;
}
