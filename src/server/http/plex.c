/* plex.c: many requests on one connection. SPDX-License-Identifier: MIT */
#include "server/http/plex.h"

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

struct plex {
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
    .idle = over,
    .failed = ask_failed,
    .part = ask_part,
    .gathered = ask_gathered,
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
    struct plex *plex = owner;
    struct client *client = client_new(plex->gate, NULL, &hooks);

    if (client == NULL)
        return NULL;
    client->conn = plex->conn;
    client->stream = stream;
    client->is_secure = plex->client->is_secure;
    client->is_trusted = plex->client->is_trusted;
    client->started_ns = clock_now_ns();
    take_request(client, request);
    if (client->is_busy)
        return client;
    over(client);
    return NULL;
}

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
    const struct plex *plex = owner;

    conn_send(plex->conn, bytes);
}

static void on_send_loan(void *owner, struct bytes bytes, void (*release)(void *context),
                         void *context)
{
    const struct plex *plex = owner;

    conn_send_loan(plex->conn, bytes, release, context);
}

static bool is_congested(void *owner)
{
    const struct plex *plex = owner;

    return conn_is_congested(plex->conn);
}

static void on_wake(void *owner)
{
    struct plex *plex = owner;

    if (!plex->is_posted)
        loop_post(plex->gate->loop, &plex->task);
    plex->is_posted = true;
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

static void count(struct plex *plex)
{
    struct gateway_metrics *metrics = &plex->gate->metrics;
    const struct h2_counts *now = h2_session_counts(plex->session);
    enum flood_kind kind = FLOOD_RESETS;

    counter_add(&metrics->h2_streams, now->streams - plex->counted.streams);
    counter_add(&metrics->h2_resets, now->resets - plex->counted.resets);
    counter_add(&metrics->h2_resets_sent, now->resets_sent - plex->counted.resets_sent);
    plex->counted = *now;
    if (plex->is_flooded || !h2_session_is_flooded(plex->session, &kind))
        return;
    plex->is_flooded = true;
    counter_add(flood_counter(metrics, kind), 1);
}

static void settle(struct plex *plex, enum err err)
{
    struct client *client = plex->client;
    int64_t now_ms = loop_now_ms(plex->gate->loop);
    size_t stream_count = h2_session_stream_count(plex->session);

    count(plex);
    if (stream_count > 0)
        client->since_ms = now_ms;
    if (client->is_closing)
        return;
    if (err != ERR_OK) {
        client->is_closing = true;
        conn_abort(plex->conn);
    } else if (h2_session_is_over(plex->session) || (client->has_ended && stream_count == 0)) {
        client->is_closing = true;
        conn_close(plex->conn);
    } else if (client->timer.at_ms > now_ms + CHECK_MS) {
        timer_set(plex->gate->loop, &client->timer, now_ms + CHECK_MS);
    }
}

static void work(struct plex *plex)
{
    settle(plex, h2_session_work(plex->session, loop_now_ms(plex->gate->loop)));
}

static void plex_free(struct plex **owner)
{
    struct plex *plex = *owner;
    struct client *client = plex->client;

    account_refund(site_connections(plex->gate->site), sizeof *plex);
    client->plex = NULL;
    mem_free(owner);
    client_free_if_over(client);
}

static void run(struct loop_task *task)
{
    struct plex *plex = list_owner(task, struct plex, task);

    plex->is_posted = false;
    if (plex->conn == NULL)
        plex_free(&plex);
    else
        work(plex);
}

/* ---- the connection ----------------------------------------------------------------------- */

enum err plex_begin(struct client *client)
{
    struct gate *gate = client->gate;
    struct plex *plex = mem_try(sizeof *plex);

    if (plex == NULL)
        return ERR_FULL;
    *plex =
        (struct plex){.gate = gate, .client = client, .conn = client->conn, .task = {.run = run}};
    if (h2_session_new(&gate->h2, &events, plex, loop_now_ms(gate->loop), &plex->session) !=
        ERR_OK) {
        mem_free(&plex);
        return ERR_FULL;
    }
    account_force(site_connections(gate->site), sizeof *plex);
    counter_add(&gate->metrics.h2_connections, 1);
    client->plex = plex;
    client->since_ms = loop_now_ms(gate->loop);
    plex_received(plex);
    return ERR_OK;
}

void plex_received(struct plex *plex)
{
    struct bytes input = conn_input(plex->conn);

    if (plex->client->is_closing || input.size == 0)
        return;
    if (conn_is_congested(plex->conn)) {
        conn_pause(plex->conn);
        return;
    }
    enum err err = h2_session_receive(plex->session, input, loop_now_ms(plex->gate->loop));

    conn_consume(plex->conn, input.size);
    if (err == ERR_OK)
        work(plex);
    else
        settle(plex, err);
}

/* A body that is not whole will never be. */
static void end_upload(void *stream_owner)
{
    struct client *client = stream_owner;

    client->has_ended = true;
    if (client->request.is_uploading)
        upload(client);
}

/* What was asked is answered, then it is over. */
void plex_ended(struct plex *plex)
{
    if (plex->client->is_closing)
        return;
    h2_session_visit(plex->session, end_upload);
    work(plex);
}

void plex_drained(struct plex *plex)
{
    conn_resume(plex->conn);
    if (!plex->client->is_closing)
        work(plex);
}

void plex_closed(struct plex *plex)
{
    plex->conn = NULL;
    counter_sub(&plex->gate->metrics.h2_connections, 1);
    count(plex);
    h2_session_free(&plex->session);
    if (!plex->is_posted)
        plex_free(&plex);
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

static void check_streams(struct plex *plex, int64_t now_ms)
{
    struct gate *gate = plex->gate;
    size_t stalled = h2_session_check(plex->session, gate->settings->send_ms, now_ms);

    counter_add(&gate->metrics.slow_readers, stalled);
    h2_session_visit(plex->session, check_upload);
}

int64_t plex_check(struct plex *plex, int64_t now_ms)
{
    struct gate *gate = plex->gate;
    const struct gateway_settings *settings = gate->settings;
    struct client *client = plex->client;
    int64_t since_ms = 0;
    bool is_quiet = h2_session_stream_count(plex->session) == 0;
    bool has_part = h2_session_has_part(plex->session, &since_ms);

    if (gate->draining)
        h2_session_drain(plex->session); /* the other side has had a second to hear of it */
    if (has_part && now_ms - since_ms >= settings->header_ms) {
        counter_add(&gate->metrics.slow_headers, 1);
        h2_session_end(plex->session);
    } else if (!is_quiet) {
        check_streams(plex, now_ms);
    } else if (now_ms - client->since_ms >= settings->idle_ms) {
        counter_add(&gate->metrics.idle_closed, 1);
        h2_session_end(plex->session);
    }
    int64_t idle_ms = client->since_ms + settings->idle_ms;

    return is_quiet && !has_part && idle_ms > now_ms + CHECK_MS ? idle_ms : now_ms + CHECK_MS;
}

void plex_drain(struct plex *plex)
{
    h2_session_drain(plex->session);
    timer_set(plex->gate->loop, &plex->client->timer, loop_now_ms(plex->gate->loop) + CHECK_MS);
}
