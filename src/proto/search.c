/* search.c: reading No-Vary-Search, and queries by it. SPDX-License-Identifier: MIT */
#include "proto/search.h"

#include "proto/sfield.h"

/* ---- the field --------------------------------------------------------------------------- */

static bool is_list_of_texts(const struct sf_item *item)
{
    struct bytes rest = item->text;
    struct sf_item member;
    enum err err = ERR_OK;

    if (item->kind != SF_INNER_LIST)
        return false;
    while ((err = sf_inner_next(&rest, &member)) == ERR_OK) {
        if (member.kind != SF_STRING)
            return false;
    }
    return err == ERR_MISS;
}

struct members {
    struct sf_item order;
    struct sf_item params;
    struct sf_item except;
    bool has_order;
    bool has_params;
    bool has_except;
};

static enum err read_members(struct bytes value, struct members *members)
{
    struct bytes key;
    struct sf_item item;
    enum err err = ERR_OK;

    while ((err = sf_dictionary_next(&value, &key, &item)) == ERR_OK) {
        if (bytes_equal(key, BYTES("key-order"))) {
            members->has_order = true;
            members->order = item;
        } else if (bytes_equal(key, BYTES("params"))) {
            members->has_params = true;
            members->params = item;
        } else if (bytes_equal(key, BYTES("except"))) {
            members->has_except = true;
            members->except = item;
        }
    }
    return err == ERR_MISS ? ERR_OK : ERR_SYNTAX;
}

enum err search_parse(struct bytes value, struct search *ret_search)
{
    struct members members = {.has_order = false};
    struct search search = {.names = BYTES("")};

    TRY(read_members(value, &members));
    if (members.has_order && members.order.kind != SF_BOOLEAN)
        return ERR_SYNTAX;
    search.in_any_order = members.has_order && members.order.number == 1;
    if (members.has_params && members.params.kind == SF_BOOLEAN) {
        search.drops_all = members.params.number == 1;
    } else if (members.has_params) {
        if (!is_list_of_texts(&members.params))
            return ERR_SYNTAX;
        search.names = members.params.text;
    }
    if (members.has_except) {
        if (!search.drops_all || !is_list_of_texts(&members.except))
            return ERR_SYNTAX;
        search.names = members.except.text;
    }
    struct bytes rest = search.names;
    struct sf_item first;

    if (!search.in_any_order && !search.drops_all && sf_inner_next(&rest, &first) != ERR_OK)
        return ERR_MISS;
    *ret_search = search;
    return ERR_OK;
}

/* ---- names ------------------------------------------------------------------------------- */

static int hex_of(uint8_t c)
{
    uint8_t lower = byte_lower(c);

    if (c >= '0' && c <= '9')
        return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Takes the next decoded byte off the front, or returns -1: none is left. `escaped`: backslashes of
 * a structured field's string count. */
static int next_byte(struct bytes *text, bool escaped)
{
    if (text->size == 0)
        return -1;
    uint8_t c = text->data[0];

    *text = bytes_skip(*text, 1);
    if (escaped && c == '\\' && text->size > 0) {
        c = text->data[0];
        *text = bytes_skip(*text, 1);
    }
    if (c == '+')
        return ' ';
    if (c != '%' || text->size < 2 || hex_of(text->data[0]) < 0 || hex_of(text->data[1]) < 0)
        return c;
    int byte = hex_of(text->data[0]) * 16 + hex_of(text->data[1]);

    *text = bytes_skip(*text, 2);
    return byte;
}

/* < 0, 0, > 0 as for the decoded names. */
static int compare(struct bytes name, struct bytes other, bool other_escaped)
{
    for (;;) {
        int one = next_byte(&name, false);
        int two = next_byte(&other, other_escaped);

        if (one != two || one < 0)
            return one - two;
    }
}

static bool is_named(const struct search *search, struct bytes name)
{
    struct bytes rest = search->names;
    struct sf_item item;

    while (sf_inner_next(&rest, &item) == ERR_OK) {
        if (compare(name, item.text, item.escaped) == 0)
            return true;
    }
    return false;
}

/* ---- queries ----------------------------------------------------------------------------- */

static struct bytes name_of(struct bytes parameter)
{
    return bytes_slice(parameter, 0, bytes_find(parameter, '='));
}

/* Those of one name stay in their order. */
static void sort(struct bytes *parameters, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct bytes one = parameters[i];
        size_t at = i;

        for (; at > 0 && compare(name_of(parameters[at - 1]), name_of(one), false) > 0; at--)
            parameters[at] = parameters[at - 1];
        parameters[at] = one;
    }
}

enum err search_write(const struct search *search, struct bytes query, uint8_t *out,
                      size_t *ret_size)
{
    struct bytes parameters[SEARCH_PARAMS_MAX];
    size_t count = 0, size = 0;

    while (query.size > 0) {
        struct bytes parameter = bytes_cut(&query, '&');

        if (parameter.size == 0 || is_named(search, name_of(parameter)) != search->drops_all)
            continue;
        if (count == SEARCH_PARAMS_MAX)
            return ERR_TOO_BIG;
        parameters[count++] = parameter;
    }
    if (search->in_any_order)
        sort(parameters, count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            out[size++] = '&';
        memcpy(out + size, parameters[i].data, parameters[i].size);
        size += parameters[i].size;
    }
    *ret_size = size;
    return ERR_OK;
}
