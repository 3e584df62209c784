/* server.h: what runs while `larder serve` runs: the engine, the workers and their doors.
 * SPDX-License-Identifier: MIT
 *
 *   main thread   its own loop: signals, the end of the workers
 *   worker n      loop, engine handle, origins, gateway, RESP door; worker 0 also the admin door
 *
 * Everything is made and freed on the main thread; in between a worker's things are touched by its
 * own thread only. Life: server_new -> server_run -> server_free.
 *
 * The configuration may be read anew meanwhile (reload.h): then `edition` and what is taken from it
 * changes on worker 0, and the rest of it on each worker's own thread.
 *
 * Draining: on the first SIGTERM or SIGINT the doors stop to accept and finish what is under way,
 * at the latest after http.timeout.drain; the second signal ends the process at once.
 */
#ifndef LARDER_CLI_SERVER_H
#define LARDER_CLI_SERVER_H

#include "base/log.h"
#include "cache/cache.h"
#include "cli/edition.h"
#include "cli/inheritance.h"
#include "cli/resident.h"
#include "net/loop.h"
#include "net/worker.h"
#include "server/admin/admin.h"
#include "server/http/gateway.h"
#include "server/http/history.h"
#include "server/http/logwriter.h"
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
    struct edition *edition; /* that its new requests get */
    struct origin **origins; /* of server->edition: for worker 0; NULL: no gateway */
    struct gateway *gateway; /* NULL: off */
    struct resp_door *resp;  /* NULL: off */
    struct worker *thread;
    struct loop_task drain; /* to the worker: finish */
    struct loop_task ended; /* to the main loop: finished */
    bool is_draining;
    bool is_gateway_drained;
    bool is_counted; /* among workers_done */
};

struct pulse;
struct reload;
struct upgrade;

struct server {
    struct edition_source source;
    struct edition *editions;    /* all that are still in use, the newest first; main thread */
    struct edition *edition;     /* the one in use; changes on worker 0 */
    const struct config *config; /* its */
    struct reload *reload;
    struct upgrade *upgrade;
    struct inheritance *inheritance;
    struct pulse *pulse; /* NULL: nobody waits for it */
    struct log log;
    int64_t started_ms; /* by people's clocks */
    struct loop *loop;  /* the main thread's */
    struct cache *cache;
    _Atomic(struct site *) site; /* of the edition in use; any thread, within a turn of its loop */
    struct site_accounts accounts;
    struct tallies *tallies;
    struct history *history;
    struct resp *resp;
    struct fleet **fleets; /* of the edition in use, in the order of its origins; worker 0's */
    struct resident *resident;
    struct listener_limit http_limit;
    struct address http_address, https_address, resp_address, admin_address;
    struct address next_addresses[GATEWAY_DOORS]; /* while a reload prepares others */
    struct timer deadline;                        /* of draining; the main loop's */
    int64_t drain_idle_ms;                        /* see server_drain */
    int64_t drain_ms;                             /* http.timeout.drain, for the main thread */
    _Atomic(struct tls *) tls;                    /* NULL: no door has had it so far */
    int access_fd;                                /* -1: no access log */
    char *access_name;                            /* of its file; NULL: it is none */
    struct logwriter *access_log;
    struct server_worker *workers;
    unsigned workers_count;
    unsigned workers_ended;   /* told by the main loop's tasks */
    atomic_uint workers_done; /* drained, but for worker 0 */
    struct admin *admin;      /* on worker 0's loop; NULL: off */
    struct probe *probe;      /* the edition's; there as well, as are the next two */
    struct timer look_again;
    bool *is_known_down; /* by origin: that it cannot be reached was told */
    atomic_bool is_draining;
    bool is_drain_due;          /* when the reload that is under way ends */
    atomic_bool is_handed_over; /* another process has the listening sockets, too */
    bool has_started;           /* its threads run */
};

/* Makes everything and listens. On failure the fault says what is in the way, and what was made is
 * gone. The edition is taken over in any case; source and inheritance are borrowed. */
enum err server_new(const struct edition_source *source, struct edition *edition,
                    struct inheritance *inheritance, struct server **ret_server,
                    struct fault *fault);

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

/* Waits for SIGTERM and all others that mean something (signals.c). */
struct signals;
enum err signals_new(struct server *server, struct signals **ret_signals, struct fault *fault);
void signals_free(struct signals **owner);

/* Accepts nobody any more and ends when what is under way has ended, at the latest after
 * http.timeout.drain. Connections are taken for idle when they said nothing for `idle_ms`. */
void server_drain(struct server *server, int64_t idle_ms);

/* From now on the paths of Unix sockets and the pid file are another process's. */
void server_hand_over(struct server *server);

/* As many descriptors as the system allows; warns when they are fewer than the limits want. */
void server_raise_descriptors(struct server *server);

/* Says in the log when a certificate ends soon, or has ended. */
void server_warn_of_expiry(const struct server *server);

/* The same access log, under its name of now. `why`: for the log. */
void server_reopen_access_log(struct server *server, const char *why);

/* ---- for reload.c (succession.c) --------------------------------------------------------------
 */

/* Whether what the next edition names beside itself can be read: token, password. */
enum err server_check_files(const struct server *server, const struct edition *next,
                            struct fault *fault);

/* On worker 0: the edition is the one in use from now on, for all that is not a worker's own. */
void server_take(struct server *server, struct edition *next);

/* On worker 0, or before it runs: ends the checks of the fleets that are only `was`'s, begins those
 * of the ones that are only `is`'s; either may be NULL. */
void server_begin_fleets(struct server *server, struct edition *was, struct edition *is);

/* On the main thread, behind it: log, limits, descriptors. */
void server_apply(struct server *server);

/* On the worker: listens at the address of the next edition if that is another one; then either
 * goes there, or stays. */
enum err server_worker_open(struct server_worker *worker, struct edition *next,
                            struct fault *fault);
void server_worker_move(struct server_worker *worker);
void server_worker_stay(struct server_worker *worker);

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
/* Another edition's probe from now on. The one before may be freed when the loop has turned. */
void server_change_probe(struct server *server, struct probe *probe);

/* Looks whether the origins can be reached, now and whenever one of them failed; what changes is
 * said in the log. */
void server_origins_probe(struct server *server);

#endif
