/* landing.c: the end of a fetch, seen from the engine. SPDX-License-Identifier: MIT */
#include "server/http/landing.h"

#include "base/mem.h"
#include "base/must.h"
#include "base/number.h"
#include "net/clock.h"
#include "proto/date.h"
#include "proto/etag.h"
#include "proto/tags.h"
#include "server/http/adopt.h"
#include "server/http/alike.h"
#include "server/http/block.h"
#include "server/http/common.h"
#include "server/http/compress.h"
#include "server/http/early.h"
#include "server/http/groups.h"
#include "server/http/history.h"
#include "server/http/parts.h"
#include "server/http/probe.h"
#include "server/http/purge.h"
#include "server/http/variant.h"

static int64_t now_ms(const struct fetch *fetch)
{
    return loop_now_ms(fetch->gate->loop);
}

/* ---- what is remembered ------------------------------------------------------------------- */

/* That the answer is not stored. What methods do that are never stored is no news of the URL. */
static void remember_refused(const struct fetch *fetch, enum gateway_reason reason)
{
    if (fetch->gate->history != NULL && reason != REASON_NONE && reason != REASON_METHOD &&
        reason != REASON_UPGRADE)
        history_refused(fetch->gate->history, fetch->url, fetch->head.status, reason,
                        clock_wall_ms());
}

static void remember_stored(const struct fetch *fetch, const struct cache_put *put,
                            size_t tag_count)
{
    int64_t wall_ms = clock_wall_ms();
    int64_t ahead_ms = wall_ms - now_ms(fetch);
    const struct history_url what = {
        .stored_ms = wall_ms,
        .fresh_until_ms = add_saturated(put->expires_ms, ahead_ms),
        .kept_until_ms = add_saturated(put->error_until_ms, ahead_ms),
    };

    if (fetch->gate->history != NULL)
        history_stored(fetch->gate->history, fetch->url, &what, put->tags, tag_count);
}

/* ---- leases ------------------------------------------------------------------------------ */

static void disperse(struct fetch *fetch, int64_t remember_ms)
{
    common_close(fetch);
    if (!fetch->has_lease)
        return;
    fetch->has_lease = false;
    cache_disperse(fetch->gate->thread, &fetch->lease, remember_ms, now_ms(fetch));
}

static void fail_lease(struct fetch *fetch, enum err err, int64_t retry_ms)
{
    common_close(fetch);
    if (!fetch->has_lease)
        return;
    fetch->has_lease = false;
    cache_fail(fetch->gate->thread, &fetch->lease, err, retry_ms, now_ms(fetch));
}

static void forbid(struct fetch *fetch, enum gateway_reason reason)
{
    fetch->verdict.share = fetch->verdict.store = false;
    fetch->verdict.reason = reason;
}

/* ---- the header -------------------------------------------------------------------------- */

static struct decide_facts facts_of(const struct fetch *fetch)
{
    return (struct decide_facts){
        .route = fetch->route,
        .authorized = fetch->authorized,
        .request_s = fetch->started_wall_ms / 1000,
        .response_s = clock_wall_ms() / 1000,
    };
}

static void collect_tags(struct fetch *fetch, const struct http_head *response)
{
    struct tags tags;

    if (!fetch->verdict.store)
        return;
    if (fetch->pass_reason == REASON_TAG_OVERFLOW || tags_of(response, &tags) == ERR_TOO_BIG) {
        forbid(fetch, REASON_TAG_OVERFLOW);
        return;
    }
    for (size_t i = 0; i < tags.count; i++) {
        if (!fetch_add_tag(fetch, tags.items[i]))
            forbid(fetch, REASON_TAG_OVERFLOW);
    }
    if (!groups_tag(fetch, response))
        forbid(fetch, REASON_TAG_OVERFLOW);
}

static void take_times(struct fetch *fetch)
{
    const struct verdict *verdict = &fetch->verdict;
    struct answer_head *head = &fetch->head;
    int64_t lifetime_ms = verdict->lifetime_ms - verdict->age_ms;
    double jitter = fetch->route->settings->jitter;

    if (jitter > 0 && lifetime_ms > 0)
        lifetime_ms -= (int64_t)((double)lifetime_ms * jitter * random_unit(&fetch->gate->random));
    head->stored = (struct stored){
        .status = (uint16_t)head->status,
        .flags = verdict->flags,
        .born_ms = add_saturated(fetch->received_ms, -verdict->age_ms),
        .lifetime_ms = add_saturated(lifetime_ms, verdict->age_ms),
        .swr_ms = verdict->swr_ms,
        .sie_ms = verdict->sie_ms,
        .grace_ms = verdict->grace_ms,
    };
    head->expires_ms = add_saturated(fetch->received_ms, lifetime_ms);
}

