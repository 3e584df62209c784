/* server.c: everything together: birth, signals, end. SPDX-License-Identifier: MIT */
#include "cli/server.h"

#include "base/mem.h"
#include "base/must.h"
#include "base/number.h"
#include "cli/keyring.h"
#include "cli/version.h"
#include "net/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
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
    server->access_fd = open_access_log(file);
    if (server->access_fd < 0)
        return fault_say(fault, ERR_DISK, "the access log %s cannot be opened: %s", file,
                         strerror(errno));
    return ERR_OK;
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

/* As many descriptors as the system allows: one a client. */
static void raise_descriptors(const struct server *server)
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
    const struct server *server = context;
    struct fault fault = {.line = 0};
    const struct site_purge request = {
        .by = purge->prefix ? SITE_PURGE_PREFIX : SITE_PURGE_URL,
        .text = purge->url,
        .soft = purge->soft,
        .dry = purge->dry_run,
    };

    return site_purge(server->site, thread, &request, now_ms, ret_count, &fault);
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
        TRY(setup_site(server->setup, cache_account(server->cache), &server->site, fault));
        site_set_tallies(server->site, server->tallies);
        TRY(setup_fleets(server->setup, &server->log, &server->fleets, fault));
    }
    if (!setup_is_off(config->listen.resp))
        TRY(resp_new(&birth, &server->resp, fault));
    return ERR_OK;
}

static void warn_of_expiry(const struct server *server)
{
    int64_t left_s = tls_first_expiry_s(server->tls) - clock_wall_ms() / 1000;

    if (left_s < 0)
        log_say(&server->log, LOG_WARNING, "cli",
                "a certificate has expired %lld days ago: clients will refuse it",
                (long long)(-left_s / 86400));
    else if (left_s < EXPIRY_WARNING_S)
        log_say(&server->log, LOG_WARNING, "cli", "a certificate expires in %lld days",
                (long long)(left_s / 86400));
}

static enum err open_keyring(struct server *server, struct fault *fault)
{
    if (!keyring_is_wanted(server->config))
        return ERR_OK;
    TRY(keyring_new(server->config, &server->tls, fault));
    warn_of_expiry(server);
    return ERR_OK;
}

static enum err open_all(struct server *server, struct fault *fault)
{
    TRY(read_addresses(server, fault));
    TRY(open_log(server, fault));
    TRY(open_keyring(server, fault));
    raise_descriptors(server);
    server->cache = cache_new(&server->config->cache, 0);
    if (loop_new(NULL, &server->loop) != ERR_OK)
        return fault_say(fault, ERR_SYSTEM, "the system gives no epoll descriptor");
    server->resident = resident_new(server->loop, server->cache);
    TRY(open_shared(server, fault));
    for (unsigned i = 0; i < server->workers_count; i++)
        TRY(server_worker_new(server, i, fault));
    for (size_t i = 0; server->fleets != NULL && i < server->config->origins.count; i++)
        fleet_begin(server->fleets[i], server->workers[0].loop, cache_account(server->cache));
    server->probe = probe_new(server->workers[0].loop, server->fleets,
                              server->fleets == NULL ? 0 : server->config->origins.count);
    if (!setup_is_off(server->config->listen.admin))
        TRY(server_admin_open(server, fault));
    return ERR_OK;
}

enum err server_new(const struct setup *setup, struct server **ret_server, struct fault *fault)
{
    struct server *server = mem_new(1, sizeof *server);
    const struct config *config = &setup->config;

    server->setup = setup;
    server->config = config;
    server->started_ms = clock_wall_ms();
    server->log =
        (struct log){STDERR_FILENO, (enum log_level)config->log.level, config->log.format == 1};
    server->access_fd = -1;
    server->workers_count =
        config->process.workers > 0 ? (unsigned)config->process.workers : worker_cores();
    if (server->workers_count > RESP_DOORS_MAX)
        server->workers_count = RESP_DOORS_MAX;
    server->tallies = tallies_new(server->workers_count);
    server->history = history_new();
    server->workers = mem_new(server->workers_count, sizeof *server->workers);
    server->is_known_down = mem_new(config->origins.count + 1, sizeof *server->is_known_down);
    server->http_limit.connections_max = config->http.connections_max;
    enum err err = open_all(server, fault);

    if (err != ERR_OK) {
        server_free(&server);
        return err;
    }
    *ret_server = server;
    return ERR_OK;
}

/* ---- signals --------------------------------------------------------------------------------- */

struct signals {
    struct watch watch; /* of a signalfd */
    struct timer deadline;
    struct server *server;
};

static void drain_all(struct server *server)
{
    atomic_store(&server->is_draining, true);
    for (unsigned i = 0; i < server->workers_count; i++)
        loop_post(server->workers[i].loop, &server->workers[i].drain);
}

static void stop_all(struct timer *timer)
{
    struct server *server = list_owner(timer, struct signals, deadline)->server;

    log_say(&server->log, LOG_WARNING, "cli", "some requests did not end in time and are cut");
    for (unsigned i = 0; i < server->workers_count; i++)
        loop_stop(server->workers[i].loop);
}

