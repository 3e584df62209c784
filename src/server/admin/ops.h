/* ops.h: what the admin door can do with the server, what it counts, and how much it takes.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_SERVER_ADMIN_OPS_H
#define LARDER_SERVER_ADMIN_OPS_H

#include "base/buf.h"
#include "base/counter.h"
#include "server/admin/purge_request.h"

enum {
    ADMIN_CONNECTIONS_MAX = 256,
    ADMIN_HEAD_MAX = 16 << 10,   /* bytes */
    ADMIN_BODY_MAX = 128 << 10,  /* bytes */
    ADMIN_ANSWER_MAX = 16 << 20, /* bytes */
    ADMIN_REQUEST_MS = 10000,    /* for a request to arrive */
    ADMIN_IDLE_MS = 60000,       /* between requests */
};

struct admin_metrics {
#define METRIC(name, kind, text) struct counter name;
#include "server/admin/metrics.def"
#undef METRIC
};

/* What came of a purge. */
struct admin_purged {
    const char *who; /* in: the client's address */
    size_t count;    /* how many entries it concerns, for a dry run and for a key */
    struct buf
        examples; /* for a dry run: elements of a JSON list; given with no limit to speak of */
};
/* What takes a while: it is begun with `order` and ends with admin_ordered. */
enum admin_order { ADMIN_RELOAD, ADMIN_UPGRADE };

/* All are called on the loop's thread and return at once. */
struct admin_ops {
    /* Writes everything for /metrics (exposition.h). */
    void (*expose)(void *context, struct buf *out);
    /* Writes one JSON object. */
    void (*stats)(void *context, struct buf *out);
    /* The same: what each route did. */
    void (*routes)(void *context, struct buf *out);
    /* The same: what is known of the origins and their servers. */
    void (*origins)(void *context, struct buf *out);
    /* The same: the last purges and who made them. */
    void (*purges)(void *context, struct buf *out);
    enum err (*purge)(void *context, const struct admin_purge *purge,
                      struct admin_purged *ret_purged, struct fault *fault);
    /* What is stored for a request, and why not: one JSON object. `head` is the request's. */
    enum err (*why)(void *context, struct bytes head, bool is_secure, struct buf *out,
                    struct fault *fault);
    /* Opens the access log anew. */
    enum err (*reopen_log)(void *context, struct fault *fault);
    /* Find out whether everything can be reached, and call admin_probed; perhaps at once. */
    void (*probe)(void *context);
    /* Begin it, and call admin_ordered; later. */
    void (*order)(void *context, enum admin_order order);
    void *context;
};

#endif
