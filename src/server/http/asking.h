/* asking.h: a request on the way to its answer: what is known of it, and the answers that take no
 * fetch.
 * SPDX-License-Identifier: MIT
 *
 * It lives on the stack, for one step: what has to wait keeps the request's head, and takes it up
 * again later.
 *
 *   ask -> seek -> lead      a new request; what the cache has; what the origin has
 *     \------\------\-> asking
 *
 * Memory: points into the gate's rooms and the engine's entries, until the end of the turn.
 * Threads: the loop's own.
 */
#ifndef LARDER_SERVER_HTTP_ASKING_H
#define LARDER_SERVER_HTTP_ASKING_H

#include "server/http/client.h"
#include "server/http/look.h"

struct asking {
    struct client *client;
    struct gate *gate;
    struct bytes raw; /* the request's head as it came */
    struct look look;
};

static inline int64_t asking_now_ms(const struct asking *asking)
{
    return loop_now_ms(asking->gate->loop);
}

/* RFC 9211's word for what the look did not find. */
enum fetch_why asking_why(const struct asking *asking);

/* ---- answers ----------------------------------------------------------------------------- */

/* What was found, or a copy of it that the client likes better. */
void asking_serve(struct asking *asking, enum outcome outcome, enum gateway_reason reason);

/* Something stale, if there is any and it may be. */
bool asking_serve_stale(struct asking *asking, enum failure failure, enum gateway_reason reason);

/* Something stale, or an error. What must not be used unasked makes it a 504 (RFC 9111 §5.2.2.2).
 */
void asking_refuse_failed(struct asking *asking, enum err err, enum failure failure);

/* ---- later ------------------------------------------------------------------------------- */

/* Keeps the head for when the request is taken up again. False: no memory, and that was answered.
 */
bool asking_keep(struct asking *asking);

/* The answer comes in a later turn. */
void asking_become_busy(struct asking *asking);

/* Takes up a request whose head was kept. */
void asking_resume(struct client *client, struct asking *ret_asking);

/* The same, and looks what the cache has, if that is for this request at all. */
void asking_resume_and_look(struct client *client, struct asking *ret_asking);

#endif
