/* network.c: ranges of addresses. SPDX-License-Identifier: MIT */
#include "net/network.h"

#include "base/number.h"

#include <arpa/inet.h>

enum { MAPPED_BITS = 96, VISITOR_V6_SIZE = 8 };

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* False: it is one of a Unix socket. */
static bool bytes_of_address(const struct address *address, uint8_t ret_bytes[16])
{
    if (address->any.sa_family == AF_INET6) {
        memcpy(ret_bytes, &address->v6.sin6_addr, 16);
        return true;
    }
    if (address->any.sa_family != AF_INET || address->size == 0)
        return false;
    memcpy(ret_bytes, mapped, sizeof mapped);
    memcpy(ret_bytes + sizeof mapped, &address->v4.sin_addr, 4);
    return true;
}

static bool read_bare(struct bytes text, struct address *ret_address)
{
    char host[INET6_ADDRSTRLEN];
    struct address v4 = {.v4 = {.sin_family = AF_INET}, .size = sizeof v4.v4};
    struct address v6 = {.v6 = {.sin6_family = AF_INET6}, .size = sizeof v6.v6};

    if (text.size == 0 || text.size >= sizeof host || bytes_find(text, 0) < text.size)
        return false;
    memcpy(host, text.data, text.size);
    host[text.size] = '\0';
    if (inet_pton(AF_INET, host, &v4.v4.sin_addr) == 1) {
        *ret_address = v4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6.v6.sin6_addr) != 1)
        return false;
    *ret_address = v6;
    return true;
}

static bool is_port(struct bytes text)
{
    uint64_t port = 0;

    return number_u64(text, &port) == ERR_OK && port <= UINT16_MAX;
}

bool network_read_address(struct bytes text, struct address *ret_address)
{
    size_t colon = bytes_find(text, ':');

    if (text.size > 0 && text.data[0] == '[') {
        size_t close = bytes_find(text, ']');
        struct bytes rest = bytes_skip(text, close < text.size ? close + 1 : text.size);

        return close < text.size && read_bare(bytes_slice(text, 1, close), ret_address) &&
               ret_address->any.sa_family == AF_INET6 &&
               (rest.size == 0 || (rest.data[0] == ':' && is_port(bytes_skip(rest, 1))));
    }
    if (read_bare(text, ret_address))
        return true;
    return colon < text.size && is_port(bytes_skip(text, colon + 1)) &&
           read_bare(bytes_slice(text, 0, colon), ret_address);
}

/* Whether no bit behind the first `bits` is set. */
static bool is_clean(const uint8_t address[16], unsigned bits)
{
    for (unsigned i = bits; i < 128; i++) {
        if ((address[i / 8] >> (7 - i % 8) & 1) != 0)
            return false;
    }
    return true;
}

enum err network_parse(struct bytes text, struct network *ret_network, struct fault *fault)
{
    struct bytes rest = text;
    struct bytes host = bytes_cut(&rest, '/');
    struct network network = {.bits = 128};
    struct address address;
    uint64_t bits = 0;

    if (bytes_equal(text, BYTES("unix"))) {
        *ret_network = (struct network){.is_local = true};
        return ERR_OK;
    }
    if (!read_bare(host, &address) || !bytes_of_address(&address, network.address))
        return fault_say(fault, ERR_SYNTAX,
                         "\"%.*s\" is no network; write 10.0.0.0/8, 2001:db8::/32, a single "
                         "address, or unix for Unix sockets",
                         BYTES_ARG(text));
    unsigned front = address.any.sa_family == AF_INET ? MAPPED_BITS : 0;

    if (host.size < text.size) {
        if (number_u64(rest, &bits) != ERR_OK || bits > 128 - front)
            return fault_say(fault, ERR_SYNTAX, "\"%.*s\": behind the / stands a number up to %u",
                             BYTES_ARG(text), 128 - front);
        network.bits = front + (unsigned)bits;
    }
    if (!is_clean(network.address, network.bits))
        return fault_say(fault, ERR_SYNTAX,
                         "\"%.*s\" has bits behind the first %u; write the network's own address",
                         BYTES_ARG(text), network.bits - front);
    *ret_network = network;
    return ERR_OK;
}

bool network_has(const struct network *network, const struct address *address)
{
    uint8_t bytes[16];
    unsigned whole = network->bits / 8;
    unsigned rest = network->bits % 8;

    if (!bytes_of_address(address, bytes))
        return network->is_local;
    if (network->is_local || memcmp(bytes, network->address, whole) != 0)
        return false;
    return rest == 0 || (bytes[whole] ^ network->address[whole]) >> (8 - rest) == 0;
}

size_t network_visitor(const struct address *address, uint8_t ret_bytes[16])
{
    uint8_t bytes[16];

    if (!bytes_of_address(address, bytes))
        return 0;
    if (memcmp(bytes, mapped, sizeof mapped) == 0) {
        memcpy(ret_bytes, bytes + sizeof mapped, 4);
        return 4;
    }
    memcpy(ret_bytes, bytes, VISITOR_V6_SIZE);
    return VISITOR_V6_SIZE;
}
