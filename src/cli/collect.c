/* collect.c: sums over workers, and their two shapes. SPDX-License-Identifier: MIT */
#include "cli/collect.h"

#include "base/mem.h"
#include "base/must.h"
#include "cli/metric.h"
#include "cli/origins.h"
#include "cli/reload.h"
#include "cli/routes.h"
#include "cli/version.h"
#include "net/clock.h"
#include "net/tls.h"
#include "server/admin/exposition.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- sums ------------------------------------------------------------------------------------ */

/* Everything at one moment. */
struct numbers {
    struct cache_metrics cache;
    struct gateway_metrics http;
    struct resp_metrics resp;
    struct origin_metrics *origins; /* one an origin of the configuration */
    bool *is_up;
    size_t origins_count;
    bool has_http, has_resp;
};

static void sum_counters(struct counter *sums, const struct counter *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        counter_add(&sums[i], counter_read(&parts[i]));
}

static void sum_latency(struct gateway_latency *sum, const struct gateway_latency *part)
{
    sum_counters(sum->buckets, part->buckets, GATEWAY_BUCKETS + 1);
    sum_counters(&sum->sum_us, &part->sum_us, 1);
    sum_counters(&sum->count, &part->count, 1);
}

static void sum_worker(struct numbers *numbers, const struct server_worker *worker)
{
    if (worker->gateway == NULL)
        return;
    const struct gateway_metrics *http = gateway_metrics(worker->gateway);

    numbers->has_http = true;
    metric_sum(&metric_rooms[METRICS_HTTP], http, &numbers->http);
    sum_counters(numbers->http.reasons, http->reasons, REASONS_COUNT);
    sum_latency(&numbers->http.latency_hit, &http->latency_hit);
    sum_latency(&numbers->http.latency_origin, &http->latency_origin);
    for (size_t i = 0; i < numbers->origins_count; i++) {
        const struct origin *origin = worker->origins[i];

        metric_sum(&metric_rooms[METRICS_ORIGIN], origin_metrics(origin), &numbers->origins[i]);
    }
}

static struct numbers *numbers_new(const struct server *server)
{
    struct numbers *numbers = mem_new(1, sizeof *numbers);

    numbers->origins_count = server->config->origins.count;
    numbers->origins = mem_new(numbers->origins_count + 1, sizeof *numbers->origins);
    numbers->is_up = mem_new(numbers->origins_count + 1, sizeof *numbers->is_up);
    for (size_t i = 0; i < numbers->origins_count; i++)
        numbers->is_up[i] = server->fleets == NULL || fleet_is_up(server->fleets[i]);
    cache_read_metrics(server->cache, &numbers->cache);
    for (unsigned i = 0; i < server->workers_count; i++)
        sum_worker(numbers, &server->workers[i]);
    counter_add(&numbers->http.log_lines_lost, logwriter_lost(server->access_log));
    numbers->has_resp = server->resp != NULL;
    if (server->resp != NULL)
        resp_read_metrics(server->resp, &numbers->resp);
    return numbers;
}

static void numbers_free(struct numbers **owner)
{
    mem_free(&(*owner)->origins);
    mem_free(&(*owner)->is_up);
    mem_free(owner);
}

/* ---- the process ----------------------------------------------------------------------------- */

