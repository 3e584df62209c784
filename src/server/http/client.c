/* client.c: the life of a client, and what is told about its answers. SPDX-License-Identifier: MIT
 */
#include "server/http/client.h"

#include "base/mem.h"
#include "base/must.h"
#include "h2/session.h"
#include "net/clock.h"
#include "proto/date.h"
#include "proto/sfield.h"
#include "server/http/accesslog.h"
#include "server/http/block.h"
#include "server/http/tally.h"
#include "server/http/visitor.h"

#include <stdio.h>

/* ---- birth and end ----------------------------------------------------------------------- */

struct client *client_new(struct gate *gate, struct listener_limit *limit,
                          const struct client_hooks *hooks)
{
    struct client *client = mem_try(sizeof *client);

    if (client == NULL)
        return NULL;
    /* Not asked for, since connections are limited in number: the engine gives way. */
    account_force(site_connections(gate->site), sizeof *client);
    memset(client, 0, sizeof *client);
    client->gate = gate;
    client->limit = limit;
    client->hooks = hooks;
    client->since_ms = loop_now_ms(gate->loop);
    list_append(&gate->clients, &client->node);
    return client;
}

static void forget_request(struct client *client)
{
    struct request *request = &client->request;

    account_refund(site_connections(client->gate->site), request->cost);
    request->cost = 0;
    mem_free(&request->raw);
    key_body_free(&request->key_body);
    request->raw_size = 0;
}

void client_free_if_over(struct client *client)
{
    struct request *request = &client->request;

    if (client->conn != NULL || client->http2 != NULL || request->is_waiting ||
        request->reader.stream != NULL ||
        atomic_load_explicit(&request->reader.is_posted, memory_order_acquire))
        return;
    must(request->upload_to == NULL);
    forget_request(client);
    timer_clear(client->gate->loop, &client->timer);
    timer_clear(client->gate->loop, &request->deadline);
    list_leave(&client->node);
    account_refund(site_connections(client->gate->site), sizeof *client);
    struct gate *gate = client->gate;

    mem_free(&client);
    if (gate->emptied != NULL && list_alone(&gate->clients))
        gate->emptied(gate);
}

/* ---- the request ------------------------------------------------------------------------- */

enum err client_keep_request(struct client *client, struct bytes raw)
{
    struct request *request = &client->request;

    if (request->raw != NULL)
        return ERR_OK;
    request->raw = mem_try(raw.size);
    if (request->raw == NULL)
        return ERR_FULL;
    account_force(site_connections(client->gate->site), raw.size);
    memcpy(request->raw, raw.data, raw.size);
    request->raw_size = request->cost = raw.size;
    return ERR_OK;
}

struct http_head *client_request_head(struct client *client)
{
    must(client->request.raw != NULL);
    struct bytes raw = bytes_of(client->request.raw, client->request.raw_size);
    struct http_head *head = gate_read_kept(client->gate, raw);

    head->is_secure = visitor_is_secure(client_visitor(client), head);
    return head;
}

void client_begin(struct client *client, const struct http_head *head)
{
    client->sent_bytes = 0;
    client->keeps_alive = head->keep_alive && !client->is_closing && !client->gate->draining;
    client->is_old = head->minor == 0;
    client->is_head = head->method_id == HTTP_METHOD_HEAD;
}

/* ---- the way out ------------------------------------------------------------------------- */

void client_send_head(struct client *client, struct bytes first, struct bytes rest, bool is_all)
{
    client->sent_bytes += first.size + rest.size;
    if (client->stream != NULL) {
        h2_stream_answer(client->stream, first, rest, is_all);
        return;
    }
    conn_send(client->conn, first);
    conn_send(client->conn, rest);
}

void client_send_interim(struct client *client, struct bytes head)
{
    client->sent_bytes += head.size;
    if (client->stream != NULL)
        h2_stream_interim(client->stream, head);
    else
        conn_send(client->conn, head);
}

void client_send(struct client *client, struct bytes bytes)
{
    client->sent_bytes += bytes.size;
    if (client->stream != NULL)
        h2_stream_send(client->stream, bytes);
    else
        conn_send(client->conn, bytes);
}

void client_send_loan(struct client *client, struct bytes bytes, void (*release)(void *context),
                      void *context)
{
    client->sent_bytes += bytes.size;
    if (client->stream != NULL)
        h2_stream_lend(client->stream, bytes, release, context);
    else
        conn_send_loan(client->conn, bytes, release, context);
}

void client_send_whole(struct client *client, struct bytes bytes)
{
    client->sent_bytes += bytes.size;
    if (client->stream != NULL)
        h2_stream_borrow(client->stream, bytes);
    else
        conn_send(client->conn, bytes);
}

bool client_is_congested(const struct client *client)
{
    return client->stream != NULL ? h2_stream_is_congested(client->stream)
                                  : conn_is_congested(client->conn);
}

/* ---- the account of it ------------------------------------------------------------------- */

