/* peer.h: both ends of an HTTP/2 session for tests: frames written by hand, and an owner that
 * answers.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_TESTS_H2_PEER_H
#define LARDER_TESTS_H2_PEER_H

#include "base/buf.h"
#include "base/must.h"
#include "h2/session.h"
#include "proto/http.h"

enum { PEER_STREAMS_MAX = 16, PEER_BODY_MAX = 1 << 20 };

struct peer;

struct peer_stream {
    struct peer *peer;
    struct h2_stream *stream; /* NULL: answered, or gone */
    bool is_gone;
    bool was_drained;
    size_t received; /* bytes of its body */
    bool has_all;
};

struct peer {
    struct account account;
    struct h2_settings settings;
    struct h2_session *session;
    struct buf out; /* what it sent */
    bool is_congested;
    bool fills_up; /* asked once whether it is congested, it says no, and is from then on */
    bool answers;  /* at once */
    bool takes;    /* bodies of requests */
    unsigned woken;
    int loans; /* that are not given back */
    size_t request_count;
    size_t refused_count;
    struct buf last; /* the head of the last request */
    struct peer_stream streams[PEER_STREAMS_MAX];
    size_t stream_count;
};

#define PEER_ANSWER "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"

static inline void peer_release(void *context)
{
    struct peer *peer = context;

    peer->loans--;
}

static inline void peer_answer(struct h2_stream *stream, struct bytes body)
{
    h2_stream_answer(stream, BYTES(PEER_ANSWER), BYTES("Age: 1\r\n\r\n"), body.size == 0);
    h2_stream_borrow(stream, body);
    h2_stream_end(stream);
}

static inline void *peer_request(void *owner, struct h2_stream *stream,
                                 const struct h2_request *request)
{
    struct peer *peer = owner;

    peer->request_count++;
    buf_clear(&peer->last);
    buf_add(&peer->last, request->head);
    must((request->status == 0) == (request->complaint == NULL));
    must((request->status == 0) == (request->head.size > 0));
    if (request->status != 0)
        peer->refused_count++;
    if (peer->answers || peer->stream_count == PEER_STREAMS_MAX) {
        peer_answer(stream, BYTES("hello"));
        return NULL;
    }
    struct peer_stream *mine = &peer->streams[peer->stream_count++];

    *mine = (struct peer_stream){.peer = peer, .stream = stream};
    return mine;
}

static inline void peer_body(void *stream_owner)
{
    struct peer_stream *mine = stream_owner;
    struct bytes input = h2_stream_input(mine->stream, &mine->has_all);

    if (!mine->peer->takes)
        return;
    mine->received += input.size;
    h2_stream_take(mine->stream, input.size);
}

static inline void peer_drained(void *stream_owner)
{
    ((struct peer_stream *)stream_owner)->was_drained = true;
}

static inline void peer_gone(void *stream_owner)
{
    struct peer_stream *mine = stream_owner;

    mine->is_gone = true;
    mine->stream = NULL;
}

static inline void peer_wake(void *owner)
{
    ((struct peer *)owner)->woken++;
}

static inline void peer_send(void *owner, struct bytes bytes)
{
    buf_add(&((struct peer *)owner)->out, bytes);
}

static inline void peer_send_loan(void *owner, struct bytes bytes, void (*release)(void *context),
                                  void *context)
{
    peer_send(owner, bytes);
    release(context);
}

static inline bool peer_is_congested(void *owner)
{
    struct peer *peer = owner;
    bool is_congested = peer->is_congested;

    peer->is_congested = is_congested || peer->fills_up;
    return is_congested;
}

static inline void peer_init(struct peer *peer)
{
    static const struct h2_events events = {
        .request = peer_request,
        .body = peer_body,
        .drained = peer_drained,
        .gone = peer_gone,
        .wake = peer_wake,
        .send = peer_send,
        .send_loan = peer_send_loan,
        .is_congested = peer_is_congested,
    };

    *peer = (struct peer){.takes = true};
    account_init(&peer->account, NULL, 0);
    peer->settings = (struct h2_settings){
        .streams_max = 10,
        .window = 65535,
        .head_max = 4096,
        .fields_max = 20,
        .score_max = 1000,
        .account = &peer->account,
    };
    buf_init(&peer->out, (size_t)64 << 20, NULL);
    buf_init(&peer->last, 1 << 20, NULL);
    enum err err = h2_session_new(&peer->settings, &events, peer, 0, &peer->session);

    must(err == ERR_OK);
}

/* Everything goes back. */
static inline void peer_fini(struct peer *peer)
{
    h2_session_free(&peer->session);
    buf_fini(&peer->out);
    buf_fini(&peer->last);
    must(peer->loans == 0);
    must(account_used(&peer->account) == 0);
}

/* ---- frames -------------------------------------------------------------------------------- */

static inline void frame_add(struct buf *out, unsigned type, unsigned flags, uint32_t stream,
                             struct bytes payload)
{
    const uint8_t head[] = {(uint8_t)(payload.size >> 16),
                            (uint8_t)(payload.size >> 8),
                            (uint8_t)payload.size,
                            (uint8_t)type,
                            (uint8_t)flags,
                            (uint8_t)(stream >> 24),
                            (uint8_t)(stream >> 16),
                            (uint8_t)(stream >> 8),
                            (uint8_t)stream};

    buf_add(out, bytes_of(head, sizeof head));
    buf_add(out, payload);
}

/* A field that no table remembers; both shorter than 127 bytes. */
static inline void field_add(struct buf *out, const char *name, const char *value)
{
    buf_add_byte(out, 0);
    buf_add_byte(out, (uint8_t)strlen(name));
    buf_add_text(out, name);
    buf_add_byte(out, (uint8_t)strlen(value));
    buf_add_text(out, value);
}

static inline void hello_add(struct buf *out)
{
    buf_add_text(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frame_add(out, 4, 0, 0, BYTES(""));
}

#endif
