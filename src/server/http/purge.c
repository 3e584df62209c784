/* purge.c: purges by URL, prefix, tag. SPDX-License-Identifier: MIT */
#include "server/http/purge.h"

#include "base/mem.h"
#include "base/must.h"
#include "base/regex.h"
#include "server/http/no_vary_search.h"
#include "server/http/stored.h"

static const struct bytes schemes[2] = {BYTES_INIT("http://"), BYTES_INIT("https://")};

static bool is_marker(const struct purge_place *place, struct cache_key key)
{
    struct cache_view view;

    return cache_peek(place->thread, key, place->now_ms, &view) != CACHE_MISS &&
           view.kind == STORED_MARKER;
}

/* The same URL as clients with TLS, or without it, ask for it. In the room's second half. */
static struct bytes other_spelling(const struct purge_place *place, struct bytes url)
{
    bool is_secure = bytes_begin_with(url, schemes[1]);
    struct bytes front = schemes[!is_secure];
    struct bytes rest = bytes_skip(url, schemes[is_secure].size);
    uint8_t *out = place->room->second;

    must(url.size < sizeof place->room->second);
    memcpy(out, front.data, front.size);
    if (rest.size > 0)
        memcpy(out + front.size, rest.data, rest.size);
    return bytes_of(out, front.size + rest.size);
}

static void purge_exactly(const struct purge_place *place, struct bytes url, bool soft)
{
    uint8_t tag[KEY_URL_TAG_SIZE];
    struct cache_purge by_key = {
        .by = CACHE_BY_KEY,
        .key = cache_key(place->cache, CACHE_SPACE_HTTP, url),
        .space = CACHE_SPACE_HTTP,
        .soft = soft,
    };
    struct cache_purge by_tag = {
        .by = CACHE_BY_TAG,
        .name = key_url_tag(place->cache, url, tag),
        .space = CACHE_SPACE_HTTP,
        .soft = soft,
    };

    /* A marker stays when what it names goes stale only. Neither kind can be refused. */
    if (!soft || !is_marker(place, by_key.key))
        (void)cache_purge(place->thread, &by_key, place->now_ms, NULL);
    (void)cache_purge(place->thread, &by_tag, place->now_ms, NULL);
}

/* And what would be found for it because the origin says that both are alike. */
static void purge_spelling(const struct purge_place *place, struct bytes url, bool soft)
{
    struct buf alike;

    purge_exactly(place, url, soft);
    buf_init(&alike, CACHE_KEY_MAX, NULL);
    if (no_vary_search_url(place->thread, place->cache, url, place->now_ms, &alike))
        purge_exactly(place, buf_bytes(&alike), soft);
    buf_fini(&alike);
}

/* How clients come is the listener's affair: what is gone is gone for all. */
void purge_url(const struct purge_place *place, struct bytes url, bool soft)
{
    purge_spelling(place, url, soft);
    purge_spelling(place, other_spelling(place, url), soft);
}

void purge_beside(const struct purge_place *place, struct bytes url)
{
    uint8_t tag[KEY_URL_TAG_SIZE];
    const struct cache_purge by_tag = {
        .by = CACHE_BY_TAG,
        .name = key_url_tag(place->cache, url, tag),
        .space = CACHE_SPACE_HTTP,
    };

    (void)cache_purge(place->thread, &by_tag, place->now_ms, NULL);
    purge_spelling(place, other_spelling(place, url), false);
}

/* The head that a request for this URL would have. */
static struct http_head head_of(const struct url_parts *parts)
{
    struct http_head head = {.method_id = HTTP_METHOD_GET, .minor = 1};

    head.host = parts->host;
    head.path = parts->target;
    head.is_secure = parts->tls;
    return head;
}

void purge_reference(const struct purge_place *place, struct bytes base, struct bytes reference)
{
    struct url_parts here;
    struct url_parts there;
    struct target target;
    struct http_complaint complaint;
    uint8_t *room = place->room->second;

    if (url_split(base, &here) != ERR_OK ||
        url_resolve(&here, reference, room, sizeof place->room->second, &there) != ERR_OK)
        return;
    struct http_head head = head_of(&there);

    if (here.tls == there.tls &&
        target_find(place->site, &head, place->room, &target, &complaint) == ERR_OK &&
        bytes_equal(target.host, here.host))
        purge_url(place, target.url, false);
}

/* ---- for operators ----------------------------------------------------------------------- */

static enum err no_url(struct fault *fault, struct bytes text)
{
    return fault_say(fault, ERR_SYNTAX, "\"%.*s\" is no URL; write http://host/path?query",
                     BYTES_ARG(text));
}

/* The normalised form of a URL that a person wrote. */
static enum err read_url(const struct purge_place *place, struct bytes text,
                         struct target *ret_target, struct fault *fault)
{
    struct url_parts parts;
    struct http_complaint complaint = {400, ""};

    if (url_split(text, &parts) != ERR_OK)
        return no_url(fault, text);
    struct http_head head = head_of(&parts);
    enum err err = target_find(place->site, &head, place->room, ret_target, &complaint);

