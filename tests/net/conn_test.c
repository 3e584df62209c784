/* conn_test.c: what a connection promises, over real sockets. SPDX-License-Identifier: MIT */
#include "pair.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reads what is there into `to`; true when the other side has ended. */
static bool take(int fd, uint8_t *to, size_t *size, size_t max)
{
    for (;;) {
        ssize_t count = recv(fd, to + *size, max - *size, 0);

        if (count == 0)
            return true;
        if (count < 0) {
            CHECK(errno == EAGAIN);
            return false;
        }
        *size += (size_t)count;
    }
}

static void put(int fd, const char *text)
{
    CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

static void count_release(void *context)
{
    ++*(int *)context;
}

struct scene {
    struct loop *loop;
    int fds[2]; /* the first is the test's */
    struct end end;
};

static void scene_open(struct scene *scene, void (*make)(int ret_ends[2]), size_t got_max)
{
    CHECK(loop_new(NULL, &scene->loop) == ERR_OK);
    make(scene->fds);
    end_init(&scene->end, got_max);
}

static void scene_close(struct scene *scene)
{
    if (scene->end.conn != NULL)
        conn_abort(scene->end.conn);
    TURN_UNTIL(scene->loop, scene->end.conn == NULL);
    if (scene->fds[0] >= 0)
        (void)close(scene->fds[0]);
    end_fini(&scene->end);
    loop_free(&scene->loop);
}

TEST(what_is_sent_arrives_whole_and_in_order_in_both_directions)
{
    enum { SIZE = 24 << 20, PIECE = 100000 };
    struct loop *loop;
    struct end near, far;
    uint8_t *bytes = malloc(PIECE);
    int fds[2];
    size_t sent = 0;

    CHECK(loop_new(NULL, &loop) == ERR_OK);
    pair_tcp(fds);
    end_init(&near, SIZE);
    end_init(&far, 0);
    far.echoes = true;
    end_accept(&near, loop, fds[0]);
    end_accept(&far, loop, fds[1]);
    for (int turns = 0; near.got_size < SIZE; turns++) {
        CHECK(turns < TURNS_MAX);
        while (sent < SIZE && !conn_is_congested(near.conn)) {
            size_t size = SIZE - sent < PIECE ? SIZE - sent : PIECE;

            pattern_fill(bytes, sent, size);
            conn_send(near.conn, bytes_of(bytes, size));
            sent += size;
        }
        loop_turn(loop, 1);
        CHECK(conn_output_size(far.conn) < (2 << 20));
    }
    CHECK(pattern_fits(near.got, 0, SIZE));
    CHECK(near.drained_count > 0);
    conn_close(near.conn);
    TURN_UNTIL(loop, far.ended);
    conn_close(far.conn);
    TURN_UNTIL(loop, near.conn == NULL && far.conn == NULL);
    CHECK(near.why == ERR_OK && far.why == ERR_OK);
    end_fini(&near);
    end_fini(&far);
    free(bytes);
    loop_free(&loop);
}

TEST(a_side_that_ended_still_hears_the_other)
{
    enum { SIZE = 4 << 20 };
    struct scene scene;
    uint8_t *source = malloc(SIZE), *got = malloc(SIZE);
    size_t got_size = 0;

    scene_open(&scene, pair_tcp, 64);
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    pattern_fill(source, 0, SIZE);
    conn_send(scene.end.conn, bytes_of(source, SIZE));
    conn_end(scene.end.conn);
    conn_send(scene.end.conn, BYTES("too late"));
    TURN_UNTIL(scene.loop, (take(scene.fds[0], got, &got_size, SIZE), got_size >= SIZE));
    TURN_UNTIL(scene.loop, recv(scene.fds[0], got, 1, MSG_DONTWAIT) == 0);
    CHECK(pattern_fits(got + 1, 1, SIZE - 1));
    CHECK(send(scene.fds[0], "heard", 5, 0) == 5);
    TURN_UNTIL(scene.loop, scene.end.got_size == 5);
    CHECK(!scene.end.ended);
    scene_close(&scene);
    free(source);
    free(got);
}

TEST(a_connection_may_be_given_to_another_owner)
{
    struct scene scene;
    struct end other;

    scene_open(&scene, pair_tcp, 64);
    end_init(&other, 64);
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    other.conn = scene.end.conn;
    conn_give(scene.end.conn, &end_events, &other);
    CHECK(send(scene.fds[0], "heard", 5, 0) == 5);
    TURN_UNTIL(scene.loop, other.got_size == 5);
    CHECK(scene.end.got_size == 0);
    conn_abort(other.conn);
    TURN_UNTIL(scene.loop, other.conn == NULL);
    scene.end.conn = NULL;
    end_fini(&other);
    scene_close(&scene);
}

TEST(copies_and_loans_keep_their_order_and_each_loan_is_released_once)
{
    enum { PARTS = 400, MAX = 64 << 20 };
    struct scene scene;
    int released[PARTS] = {0};
    uint8_t *source = malloc(MAX), *got = malloc(MAX);
    size_t at = 0, got_size = 0;

    scene_open(&scene, pair_tcp, 0);
    scene.end.settings.output_high = MAX;
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    pattern_fill(source, 0, MAX);
    for (size_t i = 0; i < PARTS; i++) {
        size_t size = i % 7 == 0 ? 50000 : i % 5 == 0 ? 3 : 900 * (i % 11) + 1;

        if (i % 3 == 0)
            conn_send(scene.end.conn, bytes_of(source + at, size));
        else
            conn_send_loan(scene.end.conn, bytes_of(source + at, size), count_release,
                           &released[i]);
        at += size;
    }
    TURN_UNTIL(scene.loop, (take(scene.fds[0], got, &got_size, MAX), got_size >= at));
    CHECK(got_size == at && pattern_fits(got, 0, at));
    TURN_UNTIL(scene.loop, conn_output_size(scene.end.conn) == 0);
    for (size_t i = 0; i < PARTS; i++)
        CHECK(released[i] == (i % 3 == 0 ? 0 : 1));
    scene_close(&scene);
    free(source);
    free(got);
}

TEST(loans_are_released_when_the_connection_is_aborted)
{
    enum { SIZE = 32 << 20 };
    struct scene scene;
    int released = 0;
    uint8_t *bytes = calloc(1, SIZE);

    scene_open(&scene, pair_tcp, 0);
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    conn_send_loan(scene.end.conn, bytes_of(bytes, SIZE), count_release, &released);
    conn_send_loan(scene.end.conn, bytes_of(bytes, SIZE), count_release, &released);
    CHECK(conn_is_congested(scene.end.conn));
    loop_turn(scene.loop, 1);
    CHECK(released == 0 && conn_output_size(scene.end.conn) > 0);
    conn_abort(scene.end.conn);
    CHECK(scene.end.conn != NULL); /* told later, never from within the call */
    conn_send_loan(scene.end.conn, bytes_of(bytes, SIZE), count_release, &released);
    CHECK(released == 1); /* nothing is taken any more */
    TURN_UNTIL(scene.loop, scene.end.conn == NULL);
    CHECK(released == 3 && scene.end.why == ERR_STOPPING);
    scene_close(&scene);
    free(bytes);
}

TEST(a_peer_that_resets_is_told_as_gone)
{
    struct scene scene;
    struct linger at_once = {.l_onoff = 1};

    scene_open(&scene, pair_tcp, 100);
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    put(scene.fds[0], "hello");
    TURN_UNTIL(scene.loop, scene.end.got_size == 5);
    CHECK(setsockopt(scene.fds[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    (void)close(scene.fds[0]);
    scene.fds[0] = -1;
    TURN_UNTIL(scene.loop, scene.end.conn == NULL);
    CHECK(scene.end.why == ERR_PEER_GONE && scene.end.closed_count == 1);
    scene_close(&scene);
}

TEST(a_reset_is_noticed_also_while_paused)
{
    struct scene scene;
    struct linger at_once = {.l_onoff = 1};

    scene_open(&scene, pair_tcp, 100);
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    conn_pause(scene.end.conn);
    put(scene.fds[0], "hello");
    loop_turn(scene.loop, 1);
    CHECK(setsockopt(scene.fds[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    (void)close(scene.fds[0]);
    scene.fds[0] = -1;
    TURN_UNTIL(scene.loop, scene.end.conn == NULL);
    CHECK(scene.end.why == ERR_PEER_GONE && scene.end.got_size == 0);
    scene_close(&scene);
}

TEST(what_a_closed_unix_peer_sent_is_read_after_a_pause)
{
    struct scene scene;

    scene_open(&scene, pair_local, 100);
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    conn_pause(scene.end.conn);
    put(scene.fds[0], "last words");
    (void)close(scene.fds[0]);
    scene.fds[0] = -1;
    for (int i = 0; i < 5; i++)
        loop_turn(scene.loop, 0);
    CHECK(scene.end.conn != NULL && scene.end.got_size == 0);
    conn_resume(scene.end.conn);
    TURN_UNTIL(scene.loop, scene.end.ended);
    CHECK(scene.end.got_size == 10);
    scene_close(&scene);
}

TEST(half_a_close_still_lets_the_answer_out)
{
    struct scene scene;
    uint8_t got[16];
    size_t size = 0;

    scene_open(&scene, pair_tcp, 100);
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    put(scene.fds[0], "question");
    CHECK(shutdown(scene.fds[0], SHUT_WR) == 0);
    TURN_UNTIL(scene.loop, scene.end.ended);
    CHECK(scene.end.got_size == 8 && conn_has_ended(scene.end.conn));
    conn_send(scene.end.conn, BYTES("answer"));
    conn_close(scene.end.conn);
    TURN_UNTIL(scene.loop, take(scene.fds[0], got, &size, sizeof got));
    CHECK(size == 6 && memcmp(got, "answer", 6) == 0);
    TURN_UNTIL(scene.loop, scene.end.conn == NULL);
    CHECK(scene.end.why == ERR_OK);
    scene_close(&scene);
}

TEST(closing_delivers_everything_even_to_a_peer_that_goes_on_sending)
{
    enum { SIZE = 3 << 20 };
    struct scene scene;
    uint8_t *bytes = malloc(SIZE), *got = malloc(SIZE);
    size_t size = 0, pushed = 0;
    bool over = false;

    scene_open(&scene, pair_tcp, 100);
    pattern_fill(bytes, 0, SIZE);
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    conn_send(scene.end.conn, bytes_of(bytes, SIZE));
    conn_close(scene.end.conn);
    for (int turns = 0; !over; turns++) {
        CHECK(turns < TURNS_MAX);
        if (pushed < (4 << 20)) {
            ssize_t count = send(scene.fds[0], bytes, 65536, MSG_NOSIGNAL);

            CHECK(count > 0 || errno == EAGAIN);
            pushed += count > 0 ? (size_t)count : 0;
        } else {
            over = take(scene.fds[0], got, &size, SIZE);
        }
        loop_turn(scene.loop, 1);
    }
    CHECK(size == SIZE && pattern_fits(got, 0, SIZE));
    CHECK(scene.end.conn != NULL); /* it reads on until we end, too */
    CHECK(shutdown(scene.fds[0], SHUT_WR) == 0);
    TURN_UNTIL(scene.loop, scene.end.conn == NULL);
    CHECK(scene.end.why == ERR_OK && scene.end.got_size == 0);
    scene_close(&scene);
    free(bytes);
    free(got);
}

TEST(a_peer_that_never_stops_sending_is_cut_after_a_bounded_number_of_bytes)
{
    struct scene scene;
    uint8_t bytes[65536] = {0};
    size_t pushed = 0;

    scene_open(&scene, pair_tcp, 100);
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    conn_close(scene.end.conn);
    for (int turns = 0; scene.end.conn != NULL; turns++) {
        ssize_t count = send(scene.fds[0], bytes, sizeof bytes, MSG_NOSIGNAL);

        CHECK(turns < TURNS_MAX);
        pushed += count > 0 ? (size_t)count : 0;
        loop_turn(scene.loop, 0);
    }
    CHECK(scene.end.why == ERR_OK && pushed >= (8 << 20) && pushed < (32 << 20));
    scene_close(&scene);
}

TEST(output_that_nobody_reads_is_bounded)
{
    struct scene scene;
    uint8_t bytes[65536] = {0};

    scene_open(&scene, pair_tcp, 100);
    scene.end.settings.output_max = 1 << 20;
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    for (int i = 0; i < 2000; i++)
        conn_send(scene.end.conn, bytes_of(bytes, sizeof bytes));
    CHECK(account_used(&scene.end.account) < (3 << 20));
    TURN_UNTIL(scene.loop, scene.end.conn == NULL);
    CHECK(scene.end.why == ERR_TOO_BIG);
    scene_close(&scene);
}

TEST(input_that_nobody_consumes_stops_reading_until_it_is_consumed)
{
    enum { SIZE = 4 << 20, MAX = 64 << 10 };
    struct scene scene;
    uint8_t *bytes = malloc(SIZE);
    size_t pushed = 0, taken = 0;

    scene_open(&scene, pair_tcp, 0);
    pattern_fill(bytes, 0, SIZE);
    scene.end.settings.input_max = MAX;
    scene.end.consumes = false;
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    for (int turns = 0; taken < SIZE; turns++) {
        CHECK(turns < TURNS_MAX);
        ssize_t count = send(scene.fds[0], bytes + pushed, SIZE - pushed, MSG_NOSIGNAL);
        struct bytes input = conn_input(scene.end.conn);

        pushed += count > 0 ? (size_t)count : 0;
        CHECK(pattern_fits(input.data, taken, input.size));
        if (input.size == MAX || pushed == SIZE) {
            size_t some = input.size > 10 ? input.size - 10 : input.size;

            conn_consume(scene.end.conn, some);
            taken += some;
        }
        loop_turn(scene.loop, 0);
    }
    CHECK(scene.end.largest_input <= MAX && scene.end.largest_input > MAX / 2);
    scene_close(&scene);
    free(bytes);
}

TEST(a_message_in_single_bytes_is_seen_whole)
{
    struct scene scene;
    const char *text = "one byte at a time";

    scene_open(&scene, pair_tcp, 0);
    scene.end.consumes = false;
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    for (size_t i = 0; i < strlen(text); i++) {
        CHECK(send(scene.fds[0], text + i, 1, 0) == 1);
        TURN_UNTIL(scene.loop, conn_input(scene.end.conn).size == i + 1);
    }
    CHECK(bytes_equal(conn_input(scene.end.conn), bytes_of_text(text)));
    scene_close(&scene);
}

TEST(an_idle_connection_costs_little)
{
    struct scene scene;
    uint8_t got[64];
    size_t size = 0;

    scene_open(&scene, pair_tcp, 100);
    scene.end.echoes = true;
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    put(scene.fds[0], "hello");
    TURN_UNTIL(scene.loop, (take(scene.fds[0], got, &size, sizeof got), size == 5));
    CHECK(account_used(&scene.end.account) <= 400);
    scene_close(&scene);
}

TEST(a_paused_owner_is_called_when_it_resumes_and_not_before)
{
    struct scene scene;

    scene_open(&scene, pair_tcp, 100);
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    conn_pause(scene.end.conn);
    put(scene.fds[0], "hello");
    for (int i = 0; i < 10; i++)
        loop_turn(scene.loop, 1);
    CHECK(scene.end.got_size == 0);
    conn_resume(scene.end.conn);
    TURN_UNTIL(scene.loop, scene.end.got_size == 5);
    scene_close(&scene);
}

static void pause_again(struct end *end)
{
    conn_pause(end->conn);
}

TEST(an_end_that_a_pause_puts_off_is_told_after_it)
{
    struct scene scene;
    int clock = 0;

    scene_open(&scene, pair_tcp, 64);
    scene.end.clock = &clock;
    scene.end.consumes = false;
    scene.end.on_received = pause_again;
    end_accept(&scene.end, scene.loop, scene.fds[1]);
    put(scene.fds[0], "last words");
    TURN_UNTIL(scene.loop, scene.end.received_at > 0);
    CHECK(shutdown(scene.fds[0], SHUT_WR) == 0);
    for (int pauses = 0; pauses < 3; pauses++) {
        scene.end.received_at = 0;
        conn_resume(scene.end.conn);
        TURN_UNTIL(scene.loop, scene.end.received_at > 0);
        CHECK(!scene.end.ended);
    }
    scene.end.consumes = true;
    scene.end.on_received = NULL;
    conn_resume(scene.end.conn);
    TURN_UNTIL(scene.loop, scene.end.ended);
    CHECK(scene.end.got_size == 10);
    scene_close(&scene);
}

/* Several connections of one loop whose peers sent something before the loop turns. */
enum { CROWD = 20 };

struct crowd {
    struct loop *loop;
    int clock;
    int fds[CROWD][2]; /* the first of each is the test's */
    struct end ends[CROWD];
};

static void crowd_open(struct crowd *crowd)
{
    *crowd = (struct crowd){.clock = 0};
    CHECK(loop_new(NULL, &crowd->loop) == ERR_OK);
    for (int i = 0; i < CROWD; i++) {
        pair_tcp(crowd->fds[i]);
        end_init(&crowd->ends[i], 64);
        crowd->ends[i].clock = &crowd->clock;
        end_accept(&crowd->ends[i], crowd->loop, crowd->fds[i][1]);
        put(crowd->fds[i][0], "hello");
    }
}

static void crowd_close(struct crowd *crowd)
{
    for (int i = 0; i < CROWD; i++) {
        if (crowd->ends[i].conn != NULL)
            conn_abort(crowd->ends[i].conn);
        TURN_UNTIL(crowd->loop, crowd->ends[i].conn == NULL);
        (void)close(crowd->fds[i][0]);
        end_fini(&crowd->ends[i]);
    }
    loop_free(&crowd->loop);
}

static bool got_hello(const struct end *end)
{
    return end->got_size == 5 && memcmp(end->got, "hello", 5) == 0;
}

TEST(several_are_seen_ahead_before_the_first_of_them_is_received)
{
    struct crowd crowd;
    int overtaken = 0;

    crowd_open(&crowd);
    for (int i = 0; i < CROWD; i++)
        TURN_UNTIL(crowd.loop, got_hello(&crowd.ends[i]));
    for (int i = 0; i < CROWD; i++) {
        const struct end *end = &crowd.ends[i];

        CHECK(end->ahead_at < end->received_at);
        for (int j = 0; j < CROWD; j++)
            overtaken += end->ahead_at > 0 && end->ahead_at < crowd.ends[j].ahead_at &&
                         crowd.ends[j].ahead_at < end->received_at;
    }
    CHECK(overtaken > CROWD);
    crowd_close(&crowd);
}

static void abort_other(struct end *end)
{
    if (end->other->conn != NULL)
        conn_abort(end->other->conn);
}

TEST(who_is_aborted_while_read_ahead_receives_nothing)
{
    struct crowd crowd;

    crowd_open(&crowd);
    for (int i = 0; i < CROWD; i++) {
        crowd.ends[i].other = &crowd.ends[i ^ 1];
        crowd.ends[i].on_received = abort_other;
    }
    for (int i = 0; i < CROWD; i += 2) {
        const struct end *first = &crowd.ends[i], *second = &crowd.ends[i + 1];

        TURN_UNTIL(crowd.loop, (first->conn == NULL) != (second->conn == NULL));
        CHECK(got_hello(first) != got_hello(second));
        CHECK(got_hello(first->conn == NULL ? second : first));
    }
    crowd_close(&crowd);
}

static void pause_other(struct end *end)
{
    if (end->other->got_size == 0)
        conn_pause(end->other->conn);
}

TEST(who_is_paused_while_read_ahead_receives_it_when_resumed)
{
    struct crowd crowd;

    crowd_open(&crowd);
    for (int i = 0; i < CROWD; i++) {
        crowd.ends[i].other = &crowd.ends[i ^ 1];
        crowd.ends[i].on_received = pause_other;
    }
    for (int i = 0; i < CROWD; i += 2) {
        struct end *first = &crowd.ends[i], *second = &crowd.ends[i + 1];

        TURN_UNTIL(crowd.loop, got_hello(first) || got_hello(second));
        struct end *paused = got_hello(first) ? second : first;

        for (int turns = 0; turns < 3; turns++)
            loop_turn(crowd.loop, 0);
        CHECK(paused->received_at == 0);
        conn_resume(paused->conn);
        TURN_UNTIL(crowd.loop, got_hello(paused));
    }
    crowd_close(&crowd);
}

TEST(connecting_to_nobody_is_told_by_an_event)
{
    struct loop *loop;
    struct end end;
    struct address address = {.v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}},
                              .size = sizeof address.v4};
    int fd =
        socket(AF_INET, SOCK_STREAM, 0); /* bound and not listening: nobody else gets the port */

    CHECK(fd >= 0 && bind(fd, &address.any, address.size) == 0);
    CHECK(getsockname(fd, &address.any, &address.size) == 0);
    CHECK(loop_new(NULL, &loop) == ERR_OK);
    end_init(&end, 0);
    CHECK(conn_connect(loop, &address, &end.settings, &end_events, &end, &end.conn) == ERR_OK);
    CHECK(end.closed_count == 0);
    TURN_UNTIL(loop, end.conn == NULL);
    CHECK(end.why == ERR_PEER_DOWN && !end.connected);

    struct address nowhere = {.local = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"},
                              .size = sizeof nowhere.local};

    end.closed_count = 0;
    CHECK(conn_connect(loop, &nowhere, &end.settings, &end_events, &end, &end.conn) == ERR_OK);
    CHECK(end.closed_count == 0);
    TURN_UNTIL(loop, end.conn == NULL);
    CHECK(end.why == ERR_PEER_DOWN);
    (void)close(fd);
    end_fini(&end);
    loop_free(&loop);
}

TEST(what_is_sent_before_it_is_connected_goes_out_then)
{
    struct loop *loop;
    struct end end;
    struct address address = {.v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}},
                              .size = sizeof address.v4};
    int door = socket(AF_INET, SOCK_STREAM, 0);
    uint8_t got[16];
    size_t size = 0;

    CHECK(door >= 0 && bind(door, &address.any, address.size) == 0 && listen(door, 1) == 0);
    CHECK(getsockname(door, &address.any, &address.size) == 0);
    CHECK(loop_new(NULL, &loop) == ERR_OK);
    end_init(&end, 0);
    CHECK(conn_connect(loop, &address, &end.settings, &end_events, &end, &end.conn) == ERR_OK);
    conn_send(end.conn, BYTES("early"));
    int fd = accept4(door, NULL, NULL, SOCK_NONBLOCK);

    CHECK(fd >= 0);
    TURN_UNTIL(loop, (take(fd, got, &size, sizeof got), size == 5));
    CHECK(end.connected && memcmp(got, "early", 5) == 0);
    conn_close(end.conn);
    (void)close(fd);
    TURN_UNTIL(loop, end.conn == NULL);
    CHECK(end.why == ERR_OK);
    (void)close(door);
    end_fini(&end);
    loop_free(&loop);
}
