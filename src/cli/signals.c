/* signals.c: what the server does on a signal. SPDX-License-Identifier: MIT
 *
 *   SIGTERM, SIGINT   drain and end; the second one ends at once
 *   SIGHUP            read the configuration anew, and open the access log anew
 *   SIGUSR1           open the access log anew
 *   SIGUSR2           hand over to a new program
 */
#include "base/mem.h"
#include "base/number.h"
#include "cli/command.h"
#include "cli/reload.h"
#include "cli/server.h"
#include "cli/upgrade.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { IDLE_MS = 20 /* a connection that said nothing for so long is idle, at the end */ };

struct signals {
    struct watch watch; /* of a signalfd */
    struct server *server;
};

static void end(struct server *server, const char *name)
{
    char patience[NUMBER_TEXT_SIZE];

    if (atomic_load(&server->is_draining)) {
        log_say(&server->log, LOG_WARNING, "cli", "a second signal: ending at once");
        _exit(EXIT_FAILED);
    }
    number_duration_text(server->drain_ms, patience);
    log_say(&server->log, LOG_INFO, "cli",
            "%s: no new connections; what is under way has %s to end", name, patience);
    server_drain(server, IDLE_MS);
}

static void signalled(struct server *server, unsigned number)
{
    if (number == SIGTERM || number == SIGINT)
        end(server, number == SIGINT ? "SIGINT" : "SIGTERM");
    else if (number == SIGUSR1)
        server_reopen_access_log(server, "SIGUSR1");
    else if (number == SIGUSR2)
        upgrade_start(server->upgrade, "SIGUSR2");
    else if (number == SIGHUP && !atomic_load(&server->is_draining)) {
        server_reopen_access_log(server, "SIGHUP");
        reload_start(server->reload, "SIGHUP");
    }
}

static void signals_came(struct watch *watch, unsigned what)
{
    struct signals *signals = list_owner(watch, struct signals, watch);
    struct signalfd_siginfo info;

    (void)what;
    while (read(watch->fd, &info, sizeof info) == (ssize_t)sizeof info)
        signalled(signals->server, info.ssi_signo);
}

enum err signals_new(struct server *server, struct signals **ret_signals, struct fault *fault)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)sigaddset(&set, numbers[i]);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return fault_say(fault, ERR_SYSTEM, "signals cannot be blocked: %s", strerror(errno));
    struct signals *signals = mem_new(1, sizeof *signals);

    signals->server = server;
    signals->watch = (struct watch){.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
                                    .wanted = LOOP_READ,
                                    .ready = signals_came};
    if (signals->watch.fd >= 0 && watch_start(server->loop, &signals->watch) == ERR_OK) {
        *ret_signals = signals;
        return ERR_OK;
    }
    mem_free(&signals);
    return fault_say(fault, ERR_SYSTEM, "signals cannot be waited for: %s", strerror(errno));
}

void signals_free(struct signals **owner)
{
    struct signals *signals = *owner;

    watch_stop(signals->server->loop, &signals->watch);
    (void)close(signals->watch.fd);
    mem_free(owner);
}
