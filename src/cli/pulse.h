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

#include "net/loop.h"

struct pulse;

/* Begins on `loop`; workers whose loops run are added. NULL: nobody waits for it. */
struct pulse *pulse_new(struct loop *loop, unsigned workers_max);
void pulse_add(struct pulse *pulse, struct loop *worker); /* NULL: nothing is done */
void pulse_free(struct pulse **owner);                    /* no worker runs any more */

#endif
