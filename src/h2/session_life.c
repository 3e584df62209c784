/* session_life.c: a connection: what comes in, what goes out, its end.
 * SPDX-License-Identifier: MIT
 */
#include "base/mem.h"
#include "base/must.h"
#include "h2/session_parts.h"

enum {
    WINDOWS_PER_CONNECTION = 8, /* so that one upload that is held up holds up no other */
    HEADS_KEPT = 4096,          /* bytes: more goes back when the requests are told */
    CREDIT_MAX = 1000,
    WINDOW_MAX = 0x7fffffff,

    /* points, of 5000 as a rule (http2.max-score) */
    POINTS_RESET = 10,
    POINTS_PING = 5,
    POINTS_SETTINGS = 10,
    POINTS_PRIORITY = 2,
    POINTS_WINDOW = 1,
    POINTS_EMPTY = 10,
    POINTS_CONTINUATION = 5,
    POINTS_STALL = 50,
};

static struct h2_stream *stream_of(struct h2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session->machine, id);
}

void h2_session_wake(struct h2_session *session)
{
    if (!session->is_inside)
        session->events->wake(session->owner);
}

void h2_session_score(struct h2_session *session, enum flood_kind kind, uint64_t points)
{
    bool was_over = session->flood.is_over;

    if (flood_add(&session->flood, kind, points, session->now_ms) || was_over)
        return;
    (void)nghttp2_session_terminate_session(session->machine, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* ---- what comes in ------------------------------------------------------------------------- */

static void score_window_update(struct h2_session *session)
{
    if (session->credit > 0)
        session->credit--;
    else
        h2_session_score(session, FLOOD_CONTROL, POINTS_WINDOW);
}

/* Of every frame, before it is judged. */
static int frame_begins(nghttp2_session *machine, const nghttp2_frame_hd *head, void *context)
{
    struct h2_session *session = context;
    bool is_empty = head->length == 0 && (head->flags & NGHTTP2_FLAG_END_STREAM) == 0;

    (void)machine;
    switch (head->type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_RST_STREAM: /* when it is known what it resets */
    case NGHTTP2_GOAWAY:
        break;
    case NGHTTP2_DATA:
        if (is_empty)
            h2_session_score(session, FLOOD_EMPTY, POINTS_EMPTY);
        break;
    case NGHTTP2_CONTINUATION:
        h2_session_score(session, is_empty ? FLOOD_EMPTY : FLOOD_HEADERS,
                         is_empty ? POINTS_EMPTY : POINTS_CONTINUATION);
        break;
    case NGHTTP2_SETTINGS:
        h2_session_score(session, FLOOD_CONTROL, POINTS_SETTINGS);
        break;
    case NGHTTP2_PING:
        h2_session_score(session, FLOOD_CONTROL, POINTS_PING);
        break;
    case NGHTTP2_PRIORITY:
        h2_session_score(session, FLOOD_CONTROL, POINTS_PRIORITY);
        break;
    case NGHTTP2_WINDOW_UPDATE:
        score_window_update(session);
        break;
    default: /* ignored unseen */
        break;
    }
    return 0;
}

static int head_begins(nghttp2_session *machine, const nghttp2_frame *frame, void *context)
{
    struct h2_session *session = context;
    bool is_request = frame->headers.cat == NGHTTP2_HCAT_REQUEST;

    if (is_request) {
        struct h2_stream *stream = h2_stream_new(session, frame->hd.stream_id);

        if (stream == NULL)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        (void)nghttp2_session_set_stream_user_data(machine, frame->hd.stream_id, stream);
        session->counts.streams++;
    }
    h2_head_begin(session, frame->hd.stream_id, !is_request);
    return 0;
}

static int field_came(nghttp2_session *machine, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                      nghttp2_rcbuf *value, uint8_t flags, void *context)
{
    (void)machine;
    (void)frame;
    (void)flags;
    h2_head_add(context, name, value);
    return 0;
}

static int field_is_invalid(nghttp2_session *machine, const nghttp2_frame *frame,
                            nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags, void *context)
{
    (void)machine;
    (void)frame;
    (void)name;
    (void)value;
    (void)flags;
    h2_head_invalid(context);
    return 0;
}

/* A second head of a stream is its trailers: as over HTTP/1.1, they are counted and dropped. */
static void head_came(struct h2_session *session, struct h2_stream *stream, bool is_all)
{
    if (session->arriving.is_trailer)
        h2_head_drop(session);
    else
        h2_head_finish(session, stream, is_all);
}

static void input_ended(struct h2_stream *stream)
{
    stream->in_ended = true;
    stream->has_body_news = true;
}

static void reset_came(struct h2_session *session, struct h2_stream *stream)
{
    session->counts.resets++;
    if (stream == NULL || !stream->out_ended || stream->queued > 0)
        h2_session_score(session, FLOOD_RESETS, POINTS_RESET);
}

/* The second step of draining. */
static void say_goodbye(struct h2_session *session)
{
    if (!session->is_draining || session->has_said_goodbye)
        return;
    session->has_said_goodbye = true;
    (void)nghttp2_submit_goaway(session->machine, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(session->machine),
                                NGHTTP2_NO_ERROR, NULL, 0);
}

static int frame_came(nghttp2_session *machine, const nghttp2_frame *frame, void *context)
{
    struct h2_session *session = context;
    bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    struct h2_stream *stream = stream_of(session, frame->hd.stream_id);

    (void)machine;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        if (stream == NULL)
            break;
        if (is_last)
            input_ended(stream);
        if (frame->hd.type == NGHTTP2_HEADERS)
            head_came(session, stream, is_last);
        if (is_last || frame->hd.type == NGHTTP2_HEADERS)
            h2_stream_note(stream);
        break;
    case NGHTTP2_RST_STREAM:
        reset_came(session, stream);
        break;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
            say_goodbye(session); /* what was sent before the other side knew came before this */
        break;
    default:
        break;
    }
    return 0;
}

static int data_came(nghttp2_session *machine, uint8_t flags, int32_t id, const uint8_t *data,
                     size_t size, void *context)
{
    struct h2_session *session = context;
    struct h2_stream *stream = stream_of(session, id);

    (void)flags;
    if (stream == NULL || (stream->is_told && stream->owner == NULL)) {
        (void)nghttp2_session_consume(machine, id, size);
        return 0;
    }
    if (!h2_stream_arrived(stream, bytes_of(data, size)))
        session->is_broken = true; /* bytes are lost */
    return 0;
}

static int stream_closed(nghttp2_session *machine, int32_t id, uint32_t why, void *context)
{
    struct h2_session *session = context;
    struct h2_stream *stream = stream_of(session, id);

    (void)machine;
    (void)why;
    if (session->arriving.stream_id == id)
        h2_head_drop(session);
    if (stream == NULL)
        return 0;
    stream->is_closed = true;
    h2_stream_note(stream);
    return 0;
}

/* ---- what goes out ------------------------------------------------------------------------- */

static bool is_their_fault(uint32_t code)
{
    return code != NGHTTP2_NO_ERROR && code != NGHTTP2_INTERNAL_ERROR && code != NGHTTP2_CANCEL;
}

static int frame_went(nghttp2_session *machine, const nghttp2_frame *frame, void *context)
{
    struct h2_session *session = context;
    bool is_last = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
                   (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

    if (frame->hd.type == NGHTTP2_RST_STREAM && is_their_fault(frame->rst_stream.error_code)) {
        session->counts.resets_sent++;
        h2_session_score(session, FLOOD_RESETS, POINTS_RESET);
    }
    if (frame->hd.type == NGHTTP2_DATA && session->credit < CREDIT_MAX)
        session->credit += 2; /* one for the stream's window, one for the connection's */
    if (!is_last)
        return 0;
    struct h2_stream *stream = stream_of(session, frame->hd.stream_id);

    /* It was answered before all of it was heard: the rest is not wanted (RFC 9113 §8.1). */
    if (stream != NULL && !stream->in_ended)
        (void)nghttp2_submit_rst_stream(machine, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
    return 0;
}

static enum err err_of(struct h2_session *session, ssize_t code)
{
    if (code == NGHTTP2_ERR_FLOODED && !session->flood.is_over) {
        session->flood.is_over = true;
        session->flood.kind = FLOOD_CONTROL;
    }
    session->is_broken = true;
    return code == NGHTTP2_ERR_NOMEM ? ERR_FULL : ERR_PEER_BROKEN;
}

enum err h2_session_flush(struct h2_session *session)
{
    while (!session->is_broken && !session->events->is_congested(session->owner)) {
        const uint8_t *data = NULL;
        ssize_t size = nghttp2_session_mem_send(session->machine, &data);

        if (size < 0)
            return err_of(session, size);
        if (size == 0)
            break;
        session->events->send(session->owner, bytes_of(data, (size_t)size));
    }
    return session->is_broken ? ERR_FULL : ERR_OK;
}

/* ---- what is told -------------------------------------------------------------------------- */

static void tell_request(struct h2_session *session, struct h2_stream *stream)
{
    const struct h2_request request = {
        .head = bytes_slice(buf_bytes(&session->heads), stream->head_start,
                            stream->head_start + stream->head_size),
        .status = stream->status,
        .complaint = stream->complaint,
    };

    stream->is_told = true;
    stream->has_body_news = false;
    void *owner = session->events->request(session->owner, stream, &request);

    stream->owner = owner;
    if (owner == NULL && !stream->is_answered)
        h2_stream_cut(stream);
}

static void end_stream(struct h2_session *session, struct h2_stream *stream)
{
    void *owner = stream->owner;

    stream->owner = NULL;
    if (owner != NULL)
        session->events->gone(owner);
    if (stream->input.size > 0 && session->machine != NULL)
        (void)nghttp2_session_consume_connection(session->machine, stream->input.size);
    h2_stream_free(&stream);
}

static void tell(struct h2_session *session, struct h2_stream *stream)
{
    if (stream->is_closed) {
        end_stream(session, stream);
        return;
    }
    if (!stream->is_told) {
        tell_request(session, stream);
        return;
    }
    if (stream->has_body_news && stream->owner != NULL) {
        stream->has_body_news = false;
        session->events->body(stream->owner);
    }
    if (stream->was_congested && stream->queued <= H2_STREAM_LOW) {
        stream->was_congested = false;
        if (stream->owner != NULL)
            session->events->drained(stream->owner);
    }
}

/* All heads but the one that is arriving were told. */
static void forget_heads(struct h2_session *session)
{
    struct buf *heads = &session->heads;

    if (session->arriving.stream_id != 0) {
        buf_consume(heads, session->arriving.start);
        session->arriving.start = 0;
    } else if (heads->capacity > HEADS_KEPT) {
        buf_fini(heads);
        buf_clear(heads);
    } else {
        buf_clear(heads);
    }
}

static void tell_all(struct h2_session *session)
{
    while (!list_alone(&session->news)) {
        struct h2_stream *stream = list_owner(session->news.next, struct h2_stream, news);

        list_leave(&stream->news);
        tell(session, stream);
    }
}

enum err h2_session_work(struct h2_session *session, int64_t now_ms)
{
    enum err err = ERR_OK;
    bool has_news = true;

    session->now_ms = now_ms;
    session->is_inside = true;
    tell_all(session);
    forget_heads(session);
    while (err == ERR_OK && has_news) {
        err = h2_session_flush(session);
        has_news = !list_alone(&session->news); /* who is told has more to send */
        tell_all(session);
    }
    session->is_inside = false;
    return err;
}

enum err h2_session_receive(struct h2_session *session, struct bytes bytes, int64_t now_ms)
{
    session->now_ms = now_ms;
    session->is_inside = true;
    ssize_t size = nghttp2_session_mem_recv(session->machine, bytes.data, bytes.size);

    session->is_inside = false;
    if (size < 0)
        return err_of(session, size);
    return session->is_broken ? ERR_FULL : ERR_OK;
}

/* ---- birth and end ------------------------------------------------------------------------- */

bool h2_is_preface(struct bytes bytes)
{
    static const struct bytes preface = BYTES_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    return bytes_begin_with(preface, bytes_slice(bytes, 0, preface.size));
}

static int machine_new(struct h2_session *session, const nghttp2_session_callbacks *callbacks)
{
    nghttp2_mem memory = h2_memory(session);
    nghttp2_option *option = NULL;

    if (nghttp2_option_new(&option) != 0)
        return NGHTTP2_ERR_NOMEM;
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    int code = nghttp2_session_server_new3(&session->machine, callbacks, session, option, &memory);

    nghttp2_option_del(option);
    return code;
}

static int set_callbacks(struct h2_session *session)
{
    nghttp2_session_callbacks *callbacks = NULL;

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return NGHTTP2_ERR_NOMEM;
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, frame_begins);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, head_begins);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, field_came);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(callbacks, field_is_invalid);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_came);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data_came);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frame_went);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, h2_stream_send_data);
    int code = machine_new(session, callbacks);

    nghttp2_session_callbacks_del(callbacks);
    return code;
}

