/* notify.h: telling systemd how it goes.
 * SPDX-License-Identifier: MIT
 *
 * With Type=notify systemd waits for READY=1 before others start, and knows when the configuration
 * is read anew, when the end has begun, and which process goes on after an upgrade. The protocol is
 * one datagram to the Unix socket that $NOTIFY_SOCKET names; nothing of it is needed elsewhere, and
 * without the variable all calls do nothing.
 *
 * Watchdog: with $WATCHDOG_USEC the server says WATCHDOG=1 twice in that time, as long as every
 * worker turns. One that hangs ends that, and systemd starts the service anew.
 *
 * Threads: the main thread.
 */
#ifndef LARDER_CLI_NOTIFY_H
#define LARDER_CLI_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* One message, lines of NAME=VALUE. False: there is nobody to tell. */
bool notify_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How often to say WATCHDOG=1; 0: nobody waits for it. */
int64_t notify_watchdog_ms(void);

#endif
