/* compress.h: the same answer in fewer bytes: copies of what is stored, in br, zstd and gzip.
 * SPDX-License-Identifier: MIT
 *
 * An answer is stored once, as the origin sent it. Where the route wants it (`compress`) and the
 * answer is fit for it (compressible.h), it gets `Vary: Accept-Encoding` and a flag. The first
 * client that takes a coding begins a copy; until that is made, a few milliseconds later, everybody
 * gets what there is.
 *
 *   KEY              the answer                          flag COMPRESSIBLE, body_id 7, born 100
 *   KEY \0 z br      | head, weak ETag | coded body |    body_id 7, born 100: it belongs to that
 * one KEY \0 z gzip    nothing (kind PLAIN): it would not have been smaller
 *
 * A copy is served only when it was made of the very answer that was found: the same body and the
 * same head. It has the answer's tags and the URL's, so whatever removes the answer removes it. It
 * is made piece by piece on a timer of the worker that began it, one copy at a time, without any
 * lock, under a lease of its own key, so that one worker makes it; an invalidation meanwhile makes
 * it void.
 *
 * Memory: charged to the account of bodies on their way. Threads: the loop's own. Limits:
 * COMPRESS_JOBS_MAX copies in the making a worker; beyond, the answer goes out as it is.
 */
#ifndef LARDER_SERVER_HTTP_COMPRESS_H
#define LARDER_SERVER_HTTP_COMPRESS_H

#include "server/http/look.h"

enum { COMPRESS_JOBS_MAX = 8 };

/* For an answer with STORED_COMPRESSIBLE: puts the copy that the client likes best in the place of
 * the view, or begins to make one. The copy is made at once where the client refuses what there is.
 */
void compress_choose(struct look *look);

/* The worker ends: lets go of all that is in the making. */
void compress_stop(struct gate *gate);

#endif
