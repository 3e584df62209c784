/* origin_test.c: asking an origin that does not always behave. SPDX-License-Identifier: MIT
 *
 * The origin is played by the test itself: it accepts, reads and writes between the turns of the
 * loop, so everything happens in one thread and in a chosen order.
 */
#include "base/mem.h"
#include "pair.h"
#include "upstream/fleet.h"
#include "upstream/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINES_MAX = 8, GOT_MAX = 64 << 20 };

/* ---- one who asks -------------------------------------------------------------------------- */

struct asker {
    struct exchange *exchange;
    unsigned status;
    unsigned interim; /* the last one */
    unsigned heads;
    unsigned dones;
    unsigned readies;
    unsigned ends;
    enum err err;
    size_t size;
    uint8_t *body;
    bool pauses; /* at each piece */
    bool cancels_at_head;
    bool cancels_at_body;
};

static void interim(struct exchange *exchange, void *owner, const struct http_head *head)
{
    struct asker *asker = owner;

    CHECK(exchange == asker->exchange);
    asker->interim = head->status;
}

static void head(struct exchange *exchange, void *owner, const struct http_head *head)
{
    struct asker *asker = owner;

    CHECK(exchange == asker->exchange && asker->dones == 0);
    asker->heads++;
    asker->status = head->status;
    CHECK(exchange_first_byte_ms(exchange) >= 0);
    if (asker->cancels_at_head)
        exchange_cancel(&asker->exchange);
}

static void body(struct exchange *exchange, void *owner, struct bytes piece)
{
    struct asker *asker = owner;

    CHECK(exchange == asker->exchange && asker->heads == 1 && piece.size > 0);
    CHECK(asker->size + piece.size <= GOT_MAX);
    asker->body = realloc(asker->body, asker->size + piece.size);
    memcpy(asker->body + asker->size, piece.data, piece.size);
    asker->size += piece.size;
    if (asker->pauses)
        exchange_pause(exchange);
    if (asker->cancels_at_body)
        exchange_cancel(&asker->exchange);
}

static void ready(struct exchange *exchange, void *owner)
{
    struct asker *asker = owner;

    CHECK(exchange == asker->exchange);
    asker->readies++;
}

static void done(struct exchange *exchange, void *owner, enum err err)
{
    struct asker *asker = owner;

    CHECK(exchange == asker->exchange && asker->dones == 0);
    asker->dones++;
    asker->err = err;
    asker->exchange = NULL;
}

static void switched(struct exchange *exchange, void *owner, const struct http_head *head)
{
    struct asker *asker = owner;

    CHECK(exchange == asker->exchange && head->status == 101 && asker->heads == 0);
    asker->heads++;
    asker->status = 101;
}

static void ended(struct exchange *exchange, void *owner)
{
    struct asker *asker = owner;

    CHECK(exchange == asker->exchange && asker->status == 101);
    asker->ends++;
}

static const struct exchange_events asker_events = {interim, head,     body, ready,
                                                    done,    switched, ended};

static bool body_is(const struct asker *asker, const char *text)
{
    return asker->size == strlen(text) && memcmp(asker->body, text, asker->size) == 0;
}

/* ---- the scene ----------------------------------------------------------------------------- */

struct scene {
    struct loop *loop;
    struct account account;
    struct origin_settings settings;
    struct log log;
    struct fleet *fleet;
    struct origin *origin;
    struct fault fault;
    int door;
    char address[ADDRESS_TEXT_SIZE];
    const char *servers[4];
};

static int open_door(char ret_address[ADDRESS_TEXT_SIZE])
{
    struct address address = {.v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}},
                              .size = sizeof address.v4};
    int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    CHECK(door >= 0 && bind(door, &address.any, address.size) == 0 && listen(door, 64) == 0);
    CHECK(getsockname(door, &address.any, &address.size) == 0);
    address_text(&address, ret_address);
    return door;
}

static void scene_open(struct scene *scene)
{
    *scene = (struct scene){0};
    scene->door = open_door(scene->address);
    scene->servers[0] = scene->address;
    account_init(&scene->account, NULL, 0);
    scene->settings = (struct origin_settings){
        .servers = {scene->servers, 1},
        .connections_max = 8,
        .idle_max = 8,
        .idle_ms = 60000,
        .queue_max = 8,
        .queue_wait_ms = 60000,
        .connect_ms = 60000,
        .first_byte_ms = 60000,
        .between_bytes_ms = 60000,
        .total_ms = 600000,
        .breaker_window_ms = 10000,
        .breaker_requests = 1000000, /* it stays closed */
        .breaker_rate = 1,
        .breaker_open_ms = 1000,
        .breaker_probes = 1,
        .health_status = "200-299",
    };
    scene->log = (struct log){.fd = -1, .level = LOG_ERROR};
    CHECK(loop_new(NULL, &scene->loop) == ERR_OK);
}

static void scene_start(struct scene *scene)
{
    CHECK(fleet_new("shop", &scene->settings, &scene->log, &scene->fleet, &scene->fault) == ERR_OK);
    origin_new(scene->loop, scene->fleet, &scene->account, &scene->origin);
}

static void scene_close(struct scene *scene)
{
    origin_free(&scene->origin);
    loop_free(&scene->loop);
    fleet_free(&scene->fleet);
    CHECK(account_used(&scene->account) == 0);
    (void)close(scene->door);
}

static uint64_t metric(const struct counter *counter)
{
    return counter_read(counter);
}