/* Whether coded copies may be made of it, once its head is written. */
static void mark_compressible(struct fetch *fetch, const struct http_head *response)
{
    struct answer_head *head = &fetch->head;

    if (fetch->route->coding_count == 0 || !fetch->verdict.store ||
        !compress_fits(fetch->route, response, fetch->authorized) || !compress_mark(&head->block))
        return;
    head->stored.flags |= STORED_COMPRESSIBLE;
}

/* By others, now or later. */
static bool is_wanted(const struct verdict *verdict)
{
    return verdict->share || verdict->store;
}

static void write_head(struct fetch *fetch, const struct http_head *response)
{
    struct answer_head *head = &fetch->head;
    const struct block_facts facts = {fetch->route,
                                      fetch->for_cache || fetch->has_lease ? &fetch->verdict : NULL,
                                      clock_wall_ms() / 1000};

    block_write(&facts, response, &head->block);
    if (buf_failed(&head->block) == ERR_OK)
        mark_compressible(fetch, response);
    if (fetch->for_cache && is_wanted(&fetch->verdict) &&
        block_withholds(&fetch->verdict, response)) {
        struct verdict own = fetch->verdict;
        const struct block_facts own_facts = {fetch->route, &own, facts.now_s};

        own.unshared.count = 0;
        block_write(&own_facts, response, &fetch->own_block);
    }
    head->has_size = response->framing == HTTP_SIZED || response->framing == HTTP_NO_BODY;
    head->size = response->framing == HTTP_SIZED ? response->content_length : 0;
    head->reason = fetch->verdict.reason;
    head->is_stored = fetch->verdict.store;
    head->is_shared = fetch->verdict.share;
    head->stored.block_size = (uint32_t)head->block.size;
}

/* What stood under the key is no longer true, though what came cannot be stored. */
static void drop_old(struct fetch *fetch)
{
    struct cache_key key = cache_key(fetch->cache, CACHE_SPACE_HTTP, fetch->key);

    if (fetch->old_entry != NULL && !fetch->verdict.is_error)
        (void)cache_remove(fetch->gate->thread, key, now_ms(fetch));
}

/* The lease's part at the header: shared from here on, or all are let go. */
static void settle_lease(struct fetch *fetch)
{
    int64_t remember_ms = fetch->for_cache ? fetch->gate->settings->uncacheable_ms : 0;

    if (!fetch->has_lease)
        return;
    if (is_wanted(&fetch->verdict)) {
        stream_hold(&fetch->stream);
        fetch->is_exclusive = !fetch->verdict.share;
        fetch->is_sharing = cache_share(fetch->gate->thread, &fetch->lease, &fetch->stream,
                                        fetch_drop_shared, now_ms(fetch));
        if (fetch->is_sharing)
            return;
        stream_drop(&fetch->stream);
        forbid(fetch, REASON_PURGED_DURING_FETCH);
        remember_ms = 0;
    }
    if (fetch->verdict.reason == REASON_PURGED_DURING_FETCH ||
        fetch->verdict.reason == REASON_WAITERS_FULL)
        remember_ms = 0;
    disperse(fetch, remember_ms);
    drop_old(fetch);
}

static bool stands_in(const struct fetch *fetch)
{
    struct cache_control nothing;
    struct stored stored;
    struct bytes block;
    struct bytes body;

    cache_control_init(&nothing);
    if (fetch->is_background)
        return true;
    return fetch->old_entry != NULL && stored_read(&fetch->old, &stored, &block, &body) &&
           decide_stand_in(&stored, FAILURE_STATUS, &nothing, now_ms(fetch));
}

static void reserve(struct fetch *fetch, const struct http_head *response)
{
    if (!is_wanted(&fetch->verdict) || response->framing != HTTP_SIZED ||
        response->content_length == 0)
        return;
    if (stream_reserve(&fetch->stream, response->content_length) != ERR_OK)
        forbid(fetch, REASON_MEMORY_PRESSURE);
}

/* A method that is not safe changed something (RFC 9111 §4.4): before its answer is passed on.
 * `is_adopted`: the answer itself stands for the URL from now on. */
