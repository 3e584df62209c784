/* pump.c: answers on their way to a client. SPDX-License-Identifier: MIT */
#include "server/http/pump.h"

#include "base/must.h"
#include "server/http/block.h"
#include "server/http/depart.h"
#include "server/http/serve.h"

#include <stdio.h>

enum { PIECE_LOAN_MIN = 16 * 1024 };

static struct fetch *fetch_read_by(const struct client *client)
{
    return fetch_of(client->request.reader.stream);
}

static struct told told_of(const struct client *client)
{
    const struct request *request = &client->request;

    return (struct told){.outcome = request->outcome,
                         .reason = request->reason,
                         .status = request->status,
                         .origin_ms = request->origin_ms};
}

static void stop_upload(struct client *client)
{
    struct request *request = &client->request;

    if (request->upload_to == NULL)
        return;
    if (request->is_uploading)
        client->keeps_alive = false; /* what is left of the body would be read as a request */
    request->is_uploading = false;
    depart_forget_context(request->upload_to);
    stream_drop(&request->upload_to->stream);
    request->upload_to = NULL;
}

/* The fetch of this worker must not call a client that has left it. */
static void leave(struct client *client)
{
    struct stream *stream = client->request.reader.stream;

    stop_upload(client);
    multipart_free(&client->request.plan.parts);
    if (stream != NULL && fetch_of(stream)->gate == client->gate &&
        fetch_of(stream)->context == client)
        depart_forget_context(fetch_of(stream));
    reader_detach(&client->request.reader);
}

static void finish(struct client *client)
{
    struct told told = told_of(client);

    leave(client);
    client_finish(client, NULL, &told);
    client->hooks->idle(client);
}

static void cut(struct client *client)
{
    struct told told = told_of(client);

    leave(client);
    client_cut(client, &told);
    client->hooks->idle(client);
}

/* ---- the head ---------------------------------------------------------------------------- */

static void send_head(struct client *client, struct bytes whole_body)
{
    struct request *request = &client->request;
    struct fetch *fetch = fetch_read_by(client);
    const struct answer_head *head = &fetch->head;
    int64_t now_ms = loop_now_ms(client->gate->loop);
    const char *detail = gateway_reason_text(head->reason);
    bool is_own = request->outcome != OUTCOME_COLLAPSED && fetch->own_block.size > 0;
    int64_t age_s = stored_age_s(&head->stored, now_ms);
    const struct cache_status status = {
        .forwarded = fetch_why_text(request->why),
        .forward_status = head->is_revalidated ? 304 : 0,
        .stored = head->is_stored && request->outcome != OUTCOME_COLLAPSED,
        .collapsed = request->outcome == OUTCOME_COLLAPSED,
        .detail = detail[0] == 0 ? NULL : detail,
    };
    const struct source source = {
        .block = buf_bytes(is_own ? &fetch->own_block : &head->block),
        .has_size = head->has_size,
        .size = head->is_revalidated ? whole_body.size : head->size,
        .is_judged = fetch->for_cache,
        .age_s = head->is_shared && age_s > 0 ? age_s : -1,
        .status = &status,
    };

    if (request->is_uploading)
        client->keeps_alive = false; /* it answers before it has heard all */
    request->reason = head->reason;
    request->origin_ms = fetch->origin_ms;
    request->status = serve_head(client, client_request_head(client), &source, &request->plan);
    request->sends_head = true;
}

/* ---- the body ---------------------------------------------------------------------------- */

static void send_piece(struct client *client, struct bytes piece)
{
    struct request *request = &client->request;
    char line[24];

    if (request->plan.chunked) {
        int size = snprintf(line, sizeof line, "%zx\r\n", piece.size);

        client_send(client, bytes_of(line, (size_t)size));
    }
    if (piece.size >= PIECE_LOAN_MIN) {
        client_send_loan(client, piece, chunk_drop, reader_hold_chunk(&request->reader));
    } else {
        client_send(client, piece);
    }
    if (request->plan.chunked)
        client_send(client, BYTES("\r\n"));
}

/* One piece of what is there. False: there is none, or the client has had enough for now. */
static bool pass_piece(struct client *client)
{
    struct request *request = &client->request;
    struct body_plan *plan = &request->plan;
    struct bytes piece;

    if (plan->left == 0 && plan->parts != NULL)
        client_next_part(client, plan);
    if (plan->left == 0 || client_is_congested(client) || !reader_peek(&request->reader, &piece))
        return false;
    size_t skipped = plan->skip < piece.size ? plan->skip : piece.size;

    plan->skip -= skipped;
    piece = bytes_skip(piece, skipped);
    if (piece.size > plan->left) {
        piece.size = plan->left;
    }
    size_t taken = skipped + piece.size;

    if (piece.size > 0)
        send_piece(client, piece);
    if (plan->left != UINT64_MAX)
        plan->left -= piece.size;
    reader_advance(&request->reader, taken);
    return true;
}

static bool is_over(const struct client *client, enum stream_stage stage)
{
    const struct request *request = &client->request;

    if (request->plan.is_empty || (request->plan.left == 0 && request->plan.parts == NULL))
        return true;
    return stage == STREAM_WHOLE &&
           reader_position(&request->reader) == stream_published(request->reader.stream);
}

