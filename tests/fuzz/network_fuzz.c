/* Networks and addresses of X-Forwarded-For: an address is in the network of itself, and in each
 * wider one. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "net/network.h"

#include <arpa/inet.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const struct address *address)
{
    struct network network;
    struct fault fault;
    char host[INET6_ADDRSTRLEN];
    uint8_t visitor[16];
    bool is_v4 = address->any.sa_family == AF_INET;
    const void *bytes =
        is_v4 ? (const void *)&address->v4.sin_addr : (const void *)&address->v6.sin6_addr;

    must(inet_ntop(address->any.sa_family, bytes, host, sizeof host) != NULL);
    must(network_parse(bytes_of_text(host), &network, &fault) == ERR_OK);
    must(network_has(&network, address));
    must(network_parse(is_v4 ? BYTES("0.0.0.0/0") : BYTES("::/0"), &network, &fault) == ERR_OK);
    must(network_has(&network, address));
    must(network_visitor(address, visitor) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    struct network network;
    struct address address;
    struct fault fault;

    if (network_read_address(text, &address))
        check_address(&address);
    if (network_parse(text, &network, &fault) == ERR_OK)
        must(network.is_local || network.bits <= 128);
    return 0;
}