    if (err != ERR_OK)
        return fault_say(fault, ERR_SYNTAX, "\"%.*s\": %s", BYTES_ARG(text), complaint.text);
    return ERR_OK;
}

/* The front of the keys that begin so. What is written may end within a segment, so it is not read
 * as a URL; only its host is brought into the form that keys have. */
static enum err read_prefix(const struct purge_place *place, struct bytes text,
                            struct bytes *ret_prefix, struct fault *fault)
{
    bool is_secure = bytes_begin_with(text, schemes[1]);
    const struct bytes scheme = schemes[is_secure];
    uint8_t *out = place->room->key;
    struct url_host host;

    if (!bytes_begin_with(text, scheme))
        return no_url(fault, text);
    struct bytes rest = bytes_skip(text, scheme.size);
    struct bytes name = bytes_slice(rest, 0, bytes_find(rest, '/'));
    struct bytes path = bytes_skip(rest, name.size);

    if (path.size > CACHE_KEY_MAX ||
        url_host_normalise(name, is_secure ? 443 : 80, place->room->second, &host) != ERR_OK)
        return no_url(fault, text);
    memcpy(out, scheme.data, scheme.size);
    memcpy(out + scheme.size, host.whole.data, host.whole.size);
    memcpy(out + scheme.size + host.whole.size, path.data, path.size);
    *ret_prefix = bytes_of(out, scheme.size + host.whole.size + path.size);
    return ERR_OK;
}

/* All keys of a host begin so. */
static enum err read_host(const struct purge_place *place, struct bytes text,
                          struct bytes *ret_prefix, struct fault *fault)
{
    uint8_t *out = place->room->key;
    struct url_host host;

    if (url_host_normalise(text, 80, place->room->second, &host) != ERR_OK)
        return fault_say(fault, ERR_SYNTAX,
                         "\"%.*s\" is no host; write a.example or a.example:8080", BYTES_ARG(text));
    const struct bytes scheme = schemes[0];

    memcpy(out, scheme.data, scheme.size);
    memcpy(out + scheme.size, host.whole.data, host.whole.size);
    out[scheme.size + host.whole.size] = '/';
    *ret_prefix = bytes_of(out, scheme.size + host.whole.size + 1);
    return ERR_OK;
}

/* ---- by regular expression --------------------------------------------------------------- */

struct regex_test {
    struct cache_test test;
    struct regex *regex;
};

/* Behind the URL a key may hold what tells variants apart. */
static struct bytes url_of_key(struct bytes name)
{
    return bytes_slice(name, 0, bytes_find(name, 0));
}

static bool fits_regex(const struct cache_test *test, struct bytes name)
{
    return regex_fits(((const struct regex_test *)test)->regex, url_of_key(name));
}

static void drop_regex(struct cache_test *test)
{
    struct regex_test *mine = (struct regex_test *)test;

    regex_free(&mine->regex);
    mem_free(&mine);
}

static enum err read_regex(struct bytes text, struct cache_test **ret_test, struct fault *fault)
{
    struct regex_test *mine = mem_new(1, sizeof *mine);
    enum err err = regex_new(text, &mine->regex, fault);

    if (err != ERR_OK) {
        mem_free(&mine);
        return err;
    }
    mine->test = (struct cache_test){fits_regex, drop_regex};
    *ret_test = &mine->test;
    return ERR_OK;
}

/* ---- doing it ---------------------------------------------------------------------------- */

struct wish {
    const struct purge_place *place;
    const struct site_purge *purge;
    size_t count;    /* of what it concerns, for a dry run */
    size_t examples; /* written */
    bool is_quiet;   /* what it finds is no news */
};

static void add_example(struct wish *wish, struct bytes url)
{
    struct buf *out = wish->purge->examples;

    if (out == NULL || wish->examples >= wish->purge->examples_max)
        return;
    buf_add_text(out, wish->examples++ == 0 ? "\"" : ", \"");
    buf_add_json(out, url);
    buf_add_text(out, "\"");
}

/* Keys of Redis clients have tags too. */
static bool list(void *context, struct bytes name, const struct cache_view *view)
{
    struct wish *wish = context;
    bool is_own = view->kind == STORED_MARKER || view->kind == STORED_NOTE ||
                  view->kind == STORED_PLAIN; /* what only the gateway knows of */

    if (!is_own && !wish->is_quiet)
        add_example(wish, url_of_key(name));
    return true;
}

static enum err purge_by(struct wish *wish, struct cache_purge *what)
{
    const struct purge_place *place = wish->place;

    what->space = CACHE_SPACE_HTTP;
    what->soft = wish->purge->soft;
    if (!wish->purge->dry)
        return cache_purge(place->thread, what, place->now_ms, NULL);
    if (what->by == CACHE_BY_KEY)
        wish->count += cache_purge_preview(place->thread, what, place->now_ms);
    else
        wish->count += cache_purge_list(place->thread, what, list, wish, place->now_ms);
    return ERR_OK;
}

