/* tunnel.c: another protocol's bytes, both ways. SPDX-License-Identifier: MIT */
#include "server/http/tunnel.h"

#include "base/mem.h"
#include "base/must.h"
#include "proto/sfield.h"
#include "server/http/block.h"
#include "server/http/pump.h"
#include "server/http/refuse.h"

struct tunnel {
    struct client *client;
    struct exchange *exchange; /* NULL: the origin's side is over */
    struct timer timer;
    bool has_ended; /* the client sends no more */
};

static struct gate *gate_of(const struct tunnel *tunnel)
{
    return tunnel->client->gate;
}

/* ---- time -------------------------------------------------------------------------------- */

/* A byte either way is one that the client's connection read or wrote. */
static int64_t ends_ms(const struct tunnel *tunnel)
{
    const struct gateway_settings *settings = gate_of(tunnel)->settings;
    const struct conn *conn = tunnel->client->conn;
    bool is_stuck = conn_output_size(conn) > 0 && settings->send_ms < settings->tunnel_ms;

    return conn_last_progress_ms(conn) + (is_stuck ? settings->send_ms : settings->tunnel_ms);
}

static int64_t next_look_ms(const struct tunnel *tunnel)
{
    const struct gateway_settings *settings = gate_of(tunnel)->settings;

    return conn_last_progress_ms(tunnel->client->conn) +
           (settings->send_ms < settings->tunnel_ms ? settings->send_ms : settings->tunnel_ms);
}

static void look_at_the_time(struct timer *timer)
{
    struct tunnel *tunnel = list_owner(timer, struct tunnel, timer);
    struct client *client = tunnel->client;
    struct gate *gate = gate_of(tunnel);
    int64_t now_ms = loop_now_ms(gate->loop);
    int64_t until_ms = ends_ms(tunnel);

    if (now_ms < until_ms) {
        int64_t look_ms = next_look_ms(tunnel);

        timer_set(gate->loop, timer, look_ms > now_ms ? look_ms : until_ms);
        return;
    }
    bool is_stuck = conn_output_size(client->conn) > 0;

    counter_add(is_stuck ? &gate->metrics.slow_readers : &gate->metrics.tunnels_idle, 1);
    exchange_cancel(&tunnel->exchange);
    if (is_stuck)
        conn_abort(client->conn);
    else
        conn_close(client->conn);
}

/* ---- the client's side ------------------------------------------------------------------- */

static void end_request(struct tunnel *tunnel)
{
    if (tunnel->exchange == NULL || tunnel->has_ended)
        return;
    tunnel->has_ended = true;
    exchange_send_end(tunnel->exchange);
}

static void from_client(struct conn *conn, void *owner)
{
    struct tunnel *tunnel = owner;
    struct bytes input = conn_input(conn);

    if (tunnel->exchange == NULL || tunnel->has_ended || input.size == 0)
        return;
    counter_add(&gate_of(tunnel)->metrics.tunnel_received_bytes, input.size);
    bool goes_on = exchange_send(tunnel->exchange, input);

    conn_consume(conn, input.size);
    if (!goes_on)
        conn_pause(conn);
}

static void client_ended(struct conn *conn, void *owner)
{
    (void)conn;
    end_request(owner);
}

static void client_drained(struct conn *conn, void *owner)
{
    struct tunnel *tunnel = owner;

    (void)conn;
    if (tunnel->exchange != NULL)
        exchange_resume(tunnel->exchange);
}

static void client_closed(struct conn *conn, void *owner, enum err why)
{
    struct tunnel *tunnel = owner;
    struct client *client = tunnel->client;
    struct gate *gate = client->gate;

    exchange_cancel(&tunnel->exchange);
    timer_clear(gate->loop, &tunnel->timer);
    counter_sub(&gate->metrics.tunnels, 1);
    account_refund(site_connections(gate->site), sizeof *tunnel);
    mem_free(&tunnel);
    client->is_busy = false;
    client->hooks->closed(conn, client, why);
}

static const struct conn_events client_events = {
    .received = from_client,
    .ended = client_ended,
    .drained = client_drained,
    .closed = client_closed,
};

/* ---- the origin's side ------------------------------------------------------------------- */

