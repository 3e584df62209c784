/* larder.c: tags, purges that reach every door, explanations. SPDX-License-Identifier: MIT */
#include "server/resp/call.h"
#include "server/resp/handlers.h"

void on_larder_tag(struct call *call)
{
    enum err err =
        cache_tag(call->thread, call->key, call->words + 2, call->count - 2, call->now_ms);

    if (err == ERR_OK)
        reply_integer(call, 1);
    else if (err == ERR_MISS)
        reply_integer(call, 0);
    else
        reply_err(call, err);
}

/* ---- purging ----------------------------------------------------------------------------------
 */

struct wish {
    bool soft;
    bool dry_run;
    size_t names_end; /* word behind the last name */
    int64_t concerned;
};

/* SOFT and DRYRUN stand at the end. */
static struct wish read_wish(struct call *call)
{
    struct wish wish = {.names_end = call->count};

    while (wish.names_end > 2) {
        size_t last = wish.names_end - 1;

        if (!wish.soft && word_is(call, last, "soft"))
            wish.soft = true;
        else if (!wish.dry_run && word_is(call, last, "dryrun"))
            wish.dry_run = true;
        else
            break;
        wish.names_end--;
    }
    return wish;
}

static bool is_url(struct bytes name)
{
    return bytes_equal_nocase(bytes_slice(name, 0, 7), BYTES("http://")) ||
           bytes_equal_nocase(bytes_slice(name, 0, 8), BYTES("https://"));
}

static enum err purge_url(struct call *call, struct wish *wish, struct bytes url, bool prefix)
{
    struct resp_url_purge purge = {
        .url = url, .prefix = prefix, .soft = wish->soft, .dry_run = wish->dry_run};
    size_t count = 0;

    if (call->resp->purge_url == NULL)
        return ERR_UNSUPPORTED;
    TRY(call->resp->purge_url(call->resp->context, call->thread, &purge, call->now_ms, &count));
    wish->concerned += (int64_t)count;
    return ERR_OK;
}

static enum err purge_one(struct call *call, struct wish *wish, struct cache_purge *purge)
{
    struct cache_view view;

    purge->soft = wish->soft;
    if (wish->dry_run) {
        wish->concerned += (int64_t)cache_purge_preview(call->thread, purge, call->now_ms);
        return ERR_OK;
    }
    if (purge->by == CACHE_BY_KEY)
        wish->concerned += cache_peek(call->thread, purge->key, call->now_ms, &view) != CACHE_MISS;
    else
        wish->concerned++;
    return cache_purge(call->thread, purge, call->now_ms, NULL);
}

/* What was purged is remembered with whom it was for. */
static void remember(struct call *call, const struct wish *wish, struct bytes name)
{
    const char *kinds[] = {"url", "tag", "prefix", "key"};
    struct resp_purged purged = {
        .by = "all", .text = name, .soft = wish->soft, .who = call->client->card.address};

    if (call->resp->purged == NULL || wish->dry_run)
        return;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (word_is(call, 1, kinds[i]))
            purged.by = kinds[i];
    }
    call->resp->purged(call->resp->context, &purged);
}

static enum err purge_name(struct call *call, struct wish *wish, struct bytes name)
{
    struct cache_purge purge = {.name = name, .space = (uint8_t)call->space};

    if (word_is(call, 1, "url"))
        return purge_url(call, wish, name, false);
    if (word_is(call, 1, "prefix") && is_url(name))
        return purge_url(call, wish, name, true);
    if (word_is(call, 1, "tag")) {
        purge.by = CACHE_BY_TAG;
    } else if (word_is(call, 1, "prefix")) {
        purge.by = CACHE_BY_PREFIX;
    } else {
        purge.by = CACHE_BY_KEY;
        purge.key = cache_key(call->resp->cache, call->space, name);
    }
    return purge_one(call, wish, &purge);
}

static enum err purge_and_remember(struct call *call, struct wish *wish, struct bytes name)
{
    TRY(purge_name(call, wish, name));
    remember(call, wish, name);
    return ERR_OK;
}

static bool is_purge_by_name(struct call *call)
{
    return word_is(call, 1, "tag") || word_is(call, 1, "prefix") || word_is(call, 1, "key") ||
           word_is(call, 1, "url");
}

static void reply_purge_err(struct call *call, enum err err)
{
    if (err == ERR_UNSUPPORTED)
        reply_error(call, "there is no gateway that could know URLs");
    else if (err == ERR_SYNTAX)
        reply_error(call, "that is no URL: write it with its scheme and host, http://host/path");
    else if (err == ERR_FULL)
        reply_error(call, "TRYAGAIN too many purges by prefix are being swept");
    else
        reply_err(call, err);
}

