/* running.c: everything together: birth, signals, end. SPDX-License-Identifier: MIT */
#include "cli/pulse.h"
#include "cli/reload.h"
#include "cli/server.h"
#include "cli/upgrade.h"

#include "base/mem.h"
#include "base/must.h"
#include "cli/keyring.h"
#include "cli/notify.h"
#include "cli/version.h"
#include "net/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    GRACE_MS = 2000, /* beyond the doors' own deadline, before workers are stopped */
    EXPIRY_WARNING_S = 7 * 24 * 60 * 60
};

/* ---- birth ----------------------------------------------------------------------------------- */

static int open_access_log(const char *file)
{
    return open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static bool has_access_file(const struct config *config)
{
    const char *file = config->http.access_log;

    return file != NULL && strcmp(file, "off") != 0 && strcmp(file, "-") != 0;
}

static enum err open_log(struct server *server, struct fault *fault)
{
    const char *file = server->config->http.access_log;

    server->access_fd = -1;
    if (file != NULL && strcmp(file, "-") == 0)
        server->access_fd = STDOUT_FILENO;
    if (!has_access_file(server->config))
        return ERR_OK;
    server->access_name = mem_copy_text(file);
    server->access_fd = open_access_log(file);
    if (server->access_fd < 0)
        return fault_say(fault, ERR_DISK, "the access log %s cannot be opened: %s", file,
                         strerror(errno));
    return ERR_OK;
}

/* Once there is an account. */
static enum err start_log(struct server *server, struct fault *fault)
{
    if (server->access_fd < 0 || logwriter_new(server->access_fd, cache_account(server->cache),
                                               &server->access_log) == ERR_OK)
        return ERR_OK;
    return fault_say(fault, ERR_SYSTEM, "the system gives no thread for the access log");
}

static enum err read_address(const char *text, const char *door, struct address *ret_address,
                             struct fault *fault)
{
    struct fault why = {.line = 0};

    if (setup_is_off(text))
        return ERR_OK;
    enum err err = address_parse(bytes_of_text(text), ret_address, &why);

    if (err != ERR_OK)
        return fault_say(fault, err, "listen.%s.address: %s", door, why.text);
    return ERR_OK;
}

static enum err read_addresses(struct server *server, struct fault *fault)
{
    const struct listen_settings *listen = &server->config->listen;

    TRY(read_address(listen->http, "http", &server->http_address, fault));
    TRY(read_address(listen->https, "https", &server->https_address, fault));
    TRY(read_address(listen->resp, "resp", &server->resp_address, fault));
    return read_address(listen->admin, "admin", &server->admin_address, fault);
}

void server_raise_descriptors(struct server *server)
{
    const struct config *config = server->config;
    uint64_t wanted = 256;
    struct rlimit limit;

    if (setup_has_gateway(config))
        wanted += config->http.connections_max;
    if (!setup_is_off(config->listen.resp))
        wanted += config->resp.clients_max;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    bool is_set = config_where(config, &config->http.connections_max) != NULL ||
                  config_where(config, &config->resp.clients_max) != NULL;

    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted)
        log_say(&server->log, is_set ? LOG_WARNING : LOG_DEBUG, "cli",
                "the system allows %llu open files and the limits on connections want %llu: more "
                "clients than that wait (ulimit -n, LimitNOFILE=)",
                (unsigned long long)limit.rlim_max, (unsigned long long)wanted);
}

static enum err purge_url(void *context, struct cache_thread *thread,
                          const struct resp_url_purge *purge, int64_t now_ms, size_t *ret_count)
{
    struct server *server = context;
    struct fault fault = {.line = 0};
    const struct site_purge request = {
        .by = purge->prefix ? SITE_PURGE_PREFIX : SITE_PURGE_URL,
        .text = purge->url,
        .soft = purge->soft,
        .dry = purge->dry_run,
    };

    return site_purge(atomic_load(&server->site), thread, &request, now_ms, ret_count, &fault);
}

