/* etag.h: entity tags and conditional requests (RFC 9110 §8.8.3 and §13).
 * SPDX-License-Identifier: MIT
 *
 * Memory: none; tags point into the field's value. Threads: any.
 */
#ifndef LARDER_PROTO_ETAG_H
#define LARDER_PROTO_ETAG_H

#include "proto/http.h"

struct etag {
    bool weak;
    struct bytes opaque; /* without W/ and quotes */
};

/* One tag and nothing else. ERR_SYNTAX. */
enum err etag_parse(struct bytes text, struct etag *ret_etag);

bool etag_equal_strong(struct etag a, struct etag b); /* both strong, and the same */
bool etag_equal_weak(struct etag a, struct etag b);   /* the same, weak or not */

/* Takes the next tag off a list. ERR_MISS: none is left; ERR_SYNTAX. */
enum err etag_list_next(struct bytes *rest, struct etag *ret_etag);

/* What is known about the representation that is at hand. */
struct validators {
    bool exists; /* there is a current representation */
    bool has_etag;
    struct etag etag;
    bool has_modified;
    int64_t modified_s;   /* Last-Modified, or else the Date it was received with */
    bool modified_strong; /* Last-Modified may serve as a strong validator (RFC 9110 §8.8.2.2):
                             it is at least a second older than Date */
};

/* What a stored response's fields say. `ret_validators->etag` points into the head. */
struct validators validators_of(const struct http_head *response, int64_t now_s);

enum precondition {
    PRECONDITION_NONE,        /* 200: go on as if nothing had been asked */
    PRECONDITION_UNCHANGED,   /* 304 */
    PRECONDITION_FAILED,      /* 412 */
    PRECONDITION_RANGE_UNTRUE /* 200 with the whole body: If-Range did not hold */
};

/* The order of RFC 9110 §13.2.2: If-Match, else If-Unmodified-Since; then If-None-Match, else
 * If-Modified-Since for GET, HEAD and QUERY; then Range with If-Range for GET. A date or tag that
 * makes no sense: If-Modified-Since, If-Unmodified-Since are ignored; If-Match, If-None-Match,
 * If-Range do not match. */
enum precondition precondition_judge(const struct http_head *request,
                                     const struct validators *validators, int64_t now_s);

/* Whether the request has any conditional field; cheap. */
bool precondition_is_asked(const struct http_head *request);

#endif