static void invalidate(struct fetch *fetch, const struct http_head *response, bool is_adopted)
{
    struct gate *gate = fetch->gate;
    struct purge_place place = {gate->site, gate->thread, fetch->cache, &gate->keys, now_ms(fetch)};
    const struct http_field *location = http_find(response, HTTP_LOCATION);
    const struct http_field *content = http_find(response, HTTP_CONTENT_LOCATION);

    counter_add(&gate->metrics.invalidated, 1);
    if (is_adopted)
        purge_beside(&place, fetch->url);
    else
        purge_url(&place, fetch->url, false);
    if (gate->history != NULL)
        history_invalidated(gate->history, fetch->url, clock_wall_ms());
    if (location != NULL && !is_adopted)
        purge_reference(&place, fetch->url, location->value);
    if (content != NULL && !is_adopted)
        purge_reference(&place, fetch->url, content->value);
    groups_invalidate(fetch, response);
}

void landing_judge(struct fetch *fetch, const struct http_head *response)
{
    struct decide_facts facts = facts_of(fetch);

    fetch->has_head = true;
    fetch->head.status = response->status;
    fetch->has_validator = http_has(response, HTTP_ETAG) || http_has(response, HTTP_LAST_MODIFIED);
    if (fetch->for_cache)
        decide_store(&facts, response, &fetch->verdict);
    else
        fetch->verdict = (struct verdict){.reason = fetch->pass_reason};
    if (fetch->is_unsafe && response->status < 400) {
        facts.authorized = fetch->has_credentials;
        invalidate(fetch, response, adopt(fetch, response, &facts));
    }
    parts_settle(fetch, response, &facts);
    if (fetch->for_cache && fetch->verdict.is_error && stands_in(fetch)) {
        fetch->is_ignored = true;
        landing_fail(fetch, ERR_PEER_BROKEN, FAILURE_STATUS);
        return;
    }
    if (!fetch->has_lease && is_wanted(&fetch->verdict))
        forbid(fetch, fetch->pass_reason == REASON_NONE ? REASON_PREDICTED_UNCACHEABLE
                                                        : fetch->pass_reason);
    collect_tags(fetch, response);
    take_times(fetch);
    probe_settle(fetch);
    if (is_wanted(&fetch->verdict) && !fetch->is_part)
        alike_settle(fetch, response);
    if (is_wanted(&fetch->verdict) && !fetch->is_part)
        variant_settle(fetch, response);
    reserve(fetch, response);
    settle_lease(fetch);
    if (fetch->is_sharing)
        common_open(fetch, response);
    write_head(fetch, response);
    if (buf_failed(&fetch->head.block) != ERR_OK || buf_failed(&fetch->own_block) != ERR_OK) {
        fetch->is_ignored = true;
        landing_fail(fetch, ERR_FULL, FAILURE_UNREACHABLE);
        return;
    }
    fetch_charge(fetch, fetch->head.block.capacity + fetch->tags.capacity);
    if (!fetch->verdict.store)
        remember_refused(fetch, fetch->verdict.reason);
    fetch->keeps = is_wanted(&fetch->verdict);
    if (!fetch->keeps)
        stream_cut(&fetch->stream);
    stream_set_stage(&fetch->stream, STREAM_OPEN);
}

/* ---- storing ----------------------------------------------------------------------------- */

/* How long an entry is kept at all: while it may be served, and while asking whether it still
 * holds is cheaper than fetching it. */
static int64_t kept_until(const struct fetch *fetch, bool has_validator)
{
    const struct verdict *verdict = &fetch->verdict;
    int64_t expires_ms = fetch->head.expires_ms;
    int64_t more_ms = verdict->swr_ms;

    if (verdict->sie_ms > more_ms)
        more_ms = verdict->sie_ms;
    if (verdict->grace_ms > more_ms)
        more_ms = verdict->grace_ms;

    int64_t until_ms = add_saturated(expires_ms, more_ms);
    int64_t useful_ms =
        add_saturated(expires_ms > fetch->received_ms ? expires_ms : fetch->received_ms,
                      fetch->route->settings->grace_ms);

    return has_validator && useful_ms > until_ms ? useful_ms : until_ms;
}

/* What is not of the answer's head. A body that the origin confirmed is what it was; how long it
 * took to confirm it is no load time. */
