/* http2.c: many requests on one connection. SPDX-License-Identifier: MIT */
#include "server/http/http2.h"

#include "base/mem.h"
#include "base/must.h"
#include "h2/session.h"
#include "net/clock.h"
#include "server/http/ask.h"
#include "server/http/pump.h"
#include "server/http/refuse.h"
#include "server/http/upload.h"
#include "server/http/visitor.h"

enum { CHECK_MS = 1000 };

struct http2 {
    struct gate *gate;
    struct client *client; /* the connection's */
    struct conn *conn;     /* NULL: closed */
    struct h2_session *session;
    struct loop_task task;
    bool is_posted;
    bool is_flooded; /* and counted */
    struct h2_counts counted;
};

/* ---- a request ---------------------------------------------------------------------------- */

/* It is answered, or cut, or its stream is gone. */
static void over(struct client *client)
{
    client->conn = NULL;
    client_free_if_over(client);
}

static const struct client_hooks hooks = {
    .asks = &ask_later,
    .idle = over,
};

static void take_request(struct client *client, const struct h2_request *request)
{
    struct gate *gate = client->gate;
    struct http_complaint complaint = {request->status, request->complaint};
    size_t size = 0;

    if (request->status != 0) {
        refuse_head(client, &complaint);
        return;
    }
    if (http_parse_request(request->head, &gate->limits, &gate->request, &size, &complaint) !=
        ERR_OK) {
        refuse_head(client, &complaint);
        return;
    }
    gate->request.is_secure = visitor_is_secure(client_visitor(client), &gate->request);
    client_begin(client, &gate->request);
    ask(client, &gate->request, request->head);
    if (client->request.is_uploading)
        upload(client);
}

static void *on_request(void *owner, struct h2_stream *stream, const struct h2_request *request)
{
    struct http2 *http2 = owner;
    struct client *client = client_new(http2->gate, NULL, &hooks);

    if (client == NULL)
        return NULL;
    client->conn = http2->conn;
    client->stream = stream;
    client->is_secure = http2->client->is_secure;
    client->is_trusted = http2->client->is_trusted;
    client->started_ns = clock_now_ns();
    take_request(client, request);
    if (client->is_busy)
        return client;
    over(client);
    return NULL;
}

/* Which may be answered at once: a body that is part of the key is whole, or never will be. */
static void on_body(void *stream_owner)
{
    struct client *client = stream_owner;

    upload(client);
    if (!client->is_busy)
        over(client);
}

static void on_drained(void *stream_owner)
{
    pump(stream_owner);
}

static void on_gone(void *stream_owner)
{
    struct client *client = stream_owner;

    client->stream = NULL;
    client->conn = NULL;
    if (client->is_busy)
        counter_sub(&client->gate->metrics.requests_waiting, 1);
    client->is_busy = false;
    ask_end(client);
    client_free_if_over(client);
}

/* ---- the way to the socket ---------------------------------------------------------------- */

static void on_send(void *owner, struct bytes bytes)
{
    const struct http2 *http2 = owner;

    conn_send(http2->conn, bytes);
}

static void on_send_loan(void *owner, struct bytes bytes, void (*release)(void *context),
                         void *context)
{
    const struct http2 *http2 = owner;

    conn_send_loan(http2->conn, bytes, release, context);
}

static bool is_congested(void *owner)
{
    const struct http2 *http2 = owner;

    return conn_is_congested(http2->conn);
}

static void on_wake(void *owner)
{
    struct http2 *http2 = owner;

    if (!http2->is_posted)
        loop_post(http2->gate->loop, &http2->task);
    http2->is_posted = true;
}

static const struct h2_events events = {
    .request = on_request,
    .body = on_body,
    .drained = on_drained,
    .gone = on_gone,
    .wake = on_wake,
    .send = on_send,
    .send_loan = on_send_loan,
    .is_congested = is_congested,
};

/* ---- after each call ---------------------------------------------------------------------- */

static struct counter *flood_counter(struct gateway_metrics *metrics, enum flood_kind kind)
{
    switch (kind) {
    case FLOOD_RESETS:
        return &metrics->h2_floods_resets;
    case FLOOD_CONTROL:
        return &metrics->h2_floods_control;
    case FLOOD_EMPTY:
        return &metrics->h2_floods_empty;
    case FLOOD_HEADERS:
        return &metrics->h2_floods_headers;
    case FLOOD_STALLS:
        return &metrics->h2_floods_stalls;
    case FLOOD_KINDS:
        break;
    }
    never("a flood that is none");
}

static void count(struct http2 *http2)
{
    struct gateway_metrics *metrics = &http2->gate->metrics;
    const struct h2_counts *now = h2_session_counts(http2->session);
    enum flood_kind kind = FLOOD_RESETS;

    counter_add(&metrics->h2_streams, now->streams - http2->counted.streams);
    counter_add(&metrics->h2_resets, now->resets - http2->counted.resets);
    counter_add(&metrics->h2_resets_sent, now->resets_sent - http2->counted.resets_sent);
    http2->counted = *now;
    if (http2->is_flooded || !h2_session_is_flooded(http2->session, &kind))
        return;
    http2->is_flooded = true;
    counter_add(flood_counter(metrics, kind), 1);
}

