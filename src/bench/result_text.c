/* result_text.c: the result for people. SPDX-License-Identifier: MIT */
#include "bench/result.h"

#include <stdio.h>

enum { CELL_SIZE = 32, NAME_WIDTH = 34, MIB = 1 << 20 };

/* Three digits that count, and a unit. */
static void put_time(double ns, char cell[CELL_SIZE])
{
    static const struct {
        double ns;
        const char *unit;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    unsigned i = 0;

    while (i < 3 && ns < units[i].ns)
        i++;
    double value = ns / units[i].ns;

    (void)snprintf(cell, CELL_SIZE, "%.*f %s",
                   value < 10    ? 2
                   : value < 100 ? 1
                                 : 0,
                   value, units[i].unit);
}

static void add_time(struct buf *out, const struct histogram *histogram, double share)
{
    char cell[CELL_SIZE];

    if (histogram_count(histogram) == 0)
        (void)snprintf(cell, sizeof cell, "-");
    else
        put_time((double)histogram_at(histogram, share), cell);
    buf_printf(out, "%10s", cell);
}

static void add_share(struct buf *out, double share)
{
    if (share < 0)
        buf_printf(out, "%9s", "-");
    else
        buf_printf(out, "%7.2f %%", 100 * share);
}

static void add_row(struct buf *out, const struct result *result, struct bytes name,
                    const struct tally *tally)
{
    char cell[NAME_WIDTH + 1];

    if (name.size > NAME_WIDTH)
        (void)snprintf(cell, sizeof cell, "%.*s...", NAME_WIDTH - 3, (const char *)name.data);
    else
        (void)snprintf(cell, sizeof cell, "%.*s", BYTES_ARG(name));
    buf_printf(out, "%-*s%12.1f", NAME_WIDTH, cell,
               result->seconds > 0 ? (double)tally->arrived / result->seconds : 0);
    add_time(out, tally->latency, 0.5);
    add_time(out, tally->latency, 0.9);
    add_time(out, tally->latency, 0.99);
    add_time(out, tally->latency, 0.999);
    add_time(out, tally->latency, 1);
    add_share(out, tally_hit_ratio(tally));
    buf_printf(out, "%9llu\n", (unsigned long long)tally_failed(tally));
}

static void add_head(struct buf *out, const struct result *result)
{
    const struct plan *plan = result->plan;

    buf_printf(out, "%.*s: %llu connection%s", BYTES_ARG(plan->authority),
               (unsigned long long)plan->connections, plan->connections == 1 ? "" : "s");
    if (plan->pipeline > 1)
        buf_printf(out, ", pipeline %llu", (unsigned long long)plan->pipeline);
    if (plan->rate > 0)
        buf_printf(out, ", open loop at %g a second (%s)", plan->rate,
                   plan->poisson ? "poisson" : "constant");
    else
        buf_add_text(out, ", closed loop");
    buf_printf(out, ", %.1f s after %.1f s of warm-up\n\n", result->seconds,
               (double)plan->warmup_ns / 1e9);
}

static void add_cache(struct buf *out, const struct result *result)
{
    static const char *const sources[SOURCE_COUNT] = {"", "Age (a guess)", "X-Cache",
                                                      "Cache-Status"};
    const struct tally *all = result->all;
    unsigned source = SOURCE_COUNT;

    if (tally_hit_ratio(all) < 0)
        return;
    while (--source > SOURCE_NONE && all->sources[source] == 0)
        ;
    if (result->plan->protocol != PLAN_HTTP) {
        buf_printf(out, "cache      %llu hits, %llu misses\n",
                   (unsigned long long)all->cached[CACHED_HIT],
                   (unsigned long long)all->cached[CACHED_MISS]);
        return;
    }
    buf_printf(out, "cache      %llu hits, %llu stale, %llu collapsed, %llu misses",
               (unsigned long long)all->cached[CACHED_HIT],
               (unsigned long long)all->cached[CACHED_STALE],
               (unsigned long long)all->cached[CACHED_SHARED],
               (unsigned long long)all->cached[CACHED_MISS]);
    if (all->cached[CACHED_UNTOLD] > 0)
        buf_printf(out, ", %llu did not say", (unsigned long long)all->cached[CACHED_UNTOLD]);
    buf_printf(out, " (from %s)\n", sources[source]);
}

static void add_answers(struct buf *out, const struct result *result)
{
    const struct tally *all = result->all;

    buf_printf(out, "answers    %llu as expected", (unsigned long long)all->good);
    for (unsigned i = 0; i < TALLY_STATUS_MAX; i++)
        if (all->status[i] > 0)
            buf_printf(out, "; %llu x %u", (unsigned long long)all->status[i], i);
    buf_printf(out, "\nbytes      %.1f MiB in, %.1f MiB out", (double)result->bytes_in / MIB,
               (double)result->bytes_out / MIB);
    if (result->seconds > 0)
        buf_printf(out, "; %.1f MiB/s in", (double)result->bytes_in / result->seconds / MIB);
    buf_add_text(out, "\n");
    for (unsigned i = 0; i < FAILURE_COUNT; i++)
        if (all->failures[i] > 0)
            buf_printf(out, "wrong      %llu: %s\n", (unsigned long long)all->failures[i],
                       failure_text(i));
}

static void add_client(struct buf *out, const struct result *result)
{
    char lag[CELL_SIZE], wait[CELL_SIZE];

    buf_printf(out, "client     %.0f %% of a core", 100 * result->cpu_busiest);
    if (result->plan->threads > 1)
        buf_printf(out, " in its busiest thread, %.2f cores in all", result->cpu);
    if (result->plan->rate > 0) {
        put_time((double)histogram_at(result->lag, 0.99), lag);
        put_time((double)histogram_at(result->wait, 0.99), wait);
        buf_printf(out, "; starts late by p99 %s, with waiting for a connection %s", lag, wait);
    }
    buf_add_text(out, "\n");
}

void result_text(const struct result *result, struct buf *out)
{
    const struct plan *plan = result->plan;

    add_head(out, result);
    buf_printf(out, "%-*s%12s%10s%10s%10s%10s%10s%9s%9s\n", NAME_WIDTH, "", "requests/s", "p50",
               "p90", "p99", "p99.9", "max", "hit", "errors");
    for (unsigned i = 0; i < plan->route_count; i++)
        add_row(out, result, plan->routes[i].name, result->routes[i]);
    if (plan->route_count > 1)
        add_row(out, result, BYTES("all"), result->all);
    buf_add_text(out, "\n");
    add_answers(out, result);
    add_cache(out, result);
    add_client(out, result);
    for (unsigned i = 0; i < result->note_count; i++)
        buf_printf(out, "%s %s\n",
                   i < result->invalid_count ? "\nINVALID:" : "\nnote:", result->notes[i]);
}
