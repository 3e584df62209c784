/* info.c: INFO, and the figures behind it. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/must.h"
#include "cache/policy.h"
#include "net/clock.h"
#include "server/resp/call.h"
#include "server/resp/door.h"
#include "server/resp/handlers.h"
#include "server/resp/parameter.h"
#include "server/resp/pubsub.h"
#include "server/resp/stats.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { INFO_MAX = 1 << 20 /* bytes */ };

/* Counts at the last CONFIG RESETSTAT, which INFO subtracts. */
struct stats {
    struct resp_metrics metrics;
    struct cache_metrics cache;
    struct verb_sum verbs[VERB_MAX];
    uint64_t errors[ERROR_KINDS];
};

struct stats *stats_new(void)
{
    return mem_new(1, sizeof(struct stats));
}

void stats_free(struct stats **owner)
{
    mem_free(owner);
}

void resp_begin_stats(struct resp *resp)
{
    struct stats *stats = resp->stats;

    resp_read_metrics(resp, &stats->metrics);
    cache_read_metrics(resp->cache, &stats->cache);
    for (size_t i = 0; i < verbs_count(resp->verbs); i++)
        stats->verbs[i] = resp_sum_verb(resp, i);
    for (size_t i = 0; i < ERROR_KINDS; i++)
        stats->errors[i] = resp_sum_errors(resp, i);
}

/* ---- figures of the process -------------------------------------------------------------------
 */

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    char line[128];
    uint64_t pages = 0;

    if (file == NULL)
        return 0;
    if (fgets(line, sizeof line, file) != NULL) {
        struct bytes rest = bytes_of_text(line);

        (void)bytes_cut(&rest, ' ');
        if (number_u64(bytes_cut(&rest, ' '), &pages) != ERR_OK)
            pages = 0;
    }
    (void)fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void human(uint64_t bytes, char text[NUMBER_TEXT_SIZE])
{
    static const char units[] = "BKMGT";
    double number = (double)bytes;
    size_t unit = 0;

    while (number >= 1024 && unit < 4) {
        number /= 1024;
        unit++;
    }
    (void)snprintf(text, NUMBER_TEXT_SIZE, unit == 0 ? "%.0f%c" : "%.2f%c", number, units[unit]);
}

/* ---- sections ---------------------------------------------------------------------------------
 */

struct info {
    struct call *call;
    struct resp *resp;
    struct buf *out;
    struct resp_metrics now;
    struct cache_metrics cache;
};

static void line_u64(struct info *info, const char *name, uint64_t number)
{
    buf_printf(info->out, "%s:%llu\r\n", name, (unsigned long long)number);
}

static void line_text(struct info *info, const char *name, const char *text)
{
    buf_printf(info->out, "%s:%s\r\n", name, text);
}

static void line_bytes(struct info *info, const char *name, uint64_t bytes)
{
    char text[NUMBER_TEXT_SIZE];

    human(bytes, text);
    line_u64(info, name, bytes);
    buf_printf(info->out, "%s_human:%s\r\n", name, text);
}

static void add_server(struct info *info)
{
    struct resp *resp = info->resp;
    int64_t up = (info->call->now_ms - resp->born_ms) / 1000;
    struct utsname name;

    line_text(info, "redis_version", RESP_REDIS_VERSION);
    line_text(info, "larder_version", resp->version);
    line_text(info, "redis_git_sha1", "00000000");
    line_text(info, "redis_git_dirty", "0");
    line_text(info, "redis_build_id", resp->version);
    line_text(info, "redis_mode", "standalone");
    if (uname(&name) == 0)
        buf_printf(info->out, "os:%s %s %s\r\n", name.sysname, name.release, name.machine);
    line_u64(info, "arch_bits", sizeof(void *) * 8);
    line_text(info, "monotonic_clock", "CLOCK_BOOTTIME");
    line_text(info, "multiplexing_api", "epoll");
    line_text(info, "gcc_version", __VERSION__);
    line_u64(info, "process_id", (uint64_t)getpid());
    line_text(info, "process_supervised", "no");
    line_text(info, "run_id", resp->run_id);
    line_u64(info, "tcp_port", address_port(&resp->address));
    line_u64(info, "server_time_usec", (uint64_t)resp_wall_ms(resp, info->call->now_ms) * 1000);
    line_u64(info, "uptime_in_seconds", (uint64_t)up);
    line_u64(info, "uptime_in_days", (uint64_t)up / 86400);
    line_u64(info, "hz", 10);
    line_u64(info, "configured_hz", 10);
    line_text(info, "executable", "");
    line_text(info, "config_file", "");
    line_u64(info, "io_threads_active", atomic_load(&resp->door_count) > 1);
}

