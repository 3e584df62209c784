/* edit.c: lists of fields to take out and to set. SPDX-License-Identifier: MIT */
#include "server/http/edit.h"

/* What belongs to the message's frame or to the cache, and is not anybody's to write. */
static bool is_ours(struct bytes name)
{
    switch ((unsigned)http_name_of(name)) {
    case HTTP_HOST:
    case HTTP_TE:
    case HTTP_AGE:
    case HTTP_VIA:
    case HTTP_DATE:
    case HTTP_RANGE:
    case HTTP_EXPECT:
    case HTTP_TRAILER:
    case HTTP_UPGRADE:
    case HTTP_CONNECTION:
    case HTTP_KEEP_ALIVE:
    case HTTP_CACHE_STATUS:
    case HTTP_CONTENT_RANGE:
    case HTTP_CONTENT_LENGTH:
    case HTTP_CONTENT_ENCODING:
    case HTTP_PROXY_CONNECTION:
    case HTTP_TRANSFER_ENCODING:
        return true;
    default:
        return false;
    }
}

static enum err check(struct bytes name, const char *text, const char *route, const char *path,
                      struct fault *fault)
{
    if (!http_is_token(name))
        return fault_say(fault, ERR_SYNTAX, "route %s: %s: \"%s\" begins with no name of a field",
                         route, path, text);
    if (is_ours(name))
        return fault_say(
            fault, ERR_SYNTAX,
            "route %s: %s: \"%.*s\" belongs to the message's frame or to the cache and "
            "cannot be edited",
            route, path, BYTES_ARG(name));
    return ERR_OK;
}

static enum err too_many(const char *route, const char *path, struct fault *fault)
{
    return fault_say(fault, ERR_SYNTAX, "route %s: %s: more than %d fields", route, path,
                     EDITS_MAX);
}

static enum err add_set(struct edits *edits, const char *text, const char *route, const char *path,
                        struct fault *fault)
{
    struct bytes value = bytes_of_text(text);
    struct bytes name = bytes_cut(&value, ':');

    if (name.size == bytes_of_text(text).size)
        return fault_say(fault, ERR_SYNTAX,
                         "route %s: %s.set: \"%s\" has no colon; write "
                         "\"Name: value\"",
                         route, path, text);
    TRY(check(name, text, route, path, fault));
    value = bytes_trim(value);
    if (!http_is_field_value(value))
        return fault_say(fault, ERR_SYNTAX,
                         "route %s: %s.set: the value of \"%.*s\" holds bytes "
                         "that no field can have",
                         route, path, BYTES_ARG(name));
    edits->set[edits->set_count++] =
        (struct http_field){.name = name, .value = value, .id = http_name_of(name)};
    return ERR_OK;
}

enum err edits_compile(const struct text_list *set, const struct text_list *removed,
                       const char *route, const char *path, struct edits *ret_edits,
                       struct fault *fault)
{
    struct edits edits = {.set_count = 0};

    if (set->count > EDITS_MAX || removed->count > EDITS_MAX)
        return too_many(route, path, fault);
    for (size_t i = 0; i < set->count; i++)
        TRY(add_set(&edits, set->items[i], route, path, fault));
    for (size_t i = 0; i < removed->count; i++) {
        struct bytes name = bytes_of_text(removed->items[i]);

        TRY(check(name, removed->items[i], route, path, fault));
        edits.removed[edits.removed_count++] = name;
    }
    *ret_edits = edits;
    return ERR_OK;
}

bool edits_set(const struct edits *edits, struct bytes name)
{
    for (size_t i = 0; i < edits->set_count; i++) {
        if (bytes_equal_nocase(edits->set[i].name, name))
            return true;
    }
    return false;
}

bool edits_take(const struct edits *edits, struct bytes name)
{
    for (size_t i = 0; i < edits->removed_count; i++) {
        if (bytes_equal_nocase(edits->removed[i], name))
            return true;
    }
    return edits_set(edits, name);
}

void edits_write(const struct edits *edits, struct buf *out)
{
    for (size_t i = 0; i < edits->set_count; i++) {
        buf_add(out, edits->set[i].name);
        buf_add(out, BYTES(": "));
        buf_add(out, edits->set[i].value);
        buf_add(out, BYTES("\r\n"));
    }
}
