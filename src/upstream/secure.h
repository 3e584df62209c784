/* secure.h: servers that are spoken to through TLS: those written with https://.
 * SPDX-License-Identifier: MIT
 *
 * Each line of the setting `servers` has a TLS side of its own, for all workers: the name that is
 * asked for and looked for in the certificate is the line's, and the last session of the line's
 * server is the one that is resumed.
 */
#ifndef LARDER_UPSTREAM_SECURE_H
#define LARDER_UPSTREAM_SECURE_H

#include "net/tls.h"
#include "upstream/origin.h"

enum { SECURE_ADDRESS_MAX = 320 };

/* Whether a server's address begins with https://. Then that is cut off it, and the port 443 is
 * added where none is named, in `room`. */
bool secure_cut(struct bytes *address, char room[SECURE_ADDRESS_MAX]);

/* How to speak with the server at `address`, "host:port". ERR_DISK, ERR_SYNTAX: the file of trusted
 * certificates cannot be used; see the fault. */
enum err secure_new(const struct origin_settings *settings, struct bytes address,
                    struct tls **ret_tls, struct fault *fault);

/* Whether the error says that there is no connection: it was refused, or TLS came to nothing. */
bool secure_is_unconnected(enum err err);

#endif