static void add_clients(struct info *info)
{
    line_u64(info, "connected_clients", counter_read(&info->now.connections));
    line_u64(info, "cluster_connections", 0);
    line_u64(info, "maxclients", info->resp->limit.connections_max);
    line_u64(info, "client_recent_max_input_buffer", 0);
    line_u64(info, "client_recent_max_output_buffer", 0);
    line_u64(info, "blocked_clients", 0);
    line_u64(info, "tracking_clients", 0);
    line_u64(info, "pubsub_clients", counter_read(&info->now.subscribers));
    line_u64(info, "clients_in_timeout_table", 0);
}

static void add_memory(struct info *info)
{
    struct resp *resp = info->resp;
    uint64_t used = counter_read(&info->cache.memory_used_bytes), rss = resident_bytes();
    uint64_t max = atomic_load(&resp->memory_max), machine = 0;
    uint64_t data = counter_read(&info->cache.memory_values_bytes) +
                    counter_read(&info->cache.memory_objects_bytes);
    uint64_t wasted = counter_read(&info->cache.memory_wasted_bytes) +
                      counter_read(&info->now.objects_wasted_bytes);

    machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    line_bytes(info, "used_memory", used);
    line_bytes(info, "used_memory_rss", rss);
    line_u64(info, "used_memory_overhead", used > data ? used - data : 0);
    line_u64(info, "used_memory_dataset", data < used ? data : used);
    buf_printf(info->out, "used_memory_dataset_perc:%.2f%%\r\n",
               used == 0 ? 0.0 : 100.0 * (double)(data < used ? data : used) / (double)used);
    line_bytes(info, "total_system_memory", machine);
    line_bytes(info, "maxmemory", max);
    must(pthread_mutex_lock(&resp->lock) == 0);
    line_text(info, "maxmemory_policy", policy_redis_name(resp->policy));
    must(pthread_mutex_unlock(&resp->lock) == 0);
    buf_printf(info->out, "mem_fragmentation_ratio:%.2f\r\n",
               used == 0 ? 1.0 : (double)rss / (double)used);
    line_u64(info, "mem_fragmentation_bytes", rss > used ? rss - used : 0);
    buf_printf(info->out, "allocator_frag_ratio:%.2f\r\n",
               used <= wasted ? 1.0 : (double)used / (double)(used - wasted));
    line_u64(info, "allocator_frag_bytes", wasted);
    line_u64(info, "mem_clients_normal", account_used(&resp->connections));
    line_u64(info, "larder_index_bytes", counter_read(&info->cache.memory_index_bytes));
    line_u64(info, "larder_tags_bytes", counter_read(&info->cache.memory_tags_bytes));
    line_u64(info, "larder_wasted_bytes", counter_read(&info->cache.memory_wasted_bytes));
    line_u64(info, "larder_objects_bytes", counter_read(&info->now.objects_memory_bytes));
    line_u64(info, "larder_objects_wasted_bytes", counter_read(&info->now.objects_wasted_bytes));
    line_u64(info, "larder_unaccounted_bytes",
             resp->unaccounted == NULL ? 0 : account_used(resp->unaccounted));
    line_text(info, "mem_allocator", "larder");
    line_u64(info, "active_defrag_running", 0);
    line_u64(info, "lazyfree_pending_objects", 0);
}

