/* session_stream.c: bodies in, answers out. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/must.h"
#include "h2/session_parts.h"

#include <string.h>

enum {
    FIELDS_MAX = 192,    /* of an answer: more than any head of proto/http.h holds */
    FRAME_HEAD_SIZE = 9, /* bytes */
    LEND_MIN = 4096,     /* smaller ones are copied by the connection all the same */
};

struct h2_stream *h2_stream_new(struct h2_session *session, int32_t id)
{
    struct h2_stream *stream = mem_try(sizeof *stream);

    if (stream == NULL)
        return NULL;
    account_force(session->settings->account, sizeof *stream);
    *stream = (struct h2_stream){.session = session, .id = id, .progress_ms = session->now_ms};
    list_append(&session->streams, &stream->node);
    list_init(&stream->news);
    session->stream_count++;
    /* The window is the limit; nghttp2 holds the other side to it. */
    buf_init(&stream->input, SIZE_MAX / 4, NULL);
    return stream;
}

/* ---- what waits to be sent ----------------------------------------------------------------- */

static void piece_drop(void *context)
{
    struct piece *piece = context;

    if (--piece->refs > 0)
        return;
    account_refund(piece->account, piece->cost);
    if (piece->release != NULL)
        piece->release(piece->context);
    mem_free(&piece);
}

/* `size` bytes behind it are the caller's to fill. NULL: no memory. */
static struct piece *piece_new(struct h2_stream *stream, size_t size)
{
    struct piece *piece = mem_try(sizeof *piece + size);

    if (piece == NULL)
        return NULL;
    *piece = (struct piece){
        .cost = sizeof *piece + size,
        .refs = 1,
        .account = stream->session->settings->account,
    };
    account_force(piece->account, piece->cost);
    return piece;
}

static void append(struct h2_stream *stream, struct piece *piece)
{
    if (stream->last == NULL)
        stream->first = piece;
    else
        stream->last->next = piece;
    stream->last = piece;
}

static void drop_first(struct h2_stream *stream)
{
    struct piece *piece = stream->first;

    stream->first = piece->next;
    if (stream->first == NULL)
        stream->last = NULL;
    piece_drop(piece);
}

static void forget_output(struct h2_stream *stream)
{
    while (stream->first != NULL)
        drop_first(stream);
    stream->borrowed = BYTES("");
    stream->queued = 0;
}

void h2_stream_free(struct h2_stream **owner)
{
    struct h2_stream *stream = *owner;

    forget_output(stream);
    account_refund(stream->session->settings->account, stream->input.capacity);
    buf_fini(&stream->input);
    list_leave(&stream->node);
    list_leave(&stream->news);
    stream->session->stream_count--;
    account_refund(stream->session->settings->account, sizeof *stream);
    mem_free(owner);
}

void h2_stream_note(struct h2_stream *stream)
{
    if (list_alone(&stream->news))
        list_append(&stream->session->news, &stream->news);
    h2_session_wake(stream->session);
}

/* No memory for what was promised: it cannot be finished. */
static void give_up(struct h2_stream *stream)
{
    forget_output(stream);
    stream->is_cut = true;
    if (!stream->is_closed)
        (void)nghttp2_submit_rst_stream(stream->session->machine, NGHTTP2_FLAG_NONE, stream->id,
                                        NGHTTP2_INTERNAL_ERROR);
    h2_session_wake(stream->session);
}

/* There is more for nghttp2. */
static void resume(struct h2_stream *stream)
{
    if (stream->is_deferred && !stream->is_cut) {
        stream->is_deferred = false;
        (void)nghttp2_session_resume_data(stream->session->machine, stream->id);
    }
    h2_session_wake(stream->session);
}

static bool takes_output(const struct h2_stream *stream)
{
    return !stream->is_closed && !stream->is_cut;
}

static void note_pressure(struct h2_stream *stream)
{
    if (stream->queued > H2_STREAM_HIGH)
        stream->was_congested = true;
}

static void copy(struct h2_stream *stream, struct bytes bytes)
{
    struct piece *piece = piece_new(stream, bytes.size);

    if (piece == NULL) {
        give_up(stream);
        return;
    }
    memcpy(piece + 1, bytes.data, bytes.size);
    piece->data = (const uint8_t *)(piece + 1);
    piece->size = bytes.size;
    append(stream, piece);
}

/* What was lent for the moment is kept. */
static void keep_borrowed(struct h2_stream *stream)
{
    struct bytes bytes = stream->borrowed;

    if (bytes.size == 0)
        return;
    must(stream->first == NULL);
    stream->borrowed = BYTES("");
    copy(stream, bytes);
}

