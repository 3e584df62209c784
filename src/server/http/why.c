/* why.c: an entry, its rules and its past as JSON. SPDX-License-Identifier: MIT */
#include "server/http/why.h"

#include "base/mem.h"
#include "base/must.h"
#include "server/http/decide.h"
#include "server/http/key.h"
#include "server/http/no_vary_search.h"
#include "server/http/purge.h"
#include "server/http/stored.h"

struct inquiry {
    const struct why *why;
    struct key_room *room;
    struct http_head *head;
    struct target target;
    struct cache_control control;
    struct buf variant;
    struct buf alike;
    struct bytes key;     /* that was looked at last */
    bool has_parts;       /* only ranges of it are stored */
    struct marker marker; /* of the URL's variants; count 0, no names: it has none */
    bool is_variant;
    bool is_stored;
    struct cache_view view;
    struct stored stored;
    struct bytes block;
    struct bytes body;
    bool is_known; /* to the history */
    struct history_url past;
    struct buf *out;
};

/* ---- members --------------------------------------------------------------------------------- */

static void add_text(struct buf *out, const char *name, struct bytes text)
{
    buf_printf(out, ", \"%s\": \"", name);
    buf_add_json(out, text);
    buf_add_text(out, "\"");
}

static void add_number(struct buf *out, const char *name, int64_t number)
{
    buf_printf(out, ", \"%s\": %lld", name, (long long)number);
}

static void add_switch(struct buf *out, const char *name, bool is_on)
{
    buf_printf(out, ", \"%s\": %s", name, is_on ? "true" : "false");
}

/* ---- looking --------------------------------------------------------------------------------- */

static bool peek(struct inquiry *inquiry, struct bytes name)
{
    const struct why *why = inquiry->why;

    return cache_peek(why->thread, cache_key(site_cache(why->site), CACHE_SPACE_HTTP, name),
                      why->now_ms, &inquiry->view) != CACHE_MISS;
}

/* Nothing is there: perhaps under a URL that is answered alike (no_vary_search.h). */
static bool peek_alike(struct inquiry *inquiry)
{
    const struct why *why = inquiry->why;
    const struct target *target = &inquiry->target;
    struct buf *out = &inquiry->alike;

    buf_clear(out);
    if (!target->route->settings->no_vary_search ||
        !no_vary_search_url(why->thread, site_cache(why->site), target->url, why->now_ms, out))
        return false;
    buf_add(out, bytes_skip(target->key, target->url.size));
    inquiry->key = buf_bytes(out);
    return peek(inquiry, inquiry->key);
}

/* The same steps as of look.c, but nothing is counted. */
static void look_at(struct inquiry *inquiry)
{
    struct vary vary;

    inquiry->key = inquiry->target.key;
    bool is_there = peek(inquiry, inquiry->key) || peek_alike(inquiry);

    if (is_there && marker_read(&inquiry->view, &inquiry->marker)) {
        inquiry->is_variant = true;
        buf_clear(&inquiry->variant);
        is_there = vary_parse(inquiry->marker.names, &vary) == ERR_OK &&
                   key_of_variant(inquiry->key, &vary, inquiry->head, inquiry->target.route,
                                  &inquiry->variant) &&
                   peek(inquiry, buf_bytes(&inquiry->variant));
        inquiry->key = buf_bytes(&inquiry->variant);
    }
    inquiry->has_parts = is_there && inquiry->view.kind == STORED_PARTS;
    inquiry->is_stored =
        is_there && stored_read(&inquiry->view, &inquiry->stored, &inquiry->block, &inquiry->body);
}

