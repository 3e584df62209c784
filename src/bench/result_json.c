/* result_json.c: the result for programs. SPDX-License-Identifier: MIT */
#include "bench/result.h"

static void add_text(struct buf *out, const char *key, struct bytes text)
{
    buf_printf(out, "\"%s\":\"", key);
    buf_add_json(out, text);
    buf_add_text(out, "\"");
}

static void add_histogram(struct buf *out, const char *key, const struct histogram *histogram)
{
    static const struct {
        const char *name;
        double share;
    } points[] = {
        {"p50", 0.5},  {"p75", 0.75},   {"p90", 0.9},      {"p95", 0.95},
        {"p99", 0.99}, {"p999", 0.999}, {"p9999", 0.9999},
    };

    buf_printf(out, "\"%s\":{\"count\":%llu,\"min\":%.6f,\"mean\":%.6f", key,
               (unsigned long long)histogram_count(histogram),
               (double)histogram_min(histogram) / 1e6, histogram_mean(histogram) / 1e6);
    for (unsigned i = 0; i < sizeof points / sizeof *points; i++)
        buf_printf(out, ",\"%s\":%.6f", points[i].name,
                   (double)histogram_at(histogram, points[i].share) / 1e6);
    buf_printf(out, ",\"max\":%.6f}", (double)histogram_max(histogram) / 1e6);
}

static const char *source_name(const struct tally *tally)
{
    static const char *const names[SOURCE_COUNT] = {"none", "age", "x-cache", "cache-status"};
    unsigned most = SOURCE_NONE;

    for (unsigned i = SOURCE_NONE + 1; i < SOURCE_COUNT; i++)
        if (tally->sources[i] > 0)
            most = i;
    return names[most];
}

static void add_cache(struct buf *out, const struct plan *plan, const struct tally *tally)
{
    static const char *const names[CACHED_COUNT] = {"untold", "hit", "stale", "collapsed", "miss"};
    double ratio = tally_hit_ratio(tally);

    buf_printf(out, "\"cache\":{\"source\":\"%s\"",
               plan->protocol != PLAN_HTTP ? "reply" : source_name(tally));
    for (unsigned i = 0; i < CACHED_COUNT; i++)
        buf_printf(out, ",\"%s\":%llu", names[i], (unsigned long long)tally->cached[i]);
    if (ratio < 0)
        buf_add_text(out, ",\"hit_ratio\":null}");
    else
        buf_printf(out, ",\"hit_ratio\":%.6f}", ratio);
}

static void add_tally(struct buf *out, const struct result *result, const struct tally *tally)
{
    bool first = true;

    buf_printf(out,
               "\"requests\":%llu,\"errors\":%llu,\"requests_per_s\":%.3f,\"body_bytes\":%llu,",
               (unsigned long long)tally->good, (unsigned long long)tally_failed(tally),
               result->seconds > 0 ? (double)tally->arrived / result->seconds : 0,
               (unsigned long long)tally->body_bytes);
    add_histogram(out, "latency_ms", tally->latency);
    buf_add_text(out, ",");
    add_cache(out, result->plan, tally);
    buf_add_text(out, ",\"statuses\":{");
    for (unsigned i = 0; i < TALLY_STATUS_MAX; i++)
        if (tally->status[i] > 0) {
            buf_printf(out, "%s\"%u\":%llu", first ? "" : ",", i,
                       (unsigned long long)tally->status[i]);
            first = false;
        }
    buf_add_text(out, "},\"errors_by_kind\":{");
    for (unsigned i = 0; i < FAILURE_COUNT; i++)
        buf_printf(out, "%s\"%s\":%llu", i == 0 ? "" : ",", failure_key(i),
                   (unsigned long long)tally->failures[i]);
    buf_add_text(out, "}");
}

static void add_plan(struct buf *out, const struct plan *plan)
{
    static const char *const protocols[] = {
        [PLAN_HTTP] = "http", [PLAN_RESP] = "resp", [PLAN_MEMCACHED] = "memcached"};

    buf_printf(out, "\"protocol\":\"%s\",", protocols[plan->protocol]);
    add_text(out, "server", plan->authority);
    buf_printf(out, ",\"loop\":\"%s\",", plan->rate > 0 ? "open" : "closed");
    if (plan->rate > 0)
        buf_printf(out, "\"rate\":%.3f,\"arrivals\":\"%s\",", plan->rate,
                   plan->poisson ? "poisson" : "constant");
    buf_printf(out, "\"connections\":%llu,\"threads\":%llu,\"pipeline\":%llu,",
               (unsigned long long)plan->connections, (unsigned long long)plan->threads,
               (unsigned long long)plan->pipeline);
    buf_printf(out, "\"keys\":%llu,\"zipf\":%g,\"seed\":%llu,\"warmup_s\":%.3f,",
               (unsigned long long)plan->keys, plan->exponent, (unsigned long long)plan->seed,
               (double)plan->warmup_ns / 1e9);
}

static void add_notes(struct buf *out, const struct result *result, const char *key, unsigned from,
                      unsigned to)
{
    buf_printf(out, "\"%s\":[", key);
    for (unsigned i = from; i < to; i++) {
        buf_add_text(out, i == from ? "\"" : ",\"");
        buf_add_json(out, bytes_of_text(result->notes[i]));
        buf_add_text(out, "\"");
    }
    buf_add_text(out, "],");
}

void result_json(const struct result *result, struct buf *out)
{
    const struct plan *plan = result->plan;

    buf_printf(out, "{\"valid\":%s,", result->valid ? "true" : "false");
    add_notes(out, result, "why_invalid", 0, result->invalid_count);
    add_notes(out, result, "notes", result->invalid_count, result->note_count);
    add_plan(out, plan);
    buf_printf(out, "\"duration_s\":%.6f,", result->seconds);
    add_tally(out, result, result->all);
    buf_printf(out, ",\"bytes_in\":%llu,\"bytes_out\":%llu,", (unsigned long long)result->bytes_in,
               (unsigned long long)result->bytes_out);
    if (plan->rate > 0) {
        add_histogram(out, "start_lag_ms", result->lag);
        buf_add_text(out, ",");
        add_histogram(out, "connection_wait_ms", result->wait);
        buf_add_text(out, ",");
    }
    buf_printf(out,
               "\"client\":{\"cpu_busiest\":%.4f,\"cpu\":%.4f,\"waited_for_core\":%.4f,"
               "\"cores\":%u},\"routes\":[",
               result->cpu_busiest, result->cpu, result->queued, result->cores);
    for (unsigned i = 0; i < plan->route_count; i++) {
        buf_add_text(out, i == 0 ? "{" : ",{");
        add_text(out, "route", plan->routes[i].name);
        buf_printf(out, ",\"weight\":%llu,", (unsigned long long)plan->routes[i].weight);
        add_tally(out, result, result->routes[i]);
        buf_add_text(out, "}");
    }
    buf_add_text(out, "]}\n");
}
