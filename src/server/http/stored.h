/* stored.h: the form in which an answer lies in the engine.
 * SPDX-License-Identifier: MIT
 *
 *   | struct stored | status line and fields, ready to send, and an empty line | body |
 *                   |<---------------- block ------------------------------->|
 *
 * The block is all that a client gets but what is told anew each time (Age, Cache-Status), so that
 * a hit is three copies. Where a URL has variants, a marker lies under the URL's own key and names
 * the fields that choose among them:
 *
 *   | struct marker | "accept-encoding,origin" |
 *
 * Memory: readers point into the entry. Threads: any.
 */
#ifndef LARDER_SERVER_HTTP_STORED_H
#define LARDER_SERVER_HTTP_STORED_H

#include "base/buf.h"
#include "cache/cache.h"

/* The kinds of entry in the space of the gateway. */
enum {
    STORED_RESPONSE = 64,
    STORED_MARKER = 65,
    STORED_NOTE = 67,  /* a path's No-Vary-Search (no_vary_search.h) */
    STORED_PARTS = 68, /* ranges of something whose whole is not stored (parts.h) */
    STORED_PLAIN = 66, /* in the place of a coded copy: none is worth while (compress.h) */
};

enum {
    STORED_PUBLIC = 1,         /* may answer requests with Authorization */
    STORED_STRICT = 2,         /* must not be served stale */
    STORED_ASK = 4,            /* must be served to nobody without asking the origin (no-cache) */
    STORED_COMPRESSIBLE = 256, /* coded copies may be made (compress.h) */
};

struct stored {
    uint32_t block_size; /* bytes */
    uint16_t status;
    uint16_t flags;
    int64_t born_ms;     /* when its age was 0, on the engine's axis */
    int64_t lifetime_ms; /* fresh for so long from then on */
    int64_t swr_ms;      /* behind that */
    int64_t sie_ms;
    int64_t grace_ms;
    uint32_t load_ms; /* how long the origin takes for it, on average; 0: not known */
    uint64_t body_id; /* drawn for each new body: copies in a coding tell by it whose they are */
};

/* False: the value is no stored response. */
static inline bool stored_read(const struct cache_view *view, struct stored *ret_stored,
                               struct bytes *ret_block, struct bytes *ret_body)
{
    if (view->kind != STORED_RESPONSE || view->value.size < sizeof *ret_stored)
        return false;
    memcpy(ret_stored, view->value.data, sizeof *ret_stored);
    struct bytes rest = bytes_skip(view->value, sizeof *ret_stored);

    *ret_block = bytes_slice(rest, 0, ret_stored->block_size);
    *ret_body = bytes_skip(rest, ret_stored->block_size);
    return ret_block->size == ret_stored->block_size;
}

static inline int64_t stored_age_s(const struct stored *stored, int64_t now_ms)
{
    return now_ms <= stored->born_ms ? 0 : (now_ms - stored->born_ms) / 1000;
}

/* How long it has been stale; negative while it is fresh. */
static inline int64_t stored_stale_ms(const struct stored *stored, int64_t now_ms)
{
    return now_ms - stored->born_ms - stored->lifetime_ms;
}

enum { MARKER_SLOTS_MAX = 64 };

struct marker_slot {
    uint64_t hash; /* of the variant's key */
    int64_t until_ms;
};

struct marker {
    uint64_t count;
    struct marker_slot slots[MARKER_SLOTS_MAX]; /* only `count` of them are stored */
    struct bytes names;                         /* not stored; points into the value */
};

bool marker_read(const struct cache_view *view, struct marker *ret_marker);

/* Only the names, for the way of a hit. Empty: it is no marker. */
struct bytes marker_names(const struct cache_view *view);

void marker_write(const struct marker *marker, struct buf *out);

/* Takes a slot for the variant, one of the same hash or one whose time is over. False: all of
 * `slots_max` are taken. */
bool marker_admit(struct marker *marker, uint64_t hash, int64_t until_ms, int64_t now_ms,
                  size_t slots_max);

#endif