static void look(struct inquiry *inquiry)
{
    int mode = (int)inquiry->target.route->settings->authorization;

    if (!http_has(inquiry->head, HTTP_AUTHORIZATION)) {
        look_at(inquiry);
        return;
    }
    if (mode != ROUTE_AUTH_PER_USER) {
        look_at(inquiry);
        if (inquiry->is_stored && (inquiry->stored.flags & STORED_PUBLIC) != 0)
            return;
    }
    inquiry->is_stored = inquiry->is_variant = false;
    inquiry->marker.count = 0;
    if (target_split_by_user(&inquiry->target, inquiry->head, mode == ROUTE_AUTH_PER_USER,
                             inquiry->room))
        look_at(inquiry);
}

/* ---- what is stored -------------------------------------------------------------------------- */

static const char *state_text(const struct inquiry *inquiry)
{
    if (inquiry->view.soft_purged)
        return "soft-purged";
    switch (inquiry->view.state) {
    case CACHE_FRESH:
        return "fresh";
    case CACHE_STALE:
        return "stale";
    case CACHE_GRACE:
        return "grace";
    case CACHE_MISS:
        break;
    }
    return "missing";
}

struct tag_list {
    struct buf *out;
    const char *before;
};

/* Those that begin with NUL are the gateway's own. */
static void add_tag(void *context, struct bytes tag)
{
    struct tag_list *list = context;

    if (tag.size == 0 || tag.data[0] == 0)
        return;
    buf_printf(list->out, "%s\"", list->before);
    buf_add_json(list->out, tag);
    buf_add_text(list->out, "\"");
    list->before = ", ";
}

static int64_t left_s(const struct inquiry *inquiry, int64_t until_ms)
{
    return until_ms <= inquiry->why->now_ms ? 0 : (until_ms - inquiry->why->now_ms) / 1000;
}

static void add_object(struct inquiry *inquiry)
{
    const struct cache_view *view = &inquiry->view;
    struct cache_thread *thread = inquiry->why->thread;
    struct buf *out = inquiry->out;
    struct tag_list list = {out, ""};
    unsigned frequency = 0;

    buf_printf(out, ", \"object\": {\"state\": \"%s\"", state_text(inquiry));
    add_number(out, "status", inquiry->stored.status);
    add_number(out, "age_s", stored_age_s(&inquiry->stored, inquiry->why->now_ms));
    add_number(out, "ttl_s", (view->expires_ms - inquiry->why->now_ms) / 1000);
    add_number(out, "stale_while_revalidate_s", inquiry->stored.swr_ms / 1000);
    add_number(out, "stale_if_error_s", inquiry->stored.sie_ms / 1000);
    add_number(out, "grace_s", inquiry->stored.grace_ms / 1000);
    add_number(out, "kept_s", left_s(inquiry, view->error_until_ms));
    add_switch(out, "must_revalidate", (inquiry->stored.flags & STORED_STRICT) != 0);
    add_switch(out, "shared_with_authorized", (inquiry->stored.flags & STORED_PUBLIC) != 0);
    add_number(out, "body_bytes", (int64_t)inquiry->body.size);
    add_number(out, "cost_bytes", (int64_t)cache_cost(thread, view));
    if (cache_frequency(thread, view, &frequency))
        add_number(out, "frequency", frequency);
    add_switch(out, "is_variant", inquiry->is_variant);
    buf_add_text(out, ", \"tags\": [");
    cache_tags_of(thread, view, add_tag, &list);
    buf_add_text(out, "]}");
}

static void add_variants(struct inquiry *inquiry)
{
    int64_t now_ms = inquiry->why->now_ms;
    size_t count = 0;

    for (size_t i = 0; i < inquiry->marker.count; i++)
        count += inquiry->marker.slots[i].until_ms > now_ms;
    buf_add_text(inquiry->out, ", \"variants\": {\"by\": \"");
    buf_add_json(inquiry->out, inquiry->marker.names);
    buf_printf(inquiry->out, "\", \"fresh\": %zu, \"max\": %llu}", count,
               (unsigned long long)inquiry->target.route->settings->vary_max);
}

/* ---- the past -------------------------------------------------------------------------------- */

