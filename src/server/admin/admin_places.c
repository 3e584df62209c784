/* admin_places.c: what the admin door answers. SPDX-License-Identifier: MIT */
#include "server/admin/admin_places.h"

#include "server/admin/why_request.h"

static void answer_metrics(struct admin_client *client)
{
    struct admin *admin = client->admin;

    buf_clear(&admin->answer);
    admin->ops.expose(admin->ops.context, &admin->answer);
    admin_send_answer(client, 200, "text/plain; version=0.0.4; charset=utf-8", "");
}

static void answer_health(struct admin_client *client)
{
    admin_send_json(client, 200, BYTES("{\"alive\": true}"));
}

static void answer_ready(struct admin_client *client)
{
    struct admin *admin = client->admin;

    client->state = CLIENT_PROBING;
    timer_clear(admin->loop, &client->timer);
    conn_pause(client->conn);
    if (admin->probing)
        return;
    admin->probing = true;
    admin->ops.probe(admin->ops.context);
}

/* What one of the operations writes as JSON. */
static void answer_written(struct admin_client *client,
                           void (*write)(void *context, struct buf *out))
{
    struct admin *admin = client->admin;

    buf_clear(&admin->answer);
    write(admin->ops.context, &admin->answer);
    buf_add_text(&admin->answer, "\n");
    admin_send_answer(client, 200, "application/json", "");
}

static void answer_stats(struct admin_client *client)
{
    answer_written(client, client->admin->ops.stats);
}

static void answer_routes(struct admin_client *client)
{
    answer_written(client, client->admin->ops.routes);
}

static void write_purged(struct buf *out, const struct admin_purge *purge,
                         const struct admin_purged *purged)
{
    buf_printf(out, "{\"by\": \"%s\"", admin_purge_name(purge->by));
    if (purge->by != ADMIN_PURGE_ALL) {
        buf_printf(out, ", \"%s\": \"", admin_purge_name(purge->by));
        buf_add_json(out, purge->text);
        buf_add_text(out, "\"");
    }
    if (purge->by == ADMIN_PURGE_KEY)
        buf_printf(out, ", \"db\": %u", purge->database);
    buf_printf(out, ", \"soft\": %s, \"dry_run\": %s", purge->soft ? "true" : "false",
               purge->dry_run ? "true" : "false");
    if (purge->dry_run || purge->by == ADMIN_PURGE_KEY)
        buf_printf(out, ", \"count\": %zu", purged->count);
    if (purge->examples > 0)
        buf_printf(out, ", \"examples\": [%.*s]", BYTES_ARG(buf_bytes(&purged->examples)));
    buf_add_text(out, "}\n");
}

static unsigned status_of(enum err err)
{
    switch (err_class(err)) {
    case ERR_CLASS_CALLER:
    case ERR_CLASS_STATE:
        return 400;
    case ERR_CLASS_LIMIT:
    case ERR_CLASS_PEER:
        return 503;
    case ERR_CLASS_NONE:
    case ERR_CLASS_DISK:
        break;
    }
    return 500;
}

static void answer_purge(struct admin_client *client)
{
    struct admin *admin = client->admin;
    struct fault fault = {.line = 0};
    struct admin_purge purge;
    char who[ADDRESS_TEXT_SIZE];
    struct admin_purged purged = {.who = who};
    struct arena arena;

    address_text(conn_peer(client->conn), who);
    buf_init(&purged.examples, ADMIN_ANSWER_MAX, NULL);
    arena_init(&arena, (size_t)2 * ADMIN_BODY_MAX);
    enum err err = admin_purge_read(buf_bytes(&client->input), &arena, &purge, &fault);

    if (err == ERR_OK) {
        err = admin->ops.purge(admin->ops.context, &purge, &purged, &fault);
        if (err != ERR_OK && fault.text[0] == '\0')
            (void)fault_say(&fault, err, "%s", err_text(err));
    }
    if (err == ERR_OK) {
        buf_clear(&admin->answer);
        write_purged(&admin->answer, &purge, &purged);
        admin_send_answer(client, 200, "application/json", "");
    } else {
        admin_send_error(client, status_of(err), "", fault.text);
    }
    buf_fini(&purged.examples);
    arena_fini(&arena);
}

