/* door.h: the RESP door: Redis clients talk to the engine through it.
 * SPDX-License-Identifier: MIT
 *
 * What all workers share (pub/sub, the list of clients, CONFIG, command counts) is one `struct
 * resp`; each worker has a `struct resp_door` with its listening socket and its clients.
 *
 *   cli: resp_new -> for each worker, on its thread or before it runs: resp_door_new
 *        ... resp_door_stop -> (loop runs until resp_door_is_idle) -> resp_door_free -> resp_free
 *
 * Memory: connections and what is queued for them are charged below the engine's whole.
 * Threads: a door is its worker's alone; `struct resp` takes care of itself.
 * Limits: the rows of server/resp/resp.def.
 */
#ifndef LARDER_SERVER_RESP_DOOR_H
#define LARDER_SERVER_RESP_DOOR_H

#include "base/fault.h"
#include "base/log.h"
#include "cache/cache.h"
#include "net/address.h"
#include "net/loop.h"
#include "server/resp/settings.h"

struct resp;
struct listener_place;
struct resp_door;

struct resp_birth {
    const struct resp_settings *settings; /* copied */
    struct cache *cache;
    const struct log *log;             /* may be NULL */
    const char *version;               /* of Larder, for INFO */
    unsigned workers;                  /* doors there will be at the most */
    size_t memory_max;                 /* what the engine was given, for CONFIG GET maxmemory */
    const char *policy;                /* the engine's, for CONFIG GET maxmemory-policy */
    const struct account *unaccounted; /* what the process takes beyond all accounts, for INFO */

    /* May be NULL: there is no gateway. ERR_SYNTAX: that is no URL; others as of cache_purge.
     * `ret_count`: how many it concerns, as far as that is known. */
    struct tls *tls; /* NULL: in the clear */
    enum err (*purge_url)(void *context, struct cache_thread *thread,
                          const struct resp_url_purge *purge, int64_t now_ms, size_t *ret_count);
    /* A purge was made: to be remembered. May be NULL. */
    void (*purged)(void *context, const struct resp_purged *purged);
    void *context;
};

/* ERR_DISK: the password file cannot be read; ERR_TOO_BIG: the password is too long. The fault says
 * so. */
enum err resp_new(const struct resp_birth *birth, struct resp **ret_resp, struct fault *fault);

/* The password that settings ask for, "" for none, from wherever they say it is. Errors as of
 * resp_new. */
enum err resp_read_password(const struct resp_settings *settings,
                            char ret_password[RESP_PASSWORD_MAX], struct fault *fault);

/* While it runs, on any thread: password, most clients, idle time and the sizes from which on types
 * change their form are what these settings say; what CONFIG SET said about them is over. The rest
 * stays as it was at birth. Errors as of resp_new: nothing has changed. */
enum err resp_change(struct resp *resp, const struct resp_settings *settings, struct fault *fault);

/* What the engine was given, for CONFIG GET and for what depends on it. */
void resp_set_memory_max(struct resp *resp, size_t bytes);
void resp_set_policy(struct resp *resp, const char *name);

/* All doors are gone. */
void resp_free(struct resp **owner);

/* Listens and serves from now on. The first door listens at `place`, unless it is handed a socket;
 * the others share what the first one got (port 0: the kernel picks). Errors as of listener_new,
 * and ERR_DENIED: others than this machine could come in and there is no password (and `resp.open`
 * is off). */
enum err resp_door_new(struct resp *resp, struct loop *loop, struct cache_thread *thread,
                       const struct listener_place *place, struct resp_door **ret_door,
                       struct fault *fault);

const struct address *resp_door_address(const struct resp_door *door);

/* Its socket, to be handed to another process; negative: it has none. Then the paths of Unix
 * sockets stay when the doors close. */
int resp_door_fd(const struct resp_door *door);
void resp_hand_over(struct resp *resp);

/* Accepts nobody any more and closes every connection after what is queued for it was sent. */
void resp_door_stop(struct resp_door *door);
bool resp_door_is_idle(const struct resp_door *door);

/* Connections that are still there are cut. Not from within one of the loop's calls to the door. */
void resp_door_free(struct resp_door **owner);

/* The counts of all doors together. Any thread. */
void resp_read_metrics(const struct resp *resp, struct resp_metrics *ret_metrics);

/* Calls since birth by command, for those that were called: name in lower case, calls, time spent
 * (microseconds), calls that ended in an error. Any thread. */
typedef void resp_command_count_fn(void *context, const char *name, uint64_t calls, uint64_t usec,
                                   uint64_t failed);
void resp_read_commands(const struct resp *resp, resp_command_count_fn *each, void *context);

/* The command table, for the manual: subcommands are named "client|id". */
struct resp_command_row {
    const char *name;
    const char *group;
    const char *since;
    const char *complexity;
    const char *summary;
    int arity;
};
typedef void resp_command_row_fn(void *context, const struct resp_command_row *row);
void resp_describe_commands(resp_command_row_fn *each, void *context);

#endif
