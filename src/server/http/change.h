/* change.h: from one site to the next while requests are under way.
 * SPDX-License-Identifier: MIT
 *
 * Requests that begin after a change are served by the new site and its origins. Those under way
 * keep the site that they began with: its routes, its settings of routes, its origins. Nobody
 * counts them, so a request costs nothing more for it: as long as an old site is left, a timer
 * looks a few times a second whether any client or fetch of this gateway still has one of its
 * routes.
 *
 *   gate->site        the one that new requests get
 *   gate->pasts       those before it, the oldest first; they go in this order, since a younger
 *                     one may have taken over origins of an older one
 *
 * Memory: one small record for each old site. Threads: the loop's own.
 */
#ifndef LARDER_SERVER_HTTP_CHANGE_H
#define LARDER_SERVER_HTTP_CHANGE_H

#include "server/http/site.h"

struct gate;
struct gate_past;

/* The site and the origins of one that is or was in use here. */
struct gate_generation {
    struct site *site;
    struct origin *const *origins;
};

/* Which of them a route belongs to: the one of now, or one of the past. */
struct gate_generation gate_generation(const struct gate *gate, const struct route *route);

/* The site of a request that was routed before or after a change. */
static inline struct site *gate_site(const struct gate *gate, const struct route *route)
{
    return gate_generation(gate, route).site;
}

/* The origin of a request that was routed before or after a change. */
static inline struct origin *gate_origin(const struct gate *gate, const struct route *route)
{
    return gate_generation(gate, route).origins[route->origin];
}

/* What gateway_change does; `gate->settings` and what is made of them change at once. */
void gate_change(struct gate *gate, const struct site_change *change);

/* At the end: lets all go, whoever uses them; `left` of each is called. */
void gate_forget_pasts(struct gate *gate);

/* Takes limits and the like from the settings of `gate->site`. */
void gate_take_settings(struct gate *gate);

#endif
