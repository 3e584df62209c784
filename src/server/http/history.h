/* history.h: what became of URLs lately, and who purged what: for those who ask why.
 * SPDX-License-Identifier: MIT
 *
 * An answer that is not stored leaves nothing behind that could be asked about, and a purge leaves
 * less. So a little is remembered beside the engine: for each URL the last time that an answer of
 * it was stored (until when, with which tags), was not stored (why), and was taken out by a method
 * that changed it; and the last purges with those who made them.
 *
 *   URLs     a table of HISTORY_URLS places by hash; a newer URL takes an older one's place
 *   purges   a ring of HISTORY_PURGES
 *
 * Only fetches and purges write here, never hits.
 *
 * Memory: 250 KiB a process, taken once. Threads: any; one latch for each 1/16 of the table and one
 * for the ring, held for a copy. Limits: texts beyond HISTORY_TEXT_MAX bytes are cut and say so.
 */
#ifndef LARDER_SERVER_HTTP_HISTORY_H
#define LARDER_SERVER_HTTP_HISTORY_H

#include "base/buf.h"
#include "server/http/counts.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HISTORY_URLS = 2048,
    HISTORY_PURGES = 128,
    HISTORY_TAGS = 8, /* of one URL; more are not remembered */
    HISTORY_TEXT_MAX = 256,
    HISTORY_WHO_MAX = 96,
};

struct history;

struct history *history_new(void);
void history_free(struct history **owner);

/* ---- URLs ------------------------------------------------------------------------------------ */

/* By people's clocks, in ms; 0: it did not happen, or is forgotten. */
struct history_url {
    int64_t stored_ms;
    int64_t fresh_until_ms;
    int64_t kept_until_ms; /* when the last of its stale times ends */
    int64_t refused_ms;    /* the last answer that was not stored: when, */
    uint16_t status;       /*   with which status, 0: none came, */
    uint8_t reason;        /*   enum gateway_reason, and why */
    uint8_t tag_count;
    bool has_more_tags;
    int64_t invalidated_ms; /* by a method that is not safe */
    uint32_t tags[HISTORY_TAGS];
};

/* `url` is the normalised one (struct target). `tags` are those that people know of. */
void history_stored(struct history *history, struct bytes url, const struct history_url *what,
                    const struct bytes *tags, size_t tag_count);
void history_refused(struct history *history, struct bytes url, unsigned status,
                     enum gateway_reason reason, int64_t wall_ms);
void history_invalidated(struct history *history, struct bytes url, int64_t wall_ms);

/* False: nothing is known of it. */
bool history_find(struct history *history, struct bytes url, struct history_url *ret_what);

/* Whether the last stored answer had the tag, as far as they are remembered. */
bool history_had_tag(const struct history_url *what, struct bytes tag);

/* ---- purges ---------------------------------------------------------------------------------- */

enum history_by {
    HISTORY_BY_URL,
    HISTORY_BY_PREFIX,
    HISTORY_BY_HOST,
    HISTORY_BY_REGEX,
    HISTORY_BY_TAG,
    HISTORY_BY_KEY,
    HISTORY_BY_ALL,
};

/* "url", "prefix", ... */
const char *history_by_text(enum history_by by);

struct history_purge {
    int64_t wall_ms;
    enum history_by by;
    bool soft;
    bool is_cut; /* the text was longer */
    bool has_matched;
    uint64_t matched;            /* how many entries, where that is known */
    const char *door;            /* "admin", "http", "resp": a text that stays */
    char who[HISTORY_WHO_MAX];   /* the client's address */
    char text[HISTORY_TEXT_MAX]; /* what was purged, ended with NUL */
};

/* Fills in who and text; what is longer is cut. */
void history_purge_init(struct history_purge *purge, struct bytes who, struct bytes text);

void history_purged(struct history *history, const struct history_purge *purge);

/* The latest first. Returns how many; `ret_purges` has room for HISTORY_PURGES. */
size_t history_purges(struct history *history, struct history_purge *ret_purges);

/* ---- as JSON --------------------------------------------------------------------------------- */

/* {"purges": [...]}, the latest first. */
void history_write_purges(struct history *history, struct buf *out);

/* {"by": "tag", "text": "product:7", ...} */
void history_write_purge(struct buf *out, const struct history_purge *purge);

/* , "NAME": "2026-01-31T12:00:00Z" */
void history_write_moment(struct buf *out, const char *name, int64_t wall_ms);

#endif