static void ask_with(struct scene *scene, struct asker *asker, struct exchange_request request)
{
    *asker = (struct asker){0};
    CHECK(exchange_start(scene->origin, &request, &asker_events, asker, &asker->exchange) ==
          ERR_OK);
    CHECK(asker->dones == 0);
}

static void ask(struct scene *scene, struct asker *asker, const char *method)
{
    static const struct http_field fields[] = {
        {BYTES_INIT("Host"), BYTES_INIT("shop.example"), HTTP_HOST}};

    ask_with(scene, asker,
             (struct exchange_request){
                 .method = bytes_of_text(method),
                 .target = BYTES("/a?b"),
                 .fields = fields,
                 .field_count = 1,
             });
}

static void asker_end(struct asker *asker)
{
    free(asker->body);
    asker->body = NULL;
}

/* ---- the origin's side --------------------------------------------------------------------- */

static int accept_next(struct scene *scene)
{
    int fd = -1;

    TURN_UNTIL(scene->loop, (fd = accept4(scene->door, NULL, NULL, SOCK_NONBLOCK)) >= 0);
    return fd;
}

static bool nobody_comes(struct scene *scene)
{
    for (int i = 0; i < 10; i++)
        loop_turn(scene->loop, 0);
    int fd = accept4(scene->door, NULL, NULL, SOCK_NONBLOCK);

    if (fd >= 0)
        (void)close(fd);
    return fd < 0;
}

/* Reads until the bytes end in `end`. */
static void hear(struct scene *scene, int fd, char *to, size_t max, const char *end)
{
    size_t size = 0, end_size = strlen(end);

    for (int turns = 0;; turns++) {
        CHECK(turns < TURNS_MAX);
        ssize_t count = recv(fd, to + size, max - 1 - size, 0);

        CHECK(count > 0 || (count < 0 && errno == EAGAIN));
        size += count > 0 ? (size_t)count : 0;
        to[size] = '\0';
        if (size >= end_size && memcmp(to + size - end_size, end, end_size) == 0)
            return;
        loop_turn(scene->loop, 1);
    }
}

static void hear_request(struct scene *scene, int fd)
{
    char text[4096];

    hear(scene, fd, text, sizeof text, "\r\n\r\n");
    CHECK(strstr(text, " /a?b HTTP/1.1\r\nHost: shop.example\r\n") != NULL);
}

