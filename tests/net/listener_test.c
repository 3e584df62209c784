/* listener_test.c: accepting, refusing, and saying why not. SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include "pair.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ACCEPTED_MAX = 64 };

struct hall {
    struct loop *loop;
    struct listener *listener;
    struct listener_limit limit;
    struct fault fault;
    int accepted[ACCEPTED_MAX];
    int accepted_count;
};

static void accepted(void *owner, int fd, const struct address *peer)
{
    struct hall *hall = owner;

    CHECK(hall->accepted_count < ACCEPTED_MAX && peer->size > 0);
    hall->accepted[hall->accepted_count++] = fd;
}

static struct bytes refused(void *owner)
{
    (void)owner;
    return BYTES("full\n");
}

static const struct listener_events events = {accepted, refused};

static enum err try_to_open(struct hall *hall, const char *text, bool share)
{
    struct address address;

    CHECK(address_parse(bytes_of_text(text), &address, &hall->fault) == ERR_OK);
    struct listener_birth birth = {.address = &address,
                                   .share = share,
                                   .limit = &hall->limit,
                                   .events = &events,
                                   .owner = hall};

    return listener_new(hall->loop, &birth, &hall->listener, &hall->fault);
}

static void hall_open(struct hall *hall, const char *text)
{
    *hall = (struct hall){.limit = {.connections_max = ACCEPTED_MAX}};
    CHECK(loop_new(NULL, &hall->loop) == ERR_OK);
    if (text != NULL && try_to_open(hall, text, false) != ERR_OK)
        t_fail(hall->fault.text, __FILE__, __LINE__);
}

static void hall_close(struct hall *hall)
{
    for (int i = 0; i < hall->accepted_count; i++)
        (void)close(hall->accepted[i]);
    listener_free(&hall->listener);
    loop_free(&hall->loop);
}

static int knock(const struct address *address)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0 && connect(fd, &address->any, address->size) == 0);
    return fd;
}

TEST(the_kernel_picks_a_port_and_connections_come_in)
{
    struct hall hall;

    hall_open(&hall, "127.0.0.1:0");
    const struct address *address = listener_address(hall.listener);

    CHECK(address_port(address) > 0);
    int fd = knock(address);

    TURN_UNTIL(hall.loop, hall.accepted_count == 1);
    CHECK((fcntl(hall.accepted[0], F_GETFL) & O_NONBLOCK) != 0);
    CHECK((fcntl(hall.accepted[0], F_GETFD) & FD_CLOEXEC) != 0);
    (void)close(fd);
    hall_close(&hall);
}

TEST(an_address_in_use_is_told_in_a_sentence)
{
    struct hall first, second;
    char text[ADDRESS_TEXT_SIZE];

    hall_open(&first, "127.0.0.1:0");
    hall_open(&second, NULL);
    address_text(listener_address(first.listener), text);
    CHECK(try_to_open(&second, text, false) == ERR_SYSTEM);
    CHECK(strstr(second.fault.text, "another program is listening there") != NULL);
    CHECK(strstr(second.fault.text, text) != NULL);
    hall_close(&second);
    hall_close(&first);
}

TEST(workers_share_a_port)
{
    struct hall first, second;
    char text[ADDRESS_TEXT_SIZE];
    int fds[ACCEPTED_MAX];

    hall_open(&first, "127.0.0.1:0");
    hall_open(&second, NULL);
    address_text(listener_address(first.listener), text);
    CHECK(try_to_open(&second, text, true) == ERR_OK);
    for (int i = 0; i < ACCEPTED_MAX; i++)
        fds[i] = knock(listener_address(first.listener));
    for (int turns = 0; first.accepted_count + second.accepted_count < ACCEPTED_MAX; turns++) {
        CHECK(turns < TURNS_MAX);
        loop_turn(first.loop, 0);
        loop_turn(second.loop, 0);
    }
    CHECK(first.accepted_count > 0 && second.accepted_count > 0);
    for (int i = 0; i < ACCEPTED_MAX; i++)
        (void)close(fds[i]);
    hall_close(&second);
    hall_close(&first);
}

TEST(a_port_is_free_again_when_its_listener_is_gone)
{
    struct hall hall;
    char text[ADDRESS_TEXT_SIZE];

    hall_open(&hall, "127.0.0.1:0");
    address_text(listener_address(hall.listener), text);
    int fd = knock(listener_address(hall.listener));

    TURN_UNTIL(hall.loop, hall.accepted_count == 1);
    (void)close(hall.accepted[0]); /* our side first: it stays in TIME_WAIT */
    (void)close(fd);
    hall.accepted_count = 0;
    listener_free(&hall.listener);
    CHECK(try_to_open(&hall, text, false) == ERR_OK);
    hall_close(&hall);
}

