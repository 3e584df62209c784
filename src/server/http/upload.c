/* upload.c: request bodies. SPDX-License-Identifier: MIT */
#include "server/http/upload.h"

#include "base/must.h"
#include "h2/session.h"
#include "server/http/depart.h"
#include "server/http/refuse.h"

/* The pace is measured from here: until now it was the origin who was waited for. */
static void measure_anew(struct client *client)
{
    client->request.is_held_up = false;
    client->request.upload_measured = 0;
    client->request.upload_since_ms = loop_now_ms(client->gate->loop);
}

static void ready(void *context)
{
    measure_anew(context);
    upload(context);
}

/* The body's first byte is still to be read. */
static void begin_body(struct client *client, const struct http_head *head)
{
    struct request *request = &client->request;

    http_body_init(&request->upload, head);
    request->is_uploading = head->framing != HTTP_NO_BODY;
    request->upload_size = 0;
    request->upload_fault = 0;
    if (head->expects_continue)
        client_send_interim(client, BYTES("HTTP/1.1 100 Continue\r\n\r\n"));
}

/* The same as long as what is stored is, over all workers and reloads. */
static void seal(const struct client *client, const struct http_head *head)
{
    const struct cache *cache = client->gate->cache;
    const struct hash_secret secret = {{
        cache_key(cache, CACHE_SPACE_HTTP, BYTES("a body's hash, 1")).hash,
        cache_key(cache, CACHE_SPACE_HTTP, BYTES("a body's hash, 2")).hash,
    }};

    key_body_seal(client->request.key_body, head, secret);
}

enum err upload_key_body(struct client *client, const struct http_head *head, size_t max)
{
    struct request *request = &client->request;

    request->key_body = key_body_new(max, site_connections(client->gate->site));
    if (request->key_body == NULL)
        return ERR_FULL;
    begin_body(client, head);
    measure_anew(client);
    if (!request->is_uploading)
        seal(client, head);
    return ERR_OK;
}

static bool is_gathering(const struct request *request)
{
    return request->key_body != NULL && !request->key_body->is_whole &&
           !request->key_body->is_too_large;
}

/* What was gathered goes first; and if it is too large for a key, the rest as it comes. */
static void send_gathered(struct fetch *fetch, const struct key_body *key_body)
{
    if (key_body->body.size > 0)
        (void)depart_send(fetch, buf_bytes(&key_body->body));
    if (key_body->is_whole)
        depart_send_end(fetch);
}

void upload_begin(struct client *client, const struct http_head *head, struct fetch *fetch)
{
    struct request *request = &client->request;

    if (request->key_body == NULL)
        begin_body(client, head);
    measure_anew(client);
    stream_hold(&fetch->stream);
    request->upload_to = fetch;
    fetch->context = client;
    fetch->ready = ready;
    if (request->key_body != NULL)
        send_gathered(fetch, request->key_body);
}

void upload_again(const struct client *client, struct fetch *fetch)
{
    const struct key_body *key_body = client->request.key_body;

    if (key_body != NULL && client->request.upload.framing != HTTP_NO_BODY)
        send_gathered(fetch, key_body);
}

void upload_refuse(struct client *client, unsigned status)
{
    struct request *request = &client->request;

    client->keeps_alive = false;
    request->is_uploading = false;
    if (is_gathering(request)) {
        refuse_upload(client, client_request_head(client), status);
        return;
    }
    request->upload_fault = status;
    depart_cancel(request->upload_to, ERR_PEER_GONE);
}

/* Of a stream: it has no framing of its own, and its end is told apart. */
static enum err next_of_stream(struct client *client, struct bytes *ret_piece, bool *ret_done)
{
    struct http_body *body = &client->request.upload;

    *ret_piece = h2_stream_input(client->stream, ret_done);
    if (body->framing == HTTP_SIZED) {
        if (ret_piece->size > body->left || (*ret_done && ret_piece->size < body->left))
            return ERR_SYNTAX;
        body->left -= ret_piece->size;
    }
    return ret_piece->size == 0 && !*ret_done ? ERR_AGAIN : ERR_OK;
}

static enum err next(struct client *client, size_t *ret_size, struct bytes *ret_piece,
                     bool *ret_done)
{
    if (client->stream == NULL)
        return http_body_next(&client->request.upload, conn_input(client->conn), ret_size,
                              ret_piece, ret_done);
    enum err err = next_of_stream(client, ret_piece, ret_done);

    *ret_size = ret_piece->size;
    return err;
}

static void consume(struct client *client, size_t size)
{
    if (client->stream != NULL)
        h2_stream_take(client->stream, size);
    else
        conn_consume(client->conn, size);
}

/* A piece of the body to where it belongs. False: no more for now. */
static bool pass_on(struct client *client, struct bytes piece)
{
    struct request *request = &client->request;

    if (is_gathering(request)) {
        if (key_body_add(request->key_body, piece))
            return true;
        client->hooks->asks->with_key_body(client);
    }
    if (request->upload_to == NULL) {
        request->is_uploading = false; /* it was refused */
        return false;
    }
    return depart_send(request->upload_to, piece);
}

static void end(struct client *client)
{
    struct request *request = &client->request;

    request->is_uploading = false;
    if (!is_gathering(request)) {
        depart_send_end(request->upload_to);
        return;
    }
    seal(client, client_request_head(client));
    client->hooks->asks->with_key_body(client);
}

void upload(struct client *client)
{
    struct request *request = &client->request;

    /* What comes meanwhile stays in the input, until that is full. */
    while (request->is_uploading && !request->is_held_up && client->conn != NULL) {
        struct bytes piece = BYTES("");
        size_t size = 0;
        bool done = false;

        enum err err = next(client, &size, &piece, &done);

        if (err != ERR_OK && err != ERR_AGAIN) {
            upload_refuse(client, 400);
            return;
        }
        request->upload_size += piece.size;
        request->upload_measured += piece.size;
        counter_add(&client->gate->metrics.received_bytes, piece.size);
        if (request->upload_size > request->route->settings->request_body_max) {
            upload_refuse(client, 413);
            return;
        }
        bool goes_on = piece.size == 0 || pass_on(client, piece);

        if (!request->is_uploading)
            return;
        consume(client, size);
        if (done) {
            end(client);
            return;
        }
        request->is_held_up = request->is_uploading && !goes_on;
        if (err == ERR_AGAIN && client->has_ended)
            upload_refuse(client, 400); /* it will never be whole */
        if (err == ERR_AGAIN || !goes_on)
            return;
    }
}

bool upload_is_slow(const struct client *client)
{
    const struct request *request = &client->request;
    const struct gateway_settings *settings = client->gate->settings;
    int64_t took_ms = loop_now_ms(client->gate->loop) - request->upload_since_ms;

    if (!request->is_uploading || request->is_held_up || took_ms <= settings->body_wait_ms)
        return false;
    return request->upload_measured <
           settings->body_rate * (uint64_t)(took_ms - settings->body_wait_ms) / 1000;
}
