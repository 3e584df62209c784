/* strings.c: GET, SET and what belongs to them. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "server/resp/expiry.h"
#include "server/resp/figure.h"
#include "server/resp/handlers.h"

#include <math.h>
#include <stdio.h>

static void reply_string(struct call *call, const struct cache_view *view)
{
    if (view->state == CACHE_MISS)
        reply_null(call);
    else
        reply_value(call, view, view->value);
}

void on_strings_get(struct call *call)
{
    struct cache_view view;

    if (call_string(call, call->key, &view))
        reply_string(call, &view);
}

void on_strings_mget(struct call *call)
{
    reply_array(call, call->count - 1);
    for (size_t i = 1; i < call->count; i++) {
        struct cache_view view;

        if (call_look(call, call_key(call, i), &view) && view_is_string(&view))
            reply_string(call, &view);
        else
            reply_null(call);
    }
}

/* ---- setting ----------------------------------------------------------------------------------
 */

struct set_options {
    bool only_new; /* NX */
    bool only_old; /* XX */
    bool get;
    bool keep_ttl;
    bool persist; /* GETEX */
    bool has_expiry;
    size_t expiry_at; /* word */
    unsigned expiry_unit;
    int64_t expires_ms;
};

/* One of the options of SET or GETEX. False: none, or not beside the others. */
static bool read_set_option(struct call *call, size_t *at, bool is_getex,
                            struct set_options *options)
{
    bool timed = options->has_expiry || options->keep_ttl || options->persist;

    if (!timed && expiry_option(call, *at, &options->expiry_unit)) {
        options->has_expiry = true;
        options->expiry_at = ++*at;
        return true;
    }
    if (is_getex) {
        options->persist = word_is(call, *at, "persist") && !timed;
        return options->persist;
    }
    if (word_is(call, *at, "nx") && !options->only_old)
        return options->only_new = true;
    if (word_is(call, *at, "xx") && !options->only_new)
        return options->only_old = true;
    if (word_is(call, *at, "get"))
        return options->get = true;
    if (word_is(call, *at, "keepttl") && !timed)
        return options->keep_ttl = true;
    return false;
}

/* False: wrong, which was replied. */
static bool read_set_options(struct call *call, size_t from, bool is_getex,
                             struct set_options *ret_options)
{
    *ret_options = (struct set_options){.expires_ms = CACHE_NEVER};
    for (size_t i = from; i < call->count; i++) {
        if (!read_set_option(call, &i, is_getex, ret_options)) {
            reply_syntax(call);
            return false;
        }
    }
    return true;
}

static bool read_set_expiry(struct call *call, struct set_options *options)
{
    return !options->has_expiry ||
           expiry_read(call, options->expiry_at, options->expiry_unit, true, &options->expires_ms);
}

/* Stores; a time that is over leaves nothing behind. */
static bool put_until(struct call *call, struct cache_key key, struct bytes value,
                      int64_t expires_ms)
{
    if (expires_ms > call->now_ms)
        return call_put(call, key, TYPE_STRING, value, expires_ms);
    (void)cache_remove(call->thread, key, call->now_ms);
    return true;
}

/* SET with options that look at the old value first; the key is locked. */
static void set_looking(struct call *call, const struct set_options *options)
{
    struct cache_view view;
    int64_t expires_ms = options->expires_ms;

    if (options->get) {
        if (!call_string(call, call->key, &view))
            return;
    } else {
        (void)call_peek(call, call->key, &view);
    }
    bool exists = view.state != CACHE_MISS;
    bool refused = (options->only_new && exists) || (options->only_old && !exists);

    if (options->keep_ttl && exists)
        expires_ms = view.expires_ms;
    if (!refused && !put_until(call, call->key, call->words[2], expires_ms))
        return;
    if (options->get)
        reply_string(call, &view);
    else if (refused)
        reply_null(call);
    else
        reply_ok(call);
}

void on_strings_set(struct call *call)
{
    struct set_options options;

    if (call->count == 3) {
        if (call_put(call, call->key, TYPE_STRING, call->words[2], CACHE_NEVER))
            reply_ok(call);
        return;
    }
    if (!read_set_options(call, 3, false, &options) || !read_set_expiry(call, &options))
        return;
    if (!options.only_new && !options.only_old && !options.get && !options.keep_ttl) {
        if (put_until(call, call->key, call->words[2], options.expires_ms))
            reply_ok(call);
        return;
    }
    bool locked = call_lock(call);

    set_looking(call, &options);
    if (locked)
        call_unlock(call);
}

