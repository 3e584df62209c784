/* serve.c: from a stored answer to the socket. SPDX-License-Identifier: MIT */
#include "server/http/serve.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/clock.h"
#include "proto/date.h"
#include "proto/etag.h"
#include "proto/range.h"
#include "server/http/block.h"
#include "server/http/change.h"
#include "server/http/cors.h"

enum { LOAN_MIN = 16 * 1024, EXTRA_SIZE = 256 };

/* ---- what is told anew each time --------------------------------------------------------- */

static uint8_t *put_text(uint8_t *out, struct bytes text)
{
    memcpy(out, text.data, text.size);
    return out + text.size;
}

static uint8_t *put_number(uint8_t *out, int64_t number)
{
    uint8_t digits[20];
    size_t count = 0;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    if (number < 0)
        *out++ = '-';
    do {
        digits[count++] = (uint8_t)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    while (count > 0)
        *out++ = digits[--count];
    return out;
}

static uint8_t *put_connection(uint8_t *out, const struct client *client)
{
    if (!client->keeps_alive)
        return put_text(out, BYTES("Connection: close\r\n"));
    return client->is_old ? put_text(out, BYTES("Connection: keep-alive\r\n")) : out;
}

/* The end of a hit's head: Age, Cache-Status, Connection. */
static size_t write_hit(const struct client *client, int64_t age_s, int64_t ttl_s,
                        uint8_t out[EXTRA_SIZE])
{
    uint8_t *at = put_text(out, BYTES("Age: "));

    at = put_number(at, age_s);
    at = put_text(at, BYTES("\r\nCache-Status: larder; hit; ttl="));
    at = put_number(at, ttl_s);
    at = put_text(at, BYTES("\r\n"));
    at = put_connection(at, client);
    at = put_text(at, BYTES("\r\n"));
    return (size_t)(at - out);
}

/* ---- the careful way --------------------------------------------------------------------- */

enum dress {
    DRESS_WHOLE,
    DRESS_UNCHANGED,
    DRESS_PART,
    DRESS_PARTS,
    DRESS_UNSATISFIED,
    DRESS_FAILED
};

static enum dress choose_range(const struct http_head *request, const struct source *source,
                               struct ranges *ret_ranges)
{
    const struct http_field *field = http_find(request, HTTP_RANGE);

    if (request->method_id != HTTP_METHOD_GET || field == NULL || !source->has_size)
        return DRESS_WHOLE;
    enum err err = ranges_parse(field->value, source->size, ret_ranges);

    if (err == ERR_RANGE)
        return DRESS_UNSATISFIED;
    if (err != ERR_OK)
        return DRESS_WHOLE;
    return ret_ranges->count == 1 ? DRESS_PART : DRESS_PARTS;
}

static enum dress choose(const struct http_head *request, const struct source *source,
                         const struct http_head *known, struct ranges *ret_ranges)
{
    int64_t now_s = clock_wall_ms() / 1000;

    if (!source->is_judged || known->status != 200)
        return DRESS_WHOLE;
    if (precondition_is_asked(request)) {
        struct validators validators = validators_of(known, now_s);

        validators.exists = true;
        switch (precondition_judge(request, &validators, now_s)) {
        case PRECONDITION_UNCHANGED:
            return DRESS_UNCHANGED;
        case PRECONDITION_FAILED:
            return DRESS_FAILED;
        case PRECONDITION_RANGE_UNTRUE:
            return DRESS_WHOLE;
        case PRECONDITION_NONE:
            break;
        }
    }
    return choose_range(request, source, ret_ranges);
}

static void add_content_range(struct buf *out, const uint8_t *text, size_t size)
{
    block_add_field(out, BYTES("Content-Range"), bytes_of(text, size));
}

/* The body of several ranges, to be sent part by part. NULL: there is no memory for it. */
static struct multipart *make_parts(struct client *client, const struct source *source,
                                    const struct http_head *known, const struct ranges *ranges)
{
    const struct http_field *type = http_find(known, HTTP_CONTENT_TYPE);

    return multipart_new(ranges, source->size, type == NULL ? BYTES("") : type->value,
                         &client->gate->random);
}

static void add_length(struct buf *out, uint64_t length)
{
    buf_add(out, BYTES("Content-Length: "));
    buf_add_u64(out, length);
    buf_add(out, BYTES("\r\n"));
}

static void write_parts(const struct http_head *known, const struct multipart *parts,
                        struct buf *out)
{
    buf_add(out, BYTES("HTTP/1.1 206 Partial Content\r\n"));
    block_write_for_part(known, false, out);
    buf_add(out, BYTES("Content-Type: "));
    multipart_write_type(parts, out);
    buf_add(out, BYTES("\r\n"));
    add_length(out, multipart_length(parts));
}

static unsigned write_dress(enum dress dress, const struct source *source,
                            const struct http_head *known, const struct body_plan *plan,
                            struct buf *out)
{
    uint8_t text[RANGE_TEXT_SIZE];
    struct range range = {plan->skip, plan->skip + plan->left - 1};

    switch (dress) {
    case DRESS_WHOLE:
        buf_add(out, bytes_slice(source->block, 0, source->block.size - 2));
        return known->status;
    case DRESS_UNCHANGED:
        buf_add(out, BYTES("HTTP/1.1 304 Not Modified\r\n"));
        block_write_for_304(known, out);
        return 304;
    case DRESS_FAILED:
        buf_add(out, BYTES("HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n"));
        block_write_for_304(known, out);
        return 412;
    case DRESS_PART:
        buf_add(out, BYTES("HTTP/1.1 206 Partial Content\r\n"));
        block_write_for_part(known, true, out);
        add_content_range(out, text, range_write(range, source->size, text));
        add_length(out, plan->left);
        return 206;
    case DRESS_PARTS:
        write_parts(known, plan->parts, out);
        return 206;
    case DRESS_UNSATISFIED:
        buf_add(out, BYTES("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n"));
        block_write_for_304(known, out);
        add_content_range(out, text, range_write_unsatisfied(source->size, text));
        return 416;
    }
    never("a dress that is none");
}

/* `parts`: of DRESS_PARTS, and then the plan's. */
static struct body_plan plan_of(const struct client *client, enum dress dress,
                                const struct source *source, unsigned status,
                                const struct ranges *ranges)
{
    struct body_plan plan = {.left = UINT64_MAX};

    if (dress == DRESS_PART) {
        plan.skip = ranges->items[0].first;
        plan.left = ranges->items[0].last - ranges->items[0].first + 1;
    } else if (dress == DRESS_PARTS) {
        plan.left = 0;
    } else if (client->is_head || status == 204 || status == 304 || dress != DRESS_WHOLE) {
        plan.is_empty = true;
    } else if (source->has_size) {
        plan.left = source->size;
    } else {
        plan.chunked = !client->is_old && client->stream == NULL;
        plan.by_close = client->is_old;
    }
    return plan;
}

static bool wants_timing(const struct client *client)
{
    return client->request.route != NULL && client->request.route->settings->server_timing;
}

/* Server-Timing: cache;desc="uri-miss", origin;dur=12, total;dur=12.345 (W3C), in milliseconds. */
static void add_timing(const struct client *client, const struct cache_status *status,
                       struct buf *out)
{
    int64_t took_us = (clock_now_ns() - client->started_ns) / 1000;
    const char *way = status->forwarded == NULL ? "hit" : status->forwarded;

    buf_printf(out, "Server-Timing: cache;desc=\"%s\"", way);
    if (!status->hit)
        buf_printf(out, ", origin;dur=%lld", (long long)client->request.origin_ms);
    buf_printf(out, ", total;dur=%lld.%03lld\r\n", (long long)(took_us / 1000),
               (long long)(took_us % 1000));
}

/* The URL of the request as keys have it; nothing else of the key, for that may be secret. */
static struct bytes key_told(struct client *client, const struct http_head *request)
{
    struct gate *gate = client->gate;
    const struct route *route = client->request.route;
    struct http_complaint complaint;
    struct target target;
    enum err err = target_find(gate_site(gate, route), request, &gate->keys, &target, &complaint);

    return err == ERR_OK ? target.url : BYTES("");
}

unsigned serve_head(struct client *client, const struct http_head *request,
                    const struct source *source, struct body_plan *ret_plan)
{
    struct gate *gate = client->gate;
    struct http_head *known = &gate->response;
    struct buf *out = &gate->text;
    struct ranges ranges;
    struct multipart *parts = NULL;
    uint8_t connection[EXTRA_SIZE];

    block_parse(source->block, known);
    enum dress dress = choose(request, source, known, &ranges);

    if (dress == DRESS_PARTS) {
        parts = make_parts(client, source, known, &ranges);
        dress = parts == NULL ? DRESS_WHOLE : DRESS_PARTS;
    }
    *ret_plan = plan_of(client, dress, source, known->status, &ranges);
    ret_plan->parts = parts;
    buf_clear(out);
    unsigned status = write_dress(dress, source, known, ret_plan, out);

    struct cache_status told = *source->status;

    if (client->request.route != NULL && client->request.route->settings->status_key)
        told.key = key_told(client, request);
    if (told.forwarded != NULL && told.forward_status == 0 && known->status != status)
        told.forward_status = known->status;
    if (ret_plan->by_close)
        client->keeps_alive = false;
    if (ret_plan->chunked)
        buf_add(out, BYTES("Transfer-Encoding: chunked\r\n"));
    if (source->age_s >= 0) {
        buf_add(out, BYTES("Age: "));
        buf_add_i64(out, source->age_s);
        buf_add(out, BYTES("\r\n"));
    }
    buf_add(out, BYTES("Cache-Status: "));
    cache_status_write(out, &told);
    buf_add(out, BYTES("\r\n"));
    if (client->request.route != NULL)
        cors_write_own(client->request.route, request, out);
    if (wants_timing(client))
        add_timing(client, source->status, out);
    buf_add(out, bytes_of(connection, (size_t)(put_connection(connection, client) - connection)));
    buf_add(out, BYTES("\r\n"));
    must(buf_failed(out) == ERR_OK);
    client_send_head(client, buf_bytes(out), BYTES(""),
                     ret_plan->is_empty || (ret_plan->left == 0 && parts == NULL));
    return status;
}

void serve_preflight(struct client *client, const struct http_head *request)
{
    struct buf *out = &client->gate->text;
    uint8_t connection[EXTRA_SIZE];
    uint8_t date[DATE_SIZE];
    const struct told told = {.outcome = OUTCOME_REFUSED, .reason = REASON_NONE, .status = 204};

    if (request->framing != HTTP_NO_BODY)
        client->keeps_alive = false; /* its body would be read as a request */
    date_write(clock_wall_ms() / 1000, date);
    buf_clear(out);
    buf_add(out, BYTES("HTTP/1.1 204 No Content\r\n"));
    block_add_field(out, BYTES("Date"), bytes_of(date, sizeof date));
    cors_write_preflight(client->request.route, request, out);
    buf_add(out, BYTES("Cache-Status: larder\r\n"));
    buf_add(out, bytes_of(connection, (size_t)(put_connection(connection, client) - connection)));
    buf_add(out, BYTES("\r\n"));
    must(buf_failed(out) == ERR_OK);
    client_send_head(client, buf_bytes(out), BYTES(""), true);
    counter_add(&client->gate->metrics.preflights, 1);
    client_finish(client, request, &told);
}

/* ---- bodies in entries ------------------------------------------------------------------- */

struct hold {
    struct cache *cache;
    struct cache_entry *entry;
};

static void release_hold(void *context)
{
    struct hold *hold = context;

    cache_drop(hold->cache, &hold->entry);
    mem_free(&hold);
}

void serve_piece(struct client *client, const struct cache_view *view, struct bytes body)
{
    struct cache_view held = *view;
    struct hold *hold = NULL;

    if (body.size >= LOAN_MIN && view->entry != NULL)
        hold = mem_try(sizeof *hold);
    if (hold != NULL)
        *hold = (struct hold){client->gate->cache, cache_hold(client->gate->cache, &held)};
    if (hold == NULL || hold->entry == NULL) {
        mem_free(&hold);
        client_send(client, body);
        return;
    }
    body.data += held.value.data - view->value.data;
    client_send_loan(client, body, release_hold, hold);
}

void serve_body(struct client *client, const struct cache_view *view, struct bytes body,
                struct body_plan *plan)
{
    if (plan->is_empty)
        return;
    if (plan->parts == NULL) {
        serve_piece(client, view, bytes_slice(body, plan->skip, plan->skip + plan->left));
        return;
    }
    for (client_next_part(client, plan); plan->parts != NULL; client_next_part(client, plan)) {
        body = bytes_skip(body, plan->skip);
        serve_piece(client, view, bytes_slice(body, 0, plan->left));
        body = bytes_skip(body, plan->left);
    }
    plan->left = 0;
}

/* ---- hits -------------------------------------------------------------------------------- */

/* Decided when the route was read. */
static bool is_dressed(const struct client *client)
{
    return client->request.route != NULL && client->request.route->is_dressed;
}

static bool is_plain(const struct http_head *request)
{
    return !http_has(request, HTTP_RANGE) && !precondition_is_asked(request);
}

static void serve_plain(struct client *client, const struct http_head *request,
                        const struct cache_view *view, const struct told *told)
{
    struct stored stored;
    struct bytes block;
    struct bytes body;
    uint8_t extra[EXTRA_SIZE];
    int64_t now_ms = loop_now_ms(client->gate->loop);
    bool is_stored = stored_read(view, &stored, &block, &body);

    must(is_stored);
    size_t size =
        write_hit(client, stored_age_s(&stored, now_ms), (view->expires_ms - now_ms) / 1000, extra);

    client_send_head(client, bytes_slice(block, 0, block.size - 2), bytes_of(extra, size),
                     client->is_head || body.size == 0);
    if (!client->is_head && body.size < LOAN_MIN)
        client_send_whole(client, body);
    else if (!client->is_head)
        serve_piece(client, view, body);
    client_finish(client, request, told);
}

static void serve_carefully(struct client *client, const struct http_head *request,
                            const struct cache_view *view, struct told *told)
{
    struct stored stored;
    struct bytes block;
    struct bytes body;
    struct body_plan plan;
    int64_t now_ms = loop_now_ms(client->gate->loop);
    bool is_stored = stored_read(view, &stored, &block, &body);

    must(is_stored);
    const struct cache_status status = {
        .hit = true,
        .has_ttl = true,
        .ttl_s = (view->expires_ms - now_ms) / 1000,
        .detail = told->reason == REASON_NONE ? NULL : gateway_reason_text(told->reason),
    };
    const struct source source = {
        .block = block,
        .has_size = true,
        .size = body.size,
        .is_judged = true,
        .age_s = stored_age_s(&stored, now_ms),
        .status = &status,
    };

    told->status = serve_head(client, request, &source, &plan);
    serve_body(client, view, body, &plan);
    client_finish(client, request, told);
}

void serve_stored(struct client *client, const struct http_head *request,
                  const struct cache_view *view, enum outcome outcome, enum gateway_reason reason)
{
    struct told told = {.outcome = outcome, .reason = reason, .status = 200};

    if (is_plain(request) && reason == REASON_NONE && !is_dressed(client)) {
        struct stored stored;

        memcpy(&stored, view->value.data, sizeof stored);
        told.status = stored.status;
        serve_plain(client, request, view, &told);
    } else {
        serve_carefully(client, request, view, &told);
    }
}