static void purged(void *context, const struct resp_purged *purged)
{
    struct history_purge purge = {.soft = purged->soft, .door = "resp", .by = HISTORY_BY_ALL};

    for (unsigned by = 0; by <= HISTORY_BY_ALL; by++) {
        if (strcmp(purged->by, history_by_text((enum history_by)by)) == 0)
            purge.by = (enum history_by)by;
    }
    server_remember_purge(context, &purge, bytes_of_text(purged->who), purged->text);
}

static enum err open_shared(struct server *server, struct fault *fault)
{
    const struct config *config = server->config;
    const struct resp_birth birth = {
        .settings = &config->resp,
        .cache = server->cache,
        .log = &server->log,
        .version = LARDER_VERSION,
        .workers = server->workers_count,
        .memory_max = config->cache.memory_max,
        .policy = config->cache.policy,
        .tls = config->listen.resp_tls ? server->tls : NULL,
        .unaccounted = resident_account(server->resident),
        .purged = purged,
        .purge_url = setup_has_gateway(config) ? purge_url : NULL,
        .context = server,
    };

    if (setup_has_gateway(config)) {
        TRY(edition_compile(server->edition, &server->accounts, fault));
        site_set_tallies(server->edition->site, server->tallies);
        atomic_store(&server->site, server->edition->site);
    }
    if (!setup_is_off(config->listen.resp))
        TRY(resp_new(&birth, &server->resp, fault));
    return ERR_OK;
}

void server_warn_of_expiry(const struct server *server)
{
    if (server->tls == NULL)
        return;
    int64_t left_s = tls_first_expiry_s(server->tls) - clock_wall_ms() / 1000;

    if (left_s < 0)
        log_say(&server->log, LOG_WARNING, "cli",
                "a certificate has expired %lld days ago: clients will refuse it",
                (long long)(-left_s / 86400));
    else if (left_s < EXPIRY_WARNING_S)
        log_say(&server->log, LOG_WARNING, "cli", "a certificate expires in %lld days",
                (long long)(left_s / 86400));
}

static bool is_secure(const struct config_origin *origin)
{
    const struct text_list *servers = &origin->settings.servers;

    for (size_t i = 0; i < servers->count; i++) {
        if (bytes_begin_with(bytes_of_text(servers->items[i]), BYTES("https://")))
            return true;
    }
    return false;
}

static void warn_of_trust(const struct server *server)
{
    for (size_t i = 0; i < server->config->origins.count; i++) {
        const struct config_origin *origin = config_origin(server->config, i);

        if (is_secure(origin) && !origin->settings.tls_verify)
            log_say(&server->log, LOG_WARNING, "cli",
                    "origins.%s.tls.verify is off: whoever is between Larder and its servers may "
                    "answer in their place",
                    origin->name);
    }
}

static enum err open_keyring(struct server *server, struct fault *fault)
{
    if (!keyring_is_wanted(server->config))
        return ERR_OK;
    struct tls *tls = NULL;

    TRY(keyring_new(server->config, &tls, fault));
    atomic_store(&server->tls, tls);
    server_warn_of_expiry(server);
    return ERR_OK;
}

static enum err open_all(struct server *server, struct fault *fault)
{
    TRY(read_addresses(server, fault));
    TRY(open_log(server, fault));
    TRY(open_keyring(server, fault));
    server_raise_descriptors(server);
    warn_of_trust(server);
    server->cache = cache_new(&server->config->cache, 0);
    site_accounts_init(&server->accounts, cache_account(server->cache));
    TRY(start_log(server, fault));
    if (loop_new(NULL, &server->loop) != ERR_OK)
        return fault_say(fault, ERR_SYSTEM, "the system gives no epoll descriptor");
    server->resident = resident_new(server->loop, server->cache);
    TRY(edition_muster(server->edition, NULL, &server->log, fault));
    server->fleets = server->edition->fleets;
    TRY(open_shared(server, fault));
    server->reload = reload_new(server);
    server->upgrade = upgrade_new(server);
    for (unsigned i = 0; i < server->workers_count; i++)
        TRY(server_worker_new(server, i, fault));
    server_begin_fleets(server, NULL, server->edition);
    server->edition->probe =
        probe_new(server->workers[0].loop, server->fleets, edition_fleets(server->edition));
    server->probe = server->edition->probe;
    if (!setup_is_off(server->config->listen.admin))
        TRY(server_admin_open(server, fault));
    return ERR_OK;
}

