/* vary.h: which request fields choose among a URI's answers, and the bytes that tell them apart.
 * SPDX-License-Identifier: MIT
 *
 * Taken literally, Vary: Accept-Encoding splits a cache into as many parts as browsers have ways of
 * writing that field. So the three negotiating fields have a normal form, which is also what the
 * origin is sent: what it did not see cannot have chosen its answer.
 *
 *   Accept-Encoding  what is acceptable of br, zstd, gzip in this order, "identity" when none is;
 *                    and "identity;q=0" behind them when identity is refused
 *   Accept-Language  lower case, by q
 *   Accept           lower case up to the parameters, by q
 *   others           as sent: nobody knows where else a blank or a letter's case is of no meaning
 *
 * Memory: names point into the response's field or the text given. Threads: any.
 */
#ifndef LARDER_PROTO_VARY_H
#define LARDER_PROTO_VARY_H

#include "base/buf.h"
#include "proto/http.h"

enum { VARY_NAMES_MAX = 16, VARY_ITEMS_MAX = 32 /* of one list that is put in order */ };

struct vary {
    bool any; /* '*' anywhere: no later request can be answered from it */
    size_t count;
    struct bytes names[VARY_NAMES_MAX]; /* sorted without regard to case, each once */
    enum http_name ids[VARY_NAMES_MAX];
};

/* The names of all Vary fields of a response; none: count 0. A name that is no token counts as
 * '*': nothing safe can be said about it. ERR_TOO_BIG: more than VARY_NAMES_MAX names. */
enum err vary_of(const struct http_head *response, struct vary *ret_vary);

/* Whether the response varies at all: `Vary:` with nothing behind it is no Vary. */
bool vary_is_named(const struct http_head *response);

/* The same from text, such as vary_write leaves. */
enum err vary_parse(struct bytes text, struct vary *ret_vary);

/* "accept-encoding,accept-language": lower case, sorted; "*" when any. */
void vary_write(const struct vary *vary, struct buf *out);

enum vary_mode {
    VARY_NORMALISE, /* the normal form above */
    VARY_EXACT      /* as sent */
};

/* Appends the request's value of one field; several fields of the name are joined with ", ". `name`
 * counts for HTTP_OTHER only. False: the request has no such field and nothing was written (in
 * normal form Accept-Encoding always has a value). A list that makes no sense, or has more than
 * VARY_ITEMS_MAX items, is taken as sent. */
bool vary_value(const struct http_head *request, enum http_name id, struct bytes name,
                enum vary_mode mode, struct buf *out);

/* The variant's part of the key: for each name "name:value\n", or "name\n" when the field is
 * missing. Two requests with the same bytes are answered alike. */
void vary_key(const struct vary *vary, const struct http_head *request, struct buf *out);

/* Which codings the client takes: for choosing among stored variants. */
struct vary_codings {
    bool br;
    bool zstd;
    bool gzip;
    bool identity;
};
struct vary_codings vary_codings_of(const struct http_head *request);

/* What each coding is worth to the client, in thousandths; 0: it does not take it. Identity is
 * taken, as the last choice, when nothing is said about it. */
enum { VARY_BR, VARY_ZSTD, VARY_GZIP, VARY_IDENTITY, VARY_CODINGS };
void vary_weights_of(const struct http_head *request, int ret_weights[VARY_CODINGS]);

#endif
