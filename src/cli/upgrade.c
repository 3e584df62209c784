/* upgrade.c: starting the next program and waiting for it. SPDX-License-Identifier: MIT */
#include "cli/upgrade.h"

#include "base/mem.h"
#include "base/must.h"
#include "cli/notify.h"
#include "cli/reload.h"
#include "cli/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    READY_MS = 60000, /* for the new process to serve */
    IDLE_MS = 2000,   /* for connections to be used once more, and to be told then */
    WORDS_MAX = 4096, /* of the command line, and of the environment */
    COMMAND_MAX = 1 << 20,
    TEXT_MAX = 1024,
};

struct upgrade {
    struct server *server;
    pid_t pid; /* of the new process; 0: none is on its way */
    struct watch watch;
    struct timer deadline;
    char text[TEXT_MAX]; /* what it said */
    size_t size;
    struct buf json;
    unsigned status;
    atomic_bool is_asked;
    atomic_bool is_answering;
    bool wants_answer;
    struct loop_task asked;  /* to the main loop */
    struct loop_task answer; /* to worker 0 */
};

/* ---- answering ------------------------------------------------------------------------------- */

static void answer(struct loop_task *task)
{
    struct upgrade *upgrade = list_owner(task, struct upgrade, answer);
    struct admin *admin = upgrade->server->admin;

    if (admin != NULL)
        admin_ordered(admin, ADMIN_UPGRADE, upgrade->status, buf_bytes(&upgrade->json));
    atomic_store(&upgrade->is_answering, false);
}

static void post_answer(struct upgrade *upgrade, unsigned status)
{
    if (!upgrade->wants_answer)
        return;
    upgrade->wants_answer = false;
    upgrade->status = status;
    atomic_store(&upgrade->is_answering, true);
    loop_post(upgrade->server->workers[0].loop, &upgrade->answer);
}

static void refuse(struct upgrade *upgrade, const char *why)
{
    log_say(&upgrade->server->log, LOG_ERROR, "cli", "upgrade: %s; this process goes on", why);
    buf_clear(&upgrade->json);
    buf_add_text(&upgrade->json, "{\"upgraded\": false, \"error\": \"");
    buf_add_json(&upgrade->json, bytes_of_text(why));
    buf_add_text(&upgrade->json, "\"}");
    post_answer(upgrade, 500);
}

/* ---- what the new process is started with ---------------------------------------------------- */

/* NUL-separated words, as /proc has them. */
static bool read_words(const char *file, struct buf *buf, char **words)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    size_t count = 0;
    ssize_t size = 0;

    if (fd < 0)
        return false;
    do {
        uint8_t *room = buf_room(buf, 65536);

        size = room == NULL ? -1 : read(fd, room, 65536);
        if (size > 0)
            buf_grew(buf, (size_t)size);
    } while (size > 0);
    (void)close(fd);
    buf_add_byte(buf, 0);
    for (size_t at = 0; at + 1 < buf->size && count + 1 < WORDS_MAX;
         at += strlen((char *)buf->data + at) + 1)
        words[count++] = (char *)buf->data + at;
    words[count] = NULL;
    return size == 0 && count > 0 && buf_failed(buf) == ERR_OK;
}

static void add_socket(struct buf *list, const char *door, int fd,
                       posix_spawn_file_actions_t *actions)
{
    if (fd < 0)
        return;
    buf_printf(list, "%s%s=%d", list->size == strlen("LARDER_SOCKETS=") ? "" : ",", door, fd);
    /* Onto itself: that takes its close-on-exec away, in the new process only. */
    (void)posix_spawn_file_actions_adddup2(actions, fd, fd);
}