static void say(int fd, const char *text)
{
    CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void end_with_reset(int fd)
{
    struct linger at_once = {.l_onoff = 1};

    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    (void)close(fd);
}

/* Asks, answers with `answer`, ends the connection if wanted, and waits for the end. */
static void converse(struct scene *scene, struct asker *asker, const char *method,
                     const char *answer, bool ends)
{
    ask(scene, asker, method);
    int fd = accept_next(scene);

    hear_request(scene, fd);
    say(fd, answer);
    if (ends)
        (void)close(fd);
    TURN_UNTIL(scene->loop, asker->dones == 1);
    if (!ends)
        (void)close(fd);
}

/* ---- promises ------------------------------------------------------------------------------ */

TEST(a_response_is_told_whole_and_its_connection_serves_again)
{
    struct scene scene;
    struct asker asker;

    scene_open(&scene);
    scene_start(&scene);
    ask(&scene, &asker, "GET");
    int fd = accept_next(&scene);

    for (int i = 0; i < 3; i++) {
        if (i > 0)
            ask(&scene, &asker, "GET");
        hear_request(&scene, fd);
        say(fd, ANSWER);
        TURN_UNTIL(scene.loop, asker.dones == 1);
        CHECK(asker.err == ERR_OK && asker.status == 200 && body_is(&asker, "hello"));
        asker_end(&asker);
    }
    CHECK(nobody_comes(&scene));
    CHECK(metric(&origin_metrics(scene.origin)->connects) == 1);
    CHECK(metric(&origin_metrics(scene.origin)->responses) == 3);
    CHECK(metric(&origin_metrics(scene.origin)->idle) == 1);
    (void)close(fd);
    scene_close(&scene);
}

TEST(framing_and_hop_by_hop_fields_are_never_forwarded)
{
    static const struct http_field fields[] = {
        {BYTES_INIT("Host"), BYTES_INIT("shop.example"), HTTP_HOST},
        {BYTES_INIT("Transfer-Encoding"), BYTES_INIT("chunked"), HTTP_TRANSFER_ENCODING},
        {BYTES_INIT("Content-Length"), BYTES_INIT("77"), HTTP_CONTENT_LENGTH},
        {BYTES_INIT("Connection"), BYTES_INIT("close"), HTTP_CONNECTION},
        {BYTES_INIT("TE"), BYTES_INIT("trailers"), HTTP_TE},
        {BYTES_INIT("Upgrade"), BYTES_INIT("websocket"), HTTP_UPGRADE},
        {BYTES_INIT("Expect"), BYTES_INIT("100-continue"), HTTP_EXPECT},
        {BYTES_INIT("X-Mine"), BYTES_INIT("stays"), HTTP_OTHER},
    };
    struct scene scene;
    struct asker asker;
    char text[4096];

    scene_open(&scene);
    scene.settings.host = "other.example";
    scene_start(&scene);
    ask_with(&scene, &asker,
             (struct exchange_request){.method = BYTES("POST"),
                                       .target = BYTES("/"),
                                       .fields = fields,
                                       .field_count = sizeof fields / sizeof fields[0],
                                       .has_body = true,
                                       .body_size_known = true,
                                       .body_size = 3});
    CHECK(!exchange_send(asker.exchange, BYTES("abc"))); /* not connected yet */
    exchange_send_end(asker.exchange);
    int fd = accept_next(&scene);

    hear(&scene, fd, text, sizeof text, "abc");
    CHECK(strcmp(text, "POST / HTTP/1.1\r\nHost: other.example\r\nX-Mine: stays\r\n"
                       "Content-Length: 3\r\n\r\nabc") == 0);
    say(fd, ANSWER);
    TURN_UNTIL(scene.loop, asker.dones == 1);
    CHECK(asker.err == ERR_OK);
    asker_end(&asker);
    (void)close(fd);
    scene_close(&scene);
}

TEST(what_cannot_be_written_as_http_is_refused)
{
    static const struct http_field evil[] = {
        {BYTES_INIT("X"), BYTES_INIT("a\r\nEvil: 1"), HTTP_OTHER}};
    struct scene scene;
    struct asker asker = {0};
    struct exchange_request request = {.method = BYTES("GET"), .target = BYTES("/ HTTP/1.1\r\n")};

    scene_open(&scene);
    scene_start(&scene);
    CHECK(exchange_start(scene.origin, &request, &asker_events, &asker, &asker.exchange) ==
          ERR_SYNTAX);
    request = (struct exchange_request){
        .method = BYTES("GET"), .target = BYTES("/"), .fields = evil, .field_count = 1};
    CHECK(exchange_start(scene.origin, &request, &asker_events, &asker, &asker.exchange) ==
          ERR_SYNTAX);
    request = (struct exchange_request){.method = BYTES("CONNECT"), .target = BYTES("a:1")};
    CHECK(exchange_start(scene.origin, &request, &asker_events, &asker, &asker.exchange) ==
          ERR_UNSUPPORTED);
    scene_close(&scene);
}

TEST(a_kept_connection_that_was_just_closed_is_replaced_once)
{
    struct scene scene;
    struct asker asker;

    scene_open(&scene);
    scene_start(&scene);
    ask(&scene, &asker, "GET");
    int fd = accept_next(&scene);

    hear_request(&scene, fd);
    say(fd, ANSWER);
    TURN_UNTIL(scene.loop, asker.dones == 1);
    asker_end(&asker);
    (void)close(fd); /* and before the loop learns of it: */
    ask(&scene, &asker, "GET");
    fd = accept_next(&scene);
    hear_request(&scene, fd);
    say(fd, ANSWER);
    TURN_UNTIL(scene.loop, asker.dones == 1);
    CHECK(asker.err == ERR_OK && body_is(&asker, "hello"));
    CHECK(metric(&origin_metrics(scene.origin)->retries) == 1);
    asker_end(&asker);

    (void)close(fd);
    ask(&scene, &asker, "GET");
    fd = accept_next(&scene);
    hear_request(&scene, fd);
    (void)close(fd); /* a new connection that breaks is no reason to ask again */
    TURN_UNTIL(scene.loop, asker.dones == 1);
    CHECK(asker.err == ERR_PEER_GONE && asker.heads == 0);
    CHECK(nobody_comes(&scene));
    asker_end(&asker);
    scene_close(&scene);
}

TEST(a_request_that_must_not_be_repeated_is_sent_once)
{
    struct scene scene;
    struct asker asker;

    scene_open(&scene);
    scene_start(&scene);
    ask(&scene, &asker, "GET");
    int fd = accept_next(&scene);

    hear_request(&scene, fd);
    say(fd, ANSWER);
    TURN_UNTIL(scene.loop, asker.dones == 1);
    asker_end(&asker);
    (void)close(fd);
    ask(&scene, &asker, "POST");
    TURN_UNTIL(scene.loop, asker.dones == 1);
    CHECK(asker.err == ERR_PEER_GONE);
    CHECK(nobody_comes(&scene));
    asker_end(&asker);
    scene_close(&scene);
}

TEST(a_truncated_response_never_counts_as_whole)
{
    static const char *const cut[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "",
    };

    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        struct scene scene;
        struct asker asker;

        scene_open(&scene);
        scene_start(&scene);
        converse(&scene, &asker, "GET", cut[i], true);
        CHECK(asker.err == ERR_PEER_GONE);
        CHECK(metric(&origin_metrics(scene.origin)->failures) == 1);
        CHECK(metric(&origin_metrics(scene.origin)->responses) == 0);
        asker_end(&asker);
        scene_close(&scene);
    }
}

TEST(a_body_until_the_end_is_whole_at_an_orderly_end_only)
{
    for (int reset = 0; reset < 2; reset++) {
        struct scene scene;
        struct asker asker;

        scene_open(&scene);
        scene_start(&scene);
        ask(&scene, &asker, "GET");
        int fd = accept_next(&scene);

        hear_request(&scene, fd);
        say(fd, "HTTP/1.1 200 OK\r\n\r\nuntil the end");
        TURN_UNTIL(scene.loop, asker.size == 13);
        CHECK(asker.dones == 0);
        if (reset)
            end_with_reset(fd);
        else
            (void)close(fd);
        TURN_UNTIL(scene.loop, asker.dones == 1);
        CHECK(asker.err == (reset ? ERR_PEER_GONE : ERR_OK));
        asker_end(&asker);
        scene_close(&scene);
    }
}

TEST(what_is_no_http_is_refused)
{
    static const char *const broken[] = {
        "220 mail.example ESMTP\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
        "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct scene scene;
        struct asker asker;

        scene_open(&scene);
        scene_start(&scene);
        converse(&scene, &asker, "GET", broken[i], false);
        CHECK(asker.err == ERR_PEER_BROKEN);
        CHECK(metric(&origin_metrics(scene.origin)->broken) == 1);
        asker_end(&asker);
        scene_close(&scene);
    }
}

