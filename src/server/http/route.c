/* route.c: patterns of paths. SPDX-License-Identifier: MIT */
#include "server/http/route.h"

#include "base/must.h"
#include "base/number.h"
#include "proto/cachecontrol.h"

static enum err say(const struct route_settings *settings, struct fault *fault, const char *text)
{
    if (settings->file != NULL)
        fault_at(fault, settings->file, settings->line, 0);
    return fault_say(fault, ERR_SYNTAX, "route %s: match: \"%s\": %s", settings->name,
                     settings->match, text);
}

static bool is_name(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = byte_lower(text.data[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return text.size > 0;
}

/* What is wrong with the segment, or NULL. */
static const char *read_segment(struct bytes text, bool is_last, struct segment *ret_segment)
{
    if (bytes_equal(text, BYTES("**"))) {
        *ret_segment = (struct segment){SEGMENT_REST, BYTES("")};
        return is_last ? NULL : "** can only be the last segment";
    }
    if (bytes_equal(text, BYTES("*"))) {
        *ret_segment = (struct segment){SEGMENT_ONE, BYTES("")};
        return NULL;
    }
    if (text.size >= 2 && text.data[0] == '{' && text.data[text.size - 1] == '}') {
        struct bytes name = bytes_slice(text, 1, text.size - 1);
        bool optional = name.size > 0 && name.data[name.size - 1] == '?';

        if (optional)
            name.size--;
        *ret_segment = (struct segment){optional ? SEGMENT_OPTIONAL : SEGMENT_ONE, name};
        if (!is_name(name))
            return "a capture is {name} or {name?}, of letters, digits, - and _";
        return optional && !is_last ? "{name?} can only be the last segment" : NULL;
    }
    if (bytes_find(text, '*') < text.size || bytes_find(text, '{') < text.size ||
        bytes_find(text, '}') < text.size)
        return "*, ** and {name} stand for whole segments between slashes";
    *ret_segment = (struct segment){SEGMENT_LITERAL, text};
    return NULL;
}

static const char *check_captures(const struct route *route)
{
    size_t captures = 0;

    for (size_t i = 0; i < route->segment_count; i++) {
        const struct segment *one = &route->segments[i];

        if ((one->kind != SEGMENT_ONE && one->kind != SEGMENT_OPTIONAL) || one->text.size == 0)
            continue;
        captures++;
        for (size_t j = 0; j < i; j++) {
            if (route->segments[j].kind != SEGMENT_LITERAL &&
                bytes_equal(route->segments[j].text, one->text))
                return "the same capture is named twice";
        }
    }
    return captures > ROUTE_CAPTURES_MAX ? "more than 8 captures" : NULL;
}

static const char *read_pattern(struct bytes match, struct route *route)
{
    struct bytes rest = bytes_skip(match, 1);
    bool more = rest.size > 0;

    if (match.size == 0 || match.data[0] != '/')
        return "a pattern begins with /";
    while (more) {
        more = bytes_find(rest, '/') < rest.size;
        struct bytes text = bytes_cut(&rest, '/');
        if (route->segment_count == ROUTE_SEGMENTS_MAX)
            return "more than 32 segments";
        const char *wrong = read_segment(text, !more, &route->segments[route->segment_count]);

        if (wrong != NULL)
            return wrong;
        route->segment_count++;
    }
    if (match.size == 1)
        route->segments[route->segment_count++] = (struct segment){SEGMENT_LITERAL, BYTES("")};
    if (route->segments[route->segment_count - 1].kind != SEGMENT_REST)
        route->segments[route->segment_count++] = (struct segment){SEGMENT_END, BYTES("")};
    route->is_catch_all = route->segments[0].kind == SEGMENT_REST;
    return check_captures(route);
}

/* Every {name} in the tags has to be captured by the pattern. */
static bool tags_are_known(const struct route *route, struct bytes tag)
{
    while (tag.size > 0) {
        bytes_cut(&tag, '{');
        if (tag.size == 0)
            return true;
        struct bytes name = bytes_cut(&tag, '}');
        bool known = false;

        for (size_t i = 0; i < route->segment_count && !known; i++)
            known = route->segments[i].kind != SEGMENT_LITERAL && name.size > 0 &&
                    bytes_equal(route->segments[i].text, name);
        if (!known)
            return false;
    }
    return true;
}

static enum err check_lists(const struct route *route, struct fault *fault)
{
    const struct route_settings *settings = route->settings;

    if (settings->file != NULL)
        fault_at(fault, settings->file, settings->line, 0);
    if (settings->key_headers.count > ROUTE_KEYS_MAX ||
        settings->key_cookies.count > ROUTE_KEYS_MAX)
        return fault_say(fault, ERR_SYNTAX, "route %s: key: at most %d header fields and cookies",
                         settings->name, ROUTE_KEYS_MAX);
    if (settings->tags.count > ROUTE_TAGS_MAX)
        return fault_say(fault, ERR_SYNTAX, "route %s: tags: at most %d", settings->name,
                         ROUTE_TAGS_MAX);
    for (size_t i = 0; i < settings->tags.count; i++) {
        if (!tags_are_known(route, bytes_of_text(settings->tags.items[i])))
            return fault_say(fault, ERR_SYNTAX,
                             "route %s: tags: \"%s\" names a capture that match: \"%s\" does not "
                             "have; write {name} there",
                             settings->name, settings->tags.items[i], settings->match);
    }
    if (settings->cache == ROUTE_CACHE_FORCE && settings->ttl_ms == 0)
        return fault_say(fault, ERR_SYNTAX,
                         "route %s: cache: force needs a ttl, for instance ttl: 60s",
                         settings->name);
    return ERR_OK;
}

/* "404=10s" or "5xx=1s" */
static bool read_ttl(struct bytes text, struct route_ttl *ret_ttl)
{
    struct bytes name = bytes_cut(&text, '=');
    bool is_class = name.size == 3 && bytes_equal(bytes_skip(name, 1), BYTES("xx"));
    uint64_t status = 0;

    if (number_u64(bytes_slice(name, 0, is_class ? 1 : name.size), &status) != ERR_OK ||
        number_duration(text, &ret_ttl->ms) != ERR_OK)
        return false;
    if (is_class)
        status *= 100;
    if (status < 200 || status > 599 || ret_ttl->ms < 0)
        return false;
    ret_ttl->first = (unsigned)status;
    ret_ttl->last = (unsigned)status + (is_class ? 99 : 0);
    return true;
}

static enum err find_ttls(struct route *route, struct fault *fault)
{
    const struct route_settings *settings = route->settings;
    const struct text_list *list = &settings->status_ttl;

    if (list->count > ROUTE_TTLS_MAX)
        return fault_say(fault, ERR_SYNTAX, "route %s: status_ttl: at most %d", settings->name,
                         ROUTE_TTLS_MAX);
    for (size_t i = 0; i < list->count; i++) {
        struct route_ttl ttl;
        size_t at = route->ttl_count++;

        if (!read_ttl(bytes_of_text(list->items[i]), &ttl))
            return fault_say(
                fault, ERR_SYNTAX,
                "route %s: status_ttl: \"%s\" is no status from 200 to 599 and a time; "
                "write 404=10s or 5xx=1s",
                settings->name, list->items[i]);
        /* Single ones in front of classes. */
        for (; ttl.first == ttl.last && at > 0 &&
               route->ttls[at - 1].first < route->ttls[at - 1].last;
             at--)
            route->ttls[at] = route->ttls[at - 1];
        route->ttls[at] = ttl;
    }
    return ERR_OK;
}

static enum err find_codings(struct route *route, struct fault *fault)
{
    const struct route_settings *settings = route->settings;

    for (size_t i = 0; i < settings->compress_codings.count; i++) {
        enum coding coding = coding_of(bytes_of_text(settings->compress_codings.items[i]));

        if (coding == CODINGS || route->coding_count == CODINGS)
            return fault_say(fault, ERR_SYNTAX,
                             "route %s: compress: codings: \"%s\" is none of br, zstd and gzip, or "
                             "one too many",
                             settings->name, settings->compress_codings.items[i]);
        route->codings[route->coding_count++] = coding;
    }
    return ERR_OK;
}

/* "address", "header NAME" or "cookie NAME". */
static bool read_rate_key(struct bytes text, struct route *route)
{
    struct bytes name = text;
    struct bytes kind = bytes_cut(&name, ' ');

    if (bytes_equal(text, BYTES("address"))) {
        route->rate_by = ROUTE_RATE_BY_ADDRESS;
        return true;
    }
    route->rate_name = bytes_trim(name);
    route->rate_by =
        bytes_equal(kind, BYTES("cookie")) ? ROUTE_RATE_BY_COOKIE : ROUTE_RATE_BY_HEADER;
    return http_is_token(route->rate_name) &&
           (bytes_equal(kind, BYTES("header")) || bytes_equal(kind, BYTES("cookie")));
}

static enum err read_rate(struct route *route, struct fault *fault)
{
    const struct route_settings *settings = route->settings;

    if (settings->rate == NULL || settings->rate[0] == 0)
        return ERR_OK;
    if (settings->file != NULL)
        fault_at(fault, settings->file, settings->line, 0);
    if (limiter_rate_parse(bytes_of_text(settings->rate), &route->rate) != ERR_OK)
        return fault_say(fault, ERR_SYNTAX,
                         "route %s: rate_limit.rate: \"%s\" is no rate; write a number up to a "
                         "million a second and a unit, such as 100/s, 10/m, 5000/h or 1/d",
                         settings->name, settings->rate);
    if (!read_rate_key(bytes_of_text(settings->rate_key), route))
        return fault_say(fault, ERR_SYNTAX,
                         "route %s: rate_limit.key: \"%s\" tells nobody apart; write address, "
                         "header NAME or cookie NAME",
                         settings->name, settings->rate_key);
    route->rate.burst = settings->rate_burst;
    if (route->rate.burst == 0)
        route->rate.burst = (uint64_t)(1000000000 / route->rate.interval_ns);
    if (route->rate.burst == 0)
        route->rate.burst = 1;
    return ERR_OK;
}

/* Who may read from other sites' pages (cors.h). */
static enum err find_cors(const struct route_settings *settings, enum route_cors *ret_cors,
                          struct fault *fault)
{
    enum route_cors cors = settings->cors_origins.count == 0 ? ROUTE_CORS_NONE : ROUTE_CORS_EACH;

    for (size_t i = 0; i < settings->cors_origins.count; i++) {
        if (strcmp(settings->cors_origins.items[i], "*") != 0)
            continue;
        if (settings->cors_credentials)
            return fault_say(fault, ERR_SYNTAX,
                             "route %s: cors: every origin (\"*\") with credentials would let any "
                             "page read what belongs to a user; name the origins",
                             settings->name);
        cors = ROUTE_CORS_ALL;
    }
    *ret_cors = cors;
    return ERR_OK;
}

static enum err find_edits(struct route *route, struct fault *fault)
{
    const struct route_settings *settings = route->settings;

    if (settings->file != NULL)
        fault_at(fault, settings->file, settings->line, 0);
    TRY(edits_compile(&settings->headers_set, &settings->headers_remove, settings->name, "headers",
                      &route->answer_edits, fault));
    TRY(edits_compile(&settings->request_set, &settings->request_remove, settings->name,
                      "request_headers", &route->request_edits, fault));
    return find_cors(settings, &route->cors, fault);
}

enum err route_compile(const struct route_settings *settings, struct route *ret_route,
                       struct fault *fault)
{
    struct route route = {.settings = settings};
    const char *wrong = read_pattern(bytes_of_text(settings->match), &route);

    if (wrong != NULL)
        return say(settings, fault, wrong);
    TRY(check_lists(&route, fault));
    TRY(read_rate(&route, fault));
    TRY(find_codings(&route, fault));
    TRY(find_edits(&route, fault));
    TRY(find_ttls(&route, fault));
    route.is_dressed =
        settings->server_timing || settings->status_key || route.cors == ROUTE_CORS_EACH;
    route.rules.sort = settings->query_sort;
    route.rules.ignore = settings->query_ignore;
    route.rules.only = settings->query_only;
    route.has_rules =
        settings->query_sort || settings->query_ignore.count > 0 || settings->query_only.count > 0;
    route.has_keys = settings->key_headers.count > 0 || settings->key_cookies.count > 0;
    route.key_header_count = settings->key_headers.count;
    for (size_t i = 0; i < route.key_header_count; i++)
        route.key_headers[i] = http_name_of(bytes_of_text(settings->key_headers.items[i]));
    *ret_route = route;
    return ERR_OK;
}

static void capture(struct captures *captures, struct bytes name, struct bytes value)
{
    if (name.size == 0)
        return;
    must(captures->count < ROUTE_CAPTURES_MAX);
    captures->names[captures->count] = name;
    captures->values[captures->count++] = value;
}

bool route_fits(const struct route *route, struct bytes path, struct captures *ret_captures)
{
    struct bytes rest = bytes_skip(path, 1);
    bool more = path.size > 0; /* a segment, perhaps an empty one, is left */

    ret_captures->count = 0;
    if (route->is_catch_all)
        return true;
    for (const struct segment *one = route->segments;; one++) {
        if (one->kind == SEGMENT_REST)
            return true;
        if (one->kind == SEGMENT_END)
            return !more;
        if (!more) {
            capture(ret_captures, one->text, BYTES(""));
            return one->kind == SEGMENT_OPTIONAL;
        }
        more = bytes_find(rest, '/') < rest.size;
        struct bytes text = bytes_cut(&rest, '/');

        if (one->kind == SEGMENT_LITERAL) {
            if (!bytes_equal(one->text, text))
                return false;
            continue;
        }
        if (one->kind == SEGMENT_ONE && text.size == 0)
            return false;
        capture(ret_captures, one->text, text);
    }
}

int route_compare(const struct route *a, const struct route *b)
{
    for (size_t i = 0; i < a->segment_count && i < b->segment_count; i++) {
        const struct segment *one = &a->segments[i];
        const struct segment *other = &b->segments[i];

        if (one->kind != other->kind)
            return one->kind > other->kind ? 1 : -1;
        if (one->kind == SEGMENT_LITERAL && !bytes_equal(one->text, other->text))
            return bytes_compare(one->text, other->text);
    }
    return 0;
}

/* False: a capture that the tag names was not there. */
static bool write_tag(struct bytes tag, const struct captures *captures, struct buf *out)
{
    while (tag.size > 0) {
        buf_add(out, bytes_cut(&tag, '{'));
        if (tag.size == 0)
            return true;
        struct bytes name = bytes_cut(&tag, '}');
        struct bytes value = BYTES("");

        for (size_t i = 0; i < captures->count; i++) {
            if (bytes_equal(captures->names[i], name))
                value = captures->values[i];
        }
        if (value.size == 0)
            return false;
        buf_add(out, value);
    }
    return true;
}

size_t route_tags(const struct route *route, const struct captures *captures, struct buf *out,
                  size_t ends[ROUTE_TAGS_MAX])
{
    const struct text_list *tags = &route->settings->tags;
    size_t count = 0;

    for (size_t i = 0; i < tags->count; i++) {
        size_t before = out->size;

        if (write_tag(bytes_of_text(tags->items[i]), captures, out))
            ends[count++] = out->size;
        else
            out->size = before;
    }
    return count;
}

bool route_allows_method(const struct route *route, struct bytes method)
{
    const struct text_list *methods = &route->settings->methods;

    for (size_t i = 0; i < methods->count; i++) {
        if (bytes_equal(bytes_of_text(methods->items[i]), method))
            return true;
    }
    return methods->count == 0;
}

int64_t route_ttl_ms(const struct route *route, unsigned status)
{
    for (size_t i = 0; i < route->ttl_count; i++) {
        if (status >= route->ttls[i].first && status <= route->ttls[i].last)
            return route->ttls[i].ms;
    }
    if (status == 404 || status == 410)
        return route->settings->negative_ms;
    return status >= 200 && status < 400 && cache_status_is_heuristic(status)
               ? route->settings->ttl_ms
               : 0;
}

/* Another HTTP on the same connection would carry requests past every rule. */
static bool is_other_http(struct bytes protocol)
{
    static const struct bytes names[] = {BYTES_INIT("h2c"), BYTES_INIT("h2"), BYTES_INIT("http"),
                                         BYTES_INIT("tls")};
    struct bytes name = bytes_slice(protocol, 0, bytes_find(protocol, '/'));

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_equal_nocase(name, names[i]))
            return true;
    }
    return false;
}

/* RFC 9110 §7.8: token ["/" token]. */
static bool is_protocol(struct bytes text)
{
    size_t slash = bytes_find(text, '/');

    return http_is_token(bytes_slice(text, 0, slash)) &&
           (slash == text.size || http_is_token(bytes_skip(text, slash + 1)));
}

struct bytes route_upgrade(const struct route *route, const struct http_head *request)
{
    unsigned allowed = route->settings->upgrade;
    const struct http_field *field = NULL;
    struct bytes protocol;

    if (!request->upgrade || allowed == ROUTE_UPGRADE_OFF ||
        request->method_id != HTTP_METHOD_GET || request->framing != HTTP_NO_BODY)
        return BYTES("");
    for (field = http_find(request, HTTP_UPGRADE); field != NULL;
         field = http_find_next(request, HTTP_UPGRADE, field)) {
        struct bytes list = field->value;

        while (http_list_next(&list, &protocol)) {
            bool is_allowed = allowed == ROUTE_UPGRADE_ANY
                                  ? is_protocol(protocol) && !is_other_http(protocol)
                                  : bytes_equal_nocase(protocol, BYTES("websocket"));

            if (is_allowed)
                return protocol;
        }
    }
    return BYTES("");
}
