/* explain.c: what would be done with a request, in words. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/number.h"
#include "server/http/decide.h"
#include "server/http/key.h"
#include "server/http/site.h"

enum { TOLD_MAX = 64 };

struct explaining {
    const struct site *site;
    const struct site_where *where;
    const struct http_head *head;
    struct target target;
    struct buf *out;
    size_t told_count; /* settings that a line was about */
    const void *told[TOLD_MAX];
};

/* "  (larder.yaml:12)", "  (default)" or, when nobody knows, the route's own line. */
static void add_place(struct explaining *explaining, const void *field)
{
    const struct route_settings *settings = explaining->target.route->settings;
    const char *file = settings->file;
    int line = settings->line;

    if (explaining->told_count < TOLD_MAX)
        explaining->told[explaining->told_count++] = field;
    if (explaining->where != NULL &&
        !explaining->where->find(explaining->where->context, field, &file, &line)) {
        buf_add_text(explaining->out, "  (default)\n");
        return;
    }
    if (file == NULL)
        buf_add_text(explaining->out, "\n");
    else
        buf_printf(explaining->out, "  (%s:%d)\n", file, line);
}

static void add_line(struct explaining *explaining, const char *name, const char *value,
                     const void *field)
{
    buf_printf(explaining->out, "%-14s %s", name, value);
    add_place(explaining, field);
}

static void add_duration(struct explaining *explaining, const char *name, const int64_t *ms)
{
    char text[NUMBER_TEXT_SIZE];

    number_duration_text(*ms, text);
    add_line(explaining, name, text, ms);
}

static void add_list(struct explaining *explaining, const char *name, const struct text_list *list)
{
    if (list->count == 0)
        return;
    buf_printf(explaining->out, "%-14s ", name);
    for (size_t i = 0; i < list->count; i++)
        buf_printf(explaining->out, "%s%s", i == 0 ? "" : ", ", list->items[i]);
    add_place(explaining, list);
}

/* Keys hold NULs and lengths between their parts; a person gets readable ones. */
static void add_key(struct explaining *explaining)
{
    struct bytes key = explaining->target.key;

    buf_printf(explaining->out, "%-14s ", "key");
    for (size_t i = 0; i < key.size; i++) {
        if (key.data[i] >= 0x20 && key.data[i] < 0x7f)
            buf_add_byte(explaining->out, key.data[i]);
        else if (key.data[i] == 0 && i > 0 && key.data[i - 1] >= 0x20)
            buf_add_text(explaining->out, " + ");
    }
    buf_add_text(explaining->out, "\n");
}

static void add_tags(struct explaining *explaining)
{
    size_t ends[ROUTE_TAGS_MAX];
    struct buf text;
    size_t from = 0;

    buf_init(&text, 1 << 20, NULL);
    size_t count = route_tags(explaining->target.route, &explaining->target.captures, &text, ends);

    if (count > 0)
        buf_printf(explaining->out, "%-14s ", "tags");
    for (size_t i = 0; i < count; i++) {
        struct bytes tag = bytes_slice(buf_bytes(&text), from, ends[i]);

        buf_printf(explaining->out, "%s%.*s", i == 0 ? "" : ", ", BYTES_ARG(tag));
        from = ends[i];
    }
    if (count > 0)
        add_place(explaining, &explaining->target.route->settings->tags);
    buf_fini(&text);
}

/* The setting behind a reason; NULL: it is HTTP's own. */
static const void *field_of(const struct route_settings *settings, enum gateway_reason reason)
{
    switch ((unsigned)reason) {
    case REASON_ROUTE_OFF:
        return &settings->cache;
    case REASON_UPGRADE:
        return &settings->upgrade;
    case REASON_AUTHORIZATION:
        return &settings->authorization;
    case REASON_REQUEST_NO_STORE:
        return &settings->client_control;
    default:
        return NULL;
    }
}

static void add_passed(struct explaining *explaining, enum gateway_reason reason)
{
    const void *field = field_of(explaining->target.route->settings, reason);

    buf_printf(explaining->out, "%-14s passed to the origin: %s", "decision",
               gateway_reason_text(reason));
    if (field == NULL)
        buf_add_text(explaining->out, "\n");
    else
        add_place(explaining, field);
}

