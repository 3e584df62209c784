/* chaos_test.c: much at once, in an order that chance chooses (by a seed), on both sides.
 * SPDX-License-Identifier: MIT
 *
 * What must hold whatever happens: an exchange that says ERR_OK has the whole body, each ends once
 * or is cancelled, and nothing is left behind.
 */
#include "base/random.h"
#include "pair.h"
#include "upstream/fleet.h"
#include "upstream/origin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ASKERS = 40, QUESTIONS = 1500, VISITORS = 32, ANSWER_MAX = 200000 };

static size_t answer_size(unsigned question)
{
    switch (question % 5) {
    case 0:
        return 0;
    case 1:
        return question % 100;
    default:
        return (size_t)question * 7919 % (ANSWER_MAX - 1000);
    }
}

/* ---- the origin's side --------------------------------------------------------------------- */

struct visitor {
    int fd; /* -1: free */
    char heard[4096];
    size_t heard_size;
    uint8_t *answer;
    size_t answer_size;
    size_t said;
    bool closes; /* when all is said */
};

struct chaos {
    struct random random;
    struct loop *loop;
    struct origin *origin;
    int door;
    struct visitor visitors[VISITORS];
    unsigned asked;
    unsigned whole;
    unsigned broken;
    unsigned cancelled;
};

static bool chance(struct chaos *chaos, unsigned one_in)
{
    return random_below(&chaos->random, one_in) == 0;
}

