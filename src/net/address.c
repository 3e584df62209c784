/* address.c: addresses from text and back. SPDX-License-Identifier: MIT */
#include "net/address.h"

#include "base/number.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

enum { HOST_MAX = ADDRESS_NAME_SIZE - 1 };

static enum err say_shape(struct fault *fault, struct bytes text)
{
    return fault_say(fault, ERR_SYNTAX,
                     "\"%.*s\" is no address; write host:port, [v6-address]:port, :port for this "
                     "machine only, or unix:/path",
                     BYTES_ARG(text));
}

static enum err parse_local(struct bytes path, struct address *ret_address, struct fault *fault)
{
    struct address address = {.local = {.sun_family = AF_UNIX}};

    if (path.size == 0 || memchr(path.data, 0, path.size) != NULL)
        return fault_say(fault, ERR_SYNTAX, "unix: needs a path behind it, as in unix:/run/a.sock");
    if (path.size >= sizeof address.local.sun_path)
        return fault_say(fault, ERR_TOO_BIG,
                         "the path of a Unix socket has at most %zu bytes, this one has %zu: %.*s",
                         sizeof address.local.sun_path - 1, path.size, BYTES_ARG(path));
    memcpy(address.local.sun_path, path.data, path.size);
    address.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.size + 1);
    *ret_address = address;
    return ERR_OK;
}

static enum err parse_port(struct bytes text, struct bytes whole, uint16_t *ret_port,
                           struct fault *fault)
{
    uint64_t port = 0;

    if (number_u64(text, &port) != ERR_OK || port > UINT16_MAX)
        return fault_say(fault, ERR_RANGE,
                         "\"%.*s\" in \"%.*s\" is no port; ports are numbers from 0 to 65535",
                         BYTES_ARG(text), BYTES_ARG(whole));
    *ret_port = (uint16_t)port;
    return ERR_OK;
}

static enum err look_up(const char *host, uint16_t port, struct address *ret_address,
                        struct fault *fault)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int why = getaddrinfo(host, NULL, &hints, &found);

    if (why != 0)
        return fault_say(fault, ERR_PEER_DOWN, "the name %s cannot be looked up: %s", host,
                         gai_strerror(why));
    struct address address = {.size = found->ai_addrlen};

    memcpy(&address.any, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (address.any.sa_family == AF_INET6)
        address.v6.sin6_port = htons(port);
    else
        address.v4.sin_port = htons(port);
    *ret_address = address;
    return ERR_OK;
}

static enum err from_host(const char *host, bool v6_only, uint16_t port,
                          struct address *ret_address, struct fault *fault)
{
    struct address address = {.v4 = {.sin_family = AF_INET, .sin_port = htons(port)},
                              .size = sizeof address.v4};

    if (!v6_only && inet_pton(AF_INET, host, &address.v4.sin_addr) == 1) {
        *ret_address = address;
        return ERR_OK;
    }
    address = (struct address){.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)},
                               .size = sizeof address.v6};
    if (inet_pton(AF_INET6, host, &address.v6.sin6_addr) == 1) {
        *ret_address = address;
        return ERR_OK;
    }
    if (v6_only)
        return fault_say(fault, ERR_SYNTAX, "[%s] is no IPv6 address", host);
    return look_up(host, port, ret_address, fault);
}

/* Position of the last colon, or the size. */
static size_t last_colon(struct bytes text)
{
    for (size_t at = text.size; at > 0; at--) {
        if (text.data[at - 1] == ':')
            return at - 1;
    }
    return text.size;
}

/* Cuts "host" or "[v6]" from ":port". */
static enum err cut_host(struct bytes text, struct bytes *ret_host, struct bytes *ret_port,
                         bool *ret_v6, struct fault *fault)
{
    size_t colon = last_colon(text);

    if (colon == text.size)
        return say_shape(fault, text);
    struct bytes host = bytes_slice(text, 0, colon);
    bool v6 = host.size >= 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';

    if (v6)
        host = bytes_slice(host, 1, host.size - 1);
    else if (bytes_find(host, ':') < host.size)
        return fault_say(fault, ERR_SYNTAX,
                         "\"%.*s\": write an IPv6 address in brackets, as in [::1]:8080",
                         BYTES_ARG(text));
    if (host.size > HOST_MAX || bytes_find(host, 0) < host.size ||
        bytes_find(host, '/') < host.size || bytes_find(host, '[') < host.size)
        return say_shape(fault, text);
    *ret_host = host;
    *ret_port = bytes_skip(text, colon + 1);
    *ret_v6 = v6;
    return ERR_OK;
}

enum err address_parse(struct bytes text, struct address *ret_address, struct fault *fault)
{
    struct bytes host = {0}, port_text = {0};
    char name[HOST_MAX + 1] = "127.0.0.1";
    uint16_t port = 0;
    bool v6 = false;

    if (bytes_begin_with(text, BYTES("unix:")))
        return parse_local(bytes_skip(text, 5), ret_address, fault);
    if (bytes_find_part(text, BYTES("://")) < text.size)
        return fault_say(fault, ERR_SYNTAX,
                         "\"%.*s\" is a URL where an address is wanted; write only host:port",
                         BYTES_ARG(text));
    TRY(cut_host(text, &host, &port_text, &v6, fault));
    TRY(parse_port(port_text, text, &port, fault));
    if (host.size > 0) {
        memcpy(name, host.data, host.size);
        name[host.size] = '\0';
    } else if (v6) {
        return say_shape(fault, text);
    }
    return from_host(name, v6, port, ret_address, fault);
}

bool address_is_name(struct bytes text, char ret_name[ADDRESS_NAME_SIZE], uint16_t *ret_port)
{
    struct bytes host = {0}, port_text = {0};
    struct fault unused = {.line = 0};
    struct in_addr literal;
    uint16_t port = 0;
    bool v6 = false;

    if (bytes_begin_with(text, BYTES("unix:")) ||
        cut_host(text, &host, &port_text, &v6, &unused) != ERR_OK || v6 || host.size == 0 ||
        parse_port(port_text, text, &port, &unused) != ERR_OK)
        return false;
    memcpy(ret_name, host.data, host.size);
    ret_name[host.size] = '\0';
    *ret_port = port;
    return inet_pton(AF_INET, ret_name, &literal) != 1;
}

void address_text(const struct address *address, char ret_text[ADDRESS_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "?";

    switch (address->any.sa_family) {
    case AF_INET:
        (void)inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        (void)snprintf(ret_text, ADDRESS_TEXT_SIZE, "%s:%u", host, address_port(address));
        return;
    case AF_INET6:
        (void)inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        (void)snprintf(ret_text, ADDRESS_TEXT_SIZE, "[%s]:%u", host, address_port(address));
        return;
    case AF_UNIX: {
        /* A client's end has no name. */
        size_t head = offsetof(struct sockaddr_un, sun_path);
        size_t size = address->size > head ? address->size - head : 0;

        (void)snprintf(ret_text, ADDRESS_TEXT_SIZE, "unix:%.*s", (int)size,
                       address->local.sun_path);
        return;
    }
    default:
        (void)snprintf(ret_text, ADDRESS_TEXT_SIZE, "unknown");
    }
}

bool address_is_local(const struct address *address)
{
    switch (address->any.sa_family) {
    case AF_INET:
        return ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
    default:
        return true;
    }
}

unsigned address_port(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohs(address->v4.sin_port);
    if (address->any.sa_family == AF_INET6)
        return ntohs(address->v6.sin6_port);
    return 0;
}