static void ask_to_upgrade(struct scene *scene, struct asker *asker)
{
    ask_with(scene, asker,
             (struct exchange_request){
                 .method = BYTES("GET"), .target = BYTES("/"), .upgrade = BYTES("websocket")});
}

#define SWITCH                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n"

/* Bytes go both ways: the origin's side of it. */
static int switch_over(struct scene *scene, struct asker *asker)
{
    char text[4096];

    ask_to_upgrade(scene, asker);
    int fd = accept_next(scene);

    hear(scene, fd, text, sizeof text, "\r\n\r\n");
    CHECK(strstr(text, "\r\nConnection: upgrade\r\nUpgrade: websocket\r\n") != NULL);
    say(fd, SWITCH "HTTP/1.1 ");
    TURN_UNTIL(scene->loop, asker->size == 9);
    CHECK(asker->status == 101 && body_is(asker, "HTTP/1.1 "));
    CHECK(metric(&origin_metrics(scene->origin)->switched) == 1);
    CHECK(metric(&origin_metrics(scene->origin)->connections) == 0);
    CHECK(exchange_send(asker->exchange, BYTES("ping")));
    hear(scene, fd, text, sizeof text, "ping");
    return fd;
}

/* The one who asked ends his side. */
static void end_side(struct scene *scene, struct asker *asker, int fd)
{
    char text[64];

    CHECK(exchange_send(asker->exchange, BYTES("bye")));
    exchange_send_end(asker->exchange);
    CHECK(asker->dones == 0);
    hear(scene, fd, text, sizeof text, "bye");
    TURN_UNTIL(scene->loop, recv(fd, text, 1, 0) == 0);
}

/* Both sides have ended. */
static void switched_end(struct scene *scene, struct asker *asker, int fd)
{
    TURN_UNTIL(scene->loop, asker->dones == 1);
    CHECK(asker->err == ERR_OK);
    TURN_UNTIL(scene->loop, metric(&origin_metrics(scene->origin)->switched) == 0);
    (void)close(fd);
    asker_end(asker);
    scene_close(scene);
}

TEST(after_the_101_that_was_asked_for_bytes_go_both_ways_and_the_origin_may_end_first)
{
    struct scene scene;
    struct asker asker;

    scene_open(&scene);
    scene_start(&scene);
    int fd = switch_over(&scene, &asker);

    CHECK(shutdown(fd, SHUT_WR) == 0);
    TURN_UNTIL(scene.loop, asker.ends == 1);
    end_side(&scene, &asker, fd);
    switched_end(&scene, &asker, fd);
}

TEST(who_ends_his_side_of_a_switched_exchange_still_hears_the_origin)
{
    struct scene scene;
    struct asker asker;

    scene_open(&scene);
    scene_start(&scene);
    int fd = switch_over(&scene, &asker);

    end_side(&scene, &asker, fd);
    say(fd, "late");
    TURN_UNTIL(scene.loop, asker.size == 13);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    switched_end(&scene, &asker, fd);
}

TEST(a_switched_exchange_ends_with_its_connection_or_its_origin)
{
    for (int frees = 0; frees < 2; frees++) {
        struct scene scene;
        struct asker asker;

        scene_open(&scene);
        scene_start(&scene);
        ask_to_upgrade(&scene, &asker);
        int fd = accept_next(&scene);

        say(fd, SWITCH);
        TURN_UNTIL(scene.loop, asker.heads == 1);
        if (frees) {
            origin_free(&scene.origin);
            (void)close(fd);
        } else {
            end_with_reset(fd);
        }
        TURN_UNTIL(scene.loop, asker.dones == 1);
        CHECK(asker.err == (frees ? ERR_STOPPING : ERR_PEER_GONE));
        asker_end(&asker);
        scene_close(&scene);
    }
}

TEST(a_101_with_another_protocol_than_was_asked_for_is_refused)
{
    static const char *const broken[] = {
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct scene scene;
        struct asker asker;

        scene_open(&scene);
        scene_start(&scene);
        ask_to_upgrade(&scene, &asker);
        int fd = accept_next(&scene);

        say(fd, broken[i]);
        TURN_UNTIL(scene.loop, asker.dones == 1);
        CHECK(asker.err == ERR_PEER_BROKEN && asker.heads == 0);
        (void)close(fd);
        asker_end(&asker);
        scene_close(&scene);
    }
}

TEST(a_head_that_never_ends_is_bounded)
{
    struct scene scene;
    struct asker asker;
    char line[1024];

    scene_open(&scene);
    scene_start(&scene);
    ask(&scene, &asker, "GET");
    int fd = accept_next(&scene);

    hear_request(&scene, fd);
    say(fd, "HTTP/1.1 200 OK\r\n");
    (void)snprintf(line, sizeof line, "X-Long: %01000d\r\n", 0);
    for (int turns = 0; asker.dones == 0; turns++) {
        CHECK(turns < 1000);
        (void)send(fd, line, strlen(line), MSG_NOSIGNAL);
        loop_turn(scene.loop, 0);
    }
    CHECK(asker.err == ERR_PEER_BROKEN && asker.heads == 0);
    (void)close(fd);
    asker_end(&asker);
    scene_close(&scene);
}

