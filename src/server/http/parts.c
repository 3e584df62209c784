/* parts.c: keeping, joining and serving parts. SPDX-License-Identifier: MIT */
#include "server/http/parts.h"

#include "base/must.h"
#include "net/clock.h"
#include "proto/etag.h"
#include "proto/range.h"
#include "server/http/block.h"
#include "server/http/serve.h"

struct index {
    uint64_t size; /* of the whole */
    uint64_t count;
    struct range ranges[PARTS_MAX]; /* ascending, apart from each other */
};

struct parts {
    struct stored stored;
    struct bytes block;
    struct index index;
    struct bytes bytes;
};

static uint64_t length_of(struct range range)
{
    return range.last - range.first + 1;
}

/* False: the value is none of ours. */
static bool parts_read(const struct cache_view *view, struct parts *ret_parts)
{
    struct cache_view as_answer = *view;

    if (view->kind != STORED_PARTS)
        return false;
    as_answer.kind = STORED_RESPONSE;
    must(stored_read(&as_answer, &ret_parts->stored, &ret_parts->block, &ret_parts->bytes));
    must(ret_parts->bytes.size >= sizeof ret_parts->index);
    memcpy(&ret_parts->index, ret_parts->bytes.data, sizeof ret_parts->index);
    ret_parts->bytes = bytes_skip(ret_parts->bytes, sizeof ret_parts->index);
    return true;
}

/* The bytes of a range that lies within what is there. */
static bool find_bytes(const struct parts *parts, struct range range, struct bytes *ret_bytes)
{
    uint64_t at = 0;

    for (size_t i = 0; i < parts->index.count; i++) {
        struct range one = parts->index.ranges[i];

        if (one.first <= range.first && range.last <= one.last) {
            uint64_t from = at + (range.first - one.first);

            *ret_bytes = bytes_slice(parts->bytes, from, from + length_of(range));
            return true;
        }
        at += length_of(one);
    }
    return false;
}

/* ---- serving ----------------------------------------------------------------------------- */

/* Whether the directives of both allow it without asking the origin. */
static bool is_usable(const struct look *look, const struct parts *parts,
                      const struct http_head *known)
{
    struct cache_response response;
    int64_t now_ms = loop_now_ms(look->gate->loop);

    if (look->is_authorized && (parts->stored.flags & STORED_PUBLIC) == 0)
        return false;
    cache_response_of(known, clock_wall_ms() / 1000, &response);
    return decide_reuse(CACHE_FRESH, &parts->stored, &look->control, &response.control, now_ms) ==
           REUSE_SERVE;
}

/* Whether all that the answer will need is there: nothing of the body, or ranges within it. */
static bool is_enough(const struct look *look, const struct parts *parts,
                      const struct http_head *known)
{
    int64_t now_s = clock_wall_ms() / 1000;
    struct validators validators = validators_of(known, now_s);
    struct ranges ranges;
    struct bytes bytes;

    validators.exists = true;
    enum precondition precondition = precondition_judge(look->head, &validators, now_s);

    if (precondition == PRECONDITION_UNCHANGED || precondition == PRECONDITION_FAILED)
        return true;
    const struct http_field *field = http_find(look->head, HTTP_RANGE);
    enum err err = ranges_parse(field->value, parts->index.size, &ranges);

    if (precondition == PRECONDITION_RANGE_UNTRUE || (err != ERR_OK && err != ERR_RANGE))
        return false;
    for (size_t i = 0; i < ranges.count; i++) {
        if (!find_bytes(parts, ranges.items[i], &bytes))
            return false;
    }
    return true;
}

static void send_bytes(struct client *client, const struct cache_view *view,
                       const struct parts *parts, struct body_plan *plan)
{
    uint64_t at = 0;
    struct bytes bytes = BYTES("");

    if (plan->is_empty)
        return;
    if (plan->parts == NULL) {
        must(find_bytes(parts, (struct range){plan->skip, plan->skip + plan->left - 1}, &bytes));
        serve_piece(client, view, bytes);
        return;
    }
    for (client_next_part(client, plan); plan->parts != NULL; client_next_part(client, plan)) {
        at += plan->skip;
        must(find_bytes(parts, (struct range){at, at + plan->left - 1}, &bytes));
        serve_piece(client, view, bytes);
        at += plan->left;
    }
}

