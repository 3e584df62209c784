/* inheritance.c: sockets out of the environment. SPDX-License-Identifier: MIT */
#include "cli/inheritance.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/number.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIRST_FD = 3 /* of systemd */, NAME_SIZE = 16 };

struct heir {
    char name[NAME_SIZE];
    int fd;
    bool is_ours; /* from a Larder: its address counts */
    bool is_taken;
};

struct inheritance {
    size_t count;
    struct heir heirs[INHERITANCE_MAX];
    int ready; /* negative: nobody waits */
};

static bool is_listening(int fd)
{
    int is_on = 0;
    socklen_t size = sizeof is_on;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_on, &size) == 0 && is_on != 0;
}

static void add(struct inheritance *inheritance, struct bytes name, int fd, bool is_ours)
{
    if (inheritance->count == INHERITANCE_MAX || name.size >= NAME_SIZE || !is_listening(fd))
        return;
    struct heir *heir = &inheritance->heirs[inheritance->count++];

    *heir = (struct heir){.fd = fd, .is_ours = is_ours};
    memcpy(heir->name, name.data, name.size);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static bool read_number(const char *text, uint64_t most, uint64_t *ret_number)
{
    return text != NULL && number_u64(bytes_of_text(text), ret_number) == ERR_OK &&
           *ret_number <= most;
}

static void take_from_systemd(struct inheritance *inheritance)
{
    struct bytes names =
        bytes_of_text(getenv("LISTEN_FDNAMES") == NULL ? "" : getenv("LISTEN_FDNAMES"));
    uint64_t pid = 0, count = 0;

    if (!read_number(getenv("LISTEN_PID"), INT32_MAX, &pid) || (pid_t)pid != getpid() ||
        !read_number(getenv("LISTEN_FDS"), INHERITANCE_MAX, &count))
        return;
    for (int i = 0; i < (int)count; i++)
        add(inheritance, bytes_cut(&names, ':'), FIRST_FD + i, false);
}

static void take_from_larder(struct inheritance *inheritance)
{
    struct bytes list =
        bytes_of_text(getenv("LARDER_SOCKETS") == NULL ? "" : getenv("LARDER_SOCKETS"));
    uint64_t fd = 0;

    while (list.size > 0) {
        struct bytes number = bytes_cut(&list, ',');
        struct bytes name = bytes_cut(&number, '=');

        if (number_u64(number, &fd) == ERR_OK && fd > STDERR_FILENO && fd <= INT32_MAX)
            add(inheritance, name, (int)fd, true);
    }
    if (read_number(getenv("LARDER_READY"), INT32_MAX, &fd) && fd > STDERR_FILENO &&
        fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0)
        inheritance->ready = (int)fd;
}

struct inheritance *inheritance_new(void)
{
    static const char *const names[] = {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
                                        "LARDER_SOCKETS", "LARDER_READY"};
    struct inheritance *inheritance = mem_new(1, sizeof *inheritance);

    inheritance->ready = -1;
    take_from_larder(inheritance);
    take_from_systemd(inheritance);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
    return inheritance;
}

static void close_rest(struct inheritance *inheritance)
{
    for (size_t i = 0; i < inheritance->count; i++) {
        if (!inheritance->heirs[i].is_taken)
            (void)close(inheritance->heirs[i].fd);
    }
    inheritance->count = 0;
}

void inheritance_free(struct inheritance **owner)
{
    struct inheritance *inheritance = *owner;

    if (inheritance == NULL)
        return;
    close_rest(inheritance);
    if (inheritance->ready >= 0)
        (void)close(inheritance->ready);
    mem_free(owner);
}

/* With port 0 any port was wanted, and this is the one. */
static bool is_there(const struct heir *heir, const struct address *want)
{
    char is_text[ADDRESS_TEXT_SIZE], want_text[ADDRESS_TEXT_SIZE];
    struct address is = {.size = sizeof is.local};

    if (!heir->is_ours)
        return true;
    if (getsockname(heir->fd, &is.any, &is.size) != 0 || is.any.sa_family != want->any.sa_family)
        return false;
    if (want->any.sa_family != AF_UNIX && address_port(want) == 0)
        return true;
    address_text(&is, is_text);
    address_text(want, want_text);
    return strcmp(is_text, want_text) == 0;
}

int inheritance_take(struct inheritance *inheritance, const char *door, const struct address *want,
                     bool is_first)
{
    const struct heir *shared = NULL;

    for (size_t i = 0; i < inheritance->count; i++) {
        struct heir *heir = &inheritance->heirs[i];

        if (strcmp(heir->name, door) != 0 || !is_there(heir, want))
            continue;
        if (heir->is_taken) {
            shared = shared == NULL ? heir : shared;
            continue;
        }
        heir->is_taken = true;
        return heir->fd;
    }
    /* One socket that many wait for; a Unix socket has one owner only. */
    if (is_first || shared == NULL || want->any.sa_family == AF_UNIX)
        return 0;
    int fd = fcntl(shared->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    return fd < 0 ? 0 : fd;
}

static void say(struct inheritance *inheritance, const char *text)
{
    if (inheritance->ready < 0)
        return;
    ssize_t written = write(inheritance->ready, text, strlen(text));

    (void)written; /* who does not read it any more sees the pipe close */
    (void)close(inheritance->ready);
    inheritance->ready = -1;
}

void inheritance_say_ready(struct inheritance *inheritance)
{
    close_rest(inheritance);
    say(inheritance, "ready\n");
}

void inheritance_say_failed(struct inheritance *inheritance, const struct fault *fault)
{
    char text[sizeof fault->text + sizeof fault->file + 32];

    if (fault->file[0] != '\0')
        (void)snprintf(text, sizeof text, "%s:%d:%d: %s", fault->file, fault->line, fault->column,
                       fault->text);
    else
        (void)snprintf(text, sizeof text, "%s", fault->text);
    say(inheritance, text);
}
