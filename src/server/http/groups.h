/* groups.h: Cache-Groups and Cache-Group-Invalidation (RFC 9875).
 * SPDX-License-Identifier: MIT
 *
 * A group belongs to the origin (scheme, host, port) that names it, so that no site can invalidate
 * another one's answers. To the engine it is a tag made of the origin and the group's name, beside
 * the plain name, which is a tag for operators as those of Cache-Tag are.
 *
 * Threads: the fetch's worker's own.
 */
#ifndef LARDER_SERVER_HTTP_GROUPS_H
#define LARDER_SERVER_HTTP_GROUPS_H

#include "server/http/fetch.h"

/* The groups of an answer that is going to be stored. False: they are too many. */
bool groups_tag(struct fetch *fetch, const struct http_head *response);

/* What the answer to an unsafe request invalidates, where the route allows it. */
void groups_invalidate(struct fetch *fetch, const struct http_head *response);

#endif
