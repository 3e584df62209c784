/* session_parts.h: what the files of the room share: a session, its streams, what waits to be sent.
 * SPDX-License-Identifier: MIT
 *
 *     session_life.c    birth, what comes in, what goes out, the end
 *     session_head.c    a request's fields become a head of HTTP/1.1
 *     session_stream.c  bodies in, answers out
 *     session_memory.c  nghttp2's memory
 *     flood.c           who makes too much work
 */
#ifndef LARDER_H2_SESSION_PARTS_H
#define LARDER_H2_SESSION_PARTS_H

#include "base/buf.h"
#include "base/list.h"
#include "h2/session.h"

#include <nghttp2/nghttp2.h>

enum { H2_PSEUDO_METHOD, H2_PSEUDO_SCHEME, H2_PSEUDO_AUTHORITY, H2_PSEUDO_PATH, H2_PSEUDO_COUNT };

/* The head that is arriving: only one at a time does. */
struct arriving {
    int32_t stream_id; /* 0: none */
    bool is_trailer;
    bool has_line;
    bool has_length;
    bool has_host;
    bool is_cut; /* by us, for its size: its fields are not kept any more */
    int64_t since_ms;
    size_t start; /* where its text begins in session->heads */
    size_t size;  /* of all names and values, and 32 for each field as RFC 9113 counts */
    size_t field_count;
    size_t crumb_count;
    unsigned status; /* not 0: it will be refused */
    const char *complaint;
    struct bytes pseudo[H2_PSEUDO_COUNT]; /* in nghttp2's counted buffers */
    nghttp2_rcbuf *held[H2_PSEUDO_COUNT];
    struct buf cookie;
};

/* What waits to be sent. */
struct piece {
    struct piece *next;
    const uint8_t *data;
    size_t size;
    size_t cost;   /* charged */
    unsigned refs; /* the queue, and each frame of it that the connection holds */
    struct account *account;
    void (*release)(void *context); /* NULL: the bytes lie behind the piece */
    void *context;
};

struct h2_stream {
    struct h2_session *session;
    struct list_node node; /* in session->streams */
    struct list_node news; /* in session->news: something is to be told */
    void *owner;           /* NULL: not told yet, or it hears no more */
    int32_t id;
    bool is_told;   /* its request was */
    bool is_closed; /* for nghttp2 */
    bool has_body_news;
    bool was_congested;
    bool in_ended; /* all of the request is here */
    bool is_answered;
    bool is_cut;      /* by us: nothing more goes out */
    bool out_ended;   /* all of the answer is queued */
    bool is_deferred; /* nghttp2 waits for more to send */
    struct buf input;
    unsigned status; /* not 0: its head is refused */
    const char *complaint;
    size_t head_start; /* in session->heads */
    size_t head_size;
    struct bytes borrowed; /* first in the queue */
    struct piece *first;
    struct piece *last;
    size_t queued; /* bytes, `borrowed` included */
    int64_t progress_ms;
};

struct h2_session {
    nghttp2_session *machine;
    const struct h2_settings *settings;
    const struct h2_events *events;
    void *owner;
    int64_t now_ms;
    struct list_node streams;
    struct list_node news;
    size_t stream_count;
    struct buf heads; /* of requests that are not told yet */
    struct arriving arriving;
    struct flood flood;
    uint64_t credit; /* WINDOW_UPDATEs that our own DATA has earned */
    size_t memory;   /* bytes that nghttp2 has */
    bool is_inside;  /* of a call of ours: nobody needs to be woken */
    bool is_draining;
    bool has_said_goodbye;
    bool is_broken;
    struct h2_counts counts;
};

/* ---- session_memory.c ----------------------------------------------------------------------- */

nghttp2_mem h2_memory(struct h2_session *session);

/* ---- session_head.c ------------------------------------------------------------------------- */

void h2_head_begin(struct h2_session *session, int32_t stream_id, bool is_trailer);
void h2_head_add(struct h2_session *session, nghttp2_rcbuf *name, nghttp2_rcbuf *value);
void h2_head_invalid(struct h2_session *session);

/* It is whole: into the stream. */
void h2_head_finish(struct h2_session *session, struct h2_stream *stream, bool is_all);

/* It never will be. Harmless if there is none. */
void h2_head_drop(struct h2_session *session);

/* ---- session_life.c ------------------------------------------------------------------------- */

/* Counts points, and sends the client away when they are too many. */
void h2_session_score(struct h2_session *session, enum flood_kind kind, uint64_t points);

/* Something is to be sent or told. */
void h2_session_wake(struct h2_session *session);

/* Sends frames as long as there are any and the connection takes them. */
enum err h2_session_flush(struct h2_session *session);

/* ---- session_stream.c ----------------------------------------------------------------------- */

/* NULL: no memory. */
struct h2_stream *h2_stream_new(struct h2_session *session, int32_t id);
void h2_stream_free(struct h2_stream **owner);

/* Puts it among those of whom something is to be told. */
void h2_stream_note(struct h2_stream *stream);

/* Bytes of a body came. False: no memory. */
bool h2_stream_arrived(struct h2_stream *stream, struct bytes bytes);

/* nghttp2's callbacks. */
ssize_t h2_stream_read(nghttp2_session *machine, int32_t id, uint8_t *out, size_t size,
                       uint32_t *flags, nghttp2_data_source *source, void *context);
int h2_stream_send_data(nghttp2_session *machine, nghttp2_frame *frame, const uint8_t *head,
                        size_t size, nghttp2_data_source *source, void *context);

#endif
