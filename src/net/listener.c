/* listener.c: binding, accepting, turning away. SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include "base/mem.h"
#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    ACCEPT_MAX = 64, /* in one go, before other sockets have their turn */
    PAUSE_MS = 100
};

struct listener {
    struct watch watch; /* first: a watch is its listener */
    struct loop *loop;
    struct address address;
    struct listener_limit *limit;
    const struct listener_events *events;
    void *owner;
    struct timer pause;
    bool owns_path; /* of a Unix socket */
};

/* ---- binding ------------------------------------------------------------------------------ */

static enum err say_why(const struct address *address, int why, struct fault *fault)
{
    char text[ADDRESS_TEXT_SIZE];

    address_text(address, text);
    switch (why) {
    case EADDRINUSE:
        return fault_say(fault, ERR_SYSTEM,
                         "cannot listen on %s: another program is listening there; stop it or "
                         "choose another address",
                         text);
    case EACCES:
    case EPERM:
        return fault_say(fault, ERR_SYSTEM,
                         address_port(address) > 0 && address_port(address) < 1024
                             ? "cannot listen on %s: ports below 1024 need root or "
                               "CAP_NET_BIND_SERVICE; choose a port from 1024 up"
                             : "cannot listen on %s: permission denied; choose an address that "
                               "this user may use",
                         text);
    case EADDRNOTAVAIL:
        return fault_say(fault, ERR_SYSTEM,
                         "cannot listen on %s: this machine has no such address; use one of its "
                         "own, or 0.0.0.0 for all of them",
                         text);
    case ENOENT:
    case ENOTDIR:
        return fault_say(fault, ERR_SYSTEM, "cannot listen on %s: its folder does not exist", text);
    case ENOTSOCK:
        return fault_say(fault, ERR_SYSTEM,
                         "cannot listen on %s: a file that is no socket stands there; remove it or "
                         "choose another path",
                         text);
    default:
        return fault_say(fault, ERR_SYSTEM, "cannot listen on %s: %s", text, strerrordesc_np(why));
    }
}

/* What a program that ended without cleaning up left behind refuses connections. 0: it is gone now;
 * else what stands in the way. */
static int remove_stale_socket(const struct address *address)
{
    struct stat info;

    if (lstat(address->local.sun_path, &info) != 0)
        return errno == ENOENT ? 0 : errno;
    if (!S_ISSOCK(info.st_mode))
        return ENOTSOCK;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno;
    int answer = connect(fd, &address->any, address->size) == 0 ? 0 : errno;

    (void)close(fd);
    if (answer != ECONNREFUSED)
        return answer == EACCES ? EACCES : EADDRINUSE;
    return unlink(address->local.sun_path) == 0 || errno == ENOENT ? 0 : errno;
}

