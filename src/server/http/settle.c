/* settle.c: a fetch and the engine. SPDX-License-Identifier: MIT */
#include "server/http/settle.h"

#include "base/must.h"
#include "base/number.h"
#include "net/clock.h"
#include "server/http/common.h"
#include "server/http/compressible.h"
#include "server/http/early.h"
#include "server/http/history.h"

static int64_t now_ms(const struct fetch *fetch)
{
    return loop_now_ms(fetch->gate->loop);
}

/* ---- what is remembered ------------------------------------------------------------------- */

void settle_remember_refused(const struct fetch *fetch, enum gateway_reason reason)
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

void settle_disperse(struct fetch *fetch, int64_t remember_ms)
{
    common_close(fetch);
    if (!fetch->has_lease)
        return;
    fetch->has_lease = false;
    cache_disperse(fetch->gate->thread, &fetch->lease, remember_ms, now_ms(fetch));
}

void settle_fail(struct fetch *fetch, enum err err, int64_t retry_ms)
{
    common_close(fetch);
    if (!fetch->has_lease)
        return;
    fetch->has_lease = false;
    cache_fail(fetch->gate->thread, &fetch->lease, err, retry_ms, now_ms(fetch));
}

/* ---- facts and times --------------------------------------------------------------------- */

struct decide_facts settle_facts(const struct fetch *fetch)
{
    return (struct decide_facts){
        .route = fetch->route,
        .authorized = fetch->authorized,
        .request_s = fetch->started_wall_ms / 1000,
        .response_s = clock_wall_ms() / 1000,
    };
}

void settle_times(struct fetch *fetch)
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

void settle_compressible(struct fetch *fetch, const struct http_head *response)
{
    struct answer_head *head = &fetch->head;

    if (fetch->route->coding_count == 0 || !fetch->verdict.store ||
        !compressible_is(fetch->route, response, fetch->authorized) ||
        !compressible_mark(&head->block))
        return;
    head->stored.flags |= STORED_COMPRESSIBLE;
}

/* ---- what is stored ---------------------------------------------------------------------- */

void settle_drop_old(struct fetch *fetch)
{
    struct cache_key key = cache_key(fetch->cache, CACHE_SPACE_HTTP, fetch->key);

    if (fetch->old_entry != NULL && !fetch->verdict.is_error)
        (void)cache_remove(fetch->gate->thread, key, now_ms(fetch));
}

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

enum err settle_put(struct fetch *fetch, struct bytes block, struct bytes body, bool has_validator)
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
        settle_remember_refused(fetch, err == ERR_DROPPED ? REASON_PURGED_DURING_FETCH
                                                          : REASON_MEMORY_PRESSURE);
    }
    return err;
}
