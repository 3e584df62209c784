/* admin.h: the operator's door: metrics, health, purge and statistics over HTTP.
 * SPDX-License-Identifier: MIT
 *
 *   GET  /metrics    Prometheus' text format
 *   GET  /healthz    200 as long as the process turns
 *   GET  /readyz     200 when every origin can be reached, 503 when not, or when shutting down
 *   GET  /v1/stats   the numbers as JSON
 *   POST /v1/purge   see wish.h
 *
 * It has a listener of its own, on loopback unless told otherwise, so that what clients can reach
 * never includes it. With a token /v1/ asks for `Authorization: Bearer TOKEN`. Requests that a
 * browser sends for a page of another site (Origin) are refused: no page may purge the cache of
 * whoever looks at it.
 *
 * It knows no other room's numbers: who makes it hands over what to call (admin_ops).
 *
 * Memory: input and output of its few connections, charged to the account.
 * Threads: one loop's own. Limits: the enum below; each refusal is counted in metrics.def.
 */
#ifndef LARDER_SERVER_ADMIN_ADMIN_H
#define LARDER_SERVER_ADMIN_ADMIN_H

#include "base/account.h"
#include "base/buf.h"
#include "base/counter.h"
#include "base/log.h"
#include "net/address.h"
#include "net/loop.h"
#include "server/admin/wish.h"

enum {
    ADMIN_CONNECTIONS_MAX = 256,
    ADMIN_HEAD_MAX = 16 << 10,   /* bytes */
    ADMIN_BODY_MAX = 128 << 10,  /* bytes */
    ADMIN_ANSWER_MAX = 16 << 20, /* bytes */
    ADMIN_REQUEST_MS = 10000,    /* for a request to arrive */
    ADMIN_IDLE_MS = 60000,       /* between requests */
};

struct admin;

struct admin_metrics {
#define METRIC(name, kind, text) struct counter name;
#include "server/admin/metrics.def"
#undef METRIC
};

/* All are called on the loop's thread and return at once. */
struct admin_ops {
    /* Writes everything for /metrics (exposition.h). */
    void (*expose)(void *context, struct buf *out);
    /* Writes one JSON object. */
    void (*stats)(void *context, struct buf *out);
    /* `*ret_count`: how many entries it concerns, for a dry run and for a key. */
    enum err (*purge)(void *context, const struct admin_purge *purge, size_t *ret_count,
                      struct fault *fault);
    /* Find out whether everything can be reached, and call admin_probed; perhaps at once. */
    void (*probe)(void *context);
    void *context;
};

struct admin_birth {
    struct loop *loop;
    struct account *account; /* may be NULL */
    const struct log *log;   /* may be NULL */
    const struct address *address;
    struct bytes token; /* copied; empty: none is asked for */
    struct admin_ops ops;
};

/* Listens from now on. Errors as of listener_new. */
enum err admin_new(const struct admin_birth *birth, struct admin **ret_admin, struct fault *fault);

/* Listens no more and cuts the connections that are left. The loop must turn once afterwards. */
void admin_stop(struct admin *admin);

/* After admin_stop and a turn of the loop. */
void admin_free(struct admin **owner);

const struct address *admin_address(const struct admin *admin);
const struct admin_metrics *admin_metrics(const struct admin *admin);

/* Connections turned away because there were too many. */
uint64_t admin_refused(const struct admin *admin);

/* The outcome of ops.probe, one JSON object: answers all who asked for /readyz. */
void admin_probed(struct admin *admin, bool is_ready, struct bytes json);

#endif
