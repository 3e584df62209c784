/* secure.c: https:// in front of a server. SPDX-License-Identifier: MIT */
#include "upstream/secure.h"

#include <stdio.h>

static const char *const protocols[] = {"http/1.1", NULL};

/* Where the host ends: at the last colon behind a possible IPv6 address in brackets. */
static size_t host_size(struct bytes address)
{
    for (size_t at = address.size; at > 0; at--) {
        if (address.data[at - 1] == ':')
            return at - 1;
        if (address.data[at - 1] == ']')
            break;
    }
    return address.size;
}

bool secure_cut(struct bytes *address, char room[SECURE_ADDRESS_MAX])
{
    struct bytes rest = bytes_skip(*address, strlen("https://"));

    if (!bytes_begin_with(*address, BYTES("https://")))
        return false;
    if (rest.size > 0 && rest.data[rest.size - 1] == '/')
        rest.size--;
    *address = rest;
    if (host_size(rest) < rest.size || rest.size + sizeof ":443" > SECURE_ADDRESS_MAX)
        return true;
    (void)snprintf(room, SECURE_ADDRESS_MAX, "%.*s:443", BYTES_ARG(rest));
    *address = bytes_of_text(room);
    return true;
}

enum err secure_new(const struct origin_settings *settings, struct bytes address,
                    struct tls **ret_tls, struct fault *fault)
{
    struct bytes host = bytes_slice(address, 0, host_size(address));
    char name[SECURE_ADDRESS_MAX];

    if (host.size > 2 && host.data[0] == '[')
        host = bytes_slice(host, 1, host.size - 1);
    (void)snprintf(name, sizeof name, "%.*s", BYTES_ARG(host));
    const struct tls_client_settings wanted = {
        .server_name = settings->tls_name != NULL ? settings->tls_name : name,
        .ca_file = settings->tls_ca_file,
        .verify = settings->tls_verify,
        .protocols = protocols,
    };

    return tls_client_new(&wanted, ret_tls, fault);
}

bool secure_is_unconnected(enum err err)
{
    return err == ERR_PEER_DOWN || err == ERR_PEER_UNTRUSTED || err == ERR_PEER_EXPIRED ||
           err == ERR_PEER_MISNAMED || err == ERR_PEER_NO_TLS;
}
