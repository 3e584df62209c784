/* checkup.h: asks every server of an origin again and again whether it is well.
 * SPDX-License-Identifier: MIT
 *
 * `health.get` is asked of each server on a connection of its own, every `health.every`; a server
 * is well that answers within `health.timeout` with a status of `health.status`. What follows from
 * that is the fleet's business (fleet_note_check). One worker's loop asks, for all of them.
 *
 * Memory: a few KiB for each server while it is asked. Threads: the loop's own.
 * Limits: one check a server at a time; 64 KiB of head; the body is not read.
 */
#ifndef LARDER_UPSTREAM_CHECKUP_H
#define LARDER_UPSTREAM_CHECKUP_H

#include "net/conn.h"
#include "upstream/fleet.h"

struct checkup;

/* Begins at once. `fleet` and `conns` (how its servers are connected to) outlive it. */
struct checkup *checkup_new(struct loop *loop, struct fleet *fleet,
                            const struct conn_settings *conns);

/* Cuts what is under way. The loop must turn once before checkup_free. */
void checkup_stop(struct checkup *checkup);
void checkup_free(struct checkup **owner);

/* "200" or "200-299". ERR_SYNTAX */
enum err checkup_read_status(struct bytes text, unsigned *ret_lowest, unsigned *ret_highest);

#endif