static void add_lookup(struct explaining *explaining)
{
    const struct route_settings *settings = explaining->target.route->settings;
    struct cache_control control;

    if (!route_allows_method(explaining->target.route, explaining->head->method)) {
        add_line(explaining, "decision", "refused with 405: the method is not allowed here",
                 &settings->methods);
        return;
    }
    decide_control(explaining->target.route, explaining->head, &control);
    enum gateway_reason reason =
        decide_lookup(explaining->target.route, explaining->head, &control);

    if (reason != REASON_NONE) {
        add_passed(explaining, reason);
        return;
    }
    buf_printf(explaining->out, "%-14s looked up in the cache\n", "decision");
    if (decide_keys_body(explaining->target.route, explaining->head))
        add_line(explaining, "but", "under a key that its body is part of",
                 explaining->head->method_id == HTTP_METHOD_QUERY
                     ? (const void *)&settings->key_body_max
                     : (const void *)&settings->cache_post);
    if (control.no_cache || control.max_age_s == 0)
        add_line(explaining, "but", "the request wants it fetched anew", &settings->client_control);
    if (control.only_if_cached)
        add_line(explaining, "but", "504 if it is not stored (only-if-cached)",
                 &settings->client_control);
    if (http_has(explaining->head, HTTP_AUTHORIZATION))
        add_line(explaining, "authorization",
                 settings->authorization == ROUTE_AUTH_PER_USER
                     ? "kept for each credential apart"
                     : "stored only if the answer says public, s-maxage or must-revalidate",
                 &settings->authorization);
}

static void add_storing(struct explaining *explaining)
{
    static const char *const caches[] = {"off", "origin", "force"};
    static const char *const cookies[] = {"bypass", "strip", "store"};
    const struct route_settings *settings = explaining->target.route->settings;

    add_line(explaining, "cache", caches[settings->cache], &settings->cache);
    if (settings->cache == ROUTE_CACHE_OFF)
        return;
    if (settings->ttl_ms > 0)
        add_duration(explaining, settings->cache == ROUTE_CACHE_FORCE ? "ttl (forced)" : "ttl",
                     &settings->ttl_ms);
    else
        add_line(explaining, "ttl", "as the origin says; without a word from it nothing is stored",
                 &settings->ttl_ms);
    add_list(explaining, "status ttl", &settings->status_ttl);
    if (settings->negative_ms > 0)
        add_duration(explaining, "negative ttl", &settings->negative_ms);
    if (settings->swr_ms > 0)
        add_duration(explaining, "stale, refresh", &settings->swr_ms);
    if (settings->sie_ms > 0)
        add_duration(explaining, "stale, error", &settings->sie_ms);
    add_duration(explaining, "stale, grace", &settings->grace_ms);
    add_line(explaining, "set-cookie", cookies[settings->set_cookie], &settings->set_cookie);
    add_list(explaining, "headers set", &settings->headers_set);
    add_list(explaining, "headers less", &settings->headers_remove);
    add_list(explaining, "origin gets", &settings->request_set);
    add_list(explaining, "and not", &settings->request_remove);
    add_list(explaining, "cors", &settings->cors_origins);
    add_list(explaining, "compressed", &settings->compress_codings);
}

/* ---- all the rest -------------------------------------------------------------------------- */

enum show {
    SHOW_SWITCH,
    SHOW_COUNT,
    SHOW_SHARE,
    SHOW_SIZE,
    SHOW_DURATION,
    SHOW_TEXT,
    SHOW_ADDRESS,
    SHOW_URL,
    SHOW_LIST,
    SHOW_ONE_OF
};

