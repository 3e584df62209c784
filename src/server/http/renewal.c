/* renewal.c: 304 to a question of ours. SPDX-License-Identifier: MIT */
#include "server/http/renewal.h"

#include "base/must.h"
#include "net/clock.h"
#include "proto/date.h"
#include "proto/etag.h"
#include "server/http/block.h"
#include "server/http/landing.h"
#include "server/http/settle.h"

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
    settle_disperse(fetch, 0);
    settle_drop_old(fetch);
    fetch->is_ignored = true;
    fetch->is_again = true;
    fetch->err = ERR_PEER_BROKEN;
    fetch->failure = FAILURE_STATUS;
    stream_set_stage(&fetch->stream, STREAM_BROKEN);
}

void renewal_begin(struct fetch *fetch, const struct http_head *response)
{
    struct gate *gate = fetch->gate;
    struct decide_facts facts = settle_facts(fetch);
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
        settle_drop_old(fetch);
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
    settle_times(fetch);
    settle_compressible(fetch, merged);
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
                     loop_now_ms(fetch->gate->loop)))
        stream_drop(&fetch->stream);
}

void renewal_end(struct fetch *fetch)
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
        (void)settle_put(fetch, buf_bytes(&fetch->head.block), body, true);
    } else if (!fetch->verdict.store) {
        settle_disperse(fetch, 0);
        settle_drop_old(fetch);
    }
    fetch->has_head = true;
    stream_set_stage(&fetch->stream, STREAM_CONFIRMED);
}