const char *outcome_text(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_HIT:
        return "hit";
    case OUTCOME_STALE:
        return "stale";
    case OUTCOME_MISS:
        return "miss";
    case OUTCOME_COLLAPSED:
        return "collapsed";
    case OUTCOME_REVALIDATED:
        return "revalidated";
    case OUTCOME_PASS:
        return "pass";
    case OUTCOME_REFUSED:
        return "refused";
    case OUTCOME_FAILED:
        return "failed";
    case OUTCOME_MALFORMED:
        return "malformed";
    }
    never("an outcome that is none");
}

_Static_assert(OUTCOME_MALFORMED + 1 == TALLY_OUTCOMES, "a tally has a place for each outcome");

static struct counter *counter_of(struct gateway_metrics *metrics, enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_HIT:
        return &metrics->hits;
    case OUTCOME_STALE:
        return &metrics->hits_stale;
    case OUTCOME_MISS:
    case OUTCOME_REVALIDATED:
        return &metrics->misses;
    case OUTCOME_COLLAPSED:
        return &metrics->collapsed;
    case OUTCOME_PASS:
        return &metrics->passed;
    case OUTCOME_REFUSED:
        return &metrics->refused;
    case OUTCOME_FAILED:
        return &metrics->failed;
    case OUTCOME_MALFORMED:
        return &metrics->malformed;
    }
    never("an outcome that is none");
}

static struct bytes value_of(const struct http_head *head, const char *name)
{
    const struct http_field *field = http_find_text(head, bytes_of_text(name), NULL);

    return field == NULL ? BYTES("") : field->value;
}

static void write_log(struct client *client, const struct http_head *head, const struct told *told,
                      int64_t took_us)
{
    const struct route *route = client->request.route;
    const struct gateway_settings *settings = client->gate->settings;
    const struct logline_style style = {settings->access_log_format, &settings->access_log_mask};
    const char *trace = client->request.trace;
    static const struct http_head none = {.field_count = 0};

    if (head == NULL)
        head = client->request.raw == NULL ? &none : client_request_head(client);
    const struct logline line = {
        .wall_ms = clock_wall_ms(),
        .client = visitor_address(client->gate, client_visitor(client), head),
        .method = head->method,
        .protocol = client->stream != NULL ? "HTTP/2"
                    : client->is_old       ? "HTTP/1.0"
                                           : "HTTP/1.1",
        .host = head->host,
        .path = head->path,
        .referer = value_of(head, "Referer"),
        .agent = value_of(head, "User-Agent"),
        .trace = trace[0] != '\0' ? bytes_of_text(trace) : value_of(head, "traceparent"),
        .status = told->status,
        .bytes = client->sent_bytes,
        .duration_us = took_us,
        .cache = outcome_text(told->outcome),
        .reason = gateway_reason_text(told->reason),
        .route = route == NULL ? "" : route->settings->name,
        .origin_ms = told->origin_ms,
    };
    accesslog_add(client->gate->access, &style, &line);
}

static void count_for_route(struct client *client, const struct told *told, int64_t took_us)
{
    struct tally *tally = &client->request.route->tallies[client->gate->number];
    uint64_t us = took_us < 0 ? 0 : (uint64_t)took_us;

    counter_add(&tally->outcomes[told->outcome], 1);
    counter_add(&tally->sent_bytes, client->sent_bytes);
    counter_add(&tally->took[tally_bucket(us)], 1);
    counter_add(&tally->took_us, us);
    if (told->outcome == OUTCOME_HIT)
        return;
    counter_add(&tally->reasons[told->reason], 1);
    counter_add(&tally->errors, told->status >= 500);
    if (told->outcome != OUTCOME_MISS && told->outcome != OUTCOME_REVALIDATED)
        return;
    counter_add(&tally->fetches, 1);
    counter_add(&tally->fetch_us, us);
}

static void count(struct client *client, const struct http_head *head, const struct told *told)
{
    struct gateway_metrics *metrics = &client->gate->metrics;
    int64_t took_us = (clock_now_ns() - client->started_ns) / 1000;
    bool is_quick = told->outcome == OUTCOME_HIT || told->outcome == OUTCOME_STALE;

    counter_add(&metrics->requests, 1);
    counter_add(counter_of(metrics, told->outcome), 1);
    counter_add(&metrics->reasons[told->reason], 1);
    counter_add(&metrics->sent_bytes, client->sent_bytes);
    if (told->status == 304)
        counter_add(&metrics->not_modified, 1);
    gateway_latency_add(is_quick ? &metrics->latency_hit : &metrics->latency_origin, took_us);
    if (client->request.route != NULL && client->request.route->tallies != NULL)
        count_for_route(client, told, took_us);
    if (client->gate->access != NULL)
        write_log(client, head, told, took_us);
}

