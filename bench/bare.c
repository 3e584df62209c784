/* bare.c: the least that a server can do: one epoll loop that answers every request head with the
 * same bytes. The ceiling for a server on this kernel with this client; and an origin that costs
 * little. Never looks at what is asked.
 *
 *   bare FILE      prints "listening on 127.0.0.1:PORT", serves the FILE's bytes until it is ended
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 1 << 20, INPUT_MAX = 1 << 16, EVENTS_MAX = 256 };

static char answer[ANSWER_MAX];
static size_t answer_size;

static int give_up(const char *what)
{
    perror(what);
    exit(1);
}

static void read_answer(const char *path)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        give_up(path);
    answer_size = fread(answer, 1, sizeof answer, file);
    if (answer_size == 0 || fclose(file) != 0)
        give_up(path);
}

static int listen_on_loopback(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 4096) != 0 || getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        give_up("listen");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_all(int epoll, int listener)
{
    int fd = -1;
    int on = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
            give_up("epoll_ctl");
    }
}

/* A socket that takes nothing more is waited for: its buffer is far larger than what clients leave
 * unread. */
static void send_all(int fd)
{
    for (size_t sent = 0; sent < answer_size;) {
        ssize_t count = send(fd, answer + sent, answer_size - sent, MSG_NOSIGNAL);

        if (count < 0 && errno != EAGAIN)
            return;
        sent += count > 0 ? (size_t)count : 0;
    }
}

/* Heads come whole and without a body: whoever measures sends nothing else. */
static void answer_requests(int fd)
{
    static char input[INPUT_MAX];
    ssize_t count = recv(fd, input, sizeof input, 0);
    char *at = input;

    if (count == 0 || (count < 0 && errno != EAGAIN))
        close(fd);
    while (count > 0 && (at = memmem(at, (size_t)(input + count - at), "\r\n\r\n", 4)) != NULL) {
        send_all(fd);
        at += 4;
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS_MAX] = {{.events = EPOLLIN}};
    int epoll = epoll_create1(0);
    int listener = -1;

    if (argc != 2)
        return 2;
    read_answer(argv[1]);
    listener = listen_on_loopback();
    events[0].data.fd = listener;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, events) != 0)
        give_up("epoll_ctl");
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else
                answer_requests(events[i].data.fd);
        }
    }
}
