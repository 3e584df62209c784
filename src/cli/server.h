/* server.h: what runs while `larder serve` runs: the engine, the workers and their doors.
 * SPDX-License-Identifier: MIT
 *
 *   main thread   its own loop: signals, the end of the workers
 *   worker n      loop, engine handle, origins, gateway, RESP door; worker 0 also the admin door
 *
 * Everything is made and freed on the main thread; in between a worker's things are touched by its
 * own thread only. Life: server_new -> server_run -> server_free.
 *
 * Draining: on the first SIGTERM or SIGINT the doors stop to accept and finish what is under way,
 * at the latest after http.timeout.drain; the second signal ends the process at once.
 */
#ifndef LARDER_CLI_SERVER_H
#define LARDER_CLI_SERVER_H

#include "base/log.h"
#include "cache/cache.h"
#include "cli/probe.h"
#include "cli/resident.h"
#include "cli/setup.h"
#include "net/loop.h"
#include "net/worker.h"
#include "server/admin/admin.h"
#include "server/http/gateway.h"
#include "server/http/history.h"
#include "server/http/site.h"
#include "server/http/tally.h"
#include "server/resp/door.h"
#include "upstream/fleet.h"

#include <stdatomic.h>

struct server;

/* One thread with everything that is its own. */
struct server_worker {
    struct server *server;
    unsigned number;
    struct loop *loop;
    struct cache_thread *cache;
    struct origin **origins; /* in the order of the configuration; NULL: no gateway */
    struct gateway *gateway; /* NULL: off */
    struct resp_door *resp;  /* NULL: off */
    struct worker *thread;
    struct loop_task drain; /* to the worker: finish */
    struct loop_task ended; /* to the main loop: finished */
    bool is_draining;
    bool is_gateway_drained;
    bool is_counted; /* among workers_done */
};

struct server {
    const struct setup *setup;
    const struct config *config;
    struct log log;
    int64_t started_ms; /* by people's clocks */
    struct loop *loop;  /* the main thread's */
    struct cache *cache;
    struct site *site;
    struct tallies *tallies;
    struct history *history;
    struct resp *resp;
    struct fleet **fleets; /* in the order of the configuration; NULL: no gateway */
    struct resident *resident;
    struct listener_limit http_limit;
    struct address http_address, https_address, resp_address, admin_address;
    struct tls *tls; /* NULL: no door has it */
    int access_fd;   /* -1: no access log */
    struct server_worker *workers;
    unsigned workers_count;
    unsigned workers_ended;   /* told by the main loop's tasks */
    atomic_uint workers_done; /* drained, but for worker 0 */
    struct admin *admin;      /* on worker 0's loop; NULL: off */
    struct probe *probe;      /* there as well, as are the next two */
    struct timer look_again;
    bool *is_known_down; /* by origin: that it cannot be reached was told */
    atomic_bool is_draining;
    bool has_started; /* its threads run */
};

/* Makes everything and listens. On failure the fault says what is in the way, and what was made is
 * gone. `setup` outlives the server. */
enum err server_new(const struct setup *setup, struct server **ret_server, struct fault *fault);

/* Starts the threads and returns after the last of them has ended. `ready` is called once they run.
 * Signals are handled as above. ERR_SYSTEM: no threads. */
enum err server_run(struct server *server, void (*ready)(const struct server *server),
                    struct fault *fault);

void server_free(struct server **owner);

/* ---- for the files of cli/ ---------------------------------------------------------------------
 */

/* Makes loop, engine handle, origins and doors of the n-th worker. */
enum err server_worker_new(struct server *server, unsigned number, struct fault *fault);
void server_workers_cut(struct server *server);  /* closes all doors; loops still turn */
void server_workers_free(struct server *server); /* what is left */

/* The admin door, and the operations behind it (admin_ops.c). */
enum err server_admin_open(struct server *server, struct fault *fault);

/* Purges and what is asked about the past (past.c). `context` is the server. */
enum err server_purge(void *context, const struct admin_purge *purge,
                      struct admin_purged *ret_purged, struct fault *fault);
void server_write_purges(void *context, struct buf *out);
enum err server_why(void *context, struct bytes head, bool is_secure, struct buf *out,
                    struct fault *fault);

/* Remembers a purge. `door` is a text that stays. */
void server_remember_purge(const struct server *server, struct history_purge *purge,
                           struct bytes who, struct bytes text);

/* Looks whether the origins can be reached, now and whenever one of them failed; what changes is
 * said in the log. */
void server_origins_probe(struct server *server);

#endif