static void take_past(struct fetch *fetch, struct stored *stored)
{
    struct stored old = {.load_ms = 0};
    struct bytes block;
    struct bytes body;
    bool has_old = fetch->old_entry != NULL && stored_read(&fetch->old, &old, &block, &body);

    stored->load_ms =
        fetch->is_304 ? old.load_ms : early_load_ms(now_ms(fetch) - fetch->started_ms, old.load_ms);
    stored->body_id = fetch->is_304 && has_old ? old.body_id : random_next(&fetch->gate->random);
}

/* Puts what is known into the engine, under the lease. The fetch's own head stays as it is: others
 * may be reading it. */
static enum err put(struct fetch *fetch, struct bytes block, struct bytes body, bool has_validator)
{
    struct gate *gate = fetch->gate;
    const struct answer_head *head = &fetch->head;
    struct stored stored = head->stored;
    struct bytes tags[CACHE_TAGS_MAX];
    uint8_t url_tag[KEY_URL_TAG_SIZE];
    struct cache_put put = {
        .key = cache_key(fetch->cache, CACHE_SPACE_HTTP, fetch->key),
        .kind = fetch->is_part ? STORED_PARTS : STORED_RESPONSE,
        .negative = head->stored.status == 404 || head->stored.status == 410,
        .body = body,
        .expires_ms = head->expires_ms,
        .stale_until_ms = add_saturated(head->expires_ms, fetch->verdict.swr_ms),
        .error_until_ms = kept_until(fetch, has_validator),
        .tags = tags,
        .tag_count = fetch_tags(fetch, tags),
    };

    size_t said_count = put.tag_count;

    if (fetch->key.size != fetch->url.size)
        tags[put.tag_count++] = key_url_tag(fetch->cache, fetch->url, url_tag);
    buf_clear(&gate->text);
    stored.block_size = (uint32_t)block.size;
    take_past(fetch, &stored);
    stored.status = fetch->is_part ? 200 : stored.status;
    buf_add(&gate->text, bytes_of(&stored, sizeof stored));
    buf_add(&gate->text, block);
    put.head = buf_bytes(&gate->text);
    must(fetch->has_lease);
    fetch->has_lease = false;
    enum err err = buf_failed(&gate->text);

    if (err == ERR_OK && common_fill(fetch, &put))
        cache_disperse(gate->thread, &fetch->lease, 0, now_ms(fetch));
    else if (err == ERR_OK)
        err = cache_fill(gate->thread, &fetch->lease, &put, now_ms(fetch));
    else
        cache_fail(gate->thread, &fetch->lease, err, 0, now_ms(fetch));
    common_close(fetch);
    if (err == ERR_OK) {
        counter_add(&gate->metrics.stored, 1);
        remember_stored(fetch, &put, said_count);
    } else {
        remember_refused(fetch,
                         err == ERR_DROPPED ? REASON_PURGED_DURING_FETCH : REASON_MEMORY_PRESSURE);
    }
    return err;
}

/* A strong validator from the bytes themselves, the same in every process. */
static struct bytes make_etag(struct bytes body, uint8_t ret_text[40])
{
    static const char digits[] = "0123456789abcdef";
    const uint64_t halves[2] = {
        hash_bytes((struct hash_secret){{0x6c61726465720001, 1}}, body),
        hash_bytes((struct hash_secret){{0x6c61726465720002, 2}}, body),
    };
    size_t size = 0;

    ret_text[size++] = '"';
    for (unsigned i = 0; i < 32; i++)
        ret_text[size++] = (uint8_t)digits[halves[i / 16] >> (60 - 4 * (i % 16)) & 15];
    ret_text[size++] = '"';
    return bytes_of(ret_text, size);
}

static void store_part(struct fetch *fetch, struct bytes body)
{
    struct buf block;
    struct buf value;

    buf_init(&block, fetch->head.block.max, NULL);
    buf_init(&value, SIZE_MAX / 4, fetch->stream.account);
    if (parts_pack(fetch, body, &block, &value) == ERR_OK)
        (void)put(fetch, buf_bytes(&block), buf_bytes(&value), fetch->has_validator);
    else
        disperse(fetch, 0);
    buf_fini(&value);
    buf_fini(&block);
}