static void set_for(struct call *call, unsigned unit)
{
    int64_t expires_ms = 0;

    if (expiry_read(call, 2, unit, true, &expires_ms) &&
        put_until(call, call->key, call->words[3], expires_ms))
        reply_ok(call);
}

void on_strings_setex(struct call *call)
{
    set_for(call, EXPIRY_SECONDS);
}

void on_strings_psetex(struct call *call)
{
    set_for(call, 0);
}

void on_strings_setnx(struct call *call)
{
    struct cache_view view;

    if (call_peek(call, call->key, &view))
        reply_integer(call, 0);
    else if (call_put(call, call->key, TYPE_STRING, call->words[2], CACHE_NEVER))
        reply_integer(call, 1);
}

void on_strings_getset(struct call *call)
{
    struct cache_view view;

    if (call_string(call, call->key, &view) &&
        call_put(call, call->key, TYPE_STRING, call->words[2], CACHE_NEVER))
        reply_string(call, &view);
}

void on_strings_getdel(struct call *call)
{
    struct cache_view view;

    if (!call_string(call, call->key, &view))
        return;
    reply_string(call, &view);
    if (view.state != CACHE_MISS)
        (void)cache_remove(call->thread, call->key, call->now_ms);
}

void on_strings_getex(struct call *call)
{
    struct set_options options;
    struct cache_view view;

    if (!read_set_options(call, 2, true, &options) || !call_string(call, call->key, &view))
        return;
    if (view.state != CACHE_MISS && !read_set_expiry(call, &options))
        return;
    reply_string(call, &view);
    if (view.state == CACHE_MISS || !(options.has_expiry || options.persist))
        return;
    if (options.persist && view.expires_ms == CACHE_NEVER)
        return; /* no change, so nobody who watches is told */
    if (options.expires_ms <= call->now_ms)
        (void)cache_remove(call->thread, call->key, call->now_ms);
    else
        (void)cache_set_expiry(call->thread, call->key, options.expires_ms, call->now_ms);
}

static bool put_pairs(struct call *call)
{
    for (size_t i = 1; i < call->count; i += 2) {
        if (!call_put(call, call_key(call, i), TYPE_STRING, call->words[i + 1], CACHE_NEVER))
            return false;
    }
    return true;
}

void on_strings_mset(struct call *call)
{
    if (call->count % 2 == 0)
        reply_wrong_arity(call);
    else if (put_pairs(call))
        reply_ok(call);
}

void on_strings_msetnx(struct call *call)
{
    struct cache_view view;

    if (call->count % 2 == 0) {
        reply_wrong_arity(call);
        return;
    }
    for (size_t i = 1; i < call->count; i += 2) {
        if (call_peek(call, call_key(call, i), &view)) {
            reply_integer(call, 0);
            return;
        }
    }
    if (put_pairs(call))
        reply_integer(call, 1);
}

/* ---- parts ------------------------------------------------------------------------------------
 */

void on_strings_strlen(struct call *call)
{
    struct cache_view view;

    if (call_string(call, call->key, &view))
        reply_integer(call, view.state == CACHE_MISS ? 0 : (int64_t)view.value.size);
}

static bool is_too_long(struct call *call, size_t size)
{
    if (size <= call->resp->settings.bulk_max)
        return false;
    reply_error(call, "string exceeds maximum allowed size (proto-max-bulk-len)");
    return true;
}

void on_strings_append(struct call *call)
{
    struct cache_view view;

    if (!call_string(call, call->key, &view))
        return;
    bool exists = view.state != CACHE_MISS;
    struct cache_put put = {.key = call->key,
                            .kind = exists ? TYPE_STRING_GROWN : TYPE_STRING,
                            .body = call->words[2],
                            .expires_ms = CACHE_NEVER};

    if (exists) {
        put.head = view.value;
        put.expires_ms = view.expires_ms;
    }
    if (is_too_long(call, put.head.size + put.body.size))
        return;
    enum err err = cache_put(call->thread, &put, call->now_ms);

    if (err == ERR_OK)
        reply_integer(call, (int64_t)(put.head.size + put.body.size));
    else
        reply_err(call, err);
}

