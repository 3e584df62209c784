/* pulse.h: systemd's watchdog is told that every worker turns.
 * SPDX-License-Identifier: MIT
 *
 * Twice in the time that systemd waits, each worker gets a task and answers it. When all have
 * answered, WATCHDOG=1 is said; a worker that hangs keeps that from being said. Without
 * $WATCHDOG_USEC nothing is done.
 *
 * Threads: the main thread.
 */
#ifndef LARDER_CLI_PULSE_H
#define LARDER_CLI_PULSE_H

struct server;
struct pulse;

/* Its workers run. NULL: nobody waits for it. */
struct pulse *pulse_new(struct server *server);
void pulse_free(struct pulse **owner); /* no worker runs any more */

#endif