void client_finish(struct client *client, const struct http_head *head, const struct told *told)
{
    count(client, head, told);
    forget_request(client);
    client->request.route = NULL;
    client->request.trace[0] = '\0';
    client->since_ms = loop_now_ms(client->gate->loop);
    if (client->is_busy)
        counter_sub(&client->gate->metrics.requests_waiting, 1);
    client->is_busy = false;
    if (client->stream != NULL) {
        h2_stream_end(client->stream);
        client->stream = NULL;
        return;
    }
    /* While draining, too: the answer's head said that the next request may come. */
    if (client->keeps_alive)
        return;
    client->is_closing = true;
    conn_close(client->conn);
}

void client_next_part(struct client *client, struct body_plan *plan)
{
    uint8_t text[MULTIPART_TEXT_MAX];
    size_t size = 0;
    struct range range;

    if (multipart_next(plan->parts, text, &size, &range)) {
        plan->skip = range.first - plan->passed;
        plan->left = range.last - range.first + 1;
        plan->passed = range.last + 1;
    } else {
        multipart_free(&plan->parts);
    }
    client_send(client, bytes_of(text, size));
}

void client_switch(struct client *client, const struct told *told)
{
    struct gate *gate = client->gate;

    must(client->is_busy);
    count(client, NULL, told);
    forget_request(client);
    /* It keeps its route: so its site, and with it its origin, stays as long as it lasts. */
    counter_sub(&gate->metrics.requests_waiting, 1);
    timer_clear(gate->loop, &client->timer);
}

void client_cut(struct client *client, const struct told *told)
{
    client->keeps_alive = false;
    client->is_closing = true;
    count(client, NULL, told);
    if (client->is_busy)
        counter_sub(&client->gate->metrics.requests_waiting, 1);
    client->is_busy = false;
    forget_request(client);
    if (client->stream != NULL) {
        h2_stream_cut(client->stream);
        client->stream = NULL;
        return;
    }
    /* To HTTP/1.0 the end of the connection may be the end of the body; a reset is not. */
    if (client->is_old)
        conn_reset(client->conn);
    else
        conn_abort(client->conn);
}

/* ---- answers of our own ------------------------------------------------------------------ */

static const char *reason_phrase(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } phrases[] = {
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (phrases[i].status == status)
            return phrases[i].text;
    }
    return "Error";
}

static bool wants_json(const struct http_head *head)
{
    const struct http_field *accept = head == NULL ? NULL : http_find(head, HTTP_ACCEPT);

    return accept != NULL &&
           bytes_find_part(accept->value, BYTES("application/json")) < accept->value.size;
}

static void write_sentence(struct buf *out, bool json, unsigned status, const struct told *told,
                           const char *sentence)
{
    if (!json) {
        buf_printf(out, "larder: %s\n", sentence);
        return;
    }
    buf_printf(out, "{\"error\":\"");
    buf_add_json(out, bytes_of_text(sentence));
    buf_printf(out, "\",\"status\":%u,\"reason\":\"%s\"}\n", status,
               gateway_reason_text(told->reason));
}

void client_refuse(struct client *client, const struct http_head *head, unsigned status,
                   const struct told *told, const char *sentence)
{
    struct buf body;
    struct buf out;
    uint8_t date[DATE_SIZE];
    bool json = wants_json(head);
    struct told finished = *told;
    const char *detail = gateway_reason_text(told->reason);
    if (head != NULL && head->framing != HTTP_NO_BODY)
        client->keeps_alive = false; /* its body would be read as a request */
    bool has_body = status != 204 && !(head != NULL && head->method_id == HTTP_METHOD_HEAD);

    buf_init(&body, 4096, NULL);
    buf_init(&out, 8192, NULL);
    write_sentence(&body, json, status, told, sentence);
    date_write(clock_wall_ms() / 1000, date);
    buf_printf(&out, "HTTP/1.1 %u %s\r\nDate: ", status, reason_phrase(status));
    buf_add(&out, bytes_of(date, sizeof date));
    if (status != 204)
        buf_printf(&out, "\r\nContent-Type: %s\r\nContent-Length: %zu",
                   json ? "application/json" : "text/plain; charset=utf-8", body.size);
    if (status == 503)
        buf_add_text(&out, "\r\nRetry-After: 1");
    if (status == 405)
        buf_add_text(&out, "\r\nAllow: GET, HEAD");
    buf_printf(
        &out, "\r\nCache-Status: larder%s%s%s%s\r\n",
        told->forwarded == NULL ? "" : "; fwd=", told->forwarded == NULL ? "" : told->forwarded,
        detail[0] == 0 ? "" : "; detail=", detail);
    buf_add(&out, client->gate->refusal_fields);
    if (!client->keeps_alive)
        buf_add_text(&out, "Connection: close\r\n");
    else if (client->is_old)
        buf_add_text(&out, "Connection: keep-alive\r\n");
    buf_add_text(&out, "\r\n");
    client_send_head(client, buf_bytes(&out), BYTES(""), !has_body);
    if (has_body)
        client_send(client, buf_bytes(&body));
    buf_fini(&out);
    buf_fini(&body);
    finished.status = status;
    client_finish(client, head, &finished);
}