static int introduce(struct h2_session *session)
{
    const struct h2_settings *settings = session->settings;
    int32_t window = (int32_t)settings->window;
    int64_t all = (int64_t)settings->window * WINDOWS_PER_CONNECTION;
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)settings->streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)settings->head_max},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    int code = nghttp2_submit_settings(session->machine, NGHTTP2_FLAG_NONE, entries,
                                       sizeof entries / sizeof entries[0]);

    return code != 0 ? code
                     : nghttp2_session_set_local_window_size(
                           session->machine, NGHTTP2_FLAG_NONE, 0,
                           (int32_t)(all > WINDOW_MAX ? WINDOW_MAX : all));
}

enum err h2_session_new(const struct h2_settings *settings, const struct h2_events *events,
                        void *owner, int64_t now_ms, struct h2_session **ret_session)
{
    struct h2_session *session = mem_try(sizeof *session);

    if (session == NULL)
        return ERR_FULL;
    account_force(settings->account, sizeof *session);
    *session = (struct h2_session){
        .settings = settings, .events = events, .owner = owner, .now_ms = now_ms};
    list_init(&session->streams);
    list_init(&session->news);
    flood_init(&session->flood, settings->score_max, now_ms);
    buf_init(&session->heads, settings->streams_max * (settings->head_max * 2 + 1024),
             settings->account);
    buf_init(&session->arriving.cookie, settings->head_max + 1024, settings->account);
    session->is_inside = true;
    if (set_callbacks(session) != 0 || introduce(session) != 0) {
        h2_session_free(&session);
        return ERR_FULL;
    }
    session->is_inside = false;
    *ret_session = session;
    return ERR_OK;
}

