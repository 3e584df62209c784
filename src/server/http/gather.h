/* gather.h: a request's body as a part of the key: QUERY, and POST where the route says so.
 * SPDX-License-Identifier: MIT
 *
 * What such a request asks for stands in its body, so the body is read before anything is looked
 * up, and its hash goes into the key with the fields that say how it is to be read. A body that is
 * too large for that goes to the origin as it comes, what was gathered first.
 *
 * Memory: charged to the account of connections, until the request is answered: whoever waits for
 * another one's fetch may have to ask himself. Threads: the loop's own. Limits: the route's
 * key.max_body.
 */
#ifndef LARDER_SERVER_HTTP_GATHER_H
#define LARDER_SERVER_HTTP_GATHER_H

#include "base/buf.h"
#include "proto/http.h"

enum { GATHER_HASH_SIZE = 16 };

struct gather {
    struct buf body;
    bool is_whole;
    bool is_too_large; /* what is here is only its beginning */
    uint8_t hash[GATHER_HASH_SIZE];
};

/* NULL: no memory. */
struct gather *gather_new(size_t max, struct account *account);
void gather_free(struct gather **owner);

/* False, and nothing was added: it is too large to be part of a key. */
bool gather_add(struct gather *gather, struct bytes piece);

/* The body is whole: makes the hash. */
void gather_seal(struct gather *gather, const struct http_head *request);

#endif