static void from_origin(struct exchange *exchange, void *owner, struct bytes piece)
{
    struct tunnel *tunnel = owner;
    struct conn *conn = tunnel->client->conn;

    counter_add(&gate_of(tunnel)->metrics.tunnel_sent_bytes, piece.size);
    conn_send(conn, piece);
    if (conn_is_congested(conn))
        exchange_pause(exchange);
}

static void origin_ready(struct exchange *exchange, void *owner)
{
    struct tunnel *tunnel = owner;

    (void)exchange;
    conn_resume(tunnel->client->conn);
}

static void origin_ended(struct exchange *exchange, void *owner)
{
    struct tunnel *tunnel = owner;

    (void)exchange;
    conn_end(tunnel->client->conn);
}

static void origin_done(struct exchange *exchange, void *owner, enum err err)
{
    struct tunnel *tunnel = owner;

    (void)exchange;
    (void)err;
    tunnel->exchange = NULL;
    conn_close(tunnel->client->conn);
}

static const struct exchange_events origin_events = {
    .body = from_origin,
    .ready = origin_ready,
    .ended = origin_ended,
    .done = origin_done,
};

/* ---- the beginning ----------------------------------------------------------------------- */

static bool is_passed(const struct http_head *head, const struct http_field *field)
{
    return field->id != HTTP_VIA && field->id != HTTP_CACHE_STATUS &&
           field->id != HTTP_CONTENT_LENGTH && !http_is_hop_by_hop(head, field);
}

static bool send_head(struct client *client, const struct http_head *head)
{
    static const struct cache_status status = {.forwarded = "bypass", .detail = "upgrade"};
    struct buf *out = &client->gate->text;

    buf_clear(out);
    buf_add_text(out, "HTTP/1.1 101 Switching Protocols\r\n");
    for (size_t i = 0; i < head->field_count; i++) {
        if (is_passed(head, &head->fields[i]))
            block_add_field(out, head->fields[i].name, head->fields[i].value);
    }
    block_add_field(out, BYTES("Connection"), BYTES("upgrade"));
    block_add_field(out, BYTES("Upgrade"), http_find(head, HTTP_UPGRADE)->value);
    buf_add_text(out, "Via: 1.1 larder\r\nCache-Status: ");
    cache_status_write(out, &status);
    buf_add_text(out, "\r\n\r\n");
    if (buf_failed(out) != ERR_OK)
        return false;
    client_send(client, buf_bytes(out));
    return true;
}

bool tunnel_has_room(const struct gate *gate)
{
    return counter_read(&gate->metrics.tunnels) < gate->settings->tunnels_max;
}

void tunnel_refuse(struct client *client, const struct http_head *request)
{
    counter_add(&client->gate->metrics.upgrades_refused, 1);
    refuse(client, request,
           &(const struct refusal){503, OUTCOME_FAILED, REASON_UPGRADE,
                                   "there are as many upgraded connections as there may be; try "
                                   "again later"});
}

void tunnel_begin(void *context, struct exchange *exchange, const struct http_head *head)
{
    struct client *client = context;
    struct gate *gate = client->gate;
    struct tunnel *tunnel = mem_try(sizeof *tunnel);
    const struct told told = {
        .outcome = OUTCOME_PASS,
        .reason = REASON_UPGRADE,
        .status = 101,
        .origin_ms = exchange_first_byte_ms(exchange),
    };

    pump_end(client); /* there will be no answer to read */
    if (!tunnel_has_room(gate) || tunnel == NULL || !send_head(client, head)) {
        mem_free(&tunnel);
        exchange_cancel(&exchange);
        client->keeps_alive = false;
        tunnel_refuse(client, client_request_head(client));
        return;
    }
    *tunnel = (struct tunnel){.client = client, .exchange = exchange};
    account_force(site_connections(gate->site), sizeof *tunnel);
    counter_add(&gate->metrics.upgrades, 1);
    counter_add(&gate->metrics.tunnels, 1);
    client_switch(client, &told);
    conn_give(client->conn, &client_events, tunnel);
    exchange_give(exchange, &origin_events, tunnel);
    timer_init(&tunnel->timer, look_at_the_time);
    timer_set(gate->loop, &tunnel->timer, next_look_ms(tunnel));
    from_client(client->conn, tunnel); /* what it sent early */
    if (client->has_ended)
        end_request(tunnel);
}