static int bind_local(int fd, const struct address *address)
{
    /* The file that bind makes takes the descriptor's mode: for this user only. */
    if (fchmod(fd, 0600) != 0)
        return errno;
    if (bind(fd, &address->any, address->size) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return errno;
    int why = remove_stale_socket(address);

    if (why != 0)
        return why;
    return bind(fd, &address->any, address->size) == 0 ? 0 : errno;
}

static int set_option(int fd, int option)
{
    int on = 1;

    return setsockopt(fd, SOL_SOCKET, option, &on, sizeof on) == 0 ? 0 : errno;
}

/* The first of a group binds without SO_REUSEPORT: with it, another program that has it too (a
 * second Larder) would share the port in silence. It allows others to join afterwards. */
static int bind_port(int fd, const struct address *address, bool share)
{
    int on = 1;
    int why = set_option(fd, SO_REUSEADDR);

    if (why == 0 && address->any.sa_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        why = errno;
    if (why == 0 && share)
        why = set_option(fd, SO_REUSEPORT);
    if (why == 0 && bind(fd, &address->any, address->size) != 0)
        why = errno;
    if (why == 0 && !share)
        why = set_option(fd, SO_REUSEPORT);
    return why;
}

static int bind_and_listen(struct listener *listener, bool share)
{
    struct address *address = &listener->address;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno;
    bool local = address->any.sa_family == AF_UNIX;
    int why = local ? bind_local(fd, address) : bind_port(fd, address, share);

    listener->owns_path = local && why == 0;
    if (why == 0 && listen(fd, BACKLOG) != 0)
        why = errno;
    if (why == 0 && !local && getsockname(fd, &address->any, &address->size) != 0)
        why = errno;
    if (why != 0) {
        (void)close(fd);
        return why;
    }
    listener->watch.fd = fd;
    return 0;
}

/* ---- accepting ---------------------------------------------------------------------------- */

static void turn_away(struct listener *listener, int fd)
{
    counter_add_shared(&listener->limit->refused, 1);
    if (listener->events->refused != NULL) {
        struct bytes words = listener->events->refused(listener->owner);
        uint8_t unread[4096];

        (void)send(fd, words.data, words.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        /* Unread input would turn the close into a reset, which can overtake the words. */
        (void)shutdown(fd, SHUT_WR);
        (void)recv(fd, unread, sizeof unread, MSG_DONTWAIT);
    }
    (void)close(fd);
}

static bool enter(struct listener_limit *limit)
{
    uint64_t before = atomic_fetch_add_explicit(&limit->connections, 1, memory_order_relaxed);

    if (before < limit->connections_max)
        return true;
    atomic_fetch_sub_explicit(&limit->connections, 1, memory_order_relaxed);
    return false;
}

void listener_limit_leave(struct listener_limit *limit)
{
    uint64_t before = atomic_fetch_sub_explicit(&limit->connections, 1, memory_order_relaxed);

    must(before > 0);
}

static void pause_for_a_moment(struct listener *listener)
{
    if (watch_want(listener->loop, &listener->watch, 0) == ERR_OK)
        timer_set(listener->loop, &listener->pause, loop_now_ms(listener->loop) + PAUSE_MS);
}

static void pause_ends(struct timer *timer)
{
    struct listener *listener = list_owner(timer, struct listener, pause);

    if (watch_want(listener->loop, &listener->watch, LOOP_READ) != ERR_OK)
        timer_set(listener->loop, timer, loop_now_ms(listener->loop) + PAUSE_MS);
}

static bool is_short_of_something(int why)
{
    return why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM;
}

/* One connection. False: there is none at the moment. */
static bool accept_one(struct listener *listener)
{
    struct address peer = {.size = sizeof peer.local};
    int fd = accept4(listener->watch.fd, &peer.any, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (is_short_of_something(errno))
            pause_for_a_moment(listener);
        /* Other errors are about one connection that broke before it was accepted. */
        return !is_short_of_something(errno) && errno != EAGAIN;
    }
    if (enter(listener->limit))
        listener->events->accepted(listener->owner, fd, &peer);
    else
        turn_away(listener, fd);
    return true;
}

static void accept_some(struct watch *watch, unsigned what)
{
    struct listener *listener = (struct listener *)watch;

    (void)what;
    for (int i = 0; i < ACCEPT_MAX && accept_one(listener); i++)
        continue;
}

void listener_accept_rest(struct listener *listener)
{
    for (int i = 0; listener->watch.fd >= 0 && i < BACKLOG && accept_one(listener); i++)
        continue;
}

/* ---- life --------------------------------------------------------------------------------- */

/* Somebody else made it: systemd, or the Larder before this one. */
static int take_over(struct listener *listener, int fd)
{
    struct address *address = &listener->address;

    address->size = sizeof address->local;
    if (getsockname(fd, &address->any, &address->size) != 0)
        return errno;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return errno;
    /* Whoever listened before may have had fewer in mind. */
    if (listen(fd, BACKLOG) != 0)
        return errno;
    /* The path of a Unix socket is whose who made it: systemd goes on listening there. What another
     * Larder leaves behind, the next one that wants the path takes away. */
    listener->watch.fd = fd;
    return 0;
}

static enum err open_door(struct listener *listener, const struct listener_birth *birth,
                          struct fault *fault)
{
    int why = birth->handed > 0 ? take_over(listener, birth->handed)
                                : bind_and_listen(listener, birth->share);

    if (why != 0)
        return say_why(&listener->address, why, fault);
    if (watch_start(listener->loop, &listener->watch) == ERR_OK)
        return ERR_OK;
    why = errno;
    (void)close(listener->watch.fd);
    return say_why(&listener->address, why, fault);
}

enum err listener_new(struct loop *loop, const struct listener_birth *birth,
                      struct listener **ret_listener, struct fault *fault)
{
    struct listener *listener = mem_new(1, sizeof *listener);

    *listener = (struct listener){
        .watch = {.fd = -1, .wanted = LOOP_READ, .ready = accept_some},
        .loop = loop,
        .address = *birth->address,
        .limit = birth->limit,
        .events = birth->events,
        .owner = birth->owner,
    };
    timer_init(&listener->pause, pause_ends);
    /* Only one descriptor can own a path: the first worker's accepts for all. */
    bool idle = birth->share && birth->address->any.sa_family == AF_UNIX && birth->handed == 0;
    enum err err = idle ? ERR_OK : open_door(listener, birth, fault);

    if (err != ERR_OK) {
        mem_free(&listener);
        return err;
    }
    *ret_listener = listener;
    return ERR_OK;
}

void listener_free(struct listener **owner)
{
    struct listener *listener = *owner;

    if (listener == NULL)
        return;
    timer_clear(listener->loop, &listener->pause);
    if (listener->watch.fd >= 0) {
        watch_stop(listener->loop, &listener->watch);
        (void)close(listener->watch.fd);
    }
    if (listener->owns_path && !atomic_load(&listener->limit->is_handed_over))
        (void)unlink(listener->address.local.sun_path);
    mem_free(owner);
}

int listener_fd(const struct listener *listener)
{
    return listener->watch.fd;
}

const struct address *listener_address(const struct listener *listener)
{
    return &listener->address;
}