static void add_persistence(struct info *info)
{
    line_u64(info, "loading", 0);
    line_u64(info, "async_loading", 0);
    line_u64(info, "rdb_changes_since_last_save", 0);
    line_u64(info, "rdb_bgsave_in_progress", 0);
    line_u64(info, "aof_enabled", 0);
    line_u64(info, "aof_rewrite_in_progress", 0);
    line_u64(info, "aof_rewrite_scheduled", 0);
}

static uint64_t since(const struct counter *now, const struct counter *then)
{
    return counter_read(now) - counter_read(then);
}

static void add_stats(struct info *info)
{
    const struct stats *base = info->resp->stats;
    const struct resp_metrics *now = &info->now, *then = &base->metrics;
    size_t topics[3];
    uint64_t errors = 0;

    channels_count(info->resp->channels, topics);
    for (size_t i = 0; i < ERROR_KINDS; i++)
        errors += resp_sum_errors(info->resp, i) - base->errors[i];
    line_u64(info, "total_connections_received",
             since(&now->connections_accepted, &then->connections_accepted));
    line_u64(info, "total_commands_processed", since(&now->commands, &then->commands));
    line_u64(info, "total_net_input_bytes", since(&now->input_bytes, &then->input_bytes));
    line_u64(info, "total_net_output_bytes", since(&now->output_bytes, &then->output_bytes));
    line_u64(info, "rejected_connections",
             since(&now->connections_refused, &then->connections_refused));
    line_u64(info, "sync_full", 0);
    line_u64(info, "sync_partial_ok", 0);
    line_u64(info, "sync_partial_err", 0);
    line_u64(info, "expired_keys", since(&info->cache.expired, &base->cache.expired));
    line_u64(info, "evicted_keys", since(&info->cache.evicted, &base->cache.evicted));
    line_u64(info, "evicted_clients", 0);
    line_u64(info, "keyspace_hits", since(&now->keyspace_hits, &then->keyspace_hits));
    line_u64(info, "keyspace_misses", since(&now->keyspace_misses, &then->keyspace_misses));
    line_u64(info, "pubsub_channels", topics[0]);
    line_u64(info, "pubsub_patterns", topics[1]);
    line_u64(info, "pubsubshard_channels", topics[2]);
    line_u64(info, "latest_fork_usec", 0);
    line_u64(info, "total_forks", 0);
    line_u64(info, "total_error_replies", errors);
}

static void add_replication(struct info *info)
{
    line_text(info, "role", "master");
    line_u64(info, "connected_slaves", 0);
    line_text(info, "master_failover_state", "no-failover");
    line_text(info, "master_replid", info->resp->run_id);
    line_u64(info, "master_repl_offset", 0);
    line_u64(info, "repl_backlog_active", 0);
}

static void add_cpu(struct info *info)
{
    struct rusage used;

    must(getrusage(RUSAGE_SELF, &used) == 0);
    buf_printf(info->out, "used_cpu_sys:%lld.%06ld\r\nused_cpu_user:%lld.%06ld\r\n",
               (long long)used.ru_stime.tv_sec, (long)used.ru_stime.tv_usec,
               (long long)used.ru_utime.tv_sec, (long)used.ru_utime.tv_usec);
    buf_add_text(info->out,
                 "used_cpu_sys_children:0.000000\r\nused_cpu_user_children:0.000000\r\n");
}

