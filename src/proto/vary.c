/* vary.c: names of Vary, and the bytes that tell variants apart. SPDX-License-Identifier: MIT */
#include "proto/vary.h"

/* ---- names ------------------------------------------------------------------------------- */

static int compare_nocase(struct bytes a, struct bytes b)
{
    size_t shared = a.size < b.size ? a.size : b.size;

    for (size_t i = 0; i < shared; i++) {
        int order = byte_lower(a.data[i]) - byte_lower(b.data[i]);

        if (order != 0)
            return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

/* Puts a name at its place among the sorted ones; one that is there already changes nothing. */
static enum err add_name(struct vary *vary, struct bytes name)
{
    size_t at = 0;
    int order = 1;

    while (at < vary->count && (order = compare_nocase(name, vary->names[at])) > 0)
        at++;
    if (at < vary->count && order == 0)
        return ERR_OK;
    if (vary->count == VARY_NAMES_MAX)
        return ERR_TOO_BIG;
    for (size_t i = vary->count; i > at; i--) {
        vary->names[i] = vary->names[i - 1];
        vary->ids[i] = vary->ids[i - 1];
    }
    vary->names[at] = name;
    vary->ids[at] = http_name_of(name);
    vary->count++;
    return ERR_OK;
}

static enum err add_value(struct vary *vary, struct bytes value)
{
    struct bytes name;

    while (http_list_next(&value, &name)) {
        if (bytes_equal(name, BYTES("*")) || !http_is_token(name))
            vary->any = true;
        else
            TRY(add_name(vary, name));
    }
    return ERR_OK;
}

enum err vary_of(const struct http_head *response, struct vary *ret_vary)
{
    ret_vary->any = false;
    ret_vary->count = 0;
    for (const struct http_field *field = http_find(response, HTTP_VARY); field != NULL;
         field = http_find_next(response, HTTP_VARY, field))
        TRY(add_value(ret_vary, field->value));
    return ERR_OK;
}

bool vary_is_named(const struct http_head *response)
{
    struct vary vary;

    return http_has(response, HTTP_VARY) &&
           (vary_of(response, &vary) != ERR_OK || vary.any || vary.count > 0);
}

enum err vary_parse(struct bytes text, struct vary *ret_vary)
{
    ret_vary->any = false;
    ret_vary->count = 0;
    return add_value(ret_vary, text);
}

static void add_lower(struct buf *out, struct bytes text)
{
    uint8_t *room = buf_room(out, text.size);

    if (room == NULL)
        return;
    for (size_t i = 0; i < text.size; i++)
        room[i] = byte_lower(text.data[i]);
    buf_grew(out, text.size);
}

void vary_write(const struct vary *vary, struct buf *out)
{
    if (vary->any) {
        buf_add_byte(out, '*');
        return;
    }
    for (size_t i = 0; i < vary->count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        add_lower(out, vary->names[i]);
    }
}

/* ---- key --------------------------------------------------------------------------------- */

static bool has_value(const struct http_head *request, enum http_name id, struct bytes name)
{
    if (id == HTTP_ACCEPT_ENCODING) /* to say nothing is to ask for identity */
        return true;
    return id == HTTP_OTHER ? http_find_text(request, name, NULL) != NULL : http_has(request, id);
}

void vary_key(const struct vary *vary, const struct http_head *request, struct buf *out)
{
    for (size_t i = 0; i < vary->count; i++) {
        add_lower(out, vary->names[i]);
        if (has_value(request, vary->ids[i], vary->names[i])) {
            buf_add_byte(out, ':');
            (void)vary_value(request, vary->ids[i], vary->names[i], VARY_NORMALISE, out);
        }
        buf_add_byte(out, '\n');
    }
}