static bool route_has_tag(const struct inquiry *inquiry, struct bytes tag)
{
    size_t ends[ROUTE_TAGS_MAX];
    struct buf text;
    size_t from = 0;
    bool is_there = false;

    buf_init(&text, 1 << 20, NULL);
    size_t count = route_tags(inquiry->target.route, &inquiry->target.captures, &text, ends);

    for (size_t i = 0; i < count; i++) {
        is_there = is_there || bytes_equal(bytes_slice(buf_bytes(&text), from, ends[i]), tag);
        from = ends[i];
    }
    buf_fini(&text);
    return is_there;
}

static enum site_purge_by kind_of(enum history_by by)
{
    switch (by) {
    case HISTORY_BY_URL:
        return SITE_PURGE_URL;
    case HISTORY_BY_PREFIX:
        return SITE_PURGE_PREFIX;
    case HISTORY_BY_HOST:
        return SITE_PURGE_HOST;
    case HISTORY_BY_REGEX:
        return SITE_PURGE_REGEX;
    case HISTORY_BY_ALL:
        return SITE_PURGE_ALL;
    case HISTORY_BY_TAG:
    case HISTORY_BY_KEY:
        break;
    }
    return SITE_PURGE_TAG;
}

/* Whether a purge took this URL's answer, as far as its text tells. */
static bool concerns(const struct inquiry *inquiry, const struct history_purge *purge)
{
    struct bytes text = bytes_of_text(purge->text);

    if (purge->by == HISTORY_BY_KEY || purge->is_cut)
        return false;
    if (purge->by == HISTORY_BY_TAG)
        return route_has_tag(inquiry, text) ||
               (inquiry->is_known && history_had_tag(&inquiry->past, text));
    return purge_concerns(inquiry->why->site, kind_of(purge->by), text, inquiry->target.url);
}

/* The first that came after the answer was stored; the latest when nobody knows when that was. */
static bool find_purge(const struct inquiry *inquiry, struct history_purge *ret_purge)
{
    struct history_purge *purges = mem_new(HISTORY_PURGES, sizeof *purges);
    size_t count = history_purges(inquiry->why->history, purges);
    bool is_found = false;

    for (size_t i = 0; i < count; i++) {
        /* One of the same moment was before, if there is a later one. */
        if (inquiry->is_known && purges[i].wall_ms < inquiry->past.stored_ms + is_found)
            break;
        if (!concerns(inquiry, &purges[i]))
            continue;
        *ret_purge = purges[i];
        is_found = true;
        if (!inquiry->is_known || inquiry->past.stored_ms == 0)
            break;
    }
    mem_free(&purges);
    return is_found;
}

static void add_past(struct inquiry *inquiry)
{
    const struct history_url *past = &inquiry->past;
    struct buf *out = inquiry->out;

    if (past->stored_ms != 0) {
        buf_printf(out, ", \"stored_last\": {\"seconds_ago\": %lld",
                   (long long)((inquiry->why->wall_ms - past->stored_ms) / 1000));
        history_write_moment(out, "at", past->stored_ms);
        history_write_moment(out, "fresh_until", past->fresh_until_ms);
        buf_add_text(out, "}");
    }
    if (past->refused_ms != 0) {
        enum gateway_reason reason = (enum gateway_reason)past->reason;

        buf_printf(out, ", \"not_stored_last\": {\"seconds_ago\": %lld",
                   (long long)((inquiry->why->wall_ms - past->refused_ms) / 1000));
        history_write_moment(out, "at", past->refused_ms);
        add_number(out, "status", past->status);
        add_text(out, "reason", bytes_of_text(gateway_reason_text(reason)));
        add_text(out, "meaning", bytes_of_text(gateway_reason_meaning(reason)));
        buf_add_text(out, "}");
    }
}

/* ---- the sentence ---------------------------------------------------------------------------- */