static void answer_origins(struct admin_client *client)
{
    answer_written(client, client->admin->ops.origins);
}

static void answer_purges(struct admin_client *client)
{
    answer_written(client, client->admin->ops.purges);
}

static void answer_reopen(struct admin_client *client)
{
    struct admin *admin = client->admin;
    struct fault fault = {.line = 0};
    enum err err = admin->ops.reopen_log(admin->ops.context, &fault);

    if (err == ERR_OK)
        admin_send_json(client, 200, BYTES("{\"reopening\": true}"));
    else
        admin_send_error(client, status_of(err), "", fault.text);
}

static void answer_why(struct admin_client *client)
{
    struct admin *admin = client->admin;
    struct fault fault = {.line = 0};
    bool is_secure = false;
    struct buf head;

    buf_init(&head, (size_t)2 * ADMIN_BODY_MAX, NULL);
    enum err err = admin_why_read(buf_bytes(&client->input), &head, &is_secure, &fault);

    buf_clear(&admin->answer);
    if (err == ERR_OK)
        err =
            admin->ops.why(admin->ops.context, buf_bytes(&head), is_secure, &admin->answer, &fault);
    buf_fini(&head);
    if (err != ERR_OK) {
        admin_send_error(client, status_of(err), "", fault.text);
        return;
    }
    buf_add_text(&admin->answer, "\n");
    admin_send_answer(client, 200, "application/json", "");
}

static void give_order(struct admin_client *client, enum admin_order order)
{
    struct admin *admin = client->admin;

    client->state = CLIENT_ORDERED;
    client->order = order;
    timer_clear(admin->loop, &client->timer);
    conn_pause(client->conn);
    admin->ops.order(admin->ops.context, order);
}

static void answer_reload(struct admin_client *client)
{
    give_order(client, ADMIN_RELOAD);
}

static void answer_upgrade(struct admin_client *client)
{
    give_order(client, ADMIN_UPGRADE);
}

static const struct place places[] = {
    {BYTES_INIT("/metrics"), false, false, answer_metrics},
    {BYTES_INIT("/healthz"), false, false, answer_health},
    {BYTES_INIT("/readyz"), false, false, answer_ready},
    {BYTES_INIT("/v1/stats"), false, true, answer_stats},
    {BYTES_INIT("/v1/routes"), false, true, answer_routes},
    {BYTES_INIT("/v1/purges"), false, true, answer_purges},
    {BYTES_INIT("/v1/origins"), false, true, answer_origins},
    {BYTES_INIT("/v1/purge"), true, true, answer_purge},
    {BYTES_INIT("/v1/why"), true, true, answer_why},
    {BYTES_INIT("/v1/reload"), true, true, answer_reload},
    {BYTES_INIT("/v1/log/reopen"), true, true, answer_reopen},
    {BYTES_INIT("/v1/upgrade"), true, true, answer_upgrade},
};

enum { PLACES = sizeof places / sizeof places[0] };

const struct place *admin_place_find(struct bytes target)
{
    struct bytes path = bytes_cut(&target, '?');

    for (size_t i = 0; i < PLACES; i++) {
        if (bytes_equal(places[i].path, path))
            return &places[i];
    }
    return NULL;
}

void admin_places_list(struct buf *out)
{
    buf_add_text(out, "there is");
    for (size_t i = 0; i < PLACES; i++) {
        if (i > 0)
            buf_add_text(out, i + 1 < PLACES ? "," : " and");
        buf_printf(out, " %.*s", BYTES_ARG(places[i].path));
    }
}
