/* desk.c: what the admin door asks of the house. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/must.h"
#include "cli/collect.h"
#include "cli/secret.h"
#include "cli/server.h"
#include "net/clock.h"

static void expose(void *context, struct buf *out)
{
    collect_exposition(context, out);
}

static void write_stats(void *context, struct buf *out)
{
    collect_json(context, out);
}

/* ---- purge ----------------------------------------------------------------------------------- */

static enum err purge_key(struct server *server, const struct admin_purge *purge, int64_t now_ms,
                          size_t *ret_count)
{
    struct cache_thread *thread = server->workers[0].cache;
    const struct cache_purge wish = {
        .by = CACHE_BY_KEY,
        .key = cache_key(server->cache, purge->database, purge->text),
        .soft = purge->soft,
    };

    *ret_count = cache_purge_preview(thread, &wish, now_ms);
    return purge->dry_run ? ERR_OK : cache_purge(thread, &wish, now_ms, NULL);
}

/* Without a gateway tags are still there: Redis clients set them too. */
static enum err purge_tag(struct server *server, const struct admin_purge *purge, int64_t now_ms,
                          size_t *ret_count)
{
    struct cache_thread *thread = server->workers[0].cache;
    const struct cache_purge wish = {.by = CACHE_BY_TAG, .name = purge->text, .soft = purge->soft};

    if (!purge->dry_run)
        return cache_purge(thread, &wish, now_ms, NULL);
    *ret_count = cache_purge_preview(thread, &wish, now_ms);
    return ERR_OK;
}

static enum err purge(void *context, const struct admin_purge *purge, size_t *ret_count,
                      struct fault *fault)
{
    static const enum site_purge_by kinds[] = {
        [ADMIN_PURGE_URL] = SITE_PURGE_URL,
        [ADMIN_PURGE_PREFIX] = SITE_PURGE_PREFIX,
        [ADMIN_PURGE_ALL] = SITE_PURGE_ALL,
    };
    struct server *server = context;
    int64_t now_ms = loop_now_ms(server->workers[0].loop);

    if (purge->by == ADMIN_PURGE_KEY)
        return purge_key(server, purge, now_ms, ret_count);
    if (purge->by == ADMIN_PURGE_TAG)
        return purge_tag(server, purge, now_ms, ret_count);
    if (server->site == NULL)
        return fault_say(fault, ERR_UNSUPPORTED,
                         "the HTTP door is off: there are no URLs to purge");
    const struct site_purge wish = {
        .by = kinds[purge->by], .text = purge->text, .soft = purge->soft, .dry = purge->dry_run};

    return site_purge(server->site, server->workers[0].cache, &wish, now_ms, ret_count, fault);
}

/* ---- readiness ------------------------------------------------------------------------------- */

static void probed(void *context, const bool *is_up, size_t count)
{
    struct server *server = context;
    bool is_draining = atomic_load(&server->is_draining);
    bool is_ready = !is_draining;
    struct buf json;

    buf_init(&json, (size_t)CONFIG_ORIGINS_MAX * 2 * CONFIG_NAME_MAX, NULL);
    for (size_t i = 0; i < count; i++)
        is_ready = is_ready && is_up[i];
    buf_printf(&json, "{\"ready\": %s, \"draining\": %s, \"origins\": {",
               is_ready ? "true" : "false", is_draining ? "true" : "false");
    for (size_t i = 0; i < count; i++)
        buf_printf(&json, "%s\"%s\": \"%s\"", i == 0 ? "" : ", ",
                   config_origin(server->config, i)->name, is_up[i] ? "up" : "down");
    buf_add_text(&json, "}}");
    admin_probed(server->admin, is_ready, buf_bytes(&json));
    buf_fini(&json);
}

static void warn(void *context, const bool *is_up, size_t count)
{
    const struct server *server = context;

    for (size_t i = 0; i < count; i++) {
        const struct config_origin *origin = config_origin(server->config, i);

        if (!is_up[i])
            log_say(&server->log, LOG_WARNING, "cli",
                    "the origin %s (%s) cannot be reached: its requests are answered 502 until it "
                    "can",
                    origin->name, origin->settings.servers.items[0]);
    }
}

/* The round at the start may still run: then its outcome is the answer. */
static void warn_and_tell(void *context, const bool *is_up, size_t count)
{
    warn(context, is_up, count);
    probed(context, is_up, count);
}

static void probe(void *context)
{
    struct server *server = context;

    if (probe_is_running(server->probe))
        probe_redirect(server->probe, warn_and_tell, server);
    else
        probe_start(server->probe, probed, server);
}

void desk_probe(struct server *server)
{
    probe_start(server->probe, warn, server);
}

/* ---- birth ----------------------------------------------------------------------------------- */

static void warn_if_open(const struct server *server, bool has_token)
{
    const char *address = server->config->listen.admin;
    bool is_local = strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0 ||
                    strncmp(address, "localhost:", 10) == 0 || address[0] == ':' ||
                    strncmp(address, "unix:", 5) == 0;

    if (!is_local && !has_token)
        log_say(&server->log, LOG_WARNING, "cli",
                "the admin door listens on %s without a token: whoever reaches it can purge "
                "everything; set listen.admin.token_file",
                address);
}

enum err desk_open(struct server *server, struct fault *fault)
{
    const char *file = server->config->listen.admin_token_file;
    char token[SECRET_SIZE] = "";
    char sentence[sizeof fault->text];

    if (file != NULL)
        TRY(secret_read(file, token, fault));
    warn_if_open(server, file != NULL);
    const struct admin_birth birth = {
        .loop = server->workers[0].loop,
        .account = cache_account(server->cache),
        .log = &server->log,
        .address = &server->admin_address,
        .token = bytes_of_text(token),
        .ops = {expose, write_stats, purge, probe, server},
    };
    enum err err = admin_new(&birth, &server->admin, fault);

    if (err != ERR_OK) {
        memcpy(sentence, fault->text, sizeof sentence);
        return fault_say(fault, err,
                         "%s (the flag is --admin ADDR:PORT, the setting listen.admin.address)",
                         sentence);
    }
    server->admin_address = *admin_address(server->admin);
    return ERR_OK;
}
