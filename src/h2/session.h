/* session.h: one HTTP/2 connection as a machine: bytes in, requests out; answers in, bytes out.
 * SPDX-License-Identifier: MIT
 *
 * Frames, HPACK and flow control are nghttp2's, and nobody outside this room knows it. What the
 * gateway sees of a request is a head as HTTP/1.1 would write it, which goes through the same
 * strict parser as one that came over HTTP/1.1: so there is one way to read a request, and what is
 * refused there is refused here. What it gives back is a head in the same form, and a body.
 *
 *     receive(bytes) -> request(head) ... body(stream)        stream_answer(head)
 *                                                             stream_send / lend ... stream_end
 *     send()         <- frames, as far as windows and the connection let them go
 *
 * Requests are told after all the bytes of a call were read: what was reset within the same bytes
 * never was. A stream that is not wanted any more is reset by either side; both count, with every
 * other frame that costs work and brings none, in one score (flood.h), and who passes its limit is
 * sent away with ENHANCE_YOUR_CALM.
 *
 *   stream:  asked -> answered -> ended (its last byte is queued) -> closed
 *               \---------\------------- reset --------------------/
 *
 * Memory: nghttp2's, that of the streams and of what is queued is charged to the account without
 * asking. It is bounded by `streams_max`, by `head_max` for each head, by the windows for what
 * comes in, and for what goes out by h2_stream_is_congested, which its writer obeys; nghttp2's own
 * by H2_MEMORY_MAX, beyond which it finds no memory and the connection ends. Threads: one. No
 * sockets, no clock: the time is what the last call said.
 */
#ifndef LARDER_H2_SESSION_H
#define LARDER_H2_SESSION_H

#include "base/account.h"
#include "base/bytes.h"
#include "base/err.h"
#include "h2/flood.h"

enum {
    H2_PREFACE_SIZE = 24,
    H2_MEMORY_MAX = 4 << 20,   /* bytes that nghttp2 may take for one connection */
    H2_STREAM_HIGH = 64 << 10, /* bytes that wait; then a stream is congested */
    H2_STREAM_LOW = 16 << 10,  /* then it is not any more */
};

struct h2_session;
struct h2_stream;

struct h2_settings {
    size_t streams_max;
    size_t window;     /* bytes of a request's body that may come before they are taken */
    size_t head_max;   /* bytes */
    size_t fields_max; /* and as many pieces of Cookie */
    size_t score_max;  /* flood.h */
    struct account *account;
};

struct h2_request {
    struct bytes head;     /* as HTTP/1.1 has it; a loan until the call returns */
    unsigned status;       /* not 0: it is to be refused with this, and has no head */
    const char *complaint; /* then: why, in a sentence */
};

struct h2_events {
    /* A request; what it returns is the stream's owner from then on. NULL: it is answered already,
     * or never will be (then it is reset). */
    void *(*request)(void *owner, struct h2_stream *stream, const struct h2_request *request);
    /* Of its body: there is more, or it has ended. Not from within a call to h2_stream_take. */
    void (*body)(void *stream_owner);
    /* It is congested no more. */
    void (*drained)(void *stream_owner);
    /* It was reset, or the session ends: the stream is gone when this returns. */
    void (*gone)(void *stream_owner);
    /* Something was queued outside of the session's calls: call h2_session_work soon. */
    void (*wake)(void *owner);

    /* The way to the socket, as conn.h has it. */
    void (*send)(void *owner, struct bytes bytes);
    void (*send_loan)(void *owner, struct bytes bytes, void (*release)(void *context),
                      void *context);
    bool (*is_congested)(void *owner);
};

/* Whether the bytes begin as every HTTP/2 connection does, as far as they go. */
bool h2_is_preface(struct bytes bytes);

/* `settings` and `events` are borrowed for its life. ERR_FULL. */
enum err h2_session_new(const struct h2_settings *settings, const struct h2_events *events,
                        void *owner, int64_t now_ms, struct h2_session **ret_session);

/* Tells every stream's owner that it is gone. */
void h2_session_free(struct h2_session **owner);

/* Takes all of it; requests are told by the next h2_session_work.
 * ERR_FULL, ERR_PEER_BROKEN: it is over, at once. */
enum err h2_session_receive(struct h2_session *session, struct bytes bytes, int64_t now_ms);

/* Tells what came, and sends what can be sent. The same errors. */
enum err h2_session_work(struct h2_session *session, int64_t now_ms);

/* Everything was said by both: the connection may be closed. */
bool h2_session_is_over(const struct h2_session *session);

size_t h2_session_stream_count(const struct h2_session *session);

/* A head has begun to arrive and is not whole: since when. False: none. */
bool h2_session_has_part(const struct h2_session *session, int64_t *ret_since_ms);

/* Calls for the owner of each stream that has one. */
void h2_session_visit(struct h2_session *session, void (*visit)(void *stream_owner));

/* Resets streams whose client has let nothing of what waits go for so long; returns how many. */
size_t h2_session_check(struct h2_session *session, int64_t stall_ms, int64_t now_ms);

/* No further requests: those under way are answered. In two steps, so that no request is lost that
 * was sent before the other side knew (RFC 9113 §6.8): the second comes when a PING that follows
 * the first is back, or with the second call. */
void h2_session_drain(struct h2_session *session);

/* The same at once; nothing is under way. */
void h2_session_end(struct h2_session *session);

/* Whether it was ended for a flood, and of what. */
bool h2_session_is_flooded(const struct h2_session *session, enum flood_kind *ret_kind);

struct h2_counts {
    uint64_t streams;     /* requests begun */
    uint64_t resets;      /* of unfinished streams, by the other side */
    uint64_t resets_sent; /* for its mistakes */
};

const struct h2_counts *h2_session_counts(const struct h2_session *session);

/* ---- a request's body --------------------------------------------------------------------- */

/* What came and was not taken; whether that is all. */
struct bytes h2_stream_input(const struct h2_stream *stream, bool *ret_is_all);

/* Opens the window by so much. */
void h2_stream_take(struct h2_stream *stream, size_t count);

/* ---- its answer ---------------------------------------------------------------------------- */

/* 100 and 103. */
void h2_stream_interim(struct h2_stream *stream, struct bytes head);

/* The head, in two parts if that is how it lies; the lines of `first` end with CRLF, the last line
 * of both together is empty. Fields that belong to one HTTP/1.1 connection are left out.
 * `is_all`: no body follows. */
void h2_stream_answer(struct h2_stream *stream, struct bytes first, struct bytes rest, bool is_all);

/* Queues a copy. */
void h2_stream_send(struct h2_stream *stream, struct bytes bytes);

/* Without copying: they stay readable until `release`, which is called once. */
void h2_stream_lend(struct h2_stream *stream, struct bytes bytes, void (*release)(void *context),
                    void *context);

/* Without copying what can leave at once: h2_stream_end follows before the bytes go. */
void h2_stream_borrow(struct h2_stream *stream, struct bytes bytes);

bool h2_stream_is_congested(const struct h2_stream *stream);

/* That was all: its owner hears no more of it. */
void h2_stream_end(struct h2_stream *stream);

/* It cannot be finished: reset. Its owner hears no more of it. */
void h2_stream_cut(struct h2_stream *stream);

#endif