TEST(an_address_of_another_machine_is_told)
{
    struct hall hall;

    hall_open(&hall, NULL);
    CHECK(try_to_open(&hall, "192.0.2.1:0", false) == ERR_SYSTEM);
    CHECK(strstr(hall.fault.text, "no such address") != NULL);
    hall_close(&hall);
}

TEST(one_too_many_hears_the_last_words)
{
    struct hall hall;
    char text[16] = "";
    int fds[2], extra;

    hall_open(&hall, "127.0.0.1:0");
    hall.limit.connections_max = 2;
    for (int i = 0; i < 2; i++)
        fds[i] = knock(listener_address(hall.listener));
    TURN_UNTIL(hall.loop, hall.accepted_count == 2);
    extra = knock(listener_address(hall.listener));
    TURN_UNTIL(hall.loop, counter_read(&hall.limit.refused) == 1);
    CHECK(recv(extra, text, sizeof text, 0) == 5 && strcmp(text, "full\n") == 0);
    CHECK(recv(extra, text, sizeof text, 0) == 0);
    (void)close(extra);
    listener_limit_leave(&hall.limit);
    extra = knock(listener_address(hall.listener));
    TURN_UNTIL(hall.loop, hall.accepted_count == 3);
    (void)close(extra);
    for (int i = 0; i < 2; i++)
        (void)close(fds[i]);
    hall_close(&hall);
}

static int highest_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    CHECK(fd >= 0);
    (void)close(fd);
    return fd;
}

TEST(when_descriptors_run_out_accepting_pauses_and_goes_on)
{
    struct hall hall;
    struct rlimit before, tight;
    int fds[4];

    hall_open(&hall, "127.0.0.1:0");
    for (int i = 0; i < 4; i++)
        fds[i] = knock(listener_address(hall.listener));
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    tight = before;
    tight.rlim_cur = (rlim_t)highest_descriptor() + 2; /* two more fit */
    CHECK(setrlimit(RLIMIT_NOFILE, &tight) == 0);
    TURN_UNTIL(hall.loop, hall.accepted_count == 2);
    for (int i = 0; i < 10; i++)
        loop_turn(hall.loop, 0);
    CHECK(hall.accepted_count == 2);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    TURN_UNTIL(hall.loop, hall.accepted_count == 4);
    for (int i = 0; i < 4; i++)
        (void)close(fds[i]);
    hall_close(&hall);
}

struct folder {
    char path[64];
    char socket[80];
    char address[96];
};

static void folder_open(struct folder *folder)
{
    (void)snprintf(folder->path, sizeof folder->path, "/tmp/larder-listener-XXXXXX");
    CHECK(mkdtemp(folder->path) != NULL);
    (void)snprintf(folder->socket, sizeof folder->socket, "%s/s", folder->path);
    (void)snprintf(folder->address, sizeof folder->address, "unix:%s", folder->socket);
}

static void folder_close(const struct folder *folder)
{
    (void)unlink(folder->socket);
    CHECK(rmdir(folder->path) == 0);
}

TEST(a_unix_socket_is_for_this_user_and_leaves_with_its_listener)
{
    struct hall hall;
    struct folder folder;
    struct stat info;

    folder_open(&folder);
    hall_open(&hall, folder.address);
    CHECK(stat(folder.socket, &info) == 0 && (info.st_mode & 0777) == 0600);
    int fd = knock(listener_address(hall.listener));

    TURN_UNTIL(hall.loop, hall.accepted_count == 1);
    (void)close(fd);
    hall_close(&hall);
    CHECK(stat(folder.socket, &info) != 0 && errno == ENOENT);
    folder_close(&folder);
}

TEST(a_unix_socket_in_use_is_left_alone_and_a_stale_one_is_replaced)
{
    struct hall first, second;
    struct folder folder;
    struct address address;

    folder_open(&folder);
    hall_open(&first, folder.address);
    hall_open(&second, NULL);
    CHECK(try_to_open(&second, folder.address, false) == ERR_SYSTEM);
    CHECK(strstr(second.fault.text, "another program") != NULL);
    hall_close(&first);

    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(address_parse(bytes_of_text(folder.address), &address, &second.fault) == ERR_OK);
    CHECK(bind(dead, &address.any, address.size) == 0);
    (void)close(dead);
    CHECK(try_to_open(&second, folder.address, false) == ERR_OK);
    hall_close(&second);
    folder_close(&folder);
}

TEST(a_file_in_the_way_of_a_unix_socket_is_not_removed)
{
    struct hall hall;
    struct folder folder;
    struct stat info;

    folder_open(&folder);
    int fd = open(folder.socket, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    (void)close(fd);
    hall_open(&hall, NULL);
    CHECK(try_to_open(&hall, folder.address, false) == ERR_SYSTEM);
    CHECK(strstr(hall.fault.text, "no socket") != NULL);
    CHECK(stat(folder.socket, &info) == 0);
    hall_close(&hall);
    folder_close(&folder);
}
