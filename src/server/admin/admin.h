/* admin.h: the operator's door: metrics, health, purge and statistics over HTTP.
 * SPDX-License-Identifier: MIT
 *
 *   GET  /metrics    Prometheus' text format
 *   GET  /healthz    200 as long as the process turns
 *   GET  /readyz     200 when every origin can be reached, 503 when not, or when shutting down
 *   GET  /v1/stats   the numbers as JSON
 *   GET  /v1/routes  what each route did, as JSON
 *   GET  /v1/purges  the last purges and who made them
 *   POST /v1/purge   see purge_request.h
 *   POST /v1/why     see why_request.h
 *   POST /v1/reload  the configuration is read anew; 200 when it is in use, 400 when it is wrong
 *   POST /v1/log/reopen   opens the access log anew
 *   POST /v1/upgrade another program takes over; 200 when it serves, 500 when it does not
 *
 * It has a listener of its own, on loopback unless told otherwise, so that what clients can reach
 * never includes it. With a token /v1/ asks for `Authorization: Bearer TOKEN`. Requests that a
 * browser sends for a page of another site (Origin) are refused: no page may purge the cache of
 * whoever looks at it.
 *
 * It knows no other room's numbers: who makes it hands over what to call (admin_ops).
 *
 * Memory: input and output of its few connections, charged to the account.
 * Threads: one loop's own. Limits: those of ops.h; each refusal is counted in metrics.def.
 */
#ifndef LARDER_SERVER_ADMIN_ADMIN_H
#define LARDER_SERVER_ADMIN_ADMIN_H

#include "base/account.h"
#include "base/log.h"
#include "net/address.h"
#include "net/loop.h"
#include "server/admin/ops.h"

struct admin;

struct admin_birth {
    struct loop *loop;
    struct account *account; /* may be NULL */
    const struct log *log;   /* may be NULL */
    const struct address *address;
    int handed;         /* see listener_place */
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

/* The outcome of ops.order, one JSON object: answers all who asked for it. */
void admin_ordered(struct admin *admin, enum admin_order order, unsigned status, struct bytes json);

/* From now on another token is asked for; empty: none. */
void admin_set_token(struct admin *admin, struct bytes token);

/* Its socket, to be handed to another process. Then the path of a Unix socket stays. */
int admin_fd(const struct admin *admin);
void admin_hand_over(struct admin *admin);

/* Accepts nobody any more; those who are there are served on. */
void admin_close(struct admin *admin);

/* Whether somebody waits for an answer. */
bool admin_is_busy(const struct admin *admin);

#endif
