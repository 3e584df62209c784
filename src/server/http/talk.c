/* talk.c: conversations with clients. SPDX-License-Identifier: MIT */
#include "server/http/talk.h"

#include "base/must.h"
#include "h2/session.h"
#include "net/clock.h"
#include "server/http/ask.h"
#include "server/http/http2.h"
#include "server/http/pump.h"
#include "server/http/refuse.h"
#include "server/http/upload.h"
#include "server/http/visitor.h"

#include <unistd.h>

enum { CHECK_MS = 1000 };

/* ---- requests ---------------------------------------------------------------------------- */

/* The first that comes over a connection may say that it speaks HTTP/2 (RFC 9113 §3.3). */
static bool is_http2(const struct client *client, struct bytes input)
{
    bool is_agreed = !bytes_equal(conn_protocol(client->conn), BYTES("http/1.1"));

    return client->gate->settings->http2 && is_agreed && client->sent_bytes == 0 &&
           h2_is_preface(input);
}

/* What is no request, or not yet. */
static void take_other(struct client *client, struct bytes input, enum err err,
                       const struct http_complaint *complaint)
{
    struct gate *gate = client->gate;
    bool is_two = err != ERR_AGAIN && is_http2(client, input);

    if (err == ERR_AGAIN || (is_two && input.size < H2_PREFACE_SIZE)) {
        if (!client->has_part) {
            client->since_ms = loop_now_ms(gate->loop);
            timer_set(gate->loop, &client->timer, client->since_ms + CHECK_MS);
        }
        client->has_part = true;
        return;
    }
    client->has_part = false;
    if (!is_two)
        refuse_head(client, complaint);
    else if (http2_begin(client) != ERR_OK)
        conn_abort(client->conn);
}

/* One request. False: more has to arrive first, or the connection has had its last. */
static bool take_request(struct client *client)
{
    struct gate *gate = client->gate;
    struct http_head *head = &gate->request;
    struct http_complaint complaint = {400, ""};
    struct bytes input = conn_input(client->conn);
    size_t size = 0;

    if (input.size == 0)
        return false;
    client->started_ns = clock_now_ns();
    enum err err = http_parse_request(input, &gate->limits, head, &size, &complaint);

    if (err != ERR_OK) {
        take_other(client, input, err, &complaint);
        return false;
    }
    client->has_part = false;
    head->is_secure =
        client->is_trusted ? visitor_is_secure(client_visitor(client), head) : client->is_secure;
    client_begin(client, head);
    ask(client, head, bytes_slice(input, 0, size));
    conn_consume(client->conn, size);
    if (client->is_busy && client->timer.at_ms > loop_now_ms(gate->loop) + CHECK_MS)
        timer_set(gate->loop, &client->timer, loop_now_ms(gate->loop) + CHECK_MS);
    if (client->request.is_uploading)
        upload(client);
    return !client->is_busy;
}

static void end_conversation(struct client *client)
{
    client->is_closing = true;
    conn_close(client->conn);
}

static void go_on(struct client *client)
{
    while (client->conn != NULL && !client->is_busy && !client->is_closing &&
           !conn_is_congested(client->conn)) {
        if (!take_request(client))
            break;
    }
    if (client->has_ended && client->conn != NULL && !client->is_busy && !client->is_closing &&
        !conn_is_congested(client->conn))
        end_conversation(client);
}

/* ---- time -------------------------------------------------------------------------------- */

static void refuse_slow(struct client *client, const char *sentence)
{
    const struct http_complaint complaint = {408, sentence};

    refuse_head(client, &complaint);
}

static void check_idle(struct client *client, int64_t now_ms)
{
    struct gate *gate = client->gate;
    const struct gateway_settings *settings = gate->settings;

    if (client->has_part && now_ms - client->since_ms >= settings->header_ms) {
        counter_add(&gate->metrics.slow_headers, 1);
        refuse_slow(client, "the request's header took too long to arrive");
    } else if (!client->has_part && now_ms - client->since_ms >= settings->idle_ms) {
        counter_add(&gate->metrics.idle_closed, 1);
        end_conversation(client);
    }
}

static int64_t next_check_ms(const struct client *client, int64_t now_ms)
{
    int64_t idle_ms = client->since_ms + client->gate->settings->idle_ms;
    bool is_quiet = !client->is_busy && !client->has_part && conn_output_size(client->conn) == 0;

    return is_quiet && idle_ms > now_ms + CHECK_MS ? idle_ms : now_ms + CHECK_MS;
}

/* Looks at what there is instead of setting a timer for each request: once a second while something
 * is under way, else when the idle time may be over. */