static const struct row {
    const char *path;
    enum show kind;
    const char *words; /* of ONE_OF */
    size_t offset;
} rows[] = {
#define SETTING(field, path, kind, usual, lowest, ...)                                             \
    {path, SHOW_##kind, lowest, offsetof(struct route_settings, field)},
#include "server/http/route.def"
#undef SETTING
};

static struct bytes word_of(const char *words, unsigned number)
{
    struct bytes rest = bytes_of_text(words);
    struct bytes word = bytes_cut(&rest, '|');

    while (number-- > 0)
        word = bytes_cut(&rest, '|');
    return word;
}

static void add_value(const struct row *row, const void *field, struct buf *out)
{
    char text[NUMBER_TEXT_SIZE] = "";
    const char *const *string = field;

    switch (row->kind) {
    case SHOW_SWITCH:
        buf_add_text(out, *(const bool *)field ? "on" : "off");
        return;
    case SHOW_COUNT:
        buf_add_u64(out, *(const uint64_t *)field);
        return;
    case SHOW_SHARE:
        buf_printf(out, "%g%%", *(const double *)field * 100);
        return;
    case SHOW_SIZE:
        number_size_text(*(const uint64_t *)field, text);
        break;
    case SHOW_DURATION:
        number_duration_text(*(const int64_t *)field, text);
        break;
    case SHOW_TEXT:
    case SHOW_ADDRESS:
    case SHOW_URL:
        buf_add_text(out, *string == NULL ? "" : *string);
        return;
    case SHOW_LIST: {
        const struct text_list *list = field;

        for (size_t i = 0; i < list->count; i++)
            buf_printf(out, "%s%s", i == 0 ? "" : ", ", list->items[i]);
        return;
    }
    case SHOW_ONE_OF:
        buf_add(out, word_of(row->words, *(const unsigned *)field));
        return;
    }
    buf_add_text(out, text);
}

static bool is_told(const struct explaining *explaining, const void *field)
{
    for (size_t i = 0; i < explaining->told_count; i++) {
        if (explaining->told[i] == field)
            return true;
    }
    return false;
}

/* Whatever else the file says about the route, so that nothing that decides is left out. */
static void add_rest(struct explaining *explaining)
{
    const struct route_settings *settings = explaining->target.route->settings;
    const char *file = NULL;
    int line = 0;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const void *field = (const char *)settings + rows[i].offset;

        if (explaining->where == NULL || is_told(explaining, field) ||
            !explaining->where->find(explaining->where->context, field, &file, &line))
            continue;
        buf_printf(explaining->out, "%-14s ", rows[i].path);
        add_value(&rows[i], field, explaining->out);
        add_place(explaining, field);
    }
}

static void explain(struct explaining *explaining)
{
    const struct route_settings *settings = explaining->target.route->settings;

    buf_printf(explaining->out, "%-14s %s", "route", settings->name);
    if (settings->file != NULL)
        buf_printf(explaining->out, "  (%s:%d)", settings->file, settings->line);
    buf_add_text(explaining->out, "\n");
    add_line(explaining, "match", settings->match, &settings->match);
    add_key(explaining);
    buf_printf(explaining->out, "%-14s %s http://%.*s%.*s\n", "origin gets",
               settings->origin == NULL ? "" : settings->origin, BYTES_ARG(explaining->target.host),
               BYTES_ARG(explaining->target.whole));
    add_list(explaining, "query only", &settings->query_only);
    add_list(explaining, "query ignores", &settings->query_ignore);
    if (settings->query_sort)
        add_line(explaining, "query", "sorted", &settings->query_sort);
    add_list(explaining, "key headers", &settings->key_headers);
    add_list(explaining, "key cookies", &settings->key_cookies);
    add_tags(explaining);
    add_lookup(explaining);
    add_storing(explaining);
    add_rest(explaining);
    if (explaining->where != NULL && explaining->where->origin != NULL)
        explaining->where->origin(explaining->where->context, explaining->target.route->origin,
                                  explaining->out);
}

enum err site_explain(const struct site *site, struct bytes head, const struct site_where *where,
                      struct buf *out)
{
    const struct gateway_settings *settings = site_settings(site);
    const struct http_limits limits = {settings->head_max, settings->target_max,
                                       settings->fields_max};
    struct http_head *parsed = mem_new(1, sizeof *parsed);
    struct key_room *room = mem_new(1, sizeof *room);
    struct explaining explaining = {.site = site, .where = where, .head = parsed, .out = out};
    struct http_complaint complaint = {400, ""};
    size_t size = 0;
    enum err err = http_parse_request(head, &limits, parsed, &size, &complaint);

    if (err == ERR_OK)
        err = target_find(site, parsed, room, &explaining.target, &complaint);
    if (err == ERR_OK)
        explain(&explaining);
    else
        buf_printf(out, "refused        %u: %s\n", complaint.status, complaint.text);
    mem_free(&room);
    mem_free(&parsed);
    return err == ERR_AGAIN ? ERR_SYNTAX : err;
}
