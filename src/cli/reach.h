/* reach.h: does any path come to every route?
 * SPDX-License-Identifier: MIT
 *
 * The most specific route is taken, so others may leave nothing for one: /x/{id?} beside /x and
 * /x/{id}. Such a route is a mistake that no request would ever show.
 *
 * It is enough to look at a few paths for each route: where the pattern has a capture or a star, a
 * word that no pattern names leaves the fewest others in the way; where it may be longer, every
 * length up to one more than the longest pattern.
 */
#ifndef LARDER_CLI_REACH_H
#define LARDER_CLI_REACH_H

#include "base/fault.h"
#include "server/http/site.h"

/* ERR_SYNTAX: a route that nobody comes to; the fault says which, and who is in the way. */
enum err reach_check(const struct site *site, const struct route_settings *routes, size_t count,
                     struct fault *fault);

/* A path that fits the pattern, and few others. `path` is cleared before. */
void reach_example(const char *match, struct buf *path);

#endif
