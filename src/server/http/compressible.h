/* compressible.h: the answers of which coded copies may be made (compress.h).
 * SPDX-License-Identifier: MIT
 *
 * Not for answers that belong to one person, unless the route says so (`compress.secrets`): the
 * length of a coded body tells about its content, and who can put guesses into it can read the rest
 * (BREACH).
 *
 * Memory: none but the block. Threads: any.
 */
#ifndef LARDER_SERVER_HTTP_COMPRESSIBLE_H
#define LARDER_SERVER_HTTP_COMPRESSIBLE_H

#include "server/http/decide.h"

/* Whether copies of this answer may be made on the route: type, size, coding, no-transform, and
 * whether it is one person's (`authorized`: its request had Authorization). Without a length that
 * is known the size is looked at later. */
bool compressible_is(const struct route *route, const struct http_head *response, bool authorized);

/* Marks the head of an answer that is going to be stored: Vary says that the coding may differ.
 * False: the head has no room for more fields. */
bool compressible_mark(struct buf *block);

#endif
