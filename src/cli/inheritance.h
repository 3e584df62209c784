/* inheritance.h: listening sockets that this process was started with, and who waits for it.
 * SPDX-License-Identifier: MIT
 *
 * Two may hand them over:
 *
 *   systemd        LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES; the names are those of the doors:
 *                  http, https, resp, admin (FileDescriptorName= in the socket unit). Their
 *                  addresses are the unit's, whatever larder.yaml says.
 *   a Larder that  LARDER_SOCKETS="http=7,http=8,admin=9": one for each worker; and
 *   is upgraded    LARDER_READY=10, a pipe: this process writes "ready" there once it serves, or
 * why it cannot. A socket whose address is no longer wanted is left.
 *
 * A worker that finds no socket of its own shares the first one's.
 *
 * The variables are taken out of the environment. Threads: the main thread, before others run.
 * Limits: INHERITANCE_MAX sockets.
 */
#ifndef LARDER_CLI_INHERITANCE_H
#define LARDER_CLI_INHERITANCE_H

#include "base/fault.h"
#include "net/address.h"

enum { INHERITANCE_MAX = 2048 };

struct inheritance;

/* What the environment says. Never NULL. */
struct inheritance *inheritance_new(void);

/* Closes what nobody took. */
void inheritance_free(struct inheritance **owner);

/* A socket for a door, of the next worker; 0: there is none, and the door opens one itself. `want`
 * is the address in the configuration. `is_first`: for the first worker; another one gets one only
 * where the first did. */
int inheritance_take(struct inheritance *inheritance, const char *door, const struct address *want,
                     bool is_first);

/* To who handed them over, once. Ready: sockets that nobody took are closed, so that no connection
 * waits there in vain. */
void inheritance_say_ready(struct inheritance *inheritance);
void inheritance_say_failed(struct inheritance *inheritance, const struct fault *fault);

#endif
