/* metric.c: the rooms' counters as rows. SPDX-License-Identifier: MIT */
#include "cli/metric.h"

#include "cache/cache.h"
#include "net/tls.h"
#include "server/admin/admin.h"
#include "server/http/gateway.h"
#include "server/resp/door.h"
#include "upstream/fleet.h"

enum { IS_counter = 1, IS_gauge = 0 };

#define METRIC(name, kind, text) {#name, IS_##kind, text, offsetof(struct OWNER, name)},

#define OWNER cache_metrics
static const struct metric cache_rows[] = {
#include "cache/metrics.def"
};
#undef OWNER

#define OWNER gateway_metrics
static const struct metric http_rows[] = {
#include "server/http/metrics.def"
};
#undef OWNER

#define OWNER origin_metrics
static const struct metric origin_rows[] = {
#include "upstream/metrics.def"
};
#undef OWNER

#define OWNER member_metrics
static const struct metric member_rows[] = {
#include "upstream/member_metrics.def"
};
#undef OWNER

#define OWNER resp_metrics
static const struct metric resp_rows[] = {
#include "server/resp/metrics.def"
};
#undef OWNER

#define OWNER admin_metrics
static const struct metric admin_rows[] = {
#include "server/admin/metrics.def"
};
#undef OWNER

#define OWNER tls_metrics
static const struct metric tls_rows[] = {
#include "net/tls.def"
};
#undef OWNER

#undef METRIC

#define ROWS(rows, record) rows, sizeof(rows) / sizeof(rows)[0], sizeof(struct record)

const struct metric_room metric_rooms[METRICS_ROOMS] = {
    [METRICS_CACHE] = {"larder_cache_", NULL, "The engine, for all doors together.",
                       ROWS(cache_rows, cache_metrics)},
    [METRICS_HTTP] = {"larder_http_", NULL, "The HTTP gateway.", ROWS(http_rows, gateway_metrics)},
    [METRICS_ORIGIN] = {"larder_origin_", "origin", "Each origin.",
                        ROWS(origin_rows, origin_metrics)},
    [METRICS_SERVER] = {"larder_server_", "origin, server", "Each server of an origin.",
                        ROWS(member_rows, member_metrics)},
    [METRICS_RESP] = {"larder_resp_", NULL, "The door for Redis clients.",
                      ROWS(resp_rows, resp_metrics)},
    [METRICS_ADMIN] = {"larder_admin_", NULL, "The operator's door.",
                       ROWS(admin_rows, admin_metrics)},
    [METRICS_TLS] = {"larder_tls_", NULL, "TLS with clients.", ROWS(tls_rows, tls_metrics)},
};

void metric_print_name(const struct metric_room *room, const struct metric *metric, struct buf *buf)
{
    buf_printf(buf, "%s%s%s", room->prefix, metric->name, metric->is_counter ? "_total" : "");
}

static const struct counter *counter_of(const struct metric *metric, const void *record)
{
    return (const struct counter *)(const void *)((const char *)record + metric->offset);
}

uint64_t metric_read(const struct metric *metric, const void *record)
{
    return counter_read(counter_of(metric, record));
}

void metric_sum(const struct metric_room *room, const void *record, void *sum)
{
    for (size_t i = 0; i < room->count; i++) {
        const struct metric *metric = &room->rows[i];
        struct counter *total = (struct counter *)(void *)((char *)sum + metric->offset);

        counter_add(total, metric_read(metric, record));
    }
}

const struct series series_rows[SERIES_COUNT] = {
#define SERIES(id, name, kind, labels, text) {name, #kind, labels, text},
#include "cli/series.def"
#undef SERIES
};
