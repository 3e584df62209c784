/* proxy_protocol.h: who the client is, as a proxy in front says it (PROXY protocol).
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_SERVER_HTTP_PROXY_PROTOCOL_H
#define LARDER_SERVER_HTTP_PROXY_PROTOCOL_H

#include "net/conn.h"

/* For conn_settings. */
enum err proxy_protocol_read(struct bytes input, struct address *ret_peer, size_t *ret_size);

#endif