static enum err by_exact_spelling(struct wish *wish, struct bytes url)
{
    const struct purge_place *place = wish->place;
    uint8_t tag[KEY_URL_TAG_SIZE];
    struct cache_purge by_key = {.by = CACHE_BY_KEY,
                                 .key = cache_key(place->cache, CACHE_SPACE_HTTP, url)};
    struct cache_purge by_tag = {.by = CACHE_BY_TAG, .name = key_url_tag(place->cache, url, tag)};

    if (!wish->purge->soft || !is_marker(place, by_key.key))
        TRY(purge_by(wish, &by_key));
    return purge_by(wish, &by_tag);
}

static enum err by_spelling(struct wish *wish, struct bytes url)
{
    const struct purge_place *place = wish->place;
    struct buf alike;
    enum err err = by_exact_spelling(wish, url);

    buf_init(&alike, CACHE_KEY_MAX, NULL);
    if (err == ERR_OK &&
        no_vary_search_url(place->thread, place->cache, url, place->now_ms, &alike))
        err = by_exact_spelling(wish, buf_bytes(&alike));
    buf_fini(&alike);
    return err;
}

static enum err by_url(struct wish *wish, struct fault *fault)
{
    struct target target = {.route = NULL};

    TRY(read_url(wish->place, wish->purge->text, &target, fault));
    wish->is_quiet = true;
    TRY(by_spelling(wish, target.url));
    TRY(by_spelling(wish, other_spelling(wish->place, target.url)));
    if (wish->count > 0)
        add_example(wish, target.url);
    return ERR_OK;
}

/* Everything whose key begins so, whether clients came with TLS or without. */
static enum err by_front(struct wish *wish, struct bytes front)
{
    struct cache_purge what = {.by = CACHE_BY_PREFIX, .name = front};
    struct bytes other = other_spelling(wish->place, front);

    TRY(purge_by(wish, &what));
    what.name = other;
    return purge_by(wish, &what);
}

static enum err by_regex(struct wish *wish, struct fault *fault)
{
    struct cache_purge what = {.by = CACHE_BY_TEST};

    TRY(read_regex(wish->purge->text, &what.test, fault));
    enum err err = purge_by(wish, &what);

    if (err != ERR_OK || wish->purge->dry)
        what.test->drop(what.test);
    return err;
}

static enum err run(struct wish *wish, struct fault *fault)
{
    struct bytes text = wish->purge->text;
    struct cache_purge what = {.by = CACHE_BY_SPACE, .name = text};
    struct bytes front = {NULL, 0};

    switch (wish->purge->by) {
    case SITE_PURGE_URL:
        return by_url(wish, fault);
    case SITE_PURGE_REGEX:
        return by_regex(wish, fault);
    case SITE_PURGE_PREFIX:
        TRY(read_prefix(wish->place, text, &front, fault));
        return by_front(wish, front);
    case SITE_PURGE_HOST:
        TRY(read_host(wish->place, text, &front, fault));
        return by_front(wish, front);
    case SITE_PURGE_TAG:
        what.by = CACHE_BY_TAG;
        break;
    case SITE_PURGE_ALL:
        break;
    }
    return purge_by(wish, &what);
}

enum err site_purge(const struct site *site, struct cache_thread *thread,
                    const struct site_purge *purge, int64_t now_ms, size_t *ret_count,
                    struct fault *fault)
{
    struct key_room *room = mem_new(1, sizeof *room);
    const struct purge_place place = {site, thread, site_cache(site), room, now_ms};
    struct wish wish = {.place = &place, .purge = purge};
    enum err err = run(&wish, fault);

    if (err == ERR_FULL)
        (void)fault_say(fault, err,
                        "too many prefixes and expressions are being swept; try again in a second");
    mem_free(&room);
    if (err == ERR_OK)
        *ret_count = wish.count;
    return err;
}

/* ---- afterwards -------------------------------------------------------------------------- */

/* Purges go for both schemes. */
static struct bytes without_scheme(struct bytes url)
{
    return bytes_skip(url, schemes[bytes_begin_with(url, schemes[1])].size);
}

bool purge_concerns(const struct site *site, enum site_purge_by by, struct bytes text,
                    struct bytes url)
{
    struct key_room *room = mem_new(1, sizeof *room);
    const struct purge_place place = {.site = site, .room = room};
    struct target target = {.route = NULL};
    struct fault fault = {.line = 0};
    struct regex *regex = NULL;
    struct bytes prefix = {NULL, 0};
    bool is_so = by == SITE_PURGE_ALL;

    if (by == SITE_PURGE_URL && read_url(&place, text, &target, &fault) == ERR_OK)
        is_so = bytes_equal(without_scheme(target.url), without_scheme(url));
    else if ((by == SITE_PURGE_PREFIX && read_prefix(&place, text, &prefix, &fault) == ERR_OK) ||
             (by == SITE_PURGE_HOST && read_host(&place, text, &prefix, &fault) == ERR_OK))
        is_so = bytes_begin_with(without_scheme(url), without_scheme(prefix));
    else if (by == SITE_PURGE_REGEX && regex_new(text, &regex, &fault) == ERR_OK)
        is_so = regex_fits(regex, url);
    regex_free(&regex);
    mem_free(&room);
    return is_so;
}