void h2_stream_send(struct h2_stream *stream, struct bytes bytes)
{
    if (bytes.size == 0)
        return;
    keep_borrowed(stream);
    if (takes_output(stream))
        copy(stream, bytes);
    if (!takes_output(stream))
        return;
    if (stream->queued == 0)
        stream->progress_ms = stream->session->now_ms;
    stream->queued += bytes.size;
    note_pressure(stream);
    resume(stream);
}

void h2_stream_lend(struct h2_stream *stream, struct bytes bytes, void (*release)(void *context),
                    void *context)
{
    keep_borrowed(stream);
    struct piece *piece = takes_output(stream) ? piece_new(stream, 0) : NULL;

    if (piece == NULL) {
        if (takes_output(stream))
            give_up(stream);
        release(context);
        return;
    }
    piece->data = bytes.data;
    piece->size = bytes.size;
    piece->release = release;
    piece->context = context;
    append(stream, piece);
    if (stream->queued == 0)
        stream->progress_ms = stream->session->now_ms;
    stream->queued += bytes.size;
    note_pressure(stream);
    resume(stream);
}

void h2_stream_borrow(struct h2_stream *stream, struct bytes bytes)
{
    if (stream->queued > 0) {
        h2_stream_send(stream, bytes);
        return;
    }
    if (!takes_output(stream))
        return;
    stream->borrowed = bytes;
    stream->queued = bytes.size;
    stream->progress_ms = stream->session->now_ms;
    resume(stream);
}

bool h2_stream_is_congested(const struct h2_stream *stream)
{
    return stream->was_congested;
}

/* ---- to nghttp2 ---------------------------------------------------------------------------- */

/* nghttp2 says which parameters. NOLINTNEXTLINE(readability-function-size) */
ssize_t h2_stream_read(nghttp2_session *machine, int32_t id, uint8_t *out, size_t size,
                       uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct h2_stream *stream = source->ptr;

    (void)machine;
    (void)id;
    (void)out;
    (void)context;
    if (stream->is_cut || (stream->queued == 0 && !stream->out_ended)) {
        stream->is_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (stream->queued > size)
        return (ssize_t)size;
    if (stream->out_ended)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)stream->queued;
}

/* The next bytes of the queue go to the connection. */
static void pass(struct h2_stream *stream, size_t size)
{
    struct h2_session *session = stream->session;

    must(size <= stream->queued);
    stream->queued -= size;
    if (stream->borrowed.size > 0) {
        struct bytes part = bytes_slice(stream->borrowed, 0, size);

        session->events->send(session->owner, part);
        stream->borrowed = bytes_skip(stream->borrowed, part.size);
        size -= part.size;
    }
    while (size > 0) {
        struct piece *piece = stream->first;
        size_t count = piece->size < size ? piece->size : size;
        struct bytes part = bytes_of(piece->data, count);

        if (count >= LEND_MIN) {
            piece->refs++;
            session->events->send_loan(session->owner, part, piece_drop, piece);
        } else {
            session->events->send(session->owner, part);
        }
        piece->data += count;
        piece->size -= count;
        size -= count;
        if (piece->size == 0)
            drop_first(stream);
    }
}

int h2_stream_send_data(nghttp2_session *machine, nghttp2_frame *frame, const uint8_t *head,
                        size_t size, nghttp2_data_source *source, void *context)
{
    struct h2_session *session = context;
    struct h2_stream *stream = source->ptr;

    (void)machine;
    must(frame->data.padlen == 0); /* we ask for none */
    if (stream->is_cut)            /* while this frame waited for the connection */
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (session->events->is_congested(session->owner))
        return NGHTTP2_ERR_WOULDBLOCK;
    session->events->send(session->owner, bytes_of(head, FRAME_HEAD_SIZE));
    pass(stream, size);
    stream->progress_ms = session->now_ms;
    if (stream->was_congested && stream->queued <= H2_STREAM_LOW && !stream->out_ended)
        h2_stream_note(stream);
    return 0;
}

/* ---- heads --------------------------------------------------------------------------------- */

struct fields {
    nghttp2_nv items[FIELDS_MAX];
    size_t count;
};

/* Told by their sizes first: this is asked of each field of each answer. */
static bool is_of_connection(struct bytes name)
{
    switch (name.size) {
    case 7:
        return bytes_equal_nocase(name, BYTES("Upgrade"));
    case 10:
        return bytes_equal_nocase(name, BYTES("Connection")) ||
               bytes_equal_nocase(name, BYTES("Keep-Alive"));
    case 16:
        return bytes_equal_nocase(name, BYTES("Proxy-Connection"));
    case 17:
        return bytes_equal_nocase(name, BYTES("Transfer-Encoding"));
    default:
        return false;
    }
}

