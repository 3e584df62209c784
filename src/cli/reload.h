/* reload.h: the configuration is read anew while the server runs.
 * SPDX-License-Identifier: MIT
 *
 * On SIGHUP, and on POST /v1/reload (`larder reload`), the file is read with the same flags as at
 * start. If anything is wrong with it, everything stays as it is, and all mistakes are told. Else
 * it becomes the server's next edition (edition.h), in steps, so that either every worker changes
 * or none:
 *
 *   main            read, compile, compare with what is
 *   worker 0, then  prepare: make the origins that are new or different, open a new address
 *   the others
 *                   one could not: all put away what they made, and nothing has changed
 *   worker 0, then  take: new requests are served by the new site; those under way keep theirs
 *   the others
 *   main            memory, limits, log, password; tell what changed
 *   each worker     later: nobody uses the old site any more: origins that are not used again end
 *   main            all workers said so: the old edition is freed
 *
 * Worker 0 goes first because the admin door is there, which looks at the other workers' origins:
 * so it never sees one that has ended.
 *
 * Threads: the main thread, but for what is marked. One reload at a time; who asks meanwhile gets
 * another one behind it.
 */
#ifndef LARDER_CLI_RELOAD_H
#define LARDER_CLI_RELOAD_H

#include "cli/edition.h"

#include <stdatomic.h>

struct server;
struct reload;

/* Any thread may read these. */
struct reload_counts {
    _Atomic uint64_t done;
    _Atomic uint64_t failed;
    _Atomic int64_t success_ms; /* by people's clocks; of the start, at first */
    _Atomic unsigned editions;  /* configurations that are in use, by requests under way as well */
    _Atomic uint64_t hash;      /* of the configuration in use */
};

struct reload *reload_new(struct server *server);
void reload_free(struct reload **owner); /* no worker runs any more */

/* `who`: what asked for it, for the log. The outcome is in the log, in the counts and with
 * admin_ordered. */
void reload_start(struct reload *reload, const char *who);

/* On worker 0: the admin door was asked for it. */
void reload_ask(struct reload *reload);

/* Whether workers are changing over. */
bool reload_is_under_way(const struct reload *reload);

const struct reload_counts *reload_counts(const struct reload *reload);

#endif