static void store_body(struct fetch *fetch, struct bytes body)
{
    const struct answer_head *head = &fetch->head;
    bool makes_etag = !fetch->has_validator && fetch->route->settings->etag && head->status == 200;
    struct buf block;
    uint8_t etag[40];

    buf_init(&block, head->block.max, head->block.account);
    buf_add(&block, buf_bytes(&head->block));
    block_finish(&block, head->has_size, body.size, makes_etag ? make_etag(body, etag) : BYTES(""));
    if (buf_failed(&block) == ERR_OK)
        (void)put(fetch, buf_bytes(&block), body, fetch->has_validator || makes_etag);
    else
        disperse(fetch, 0);
    buf_fini(&block);
}

static void keep_body(struct fetch *fetch, struct bytes body)
{
    if (fetch->is_part)
        store_part(fetch, body);
    else
        store_body(fetch, body);
}

static void store(struct fetch *fetch)
{
    struct account *account = fetch->stream.account;
    uint64_t size = stream_published(&fetch->stream);
    struct bytes body;

    if (stream_is_one_piece(&fetch->stream, &body)) {
        keep_body(fetch, body);
        return;
    }
    uint8_t *copy = stream_fits(account, size) ? mem_try(size) : NULL;

    if (copy == NULL) {
        disperse(fetch, 0);
        return;
    }
    account_force(account, size);
    stream_copy(&fetch->stream, copy);
    keep_body(fetch, bytes_of(copy, size));
    mem_free(&copy);
    account_refund(account, size);
}

void landing_store(struct fetch *fetch)
{
    if (fetch->has_lease && fetch->verdict.store)
        store(fetch);
    else if (fetch->verdict.is_error)
        fail_lease(fetch, ERR_PEER_BROKEN, 0); /* it was passed on, and so will the next */
    else
        disperse(fetch, 0);
    stream_set_stage(&fetch->stream, STREAM_WHOLE);
}

/* ---- 304 --------------------------------------------------------------------------------- */

static void keep_tag(void *context, struct bytes tag)
{
    (void)fetch_add_tag(context, tag);
}

/* What both together keep from being shared: the word of a 304 counts, else the stored one. */
static struct verdict verdict_of_update(const struct fetch *fetch, const struct http_head *stored,
                                        const struct http_head *response)
{
    struct cache_response said;
    struct verdict verdict = {
        .share = true,
        .strip_cookie = fetch->route->settings->set_cookie == ROUTE_COOKIE_STRIP,
    };

    cache_response_of(response, clock_wall_ms() / 1000, &said);
    if (said.control.private_lists.count == 0 && said.control.no_cache_lists.count == 0)
        cache_response_of(stored, clock_wall_ms() / 1000, &said);
    (void)decide_unshared(&said.control, &verdict.unshared); /* too many: asked about each time */
    return verdict;
}

static int64_t age_of(const struct http_head *response)
{
    struct cache_response said;

    cache_response_of(response, clock_wall_ms() / 1000, &said);
    return said.age_s;
}

static bool is_same_date(const struct http_field *a, const struct http_field *b)
{
    int64_t now_s = clock_wall_ms() / 1000;
    int64_t a_s = 0;
    int64_t b_s = 0;

    if (bytes_equal(a->value, b->value))
        return true;
    return date_parse(a->value, now_s, &a_s) == ERR_OK &&
           date_parse(b->value, now_s, &b_s) == ERR_OK && a_s == b_s;
}

/* Whether a 304 is about what is stored (RFC 9111 §4.3.4). One without validators can mean nothing
 * else. */
static bool is_about(const struct http_head *stored, const struct http_head *response)
{
    const struct http_field *said = http_find(response, HTTP_ETAG);
    const struct http_field *known = http_find(stored, HTTP_ETAG);
    struct etag said_tag;
    struct etag known_tag;

    if (said != NULL && known == NULL)
        return false;
    if (said != NULL) {
        if (bytes_equal(said->value, known->value))
            return true;
        return etag_parse(said->value, &said_tag) == ERR_OK &&
               etag_parse(known->value, &known_tag) == ERR_OK && said_tag.weak &&
               etag_equal_weak(said_tag, known_tag);
    }
    said = http_find(response, HTTP_LAST_MODIFIED);
    known = http_find(stored, HTTP_LAST_MODIFIED);
    return said == NULL || known == NULL || is_same_date(said, known);
}

/* It is about something else: what is stored goes, and all who wait ask anew without conditions. */
static void ask_again(struct fetch *fetch)
{
    disperse(fetch, 0);
    drop_old(fetch);
    fetch->is_ignored = true;
    fetch->is_again = true;
    fetch->err = ERR_PEER_BROKEN;
    fetch->failure = FAILURE_STATUS;
    stream_set_stage(&fetch->stream, STREAM_BROKEN);
}

