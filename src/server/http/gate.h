/* gate.h: what the parts of one gateway have in common: its loop, its handle on the engine, its
 * counts, and room to work in.
 * SPDX-License-Identifier: MIT
 *
 * Threads: the loop's own. The rooms are used within one call and hold nothing between calls.
 */
#ifndef LARDER_SERVER_HTTP_GATE_H
#define LARDER_SERVER_HTTP_GATE_H

#include "base/log.h"
#include "base/random.h"
#include "h2/session.h"
#include "net/conn.h"
#include "net/loop.h"
#include "server/http/counts.h"
#include "server/http/key.h"
#include "server/http/site.h"
#include "upstream/origin.h"

struct accesslog;
struct gate_past;
struct history;

struct gate {
    unsigned number; /* of the worker */
    struct loop *loop;
    struct cache *cache;
    struct cache_thread *thread;
    struct site *site;
    const struct gateway_settings *settings;
    struct origin *const *origins;
    const struct log *log;
    struct accesslog *access; /* NULL: none */
    struct history *history;  /* of the process; NULL: nothing is remembered */
    struct http_limits limits;
    struct h2_settings h2;
    struct random random;
    struct list_node clients;
    struct list_node fills;
    struct list_node jobs; /* coded copies in the making (compress.h) */
    size_t job_count;
    void (*emptied)(struct gate *gate); /* the last client has gone; NULL: nobody waits for that */
    struct gate_past *pasts;            /* sites that requests under way still have (change.h) */
    struct timer past_timer;
    bool draining;
    struct gateway_metrics metrics;

    /* rooms */
    struct http_head request;
    struct http_head response;
    struct http_field fields[HTTP_FIELDS_MAX + EDITS_MAX + 16];
    struct key_room keys;
    char peer_text[ADDRESS_TEXT_SIZE];
    struct address visitor;
    struct bytes refusal_fields; /* that an answer of our own has besides, each with its line end */
    struct buf variant;          /* a variant's key */
    struct buf text;             /* anything else */
};

/* A head that was kept, in `request` again: it was within the limits when it came, which may be
 * others since. */
struct http_head *gate_read_kept(struct gate *gate, struct bytes raw);

#endif
