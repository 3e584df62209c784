/* probe.h: can the origins be reached?
 * SPDX-License-Identifier: MIT
 *
 * Opens a connection to every server of every origin and closes it again; nothing is asked. An
 * origin is reachable when one of its servers is. One round at a time; a server that does not
 * answer within PROBE_MS counts as unreachable.
 *
 * Threads: the loop's own.
 */
#ifndef LARDER_CLI_PROBE_H
#define LARDER_CLI_PROBE_H

#include "net/loop.h"
#include "upstream/fleet.h"

enum { PROBE_MS = 2000 };

struct probe;

/* Called at the end of a round: `is_up[i]` belongs to the i-th origin of the configuration. */
typedef void probe_done_fn(void *context, const bool *is_up, size_t count);

/* The fleets are borrowed. */
struct probe *probe_new(struct loop *loop, struct fleet *const *fleets, size_t count);

/* Begins a round. No round may be under way. */
void probe_start(struct probe *probe, probe_done_fn *done, void *context);
bool probe_is_running(const struct probe *probe);

/* Cuts a round short: `done` is not called. The loop must turn once before probe_free. */
void probe_stop(struct probe *probe);
void probe_free(struct probe **owner);

#endif
