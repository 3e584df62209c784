/* search.h: No-Vary-Search: which parts of a query make no difference.
 * SPDX-License-Identifier: MIT
 *
 *   No-Vary-Search: key-order                       the order of the names
 *   No-Vary-Search: params                          all parameters
 *   No-Vary-Search: params=("utm_source" "ref")     these
 *   No-Vary-Search: params, except=("id")           all but these
 *
 * Names are compared decoded (%61 is a, + a blank); of values only the spelling counts, which
 * url.h has made one. A field that breaks a rule anywhere is as if it were not there.
 *
 * Memory: none; the struct points into the field. Threads: any.
 */
#ifndef LARDER_PROTO_SEARCH_H
#define LARDER_PROTO_SEARCH_H

#include "base/bytes.h"
#include "base/err.h"

enum { SEARCH_PARAMS_MAX = 128 /* of a query */ };

struct search {
    bool in_any_order;  /* of different names */
    bool drops_all;     /* parameters, but those in `names` */
    struct bytes names; /* an inner list: to be dropped, or to be kept */
};

/* ERR_MISS: it says that everything makes a difference, as is so without it. ERR_SYNTAX. */
enum err search_parse(struct bytes value, struct search *ret_search);

/* Writes the query (without '?') as all queries that are answered alike are written: to `out`,
 * which has room for as many bytes and does not overlap. ERR_TOO_BIG: too many parameters. */
enum err search_write(const struct search *search, struct bytes query, uint8_t *out,
                      size_t *ret_size);

#endif