/* `old` with `part` written over it at `offset`, and zeros between. */
static void put_over(struct call *call, struct bytes old, size_t offset, int64_t expires_ms)
{
    struct bytes part = call->words[3];
    size_t size = offset + part.size > old.size ? offset + part.size : old.size;
    uint8_t *whole = mem_try(size);

    if (whole == NULL) {
        reply_err(call, ERR_FULL);
        return;
    }
    memset(whole, 0, size);
    if (old.size > 0)
        memcpy(whole, old.data, old.size);
    memcpy(whole + offset, part.data, part.size);
    if (call_put(call, call->key, TYPE_STRING_GROWN, bytes_of(whole, size), expires_ms))
        reply_integer(call, (int64_t)size);
    mem_free(&whole);
}

void on_strings_setrange(struct call *call)
{
    struct cache_view view;
    int64_t offset = 0;

    if (!call_integer(call, 2, &offset))
        return;
    if (offset < 0) {
        reply_error(call, "offset is out of range");
        return;
    }
    if (!call_string(call, call->key, &view))
        return;
    struct bytes old = view.state == CACHE_MISS ? BYTES("") : view.value;

    if (call->words[3].size == 0)
        reply_integer(call, (int64_t)old.size);
    else if (!is_too_long(call, (size_t)add_saturated(offset, (int64_t)call->words[3].size)))
        put_over(call, old, (size_t)offset,
                 view.state == CACHE_MISS ? CACHE_NEVER : view.expires_ms);
}

void on_strings_getrange(struct call *call)
{
    struct cache_view view;
    int64_t from = 0, to = 0;

    if (!call_integer(call, 2, &from) || !call_integer(call, 3, &to) ||
        !call_string(call, call->key, &view))
        return;
    int64_t size = view.state == CACHE_MISS ? 0 : (int64_t)view.value.size;

    if (from < 0 && to < 0 && from > to) {
        reply_bulk(call, BYTES(""));
        return;
    }
    from = from < 0 ? add_saturated(from, size) : from;
    to = to < 0 ? add_saturated(to, size) : to;
    from = from < 0 ? 0 : from;
    to = to < 0 ? 0 : to;
    to = to >= size ? size - 1 : to;
    if (from > to || size == 0)
        reply_bulk(call, BYTES(""));
    else
        reply_value(call, &view, bytes_slice(view.value, (size_t)from, (size_t)to + 1));
}

/* ---- counting ---------------------------------------------------------------------------------
 */

static void add(struct call *call, int64_t more)
{
    struct cache_view view;
    int64_t number = 0;
    char text[24];

    if (!call_string(call, call->key, &view))
        return;
    bool exists = view.state != CACHE_MISS;

    if (exists && number_i64(view.value, &number) != ERR_OK) {
        reply_not_integer(call);
        return;
    }
    if (__builtin_add_overflow(number, more, &number)) {
        reply_error(call, "increment or decrement would overflow");
        return;
    }
    size_t at = sizeof text;
    uint64_t digits = number < 0 ? -(uint64_t)number : (uint64_t)number;

    do {
        text[--at] = (char)('0' + digits % 10);
        digits /= 10;
    } while (digits > 0);
    if (number < 0)
        text[--at] = '-';
    if (call_put(call, call->key, TYPE_STRING, bytes_of(text + at, sizeof text - at),
                 exists ? view.expires_ms : CACHE_NEVER))
        reply_integer(call, number);
}

void on_strings_incr(struct call *call)
{
    add(call, 1);
}

void on_strings_decr(struct call *call)
{
    add(call, -1);
}

void on_strings_incrby(struct call *call)
{
    int64_t more = 0;

    if (call_integer(call, 2, &more))
        add(call, more);
}

void on_strings_decrby(struct call *call)
{
    int64_t less = 0;

    if (!call_integer(call, 2, &less))
        return;
    if (less == INT64_MIN)
        reply_error(call, "decrement would overflow");
    else
        add(call, -less);
}

void on_strings_incrbyfloat(struct call *call)
{
    struct cache_view view;
    long double number = 0, more = 0;
    char text[FIGURE_TEXT_SIZE];

    if (!call_string(call, call->key, &view))
        return;
    bool exists = view.state != CACHE_MISS;

    if ((exists && figure_read(view.value, &number) != ERR_OK) ||
        figure_read(call->words[2], &more) != ERR_OK) {
        reply_error(call, "value is not a valid float");
        return;
    }
    number += more;
    if (isnan(number) || isinf(number)) {
        reply_error(call, "increment would produce NaN or Infinity");
        return;
    }
    struct bytes written = figure_write(number, text);

    if (call_put(call, call->key, TYPE_STRING_FLOAT, written,
                 exists ? view.expires_ms : CACHE_NEVER))
        reply_bulk(call, written);
}