/* The first edition stays for good: the engine has its settings from it. */
static void take_first(struct server *server, struct edition *edition)
{
    const struct config *config = &edition->setup.config;

    server->editions = server->edition = edition;
    server->config = config;
    server->drain_ms = config->http.drain_ms;
    server->log =
        (struct log){STDERR_FILENO, (enum log_level)config->log.level, config->log.format == 1};
    server->workers_count =
        config->process.workers > 0 ? (unsigned)config->process.workers : worker_cores();
    if (server->workers_count > RESP_DOORS_MAX)
        server->workers_count = RESP_DOORS_MAX;
    server->http_limit.connections_max = config->http.connections_max;
    edition_plan_origins(edition, NULL, server->workers_count);
    edition->uses += server->workers_count;
    server->is_known_down = edition->is_known_down;
}

enum err server_new(const struct edition_source *source, struct edition *edition,
                    struct inheritance *inheritance, struct server **ret_server,
                    struct fault *fault)
{
    struct server *server = mem_new(1, sizeof *server);

    server->source = *source;
    server->inheritance = inheritance;
    server->started_ms = clock_wall_ms();
    server->access_fd = -1;
    take_first(server, edition);
    server->tallies = tallies_new(server->workers_count);
    server->history = history_new();
    server->workers = mem_new(server->workers_count, sizeof *server->workers);
    enum err err = open_all(server, fault);

    if (err != ERR_OK) {
        server_free(&server);
        return err;
    }
    *ret_server = server;
    return ERR_OK;
}

/* ---- draining -------------------------------------------------------------------------------- */

static void stop_all(struct timer *timer)
{
    struct server *server = list_owner(timer, struct server, deadline);

    log_say(&server->log, LOG_WARNING, "cli", "some requests did not end in time and are cut");
    for (unsigned i = 0; i < server->workers_count; i++)
        loop_stop(server->workers[i].loop);
}

void server_hand_over(struct server *server)
{
    atomic_store(&server->is_handed_over, true);
    atomic_store(&server->http_limit.is_handed_over, true);
    if (server->resp != NULL)
        resp_hand_over(server->resp);
    if (server->admin != NULL)
        admin_hand_over(server->admin);
}

void server_drain(struct server *server, int64_t idle_ms)
{
    atomic_store(&server->is_draining, true);
    server->drain_idle_ms = idle_ms;
    server->is_drain_due = reload_is_under_way(server->reload);
    if (server->is_drain_due)
        return; /* it calls again when all workers have the same configuration */
    if (!atomic_load(&server->is_handed_over))
        (void)notify_say("STOPPING=1\nSTATUS=no new connections; what is under way may end");
    for (unsigned i = 0; i < server->workers_count; i++)
        loop_post(server->workers[i].loop, &server->workers[i].drain);
    timer_init(&server->deadline, stop_all);
    timer_set(server->loop, &server->deadline,
              loop_now_ms(server->loop) + server->drain_ms + GRACE_MS);
}

