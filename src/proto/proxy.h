/* proxy.h: the PROXY protocol's header, versions 1 and 2: what a proxy in front says about who its
 * client is, ahead of everything else on a connection.
 * SPDX-License-Identifier: MIT
 *
 *   version 1   "PROXY TCP4 192.0.2.1 192.0.2.9 51234 443\r\n"
 *   version 2   12 bytes of signature | version, command | family, protocol | length | addresses |
 * more
 *
 * Read as strictly as HTTP: whoever could send a header that two readers understand differently
 * could tell each of them another address. What stands behind the addresses in version 2 (TLVs)
 * must be well formed and is not used.
 *
 * Memory: none. Threads: any.
 */
#ifndef LARDER_PROTO_PROXY_H
#define LARDER_PROTO_PROXY_H

#include "base/bytes.h"
#include "base/err.h"

enum { PROXY_HEADER_MAX = 2048 /* bytes, of version 2; version 1 has at most 107 */ };

enum proxy_family {
    PROXY_ITSELF, /* the proxy speaks for itself, or does not say: the connection's own address */
    PROXY_V4,
    PROXY_V6,
    PROXY_LOCAL /* a Unix socket */
};

struct proxy_header {
    enum proxy_family family;
    uint8_t address[16]; /* the client's; 4 bytes of it for V4 */
    uint16_t port;
};

/* ERR_AGAIN    more has to arrive
 * ERR_SYNTAX   it is no such header
 * ERR_TOO_BIG  it is longer than PROXY_HEADER_MAX */
enum err proxy_parse(struct bytes input, struct proxy_header *ret_header, size_t *ret_size);

#endif
