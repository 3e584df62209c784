/* forward.c: the fields of a request to an origin. SPDX-License-Identifier: MIT */
#include "server/http/forward.h"

#include "base/must.h"
#include "server/http/spoof.h"

#include <stdio.h>

static bool is_ours(enum http_name id)
{
    switch ((unsigned)id) {
    case HTTP_HOST:
    case HTTP_CONTENT_LENGTH:
    case HTTP_EXPECT:
    case HTTP_FORWARDED:
    case HTTP_X_FORWARDED_FOR:
    case HTTP_X_FORWARDED_HOST:
    case HTTP_X_FORWARDED_PORT:
    case HTTP_X_FORWARDED_PROTO:
    case HTTP_PROXY: /* CGI makes HTTP_PROXY of it */
    case HTTP_X_HTTP_METHOD_OVERRIDE:
    case HTTP_X_ORIGINAL_URL:
    case HTTP_X_REWRITE_URL:
        return true;
    default:
        return false;
    }
}

static bool is_conditional(enum http_name id)
{
    return id == HTTP_IF_MATCH || id == HTTP_IF_NONE_MATCH || id == HTTP_IF_MODIFIED_SINCE ||
           id == HTTP_IF_UNMODIFIED_SINCE || id == HTTP_IF_RANGE || id == HTTP_RANGE;
}

static bool is_negotiating(enum http_name id)
{
    return id == HTTP_ACCEPT_ENCODING || id == HTTP_ACCEPT_LANGUAGE || id == HTTP_ACCEPT;
}

static bool is_forwarded(const struct forward *forward, const struct http_field *field)
{
    if (is_ours(field->id) || (field->id == HTTP_OTHER && spoof_is(field->name)) ||
        http_is_hop_by_hop(forward->request, field) ||
        edits_take(&forward->target->route->request_edits, field->name))
        return false;
    if (!forward->for_cache)
        return true;
    if (is_conditional(field->id))
        return false;
    if (is_negotiating(field->id) && forward->target->route->settings->vary_normalize)
        return false;
    return !forward->background || (field->id != HTTP_CACHE_CONTROL && field->id != HTTP_PRAGMA);
}

struct writing {
    struct gate *gate;
    size_t count;
};

static void add(struct writing *writing, enum http_name id, struct bytes value)
{
    size_t room = sizeof writing->gate->fields / sizeof writing->gate->fields[0];

    must(writing->count < room);
    writing->gate->fields[writing->count++] =
        (struct http_field){.name = http_name_text(id), .value = value, .id = id};
}

/* The normal forms, one behind the other in the worker's buffer, which must not grow meanwhile. */
static void add_negotiating(struct writing *writing, const struct http_head *request)
{
    static const enum http_name ids[] = {HTTP_ACCEPT_ENCODING, HTTP_ACCEPT_LANGUAGE, HTTP_ACCEPT};
    struct buf *out = &writing->gate->text;

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        size_t before = out->size;

        if (!vary_value(request, ids[i], http_name_text(ids[i]), VARY_NORMALISE, out))
            continue;
        add(writing, ids[i], bytes_of(NULL, out->size - before));
    }
    size_t at = 0;

    for (size_t i = 0; i < writing->count; i++) {
        struct http_field *field = &writing->gate->fields[i];

        if (!is_negotiating(field->id))
            continue;
        field->value.data = out->data + at;
        at += field->value.size;
    }
}

static struct bytes peer_name(const struct address *peer, char room[ADDRESS_TEXT_SIZE])
{
    address_text(peer, room);
    struct bytes text = bytes_of_text(room);

    if (peer->any.sa_family == AF_UNIX)
        return BYTES("unix");
    while (text.size > 0 && text.data[text.size - 1] != ':')
        text.size--;
    if (text.size > 0)
        text.size--;
    if (text.size > 2 && text.data[0] == '[')
        text = bytes_slice(text, 1, text.size - 1);
    return text;
}

void forward_write(struct gate *gate, const struct forward *forward,
                   struct exchange_request *ret_request)
{
    const struct http_head *request = forward->request;
    const struct edits *edits = &forward->target->route->request_edits;
    struct writing writing = {gate, 0};

    buf_clear(&gate->text);
    add(&writing, HTTP_HOST, forward->target->host);
    if (forward->for_cache && forward->target->route->settings->vary_normalize)
        add_negotiating(&writing, request);
    for (size_t i = 0; i < request->field_count; i++) {
        if (is_forwarded(forward, &request->fields[i]))
            gate->fields[writing.count++] = request->fields[i];
    }
    for (size_t i = 0; i < edits->set_count; i++)
        gate->fields[writing.count++] = edits->set[i];
    if (forward->etag.size > 0)
        add(&writing, HTTP_IF_NONE_MATCH, forward->etag);
    if (forward->last_modified.size > 0)
        add(&writing, HTTP_IF_MODIFIED_SINCE, forward->last_modified);
    if (forward->trace.size > 0)
        gate->fields[writing.count++] =
            (struct http_field){.name = BYTES("traceparent"), .value = forward->trace};
    add(&writing, HTTP_VIA, BYTES("1.1 larder"));
    if (forward->peer != NULL)
        add(&writing, HTTP_X_FORWARDED_FOR, peer_name(forward->peer, gate->peer_text));
    add(&writing, HTTP_X_FORWARDED_HOST, forward->target->host);
    add(&writing, HTTP_X_FORWARDED_PROTO, request->is_secure ? BYTES("https") : BYTES("http"));
    *ret_request = (struct exchange_request){
        .method = forward->for_cache && request->method_id == HTTP_METHOD_HEAD ? BYTES("GET")
                                                                               : request->method,
        .target = forward->target->whole,
        .fields = gate->fields,
        .field_count = writing.count,
        .has_body = request->framing != HTTP_NO_BODY,
        .body_size_known = request->framing == HTTP_SIZED,
        .body_size = request->content_length,
        .upgrade = forward->upgrade,
        .concurrency = forward->target->route->concurrency,
    };
}
