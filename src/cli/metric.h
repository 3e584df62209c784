/* metric.h: the rooms' tables of metrics, gathered: names, kinds and what they count.
 * SPDX-License-Identifier: MIT
 *
 * A room counts in a struct made from its metrics.def. Here each struct becomes a list of rows, so
 * that /metrics, `larder stats` and the manual are made from the same tables as the counters.
 */
#ifndef LARDER_CLI_METRIC_H
#define LARDER_CLI_METRIC_H

#include "base/buf.h"
#include "base/counter.h"

struct metric {
    const char *name;
    bool is_counter; /* else a gauge */
    const char *text;
    size_t offset; /* of the struct counter within the room's struct */
};

enum metric_room_id {
    METRICS_CACHE,
    METRICS_HTTP,
    METRICS_ORIGIN,
    METRICS_SERVER,
    METRICS_RESP,
    METRICS_ADMIN,
    METRICS_TLS,
    METRICS_ROOMS
};

struct metric_room {
    const char *prefix; /* "larder_cache_" */
    const char *label;  /* what its samples are told apart by: "origin"; NULL: nothing */
    const char *text;
    const struct metric *rows;
    size_t count;
    size_t size; /* bytes of the room's struct */
};

extern const struct metric_room metric_rooms[METRICS_ROOMS];

/* The whole name as Prometheus sees it: prefix, name, "_total" for counters. */
void metric_print_name(const struct metric_room *room, const struct metric *metric,
                       struct buf *buf);

/* The n-th counter of a room's struct. */
uint64_t metric_read(const struct metric *metric, const void *record);

/* Adds every counter of `record` to `sum`, which is the caller's alone. */
void metric_sum(const struct metric_room *room, const void *record, void *sum);

/* Metrics that are no plain sum of one counter. */
enum series_id {
#define SERIES(id, name, kind, labels, text) SERIES_##id,
#include "cli/series.def"
#undef SERIES
    SERIES_COUNT
};

struct series {
    const char *name;
    const char *kind; /* "counter", "gauge", "histogram" */
    const char *labels;
    const char *text;
};

extern const struct series series_rows[SERIES_COUNT];

#endif
