/* key_body.h: a request's body as a part of the key: QUERY, and POST where the route says so.
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
#ifndef LARDER_SERVER_HTTP_KEY_BODY_H
#define LARDER_SERVER_HTTP_KEY_BODY_H

#include "base/buf.h"
#include "base/hash.h"
#include "proto/http.h"

enum { KEY_BODY_HASH_SIZE = 16 };

struct key_body {
    struct buf body;
    bool is_whole;
    bool is_too_large; /* what is here is only its beginning */
    uint8_t hash[KEY_BODY_HASH_SIZE];
};

/* NULL: no memory. */
struct key_body *key_body_new(size_t max, struct account *account);
void key_body_free(struct key_body **owner);

/* False, and nothing was added: it is too large to be part of a key. */
bool key_body_add(struct key_body *key_body, struct bytes piece);

/* The body is whole: makes the hash. Of a secret, since whoever could choose two bodies with one
 * hash would choose what others are answered. */
void key_body_seal(struct key_body *key_body, const struct http_head *request,
                   struct hash_secret secret);

#endif
