/* upgrade.h: another program takes over, and no connection is refused.
 * SPDX-License-Identifier: MIT
 *
 * On SIGUSR2, and on POST /v1/upgrade (`larder upgrade`), the program is started once more as it
 * was started before: the same words, so the file that is installed under that name now. It gets
 * the listening sockets themselves (inheritance.h), so that whoever connects meanwhile is served by
 * one of the two:
 *
 *   old   serves ---------------------------> ready? closes its sockets, ends what is under way
 *   new             starts, reads, listens -> ready
 *                   cannot ----------------> says why, and the old one goes on as if nothing was
 *
 * What the new one has not: the cache's content, and connections of clients. Those of HTTP clients
 * end behind their next answer, which says Connection: close; uploads, downloads and upgraded
 * connections may go on until http.timeout.drain is over. Redis clients are cut when what is queued
 * for them was sent.
 *
 * Threads: the main thread, but for upgrade_ask.
 */
#ifndef LARDER_CLI_UPGRADE_H
#define LARDER_CLI_UPGRADE_H

#include <stdatomic.h>

struct server;
struct upgrade;

struct upgrade *upgrade_new(struct server *server);
void upgrade_free(struct upgrade **owner); /* no worker runs any more */

/* `who`: what asked for it, for the log. */
void upgrade_start(struct upgrade *upgrade, const char *who);

/* On worker 0: the admin door was asked for it. */
void upgrade_ask(struct upgrade *upgrade);

#endif
