/* fetch.h: one answer on its way from an origin, for all who want it.
 * SPDX-License-Identifier: MIT
 *
 * A fetch is an exchange with the origin, the lease that it was started under, and the stream that
 * its readers read from. At the answer's header it is decided, once and before anybody else sees a
 * byte, whether the answer may be shared: then the lease shares it (cache_share), else all who wait
 * are let go at once (cache_disperse). It lives on when its first reader leaves, as long as the
 * answer is going to be stored; otherwise it ends with its last reader.
 *
 *   who reads       paced by                     bytes are kept
 *   shared, stored  the origin                   all, until stored and read
 *   not for sharing its reader (window)          the window
 *   grew too large  the quickest reader; who     the window; no newcomers
 *                   falls behind too far is cut
 *
 * When an answer has Vary, the lease of the URL becomes a marker that names the fields, and the
 * fetch goes on under the lease of its variant (variant.h).
 *
 * Threads: made and fed on its worker's loop; readers anywhere (stream.h).
 */
#ifndef LARDER_SERVER_HTTP_FETCH_H
#define LARDER_SERVER_HTTP_FETCH_H

#include "proto/range.h"
#include "server/http/decide.h"
#include "server/http/forward.h"
#include "server/http/gate.h"
#include "server/http/stream.h"

enum fetch_why { /* RFC 9211's words for it */
                 FETCH_URI_MISS,
                 FETCH_VARY_MISS,
                 FETCH_STALE,
                 FETCH_REQUEST,
                 FETCH_METHOD,
                 FETCH_BYPASS,
                 FETCH_PARTIAL,
};

const char *fetch_why_text(enum fetch_why why);

/* What is needed to answer from an answer: block and times. */
struct answer_head {
    unsigned status; /* of the origin */
    struct buf block;
    struct stored stored;
    int64_t expires_ms;
    bool has_size;
    uint64_t size; /* of the body */
    enum gateway_reason reason;
    bool is_stored; /* or will be */
    bool is_shared;
    bool is_revalidated; /* the origin said 304 to what is stored */
};

struct fetch {
    struct stream stream;
    struct gate *gate;
    struct cache *cache;
    struct list_node node; /* in gate->fills while the exchange runs: one reference */
    struct exchange *exchange;

    /* the request; all owned */
    uint8_t *memory; /* raw head, URL, keys */
    size_t cost;
    struct bytes raw;
    struct bytes url;
    struct bytes key;     /* under which it will be stored */
    struct bytes primary; /* without the variant */
    struct bytes plain;   /* and without what holds requests with credentials apart */
    uint8_t *alike_key; /* owns `url`, `primary` and `key` once they are known (no_vary_search.h) */
    uint8_t *variant_key; /* owns `key` once the variant is known */
    const struct route *route;
    bool for_cache;
    bool authorized;
    bool has_credentials; /* Authorization, wherever it is stored */
    bool is_background;
    bool is_post;
    bool has_range; /* the request asked for a part */
    bool is_part;   /* what comes is kept as one (parts.h) */
    struct range part;
    uint64_t part_of; /* bytes of the whole */
    bool is_alike;    /* found under a URL that is answered alike */
    bool is_unsafe;   /* the method changes things: what is stored for the URL goes */
    enum fetch_why why;
    enum gateway_reason pass_reason; /* why it is not for the cache */
    int64_t started_ms;
    int64_t started_wall_ms;

    /* the engine */
    bool has_lease;
    bool is_sharing;   /* cache_share was said */
    bool is_probe;     /* probe.h */
    bool is_exclusive; /* before that: to be stored, but nobody else may have it unasked */
    struct cache_lease lease;
    bool has_common; /* the lease of the URL for everybody as well (common.h) */
    struct cache_lease common;
    struct cache_view old; /* what was stored; entry NULL: nothing */
    struct cache_entry *old_entry;

    /* the answer; readers may look once the stage is past WAITING */
    struct answer_head head;
    struct buf own_block; /* with the fields that only the first client gets; empty: the same */
    struct verdict verdict;
    struct buf tags;
    size_t tag_ends[CACHE_TAGS_MAX];
    size_t tag_count;
    bool keeps; /* the body from its beginning */
    bool has_head;
    bool has_validator;
    bool is_304;     /* to the question whether what is stored still holds */
    bool is_again;   /* it failed, but would not if it were asked for anew, without conditions */
    bool is_ignored; /* what comes is not wanted: the fetch has failed already */
    enum err err;
    enum failure failure;
    int64_t origin_ms;
    int64_t received_ms;

    /* the request's body may go on; on the worker's loop */
    void (*ready)(void *context);
    void (*interim)(void *context, const struct http_head *head);
    /* The origin switched protocols, as it was asked to: the exchange is the context's now. */
    void (*switched)(void *context, struct exchange *exchange, const struct http_head *head);
    void *context;
};

struct fetch_ask {
    bool is_probe;
    const struct http_head *request;
    struct bytes raw; /* the request's head as it came */
    const struct target *target;
    struct bytes key;  /* of the variant, if one is known; else the target's */
    size_t plain_size; /* of the target's key, without what holds credentials apart */
    bool is_variant;
    bool is_part;  /* the lease and the key are of parts (parts.h) */
    bool is_alike; /* the target's URL is not the one that was asked for, but one like it */
    const struct address *peer;
    struct bytes trace; /* a traceparent to add; empty: none */
    bool for_cache;
    bool authorized;
    bool is_background;
    enum fetch_why why;
    enum gateway_reason pass_reason;
    struct bytes upgrade; /* the protocol to ask the origin for; empty: none */
    bool has_lease;
    struct cache_lease lease;
    const struct cache_view *old; /* NULL: nothing is stored */
};

/* A fetch with copies of what the ask holds, and one reference. NULL: no memory. */
struct fetch *fetch_new(struct gate *gate, const struct fetch_ask *ask);

/* A lease of the key without waiting for anybody. False: somebody else has it. */
bool fetch_take_lease(struct gate *gate, struct bytes key, int64_t lease_ms,
                      struct cache_lease *ret_lease);

/* Puts what is asked for under the target's key with a mark behind it (key.h), and takes the lease
 * of that. The key is in the gate's text. False: the key is too long, or somebody else has the
 * lease. */
bool fetch_ask_apart(struct gate *gate, struct fetch_ask *ask, char mark);

/* Whether something that would concern an answer stored under the key, for the URL, was purged
 * since the miss. Asked under a new lease, whose number is younger: what was purged in between
 * counts too. */
bool fetch_is_purged(const struct fetch *fetch, struct bytes url, struct bytes key);

/* Goes on under another key; the name is copied. False: no memory. */
bool fetch_take_key(struct fetch *fetch, struct bytes key);

/* The request's head again, in the gate's room. */
struct http_head *fetch_request(const struct fetch *fetch);

/* At the answer's head: it is neither shared nor stored. */
void fetch_refuse(struct fetch *fetch, enum gateway_reason reason);

/* Adds to what it costs until it ends. */
void fetch_charge(struct fetch *fetch, size_t size);

/* For cache_ask.hold_shared and cache_share. */
void fetch_hold_shared(void *shared);
void fetch_drop_shared(void *shared);

/* The tags that it will be stored with, as far as they are known; returns how many. */
size_t fetch_tags(const struct fetch *fetch, struct bytes ret_tags[CACHE_TAGS_MAX]);

/* Adds one. False: they are too many, or too long. */
bool fetch_add_tag(struct fetch *fetch, struct bytes tag);

static inline struct fetch *fetch_of(struct stream *stream)
{
    return (struct fetch *)stream;
}

#endif
