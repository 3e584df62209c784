/* network.h: ranges of addresses, as 10.0.0.0/8 and 2001:db8::/32 write them.
 * SPDX-License-Identifier: MIT
 *
 * IPv4 addresses are those of IPv6 that they are mapped to, so 10.0.0.1 and ::ffff:10.0.0.1 are
 * one.
 *
 * Memory: none. Threads: any.
 */
#ifndef LARDER_NET_NETWORK_H
#define LARDER_NET_NETWORK_H

#include "net/address.h"

struct network {
    bool is_local; /* Unix sockets */
    unsigned bits; /* of `address` that count: 0 to 128 */
    uint8_t address[16];
};

/* "10.0.0.0/8", "2001:db8::/32", "192.0.2.1", "::1", or "unix" for Unix sockets. ERR_SYNTAX: it is
 * none of these, or it has bits set behind those that count; see the fault. */
enum err network_parse(struct bytes text, struct network *ret_network, struct fault *fault);

bool network_has(const struct network *network, const struct address *address);

/* An address as X-Forwarded-For may have it: 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1],
 * [2001:db8::1]:80. Names are none. False: it is no address. */
bool network_read_address(struct bytes text, struct address *ret_address);

/* The bytes of an address that tell visitors apart: all four of IPv4, the first eight of IPv6, of
 * which everybody has as many as he likes behind those. Returns how many; 0: a Unix socket. */
size_t network_visitor(const struct address *address, uint8_t ret_bytes[16]);

#endif
