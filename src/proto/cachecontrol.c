/* cachecontrol.c: the directives of Cache-Control and CDN-Cache-Control.
 * SPDX-License-Identifier: MIT
 *
 * One table says what each directive is. How the two fields differ is only where a directive's
 * argument comes from: free text there, a structured item here.
 */
#include "proto/cachecontrol.h"

#include "base/number.h"
#include "proto/chars.h"
#include "proto/sfield.h"

enum kind {
    RESTRICTION, /* bool: holds whatever else is wrong with the directive */
    PERMISSION,  /* bool: holds only when it is written as it should be */
    AT_LEAST,    /* seconds: of several values the largest */
    AT_MOST,     /* seconds: of several values the smallest, what makes no sense is 0 */
    PRIVATE,     /* a restriction, or with an argument a list of fields */
    NO_CACHE
};

struct row {
    struct bytes name;
    enum kind kind;
    size_t offset; /* of the member of struct cache_control */
};

#define ROW(name, kind, member)                                                                    \
    {                                                                                              \
        BYTES_INIT(name), kind, offsetof(struct cache_control, member)                             \
    }

static const struct row rows[] = {
    ROW("max-age", AT_MOST, max_age_s),
    ROW("s-maxage", AT_MOST, s_maxage_s),
    ROW("no-cache", NO_CACHE, no_cache),
    ROW("no-store", RESTRICTION, no_store),
    ROW("private", PRIVATE, is_private),
    ROW("public", PERMISSION, is_public),
    ROW("must-revalidate", RESTRICTION, must_revalidate),
    ROW("proxy-revalidate", RESTRICTION, proxy_revalidate),
    ROW("must-understand", PERMISSION, must_understand),
    ROW("no-transform", RESTRICTION, no_transform),
    ROW("immutable", RESTRICTION, immutable), /* RFC 8246 §2: an argument means nothing */
    ROW("only-if-cached", RESTRICTION, only_if_cached),
    ROW("stale-while-revalidate", AT_MOST, stale_while_revalidate_s),
    ROW("stale-if-error", AT_MOST, stale_if_error_s),
    ROW("max-stale", AT_MOST, max_stale_s),
    ROW("min-fresh", AT_LEAST, min_fresh_s),
};

#undef ROW

static const struct row *find_row(struct bytes name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (bytes_equal_nocase(rows[i].name, name))
            return &rows[i];
    }
    return NULL;
}

static bool *flag_of(struct cache_control *control, const struct row *row)
{
    return (bool *)((char *)control + row->offset);
}

static int64_t *seconds_of(struct cache_control *control, const struct row *row)
{
    return (int64_t *)(void *)((char *)control + row->offset);
}

static struct cache_lists *lists_of(struct cache_control *control, const struct row *row)
{
    return row->kind == PRIVATE ? &control->private_lists : &control->no_cache_lists;
}

void cache_control_init(struct cache_control *control)
{
    *control = (struct cache_control){
        .max_age_s = CACHE_UNSET,
        .s_maxage_s = CACHE_UNSET,
        .stale_while_revalidate_s = CACHE_UNSET,
        .stale_if_error_s = CACHE_UNSET,
        .max_stale_s = CACHE_UNSET,
        .min_fresh_s = CACHE_UNSET,
    };
}

/* Whether `text` is a list of field names and nothing else. */
static bool is_list_of_names(struct bytes text)
{
    struct bytes name;
    size_t count = 0;

    for (; http_list_next(&text, &name); count++) {
        if (!http_is_token(name))
            return false;
    }
    return count > 0;
}

/* Adds a list of names; false: it makes no sense, or there are too many lists. */
static bool add_list(struct cache_lists *lists, struct bytes text)
{
    if (!is_list_of_names(text) || lists->count == CACHE_LISTS_MAX)
        return false;
    lists->items[lists->count++] = text;
    return true;
}

/* ---- Cache-Control ----------------------------------------------------------------------- */

struct directive {
    struct bytes name;
    bool has_argument;
    bool broken;           /* it is not written as a directive should be */
    struct bytes argument; /* without quotes */
};

/* `text` is one element of the list. */
static struct directive directive_of(struct bytes text)
{
    struct directive directive = {.name = text};
    size_t end = 0;

    while (end < text.size && char_is(text.data[end], CHAR_TOKEN))
        end++;
    directive.name = bytes_slice(text, 0, end);
    text = bytes_skip(text, end);
    if (text.size == 0)
        return directive;
    if (text.data[0] != '=') {
        directive.broken = true;
        return directive;
    }
    text = bytes_skip(text, 1);
    directive.has_argument = true;
    directive.argument = text;
    if (bytes_begin_with(text, BYTES("\""))) {
        bool closed = text.size > 1 && bytes_find(bytes_skip(text, 1), '"') == text.size - 2;

        directive.argument = bytes_slice(text, 1, text.size - 1);
        directive.broken = !closed;
    } else {
        directive.broken = !http_is_token(text);
    }
    return directive;
}