static void add_commandstats(struct info *info)
{
    for (size_t i = 0; i < verbs_count(info->resp->verbs); i++) {
        const struct verb_sum *then = &info->resp->stats->verbs[i];
        struct verb_sum sum = resp_sum_verb(info->resp, i);
        uint64_t calls = sum.calls - then->calls, usec = (sum.ns - then->ns) / 1000;
        uint64_t rejected = sum.rejected - then->rejected;

        if (calls + rejected == 0)
            continue;
        buf_printf(info->out,
                   "cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,"
                   "failed_calls=%llu\r\n",
                   verbs_at(info->resp->verbs, i)->name, (unsigned long long)calls,
                   (unsigned long long)usec, calls == 0 ? 0.0 : (double)usec / (double)calls,
                   (unsigned long long)rejected, (unsigned long long)(sum.failed - then->failed));
    }
}

static void add_errorstats(struct info *info)
{
    for (size_t i = 0; i < ERROR_KINDS; i++) {
        uint64_t count = resp_sum_errors(info->resp, i) - info->resp->stats->errors[i];

        if (count > 0)
            buf_printf(info->out, "errorstat_%s:count=%llu\r\n", error_kinds[i],
                       (unsigned long long)count);
    }
}

static void add_cluster(struct info *info)
{
    line_u64(info, "cluster_enabled", 0);
}

/* How many keys of a database may expire is found by a sample; what they have left, too. */
struct sample {
    uint64_t seen, timed;
    double left_ms;
    int64_t now_ms;
};

static bool take_sample(void *context, struct bytes name, const struct cache_view *view)
{
    struct sample *sample = context;

    (void)name;
    sample->seen++;
    if (view->expires_ms != CACHE_NEVER) {
        sample->timed++;
        sample->left_ms += (double)(view->expires_ms - sample->now_ms);
    }
    return true;
}

static void add_keyspace(struct info *info)
{
    struct call *call = info->call;

    for (unsigned i = 0; i < CACHE_DATABASES; i++) {
        unsigned space = resp_space(info->resp, i);
        uint64_t keys = cache_count(info->resp->cache, space);
        struct sample sample = {.now_ms = call->now_ms};
        double share = 0;

        if (keys == 0)
            continue;
        (void)cache_scan(call->thread, space, 0, 1024, take_sample, &sample, call->now_ms);
        if (sample.seen > 0)
            share = (double)sample.timed / (double)sample.seen;
        buf_printf(info->out, "db%u:keys=%llu,expires=%llu,avg_ttl=%.0f\r\n", i,
                   (unsigned long long)keys, (unsigned long long)((double)keys * share),
                   sample.timed == 0 ? 0.0 : sample.left_ms / (double)sample.timed);
    }
}

static void add_modules(struct info *info)
{
    (void)info;
}

struct section {
    const char *name;
    const char *title;
    void (*add)(struct info *info);
    bool usual; /* part of INFO without words */
};

static const struct section sections[] = {
    {"server", "Server", add_server, true},
    {"clients", "Clients", add_clients, true},
    {"memory", "Memory", add_memory, true},
    {"persistence", "Persistence", add_persistence, true},
    {"stats", "Stats", add_stats, true},
    {"replication", "Replication", add_replication, true},
    {"cpu", "CPU", add_cpu, true},
    {"modules", "Modules", add_modules, true},
    {"commandstats", "Commandstats", add_commandstats, false},
    {"errorstats", "Errorstats", add_errorstats, true},
    {"cluster", "Cluster", add_cluster, true},
    {"keyspace", "Keyspace", add_keyspace, true},
};

static bool is_wanted(struct call *call, const struct section *section)
{
    if (call->count == 1)
        return section->usual;
    for (size_t i = 1; i < call->count; i++) {
        if (word_is(call, i, section->name) || word_is(call, i, "all") ||
            word_is(call, i, "everything") || (word_is(call, i, "default") && section->usual))
            return true;
    }
    return false;
}