/* nghttp2 copies names (in lower case) and values, and takes no const for either. */
static nghttp2_nv pair(struct bytes name, struct bytes value)
{
    return (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name.data,
        .value = (uint8_t *)(uintptr_t)value.data,
        .namelen = name.size,
        .valuelen = value.size,
        .flags = NGHTTP2_NV_FLAG_NONE,
    };
}

/* Whether a value differs from answer to answer, so that the table of past ones is no place for it.
 */
static bool is_fleeting(struct bytes name)
{
    return name.size == 3 && bytes_equal_nocase(name, BYTES("Age"));
}

/* They are the house's own writing: each has a colon and ends with CRLF. */
static void add_lines(struct fields *fields, struct bytes lines)
{
    const uint8_t *at = lines.data;
    const uint8_t *end = lines.data + lines.size;

    while (at < end && *at != '\r' && fields->count < FIELDS_MAX) {
        const uint8_t *colon = memchr(at, ':', (size_t)(end - at));

        must(colon != NULL);
        const uint8_t *stop = memchr(colon, '\r', (size_t)(end - colon));

        must(stop != NULL);
        struct bytes name = bytes_of(at, (size_t)(colon - at));

        at = stop + 2;
        while (*++colon == ' ')
            ;
        if (is_of_connection(name))
            continue;
        nghttp2_nv *item = &fields->items[fields->count++];

        *item = pair(name, bytes_of(colon, (size_t)(stop - colon)));
        if (is_fleeting(name))
            item->flags = NGHTTP2_NV_FLAG_NO_INDEX;
    }
}

/* The status line and the fields. */
static void read_head(struct fields *fields, struct bytes first, struct bytes rest)
{
    size_t line = bytes_find(first, '\n') + 1;

    fields->items[0] = pair(BYTES(":status"), bytes_slice(first, 9, 12));
    fields->count = 1;
    add_lines(fields, bytes_skip(first, line));
    add_lines(fields, rest);
}

void h2_stream_interim(struct h2_stream *stream, struct bytes head)
{
    struct fields fields;

    if (stream->is_closed || stream->is_answered)
        return;
    read_head(&fields, head, BYTES(""));
    (void)nghttp2_submit_headers(stream->session->machine, NGHTTP2_FLAG_NONE, stream->id, NULL,
                                 fields.items, fields.count, NULL);
    h2_session_wake(stream->session);
}

void h2_stream_answer(struct h2_stream *stream, struct bytes first, struct bytes rest, bool is_all)
{
    struct fields fields;
    const nghttp2_data_provider body = {.source.ptr = stream, .read_callback = h2_stream_read};

    must(!stream->is_answered);
    stream->is_answered = true;
    if (stream->is_closed)
        return;
    read_head(&fields, first, rest);
    if (nghttp2_submit_response(stream->session->machine, stream->id, fields.items, fields.count,
                                is_all ? NULL : &body) != 0)
        give_up(stream);
    h2_session_wake(stream->session);
}

void h2_stream_end(struct h2_stream *stream)
{
    struct h2_session *session = stream->session;

    must(stream->is_answered);
    stream->owner = NULL;
    stream->out_ended = true;
    bool borrows = stream->borrowed.size > 0;

    if (!stream->is_closed)
        resume(stream);
    if (!borrows)
        return;
    /* The loan ends with this call: what the window or the connection holds back is copied. The
     * flush may close the stream, which is freed later. */
    (void)h2_session_flush(session);
    keep_borrowed(stream);
}

void h2_stream_cut(struct h2_stream *stream)
{
    stream->owner = NULL;
    give_up(stream);
}

/* ---- a request's body ---------------------------------------------------------------------- */

bool h2_stream_arrived(struct h2_stream *stream, struct bytes bytes)
{
    size_t before = stream->input.capacity;

    buf_add(&stream->input, bytes);
    account_force(stream->session->settings->account, stream->input.capacity - before);
    stream->has_body_news = true;
    h2_stream_note(stream);
    return buf_failed(&stream->input) == ERR_OK;
}

struct bytes h2_stream_input(const struct h2_stream *stream, bool *ret_is_all)
{
    *ret_is_all = stream->in_ended;
    return buf_bytes(&stream->input);
}

void h2_stream_take(struct h2_stream *stream, size_t count)
{
    buf_consume(&stream->input, count);
    if (stream->is_closed)
        (void)nghttp2_session_consume_connection(stream->session->machine, count);
    else
        (void)nghttp2_session_consume(stream->session->machine, stream->id, count);
    h2_session_wake(stream->session);
}
