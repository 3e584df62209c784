/* depart.c: the exchange of a fetch. SPDX-License-Identifier: MIT */
#include "server/http/depart.h"

#include "base/must.h"
#include "server/http/block.h"
#include "server/http/change.h"
#include "server/http/landing.h"
#include "server/http/renewal.h"

/* ---- the pace ---------------------------------------------------------------------------- */

/* The exchange is over: nobody calls the owner any more, and its reference goes. */
static void leave(struct fetch *fetch)
{
    fetch->exchange = NULL;
    counter_sub(&fetch->gate->metrics.fills, 1);
    list_leave(&fetch->node);
    stream_orphan(&fetch->stream);
    stream_drop(&fetch->stream);
}

static bool is_far_ahead(struct fetch *fetch, uint64_t limit, size_t *ret_count)
{
    uint64_t quickest = stream_quickest(&fetch->stream, ret_count);

    return stream_published(&fetch->stream) - quickest >= limit;
}

/* Stops reading from the origin while even the quickest reader is far behind. */
static void pace(struct fetch *fetch)
{
    struct stream *stream = &fetch->stream;
    size_t count = 0;

    if (fetch->keeps || atomic_load(&stream->is_paused) ||
        !is_far_ahead(fetch, stream->window, &count) || count == 0)
        return;
    atomic_store(&stream->is_paused, true);
    /* A reader that advanced just now saw no pause and will not call. */
    if (!is_far_ahead(fetch, stream->window / 2 + 1, &count)) {
        atomic_store(&stream->is_paused, false);
        return;
    }
    exchange_pause(fetch->exchange);
}

/* A reader left or came near: goes on, or ends what nobody wants. */
static void attend(struct stream *stream)
{
    struct fetch *fetch = fetch_of(stream);
    size_t count = 0;

    if (fetch->exchange == NULL)
        return;
    bool is_far = is_far_ahead(fetch, stream->window / 2 + 1, &count);
    bool is_wanted = fetch->keeps || (fetch->has_lease && fetch->for_cache) || count > 0;

    if (!is_wanted) {
        depart_cancel(fetch, ERR_PEER_GONE);
        return;
    }
    if (atomic_load(&stream->is_paused) && (!is_far || fetch->keeps)) {
        atomic_store(&stream->is_paused, false);
        exchange_resume(fetch->exchange);
    }
}

/* ---- what the origin does ---------------------------------------------------------------- */

static void on_interim(struct exchange *exchange, void *owner, const struct http_head *head)
{
    struct fetch *fetch = owner;

    (void)exchange;
    if (fetch->interim != NULL)
        fetch->interim(fetch->context, head);
}

static void on_head(struct exchange *exchange, void *owner, const struct http_head *head)
{
    struct fetch *fetch = owner;

    fetch->received_ms = loop_now_ms(fetch->gate->loop);
    fetch->origin_ms = exchange_first_byte_ms(exchange);
    if (head->status == 304 && fetch->for_cache && fetch->old_entry != NULL)
        renewal_begin(fetch, head);
    else
        landing_judge(fetch, head);
}

static void on_body(struct exchange *exchange, void *owner, struct bytes piece)
{
    struct fetch *fetch = owner;
    struct stream *stream = &fetch->stream;

    (void)exchange;
    if (fetch->is_ignored || fetch->is_304)
        return;
    size_t added = stream_add(stream, piece, !fetch->keeps);

    if (added < piece.size && fetch->keeps) {
        landing_stop_keeping(fetch, REASON_MEMORY_PRESSURE);
        added += stream_add(stream, bytes_skip(piece, added), true);
    } else if (fetch->keeps && stream_published(stream) > fetch->route->settings->body_max) {
        landing_stop_keeping(fetch, REASON_TOO_LARGE);
    }
    if (added < piece.size) {
        fetch->is_ignored = true;
        landing_fail(fetch, ERR_FULL, FAILURE_UNREACHABLE);
        return;
    }
    pace(fetch);
}

static void on_ready(struct exchange *exchange, void *owner)
{
    struct fetch *fetch = owner;

    (void)exchange;
    if (fetch->ready != NULL)
        fetch->ready(fetch->context);
}