void h2_session_free(struct h2_session **owner)
{
    struct h2_session *session = *owner;

    if (session == NULL)
        return;
    session->is_inside = true;
    h2_head_drop(session);
    for (struct list_node *at = session->streams.next; at != &session->streams; at = at->next)
        list_owner(at, struct h2_stream, node)->is_closed = true;
    while (!list_alone(&session->streams))
        end_stream(session, list_owner(session->streams.next, struct h2_stream, node));
    nghttp2_session_del(session->machine);
    buf_fini(&session->heads);
    buf_fini(&session->arriving.cookie);
    account_refund(session->settings->account, sizeof *session);
    mem_free(owner);
}

bool h2_session_is_over(const struct h2_session *session)
{
    return nghttp2_session_want_read(session->machine) == 0 &&
           nghttp2_session_want_write(session->machine) == 0;
}

size_t h2_session_stream_count(const struct h2_session *session)
{
    return session->stream_count;
}

bool h2_session_has_part(const struct h2_session *session, int64_t *ret_since_ms)
{
    *ret_since_ms = session->arriving.since_ms;
    return session->arriving.stream_id != 0;
}

void h2_session_visit(struct h2_session *session, void (*visit)(void *stream_owner))
{
    for (struct list_node *at = session->streams.next; at != &session->streams; at = at->next) {
        struct h2_stream *stream = list_owner(at, struct h2_stream, node);

        if (stream->owner != NULL)
            visit(stream->owner);
    }
}

