/* http_answer.h: what a load generator must know about an HTTP response, and nothing else.
 * SPDX-License-Identifier: MIT
 *
 * A client that costs more than the server measures itself. So this does not build a list of
 * fields: it runs over a response once and keeps its status, its length, whether the connection
 * lives on, and what caches said about it. What cannot be framed without doubt is refused.
 *
 * Whether a cache answered is told by the last member of Cache-Status (RFC 9211), the cache
 * nearest to the client. Where that is missing, X-Cache and X-Cache-Status, and then an Age above
 * zero, are taken as a hint, and `source` says so.
 *
 * Limits: HTTP_ANSWER_HEAD_MAX bytes of head, the same of chunk extensions and trailers.
 */
#ifndef LARDER_BENCH_HTTP_ANSWER_H
#define LARDER_BENCH_HTTP_ANSWER_H

#include "base/bytes.h"
#include "base/err.h"

enum { HTTP_ANSWER_HEAD_MAX = 65536 };

enum cached {
    CACHED_UNTOLD,
    CACHED_HIT,    /* from the cache, fresh */
    CACHED_STALE,  /* from the cache, past its time: a hit with a negative ttl */
    CACHED_SHARED, /* forwarded, but together with others: fwd with collapsed */
    CACHED_MISS,   /* forwarded to the origin */
    CACHED_COUNT
};

enum cached_source { SOURCE_NONE, SOURCE_AGE, SOURCE_X_CACHE, SOURCE_CACHE_STATUS, SOURCE_COUNT };

struct http_answer {
    unsigned status;
    uint64_t size; /* bytes of body so far; all of them when it is whole */
    bool keep_alive;
    enum cached cached;
    enum cached_source source;
    /* where in the response */
    bool to_head;
    bool begun;
    bool until_close;
    unsigned chunk_state;
    uint64_t left;
    uint64_t overhead;
};

/* Before each response. `to_head`: it answers a HEAD, so it has no body. */
void http_answer_init(struct http_answer *answer, bool to_head);

/* Runs over what came. `*ret_used` bytes are done with, on success and on ERR_AGAIN.
 * ERR_OK      the response is whole
 * ERR_AGAIN   more has to arrive; what was not used must come again with it
 * ERR_SYNTAX  this is no HTTP/1.1 response
 * ERR_TOO_BIG the head is larger than HTTP_ANSWER_HEAD_MAX */
enum err http_answer_next(struct http_answer *answer, struct bytes input, size_t *ret_used);

/* The connection ended: whether the response is whole all the same (its length was not told). */
bool http_answer_ends_with_connection(const struct http_answer *answer);

/* What the value of one Cache-Status field says: its last member. */
enum cached http_answer_cache_status(struct bytes value);

#endif