/* The file may have been moved away: the same descriptor goes on in a new one. */
static void reopen_access_log(struct server *server)
{
    const char *file = server->config->http.access_log;

    if (!has_access_file(server->config)) {
        if (server->tls == NULL)
            log_say(&server->log, LOG_WARNING, "cli",
                    "SIGHUP: reading the configuration anew is not part of this version; restart");
        return;
    }
    int fd = open_access_log(file);

    if (fd < 0 || dup3(fd, server->access_fd, O_CLOEXEC) < 0)
        log_say(&server->log, LOG_ERROR, "cli", "SIGHUP: %s cannot be opened anew: %s", file,
                strerror(errno));
    else
        log_say(&server->log, LOG_INFO, "cli",
                "SIGHUP: %s is opened anew; reading the configuration anew is not part of this "
                "version",
                file);
    if (fd >= 0)
        (void)close(fd);
}

static void reload_certificates(struct server *server)
{
    struct fault fault = {.line = 0};

    if (server->tls == NULL)
        return;
    if (keyring_reload(server->config, server->tls, &fault) != ERR_OK) {
        log_say(&server->log, LOG_ERROR, "cli", "SIGHUP: the certificates stay as they were: %s",
                fault.text);
        return;
    }
    log_say(&server->log, LOG_INFO, "cli", "SIGHUP: certificates were read anew");
    warn_of_expiry(server);
}

static void signalled(struct signals *signals, unsigned number)
{
    struct server *server = signals->server;
    char patience[NUMBER_TEXT_SIZE];

    if (number == SIGHUP) {
        reload_certificates(server);
        reopen_access_log(server);
        return;
    }
    if (atomic_load(&server->is_draining)) {
        log_say(&server->log, LOG_WARNING, "cli", "a second signal: ending at once");
        _exit(EXIT_FAILED);
    }
    number_duration_text(server->config->http.drain_ms, patience);
    log_say(&server->log, LOG_INFO, "cli",
            "%s: no new connections; what is under way has %s to end",
            number == SIGINT ? "SIGINT" : "SIGTERM", patience);
    drain_all(server);
    timer_set(server->loop, &signals->deadline,
              loop_now_ms(server->loop) + server->config->http.drain_ms + GRACE_MS);
}

static void signals_came(struct watch *watch, unsigned what)
{
    struct signals *signals = list_owner(watch, struct signals, watch);
    struct signalfd_siginfo info;

    (void)what;
    while (read(watch->fd, &info, sizeof info) == (ssize_t)sizeof info)
        signalled(signals, info.ssi_signo);
}

static enum err signals_init(struct signals *signals, struct server *server, struct fault *fault)
{
    sigset_t set;

    *signals = (struct signals){.server = server};
    timer_init(&signals->deadline, stop_all);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return fault_say(fault, ERR_SYSTEM, "signals cannot be blocked: %s", strerror(errno));
    signals->watch = (struct watch){.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
                                    .wanted = LOOP_READ,
                                    .ready = signals_came};
    if (signals->watch.fd < 0 || watch_start(server->loop, &signals->watch) != ERR_OK)
        return fault_say(fault, ERR_SYSTEM, "signals cannot be waited for: %s", strerror(errno));
    return ERR_OK;
}

static void signals_fini(struct signals *signals)
{
    timer_clear(signals->server->loop, &signals->deadline);
    watch_stop(signals->server->loop, &signals->watch);
    (void)close(signals->watch.fd);
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
    struct signals signals;

    TRY(signals_init(&signals, server, fault));
    server_origins_probe(server);
    enum err err = start_threads(server, fault);

    if (err == ERR_OK) {
        resident_begin(server->resident, server->workers[0].loop);
        ready(server);
        loop_run(server->loop);
    } else {
        for (unsigned i = 0; i < server->workers_count; i++)
            loop_stop(server->workers[i].loop);
    }
    join_threads(server);
    signals_fini(&signals);
    return err;
}

/* ---- end ------------------------------------------------------------------------------------- */

void server_free(struct server **owner)
{
    struct server *server = *owner;

    if (server->admin != NULL)
        admin_stop(server->admin);
    if (server->probe != NULL)
        probe_stop(server->probe);
    if (timer_is_set(&server->look_again))
        timer_clear(server->workers[0].loop, &server->look_again);
    for (size_t i = 0; server->fleets != NULL && i < server->config->origins.count; i++)
        fleet_end(server->fleets[i]);
    server_workers_cut(server);
    admin_free(&server->admin);
    probe_free(&server->probe);
    server_workers_free(server);
    tls_free(&server->tls);
    setup_fleets_free(server->setup, &server->fleets);
    mem_free(&server->is_known_down);
    if (server->site != NULL)
        site_free(&server->site);
    tallies_free(&server->tallies);
    history_free(&server->history);
    if (server->resp != NULL)
        resp_free(&server->resp);
    resident_free(&server->resident);
    if (server->cache != NULL)
        cache_free(&server->cache);
    if (server->loop != NULL)
        loop_free(&server->loop);
    if (server->access_fd > STDERR_FILENO)
        (void)close(server->access_fd);
    mem_free(owner);
}
