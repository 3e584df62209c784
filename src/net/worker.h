/* worker.h: a thread with a name and, if wanted, a core of its own.
 * SPDX-License-Identifier: MIT
 *
 * Signals are blocked in it: they go to the thread that waits for them (cli/). A worker ends when
 * its `run` returns; who wants that stops its loop (loop_stop) and joins.
 */
#ifndef LARDER_NET_WORKER_H
#define LARDER_NET_WORKER_H

#include "base/err.h"

struct worker;

/* `name` is cut to 15 bytes. `core`: the number of a CPU, or negative for whichever; a core that
 * this process may not use is as good as none. ERR_SYSTEM: the system gives no thread. */
enum err worker_start(const char *name, int core, void (*run)(void *context), void *context,
                      struct worker **ret_worker);

/* Waits for its end. */
void worker_join(struct worker **owner);

/* How many cores this process may use. */
unsigned worker_cores(void);

#endif
