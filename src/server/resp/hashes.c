/* hashes.c: commands on hashes. SPDX-License-Identifier: MIT */
#include "server/resp/figure.h"
#include "server/resp/handlers.h"
#include "server/resp/picking.h"
#include "types/fields.h"
#include "types/members.h"

#include <math.h>
#include <stdio.h>

static bool find_hash(struct call *call, struct fields **ret_hash)
{
    return call_object(call, call->key, TYPE_HASH, ret_hash);
}

static bool get_field(const struct fields *hash, struct bytes name, struct bytes *ret_value)
{
    return hash != NULL && fields_get(hash, name, ret_value);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

void on_hashes_hget(struct call *call)
{
    struct fields *hash = NULL;
    struct bytes value;

    if (!find_hash(call, &hash))
        return;
    if (get_field(hash, call->words[2], &value))
        reply_bulk(call, value);
    else
        reply_null(call);
}

void on_hashes_hmget(struct call *call)
{
    struct fields *hash = NULL;
    struct bytes value;

    if (!find_hash(call, &hash))
        return;
    reply_array(call, call->count - 2);
    for (size_t i = 2; i < call->count; i++) {
        if (get_field(hash, call->words[i], &value))
            reply_bulk(call, value);
        else
            reply_null(call);
    }
}

void on_hashes_hexists(struct call *call)
{
    struct fields *hash = NULL;
    struct bytes value;

    if (find_hash(call, &hash))
        reply_integer(call, get_field(hash, call->words[2], &value));
}

void on_hashes_hstrlen(struct call *call)
{
    struct fields *hash = NULL;
    struct bytes value;

    if (find_hash(call, &hash))
        reply_integer(call, get_field(hash, call->words[2], &value) ? (int64_t)value.size : 0);
}

void on_hashes_hlen(struct call *call)
{
    struct fields *hash = NULL;

    if (find_hash(call, &hash))
        reply_integer(call, hash == NULL ? 0 : (int64_t)fields_count(hash));
}

static void reply_fields(struct call *call, bool names, bool values)
{
    struct fields *hash = NULL;
    struct fields_walk walk = {0};
    struct bytes name, value;

    if (!find_hash(call, &hash))
        return;
    size_t count = hash == NULL ? 0 : fields_count(hash);

    if (names && values)
        reply_map(call, count);
    else
        reply_array(call, count);
    while (hash != NULL && fields_next(hash, &walk, &name, &value)) {
        if (names)
            reply_bulk(call, name);
        if (values)
            reply_bulk(call, value);
    }
}

void on_hashes_hgetall(struct call *call)
{
    reply_fields(call, true, true);
}

void on_hashes_hkeys(struct call *call)
{
    reply_fields(call, true, false);
}

void on_hashes_hvals(struct call *call)
{
    reply_fields(call, false, true);
}

static void scan_field(void *context, struct bytes name, struct bytes value)
{
    struct scanned *scanned = context;

    scanned_add(scanned, name, value);
}

void on_hashes_hscan(struct call *call)
{
    struct scan_options options;
    struct fields *hash = NULL;
    struct scanned scanned;
    uint64_t cursor = 0;

    if (!call_cursor(call, 2, &cursor) || !call_scan_options(call, 3, &options) ||
        !find_hash(call, &hash))
        return;
    scanned_begin(&scanned, &options);
    do {
        cursor = hash == NULL ? 0 : fields_scan(hash, cursor, scan_field, &scanned);
    } while (scanned_goes_on(&scanned, cursor));
    scanned_reply(call, &scanned, cursor);
}

/* ---- at random --------------------------------------------------------------------------------
 */

static void reply_field(struct call *call, bool values, struct bytes name, struct bytes value)
{
    if (values && call->protocol >= 3)
        reply_array(call, 2);
    reply_bulk(call, name);
    if (values)
        reply_bulk(call, value);
}

/* So few that drawing again what was drawn already is cheaper than passing by all. */
static void reply_few_fields(struct call *call, const struct fields *hash, size_t count,
                             bool values)
{
    struct members *drawn = members_new(call->resp->rules);
    struct bytes name, value;

    if (drawn == NULL) {
        reply_err(call, ERR_FULL);
        return;
    }
    reply_array(call, count * (values && call->protocol < 3 ? 2 : 1));
    while (count > 0) {
        bool added = true;

        fields_random(hash, &call->door->random, &name, &value);
        /* Without memory to remember it a field may come twice. */
        if (members_add(drawn, name, &added) != ERR_OK || added) {
            reply_field(call, values, name, value);
            count--;
        }
    }
    members_free(&drawn);
}

static void reply_random_fields(struct call *call, const struct fields *hash, int64_t count,
                                bool values)
{
    struct random *random = &call->door->random;
    size_t have = fields_count(hash);
    struct picking picking;
    struct fields_walk walk = {0};
    struct bytes name, value;

    if (count < 0) {
        reply_array(call, (size_t)-count * (values && call->protocol < 3 ? 2 : 1));
        for (; count < 0; count++) {
            fields_random(hash, random, &name, &value);
            reply_field(call, values, name, value);
        }
        return;
    }
    picking_begin(&picking, have, (size_t)count);
    if (picking_is_sparse(&picking)) {
        reply_few_fields(call, hash, (size_t)count, values);
        return;
    }
    reply_array(call, picking.wanted * (values && call->protocol < 3 ? 2 : 1));
    while (fields_next(hash, &walk, &name, &value)) {
        if (picking_takes(&picking, random))
            reply_field(call, values, name, value);
    }
}

void on_hashes_hrandfield(struct call *call)
{
    struct fields *hash = NULL;
    bool values = call->count == 4;
    int64_t count = 0;

    if (call->count >= 3) {
        if (!call_range(call, 2, -INT64_MAX, INT64_MAX, NULL, &count))
            return;
        if (call->count > 4 || (values && !word_is(call, 3, "withvalues"))) {
            reply_syntax(call);
            return;
        }
        if (values && (count < INT64_MIN / 2 || count > INT64_MAX / 2)) {
            reply_error(call, "value is out of range");
            return;
        }
    }
    if (!find_hash(call, &hash))
        return;
    if (call->count == 2) {
        struct bytes name, value;

        if (hash == NULL) {
            reply_null(call);
            return;
        }
        fields_random(hash, &call->door->random, &name, &value);
        reply_bulk(call, name);
    } else if (hash == NULL || count == 0) {
        reply_array(call, 0);
    } else {
        reply_random_fields(call, hash, count, values);
    }
}

/* ---- writing ----------------------------------------------------------------------------------
 */

/* Sets pairs from words[2] on. False: refused, which was replied. */
static bool set_pairs(struct call *call, int64_t *ret_added)
{
    struct edit edit;

    *ret_added = 0;
    if (!edit_begin(call, call->key, TYPE_HASH, &edit) || !edit_make(call, &edit))
        return false;
    for (size_t i = 2; i + 1 < call->count; i += 2) {
        bool added = false;
        enum err err = fields_set(edit.object, call->words[i], call->words[i + 1], &added);

        if (err != ERR_OK) {
            if (edit_end(call, &edit, true))
                reply_err(call, err);
            return false;
        }
        *ret_added += added;
    }
    return edit_end(call, &edit, true);
}

void on_hashes_hset(struct call *call)
{
    int64_t added = 0;

    if (call->count % 2 != 0)
        reply_wrong_arity(call);
    else if (set_pairs(call, &added))
        reply_integer(call, added);
}

void on_hashes_hmset(struct call *call)
{
    int64_t added = 0;

    if (call->count % 2 != 0)
        reply_wrong_arity(call);
    else if (set_pairs(call, &added))
        reply_ok(call);
}

void on_hashes_hsetnx(struct call *call)
{
    struct fields *hash = NULL;
    struct bytes value;
    int64_t added = 0;

    if (!find_hash(call, &hash))
        return;
    if (get_field(hash, call->words[2], &value))
        reply_integer(call, 0);
    else if (set_pairs(call, &added))
        reply_integer(call, 1);
}

void on_hashes_hdel(struct call *call)
{
    struct edit edit;
    int64_t removed = 0;

    if (!edit_begin(call, call->key, TYPE_HASH, &edit))
        return;
    for (size_t i = 2; edit.object != NULL && i < call->count; i++)
        removed += fields_remove(edit.object, call->words[i]);
    if (edit_end(call, &edit, removed > 0))
        reply_integer(call, removed);
}

/* Gives the field of `edit` this text. False: refused, which was replied. */
static bool set_number(struct call *call, struct edit *edit, struct bytes text)
{
    bool added = false;

    if (!edit_make(call, edit))
        return false;
    enum err err = fields_set(edit->object, call->words[2], text, &added);

    if (err != ERR_OK) {
        if (edit_end(call, edit, false))
            reply_err(call, err);
        return false;
    }
    return edit_end(call, edit, true);
}

void on_hashes_hincrby(struct call *call)
{
    struct edit edit;
    struct bytes value;
    int64_t more = 0, number = 0;
    char text[24];

    if (!call_integer(call, 3, &more) || !edit_begin(call, call->key, TYPE_HASH, &edit))
        return;
    if (get_field(edit.object, call->words[2], &value) && number_i64(value, &number) != ERR_OK) {
        reply_error(call, "hash value is not an integer");
        return;
    }
    if (__builtin_add_overflow(number, more, &number)) {
        reply_error(call, "increment or decrement would overflow");
        return;
    }
    int size = snprintf(text, sizeof text, "%lld", (long long)number);

    if (set_number(call, &edit, bytes_of(text, (size_t)size)))
        reply_integer(call, number);
}

void on_hashes_hincrbyfloat(struct call *call)
{
    struct edit edit;
    struct bytes value;
    long double more = 0, number = 0;
    char text[FIGURE_TEXT_SIZE];

    if (figure_read(call->words[3], &more) != ERR_OK) {
        reply_error(call, "value is not a valid float");
        return;
    }
    if (isnan(more) || isinf(more)) {
        reply_error(call, "value is NaN or Infinity");
        return;
    }
    if (!edit_begin(call, call->key, TYPE_HASH, &edit))
        return;
    if (get_field(edit.object, call->words[2], &value) && figure_read(value, &number) != ERR_OK) {
        reply_error(call, "hash value is not a float");
        return;
    }
    number += more;
    if (isnan(number) || isinf(number)) {
        reply_error(call, "increment would produce NaN or Infinity");
        return;
    }
    struct bytes written = figure_write(number, text);

    if (set_number(call, &edit, written))
        reply_bulk(call, written);
}
