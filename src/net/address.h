/* address.h: where to listen and whom to call, as text and as the system wants it.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_NET_ADDRESS_H
#define LARDER_NET_ADDRESS_H

#include "base/bytes.h"
#include "base/fault.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    };
    socklen_t size;
};

enum { ADDRESS_TEXT_SIZE = 128 };

/* "127.0.0.1:8080", "[::1]:8080", ":8080" (loopback), "unix:/run/larder.sock"; a name is looked up
 * now (blocking: at start only). The fault says what is wrong and how it should look. */
enum err address_parse(struct bytes text, struct address *ret_address, struct fault *fault);

enum { ADDRESS_NAME_SIZE = 256 };

/* Whether this is the address of a name ("app.internal:8000"), not of an address; then that is cut
 * into name and port. False for what is no address at all. */
bool address_is_name(struct bytes text, char ret_name[ADDRESS_NAME_SIZE], uint16_t *ret_port);

void address_text(const struct address *address, char ret_text[ADDRESS_TEXT_SIZE]);

/* Whether only this machine can reach it: loopback, or a Unix socket. */
bool address_is_local(const struct address *address);

/* 0 for a Unix socket. */
unsigned address_port(const struct address *address);

#endif
