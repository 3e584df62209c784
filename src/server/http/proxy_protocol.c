/* proxy_protocol.c: from the PROXY protocol's header to an address. SPDX-License-Identifier: MIT */
#include "server/http/proxy_protocol.h"

#include "proto/proxy.h"

_Static_assert((int)PROXY_HEADER_MAX <= (int)CONN_PREFACE_MAX,
               "the longest header can be looked at");

static struct address address_of(const struct proxy_header *header)
{
    struct address address = {.size = 0};

    switch (header->family) {
    case PROXY_V4:
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(header->port);
        memcpy(&address.v4.sin_addr, header->address, sizeof address.v4.sin_addr);
        address.size = sizeof address.v4;
        break;
    case PROXY_V6:
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(header->port);
        memcpy(&address.v6.sin6_addr, header->address, sizeof address.v6.sin6_addr);
        address.size = sizeof address.v6;
        break;
    case PROXY_LOCAL:
        address.local.sun_family = AF_UNIX;
        address.size = offsetof(struct sockaddr_un, sun_path);
        break;
    case PROXY_ITSELF:
        break;
    }
    return address;
}

enum err proxy_protocol_read(struct bytes input, struct address *ret_peer, size_t *ret_size)
{
    struct proxy_header header;

    TRY(proxy_parse(input, &header, ret_size));
    *ret_peer = address_of(&header);
    return ERR_OK;
}
