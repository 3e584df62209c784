/* early.h: when an answer that is still fresh is fetched anew, so that nobody ever waits for it.
 * SPDX-License-Identifier: MIT
 *
 * Each hit throws dice: the nearer the end, the dearer the load and the larger `beta`, the likelier
 * one of them refreshes the answer in the background (XFetch). What is asked for often is then
 * renewed shortly before its end; what nobody asks for is not. That it happens once is the lease's
 * business, not chance's.
 *
 * Threads: any; pure.
 */
#ifndef LARDER_SERVER_HTTP_EARLY_H
#define LARDER_SERVER_HTTP_EARLY_H

#include "server/http/stored.h"

/* now - load * beta * ln(unit) >= expires, but never before the last quarter of its lifetime.
 * `unit`: random, in (0, 1]. Never for what has no known load time. */
bool early_is_due(const struct stored *stored, int64_t expires_ms, int64_t now_ms, double beta,
                  double unit);

/* The load time to be remembered after one of `load_ms`; `before_ms`: the one known before, or 0.
 */
uint32_t early_load_ms(int64_t load_ms, uint32_t before_ms);

#endif