static void check(struct timer *timer)
{
    struct client *client = list_owner(timer, struct client, timer);
    struct gate *gate = client->gate;
    int64_t now_ms = loop_now_ms(gate->loop);

    if (client->conn == NULL)
        return;
    timer_set(gate->loop, timer,
              client->http2 != NULL ? http2_check(client->http2, now_ms)
                                    : next_check_ms(client, now_ms));
    if (conn_output_size(client->conn) > 0) {
        if (now_ms - conn_last_progress_ms(client->conn) < gate->settings->send_ms)
            return;
        counter_add(&gate->metrics.slow_readers, 1);
        client->is_closing = true;
        conn_abort(client->conn);
    } else if (upload_is_slow(client)) {
        counter_add(&gate->metrics.slow_bodies, 1);
        upload_refuse(client, 408);
    } else if (!client->is_busy && !client->is_closing && client->http2 == NULL) {
        check_idle(client, now_ms);
    }
}

/* ---- the connection ---------------------------------------------------------------------- */

static void received(struct conn *conn, void *owner)
{
    struct client *client = owner;

    (void)conn;
    if (client->http2 != NULL)
        http2_received(client->http2);
    else if (client->request.is_uploading)
        upload(client);
    go_on(client);
}

/* Half closed: what was asked is answered, then it is over. */
static void ended(struct conn *conn, void *owner)
{
    struct client *client = owner;

    (void)conn;
    client->has_ended = true;
    if (client->http2 != NULL) {
        http2_ended(client->http2);
        return;
    }
    if (client->request.is_uploading)
        upload(client);
    go_on(client);
}

static void drained(struct conn *conn, void *owner)
{
    struct client *client = owner;

    (void)conn;
    client->since_ms = loop_now_ms(client->gate->loop); /* until now it was not read on */
    if (client->http2 != NULL)
        http2_drained(client->http2);
    else if (client->is_busy)
        pump(client);
    else
        go_on(client);
}

/* Behind a proxy that is told so: now it is known who it is. */
static void connected(struct conn *conn, void *owner)
{
    struct client *client = owner;

    client->is_trusted = site_trusts(client->gate->site, conn_peer(conn));
}

static void closed(struct conn *conn, void *owner, enum err why)
{
    struct client *client = owner;
    struct gate *gate = client->gate;

    (void)conn;
    if (why == ERR_PEER_BROKEN)
        counter_add(&gate->metrics.prefaces_refused, 1);
    client->conn = NULL;
    counter_sub(&gate->metrics.connections, 1);
    listener_limit_leave(client->limit);
    timer_clear(gate->loop, &client->timer);
    if (client->is_busy)
        counter_sub(&gate->metrics.requests_waiting, 1);
    client->is_busy = false;
    if (client->http2 != NULL) {
        http2_closed(client->http2);
        return;
    }
    ask_end(client);
    client_free_if_over(client);
}

static const struct conn_events events = {
    .connected = connected,
    .received = received,
    .ended = ended,
    .drained = drained,
    .closed = closed,
};

static const struct client_hooks hooks = {
    .asks = &ask_later,
    .idle = go_on,
    .closed = closed,
};

void talk_begin(struct gate *gate, const struct conn_settings *settings,
                struct listener_limit *limit, int fd)
{
    struct client *client = client_new(gate, limit, &hooks);

    counter_add(&gate->metrics.accepted, 1);
    if (client == NULL) {
        (void)close(fd);
        listener_limit_leave(limit);
        return;
    }
    timer_init(&client->timer, check);
    client->is_secure = settings->tls != NULL;
    if (conn_accept(gate->loop, fd, settings, &events, client, &client->conn) != ERR_OK) {
        client->conn = NULL;
        listener_limit_leave(limit);
        client_free_if_over(client);
        return;
    }
    client->is_trusted = site_trusts(gate->site, conn_peer(client->conn));
    counter_add(&gate->metrics.connections, 1);
    timer_set(gate->loop, &client->timer, loop_now_ms(gate->loop) + CHECK_MS);
}

void talk_drain(struct gate *gate)
{
    for (struct list_node *at = gate->clients.next; at != &gate->clients;) {
        struct client *client = list_owner(at, struct client, node);

        at = at->next;
        if (client->http2 != NULL && client->conn != NULL)
            http2_drain(client->http2);
    }
}

void talk_end_idle(struct gate *gate, int64_t idle_ms)
{
    int64_t now_ms = loop_now_ms(gate->loop);

    for (struct list_node *at = gate->clients.next; at != &gate->clients;) {
        struct client *client = list_owner(at, struct client, node);
        bool is_other = client->http2 != NULL || client->stream != NULL || client->conn == NULL;

        at = at->next;
        if (is_other || client->is_busy || client->has_part || client->is_closing ||
            now_ms - client->since_ms < idle_ms)
            continue;
        end_conversation(client);
    }
}

void talk_cut(struct gate *gate)
{
    for (struct list_node *at = gate->clients.next; at != &gate->clients;) {
        struct client *client = list_owner(at, struct client, node);

        at = at->next;
        client->is_closing = true;
        if (client->conn != NULL && client->stream == NULL)
            conn_abort(client->conn);
    }
}