enum gone { GONE_NEVER, GONE_REFUSED, GONE_PURGED, GONE_INVALIDATED, GONE_OVER, GONE_EVICTED };

/* What happened last of all that explains why nothing is there. */
static enum gone how_it_went(const struct inquiry *inquiry, bool is_purged,
                             const struct history_purge *purge)
{
    const struct history_url *past = &inquiry->past;
    int64_t last_ms = past->stored_ms;
    enum gone gone = past->stored_ms == 0 ? GONE_NEVER : GONE_EVICTED;

    if (past->stored_ms != 0 && past->kept_until_ms <= inquiry->why->wall_ms)
        gone = GONE_OVER;
    if (is_purged && purge->wall_ms >= last_ms)
        gone = GONE_PURGED, last_ms = purge->wall_ms;
    if (past->invalidated_ms >= last_ms && past->invalidated_ms != 0)
        gone = GONE_INVALIDATED, last_ms = past->invalidated_ms;
    if (past->refused_ms >= last_ms && past->refused_ms != 0)
        gone = GONE_REFUSED;
    return gone;
}

static void say_gone(struct inquiry *inquiry, enum gone gone, const struct history_purge *purge)
{
    const struct history_url *past = &inquiry->past;
    struct buf *out = inquiry->out;

    switch (gone) {
    case GONE_NEVER:
        buf_add_text(out, inquiry->is_variant
                              ? "other variants are stored, none for a request like this"
                              : "nobody asked for it lately, as far as is remembered");
        return;
    case GONE_REFUSED:
        buf_printf(out, "its last answer was not stored: ");
        buf_add_json(out, bytes_of_text(gateway_reason_meaning((enum gateway_reason)past->reason)));
        return;
    case GONE_PURGED:
        buf_printf(out, "it was purged by %s", history_by_text(purge->by));
        if (purge->by != HISTORY_BY_ALL) {
            buf_add_text(out, " ");
            buf_add_json(out, bytes_of_text(purge->text));
        }
        buf_printf(out, " from %s (%s)", purge->who, purge->door);
        return;
    case GONE_INVALIDATED:
        buf_add_text(out, "a request changed it (a method that is not safe) and took it out");
        return;
    case GONE_OVER:
        buf_add_text(out, "it was stored, and its time is over");
        return;
    case GONE_EVICTED:
        buf_add_text(out, inquiry->is_variant
                              ? "other variants are stored, none for a request like this"
                              : "it was stored and made room for others");
        return;
    }
    never("a way to go that is none");
}

static void say_stored(const struct inquiry *inquiry)
{
    struct buf *out = inquiry->out;

    if ((inquiry->stored.flags & STORED_ASK) != 0)
        buf_add_text(out, "it is stored, and the origin is asked each time whether it still holds");
    else if (inquiry->view.state == CACHE_FRESH)
        buf_add_text(out, "it is stored and fresh");
    else if (inquiry->view.state == CACHE_STALE)
        buf_add_text(out, "it is stored and stale: served while it is fetched anew");
    else
        buf_add_text(out, "it is stored and too old to be served: kept for when the origin fails, "
                          "and to ask whether it still holds");
}