static void serve(struct client *client, const struct look *look, const struct cache_view *view,
                  const struct parts *parts)
{
    int64_t now_ms = loop_now_ms(look->gate->loop);
    struct body_plan plan;
    const struct cache_status status = {
        .hit = true,
        .has_ttl = true,
        .ttl_s = (view->expires_ms - now_ms) / 1000,
    };
    const struct source source = {
        .block = parts->block,
        .has_size = true,
        .size = parts->index.size,
        .is_judged = true,
        .age_s = stored_age_s(&parts->stored, now_ms),
        .status = &status,
    };
    struct told told = {.outcome = OUTCOME_HIT};

    told.status = serve_head(client, look->head, &source, &plan);
    send_bytes(client, view, parts, &plan);
    counter_add(&look->gate->metrics.hits_parts, 1);
    client_finish(client, look->head, &told);
}

bool parts_serve(struct client *client, const struct look *look)
{
    struct gate *gate = look->gate;
    struct cache_view view;
    struct parts parts;

    if (look->head->method_id != HTTP_METHOD_GET ||
        !key_add_mark(look->target.key, 'r', &gate->text) ||
        cache_look(gate->thread, cache_key(gate->cache, CACHE_SPACE_HTTP, buf_bytes(&gate->text)),
                   loop_now_ms(gate->loop), &view) != CACHE_FRESH ||
        !parts_read(&view, &parts))
        return false;
    block_parse(parts.block, &gate->response);
    if (!is_usable(look, &parts, &gate->response) || !is_enough(look, &parts, &gate->response))
        return false;
    serve(client, look, &view, &parts);
    return true;
}

/* ---- fetching ---------------------------------------------------------------------------- */

void parts_lead(const struct look *look, enum gateway_reason reason, struct fetch_ask *fetch_ask)
{
    if ((reason != REASON_TOO_LARGE && reason != REASON_PREDICTED_UNCACHEABLE) ||
        look->head->method_id != HTTP_METHOD_GET || !http_has(look->head, HTTP_RANGE) ||
        http_has(look->head, HTTP_AUTHORIZATION) || !fetch_ask_apart(look->gate, fetch_ask, 'r'))
        return;
    fetch_ask->is_part = true;
}

/* One range of something whose size is known, and as long as it says; in chunks that is seen at the
 * end. */
static bool read_range(const struct http_head *response, struct content_range *ret_range)
{
    const struct http_field *field = http_find(response, HTTP_CONTENT_RANGE);

    return field != NULL && http_find_next(response, HTTP_CONTENT_RANGE, field) == NULL &&
           content_range_parse(field->value, ret_range) == ERR_OK && ret_range->satisfied &&
           ret_range->has_size &&
           (response->framing == HTTP_CHUNKED ||
            (response->framing == HTTP_SIZED &&
             response->content_length == length_of(ret_range->range)));
}

/* The fetch was to bring the whole; those who wait for that ask for themselves. */
static bool move(struct fetch *fetch)
{
    struct gate *gate = fetch->gate;
    struct cache_lease before = fetch->lease;
    struct cache_lease lease = {0, 0, 0};
    int64_t now_ms = loop_now_ms(gate->loop);

    if (!fetch->has_lease || !key_add_mark(fetch->primary, 'r', &gate->text) ||
        !fetch_take_lease(gate, buf_bytes(&gate->text), fetch->route->settings->lease_ms, &lease))
        return false;
    if (fetch_is_purged(fetch, fetch->url, fetch->key) ||
        !fetch_take_key(fetch, buf_bytes(&gate->text))) {
        cache_abandon(gate->thread, &lease, now_ms);
        return false;
    }
    cache_disperse(gate->thread, &before, gate->settings->uncacheable_ms, now_ms);
    fetch->lease = lease;
    return true;
}

void parts_settle(struct fetch *fetch, const struct http_head *response,
                  const struct decide_facts *facts)
{
    struct http_head *whole = &fetch->gate->request;
    struct content_range range;
    struct verdict verdict;
    bool is_wanted = fetch->is_part || (fetch->for_cache && fetch->has_range);

    if (response->status != 206 || !is_wanted || vary_is_named(response) ||
        !read_range(response, &range))
        return;
    *whole = *response;
    whole->status = 200;
    decide_store(facts, whole, &verdict);
    if (!verdict.store || verdict.lifetime_ms <= verdict.age_ms ||
        (!fetch->is_part && !move(fetch)))
        return;
    fetch->is_part = true;
    fetch->part = range.range;
    fetch->part_of = range.size;
    fetch->verdict = verdict;
    fetch->verdict.share = false;
}

