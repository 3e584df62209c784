/* pair.c: making and watching two ends. SPDX-License-Identifier: MIT */
#include "pair.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void make_non_blocking(int fd)
{
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
}

void pair_local(int ret_ends[2])
{
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_ends) == 0);
}

void pair_tcp(int ret_ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(door >= 0 && bind(door, (struct sockaddr *)&address, size) == 0 && listen(door, 1) == 0);
    CHECK(getsockname(door, (struct sockaddr *)&address, &size) == 0);
    ret_ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(ret_ends[0], (struct sockaddr *)&address, size) == 0);
    ret_ends[1] = accept(door, NULL, NULL);
    CHECK(ret_ends[1] >= 0);
    make_non_blocking(ret_ends[0]);
    make_non_blocking(ret_ends[1]);
    (void)close(door);
}

static void connected(struct conn *conn, void *owner)
{
    struct end *end = owner;

    CHECK(conn == end->conn);
    end->connected = true;
}

static void ahead(struct conn *conn, void *owner)
{
    struct end *end = owner;

    CHECK(conn == end->conn && conn_input(conn).size > 0);
    if (end->clock != NULL)
        end->ahead_at = ++*end->clock;
}

static void received(struct conn *conn, void *owner)
{
    struct end *end = owner;
    struct bytes input = conn_input(conn);

    CHECK(input.size > 0);
    if (end->clock != NULL)
        end->received_at = ++*end->clock;
    if (end->on_received != NULL)
        end->on_received(end);
    if (input.size > end->largest_input)
        end->largest_input = input.size;
    if (end->echoes) {
        conn_send(conn, input);
        conn_consume(conn, input.size);
        if (conn_is_congested(conn))
            conn_pause(conn);
        return;
    }
    if (!end->consumes)
        return;
    CHECK(input.size <= end->got_max - end->got_size);
    memcpy(end->got + end->got_size, input.data, input.size);
    end->got_size += input.size;
    conn_consume(conn, input.size);
}

static void ended(struct conn *conn, void *owner)
{
    struct end *end = owner;

    CHECK(conn == end->conn && !end->ended);
    end->ended = true;
}

static void drained(struct conn *conn, void *owner)
{
    struct end *end = owner;

    CHECK(!conn_is_congested(conn));
    end->drained_count++;
    if (end->echoes)
        conn_resume(conn);
}

static void closed(struct conn *conn, void *owner, enum err why)
{
    struct end *end = owner;

    CHECK(conn == end->conn);
    end->conn = NULL;
    end->closed_count++;
    end->why = why;
}

const struct conn_events end_events = {
    .connected = connected,
    .ahead = ahead,
    .received = received,
    .ended = ended,
    .drained = drained,
    .closed = closed,
};

void end_init(struct end *end, size_t got_max)
{
    *end = (struct end){.consumes = true, .got_max = got_max};
    account_init(&end->account, NULL, 0);
    end->settings = (struct conn_settings){.input_max = 1 << 20,
                                           .output_high = 256 << 10,
                                           .output_low = 64 << 10,
                                           .output_max = 1 << 30,
                                           .account = &end->account};
    end->got = malloc(got_max + 1);
    CHECK(end->got != NULL);
}

void end_fini(struct end *end)
{
    CHECK(end->conn == NULL && end->closed_count <= 1);
    CHECK(account_used(&end->account) == 0);
    free(end->got);
}

void end_accept(struct end *end, struct loop *loop, int fd)
{
    CHECK(conn_accept(loop, fd, &end->settings, &end_events, end, &end->conn) == ERR_OK);
}

void pattern_fill(uint8_t *to, size_t at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = pattern(at + i);
}

bool pattern_fits(const uint8_t *bytes, size_t at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != pattern(at + i))
            return false;
    }
    return true;
}
