/* reach.c: a few paths for each route. SPDX-License-Identifier: MIT */
#include "cli/reach.h"

#include "base/buf.h"

enum { PATH_SIZE_MAX = 65536 };

/* A segment that no pattern spells out. */
static void add_stranger(struct buf *path)
{
    buf_add_text(path, "/larder-check-");
    buf_add_u64(path, path->size);
}

static bool is_star(struct bytes segment)
{
    return bytes_equal(segment, BYTES("*")) || (segment.size > 0 && segment.data[0] == '{');
}

static bool is_optional(struct bytes segment)
{
    return segment.size > 2 && segment.data[0] == '{' && segment.data[segment.size - 2] == '?';
}

/* How many lengths of path the pattern has: an optional end has two. */
static size_t lengths(const char *match)
{
    size_t size = strlen(match);

    if (size >= 2 && strcmp(match + size - 2, "**") == 0)
        return ROUTE_SEGMENTS_MAX + 2;
    return size >= 2 && strcmp(match + size - 2, "?}") == 0 ? 2 : 1;
}

/* A path that fits the pattern, with `more` segments where it is open. */
static void write_path(const char *match, size_t more, struct buf *path)
{
    struct bytes rest = bytes_skip(bytes_of_text(match), 1);

    buf_clear(path);
    while (rest.size > 0) {
        struct bytes segment = bytes_cut(&rest, '/');
        bool is_open = bytes_equal(segment, BYTES("**")) || is_optional(segment);

        for (size_t i = 0; is_open && i < more; i++)
            add_stranger(path);
        if (is_open)
            continue;
        if (is_star(segment)) {
            add_stranger(path);
            continue;
        }
        buf_add_byte(path, '/');
        buf_add(path, segment);
    }
    if (path->size == 0 || match[strlen(match) - 1] == '/')
        buf_add_byte(path, '/');
}

/* Whether somebody comes to the route; if not, `*ret_other` is one who is in the way. */
static bool is_reached(const struct site *site, const struct route_settings *route,
                       struct buf *path, const struct route_settings **ret_other)
{
    for (size_t more = 0; more < lengths(route->match); more++) {
        struct captures captures;

        write_path(route->match, more, path);
        const struct route *taker = site_find_route(site, buf_bytes(path), &captures);

        if (taker == NULL || taker->settings == route)
            return true;
        *ret_other = taker->settings;
    }
    return false;
}

void reach_example(const char *match, struct buf *path)
{
    write_path(match, 1, path);
}

enum err reach_check(const struct site *site, const struct route_settings *routes, size_t count,
                     struct fault *fault)
{
    const struct route_settings *other = NULL;
    enum err err = ERR_OK;
    struct buf path;

    buf_init(&path, PATH_SIZE_MAX, NULL);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        if (is_reached(site, &routes[i], &path, &other))
            continue;
        if (routes[i].line > 0)
            fault_at(fault, routes[i].file, routes[i].line, 0);
        err = fault_say(fault, ERR_SYNTAX,
                        "routes.%s: no request ever comes to %s: more specific routes, such as %s "
                        "(%s), take all of them; take it out, or make it wider",
                        routes[i].name, routes[i].match, other->name, other->match);
    }
    buf_fini(&path);
    return err;
}
