/* cors.c: who may read, and how that is said. SPDX-License-Identifier: MIT */
#include "server/http/cors.h"

#include "base/glob.h"

/* The page's origin if it may read; empty: not. */
static struct bytes allowed_origin(const struct route *route, const struct http_head *request)
{
    const struct text_list *origins = &route->settings->cors_origins;
    const struct http_field *field = http_find(request, HTTP_ORIGIN);

    for (size_t i = 0; field != NULL && i < origins->count; i++) {
        if (glob_fits(bytes_of_text(origins->items[i]), field->value))
            return field->value;
    }
    return BYTES("");
}

static void add(struct buf *out, struct bytes name, struct bytes value)
{
    buf_add(out, name);
    buf_add(out, BYTES(": "));
    buf_add(out, value);
    buf_add(out, BYTES("\r\n"));
}

static void add_list(struct buf *out, struct bytes name, const struct text_list *list)
{
    if (list->count == 0)
        return;
    buf_add(out, name);
    for (size_t i = 0; i < list->count; i++) {
        buf_add_text(out, i == 0 ? ": " : ", ");
        buf_add_text(out, list->items[i]);
    }
    buf_add(out, BYTES("\r\n"));
}

bool cors_is_preflight(const struct route *route, const struct http_head *request)
{
    return route->cors != ROUTE_CORS_NONE && request->method_id == HTTP_METHOD_OPTIONS &&
           http_has(request, HTTP_ORIGIN) &&
           http_find_text(request, BYTES("Access-Control-Request-Method"), NULL) != NULL;
}

static void add_origin(const struct route *route, struct bytes origin, struct buf *out)
{
    add(out, BYTES("Access-Control-Allow-Origin"),
        route->cors == ROUTE_CORS_ALL ? BYTES("*") : origin);
    if (route->settings->cors_credentials)
        add(out, BYTES("Access-Control-Allow-Credentials"), BYTES("true"));
}

void cors_write_preflight(const struct route *route, const struct http_head *request,
                          struct buf *out)
{
    const struct route_settings *settings = route->settings;
    struct bytes origin = allowed_origin(route, request);

    add(out, BYTES("Vary"),
        BYTES("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"));
    if (origin.size == 0)
        return;
    add_origin(route, origin, out);
    if (settings->cors_methods.count > 0)
        add_list(out, BYTES("Access-Control-Allow-Methods"), &settings->cors_methods);
    else
        add(out, BYTES("Access-Control-Allow-Methods"), BYTES("GET, HEAD, POST"));
    add_list(out, BYTES("Access-Control-Allow-Headers"), &settings->cors_headers);
    buf_printf(out, "Access-Control-Max-Age: %lld\r\n",
               (long long)(settings->cors_max_age_ms / 1000));
}

bool cors_takes(const struct route *route, struct bytes name)
{
    struct bytes front = BYTES("Access-Control-");

    return route->cors != ROUTE_CORS_NONE && name.size > front.size &&
           bytes_equal_nocase(bytes_slice(name, 0, front.size), front);
}

void cors_write_common(const struct route *route, struct buf *out)
{
    if (route->cors == ROUTE_CORS_EACH)
        add(out, BYTES("Vary"), BYTES("Origin"));
    if (route->cors != ROUTE_CORS_ALL)
        return;
    add(out, BYTES("Access-Control-Allow-Origin"), BYTES("*"));
    add_list(out, BYTES("Access-Control-Expose-Headers"), &route->settings->cors_expose);
}

void cors_write_own(const struct route *route, const struct http_head *request, struct buf *out)
{
    struct bytes origin = allowed_origin(route, request);

    if (route->cors != ROUTE_CORS_EACH || origin.size == 0)
        return;
    add_origin(route, origin, out);
    add_list(out, BYTES("Access-Control-Expose-Headers"), &route->settings->cors_expose);
}