TEST(interim_responses_are_passed_on_and_bounded)
{
    struct scene scene;
    struct asker asker;

    scene_open(&scene);
    scene_start(&scene);
    converse(&scene, &asker, "GET",
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" ANSWER,
             false);
    CHECK(asker.err == ERR_OK && asker.interim == 103 && asker.heads == 1);
    CHECK(body_is(&asker, "hello"));
    asker_end(&asker);
    ask(&scene, &asker, "GET");
    int fd = accept_next(&scene);

    hear_request(&scene, fd);
    for (int i = 0; i < 40; i++)
        (void)send(fd, "HTTP/1.1 102 Wait\r\n\r\n", 21, MSG_NOSIGNAL);
    TURN_UNTIL(scene.loop, asker.dones == 1);
    CHECK(asker.err == ERR_PEER_BROKEN);
    (void)close(fd);
    asker_end(&asker);
    scene_close(&scene);
}

TEST(a_chunked_response_in_single_bytes_is_put_together)
{
    const char *text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: x\r\n\r\n";
    struct scene scene;
    struct asker asker;

    scene_open(&scene);
    scene_start(&scene);
    ask(&scene, &asker, "GET");
    int fd = accept_next(&scene);

    hear_request(&scene, fd);
    for (const char *at = text; *at != '\0'; at++) {
        CHECK(asker.dones == 0);
        CHECK(send(fd, at, 1, MSG_NOSIGNAL) == 1);
        loop_turn(scene.loop, 0);
    }
    TURN_UNTIL(scene.loop, asker.dones == 1);
    CHECK(asker.err == ERR_OK && body_is(&asker, "hello world"));
    CHECK(metric(&origin_metrics(scene.origin)->idle) == 1);
    (void)close(fd);
    asker_end(&asker);
    scene_close(&scene);
}

