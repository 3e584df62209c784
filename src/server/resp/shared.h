/* shared.h: what all workers' RESP doors have in common.
 * SPDX-License-Identifier: MIT
 *
 * Threads: what changes is atomic or under the lock named beside it.
 */
#ifndef LARDER_SERVER_RESP_SHARED_H
#define LARDER_SERVER_RESP_SHARED_H

#include "base/log.h"
#include "net/conn.h"
#include "net/listener.h"
#include "server/resp/settings.h"
#include "server/resp/verb.h"
#include "types/threshold.h"
#include "types/type.h"

#include <pthread.h>

enum { RESP_RUN_ID_SIZE = 41 };

/* What large values left may wait to be freed up to this part of the memory limit: 1/8. */
enum { BURIED_PART = 8 };

/* What clients that ask for Redis are told. */
#define RESP_REDIS_VERSION "7.0.15"

struct channels;
struct resp_door;
struct parameters;
struct stats;

/* Whether clients have to wait: CLIENT PAUSE. */
struct resp_pause {
    _Atomic int64_t until_ms;
    _Atomic bool writes_only;
};

struct resp {
    struct resp_settings settings;
    struct cache *cache;
    const struct log *log;
    char *version;
    char *policy; /* the name it has for Redis' clients; under `lock` */
    _Atomic uint64_t memory_max;

    enum err (*purge_url)(void *context, struct cache_thread *thread,
                          const struct resp_url_purge *purge, int64_t now_ms, size_t *ret_count);
    void (*purged)(void *context, const struct resp_purged *purged);
    void *context;

    struct verbs *verbs;
    struct type_rules *rules;
    struct parameters *parameters; /* CONFIG: under `lock` */
    struct stats *stats;           /* under `lock` */
    struct channels *channels;     /* takes care of itself */
    struct listener_limit limit;
    struct conn_settings conn_settings;
    unsigned workers;
    struct account connections; /* memory of connections and what waits for them */
    const struct account *unaccounted;

    _Atomic uint8_t spaces[CACHE_DATABASES]; /* the engine's space of each database: SWAPDB */
    _Atomic uint64_t swaps[CACHE_DATABASES]; /* how often it was exchanged */
    _Atomic int64_t wall_offset_ms;          /* what to add to the loop's time to get people's */
    _Atomic uint64_t clients_made;
    _Atomic int64_t idle_ms;
    _Atomic bool wants_password;
    _Atomic bool keeps_everything; /* the policy is noeviction */
    struct resp_pause pause;

    pthread_mutex_t lock;
    char password[RESP_PASSWORD_MAX]; /* under `lock` */
    struct list_node cards;           /* of all clients: under `lock` */
    struct resp_door *doors[RESP_DOORS_MAX];
    _Atomic unsigned door_count;
    struct address address; /* what the first door got */

    int64_t born_ms;
    int64_t born_wall_ms;
    char run_id[RESP_RUN_ID_SIZE];
};

static inline unsigned resp_space(struct resp *resp, unsigned database)
{
    return atomic_load_explicit(&resp->spaces[database], memory_order_relaxed);
}

static inline int64_t resp_wall_ms(struct resp *resp, int64_t now_ms)
{
    return now_ms + atomic_load_explicit(&resp->wall_offset_ms, memory_order_relaxed);
}

/* Whether the engine was told to refuse rather than to evict. */
static inline bool resp_keeps_everything(struct resp *resp)
{
    return atomic_load_explicit(&resp->keeps_everything, memory_order_relaxed);
}

#endif
