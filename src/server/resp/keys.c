/* keys.c: keys whatever they hold: times and names. SPDX-License-Identifier: MIT */
#include "server/resp/expiry.h"
#include "server/resp/handlers.h"

#include <stdio.h>

void on_keys_del(struct call *call)
{
    int64_t count = 0;

    for (size_t i = 1; i < call->count; i++)
        count += cache_remove(call->thread, call_key(call, i), call->now_ms);
    reply_integer(call, count);
}

void on_keys_exists(struct call *call)
{
    struct cache_view view;
    int64_t count = 0;

    for (size_t i = 1; i < call->count; i++)
        count += call_see(call, call_key(call, i), &view);
    reply_integer(call, count);
}

void on_keys_touch(struct call *call)
{
    struct cache_view view;
    int64_t count = 0;

    for (size_t i = 1; i < call->count; i++)
        count += call_look(call, call_key(call, i), &view);
    reply_integer(call, count);
}

void on_keys_type(struct call *call)
{
    struct cache_view view;

    reply_simple(call, call_see(call, call->key, &view) ? type_name(view.kind) : "none");
}

/* ---- times ------------------------------------------------------------------------------------
 */

struct expire_options {
    bool nx, xx, gt, lt;
};

static bool read_expire_options(struct call *call, struct expire_options *ret_options)
{
    struct expire_options options = {0};

    for (size_t i = 3; i < call->count; i++) {
        if (word_is(call, i, "nx")) {
            options.nx = true;
        } else if (word_is(call, i, "xx")) {
            options.xx = true;
        } else if (word_is(call, i, "gt")) {
            options.gt = true;
        } else if (word_is(call, i, "lt")) {
            options.lt = true;
        } else {
            reply_errorf(call, "Unsupported option %.*s",
                         BYTES_ARG(bytes_slice(call->words[i], 0, 128)));
            return false;
        }
    }
    if (options.nx && (options.xx || options.gt || options.lt)) {
        reply_error(call, "NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if (options.gt && options.lt) {
        reply_error(call, "GT and LT options at the same time are not compatible");
        return false;
    }
    *ret_options = options;
    return true;
}

static bool allows(const struct expire_options *options, int64_t old_ms, int64_t new_ms)
{
    if (options->nx)
        return old_ms == CACHE_NEVER;
    if (options->xx && old_ms == CACHE_NEVER)
        return false;
    if (options->gt)
        return new_ms > old_ms;
    return !options->lt || new_ms < old_ms;
}

static void expire(struct call *call, unsigned unit)
{
    struct expire_options options;
    struct cache_view view;
    int64_t expires_ms = 0;

    if (!read_expire_options(call, &options) || !expiry_read(call, 2, unit, false, &expires_ms))
        return;
    bool set = call_peek(call, call->key, &view) && allows(&options, view.expires_ms, expires_ms);

    if (set)
        (void)cache_set_expiry(call->thread, call->key, expires_ms, call->now_ms);
    reply_integer(call, set);
}

void on_keys_expire(struct call *call)
{
    expire(call, EXPIRY_SECONDS);
}

void on_keys_pexpire(struct call *call)
{
    expire(call, 0);
}

void on_keys_expireat(struct call *call)
{
    expire(call, EXPIRY_SECONDS | EXPIRY_ABSOLUTE);
}

void on_keys_pexpireat(struct call *call)
{
    expire(call, EXPIRY_ABSOLUTE);
}

/* -2: no such key; -1: it lives for ever. */
static void reply_time(struct call *call, bool absolute, bool in_seconds)
{
    struct cache_view view;

    if (!call_see(call, call->key, &view)) {
        reply_integer(call, -2);
        return;
    }
    if (view.expires_ms == CACHE_NEVER) {
        reply_integer(call, -1);
        return;
    }
    int64_t time =
        absolute ? expiry_wall_ms(call, view.expires_ms) : view.expires_ms - call->now_ms;

    reply_integer(call, in_seconds ? (time + 500) / 1000 : time);
}

void on_keys_ttl(struct call *call)
{
    reply_time(call, false, true);
}

void on_keys_pttl(struct call *call)
{
    reply_time(call, false, false);
}

void on_keys_expiretime(struct call *call)
{
    reply_time(call, true, true);
}

void on_keys_pexpiretime(struct call *call)
{
    reply_time(call, true, false);
}

void on_keys_persist(struct call *call)
{
    struct cache_view view;
    bool timed = call_peek(call, call->key, &view) && view.expires_ms != CACHE_NEVER;

    if (timed)
        (void)cache_set_expiry(call->thread, call->key, CACHE_NEVER, call->now_ms);
    reply_integer(call, timed);
}

/* ---- other names ------------------------------------------------------------------------------
 */

struct tag_list {
    struct bytes items[CACHE_TAGS_MAX];
    size_t count;
};

static void add_tag(void *context, struct bytes tag)
{
    struct tag_list *list = context;

    if (list->count < CACHE_TAGS_MAX)
        list->items[list->count++] = tag;
}

/* Stores what `from` shows under `to` too, with its time and tags. False: refused, which was
 * replied, or it will be done when there is room. */
static bool put_copy(struct call *call, const struct cache_view *from, struct cache_key to)
{
    struct tag_list tags = {.count = 0};
    struct cache_put put = {.key = to,
                            .kind = from->kind,
                            .expires_ms = from->expires_ms,
                            .body = from->value,
                            .tags = tags.items};
    enum err err = ERR_FULL;

    cache_tags_of(call->thread, from, add_tag, &tags);
    put.tag_count = tags.count;
    if (from->object != NULL)
        put.object = typed_copy(call, from->kind, from->object);
    if (from->object == NULL || put.object != NULL)
        err = cache_put(call->thread, &put, call->now_ms);
    if (err == ERR_OK)
        return true;
    if (put.object != NULL)
        typed_free(from->kind, put.object);
    if (err != ERR_FULL || from->object == NULL ||
        !call_wants_room(call, cache_cost(call->thread, from)))
        reply_err(call, err);
    return false;
}

/* False: nothing was moved, and why was replied. */
static bool rename_key(struct call *call, bool only_new)
{
    struct cache_key from = call->key, to = call_key(call, 2);
    struct cache_view view, there;

    if (!call_peek(call, from, &view)) {
        reply_err(call, ERR_MISS);
        return false;
    }
    bool taken = call_peek(call, to, &there);

    if (only_new && taken) {
        reply_integer(call, 0);
        return false;
    }
    if (bytes_equal(from.name, to.name))
        return true;
    if (!put_copy(call, &view, to))
        return false;
    (void)cache_remove(call->thread, from, call->now_ms);
    return true;
}

void on_keys_rename(struct call *call)
{
    if (rename_key(call, false))
        reply_ok(call);
}

void on_keys_renamenx(struct call *call)
{
    if (rename_key(call, true))
        reply_integer(call, 1);
}

/* Copies `from` to `to`, both locked; true: `*ret_done` says whether it was done. */
static bool copy_key(struct call *call, struct cache_key from, struct cache_key to, bool replace,
                     bool *ret_done)
{
    struct cache_view view, there;

    *ret_done = false;
    if (!call_peek(call, from, &view))
        return true;
    if (call_peek(call, to, &there) && !replace)
        return true;
    *ret_done = true;
    return put_copy(call, &view, to);
}

struct copy_options {
    int64_t database;
    bool replace;
};

static bool read_database(struct call *call, size_t at, int64_t *ret_number)
{
    if (!call_integer(call, at, ret_number))
        return false;
    if (*ret_number >= 0 && *ret_number < CACHE_DATABASES)
        return true;
    reply_error(call, "DB index is out of range");
    return false;
}

static bool read_copy_options(struct call *call, struct copy_options *ret_options)
{
    *ret_options = (struct copy_options){.database = call->client->database};
    for (size_t i = 3; i < call->count; i++) {
        if (word_is(call, i, "replace")) {
            ret_options->replace = true;
        } else if (word_is(call, i, "db") && i + 1 < call->count) {
            if (!read_database(call, ++i, &ret_options->database))
                return false;
        } else {
            reply_syntax(call);
            return false;
        }
    }
    return true;
}

/* Locks both keys, copies, and removes the first one if it is moved. */
static void copy_or_move(struct call *call, struct cache_key to, bool replace, bool move)
{
    struct cache_key keys[2] = {call->key, to};
    bool done = false;

    if (to.space == call->space && bytes_equal(to.name, call->key.name)) {
        reply_error(call, "source and destination objects are the same");
        return;
    }
    bool locked = call_lock_keys(call, keys, 2);

    if (copy_key(call, call->key, to, replace, &done)) {
        if (done && move)
            (void)cache_remove(call->thread, call->key, call->now_ms);
        reply_integer(call, done);
    }
    if (locked)
        call_unlock(call);
}

void on_keys_copy(struct call *call)
{
    struct copy_options options;

    if (!read_copy_options(call, &options))
        return;
    copy_or_move(call,
                 cache_key(call->resp->cache, resp_space(call->resp, (unsigned)options.database),
                           call->words[2]),
                 options.replace, false);
}

void on_keys_move(struct call *call)
{
    int64_t database = 0;

    if (read_database(call, 2, &database))
        copy_or_move(call,
                     cache_key(call->resp->cache, resp_space(call->resp, (unsigned)database),
                               call->words[1]),
                     false, true);
}

/* ---- OBJECT -----------------------------------------------------------------------------------
 */

/* What is stored under words[2]; false: nothing, which was replied. */
static bool see_object(struct call *call, struct cache_view *ret_view)
{
    if (call_peek(call, call_key(call, 2), ret_view))
        return true;
    reply_null(call);
    return false;
}

void on_object_encoding(struct call *call)
{
    struct cache_view view;

    if (see_object(call, &view))
        reply_text(call, type_encoding(&view));
}

void on_object_refcount(struct call *call)
{
    struct cache_view view;

    if (see_object(call, &view))
        reply_integer(call, 1);
}

void on_object_freq(struct call *call)
{
    struct cache_view view;

    unsigned count = 0;

    if (!see_object(call, &view))
        return;
    if (cache_frequency(call->thread, &view, &count))
        reply_integer(call, count);
    else
        reply_error(call, "An LFU maxmemory policy is not selected, access frequency not tracked. "
                          "Please note that when switching between policies at runtime LRU and "
                          "LFU data will take some time to adjust.");
}

void on_object_idletime(struct call *call)
{
    struct cache_view view;

    if (see_object(call, &view))
        reply_error(call, "idle time is not tracked");
}

void on_object_help(struct call *call)
{
    static const char *const lines[] = {
        "ENCODING <key>", "    The form in which the value is kept.",
        "FREQ <key>",     "    How often it was asked for, as lfu and volatile-lfu count.",
        "IDLETIME <key>", "    Not tracked.",
        "REFCOUNT <key>", "    Always 1.",
    };

    reply_help(call, lines, sizeof lines / sizeof lines[0]);
}

void on_memory_usage(struct call *call)
{
    struct cache_view view;
    int64_t samples = 0;

    for (size_t i = 3; i < call->count; i += 2) {
        if (!word_is(call, i, "samples") || i + 1 >= call->count) {
            reply_syntax(call);
            return;
        }
        if (!call_integer(call, i + 1, &samples))
            return;
        if (samples < 0) {
            reply_syntax(call);
            return;
        }
    }
    if (see_object(call, &view))
        reply_integer(call, (int64_t)cache_cost(call->thread, &view));
}