TEST(responses_without_a_body_leave_the_connection_in_step)
{
    static const struct {
        const char *method;
        const char *answer;
    } rows[] = {
        {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"},
        {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n"},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    };
    struct scene scene;
    struct asker asker;
    int fd = -1;

    scene_open(&scene);
    scene_start(&scene);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ask(&scene, &asker, rows[i].method);
        if (fd < 0)
            fd = accept_next(&scene);
        hear_request(&scene, fd);
        say(fd, rows[i].answer);
        TURN_UNTIL(scene.loop, asker.dones == 1);
        CHECK(asker.err == ERR_OK && asker.size == 0);
    }
    CHECK(metric(&origin_metrics(scene.origin)->connects) == 1);
    (void)close(fd);
    scene_close(&scene);
}

TEST(bytes_behind_a_response_end_the_connection)
{
    struct scene scene;
    struct asker asker;

    scene_open(&scene);
    scene_start(&scene);
    converse(&scene, &asker, "GET", ANSWER "HTTP/1.1 200 OK\r\n", false);
    CHECK(asker.err == ERR_OK && body_is(&asker, "hello"));
    CHECK(metric(&origin_metrics(scene.origin)->idle) == 0);
    asker_end(&asker);
    scene_close(&scene);
}

TEST(connections_are_limited_and_the_rest_waits_in_a_limited_queue)
{
    struct scene scene;
    struct asker first, second, third = {0};
    struct exchange_request request = {.method = BYTES("GET"), .target = BYTES("/")};

    scene_open(&scene);
    scene.settings.connections_max = 1;
    scene.settings.queue_max = 1;
    scene_start(&scene);
    ask(&scene, &first, "GET");
    ask(&scene, &second, "GET");
    CHECK(exchange_start(scene.origin, &request, &asker_events, &third, &third.exchange) ==
          ERR_BUSY);
    CHECK(metric(&origin_metrics(scene.origin)->refused) == 1);
    CHECK(metric(&origin_metrics(scene.origin)->queued) == 1);
    int fd = accept_next(&scene);

    hear_request(&scene, fd);
    CHECK(nobody_comes(&scene));
    say(fd, ANSWER);
    TURN_UNTIL(scene.loop, first.dones == 1);
    hear_request(&scene, fd); /* the second, on the same connection */
    say(fd, ANSWER);
    TURN_UNTIL(scene.loop, second.dones == 1);
    CHECK(first.err == ERR_OK && second.err == ERR_OK);
    CHECK(metric(&origin_metrics(scene.origin)->queued) == 0);
    (void)close(fd);
    asker_end(&first);
    asker_end(&second);
    scene_close(&scene);
}

TEST(a_cancelled_exchange_makes_room_for_the_next)
{
    struct scene scene;
    struct asker first, second;

    scene_open(&scene);
    scene.settings.connections_max = 1;
    scene_start(&scene);
    ask(&scene, &first, "GET");
    ask(&scene, &second, "GET");
    int fd = accept_next(&scene);

    exchange_cancel(&first.exchange);
    CHECK(first.exchange == NULL);
    int next = accept_next(&scene);

    hear_request(&scene, next);
    say(next, ANSWER);
    TURN_UNTIL(scene.loop, second.dones == 1);
    CHECK(first.dones == 0 && second.err == ERR_OK);
    (void)close(fd);
    (void)close(next);
    asker_end(&second);
    scene_close(&scene);
}

TEST(it_may_be_cancelled_in_the_middle_of_an_event)
{
    for (int at_body = 0; at_body < 2; at_body++) {
        struct scene scene;
        struct asker asker;

        scene_open(&scene);
        scene_start(&scene);
        ask(&scene, &asker, "GET");
        asker.cancels_at_head = !at_body;
        asker.cancels_at_body = at_body;
        int fd = accept_next(&scene);

        hear_request(&scene, fd);
        say(fd, ANSWER);
        TURN_UNTIL(scene.loop, asker.exchange == NULL);
        CHECK(asker.dones == 0);
        TURN_UNTIL(scene.loop, metric(&origin_metrics(scene.origin)->connections) == 0);
        (void)close(fd);
        asker_end(&asker);
        scene_close(&scene);
    }
}

TEST(each_kind_of_slowness_has_its_time)
{
    static const struct {
        size_t field;
        const char *answer;
        enum err err;
    } rows[] = {
        {offsetof(struct origin_settings, first_byte_ms), "", ERR_PEER_SLOW},
        {offsetof(struct origin_settings, between_bytes_ms),
         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", ERR_PEER_SLOW},
        {offsetof(struct origin_settings, total_ms),
         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", ERR_PEER_SLOW},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        struct asker asker;

        scene_open(&scene);
        *(int64_t *)(void *)((char *)&scene.settings + rows[i].field) = 50;
        scene_start(&scene);
        converse(&scene, &asker, "GET", rows[i].answer, false);
        CHECK(asker.err == rows[i].err);
        CHECK(metric(&origin_metrics(scene.origin)->timeouts) == 1);
        asker_end(&asker);
        scene_close(&scene);
    }
}

TEST(who_waits_too_long_in_the_queue_is_told_that_it_is_busy)
{
    struct scene scene;
    struct asker first, second;

    scene_open(&scene);
    scene.settings.connections_max = 1;
    scene.settings.queue_wait_ms = 5;
    scene_start(&scene);
    ask(&scene, &first, "GET");
    ask(&scene, &second, "GET");
    TURN_UNTIL(scene.loop, second.dones == 1);
    CHECK(second.err == ERR_BUSY && first.dones == 0);
    exchange_cancel(&first.exchange);
    scene_close(&scene);
}

/* A body that is sent as fast as it is taken. */
struct pusher {
    size_t sent;
    size_t size;
    unsigned stops;
    unsigned readies; /* seen so far */
    bool stopped;
};

static void push(struct pusher *pusher, struct asker *asker)
{
    uint8_t piece[64 << 10];

    if (asker->readies > pusher->readies) {
        pusher->readies = asker->readies;
        pusher->stopped = false;
    }
    while (!pusher->stopped && pusher->sent < pusher->size) {
        size_t left = pusher->size - pusher->sent;
        size_t size = left < sizeof piece ? left : sizeof piece;

        pattern_fill(piece, pusher->sent, size);
        pusher->stopped = !exchange_send(asker->exchange, bytes_of(piece, size));
        pusher->stops += pusher->stopped;
        pusher->sent += size;
        if (pusher->sent == pusher->size)
            exchange_send_end(asker->exchange);
    }
}

TEST(a_large_request_goes_out_at_the_pace_of_the_origin)
{
    enum { SIZE = 16 << 20, MAX = SIZE + 4096 };
    struct scene scene;
    struct asker asker;
    struct pusher pusher = {.size = SIZE};
    uint8_t *got = malloc(MAX);
    const uint8_t *start = NULL;
    size_t size = 0;

    scene_open(&scene);
    scene_start(&scene);
    ask_with(&scene, &asker,
             (struct exchange_request){.method = BYTES("PUT"),
                                       .target = BYTES("/"),
                                       .has_body = true,
                                       .body_size_known = true,
                                       .body_size = SIZE});
    push(&pusher, &asker);
    CHECK(pusher.stopped);
    int fd = accept_next(&scene);

    for (int turns = 0; start == NULL || size < (size_t)(start - got) + 4 + SIZE; turns++) {
        CHECK(turns < TURNS_MAX);
        push(&pusher, &asker);
        loop_turn(scene.loop, 1);
        CHECK(account_used(&scene.account) < (2 << 20));
        ssize_t count =
            pusher.stopped || pusher.sent == SIZE ? recv(fd, got + size, MAX - size, 0) : 0;

        size += count > 0 ? (size_t)count : 0;
        start = memmem(got, size, "\r\n\r\n", 4);
    }
    CHECK(pattern_fits(start + 4, 0, SIZE) && pusher.stops > 2);
    say(fd, ANSWER);
    TURN_UNTIL(scene.loop, asker.dones == 1);
    CHECK(asker.err == ERR_OK);
    (void)close(fd);
    asker_end(&asker);
    scene_close(&scene);
    free(got);
}

TEST(a_request_of_unknown_size_goes_out_in_chunks)
{
    struct scene scene;
    struct asker asker;
    char text[4096];

    scene_open(&scene);
    scene_start(&scene);
    ask_with(
        &scene, &asker,
        (struct exchange_request){.method = BYTES("POST"), .target = BYTES("/"), .has_body = true});
    int fd = accept_next(&scene);

    TURN_UNTIL(scene.loop, metric(&origin_metrics(scene.origin)->sent_bytes) > 0);
    CHECK(exchange_send(asker.exchange, BYTES("hello world, this is a body")));
    CHECK(exchange_send(asker.exchange, BYTES("")));
    CHECK(exchange_send(asker.exchange, BYTES("!")));
    exchange_send_end(asker.exchange);
    hear(&scene, fd, text, sizeof text, "0\r\n\r\n");
    CHECK(strstr(text, "\r\nTransfer-Encoding: chunked\r\n") != NULL);
    CHECK(strstr(text, "\r\n\r\n1b\r\nhello world, this is a body\r\n1\r\n!\r\n0\r\n\r\n") != NULL);
    say(fd, ANSWER);
    TURN_UNTIL(scene.loop, asker.dones == 1);
    CHECK(asker.err == ERR_OK && metric(&origin_metrics(scene.origin)->idle) == 1);
    (void)close(fd);
    asker_end(&asker);
    scene_close(&scene);
}

TEST(an_answer_before_the_request_is_sent_ends_the_exchange_and_the_connection)
{
    for (int closes = 0; closes < 2; closes++) {
        enum { SIZE = 32 << 20 };
        struct scene scene;
        struct asker asker;
        struct pusher pusher = {.size = SIZE};

        scene_open(&scene);
        scene_start(&scene);
        ask_with(&scene, &asker,
                 (struct exchange_request){.method = BYTES("PUT"),
                                           .target = BYTES("/"),
                                           .has_body = true,
                                           .body_size_known = true,
                                           .body_size = SIZE});
        int fd = accept_next(&scene);

        say(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!");
        if (closes)
            (void)close(fd); /* with input unread: a reset */
        for (int turns = 0; asker.dones == 0; turns++) {
            CHECK(turns < TURNS_MAX);
            push(&pusher, &asker);
            loop_turn(scene.loop, 1);
        }
        CHECK(asker.err == ERR_OK && asker.status == 413 && body_is(&asker, "no!"));
        CHECK(metric(&origin_metrics(scene.origin)->idle) == 0);
        if (!closes)
            (void)close(fd);
        asker_end(&asker);
        scene_close(&scene);
    }
}

TEST(a_paused_reader_holds_the_origin_back)
{
    enum { SIZE = 8 << 20 };
    struct scene scene;
    struct asker asker;
    uint8_t *bytes = malloc(SIZE);
    size_t sent = 0, pauses = 0;

    scene_open(&scene);
    scene_start(&scene);
    pattern_fill(bytes, 0, SIZE);
    ask(&scene, &asker, "GET");
    asker.pauses = true;
    int fd = accept_next(&scene);

    hear_request(&scene, fd);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n");
    for (int turns = 0; asker.dones == 0; turns++) {
        CHECK(turns < TURNS_MAX);
        ssize_t count = sent < SIZE ? send(fd, bytes + sent, SIZE - sent, MSG_NOSIGNAL) : 0;
        size_t before = asker.size;

        sent += count > 0 ? (size_t)count : 0;
        loop_turn(scene.loop, 0);
        loop_turn(scene.loop, 0);
        CHECK(asker.size - before <= (256 << 10));
        CHECK(account_used(&scene.account) < (1 << 20));
        if (asker.exchange != NULL && asker.size > before) {
            pauses++;
            exchange_resume(asker.exchange);
        }
    }
    CHECK(asker.err == ERR_OK && asker.size == SIZE && pauses > 10);
    CHECK(pattern_fits(asker.body, 0, SIZE));
    CHECK(metric(&origin_metrics(scene.origin)->idle) == 1);
    (void)close(fd);
    asker_end(&asker);
    scene_close(&scene);
    free(bytes);
}

TEST(a_pause_before_the_response_and_one_at_an_empty_body_end_with_the_resume)
{
    struct scene scene;
    struct asker asker;

    scene_open(&scene);
    scene_start(&scene);
    ask(&scene, &asker, "GET");
    exchange_pause(asker.exchange);
    int fd = accept_next(&scene);

    hear_request(&scene, fd);
    say(fd, ANSWER);
    CHECK(nobody_comes(&scene) && asker.heads == 0);
    exchange_resume(asker.exchange);
    TURN_UNTIL(scene.loop, asker.dones == 1);
    CHECK(asker.err == ERR_OK && body_is(&asker, "hello"));
    (void)close(fd);
    asker_end(&asker);
    scene_close(&scene);
}

TEST(a_server_that_is_down_is_passed_over)
{
    struct scene scene;
    struct asker asker;
    char dead[ADDRESS_TEXT_SIZE];
    int gone;

    scene_open(&scene);
    gone = open_door(dead);
    (void)close(gone);
    scene.servers[0] = dead;
    scene.servers[1] = scene.address;
    scene.settings.servers.count = 2;
    scene.settings.idle_max = 0; /* every request makes a connection */
    scene_start(&scene);
    for (int i = 0; i < 4; i++) {
        converse(&scene, &asker, "POST", ANSWER, false);
        CHECK(asker.err == ERR_OK);
        asker_end(&asker);
    }
    CHECK(metric(&origin_metrics(scene.origin)->connect_failures) == 1);
    CHECK(fleet_is_up(scene.fleet));
    scene_close(&scene);
}

TEST(when_no_server_can_be_reached_the_origin_is_down)
{
    struct scene scene;
    struct asker asker;

    scene_open(&scene);
    (void)close(scene.door);
    scene.door = -1;
    scene_start(&scene);
    CHECK(fleet_is_up(scene.fleet));
    ask(&scene, &asker, "GET");
    TURN_UNTIL(scene.loop, asker.dones == 1);
    CHECK(asker.err == ERR_PEER_DOWN && !fleet_is_up(scene.fleet));
    scene_close(&scene);
}

TEST(an_idle_connection_that_the_origin_closes_is_forgotten)
{
    struct scene scene;
    struct asker asker;

    scene_open(&scene);
    scene_start(&scene);
    ask(&scene, &asker, "GET");
    int fd = accept_next(&scene);

    hear_request(&scene, fd);
    say(fd, ANSWER);
    TURN_UNTIL(scene.loop, metric(&origin_metrics(scene.origin)->idle) == 1);
    (void)close(fd);
    TURN_UNTIL(scene.loop, metric(&origin_metrics(scene.origin)->connections) == 0);
    CHECK(metric(&origin_metrics(scene.origin)->idle) == 0);
    asker_end(&asker);
    scene_close(&scene);
}

TEST(an_idle_connection_is_kept_for_its_time_only)
{
    struct scene scene;
    struct asker asker;

    scene_open(&scene);
    scene.settings.idle_ms = 5;
    scene_start(&scene);
    ask(&scene, &asker, "GET");
    int fd = accept_next(&scene);

    hear_request(&scene, fd);
    say(fd, ANSWER);
    TURN_UNTIL(scene.loop, asker.dones == 1);
    TURN_UNTIL(scene.loop, metric(&origin_metrics(scene.origin)->connections) == 0);
    (void)close(fd);
    asker_end(&asker);
    scene_close(&scene);
}

TEST(freeing_an_origin_ends_what_is_under_way)
{
    struct scene scene;
    struct asker first, second;

    scene_open(&scene);
    scene.settings.connections_max = 1;
    scene_start(&scene);
    ask(&scene, &first, "GET");
    ask(&scene, &second, "GET");
    int fd = accept_next(&scene);

    hear_request(&scene, fd);
    origin_free(&scene.origin);
    CHECK(first.err == ERR_STOPPING && second.err == ERR_STOPPING);
    CHECK(first.dones == 1 && second.dones == 1);
    (void)close(fd);
    scene_close(&scene);
}

TEST(an_origin_may_be_a_unix_socket)
{
    struct scene scene;
    struct asker asker;
    char path[] = "/tmp/larder-origin-XXXXXX", text[ADDRESS_TEXT_SIZE];
    struct address address;

    scene_open(&scene);
    CHECK(mkdtemp(path) != NULL);
    (void)snprintf(text, sizeof text, "unix:%s/s", path);
    (void)close(scene.door);
    CHECK(address_parse(bytes_of_text(text), &address, &scene.fault) == ERR_OK);
    scene.door = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(bind(scene.door, &address.any, address.size) == 0 && listen(scene.door, 4) == 0);
    scene.servers[0] = text;
    scene_start(&scene);
    converse(&scene, &asker, "GET", "HTTP/1.0 200 OK\r\n\r\nuntil the end", true);
    CHECK(asker.err == ERR_OK && body_is(&asker, "until the end"));
    asker_end(&asker);
    scene_close(&scene);
    (void)unlink(address.local.sun_path);
    (void)rmdir(path);
}

TEST(servers_that_are_no_addresses_are_told_at_the_start)
{
    struct scene scene;

    scene_open(&scene);
    scene.servers[0] = "http://127.0.0.1:80";
    CHECK(fleet_new("shop", &scene.settings, &scene.log, &scene.fleet, &scene.fault) == ERR_SYNTAX);
    CHECK(strstr(scene.fault.text, "host:port") != NULL);
    scene.settings.servers.count = 0;
    CHECK(fleet_new("shop", &scene.settings, &scene.log, &scene.fleet, &scene.fault) == ERR_SYNTAX);
    scene_close(&scene);
}

/* ---- when memory is short ------------------------------------------------------------------- */

/* Whatever the origin's side has to say, or nothing at all. */
static void answer_if_asked(struct scene *scene, int *fd, char *heard, size_t *heard_size)
{
    if (*fd < 0)
        *fd = accept4(scene->door, NULL, NULL, SOCK_NONBLOCK);
    if (*fd < 0)
        return;
    ssize_t count = recv(*fd, heard + *heard_size, 4095 - *heard_size, 0);

    if (count == 0 || (count < 0 && errno != EAGAIN)) {
        (void)close(*fd);
        *fd = -1;
        return;
    }
    *heard_size += count > 0 ? (size_t)count : 0;
    heard[*heard_size] = '\0';
    if (strstr(heard, "0\r\n\r\n") == NULL)
        return;
    *heard_size = 0;
    (void)send(*fd, ANSWER, strlen(ANSWER), MSG_NOSIGNAL);
}

static void converse_short_of_memory(uint64_t nth)
{
    struct scene scene;
    struct asker asker = {0};
    struct exchange_request request = {
        .method = BYTES("POST"), .target = BYTES("/"), .has_body = true};
    char heard[4096] = "";
    size_t heard_size = 0;
    int fd = -1;

    scene_open(&scene);
    scene_start(&scene);
    mem_fail_at(nth);
    enum err err = exchange_start(scene.origin, &request, &asker_events, &asker, &asker.exchange);

    if (err == ERR_OK) {
        (void)exchange_send(asker.exchange, BYTES("a piece before the connection stands"));
        exchange_pause(asker.exchange);
        for (int i = 0; i < 20; i++) {
            loop_turn(scene.loop, 0);
            answer_if_asked(&scene, &fd, heard, &heard_size);
        }
        if (asker.exchange != NULL) {
            (void)exchange_send(asker.exchange, BYTES("and one after"));
            exchange_send_end(asker.exchange);
            exchange_resume(asker.exchange);
        }
        for (int turns = 0; asker.dones == 0; turns++) {
            CHECK(turns < TURNS_MAX);
            loop_turn(scene.loop, 1);
            answer_if_asked(&scene, &fd, heard, &heard_size);
        }
        CHECK(asker.err != ERR_OK || body_is(&asker, "hello"));
    } else {
        CHECK(err == ERR_FULL);
    }
    mem_fail_at(0);
    if (fd >= 0)
        (void)close(fd);
    asker_end(&asker);
    scene_close(&scene);
}

TEST(memory_that_runs_out_at_any_point_is_an_error_and_nothing_worse)
{
#ifdef LARDER_DEBUG
    for (uint64_t nth = 1; nth < 16; nth++)
        converse_short_of_memory(nth);
#endif
    converse_short_of_memory(0);
}