void on_server_info(struct call *call)
{
    struct buf text;
    struct info *info = mem_new(1, sizeof *info);

    buf_init(&text, INFO_MAX, NULL);
    info->call = call;
    info->resp = call->resp;
    info->out = &text;
    resp_read_metrics(call->resp, &info->now);
    cache_read_metrics(call->resp->cache, &info->cache);
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (!is_wanted(call, &sections[i]))
            continue;
        buf_printf(&text, "%s# %s\r\n", text.size > 0 ? "\r\n" : "", sections[i].title);
        sections[i].add(info);
    }
    resp_add_verbatim(call->out, call->protocol, buf_bytes(&text));
    buf_fini(&text);
    mem_free(&info);
}

void on_server_time(struct call *call)
{
    char seconds[24], usec[24];
    int64_t wall_us = clock_wall_ms() * 1000;

    (void)snprintf(seconds, sizeof seconds, "%lld", (long long)(wall_us / 1000000));
    (void)snprintf(usec, sizeof usec, "%lld", (long long)(wall_us % 1000000));
    reply_array(call, 2);
    reply_text(call, seconds);
    reply_text(call, usec);
}

/* ---- MEMORY -----------------------------------------------------------------------------------
 */

void on_memory_stats(struct call *call)
{
    struct cache_metrics cache;
    struct resp_metrics metrics;
    uint64_t keys = 0;

    cache_read_metrics(call->resp->cache, &cache);
    resp_read_metrics(call->resp, &metrics);
    for (unsigned i = 0; i < CACHE_DATABASES; i++)
        keys += cache_count(call->resp->cache, i);
    uint64_t used = counter_read(&cache.memory_used_bytes);
    struct {
        const char *name;
        uint64_t number;
    } figures[] = {
        {"total.allocated", used},
        {"clients.normal", account_used(&call->resp->connections)},
        {"overhead.index", counter_read(&cache.memory_index_bytes)},
        {"overhead.tags", counter_read(&cache.memory_tags_bytes)},
        {"overhead.wasted",
         counter_read(&cache.memory_wasted_bytes) + counter_read(&metrics.objects_wasted_bytes)},
        {"overhead.unaccounted",
         call->resp->unaccounted == NULL ? 0 : account_used(call->resp->unaccounted)},
        {"keys.count", keys},
        {"keys.bytes-per-key", keys == 0 ? 0 : used / keys},
        {"dataset.bytes",
         counter_read(&cache.memory_values_bytes) + counter_read(&cache.memory_objects_bytes)},
    };
    size_t count = sizeof figures / sizeof figures[0];

    reply_map(call, count);
    for (size_t i = 0; i < count; i++) {
        reply_text(call, figures[i].name);
        reply_integer(call, (int64_t)figures[i].number);
    }
}

void on_memory_doctor(struct call *call)
{
    struct cache_metrics cache;
    struct resp_metrics metrics;
    struct buf text;

    cache_read_metrics(call->resp->cache, &cache);
    resp_read_metrics(call->resp, &metrics);
    uint64_t used = counter_read(&cache.memory_used_bytes);
    uint64_t max = counter_read(&cache.memory_max_bytes);
    uint64_t wasted =
        counter_read(&cache.memory_wasted_bytes) + counter_read(&metrics.objects_wasted_bytes);

    buf_init(&text, INFO_MAX, NULL);
    buf_printf(&text, "%.1f%% of the memory limit is used.",
               max == 0 ? 0.0 : 100.0 * (double)used / (double)max);
    if (wasted * 4 > used)
        buf_printf(&text, " %.1f%% of it holds nothing: sizes of values changed much.",
                   100.0 * (double)wasted / (double)used);
    if (counter_read(&cache.refused_full) > 0)
        buf_printf(&text, " %llu values were refused because nothing could be evicted.",
                   (unsigned long long)counter_read(&cache.refused_full));
    resp_add_verbatim(call->out, call->protocol, buf_bytes(&text));
    buf_fini(&text);
}

void on_memory_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Says in words how memory is used.",
        "STATS",
        "    Figures about memory.",
        "USAGE <key> [SAMPLES <count>]",
        "    What a key costs, everything included.",
    };

    reply_help(call, lines, sizeof lines / sizeof lines[0]);
}