static double cpu_seconds(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static uint64_t open_files(void)
{
    struct stat info;
    uint64_t count = 0;

    /* Since Linux 6.2 the folder's size is the number; before that it is 0 and they are counted. */
    if (stat("/proc/self/fd", &info) == 0 && info.st_size > 0)
        return (uint64_t)info.st_size;
    DIR *folder = opendir("/proc/self/fd");

    if (folder == NULL)
        return 0;
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count > 3 ? count - 3 : 0; /* ".", ".." and the folder's own */
}

/* ---- Prometheus ------------------------------------------------------------------------------ */

static void begin(struct buf *out, enum series_id id)
{
    exposition_begin(out, series_rows[id].name, series_rows[id].kind, series_rows[id].text);
}

static void expose_one(struct buf *out, enum series_id id, double value)
{
    begin(out, id);
    exposition_number(out, series_rows[id].name, "", NULL, value);
}

static void expose_process(const struct server *server, struct buf *out)
{
    const struct exposition_label version[2] = {{"version", BYTES_INIT(LARDER_VERSION)}};
    uint64_t virtual_bytes = 0, resident_bytes = 0;
    struct rlimit limit = {0};

    resident_read(&virtual_bytes, &resident_bytes);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    begin(out, SERIES_build);
    exposition_count(out, series_rows[SERIES_build].name, "", version, 1);
    expose_one(out, SERIES_start, (double)server->started_ms / 1000);
    expose_one(out, SERIES_cpu, cpu_seconds());
    expose_one(out, SERIES_resident, (double)resident_bytes);
    expose_one(out, SERIES_unaccounted, (double)account_used(resident_account(server->resident)));
    expose_one(out, SERIES_virtual_size, (double)virtual_bytes);
    expose_one(out, SERIES_files, (double)open_files());
    expose_one(out, SERIES_files_max, (double)limit.rlim_cur);
    expose_one(out, SERIES_workers, server->workers_count);
}

static void expose_config(const struct server *server, struct buf *out)
{
    const struct reload_counts *counts = reload_counts(server->reload);
    char hash[17];

    (void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)atomic_load(&counts->hash));
    const struct exposition_label labels[2] = {{"hash", bytes_of_text(hash)}};

    expose_one(out, SERIES_reloads, (double)atomic_load(&counts->done));
    expose_one(out, SERIES_reloads_failed, (double)atomic_load(&counts->failed));
    expose_one(out, SERIES_reload_time, (double)atomic_load(&counts->success_ms) / 1000);
    expose_one(out, SERIES_editions, atomic_load(&counts->editions));
    begin(out, SERIES_config);
    exposition_count(out, series_rows[SERIES_config].name, "", labels, 1);
}

static void expose_room(struct buf *out, enum metric_room_id id, const void *record)
{
    const struct metric_room *room = &metric_rooms[id];

    for (size_t i = 0; i < room->count; i++) {
        const struct metric *metric = &room->rows[i];
        struct buf name;

        buf_init(&name, 256, NULL);
        metric_print_name(room, metric, &name);
        buf_add_byte(&name, '\0');
        const char *text = (const char *)name.data;

        exposition_begin(out, text, metric->is_counter ? "counter" : "gauge", metric->text);
        exposition_count(out, text, "", NULL, metric_read(metric, record));
        buf_fini(&name);
    }
}

static void expose_origin_metric(const struct server *server, const struct numbers *numbers,
                                 const struct metric *metric, struct buf *out)
{
    const struct metric_room *room = &metric_rooms[METRICS_ORIGIN];
    struct buf name;

    buf_init(&name, 256, NULL);
    metric_print_name(room, metric, &name);
    buf_add_byte(&name, '\0');
    const char *text = (const char *)name.data;

    exposition_begin(out, text, metric->is_counter ? "counter" : "gauge", metric->text);
    for (size_t i = 0; i < numbers->origins_count; i++) {
        const struct exposition_label labels[2] = {
            {"origin", bytes_of_text(config_origin(server->config, i)->name)}};

        exposition_count(out, text, "", labels, metric_read(metric, &numbers->origins[i]));
    }
    buf_fini(&name);
}

static void expose_origins(const struct server *server, const struct numbers *numbers,
                           struct buf *out)
{
    const struct metric_room *room = &metric_rooms[METRICS_ORIGIN];

    for (size_t i = 0; i < room->count; i++)
        expose_origin_metric(server, numbers, &room->rows[i], out);
    begin(out, SERIES_origin_up);
    for (size_t i = 0; i < numbers->origins_count; i++) {
        const struct exposition_label labels[2] = {
            {"origin", bytes_of_text(config_origin(server->config, i)->name)}};

        exposition_count(out, series_rows[SERIES_origin_up].name, "", labels, numbers->is_up[i]);
    }
    origins_expose(server, out);
}

static void expose_latency(struct buf *out, const char *source,
                           const struct gateway_latency *latency)
{
    const char *name = series_rows[SERIES_request_seconds].name;
    struct exposition_label labels[2] = {{"source", bytes_of_text(source)}, {"le", {NULL, 0}}};
    uint64_t sum = 0;
    char bound[32];

    for (size_t i = 0; i <= GATEWAY_BUCKETS; i++) {
        sum += counter_read(&latency->buckets[i]);
        if (i < GATEWAY_BUCKETS)
            (void)snprintf(bound, sizeof bound, "%g", (double)gateway_bucket_us[i] / 1e6);
        else
            (void)snprintf(bound, sizeof bound, "+Inf");
        labels[1].value = bytes_of_text(bound);
        exposition_count(out, name, "_bucket", labels, sum);
    }
    labels[1].name = NULL;
    exposition_number(out, name, "_sum", labels, (double)counter_read(&latency->sum_us) / 1e6);
    exposition_count(out, name, "_count", labels, sum);
}