/* Replies how many entries a dry run concerns, how many of the keys were there, or else how many
 * purges were made. ALL is what it is for every door: all responses of the gateway. What clients
 * keep in the databases is not the gateway's to throw away; FLUSHALL does that. */
void on_larder_purge(struct call *call)
{
    struct wish wish = read_wish(call);
    struct cache_purge all = {.by = CACHE_BY_SPACE, .space = CACHE_SPACE_HTTP};
    enum err err = ERR_OK;

    if (word_is(call, 1, "all") && wish.names_end == 2) {
        err = purge_one(call, &wish, &all);
        if (err == ERR_OK)
            remember(call, &wish, BYTES(""));
    } else if (!is_purge_by_name(call) || wish.names_end == 2) {
        reply_error(call, "syntax error: LARDER.PURGE TAG|PREFIX|KEY|URL name [name ...] "
                          "[SOFT] [DRYRUN], or LARDER.PURGE ALL [SOFT] [DRYRUN]");
        return;
    }
    for (size_t i = 2; i < wish.names_end && err == ERR_OK; i++)
        err = purge_and_remember(call, &wish, call->words[i]);
    if (err == ERR_OK)
        reply_integer(call, wish.concerned);
    else
        reply_purge_err(call, err);
}

/* ---- explaining -------------------------------------------------------------------------------
 */

static const char *state_name(enum cache_state state)
{
    switch (state) {
    case CACHE_FRESH:
        return "fresh";
    case CACHE_STALE:
        return "stale";
    case CACHE_GRACE:
        return "grace";
    case CACHE_MISS:
    default:
        return "missing";
    }
}

static void reply_left(struct call *call, const char *name, int64_t until_ms)
{
    reply_text(call, name);
    reply_integer(call, until_ms == CACHE_NEVER ? -1 : until_ms - call->now_ms);
}

static void reply_tag(void *context, struct bytes tag)
{
    struct call *call = context;

    reply_bulk(call, tag);
}

static void count_tag(void *context, struct bytes tag)
{
    size_t *count = context;

    (void)tag;
    ++*count;
}

void on_larder_explain(struct call *call)
{
    struct cache_view view;
    enum cache_state state = cache_peek(call->thread, call->key, call->now_ms, &view);
    size_t tags = 0;

    if (state == CACHE_MISS) {
        reply_map(call, 1);
        reply_text(call, "state");
        reply_text(call, state_name(state));
        return;
    }
    cache_tags_of(call->thread, &view, count_tag, &tags);
    reply_map(call, 9);
    reply_text(call, "state");
    reply_text(call, view.negative ? "negative" : state_name(state));
    reply_text(call, "type");
    reply_text(call, type_name(view.kind));
    reply_text(call, "encoding");
    reply_text(call, type_encoding(&view));
    reply_left(call, "ttl_ms", view.expires_ms);
    reply_left(call, "stale_ms", view.stale_until_ms);
    reply_left(call, "grace_ms", view.error_until_ms);
    reply_text(call, "soft_purged");
    resp_add_bool(call->out, call->protocol, view.soft_purged);
    reply_text(call, "cost_bytes");
    reply_integer(call, (int64_t)cache_cost(call->thread, &view));
    reply_text(call, "tags");
    reply_array(call, tags);
    cache_tags_of(call->thread, &view, reply_tag, call);
}

void on_larder_stats(struct call *call)
{
    struct cache_whatif rows[CACHE_WHATIFS];
    struct cache_metrics metrics;
    bool known = false;
    size_t count = 0;

    known = cache_whatif(call->resp->cache, rows);
    cache_read_metrics(call->resp->cache, &metrics);
#define METRIC(name, kind, text) count++;
#include "cache/metrics.def"
#undef METRIC
    reply_map(call, count + 1);
#define METRIC(name, kind, text)                                                                   \
    reply_text(call, #name);                                                                       \
    reply_integer(call, (int64_t)counter_read(&metrics.name));
#include "cache/metrics.def"
#undef METRIC
    reply_text(call, "whatif_hit_ratio");
    reply_map(call, known ? CACHE_WHATIFS : 0);
    for (size_t i = 0; known && i < CACHE_WHATIFS; i++) {
        reply_text(call, rows[i].memory);
        resp_add_double(call->out, call->protocol, rows[i].hit_ratio);
    }
}