static void settle(struct http2 *http2, enum err err)
{
    struct client *client = http2->client;
    int64_t now_ms = loop_now_ms(http2->gate->loop);
    size_t stream_count = h2_session_stream_count(http2->session);

    count(http2);
    if (stream_count > 0)
        client->since_ms = now_ms;
    if (client->is_closing)
        return;
    if (err != ERR_OK) {
        client->is_closing = true;
        conn_abort(http2->conn);
    } else if (h2_session_is_over(http2->session) || (client->has_ended && stream_count == 0)) {
        client->is_closing = true;
        conn_close(http2->conn);
    } else if (client->timer.at_ms > now_ms + CHECK_MS) {
        timer_set(http2->gate->loop, &client->timer, now_ms + CHECK_MS);
    }
}

static void work(struct http2 *http2)
{
    settle(http2, h2_session_work(http2->session, loop_now_ms(http2->gate->loop)));
}

static void http2_free(struct http2 **owner)
{
    struct http2 *http2 = *owner;
    struct client *client = http2->client;

    account_refund(site_connections(http2->gate->site), sizeof *http2);
    client->http2 = NULL;
    mem_free(owner);
    client_free_if_over(client);
}

static void run(struct loop_task *task)
{
    struct http2 *http2 = list_owner(task, struct http2, task);

    http2->is_posted = false;
    if (http2->conn == NULL)
        http2_free(&http2);
    else
        work(http2);
}

/* ---- the connection ----------------------------------------------------------------------- */

enum err http2_begin(struct client *client)
{
    struct gate *gate = client->gate;
    struct http2 *http2 = mem_try(sizeof *http2);

    if (http2 == NULL)
        return ERR_FULL;
    *http2 =
        (struct http2){.gate = gate, .client = client, .conn = client->conn, .task = {.run = run}};
    if (h2_session_new(&gate->h2, &events, http2, loop_now_ms(gate->loop), &http2->session) !=
        ERR_OK) {
        mem_free(&http2);
        return ERR_FULL;
    }
    account_force(site_connections(gate->site), sizeof *http2);
    counter_add(&gate->metrics.h2_connections, 1);
    client->http2 = http2;
    client->since_ms = loop_now_ms(gate->loop);
    http2_received(http2);
    return ERR_OK;
}

void http2_received(struct http2 *http2)
{
    struct bytes input = conn_input(http2->conn);

    if (http2->client->is_closing || input.size == 0)
        return;
    if (conn_is_congested(http2->conn)) {
        conn_pause(http2->conn);
        return;
    }
    enum err err = h2_session_receive(http2->session, input, loop_now_ms(http2->gate->loop));

    conn_consume(http2->conn, input.size);
    if (err == ERR_OK)
        work(http2);
    else
        settle(http2, err);
}

/* A body that is not whole will never be. */
static void end_upload(void *stream_owner)
{
    struct client *client = stream_owner;

    client->has_ended = true;
    if (client->request.is_uploading)
        on_body(client);
}

/* What was asked is answered, then it is over. */
void http2_ended(struct http2 *http2)
{
    if (http2->client->is_closing)
        return;
    h2_session_visit(http2->session, end_upload);
    work(http2);
}

void http2_drained(struct http2 *http2)
{
    conn_resume(http2->conn);
    if (!http2->client->is_closing)
        work(http2);
}

void http2_closed(struct http2 *http2)
{
    http2->conn = NULL;
    counter_sub(&http2->gate->metrics.h2_connections, 1);
    count(http2);
    h2_session_free(&http2->session);
    if (!http2->is_posted)
        http2_free(&http2);
}

static void check_upload(void *stream_owner)
{
    struct client *client = stream_owner;

    if (!upload_is_slow(client))
        return;
    counter_add(&client->gate->metrics.slow_bodies, 1);
    upload_refuse(client, 408);
    if (!client->is_busy)
        over(client);
}

static void check_streams(struct http2 *http2, int64_t now_ms)
{
    struct gate *gate = http2->gate;
    size_t stalled = h2_session_check(http2->session, gate->settings->send_ms, now_ms);

    counter_add(&gate->metrics.slow_readers, stalled);
    h2_session_visit(http2->session, check_upload);
}

int64_t http2_check(struct http2 *http2, int64_t now_ms)
{
    struct gate *gate = http2->gate;
    const struct gateway_settings *settings = gate->settings;
    struct client *client = http2->client;
    int64_t since_ms = 0;
    bool is_quiet = h2_session_stream_count(http2->session) == 0;
    bool has_part = h2_session_has_part(http2->session, &since_ms);

    if (gate->draining)
        h2_session_drain(http2->session); /* the other side has had a second to hear of it */
    if (has_part && now_ms - since_ms >= settings->header_ms) {
        counter_add(&gate->metrics.slow_headers, 1);
        h2_session_end(http2->session);
    } else if (!is_quiet) {
        check_streams(http2, now_ms);
    } else if (now_ms - client->since_ms >= settings->idle_ms) {
        counter_add(&gate->metrics.idle_closed, 1);
        h2_session_end(http2->session);
    }
    int64_t idle_ms = client->since_ms + settings->idle_ms;

    return is_quiet && !has_part && idle_ms > now_ms + CHECK_MS ? idle_ms : now_ms + CHECK_MS;
}

void http2_drain(struct http2 *http2)
{
    h2_session_drain(http2->session);
    timer_set(http2->gate->loop, &http2->client->timer, loop_now_ms(http2->gate->loop) + CHECK_MS);
}