static void add_sockets(const struct server *server, struct buf *list,
                        posix_spawn_file_actions_t *actions)
{
    buf_add_text(list, "LARDER_SOCKETS=");
    for (unsigned i = 0; i < server->workers_count; i++) {
        const struct server_worker *worker = &server->workers[i];

        if (worker->gateway != NULL) {
            add_socket(list, "http", gateway_fd(worker->gateway, GATEWAY_HTTP), actions);
            add_socket(list, "https", gateway_fd(worker->gateway, GATEWAY_HTTPS), actions);
        }
        if (worker->resp != NULL)
            add_socket(list, "resp", resp_door_fd(worker->resp), actions);
    }
    if (server->admin != NULL)
        add_socket(list, "admin", admin_fd(server->admin), actions);
    buf_add_byte(list, 0);
}

/* The environment of this process, but for the watchdog's word for this process alone. */
static void make_environment(char *sockets, char *ready, char **words)
{
    size_t count = 0;

    words[count++] = sockets;
    words[count++] = ready;
    for (char **at = environ; *at != NULL && count + 1 < WORDS_MAX; at++) {
        if (strncmp(*at, "WATCHDOG_PID=", strlen("WATCHDOG_PID=")) != 0)
            words[count++] = *at;
    }
    words[count] = NULL;
}

static int spawn(struct upgrade *upgrade, int pipe_fd, posix_spawn_file_actions_t *actions,
                 posix_spawnattr_t *attributes)
{
    char **words = mem_new((size_t)2 * WORDS_MAX, sizeof *words);
    char ready[64];
    struct buf command, sockets;
    int why = ENOENT;

    buf_init(&command, COMMAND_MAX, NULL);
    buf_init(&sockets, COMMAND_MAX, NULL);
    add_sockets(upgrade->server, &sockets, actions);
    (void)posix_spawn_file_actions_adddup2(actions, pipe_fd, pipe_fd);
    (void)snprintf(ready, sizeof ready, "LARDER_READY=%d", pipe_fd);
    make_environment((char *)sockets.data, ready, words + WORDS_MAX);
    if (read_words("/proc/self/cmdline", &command, words))
        why = posix_spawnp(&upgrade->pid, words[0], actions, attributes, words, words + WORDS_MAX);
    if (why != 0)
        upgrade->pid = 0;
    buf_fini(&command);
    buf_fini(&sockets);
    mem_free(&words);
    return why;
}

/* Signals are as they were before this process blocked them. */
static int start_process(struct upgrade *upgrade, int pipe_fd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, ignored;

    (void)sigemptyset(&none);
    (void)sigemptyset(&ignored);
    (void)sigaddset(&ignored, SIGPIPE);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &ignored);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int why = spawn(upgrade, pipe_fd, &actions, &attributes);

    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return why;
}

/* ---- waiting for it -------------------------------------------------------------------------- */

static void stop_waiting(struct upgrade *upgrade)
{
    struct loop *loop = upgrade->server->loop;

    timer_clear(loop, &upgrade->deadline);
    watch_stop(loop, &upgrade->watch);
    (void)close(upgrade->watch.fd);
    upgrade->watch.fd = -1;
}

static void succeed(struct upgrade *upgrade)
{
    struct server *server = upgrade->server;

    stop_waiting(upgrade);
    log_say(&server->log, LOG_INFO, "cli",
            "process %d serves from now on; this one ends what is under way", (int)upgrade->pid);
    (void)notify_say("MAINPID=%d", (int)upgrade->pid);
    buf_clear(&upgrade->json);
    buf_printf(&upgrade->json, "{\"upgraded\": true, \"pid\": %d, \"old_pid\": %d}",
               (int)upgrade->pid, (int)getpid());
    post_answer(upgrade, 200);
    server_hand_over(server);
    server_drain(server, IDLE_MS);
}

static void fail(struct upgrade *upgrade)
{
    char why[TEXT_MAX + 128];
    int status = 0;

    stop_waiting(upgrade);
    (void)kill(upgrade->pid, SIGKILL);
    (void)waitpid(upgrade->pid, &status, 0);
    upgrade->pid = 0;
    if (upgrade->size > 0)
        (void)snprintf(why, sizeof why, "the new process says: %.*s", (int)upgrade->size,
                       upgrade->text);
    else if (WIFEXITED(status))
        (void)snprintf(why, sizeof why,
                       "the new process ended with status %d before it served; what it said is on "
                       "standard error",
                       WEXITSTATUS(status));
    else
        (void)snprintf(why, sizeof why, "the new process did not serve within %d s",
                       READY_MS / 1000);
    refuse(upgrade, why);
}