static void on_done(struct exchange *exchange, void *owner, enum err err)
{
    struct fetch *fetch = owner;

    (void)exchange;
    if (fetch->is_ignored)
        ;
    else if (err != ERR_OK)
        landing_fail(fetch, err, FAILURE_UNREACHABLE);
    else if (fetch->is_304)
        renewal_end(fetch);
    else
        landing_store(fetch);
    leave(fetch);
}

static void on_switched(struct exchange *exchange, void *owner, const struct http_head *head)
{
    struct fetch *fetch = owner;

    if (fetch->switched == NULL) {
        depart_cancel(fetch, ERR_PEER_BROKEN);
        return;
    }
    fetch->exchange = NULL;
    fetch->switched(fetch->context, exchange, head);
    leave(fetch);
}

static const struct exchange_events events = {
    .interim = on_interim,
    .head = on_head,
    .body = on_body,
    .ready = on_ready,
    .done = on_done,
    .switched = on_switched,
};

/* ---- departure --------------------------------------------------------------------------- */

/* What to ask the origin about the stored answer. */
static void add_validators(struct gate *gate, const struct fetch *fetch, struct forward *forward)
{
    struct http_head *head = &gate->response;
    struct stored stored;
    struct bytes block;
    struct bytes body;

    if (fetch->old_entry == NULL || !stored_read(&fetch->old, &stored, &block, &body))
        return;
    block_parse(block, head);
    const struct http_field *etag = http_find(head, HTTP_ETAG);
    const struct http_field *modified = http_find(head, HTTP_LAST_MODIFIED);

    if (etag != NULL)
        forward->etag = etag->value;
    if (modified != NULL)
        forward->last_modified = modified->value;
}

static enum err refuse(struct gate *gate, const struct fetch_ask *ask, struct fetch *fetch,
                       enum err err)
{
    struct cache_lease lease = ask->lease;

    if (ask->has_lease)
        cache_fail(gate->thread, &lease, err, ask->target->route->settings->retry_ms,
                   loop_now_ms(gate->loop));
    if (fetch != NULL) {
        fetch->has_lease = false;
        stream_drop(&fetch->stream);
    }
    return err;
}

enum err depart(struct gate *gate, const struct fetch_ask *ask, struct fetch **ret_fetch)
{
    struct origin *origin = gate_origin(gate, ask->target->route);
    struct fetch *fetch = fetch_new(gate, ask);
    struct forward forward = {
        .request = ask->request,
        .target = ask->target,
        .peer = ask->peer,
        .trace = ask->trace,
        .for_cache = ask->for_cache,
        .background = ask->is_background,
        .upgrade = ask->upgrade,
    };
    struct exchange_request request;

    if (fetch == NULL)
        return refuse(gate, ask, NULL, ERR_FULL);
    fetch->stream.attend = attend;
    if (ask->for_cache)
        add_validators(gate, fetch, &forward);
    forward_write(gate, &forward, &request);
    request.affinity = fetch->primary;
    enum err err = exchange_start(origin, &request, &events, fetch, &fetch->exchange);

    if (err != ERR_OK)
        return refuse(gate, ask, fetch, err);
    list_append(&gate->fills, &fetch->node);
    counter_add(&gate->metrics.fills, 1);
    stream_hold(&fetch->stream);
    *ret_fetch = fetch;
    return ERR_OK;
}

bool depart_send(struct fetch *fetch, struct bytes piece)
{
    return fetch->exchange == NULL || exchange_send(fetch->exchange, piece);
}

void depart_send_end(struct fetch *fetch)
{
    if (fetch->exchange != NULL)
        exchange_send_end(fetch->exchange);
}

void depart_forget_context(struct fetch *fetch)
{
    fetch->ready = NULL;
    fetch->interim = NULL;
    fetch->switched = NULL;
    fetch->context = NULL;
}

void depart_cancel(struct fetch *fetch, enum err err)
{
    if (fetch->exchange == NULL)
        return;
    exchange_cancel(&fetch->exchange);
    if (!fetch->is_ignored)
        landing_fail(fetch, err, FAILURE_UNREACHABLE);
    leave(fetch);
}
