/* request.c: writing the head of a request. SPDX-License-Identifier: MIT */
#include "upstream/request.h"

#include <stdio.h>

/* Counts when `at` is NULL, writes otherwise: so both can never differ. */
struct pen {
    uint8_t *at;
    size_t size;
};

static void put(struct pen *pen, struct bytes bytes)
{
    if (pen->at != NULL && bytes.size > 0) {
        memcpy(pen->at, bytes.data, bytes.size);
        pen->at += bytes.size;
    }
    pen->size += bytes.size;
}

static void put_field(struct pen *pen, struct bytes name, struct bytes value)
{
    put(pen, name);
    put(pen, BYTES(": "));
    put(pen, value);
    put(pen, BYTES("\r\n"));
}

/* Those of RFC 9110 §7.6.1, the framing, and Expect, which the one who read the client's request
 * has answered. */
static bool stays_here(enum http_name name)
{
    static const enum http_name ours[] = {
        HTTP_CONNECTION,        HTTP_CONTENT_LENGTH,   HTTP_EXPECT,
        HTTP_KEEP_ALIVE,        HTTP_PROXY_CONNECTION, HTTP_TE,
        HTTP_TRANSFER_ENCODING, HTTP_TRAILER,          HTTP_UPGRADE,
    };

    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (name == ours[i])
            return true;
    }
    return false;
}

static const struct http_field *host_of(const struct exchange_request *request)
{
    for (size_t i = 0; i < request->field_count; i++) {
        if (request->fields[i].id == HTTP_HOST)
            return &request->fields[i];
    }
    return NULL;
}

static void put_framing(struct pen *pen, const struct exchange_request *request)
{
    enum http_method method = http_method_of(request->method);
    char digits[24];

    if (request->has_body && !request->body_size_known) {
        put_field(pen, BYTES("Transfer-Encoding"), BYTES("chunked"));
        return;
    }
    /* A server may wait for a body that these methods usually have (RFC 9110 §8.6). */
    if (!request->has_body && method != HTTP_METHOD_POST && method != HTTP_METHOD_PUT &&
        method != HTTP_METHOD_PATCH)
        return;
    (void)snprintf(digits, sizeof digits, "%llu",
                   request->has_body ? (unsigned long long)request->body_size : 0);
    put_field(pen, BYTES("Content-Length"), bytes_of_text(digits));
}

static void write_head(struct pen *pen, const struct exchange_request *request, struct bytes host,
                       struct bytes fallback)
{
    const struct http_field *theirs = host_of(request);

    if (host.data == NULL)
        host = theirs != NULL ? theirs->value : fallback;
    put(pen, request->method);
    put(pen, BYTES(" "));
    put(pen, request->target);
    put(pen, BYTES(" HTTP/1.1\r\n"));
    put_field(pen, BYTES("Host"), host);
    for (size_t i = 0; i < request->field_count; i++) {
        const struct http_field *field = &request->fields[i];

        if (field->id != HTTP_HOST && !stays_here(field->id))
            put_field(pen, field->name, field->value);
    }
    if (request->upgrade.size > 0) {
        put_field(pen, BYTES("Connection"), BYTES("upgrade"));
        put_field(pen, BYTES("Upgrade"), request->upgrade);
    }
    put_framing(pen, request);
    put(pen, BYTES("\r\n"));
}

size_t request_size(const struct exchange_request *request, struct bytes host,
                    struct bytes fallback)
{
    struct pen pen = {0};

    write_head(&pen, request, host, fallback);
    return pen.size;
}

void request_write(const struct exchange_request *request, struct bytes host, struct bytes fallback,
                   uint8_t *to)
{
    struct pen pen = {.at = to};

    write_head(&pen, request, host, fallback);
}

static bool is_target(struct bytes target)
{
    for (size_t i = 0; i < target.size; i++) {
        if (target.data[i] <= ' ' || target.data[i] == 0x7f)
            return false;
    }
    return target.size > 0;
}

enum err request_check(const struct exchange_request *request)
{
    if (http_method_of(request->method) == HTTP_METHOD_CONNECT)
        return ERR_UNSUPPORTED;
    if (!http_is_token(request->method) || !is_target(request->target))
        return ERR_SYNTAX;
    if (!http_is_field_value(request->upgrade) || (request->upgrade.size > 0 && request->has_body))
        return ERR_SYNTAX;
    for (size_t i = 0; i < request->field_count; i++) {
        const struct http_field *field = &request->fields[i];

        if (!http_is_token(field->name) || !http_is_field_value(field->value))
            return ERR_SYNTAX;
    }
    return ERR_OK;
}
