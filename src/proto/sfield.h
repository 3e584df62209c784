/* sfield.h: structured fields (RFC 9651, which holds RFC 8941): dictionaries, lists, items.
 * SPDX-License-Identifier: MIT
 *
 * Readers that hand out one member at a time, so that nothing has to be stored. A field with an
 * error anywhere is to be ignored as a whole, so read it to its end (or ask sf_is_dictionary,
 * sf_is_list first) before you believe any of it.
 *
 *     struct bytes rest = value;
 *     while ((err = sf_dictionary_next(&rest, &key, &item)) == ERR_OK)
 *         ...
 *     if (err != ERR_MISS)
 *         the field is broken
 *
 * Memory: none; texts point into the field. Threads: any.
 */
#ifndef LARDER_PROTO_SFIELD_H
#define LARDER_PROTO_SFIELD_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

enum sf_kind {
    SF_INTEGER,
    SF_DECIMAL, /* `number` is in thousandths */
    SF_STRING,  /* `text` without quotes, escapes as they stand: sf_unescape */
    SF_TOKEN,
    SF_BINARY,    /* `text` is base64, without colons */
    SF_BOOLEAN,   /* `number` is 0 or 1 */
    SF_DATE,      /* `number` is seconds */
    SF_DISPLAY,   /* `text` without quotes, percent-escapes as they stand, known to be UTF-8 */
    SF_INNER_LIST /* `text` is what stands within the parentheses: sf_inner_next */
};

struct sf_item {
    enum sf_kind kind;
    bool escaped; /* SF_STRING: there is a backslash in `text` */
    int64_t number;
    struct bytes text;
    struct bytes parameters; /* ";a=1;b": sf_parameter_next */
};

/* Each takes one off the front of `*rest`, which starts as the field's value (several fields of one
 * name: one after the other). The same key may come again: the last one counts.
 * ERR_MISS    nothing is left, and all was well
 * ERR_SYNTAX  the field is broken */
enum err sf_list_next(struct bytes *rest, struct sf_item *ret_item);
enum err sf_dictionary_next(struct bytes *rest, struct bytes *ret_key, struct sf_item *ret_item);
enum err sf_inner_next(struct bytes *rest, struct sf_item *ret_item);
enum err sf_parameter_next(struct bytes *rest, struct bytes *ret_key, struct sf_item *ret_item);

/* The whole text is one item. ERR_SYNTAX. */
enum err sf_item_parse(struct bytes text, struct sf_item *ret_item);

bool sf_is_dictionary(struct bytes text);
bool sf_is_list(struct bytes text);

/* The last parameter of that name, or ERR_MISS. */
enum err sf_parameter_find(const struct sf_item *item, struct bytes key, struct sf_item *ret_item);

/* The string's characters, escapes resolved; at most text.size bytes, returns how many. */
size_t sf_unescape(struct bytes text, uint8_t *out);

/* A string with quotes and escapes. What no string can hold (controls, bytes above 0x7e) becomes
 * '?'. */
void sf_write_string(struct buf *out, struct bytes text);

/* A token when it is one, else a string. */
void sf_write_token(struct buf *out, struct bytes text);

/* ---- Cache-Status (RFC 9211) ------------------------------------------------------------- */

struct cache_status {
    bool hit;
    const char *forwarded;   /* why it was sent on: "uri-miss", "vary-miss", "miss", "stale",
                                "request", "method", "bypass", "partial"; NULL: it was not */
    unsigned forward_status; /* what the origin answered; 0: nothing, or the same */
    bool has_ttl;
    int64_t ttl_s; /* of freshness left; negative: how long it has been stale */
    bool stored;
    bool collapsed;     /* it waited for another one's load */
    struct bytes key;   /* empty: not told */
    const char *detail; /* a reason; NULL: none */
};

/* Appends "larder; hit; ttl=30": a value, or a list member behind what is there already. */
void cache_status_write(struct buf *out, const struct cache_status *status);

#endif