static void late(struct timer *timer)
{
    fail(list_owner(timer, struct upgrade, deadline));
}

static void heard(struct watch *watch, unsigned what)
{
    struct upgrade *upgrade = list_owner(watch, struct upgrade, watch);
    ssize_t size =
        read(watch->fd, upgrade->text + upgrade->size, sizeof upgrade->text - upgrade->size);

    (void)what;
    if (size < 0)
        return;
    upgrade->size += (size_t)size;
    if (upgrade->size >= 6 && memcmp(upgrade->text, "ready\n", 6) == 0)
        succeed(upgrade);
    else if (size == 0)
        fail(upgrade);
}

static void begin(struct upgrade *upgrade)
{
    struct server *server = upgrade->server;
    int ends[2];
    char why[256];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        refuse(upgrade, "the system gives no pipe");
        return;
    }
    upgrade->size = 0;
    int error = start_process(upgrade, ends[1]);

    (void)close(ends[1]);
    upgrade->watch = (struct watch){.fd = ends[0], .wanted = LOOP_READ, .ready = heard};
    if (error == 0 && watch_start(server->loop, &upgrade->watch) == ERR_OK) {
        timer_set(server->loop, &upgrade->deadline, loop_now_ms(server->loop) + READY_MS);
        log_say(&server->log, LOG_INFO, "cli", "process %d is started to take over",
                (int)upgrade->pid);
        return;
    }
    if (error == 0) { /* nobody would hear from it */
        (void)kill(upgrade->pid, SIGKILL);
        (void)waitpid(upgrade->pid, NULL, 0);
        upgrade->pid = 0;
        error = EMFILE;
    }
    (void)close(ends[0]);
    (void)snprintf(why, sizeof why, "the program cannot be started: %s", strerror(error));
    refuse(upgrade, why);
}

void upgrade_start(struct upgrade *upgrade, const char *who)
{
    struct server *server = upgrade->server;

    log_say(&server->log, LOG_INFO, "cli", "%s: handing over to a new program", who);
    /* The answer of the one before, when it is still on its way, is also for who asked now. */
    if (upgrade->pid != 0 || atomic_load(&upgrade->is_answering))
        log_say(&server->log, LOG_WARNING, "cli", "that is under way already");
    else if (atomic_load(&server->is_draining))
        refuse(upgrade, "this process is ending already");
    else if (reload_is_under_way(server->reload))
        refuse(upgrade, "the configuration is being read anew: try again");
    else
        begin(upgrade);
}

static void asked(struct loop_task *task)
{
    struct upgrade *upgrade = list_owner(task, struct upgrade, asked);

    atomic_store(&upgrade->is_asked, false);
    upgrade->wants_answer = true;
    upgrade_start(upgrade, "POST /v1/upgrade");
}

void upgrade_ask(struct upgrade *upgrade)
{
    if (!atomic_exchange(&upgrade->is_asked, true))
        loop_post(upgrade->server->loop, &upgrade->asked);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct upgrade *upgrade_new(struct server *server)
{
    struct upgrade *upgrade = mem_new(1, sizeof *upgrade);

    upgrade->server = server;
    upgrade->watch.fd = -1;
    upgrade->asked.run = asked;
    upgrade->answer.run = answer;
    timer_init(&upgrade->deadline, late);
    buf_init(&upgrade->json, 8192, NULL);
    return upgrade;
}

void upgrade_free(struct upgrade **owner)
{
    struct upgrade *upgrade = *owner;

    if (upgrade == NULL)
        return;
    if (upgrade->watch.fd >= 0)
        stop_waiting(upgrade);
    buf_fini(&upgrade->json);
    mem_free(owner);
}