static void leave(struct chaos *chaos, struct visitor *visitor)
{
    struct linger at_once = {.l_onoff = 1};

    if (chance(chaos, 2))
        CHECK(setsockopt(visitor->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    (void)close(visitor->fd);
    free(visitor->answer);
    *visitor = (struct visitor){.fd = -1};
}

static size_t write_chunked(uint8_t *to, size_t size, struct chaos *chaos)
{
    size_t at = 0, done = 0;

    while (done < size) {
        size_t piece = (size_t)random_below(&chaos->random, size - done) + 1;

        at += (size_t)sprintf((char *)to + at, "%zx\r\n", piece);
        pattern_fill(to + at, done, piece);
        at += piece;
        done += piece;
        at += (size_t)sprintf((char *)to + at, "\r\n");
    }
    return at + (size_t)sprintf((char *)to + at, "0\r\n\r\n");
}

static void prepare(struct chaos *chaos, struct visitor *visitor, unsigned question)
{
    size_t size = answer_size(question);
    uint8_t *to = malloc(ANSWER_MAX * 12 + 4096); /* chunks of one byte at the worst */
    size_t at = 0;

    if (chance(chaos, 4))
        at += (size_t)sprintf((char *)to, "HTTP/1.1 103 Early Hints\r\n\r\n");
    switch (random_below(&chaos->random, 3)) {
    case 0:
        at += (size_t)sprintf((char *)to + at, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                              size);
        pattern_fill(to + at, 0, size);
        at += size;
        break;
    case 1:
        at += (size_t)sprintf((char *)to + at,
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        at += write_chunked(to + at, size, chaos);
        break;
    default:
        at += (size_t)sprintf((char *)to + at,
                              "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
                              "Connection: close\r\n\r\n",
                              size);
        pattern_fill(to + at, 0, size);
        at += size;
        visitor->closes = true;
    }
    if (chance(chaos, 5)) { /* less than all of it */
        at = (size_t)random_below(&chaos->random, at);
        visitor->closes = true;
    }
    visitor->answer = to;
    visitor->answer_size = at;
    visitor->said = 0;
}

static void hear(struct chaos *chaos, struct visitor *visitor)
{
    ssize_t count = recv(visitor->fd, visitor->heard + visitor->heard_size,
                         sizeof visitor->heard - 1 - visitor->heard_size, 0);
    unsigned question;

    if (count == 0 || (count < 0 && errno != EAGAIN)) {
        leave(chaos, visitor);
        return;
    }
    visitor->heard_size += count > 0 ? (size_t)count : 0;
    visitor->heard[visitor->heard_size] = '\0';
    if (strstr(visitor->heard, "\r\n\r\n") == NULL)
        return;
    CHECK(memcmp(visitor->heard, "GET /", 5) == 0);
    question = (unsigned)strtoul(visitor->heard + 5, NULL, 10);
    visitor->heard_size = 0;
    if (chance(chaos, 12))
        leave(chaos, visitor);
    else
        prepare(chaos, visitor, question);
}

static void speak(struct chaos *chaos, struct visitor *visitor)
{
    size_t left = visitor->answer_size - visitor->said;
    size_t size = chance(chaos, 3) ? left : (size_t)random_below(&chaos->random, left + 1);
    ssize_t count = send(visitor->fd, visitor->answer + visitor->said, size, MSG_NOSIGNAL);

    if (count < 0 && errno != EAGAIN) {
        leave(chaos, visitor);
        return;
    }
    visitor->said += count > 0 ? (size_t)count : 0;
    if (visitor->said < visitor->answer_size)
        return;
    if (visitor->closes) {
        leave(chaos, visitor);
        return;
    }
    free(visitor->answer);
    visitor->answer = NULL;
}

static void serve(struct chaos *chaos)
{
    for (int i = 0; i < VISITORS; i++) {
        struct visitor *visitor = &chaos->visitors[i];

        if (visitor->fd < 0)
            visitor->fd = accept4(chaos->door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (visitor->fd < 0 || chance(chaos, 3))
            continue;
        if (visitor->answer == NULL && chance(chaos, 60))
            leave(chaos, visitor); /* an idle connection, or one that was just asked */
        else if (visitor->answer == NULL)
            hear(chaos, visitor);
        else
            speak(chaos, visitor);
    }
}

/* ---- those who ask ------------------------------------------------------------------------- */

struct asker {
    struct chaos *chaos;
    struct exchange *exchange; /* NULL: free */
    size_t size;
    unsigned question;
    bool headed;
    bool paused;
};

static void forget(struct asker *asker)
{
    exchange_cancel(&asker->exchange);
    asker->chaos->cancelled++;
}

static void head(struct exchange *exchange, void *owner, const struct http_head *head)
{
    struct asker *asker = owner;

    CHECK(exchange == asker->exchange && !asker->headed && head->status == 200);
    asker->headed = true;
    if (chance(asker->chaos, 40))
        forget(asker);
}

static void body(struct exchange *exchange, void *owner, struct bytes piece)
{
    struct asker *asker = owner;

    CHECK(exchange == asker->exchange && asker->headed);
    CHECK(asker->size + piece.size <= answer_size(asker->question));
    CHECK(pattern_fits(piece.data, asker->size, piece.size));
    asker->size += piece.size;
    if (chance(asker->chaos, 6)) {
        exchange_pause(exchange);
        asker->paused = true;
    }
    if (chance(asker->chaos, 60))
        forget(asker);
}

static void done(struct exchange *exchange, void *owner, enum err err)
{
    struct asker *asker = owner;

    CHECK(exchange == asker->exchange);
    /* Down: it was reset before we knew that it stood. */
    CHECK(err == ERR_OK || err == ERR_PEER_GONE || err == ERR_PEER_DOWN);
    CHECK(err != ERR_OK || (asker->headed && asker->size == answer_size(asker->question)));
    asker->exchange = NULL;
    if (err == ERR_OK)
        asker->chaos->whole++;
    else
        asker->chaos->broken++;
}

static const struct exchange_events events = {.head = head, .body = body, .done = done};

static void ask(struct chaos *chaos, struct asker *asker)
{
    char target[16];

    *asker = (struct asker){.chaos = chaos, .question = chaos->asked++};
    (void)snprintf(target, sizeof target, "/%u", asker->question);
    struct exchange_request request = {.method = BYTES("GET"), .target = bytes_of_text(target)};

    CHECK(exchange_start(chaos->origin, &request, &events, asker, &asker->exchange) == ERR_OK);
}

static bool ask_some(struct chaos *chaos, struct asker *askers)
{
    bool waiting = false;

    for (int i = 0; i < ASKERS; i++) {
        struct asker *asker = &askers[i];

        if (asker->exchange == NULL && chaos->asked < QUESTIONS && chance(chaos, 4)) {
            ask(chaos, asker);
        } else if (asker->exchange != NULL && asker->paused && chance(chaos, 3)) {
            asker->paused = false;
            exchange_resume(asker->exchange);
        } else if (asker->exchange != NULL && chance(chaos, 2000)) {
            forget(asker);
        }
        waiting = waiting || asker->exchange != NULL;
    }
    return waiting || chaos->asked < QUESTIONS;
}

static void open_door(struct chaos *chaos, char ret_text[ADDRESS_TEXT_SIZE])
{
    struct address address = {.v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}},
                              .size = sizeof address.v4};

    chaos->door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(chaos->door >= 0 && bind(chaos->door, &address.any, address.size) == 0);
    CHECK(listen(chaos->door, 64) == 0);
    CHECK(getsockname(chaos->door, &address.any, &address.size) == 0);
    address_text(&address, ret_text);
    for (int i = 0; i < VISITORS; i++)
        chaos->visitors[i].fd = -1;
}

/* Requests are sent again, and the server is left out now and then; the breaker stays closed. */
static struct origin_settings chaos_settings(const char **servers)
{
    return (struct origin_settings){
        .servers = {servers, 1},
        .connections_max = 12,
        .idle_max = 6,
        .idle_ms = 3,
        .queue_max = ASKERS,
        .queue_wait_ms = 60000,
        .connect_ms = 60000,
        .first_byte_ms = 60000,
        .between_bytes_ms = 60000,
        .total_ms = 600000,
        .retry_max = 1,
        .retry_share = 0.2,
        .eject_failures = 3,
        .eject_ms = 10,
        .eject_share = 1,
        .breaker_window_ms = 10000,
        .breaker_requests = 1000000,
        .breaker_rate = 1,
        .breaker_open_ms = 1000,
        .breaker_probes = 1,
        .health_status = "200-299",
    };
}

static void run(uint64_t seed)
{
    static struct asker askers[ASKERS];
    struct chaos chaos = {0};
    struct account account;
    struct fault fault;
    char text[ADDRESS_TEXT_SIZE];
    const char *servers[] = {text};
    const struct origin_settings settings = chaos_settings(servers);
    const struct log log = {.fd = -1, .level = LOG_ERROR};
    struct fleet *fleet = NULL;

    random_init(&chaos.random, seed);
    memset(askers, 0, sizeof askers);
    account_init(&account, NULL, 0);
    open_door(&chaos, text);
    CHECK(loop_new(NULL, &chaos.loop) == ERR_OK);
    CHECK(fleet_new("shop", &settings, &log, &fleet, &fault) == ERR_OK);
    origin_new(chaos.loop, fleet, &account, &chaos.origin);
    for (int turns = 0; ask_some(&chaos, askers); turns++) {
        CHECK(turns < TURNS_MAX);
        serve(&chaos);
        loop_turn(chaos.loop, 0);
    }
    CHECK(chaos.whole + chaos.broken + chaos.cancelled == QUESTIONS);
    CHECK(chaos.whole > QUESTIONS / 4 && chaos.broken > 10 && chaos.cancelled > 10);
    origin_free(&chaos.origin);
    loop_free(&chaos.loop);
    fleet_free(&fleet);
    CHECK(account_used(&account) == 0);
    for (int i = 0; i < VISITORS; i++) {
        if (chaos.visitors[i].fd >= 0)
            leave(&chaos, &chaos.visitors[i]);
    }
    (void)close(chaos.door);
}

TEST(an_answer_is_whole_or_an_error_whatever_the_origin_and_the_askers_do)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        run(seed);
}

/* ---- two connections ----------------------------------------------------------------------- */

struct talker {
    struct conn *conn;
    struct talker *other;
    struct random *random;
    size_t sent;
    size_t heard;
    size_t lent;
    size_t released;
    bool paused;
};

static void talker_received(struct conn *conn, void *owner)
{
    struct talker *talker = owner;
    struct bytes input = conn_input(conn);
    size_t size = random_below(talker->random, 3) > 0
                      ? input.size
                      : (size_t)random_below(talker->random, input.size + 1);

    CHECK(pattern_fits(input.data, talker->heard, input.size < 5000 ? input.size : 5000));
    CHECK(talker->heard + input.size <= talker->other->sent);
    conn_consume(conn, size);
    talker->heard += size;
    if (random_below(talker->random, 5) == 0) {
        conn_pause(conn);
        talker->paused = true;
    }
}

static void talker_closed(struct conn *conn, void *owner, enum err why)
{
    struct talker *talker = owner;

    CHECK(conn == talker->conn && why == ERR_STOPPING);
    CHECK(talker->released == talker->lent);
    talker->conn = NULL;
}

static const struct conn_events talker_events = {.received = talker_received,
                                                 .closed = talker_closed};

static void count_release(void *context)
{
    ((struct talker *)context)->released++;
}

static void talk(struct talker *talker, const uint8_t *source)
{
    size_t size =
        (size_t)random_below(talker->random, random_below(talker->random, 2) ? 300 : 90000);
    /* The pattern does not repeat, so the source holds all that is ever sent. */
    struct bytes piece = bytes_of(source + talker->sent, size);

    if (conn_is_congested(talker->conn))
        return;
    if (random_below(talker->random, 2) == 0) {
        conn_send(talker->conn, piece);
    } else {
        talker->lent++;
        conn_send_loan(talker->conn, piece, count_release, talker);
    }
    talker->sent += size;
}

TEST(two_talkers_hear_each_other_in_order_whatever_their_pace)
{
    enum { TURNS = 3000, SOURCE = 128 << 20, SENT_MAX = SOURCE - 100000 };
    struct random random;
    struct account account;
    struct conn_settings settings = {.input_max = 100000,
                                     .output_high = 300000,
                                     .output_low = 20000,
                                     .output_max = 4 << 20,
                                     .account = &account};
    struct talker talkers[2] = {{.random = &random}, {.random = &random}};
    struct loop *loop;
    uint8_t *source = malloc(SOURCE);
    int fds[2];

    pattern_fill(source, 0, SOURCE);
    random_init(&random, 11);
    account_init(&account, NULL, 0);
    CHECK(loop_new(NULL, &loop) == ERR_OK);
    pair_tcp(fds);
    for (int i = 0; i < 2; i++) {
        talkers[i].other = &talkers[1 - i];
        CHECK(conn_accept(loop, fds[i], &settings, &talker_events, &talkers[i], &talkers[i].conn) ==
              ERR_OK);
    }
    for (int turn = 0; turn < TURNS; turn++) {
        struct talker *talker = &talkers[random_below(&random, 2)];

        for (uint64_t n = random_below(&random, 6); n > 0 && talker->sent < SENT_MAX; n--)
            talk(talker, source);
        if (talker->paused && random_below(&random, 2) == 0) {
            talker->paused = false;
            conn_resume(talker->conn);
        }
        loop_turn(loop, 0);
        CHECK(account_used(&account) < (4 << 20));
    }
    CHECK(talkers[0].heard > (1 << 20) && talkers[1].heard > (1 << 20));
    for (int i = 0; i < 2; i++)
        conn_abort(talkers[i].conn);
    TURN_UNTIL(loop, talkers[0].conn == NULL && talkers[1].conn == NULL);
    CHECK(account_used(&account) == 0);
    loop_free(&loop);
    free(source);
}