/* RFC 9111 §1.2.2; -1: it is none. */
static int64_t delta_seconds(struct bytes text)
{
    uint64_t seconds = 0;
    enum err err = number_u64(text, &seconds);

    if (err == ERR_RANGE || (err == ERR_OK && seconds > CACHE_SECONDS_MAX))
        return CACHE_SECONDS_MAX;
    return err == ERR_OK ? (int64_t)seconds : -1;
}

static void add_seconds(struct cache_control *control, const struct row *row,
                        const struct directive *directive)
{
    int64_t *known = seconds_of(control, row);
    int64_t seconds = directive->broken ? -1 : delta_seconds(directive->argument);

    if (seconds < 0) {
        bool any = row->kind == AT_LEAST || (known == &control->max_stale_s &&
                                             !directive->has_argument && !directive->broken);

        seconds = any ? CACHE_SECONDS_MAX : 0;
    }
    if (*known == CACHE_UNSET || (row->kind == AT_LEAST) == (seconds > *known))
        *known = seconds;
}

static void add_directive(struct cache_control *control, const struct directive *directive)
{
    const struct row *row = find_row(directive->name);

    if (row == NULL)
        return;
    switch (row->kind) {
    case RESTRICTION:
        *flag_of(control, row) = true;
        break;
    case PERMISSION:
        *flag_of(control, row) |= !directive->has_argument && !directive->broken;
        break;
    case AT_LEAST:
    case AT_MOST:
        add_seconds(control, row, directive);
        break;
    case PRIVATE:
    case NO_CACHE:
        if (!directive->has_argument || directive->broken ||
            !add_list(lists_of(control, row), directive->argument))
            *flag_of(control, row) = true;
        break;
    }
}

void cache_control_add(struct cache_control *control, struct bytes value)
{
    struct bytes rest = value, element;

    while (http_list_next(&rest, &element)) {
        struct directive directive = directive_of(element);
        size_t comma = bytes_find(element, ',');

        /* A quote at the wrong place, or one that nobody closes, would hide all directives behind
         * it: then the comma within it separates all the same. */
        if (directive.broken && comma < element.size) {
            directive = directive_of(bytes_trim(bytes_slice(element, 0, comma)));
            rest = bytes_skip(value, (size_t)(element.data - value.data) + comma + 1);
        }
        add_directive(control, &directive);
    }
}

void cache_control_of_request(const struct http_head *request, struct cache_control *ret_control)
{
    cache_control_init(ret_control);
    if (http_has(request, HTTP_CACHE_CONTROL)) {
        for (const struct http_field *field = http_find(request, HTTP_CACHE_CONTROL); field != NULL;
             field = http_find_next(request, HTTP_CACHE_CONTROL, field))
            cache_control_add(ret_control, field->value);
        return;
    }
    for (const struct http_field *field = http_find(request, HTTP_PRAGMA); field != NULL;
         field = http_find_next(request, HTTP_PRAGMA, field)) {
        struct bytes rest = field->value, element;

        while (http_list_next(&rest, &element))
            ret_control->no_cache |= bytes_equal_nocase(element, BYTES("no-cache"));
    }
}

/* ---- CDN-Cache-Control (RFC 9213) -------------------------------------------------------- */

/* A lifetime that is no integer is none at all (0): the origin meant to say something about it. */
static int64_t seconds_of_item(const struct row *row, const struct sf_item *item)
{
    if (item->kind != SF_INTEGER || item->number < 0)
        return row->kind == AT_LEAST ? CACHE_SECONDS_MAX : 0;
    return item->number < CACHE_SECONDS_MAX ? item->number : CACHE_SECONDS_MAX;
}

static void set_flag(struct cache_control *control, const struct row *row,
                     const struct sf_item *item)
{
    bool yes = item->kind == SF_BOOLEAN && item->number == 1;
    bool no = item->kind == SF_BOOLEAN && item->number == 0;

    if (row->kind == PRIVATE || row->kind == NO_CACHE) {
        struct cache_lists *lists = lists_of(control, row);

        *lists = (struct cache_lists){0};
        *flag_of(control, row) =
            !no && (item->kind != SF_STRING || item->escaped || !add_list(lists, item->text));
        return;
    }
    *flag_of(control, row) = row->kind == PERMISSION ? yes : !no;
}

enum err cache_control_add_targeted(struct cache_control *control, struct bytes value)
{
    struct bytes key;
    struct sf_item item;
    enum err err = ERR_OK;

    while ((err = sf_dictionary_next(&value, &key, &item)) == ERR_OK) {
        const struct row *row = find_row(key);

        if (row == NULL)
            continue;
        if (row->kind == AT_LEAST || row->kind == AT_MOST)
            *seconds_of(control, row) = seconds_of_item(row, &item);
        else
            set_flag(control, row, &item);
    }
    return err == ERR_MISS ? ERR_OK : err;
}

bool cache_lists_have(const struct cache_lists *lists, struct bytes name)
{
    for (size_t i = 0; i < lists->count; i++) {
        struct bytes rest = lists->items[i], one;

        while (http_list_next(&rest, &one)) {
            if (bytes_equal_nocase(one, name))
                return true;
        }
    }
    return false;
}