void landing_update(struct fetch *fetch, const struct http_head *response)
{
    struct gate *gate = fetch->gate;
    struct decide_facts facts = facts_of(fetch);
    struct block_facts to_write = {fetch->route, &fetch->verdict, facts.response_s};
    struct answer_head *head = &fetch->head;
    struct http_head *merged = &gate->request;
    struct bytes block;
    struct bytes body;

    must(stored_read(&fetch->old, &head->stored, &block, &body));
    block_parse(block, merged);
    if (!is_about(merged, response)) {
        ask_again(fetch);
        return;
    }
    fetch->is_304 = true;
    fetch->verdict = verdict_of_update(fetch, merged, response);
    if (block_update(&to_write, merged, response, &head->block) != ERR_OK) {
        /* Nothing is left that could be asked about again: the next request gets it anew. */
        drop_old(fetch);
        fetch->is_ignored = true;
        landing_fail(fetch, ERR_PEER_BROKEN, FAILURE_STATUS);
        return;
    }
    if (buf_failed(&head->block) != ERR_OK)
        return;
    facts.update_age_s = age_of(response);
    block_parse(buf_bytes(&head->block), merged);
    decide_store(&facts, merged, &fetch->verdict);
    head->status = merged->status;
    fetch->has_validator = true;
    take_times(fetch);
    mark_compressible(fetch, merged);
    head->stored.block_size = (uint32_t)head->block.size;
    head->has_size = true;
    head->size = body.size;
    head->is_revalidated = true;
    head->is_stored = fetch->has_lease && fetch->verdict.store;
    head->reason = fetch->verdict.reason;
    fetch->tags.size = fetch->tag_count = 0;
    cache_tags_of(gate->thread, &fetch->old, keep_tag, fetch);
}

/* What is stale again at once would be asked about by one after the other of those who waited. */
static void share_confirmed(struct fetch *fetch)
{
    const struct verdict *verdict = &fetch->verdict;

    if (!verdict->share || verdict->lifetime_ms > verdict->age_ms)
        return;
    stream_hold(&fetch->stream);
    if (!cache_share(fetch->gate->thread, &fetch->lease, &fetch->stream, fetch_drop_shared,
                     now_ms(fetch)))
        stream_drop(&fetch->stream);
}

void landing_confirm(struct fetch *fetch)
{
    struct stored stored;
    struct bytes block;
    struct bytes body;

    if (buf_failed(&fetch->head.block) != ERR_OK) {
        landing_fail(fetch, ERR_FULL, FAILURE_UNREACHABLE);
        return;
    }
    must(stored_read(&fetch->old, &stored, &block, &body));
    counter_add(&fetch->gate->metrics.revalidated, 1);
    if (fetch->has_lease && fetch->verdict.store) {
        share_confirmed(fetch);
        (void)put(fetch, buf_bytes(&fetch->head.block), body, true);
    } else if (!fetch->verdict.store) {
        disperse(fetch, 0);
        drop_old(fetch);
    }
    fetch->has_head = true;
    stream_set_stage(&fetch->stream, STREAM_CONFIRMED);
}

/* ---- what goes wrong --------------------------------------------------------------------- */

void landing_stop_keeping(struct fetch *fetch, enum gateway_reason reason)
{
    must(fetch->keeps);
    remember_refused(fetch, reason);
    fetch->keeps = false;
    fetch->verdict.store = false;
    fetch->verdict.reason = reason;
    disperse(fetch, reason == REASON_TOO_LARGE ? fetch->gate->settings->uncacheable_ms : 0);
    stream_cut(&fetch->stream);
}

void landing_fail(struct fetch *fetch, enum err err, enum failure failure)
{
    fetch->err = err;
    fetch->failure = failure;
    if (fetch->has_lease || err != ERR_PEER_GONE) /* else its client left, which is no news */
        remember_refused(fetch, fetch->has_head && !fetch->is_ignored ? REASON_TRUNCATED
                                                                      : REASON_ORIGIN_ERROR);
    fail_lease(fetch, err, fetch->route->settings->retry_ms);
    if (fetch->has_head && !fetch->is_ignored)
        counter_add(&fetch->gate->metrics.truncated, 1);
    stream_set_stage(&fetch->stream, STREAM_BROKEN);
}
