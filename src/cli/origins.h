/* origins.h: what is known of the origins' servers, as metrics and as JSON.
 * SPDX-License-Identifier: MIT
 *
 * Threads: worker 0's, as all of the admin door.
 */
#ifndef LARDER_CLI_ORIGINS_H
#define LARDER_CLI_ORIGINS_H

#include "cli/server.h"

/* The families of /metrics that have a server or a breaker. */
void origins_expose(const struct server *server, struct buf *out);

/* For /v1/origins: one object. */
void origins_json(const struct server *server, struct buf *out);

#endif
