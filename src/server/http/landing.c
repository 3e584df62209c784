/* landing.c: the head of an answer, and the end of its fetch. SPDX-License-Identifier: MIT */
#include "server/http/landing.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/clock.h"
#include "proto/tags.h"
#include "server/http/adopt.h"
#include "server/http/block.h"
#include "server/http/common.h"
#include "server/http/groups.h"
#include "server/http/history.h"
#include "server/http/no_vary_search.h"
#include "server/http/parts.h"
#include "server/http/probe.h"
#include "server/http/purge.h"
#include "server/http/settle.h"
#include "server/http/variant.h"

static int64_t now_ms(const struct fetch *fetch)
{
    return loop_now_ms(fetch->gate->loop);
}

/* ---- the header -------------------------------------------------------------------------- */

static void collect_tags(struct fetch *fetch, const struct http_head *response)
{
    struct tags tags;

    if (!fetch->verdict.store)
        return;
    if (fetch->pass_reason == REASON_TAG_OVERFLOW || tags_of(response, &tags) == ERR_TOO_BIG) {
        fetch_refuse(fetch, REASON_TAG_OVERFLOW);
        return;
    }
    for (size_t i = 0; i < tags.count; i++) {
        if (!fetch_add_tag(fetch, tags.items[i]))
            fetch_refuse(fetch, REASON_TAG_OVERFLOW);
    }
    if (!groups_tag(fetch, response))
        fetch_refuse(fetch, REASON_TAG_OVERFLOW);
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
        settle_compressible(fetch, response);
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
        fetch_refuse(fetch, REASON_PURGED_DURING_FETCH);
        remember_ms = 0;
    }
    if (fetch->verdict.reason == REASON_PURGED_DURING_FETCH ||
        fetch->verdict.reason == REASON_WAITERS_FULL)
        remember_ms = 0;
    settle_disperse(fetch, remember_ms);
    settle_drop_old(fetch);
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
        fetch_refuse(fetch, REASON_MEMORY_PRESSURE);
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
    struct decide_facts facts = settle_facts(fetch);

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
        fetch_refuse(fetch, fetch->pass_reason == REASON_NONE ? REASON_PREDICTED_UNCACHEABLE
                                                              : fetch->pass_reason);
    collect_tags(fetch, response);
    settle_times(fetch);
    probe_settle(fetch);
    if (is_wanted(&fetch->verdict) && !fetch->is_part)
        no_vary_search_settle(fetch, response);
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
        settle_remember_refused(fetch, fetch->verdict.reason);
    fetch->keeps = is_wanted(&fetch->verdict);
    if (!fetch->keeps)
        stream_cut(&fetch->stream);
    stream_set_stage(&fetch->stream, STREAM_OPEN);
}

/* ---- storing ----------------------------------------------------------------------------- */

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
        (void)settle_put(fetch, buf_bytes(&block), buf_bytes(&value), fetch->has_validator);
    else
        settle_disperse(fetch, 0);
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
        (void)settle_put(fetch, buf_bytes(&block), body, fetch->has_validator || makes_etag);
    else
        settle_disperse(fetch, 0);
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
        settle_disperse(fetch, 0);
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
        settle_fail(fetch, ERR_PEER_BROKEN, 0); /* it was passed on, and so will the next */
    else
        settle_disperse(fetch, 0);
    stream_set_stage(&fetch->stream, STREAM_WHOLE);
}

/* ---- what goes wrong --------------------------------------------------------------------- */

void landing_stop_keeping(struct fetch *fetch, enum gateway_reason reason)
{
    must(fetch->keeps);
    settle_remember_refused(fetch, reason);
    fetch->keeps = false;
    fetch->verdict.store = false;
    fetch->verdict.reason = reason;
    settle_disperse(fetch, reason == REASON_TOO_LARGE ? fetch->gate->settings->uncacheable_ms : 0);
    stream_cut(&fetch->stream);
}

void landing_fail(struct fetch *fetch, enum err err, enum failure failure)
{
    fetch->err = err;
    fetch->failure = failure;
    if (fetch->has_lease || err != ERR_PEER_GONE) /* else its client left, which is no news */
        settle_remember_refused(fetch, fetch->has_head && !fetch->is_ignored ? REASON_TRUNCATED
                                                                             : REASON_ORIGIN_ERROR);
    settle_fail(fetch, err, fetch->route->settings->retry_ms);
    if (fetch->has_head && !fetch->is_ignored)
        counter_add(&fetch->gate->metrics.truncated, 1);
    stream_set_stage(&fetch->stream, STREAM_BROKEN);
}