size_t h2_session_check(struct h2_session *session, int64_t stall_ms, int64_t now_ms)
{
    size_t count = 0;

    session->now_ms = now_ms;
    for (struct list_node *at = session->streams.next; at != &session->streams; at = at->next) {
        struct h2_stream *stream = list_owner(at, struct h2_stream, node);

        if (stream->is_closed || stream->queued == 0 || now_ms - stream->progress_ms < stall_ms)
            continue;
        stream->progress_ms = now_ms;
        count++;
        (void)nghttp2_submit_rst_stream(session->machine, NGHTTP2_FLAG_NONE, stream->id,
                                        NGHTTP2_CANCEL);
        h2_session_score(session, FLOOD_STALLS, POINTS_STALL);
    }
    if (count > 0)
        h2_session_wake(session);
    return count;
}

void h2_session_drain(struct h2_session *session)
{
    if (session->is_draining) {
        say_goodbye(session);
    } else {
        session->is_draining = true;
        (void)nghttp2_submit_shutdown_notice(session->machine);
        (void)nghttp2_submit_ping(session->machine, NGHTTP2_FLAG_NONE, NULL);
    }
    h2_session_wake(session);
}

void h2_session_end(struct h2_session *session)
{
    (void)nghttp2_session_terminate_session(session->machine, NGHTTP2_NO_ERROR);
    h2_session_wake(session);
}

bool h2_session_is_flooded(const struct h2_session *session, enum flood_kind *ret_kind)
{
    *ret_kind = session->flood.kind;
    return session->flood.is_over;
}

const struct h2_counts *h2_session_counts(const struct h2_session *session)
{
    return &session->counts;
}
