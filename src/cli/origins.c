/* origins.c: servers, breakers and queues, told. SPDX-License-Identifier: MIT */
#include "cli/origins.h"

#include "cli/metric.h"
#include "server/admin/exposition.h"

static size_t origins_count(const struct server *server)
{
    return server->fleets == NULL ? 0 : server->config->origins.count;
}

/* ---- metrics ------------------------------------------------------------------------------ */

/* One family's walk over all servers. */
struct walk {
    struct buf *out;
    const char *family;
    const char *origin;
    const struct metric *metric; /* NULL: a series */
    enum series_id id;
    const struct server *server;
};

static double series_of(const struct walk *walk, const struct member *member)
{
    int64_t now_ms = loop_now_ms(walk->server->workers[0].loop);

    if (walk->id == SERIES_server_up)
        return member_state(member, now_ms) == MEMBER_UP;
    return ewma_read(&member->ewma, now_ms) / 1000;
}

static void expose_member(void *context, const struct member *member)
{
    const struct walk *walk = context;
    const struct exposition_label labels[2] = {{"origin", bytes_of_text(walk->origin)},
                                               {"server", bytes_of_text(member->text)}};

    if (walk->metric != NULL)
        exposition_count(walk->out, walk->family, "", labels,
                         metric_read(walk->metric, &member->metrics));
    else
        exposition_number(walk->out, walk->family, "", labels, series_of(walk, member));
}

static void expose_members(struct walk *walk)
{
    for (size_t i = 0; i < origins_count(walk->server); i++) {
        walk->origin = config_origin(walk->server->config, i)->name;
        fleet_tell(walk->server->fleets[i], expose_member, walk);
    }
}

static void expose_metric(struct walk *walk, const struct metric *metric)
{
    struct buf name;

    buf_init(&name, 256, NULL);
    metric_print_name(&metric_rooms[METRICS_SERVER], metric, &name);
    buf_add_byte(&name, '\0');
    walk->family = (const char *)name.data;
    walk->metric = metric;
    exposition_begin(walk->out, walk->family, metric->is_counter ? "counter" : "gauge",
                     metric->text);
    expose_members(walk);
    buf_fini(&name);
}

static void expose_series(struct walk *walk, enum series_id id)
{
    walk->family = series_rows[id].name;
    walk->metric = NULL;
    walk->id = id;
    exposition_begin(walk->out, walk->family, series_rows[id].kind, series_rows[id].text);
    expose_members(walk);
}

static double number_of(enum series_id id, const struct fleet *fleet)
{
    static const double states[] = {
        [BREAKER_CLOSED] = 0, [BREAKER_HALF_OPEN] = 1, [BREAKER_OPEN] = 2};

    if (id == SERIES_origin_breaker)
        return states[fleet_breaker(fleet)];
    struct fleet_lookups lookups = fleet_lookups(fleet);

    return (double)(id == SERIES_lookups ? lookups.all : lookups.failed);
}

static void expose_fleets(const struct server *server, enum series_id id, struct buf *out)
{
    const struct series *series = &series_rows[id];

    exposition_begin(out, series->name, series->kind, series->text);
    for (size_t i = 0; i < origins_count(server); i++) {
        const struct exposition_label labels[2] = {
            {"origin", bytes_of_text(config_origin(server->config, i)->name)}};

        exposition_number(out, series->name, "", labels, number_of(id, server->fleets[i]));
    }
}

void origins_expose(const struct server *server, struct buf *out)
{
    const struct metric_room *room = &metric_rooms[METRICS_SERVER];
    struct walk walk = {.out = out, .server = server};

    expose_fleets(server, SERIES_origin_breaker, out);
    expose_fleets(server, SERIES_lookups, out);
    expose_fleets(server, SERIES_lookup_failures, out);
    for (size_t i = 0; i < room->count; i++)
        expose_metric(&walk, &room->rows[i]);
    expose_series(&walk, SERIES_server_up);
    expose_series(&walk, SERIES_server_seconds);
}

/* ---- JSON --------------------------------------------------------------------------------- */

static void write_counts(const struct server *server, size_t origin, struct buf *out)
{
    const struct metric_room *room = &metric_rooms[METRICS_ORIGIN];
    struct origin_metrics sum = {.requests = {0}};

    for (unsigned i = 0; i < server->workers_count; i++)
        metric_sum(room, origin_metrics(server->workers[i].origins[origin]), &sum);
    for (size_t i = 0; i < room->count; i++)
        buf_printf(out, "\"%s\": %llu, ", room->rows[i].name,
                   (unsigned long long)metric_read(&room->rows[i], &sum));
}

void origins_json(const struct server *server, struct buf *out)
{
    int64_t now_ms = loop_now_ms(server->workers[0].loop);

    buf_add_text(out, "{\"origins\": [");
    for (size_t i = 0; i < origins_count(server); i++) {
        buf_printf(out, "%s{\"name\": \"%s\", \"up\": %s, ", i == 0 ? "" : ", ",
                   config_origin(server->config, i)->name,
                   fleet_is_up(server->fleets[i]) ? "true" : "false");
        write_counts(server, i, out);
        fleet_write_json(server->fleets[i], now_ms, out);
        buf_add_text(out, "}");
    }
    buf_add_text(out, "]}");
}