/* Behind other readers, that is: the origin waits for the quickest one. What it sent before it had
 * to wait may be far more than the lag, when it was to be stored and then could not be. */
static bool has_fallen_behind(const struct client *client)
{
    struct stream *stream = client->request.reader.stream;
    uint64_t position = reader_position(&client->request.reader);
    uint64_t lag_max = client->gate->settings->lag_max;
    size_t count = 0;

    if (!atomic_load(&stream->is_cut) || stream_published(stream) - position <= lag_max)
        return false;
    uint64_t quickest = stream_quickest(stream, &count);

    return quickest > position && quickest - position > lag_max;
}

static void pass_body(struct client *client, enum stream_stage stage)
{
    if (!client->request.plan.is_empty) {
        while (pass_piece(client))
            ;
    }
    if (is_over(client, stage)) {
        if (client->request.plan.chunked)
            client_send(client, BYTES("0\r\n\r\n"));
        finish(client);
    } else if (stage == STREAM_BROKEN) {
        cut(client);
    } else if (has_fallen_behind(client)) {
        counter_add(&client->gate->metrics.slow_readers, 1);
        cut(client);
    }
}

/* The origin said that what is stored holds: its body, under the new head. */
static void pass_confirmed(struct client *client)
{
    struct fetch *fetch = fetch_read_by(client);
    struct stored stored;
    struct bytes block;
    struct bytes body;
    bool is_stored = stored_read(&fetch->old, &stored, &block, &body);

    must(is_stored);
    client->request.outcome = OUTCOME_REVALIDATED;
    send_head(client, body);
    serve_body(client, &fetch->old, body, &client->request.plan);
    finish(client);
}

static void give_up(struct client *client)
{
    struct fetch *fetch = fetch_read_by(client);
    enum err err = fetch->err;
    enum failure failure = fetch->failure;
    bool is_again = fetch->is_again;

    leave(client);
    if (is_again)
        client->hooks->asks->again(client);
    else
        client->hooks->asks->failed(client, err, failure);
}

/* A range of something that is not going to be stored: the origin may know how to send only that.
 */
static bool wants_part(struct client *client)
{
    const struct fetch *fetch = fetch_read_by(client);

    return fetch->for_cache && fetch->head.reason == REASON_TOO_LARGE &&
           http_has(client_request_head(client), HTTP_RANGE);
}

/* An error for one who said how stale an answer may be in its place (RFC 5861 §4). */
static bool wants_stale(struct client *client)
{
    const struct fetch *fetch = fetch_read_by(client);

    return fetch->for_cache && fetch->verdict.is_error &&
           http_has(client_request_head(client), HTTP_CACHE_CONTROL) &&
           client->hooks->asks->takes_stale(client);
}

void pump(struct client *client)
{
    struct request *request = &client->request;

    if (client->conn == NULL || request->reader.stream == NULL)
        return;
    enum stream_stage stage = stream_stage(request->reader.stream);

    if (stage == STREAM_WAITING)
        return;
    if (!request->sends_head) {
        if (stage == STREAM_BROKEN) {
            give_up(client);
            return;
        }
        if (stage == STREAM_CONFIRMED) {
            pass_confirmed(client);
            return;
        }
        if (wants_stale(client)) {
            leave(client);
            client->hooks->asks->failed(client, ERR_PEER_BROKEN, FAILURE_STATUS);
            return;
        }
        if (wants_part(client)) {
            leave(client);
            client->hooks->asks->part(client);
            return;
        }
        send_head(client, BYTES(""));
    }
    pass_body(client, stage);
}

static void woken(struct reader *reader)
{
    struct request *request = list_owner(reader, struct request, reader);
    struct client *client = list_owner(request, struct client, request);

    if (client->conn == NULL)
        client_free_if_over(client);
    else
        pump(client);
}

/* 103 and the like, to the one who leads. */
static void pass_interim(void *context, const struct http_head *head)
{
    struct client *client = context;
    struct buf *out = &client->gate->text;

    if (client->conn == NULL || client->is_old || client->request.sends_head)
        return;
    buf_clear(out);
    buf_printf(out, "HTTP/1.1 %u ", head->status);
    buf_add(out, head->reason);
    buf_add(out, BYTES("\r\n"));
    for (size_t i = 0; i < head->field_count; i++) {
        if (!http_is_hop_by_hop(head, &head->fields[i]))
            block_add_field(out, head->fields[i].name, head->fields[i].value);
    }
    buf_add(out, BYTES("\r\n"));
    if (buf_failed(out) == ERR_OK)
        client_send_interim(client, buf_bytes(out));
}

void pump_lead(struct client *client, struct fetch *fetch)
{
    fetch->context = client;
    fetch->interim = pass_interim;
}

bool pump_begin(struct client *client, struct fetch *fetch)
{
    struct request *request = &client->request;

    if (request->reader.woken == NULL)
        reader_init(&request->reader, client->gate->loop, woken);
    request->sends_head = false;
    return reader_attach(&request->reader, &fetch->stream);
}

void pump_soon(struct client *client)
{
    struct reader *reader = &client->request.reader;

    if (!atomic_exchange(&reader->is_posted, true))
        loop_post(reader->loop, &reader->task);
}

void pump_end(struct client *client)
{
    leave(client);
}
