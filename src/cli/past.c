/* past.c: purges, who made them, and what became of a URL. SPDX-License-Identifier: MIT */
#include "cli/server.h"
#include "net/clock.h"
#include "server/http/why.h"

/* ---- remembering ----------------------------------------------------------------------------- */

void server_remember_purge(const struct server *server, struct history_purge *purge,
                           struct bytes who, struct bytes text)
{
    purge->wall_ms = clock_wall_ms();
    history_purge_init(purge, who, text);
    history_purged(server->history, purge);
    /* Those by tag, key and URL are part of many an application's every write. */
    bool is_usual =
        purge->by == HISTORY_BY_TAG || purge->by == HISTORY_BY_KEY || purge->by == HISTORY_BY_URL;

    log_say(&server->log, is_usual ? LOG_DEBUG : LOG_INFO, "cli",
            "purged%s by %s%s%s, from %s (%s)", purge->soft ? " softly" : "",
            history_by_text(purge->by), purge->text[0] == '\0' ? "" : " ", purge->text, purge->who,
            purge->door);
}

static enum history_by by_of(enum admin_purge_by by)
{
    switch (by) {
    case ADMIN_PURGE_TAG:
        return HISTORY_BY_TAG;
    case ADMIN_PURGE_URL:
        return HISTORY_BY_URL;
    case ADMIN_PURGE_PREFIX:
        return HISTORY_BY_PREFIX;
    case ADMIN_PURGE_HOST:
        return HISTORY_BY_HOST;
    case ADMIN_PURGE_REGEX:
        return HISTORY_BY_REGEX;
    case ADMIN_PURGE_KEY:
        return HISTORY_BY_KEY;
    case ADMIN_PURGE_ALL:
        break;
    }
    return HISTORY_BY_ALL;
}

/* ---- purging --------------------------------------------------------------------------------- */

static enum err purge_key(struct server *server, const struct admin_purge *purge, int64_t now_ms,
                          size_t *ret_count)
{
    struct cache_thread *thread = server->workers[0].cache;
    const struct cache_purge request = {
        .by = CACHE_BY_KEY,
        .key = cache_key(server->cache, purge->database, purge->text),
        .soft = purge->soft,
    };

    struct cache_view view;

    *ret_count = cache_peek(thread, request.key, now_ms, &view) != CACHE_MISS;
    return purge->dry_run ? ERR_OK : cache_purge(thread, &request, now_ms, NULL);
}

/* Without a gateway tags are still there: Redis clients set them too. */
static enum err purge_tag(struct server *server, const struct admin_purge *purge, int64_t now_ms,
                          size_t *ret_count)
{
    struct cache_thread *thread = server->workers[0].cache;
    const struct cache_purge request = {
        .by = CACHE_BY_TAG, .name = purge->text, .soft = purge->soft};

    if (!purge->dry_run)
        return cache_purge(thread, &request, now_ms, NULL);
    *ret_count = cache_purge_preview(thread, &request, now_ms);
    return ERR_OK;
}

static enum err purge_urls(struct server *server, const struct admin_purge *purge, int64_t now_ms,
                           struct admin_purged *ret_purged, struct fault *fault)
{
    static const enum site_purge_by kinds[] = {
        [ADMIN_PURGE_URL] = SITE_PURGE_URL,   [ADMIN_PURGE_PREFIX] = SITE_PURGE_PREFIX,
        [ADMIN_PURGE_HOST] = SITE_PURGE_HOST, [ADMIN_PURGE_REGEX] = SITE_PURGE_REGEX,
        [ADMIN_PURGE_TAG] = SITE_PURGE_TAG,   [ADMIN_PURGE_ALL] = SITE_PURGE_ALL,
    };
    const struct site_purge request = {
        .by = kinds[purge->by],
        .text = purge->text,
        .soft = purge->soft,
        .dry = purge->dry_run,
        .examples = purge->examples > 0 ? &ret_purged->examples : NULL,
        .examples_max = purge->examples,
    };

    return site_purge(atomic_load(&server->site), server->workers[0].cache, &request, now_ms,
                      &ret_purged->count, fault);
}

enum err server_purge(void *context, const struct admin_purge *purge,
                      struct admin_purged *ret_purged, struct fault *fault)
{
    struct server *server = context;
    int64_t now_ms = loop_now_ms(server->workers[0].loop);
    enum err err = ERR_OK;

    if (purge->by == ADMIN_PURGE_KEY)
        err = purge_key(server, purge, now_ms, &ret_purged->count);
    else if (atomic_load(&server->site) != NULL)
        err = purge_urls(server, purge, now_ms, ret_purged, fault);
    else if (purge->by == ADMIN_PURGE_TAG)
        err = purge_tag(server, purge, now_ms, &ret_purged->count);
    else
        err = fault_say(fault, ERR_UNSUPPORTED, "the HTTP door is off: there are no URLs to purge");
    if (err != ERR_OK || purge->dry_run)
        return err;
    struct history_purge made = {
        .by = by_of(purge->by),
        .soft = purge->soft,
        .door = "admin",
        .has_matched = purge->by == ADMIN_PURGE_KEY,
        .matched = ret_purged->count,
    };

    server_remember_purge(server, &made, bytes_of_text(ret_purged->who), purge->text);
    return ERR_OK;
}

void server_write_purges(void *context, struct buf *out)
{
    const struct server *server = context;

    history_write_purges(server->history, out);
}

/* ---- asking ---------------------------------------------------------------------------------- */

enum err server_why(void *context, struct bytes head, bool is_secure, struct buf *out,
                    struct fault *fault)
{
    struct server *server = context;

    if (atomic_load(&server->site) == NULL)
        return fault_say(fault, ERR_UNSUPPORTED, "the HTTP door is off: no URL is stored");
    const struct why why = {
        .site = atomic_load(&server->site),
        .thread = server->workers[0].cache,
        .history = server->history,
        .now_ms = loop_now_ms(server->workers[0].loop),
        .wall_ms = clock_wall_ms(),
    };

    return why_json(&why, head, is_secure, out, fault);
}
