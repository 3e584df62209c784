/* forward.h: the request that an origin gets, written anew from parsed fields.
 * SPDX-License-Identifier: MIT
 *
 * What is hop-by-hop stays here. X-Forwarded-* are ours to say and replaced; fields with which
 * frameworks let a request pretend to be another one (X-Original-URL, X-HTTP-Method-Override...)
 * are taken out, since the cache would store the pretended one's answer under the real one's key.
 *
 * Memory: fields point into the request, the worker's rooms and the target; they are loans until
 * the worker does something else. Threads: the worker's own.
 */
#ifndef LARDER_SERVER_HTTP_FORWARD_H
#define LARDER_SERVER_HTTP_FORWARD_H

#include "server/http/gate.h"

struct forward {
    const struct http_head *request;
    const struct target *target;
    const struct address *peer;
    struct bytes trace; /* a traceparent to add; empty: none */
    bool for_cache;     /* the whole, unconditionally: GET for HEAD, without Range and If-...;
                           negotiating fields    in their normal form */
    bool background;    /* nobody's wish: without Cache-Control and Pragma too */
    struct bytes etag;  /* to ask whether what is stored still holds; empty: not asked */
    struct bytes last_modified;
    struct bytes upgrade; /* the protocol to ask for; empty: none */
};

void forward_write(struct gate *gate, const struct forward *forward,
                   struct exchange_request *ret_request);

#endif