/* The doors that count at their listeners; the RESP door has a counter of its own. */
static void expose_refused(const struct server *server, const struct numbers *numbers,
                           struct buf *out)
{
    const char *name = series_rows[SERIES_connections_refused].name;
    struct exposition_label door[2] = {{"door", BYTES_INIT("http")}};

    begin(out, SERIES_connections_refused);
    if (numbers->has_http)
        exposition_count(out, name, "", door, counter_read(&server->http_limit.refused));
    door[0].value = BYTES("admin");
    if (server->admin != NULL)
        exposition_count(out, name, "", door, admin_refused(server->admin));
}

static void expose_http(const struct server *server, const struct numbers *numbers, struct buf *out)
{
    expose_room(out, METRICS_HTTP, &numbers->http);
    begin(out, SERIES_answers);
    for (unsigned i = 0; i < REASONS_COUNT; i++) {
        const struct exposition_label labels[2] = {
            {"reason", bytes_of_text(gateway_reason_text((enum gateway_reason)i))}};

        if (labels[0].value.size > 0)
            exposition_count(out, series_rows[SERIES_answers].name, "", labels,
                             counter_read(&numbers->http.reasons[i]));
    }
    begin(out, SERIES_request_seconds);
    expose_latency(out, "cache", &numbers->http.latency_hit);
    expose_latency(out, "origin", &numbers->http.latency_origin);
    routes_expose(server->tallies, out);
    expose_origins(server, numbers, out);
}

/* One family of the commands' three; each needs a walk of its own. */
struct command_walk {
    struct buf *out;
    enum series_id id;
};

static void expose_command(void *context, const char *name, uint64_t calls, uint64_t usec,
                           uint64_t failed)
{
    const struct command_walk *walk = context;
    const char *family = series_rows[walk->id].name;
    const struct exposition_label labels[2] = {{"command", bytes_of_text(name)}};

    if (walk->id == SERIES_command_seconds)
        exposition_number(walk->out, family, "", labels, (double)usec / 1e6);
    else
        exposition_count(walk->out, family, "", labels,
                         walk->id == SERIES_command_calls ? calls : failed);
}

static void expose_resp(const struct server *server, const struct numbers *numbers, struct buf *out)
{
    static const enum series_id families[] = {SERIES_command_calls, SERIES_command_failed,
                                              SERIES_command_seconds};

    expose_room(out, METRICS_RESP, &numbers->resp);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        struct command_walk walk = {out, families[i]};

        begin(out, families[i]);
        resp_read_commands(server->resp, expose_command, &walk);
    }
}

static void expose_whatif(const struct server *server, struct buf *out)
{
    struct cache_whatif rows[CACHE_WHATIFS];
    bool known = cache_whatif(server->cache, rows);

    begin(out, SERIES_whatif);
    for (size_t i = 0; known && i < CACHE_WHATIFS; i++) {
        const struct exposition_label labels[2] = {{"memory", bytes_of_text(rows[i].memory)}};

        exposition_number(out, series_rows[SERIES_whatif].name, "", labels, rows[i].hit_ratio);
    }
}

