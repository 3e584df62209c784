/* visitor.c: the client behind trusted proxies. SPDX-License-Identifier: MIT */
#include "server/http/visitor.h"

#include "net/network.h"

/* The last element of a comma-separated list; `*rest` becomes what stands before it. */
static struct bytes cut_last(struct bytes *rest)
{
    size_t from = rest->size;

    while (from > 0 && rest->data[from - 1] != ',')
        from--;
    struct bytes last = bytes_trim(bytes_skip(*rest, from));

    rest->size = from > 0 ? from - 1 : 0;
    return last;
}

/* Follows one field from its end. False: the visitor is found. */
static bool follow(const struct site *site, struct bytes list, struct address *visitor)
{
    while (list.size > 0) {
        struct bytes element = cut_last(&list);
        struct address address;

        if (element.size == 0)
            continue;
        if (!network_read_address(element, &address))
            return false;
        *visitor = address;
        if (!site_trusts(site, visitor))
            return false;
    }
    return true;
}

const struct address *visitor_address(struct gate *gate, struct visitor visitor,
                                      const struct http_head *request)
{
    if (!visitor.is_trusted)
        return visitor.peer;
    gate->visitor = *visitor.peer;
    for (size_t i = request->field_count; i > 0; i--) {
        const struct http_field *field = &request->fields[i - 1];

        if (field->id == HTTP_X_FORWARDED_FOR && !follow(gate->site, field->value, &gate->visitor))
            break;
    }
    return &gate->visitor;
}

bool visitor_is_secure(struct visitor visitor, const struct http_head *request)
{
    const struct http_field *field = http_find(request, HTTP_X_FORWARDED_PROTO);

    if (!visitor.is_trusted || field == NULL ||
        http_find_next(request, HTTP_X_FORWARDED_PROTO, field) != NULL)
        return visitor.is_secure;
    if (bytes_equal_nocase(field->value, BYTES("https")))
        return true;
    return visitor.is_secure && !bytes_equal_nocase(field->value, BYTES("http"));
}