/* The file may have been moved away, or have another name now: the same descriptor goes on. */
void server_reopen_access_log(struct server *server, const char *why)
{
    const char *file = server->config->http.access_log;

    if (!has_access_file(server->config))
        return;
    int fd = open_access_log(file);

    if (fd < 0 || dup3(fd, server->access_fd, O_CLOEXEC) < 0)
        log_say(&server->log, LOG_ERROR, "cli", "%s: %s cannot be opened anew: %s", why, file,
                strerror(errno));
    else
        log_say(&server->log, LOG_INFO, "cli", "%s: %s is opened anew", why, file);
    mem_free(&server->access_name);
    server->access_name = mem_copy_text(file);
    if (fd >= 0)
        (void)close(fd);
}

/* ---- running --------------------------------------------------------------------------------- */

static void ended(struct loop_task *task)
{
    struct server_worker *worker = list_owner(task, struct server_worker, ended);
    struct server *server = worker->server;

    if (++server->workers_ended == server->workers_count)
        loop_stop(server->loop);
}

static void run_worker(void *context)
{
    struct server_worker *worker = context;

    loop_run(worker->loop);
    worker->ended.run = ended;
    loop_post(worker->server->loop, &worker->ended);
}

static enum err start_threads(struct server *server, struct fault *fault)
{
    for (unsigned i = 0; i < server->workers_count; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "larder-%u", i);
        if (worker_start(name, -1, run_worker, &server->workers[i], &server->workers[i].thread) !=
            ERR_OK)
            return fault_say(fault, ERR_SYSTEM, "the system gives no thread for worker %u of %u", i,
                             server->workers_count);
        server->has_started = true;
    }
    return ERR_OK;
}

static void join_threads(struct server *server)
{
    for (unsigned i = 0; i < server->workers_count; i++) {
        if (server->workers[i].thread != NULL)
            worker_join(&server->workers[i].thread);
    }
}

enum err server_run(struct server *server, void (*ready)(const struct server *server),
                    struct fault *fault)
{
    struct signals *signals = NULL;

    TRY(signals_new(server, &signals, fault));
    server_origins_probe(server);
    enum err err = start_threads(server, fault);

    if (err == ERR_OK) {
        resident_begin(server->resident, server->workers[0].loop);
        server->pulse = pulse_new(server->loop, server->workers_count);
        for (unsigned i = 0; i < server->workers_count; i++)
            pulse_add(server->pulse, server->workers[i].loop);
        ready(server);
        loop_run(server->loop);
    } else {
        for (unsigned i = 0; i < server->workers_count; i++)
            loop_stop(server->workers[i].loop);
    }
    join_threads(server);
    pulse_free(&server->pulse);
    if (timer_is_set(&server->deadline))
        timer_clear(server->loop, &server->deadline);
    signals_free(&signals);
    return err;
}

/* ---- end ------------------------------------------------------------------------------------- */

void server_free(struct server **owner)
{
    struct server *server = *owner;

    if (server == NULL)
        return;
    if (server->admin != NULL)
        admin_stop(server->admin);
    if (server->probe != NULL)
        probe_stop(server->probe);
    if (timer_is_set(&server->look_again))
        timer_clear(server->workers[0].loop, &server->look_again);
    if (server->fleets != NULL)
        server_begin_fleets(server, server->edition, NULL);
    server_workers_cut(server);
    admin_free(&server->admin);
    if (server->loop != NULL)
        loop_turn(server->loop, 0); /* what the workers' ends had to tell */
    editions_free(&server->editions);
    server_workers_free(server);
    reload_free(&server->reload);
    upgrade_free(&server->upgrade);
    struct tls *tls = atomic_load(&server->tls);

    tls_free(&tls);
    tallies_free(&server->tallies);
    history_free(&server->history);
    if (server->resp != NULL)
        resp_free(&server->resp);
    resident_free(&server->resident);
    logwriter_free(&server->access_log);
    if (server->cache != NULL)
        cache_free(&server->cache);
    if (server->loop != NULL)
        loop_free(&server->loop);
    mem_free(&server->access_name);
    if (server->access_fd > STDERR_FILENO)
        (void)close(server->access_fd);
    mem_free(owner);
}