void collect_exposition(const struct server *server, struct buf *out)
{
    struct numbers *numbers = numbers_new(server);

    expose_process(server, out);
    expose_config(server, out);
    expose_room(out, METRICS_CACHE, &numbers->cache);
    expose_whatif(server, out);
    if (numbers->has_http)
        expose_http(server, numbers, out);
    if (numbers->has_resp)
        expose_resp(server, numbers, out);
    expose_refused(server, numbers, out);
    if (server->tls != NULL) {
        expose_room(out, METRICS_TLS, tls_metrics(server->tls));
        expose_one(out, SERIES_certificate_expiry, (double)tls_first_expiry_s(server->tls));
    } else {
        static const struct tls_metrics none;

        expose_room(out, METRICS_TLS, &none);
        begin(out, SERIES_certificate_expiry);
    }
    if (server->admin != NULL)
        expose_room(out, METRICS_ADMIN, admin_metrics(server->admin));
    numbers_free(&numbers);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* The members of one room, without braces. */
static void write_room(struct buf *out, enum metric_room_id id, const void *record)
{
    const struct metric_room *room = &metric_rooms[id];

    for (size_t i = 0; i < room->count; i++)
        buf_printf(out, "%s\"%s\": %llu", i == 0 ? "" : ", ", room->rows[i].name,
                   (unsigned long long)metric_read(&room->rows[i], record));
}

static void write_whatif(const struct server *server, struct buf *out)
{
    struct cache_whatif rows[CACHE_WHATIFS];
    bool known = cache_whatif(server->cache, rows);

    buf_add_text(out, ", \"whatif_hit_ratio\": {");
    for (size_t i = 0; known && i < CACHE_WHATIFS; i++)
        buf_printf(out, "%s\"%s\": %.4f", i == 0 ? "" : ", ", rows[i].memory, rows[i].hit_ratio);
    buf_add_text(out, "}");
}

static void write_http(const struct numbers *numbers, struct buf *out)
{
    const char *before = "";

    buf_add_text(out, ", \"http\": {");
    write_room(out, METRICS_HTTP, &numbers->http);
    buf_add_text(out, ", \"reasons\": {");
    for (unsigned i = 0; i < REASONS_COUNT; i++) {
        const char *text = gateway_reason_text((enum gateway_reason)i);
        uint64_t count = counter_read(&numbers->http.reasons[i]);

        if (text[0] == '\0' || count == 0)
            continue;
        buf_printf(out, "%s\"%s\": %llu", before, text, (unsigned long long)count);
        before = ", ";
    }
    buf_add_text(out, "}}");
}

static void write_origins(const struct server *server, const struct numbers *numbers,
                          struct buf *out)
{
    buf_add_text(out, ", \"origins\": {");
    for (size_t i = 0; i < numbers->origins_count; i++) {
        buf_printf(out, "%s\"%s\": {\"up\": %s, ", i == 0 ? "" : ", ",
                   config_origin(server->config, i)->name, numbers->is_up[i] ? "true" : "false");
        write_room(out, METRICS_ORIGIN, &numbers->origins[i]);
        buf_add_text(out, "}");
    }
    buf_add_text(out, "}");
}

struct command_list {
    struct buf *out;
    const char *before;
};

static void write_command(void *context, const char *name, uint64_t calls, uint64_t usec,
                          uint64_t failed)
{
    struct command_list *list = context;

    buf_printf(list->out, "%s\"%s\": {\"calls\": %llu, \"usec\": %llu, \"failed\": %llu}",
               list->before, name, (unsigned long long)calls, (unsigned long long)usec,
               (unsigned long long)failed);
    list->before = ", ";
}

static void write_resp(const struct server *server, const struct numbers *numbers, struct buf *out)
{
    struct command_list list = {out, ""};

    buf_add_text(out, ", \"resp\": {");
    write_room(out, METRICS_RESP, &numbers->resp);
    buf_add_text(out, ", \"by_command\": {");
    resp_read_commands(server->resp, write_command, &list);
    buf_add_text(out, "}}");
}

void collect_json(const struct server *server, struct buf *out)
{
    struct numbers *numbers = numbers_new(server);
    uint64_t virtual_bytes = 0, resident_bytes = 0;

    resident_read(&virtual_bytes, &resident_bytes);
    buf_printf(out,
               "{\"version\": \"%s\", \"uptime_s\": %lld, \"workers\": %u, "
               "\"resident_bytes\": %llu, \"unaccounted_bytes\": %zu, \"cpu_seconds\": %.2f, "
               "\"cache\": {",
               LARDER_VERSION, (long long)((clock_wall_ms() - server->started_ms) / 1000),
               server->workers_count, (unsigned long long)resident_bytes,
               account_used(resident_account(server->resident)), cpu_seconds());
    write_room(out, METRICS_CACHE, &numbers->cache);
    write_whatif(server, out);
    buf_add_text(out, "}");
    if (numbers->has_http) {
        write_http(numbers, out);
        write_origins(server, numbers, out);
    }
    if (numbers->has_resp)
        write_resp(server, numbers, out);
    buf_add_text(out, ", \"admin\": {");
    write_room(out, METRICS_ADMIN, admin_metrics(server->admin));
    buf_add_text(out, "}}");
    numbers_free(&numbers);
}
