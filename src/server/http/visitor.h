/* visitor.h: who asks, when proxies stand in between that may be trusted to say so.
 * SPDX-License-Identifier: MIT
 *
 * X-Forwarded-For is a list to which each proxy adds whom it was asked by; anybody can begin it
 * with what he likes. So it is read from its right end, and only as far as trusted proxies wrote
 * it: the first address from the right that is not trusted (http.trusted_proxies) is who asks. Of
 * all others the connection's own address counts, whatever they say.
 *
 * Memory: into the worker's room, until the next request is looked at. Threads: the loop's own.
 */
#ifndef LARDER_SERVER_HTTP_VISITOR_H
#define LARDER_SERVER_HTTP_VISITOR_H

#include "server/http/gate.h"

/* The other end of a connection. */
struct visitor {
    const struct address *peer;
    bool is_trusted; /* its address is one of http.trusted_proxies */
    bool is_secure;  /* it speaks TLS */
};

const struct address *visitor_address(struct gate *gate, struct visitor visitor,
                                      const struct http_head *request);

/* Whether the visitor speaks TLS, to us or to the proxy that is trusted. */
bool visitor_is_secure(struct visitor visitor, const struct http_head *request);

#endif