/* ---- putting together -------------------------------------------------------------------- */

struct joining {
    struct index index;
    const uint8_t *data[PARTS_MAX];
};

/* False: they are too many. */
static bool add(struct joining *joining, struct range range, const uint8_t *data)
{
    if (joining->index.count == PARTS_MAX)
        return false;
    joining->data[joining->index.count] = data;
    joining->index.ranges[joining->index.count++] = range;
    return true;
}

/* What the old parts have in front of the new one, that, and what they have behind it. */
static bool join(struct joining *joining, const struct parts *old, struct range part,
                 struct bytes body)
{
    const uint8_t *data = old->bytes.data;
    bool is_in = false;

    for (size_t i = 0; i < old->index.count; i++) {
        struct range one = old->index.ranges[i];
        struct range behind = {one.first > part.last ? one.first : part.last + 1, one.last};

        if (one.first < part.first &&
            !add(joining,
                 (struct range){one.first, one.last < part.first ? one.last : part.first - 1},
                 data))
            return false;
        if (!is_in && one.last > part.last) {
            is_in = true;
            if (!add(joining, part, body.data))
                return false;
        }
        if (one.last > part.last && !add(joining, behind, data + (behind.first - one.first)))
            return false;
        data += length_of(one);
    }
    return is_in || add(joining, part, body.data);
}

/* Ranges that touch are one: their bytes lie one behind the other. */
static void write_index(const struct joining *joining, struct buf *out)
{
    struct index index = {.size = joining->index.size};

    for (size_t i = 0; i < joining->index.count; i++) {
        struct range one = joining->index.ranges[i];

        if (index.count > 0 && index.ranges[index.count - 1].last + 1 == one.first)
            index.ranges[index.count - 1].last = one.last;
        else
            index.ranges[index.count++] = one;
    }
    buf_add(out, bytes_of(&index, sizeof index));
}

static uint64_t size_of(const struct joining *joining)
{
    uint64_t size = 0;

    for (size_t i = 0; i < joining->index.count; i++)
        size += length_of(joining->index.ranges[i]);
    return size;
}

/* Both say with a strong validator that they are of the same bytes. */
static bool is_same(const struct http_head *one, const struct http_head *other)
{
    int64_t now_s = clock_wall_ms() / 1000;
    struct validators mine = validators_of(one, now_s);
    struct validators theirs = validators_of(other, now_s);

    if (mine.has_etag || theirs.has_etag)
        return mine.has_etag && theirs.has_etag && etag_equal_strong(mine.etag, theirs.etag);
    return http_has(one, HTTP_LAST_MODIFIED) && http_has(other, HTTP_LAST_MODIFIED) &&
           mine.modified_strong && theirs.modified_strong && mine.modified_s == theirs.modified_s;
}

static bool find_old(const struct fetch *fetch, const struct http_head *known,
                     struct parts *ret_parts)
{
    struct gate *gate = fetch->gate;
    struct cache_view view;

    if (cache_peek(gate->thread, cache_key(gate->cache, CACHE_SPACE_HTTP, fetch->key),
                   loop_now_ms(gate->loop), &view) == CACHE_MISS ||
        !parts_read(&view, ret_parts) || ret_parts->index.size != fetch->part_of)
        return false;
    block_parse(ret_parts->block, &gate->request);
    return is_same(known, &gate->request);
}

enum err parts_pack(const struct fetch *fetch, struct bytes body, struct buf *ret_block,
                    struct buf *ret_value)
{
    struct http_head *known = &fetch->gate->response;
    struct joining joining = {.index = {.size = fetch->part_of}};
    struct parts old;

    if (body.size != length_of(fetch->part))
        return ERR_PEER_BROKEN;
    block_parse(buf_bytes(&fetch->head.block), known);
    buf_add(ret_block, BYTES("HTTP/1.1 200 OK\r\n"));
    block_write_for_part(known, true, ret_block);
    buf_add(ret_block, BYTES("\r\n"));
    if (!find_old(fetch, known, &old) || !join(&joining, &old, fetch->part, body) ||
        size_of(&joining) > fetch->route->settings->body_max) {
        joining.index.count = 0;
        must(add(&joining, fetch->part, body.data));
    }
    write_index(&joining, ret_value);
    for (size_t i = 0; i < joining.index.count; i++)
        buf_add(ret_value, bytes_of(joining.data[i], length_of(joining.index.ranges[i])));
    TRY(buf_failed(ret_block));
    return buf_failed(ret_value);
}