static void add_because(struct inquiry *inquiry, enum gateway_reason lookup)
{
    struct history_purge purge = {.wall_ms = 0};
    bool is_purged = inquiry->why->history != NULL && find_purge(inquiry, &purge);
    struct buf *out = inquiry->out;

    if (is_purged && (!inquiry->is_stored || inquiry->view.soft_purged)) {
        buf_add_text(out, ", \"purge\": ");
        history_write_purge(out, &purge);
    }
    buf_add_text(out, ", \"because\": \"");
    if (lookup != REASON_NONE) {
        buf_add_text(out, "such a request is passed to the origin: ");
        buf_add_json(out, bytes_of_text(gateway_reason_meaning(lookup)));
    } else if (decide_keys_body(inquiry->target.route, inquiry->head)) {
        buf_add_text(out, "such a request is stored under its body, which was not told");
    } else if (inquiry->is_stored) {
        say_stored(inquiry);
    } else if (inquiry->has_parts) {
        buf_add_text(out, "only parts of it are stored: it is too large to be stored as a whole");
    } else {
        say_gone(inquiry, how_it_went(inquiry, is_purged, &purge), &purge);
    }
    buf_add_text(out, "\"");
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Keys hold NULs and lengths between their parts; a person gets readable ones. */
static void add_key(struct inquiry *inquiry)
{
    struct bytes key = inquiry->key;
    struct buf *out = inquiry->out;

    buf_add_text(out, ", \"key\": \"");
    for (size_t i = 0; i < key.size; i++) {
        if (key.data[i] >= 0x20 && key.data[i] < 0x7f)
            buf_add_json(out, bytes_slice(key, i, i + 1));
        else if (key.data[i] == 0 && i > 0 && key.data[i - 1] >= 0x20)
            buf_add_text(out, " + ");
    }
    buf_add_text(out, "\"");
}

static void write_all(struct inquiry *inquiry)
{
    const struct route_settings *settings = inquiry->target.route->settings;
    struct buf *out = inquiry->out;

    decide_control(inquiry->target.route, inquiry->head, &inquiry->control);
    enum gateway_reason lookup =
        decide_lookup(inquiry->target.route, inquiry->head, &inquiry->control);

    look(inquiry);
    if (inquiry->why->history != NULL)
        inquiry->is_known =
            history_find(inquiry->why->history, inquiry->target.url, &inquiry->past);
    buf_add_text(out, "{\"url\": \"");
    buf_add_json(out, inquiry->target.url);
    buf_add_text(out, "\"");
    add_text(out, "route", bytes_of_text(settings->name));
    if (settings->file != NULL) {
        add_text(out, "file", bytes_of_text(settings->file));
        add_number(out, "line", settings->line);
    }
    add_key(inquiry);
    add_switch(out, "stored", inquiry->is_stored);
    if (lookup != REASON_NONE)
        add_text(out, "passed", bytes_of_text(gateway_reason_text(lookup)));
    if (inquiry->is_stored)
        add_object(inquiry);
    if (inquiry->is_variant)
        add_variants(inquiry);
    add_past(inquiry);
    add_because(inquiry, lookup);
    buf_add_text(out, "}");
}

enum err why_json(const struct why *why, struct bytes head, bool is_secure, struct buf *out,
                  struct fault *fault)
{
    const struct gateway_settings *settings = site_settings(why->site);
    const struct http_limits limits = {settings->head_max, settings->target_max,
                                       settings->fields_max};
    struct inquiry *inquiry = mem_new(1, sizeof *inquiry);
    struct http_complaint complaint = {400, ""};
    size_t size = 0;

    inquiry->why = why;
    inquiry->out = out;
    inquiry->room = mem_new(1, sizeof *inquiry->room);
    inquiry->head = mem_new(1, sizeof *inquiry->head);
    buf_init(&inquiry->variant, (size_t)KEY_ROOM * 2, NULL);
    buf_init(&inquiry->alike, (size_t)KEY_ROOM * 2, NULL);
    enum err err = http_parse_request(head, &limits, inquiry->head, &size, &complaint);

    inquiry->head->is_secure = is_secure;
    if (err == ERR_OK)
        err = target_find(why->site, inquiry->head, inquiry->room, &inquiry->target, &complaint);
    if (err == ERR_OK)
        write_all(inquiry);
    else
        err = fault_say(fault, err == ERR_AGAIN ? ERR_SYNTAX : err,
                        "such a request is refused with %u: %s", complaint.status, complaint.text);
    buf_fini(&inquiry->variant);
    buf_fini(&inquiry->alike);
    mem_free(&inquiry->head);
    mem_free(&inquiry->room);
    mem_free(&inquiry);
    return err;
}
