/* tls_test.c: what a connection promises holds with TLS, too. SPDX-License-Identifier: MIT */
#include "net/tls.h"

#include "base/random.h"
#include "pair.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A certificate for larder.test and *.larder.test, signed by itself, valid for a hundred years; and
 * its key. */
static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
                          "MIIBqjCCAVCgAwIBAgIUaMA/MPaRbTb/w/Mzg+JD86AVKgkwCgYIKoZIzj0EAwIw\n"
                          "FjEUMBIGA1UEAwwLbGFyZGVyLnRlc3QwIBcNMjYxMTIwMTYzMTA1WhgPMjEyNjEw\n"
                          "MjcxNjMxMDVaMBYxFDASBgNVBAMMC2xhcmRlci50ZXN0MFkwEwYHKoZIzj0CAQYI\n"
                          "KoZIzj0DAQcDQgAEuitJWyaG9qpO7UAU5uRwlHula1ifq8T8Qxiz0kyD17XkH6/k\n"
                          "fFELLhPPWnCKTW/rJqFk/G3jAd7/v4BgrwQwAaN6MHgwHQYDVR0OBBYEFLYrKRJ6\n"
                          "vKERAvZecQqp0zuSAAqfMB8GA1UdIwQYMBaAFLYrKRJ6vKERAvZecQqp0zuSAAqf\n"
                          "MA8GA1UdEwEB/wQFMAMBAf8wJQYDVR0RBB4wHIILbGFyZGVyLnRlc3SCDSoubGFy\n"
                          "ZGVyLnRlc3QwCgYIKoZIzj0EAwIDSAAwRQIhAInyCz8LMkHe+k5V+2hlcGwTnimU\n"
                          "RWAds/kMnoDyhkGTAiAWCU00oCPi8MjNQSVIuneXlUfVXFFQEGqY4ovXH0kzzg==\n"
                          "-----END CERTIFICATE-----\n"
                          "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXbJO1lWNvZ4oa+Ue\n"
                          "igHy38YqNeFqi6fZz3r7yBTStdShRANCAAS6K0lbJob2qk7tQBTm5HCUe6VrWJ+r\n"
                          "xPxDGLPSTIPXteQfr+R8UQsuE89acIpNb+smoWT8beMB3v+/gGCvBDAB\n"
                          "-----END PRIVATE KEY-----\n";

/* Both ends are Larder's. */
struct scene {
    struct loop *loop;
    struct tls *server, *client;
    char file[32];
    struct end near, far; /* who called, who was called */
    int door;
    struct address address;
};

static void write_pem(char file[32], const char *text)
{
    (void)snprintf(file, 32, "/tmp/larder-tls-XXXXXX");
    int fd = mkstemp(file);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    (void)close(fd);
}

static void open_door(struct scene *scene)
{
    scene->address =
        (struct address){.v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}},
                         .size = sizeof scene->address.v4};
    scene->door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(scene->door >= 0);
    CHECK(bind(scene->door, &scene->address.any, scene->address.size) == 0);
    CHECK(listen(scene->door, 1) == 0);
    CHECK(getsockname(scene->door, &scene->address.any, &scene->address.size) == 0);
}

static const char *const protocols[] = {"h2", "http/1.1", NULL};

static void open_tls(struct scene *scene, const char *name, bool verify, int64_t handshake_ms)
{
    struct tls_pair pair = {"test", scene->file, scene->file};
    const struct tls_server_settings serving = {
        .pairs = &pair,
        .pair_count = 1,
        .protocols = protocols,
        .handshake_ms = handshake_ms,
        .ticket_ms = 60000,
        .plain_answer = BYTES_INIT("in the clear\n"),
    };
    const struct tls_client_settings calling = {
        .server_name = name, .ca_file = scene->file, .verify = verify, .protocols = protocols};
    struct fault fault;

    CHECK(tls_server_new(&serving, &scene->server, &fault) == ERR_OK);
    CHECK(tls_client_new(&calling, &scene->client, &fault) == ERR_OK);
}

static void call_and_accept(struct scene *scene)
{
    struct end *near = &scene->near;

    near->settings.tls = scene->client;
    scene->far.settings.tls = scene->server;
    CHECK(conn_connect(scene->loop, &scene->address, &near->settings, &end_events, near,
                       &near->conn) == ERR_OK);
    int fd = accept4(scene->door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    CHECK(fd >= 0);
    end_accept(&scene->far, scene->loop, fd);
}

static void scene_open(struct scene *scene, const char *name, size_t got_max)
{
    *scene = (struct scene){.door = -1};
    CHECK(loop_new(NULL, &scene->loop) == ERR_OK);
    write_pem(scene->file, pem);
    open_tls(scene, name, true, 60000);
    open_door(scene);
    end_init(&scene->near, got_max);
    end_init(&scene->far, got_max);
    call_and_accept(scene);
}

static void scene_close(struct scene *scene)
{
    if (scene->near.conn != NULL)
        conn_abort(scene->near.conn);
    if (scene->far.conn != NULL)
        conn_abort(scene->far.conn);
    TURN_UNTIL(scene->loop, scene->near.conn == NULL && scene->far.conn == NULL);
    end_fini(&scene->near);
    end_fini(&scene->far);
    loop_free(&scene->loop);
    tls_free(&scene->server);
    tls_free(&scene->client);
    (void)close(scene->door);
    (void)unlink(scene->file);
}

static void stand(struct scene *scene)
{
    TURN_UNTIL(scene->loop, scene->near.connected && scene->far.connected);
}

TEST(both_sides_are_told_when_the_handshake_is_done_and_what_is_spoken)
{
    struct scene scene;

    scene_open(&scene, "shop.larder.test", 100);
    stand(&scene);
    CHECK(bytes_equal(conn_protocol(scene.near.conn), BYTES("h2")));
    CHECK(bytes_equal(conn_protocol(scene.far.conn), BYTES("h2")));
    CHECK(conn_is_encrypted(scene.far.conn));
    CHECK(counter_read(&tls_metrics(scene.server)->handshakes) == 1);
    scene_close(&scene);
}

TEST(what_is_sent_arrives_whole_and_in_order_in_both_directions)
{
    enum { SIZE = 16 << 20, PIECE = 100000 };
    struct scene scene;
    uint8_t *bytes = malloc(PIECE);
    size_t sent = 0;

    scene_open(&scene, "larder.test", SIZE);
    scene.far.echoes = true;
    stand(&scene);
    for (int turns = 0; scene.near.got_size < SIZE; turns++) {
        CHECK(turns < TURNS_MAX);
        while (sent < SIZE && !conn_is_congested(scene.near.conn)) {
            size_t size = SIZE - sent < PIECE ? SIZE - sent : PIECE;

            pattern_fill(bytes, sent, size);
            conn_send(scene.near.conn, bytes_of(bytes, size));
            sent += size;
        }
        loop_turn(scene.loop, 1);
        CHECK(conn_output_size(scene.far.conn) < (2 << 20));
    }
    CHECK(pattern_fits(scene.near.got, 0, SIZE));
    CHECK(scene.near.drained_count > 0);
    free(bytes);
    scene_close(&scene);
}

static void count_release(void *context)
{
    ++*(int *)context;
}

TEST(a_loan_arrives_with_what_was_sent_around_it_and_is_released_once)
{
    enum { SIZE = 3 << 20 };
    struct scene scene;
    uint8_t *bytes = malloc(SIZE);
    int released = 0;

    pattern_fill(bytes, 1, SIZE);
    scene_open(&scene, "larder.test", SIZE + 100);
    stand(&scene);
    conn_send(scene.far.conn, BYTES("a"));
    conn_send_loan(scene.far.conn, bytes_of(bytes, SIZE), count_release, &released);
    conn_send(scene.far.conn, BYTES("z"));
    TURN_UNTIL(scene.loop, scene.near.got_size == SIZE + 2);
    CHECK(released == 1);
    CHECK(scene.near.got[0] == 'a' && scene.near.got[SIZE + 1] == 'z');
    CHECK(pattern_fits(scene.near.got + 1, 1, SIZE));
    free(bytes);
    scene_close(&scene);
}

/* What one side has said so far, out of one long source. */
struct talk {
    struct end *from;
    size_t sent;
    int lent, released;
    bool is_paused;
};

static void say_something(struct talk *talk, const uint8_t *source, size_t max,
                          struct random *random)
{
    size_t size = 1 + random_below(random, random_below(random, 2) == 0 ? 300 : 70000);
    struct bytes piece = bytes_of(source + talk->sent, size);

    if (conn_is_congested(talk->from->conn) || size > max - talk->sent)
        return;
    if (random_below(random, 2) == 0) {
        conn_send(talk->from->conn, piece);
    } else {
        talk->lent++;
        conn_send_loan(talk->from->conn, piece, count_release, &talk->released);
    }
    talk->sent += size;
}

static void pause_or_resume(struct talk *talk, struct random *random)
{
    if (random_below(random, 4) != 0)
        return;
    talk->is_paused = !talk->is_paused;
    if (talk->is_paused)
        conn_pause(talk->from->conn);
    else
        conn_resume(talk->from->conn);
}

TEST(two_that_talk_and_pause_at_random_hear_each_other_in_order)
{
    enum { SOURCE = 24 << 20, TURNS = 1500 };
    struct scene scene;
    struct talk talks[2] = {{.from = &scene.near}, {.from = &scene.far}};
    uint8_t *source = malloc(SOURCE);
    struct random random;

    pattern_fill(source, 0, SOURCE);
    random_init(&random, 7);
    scene_open(&scene, "larder.test", SOURCE);
    scene.near.settings.input_max = scene.far.settings.input_max = 50000;
    stand(&scene);
    for (int turn = 0; turn < TURNS; turn++) {
        struct talk *talk = &talks[random_below(&random, 2)];

        for (uint64_t n = random_below(&random, 6); n > 0; n--)
            say_something(talk, source, SOURCE, &random);
        pause_or_resume(talk, &random);
        loop_turn(scene.loop, 0);
    }
    for (int i = 0; i < 2; i++)
        conn_resume(talks[i].from->conn);
    TURN_UNTIL(scene.loop,
               scene.far.got_size == talks[0].sent && scene.near.got_size == talks[1].sent);
    CHECK(talks[0].sent > (1 << 20) && talks[1].sent > (1 << 20));
    CHECK(pattern_fits(scene.far.got, 0, talks[0].sent));
    CHECK(pattern_fits(scene.near.got, 0, talks[1].sent));
    CHECK(talks[0].released == talks[0].lent && talks[1].released == talks[1].lent);
    free(source);
    scene_close(&scene);
}

TEST(closing_sends_the_rest_says_goodbye_and_both_sides_end_well)
{
    enum { SIZE = 2 << 20 };
    struct scene scene;
    uint8_t *bytes = malloc(SIZE);

    pattern_fill(bytes, 0, SIZE);
    scene_open(&scene, "larder.test", SIZE);
    stand(&scene);
    conn_send(scene.far.conn, bytes_of(bytes, SIZE));
    conn_close(scene.far.conn);
    TURN_UNTIL(scene.loop, scene.near.ended);
    CHECK(scene.near.got_size == SIZE && pattern_fits(scene.near.got, 0, SIZE));
    conn_close(scene.near.conn);
    TURN_UNTIL(scene.loop, scene.near.conn == NULL && scene.far.conn == NULL);
    CHECK(scene.near.why == ERR_OK && scene.far.why == ERR_OK);
    free(bytes);
    scene_close(&scene);
}

TEST(who_said_goodbye_is_still_answered)
{
    struct scene scene;

    scene_open(&scene, "larder.test", 100);
    stand(&scene);
    conn_send(scene.near.conn, BYTES("question"));
    conn_close(scene.near.conn); /* its side only: it reads on for a moment */
    TURN_UNTIL(scene.loop, scene.far.ended);
    CHECK(scene.far.got_size == 8);
    conn_send(scene.far.conn, BYTES("answer"));
    conn_close(scene.far.conn);
    TURN_UNTIL(scene.loop, scene.far.conn == NULL);
    CHECK(scene.far.why == ERR_OK);
    scene_close(&scene);
}

TEST(the_end_waits_until_a_pause_is_over)
{
    struct scene scene;

    scene_open(&scene, "larder.test", 100);
    stand(&scene);
    conn_pause(scene.far.conn);
    conn_send(scene.near.conn, BYTES("late"));
    conn_close(scene.near.conn);
    for (int i = 0; i < 20; i++)
        loop_turn(scene.loop, 1);
    CHECK(!scene.far.ended && scene.far.got_size == 0);
    conn_resume(scene.far.conn);
    TURN_UNTIL(scene.loop, scene.far.ended);
    CHECK(scene.far.got_size == 4);
    scene_close(&scene);
}

TEST(an_end_without_goodbye_breaks_an_outgoing_connection)
{
    struct scene scene;

    scene_open(&scene, "larder.test", 100);
    stand(&scene);
    conn_abort(scene.far.conn);
    TURN_UNTIL(scene.loop, scene.near.conn == NULL);
    CHECK(!scene.near.ended && scene.near.why == ERR_PEER_GONE);
    scene_close(&scene);
}

/* The sentence is gone with the connection, so it is copied in `closed`. */
static char why_text[256];

static void copy_why(struct conn *conn, void *owner, enum err why)
{
    (void)snprintf(why_text, sizeof why_text, "%s", conn_why(conn) == NULL ? "" : conn_why(conn));
    end_events.closed(conn, owner, why);
}

static enum err call_with_name(const char *name, bool trusts_system)
{
    struct conn_events events = end_events;
    struct scene scene = {.door = -1};

    events.closed = copy_why;
    CHECK(loop_new(NULL, &scene.loop) == ERR_OK);
    write_pem(scene.file, pem);
    open_tls(&scene, name, true, 60000);
    if (trusts_system) {
        const struct tls_client_settings calling = {.server_name = name, .verify = true};
        struct fault fault;

        tls_free(&scene.client);
        CHECK(tls_client_new(&calling, &scene.client, &fault) == ERR_OK);
    }
    open_door(&scene);
    end_init(&scene.near, 100);
    end_init(&scene.far, 100);
    scene.near.settings.tls = scene.client;
    scene.far.settings.tls = scene.server;
    CHECK(conn_connect(scene.loop, &scene.address, &scene.near.settings, &events, &scene.near,
                       &scene.near.conn) == ERR_OK);
    end_accept(&scene.far, scene.loop,
               accept4(scene.door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    TURN_UNTIL(scene.loop, scene.near.conn == NULL || scene.near.connected);
    enum err why = scene.near.conn == NULL ? scene.near.why : ERR_OK;

    scene_close(&scene);
    return why;
}

TEST(a_certificate_for_another_name_is_refused_with_a_sentence)
{
    CHECK(call_with_name("larder.test", false) == ERR_OK);
    CHECK(call_with_name("other.test", false) == ERR_PEER_MISNAMED);
    CHECK(strcmp(why_text, "the certificate of other.test is for another name") == 0);
    CHECK(call_with_name("a.b.larder.test", false) == ERR_PEER_MISNAMED);
}

TEST(a_certificate_of_nobody_known_is_refused_with_a_sentence)
{
    CHECK(call_with_name("larder.test", true) == ERR_PEER_UNTRUSTED);
    CHECK(strcmp(why_text, "the certificate of larder.test is signed by itself") == 0);
}

TEST(the_second_connection_resumes_the_session_of_the_first)
{
    struct scene scene;

    scene_open(&scene, "larder.test", 100);
    stand(&scene);
    conn_send(scene.far.conn, BYTES("x")); /* tickets come behind the handshake */
    TURN_UNTIL(scene.loop, scene.near.got_size == 1);
    conn_abort(scene.near.conn);
    conn_abort(scene.far.conn);
    TURN_UNTIL(scene.loop, scene.near.conn == NULL && scene.far.conn == NULL);
    scene.near.connected = scene.far.connected = false;
    scene.near.closed_count = scene.far.closed_count = 0;
    call_and_accept(&scene);
    stand(&scene);
    CHECK(counter_read(&tls_metrics(scene.server)->resumed) == 1);
    scene_close(&scene);
}

/* The test's own hands on one end of a connection. */
struct plain {
    struct scene scene;
    int fd;
};

static void plain_open(struct plain *plain, int64_t handshake_ms)
{
    struct scene *scene = &plain->scene;
    int fds[2];

    *scene = (struct scene){.door = -1};
    CHECK(loop_new(NULL, &scene->loop) == ERR_OK);
    write_pem(scene->file, pem);
    open_tls(scene, "larder.test", true, handshake_ms);
    pair_tcp(fds);
    plain->fd = fds[0];
    end_init(&scene->near, 0);
    end_init(&scene->far, 100);
    scene->far.settings.tls = scene->server;
    end_accept(&scene->far, scene->loop, fds[1]);
}

static void plain_close(struct plain *plain)
{
    if (plain->fd >= 0)
        (void)close(plain->fd);
    scene_close(&plain->scene);
}

static size_t hear_all(struct plain *plain, char *to, size_t max)
{
    size_t size = 0;
    ssize_t count;

    for (int turns = 0; turns < TURNS_MAX; turns++) {
        loop_turn(plain->scene.loop, 1);
        count = recv(plain->fd, to + size, max - size, 0);
        if (count == 0)
            return size;
        size += count > 0 ? (size_t)count : 0;
    }
    CHECK(!"it ends");
    return 0;
}

TEST(who_speaks_http_in_the_clear_gets_the_words_for_it)
{
    struct plain plain;
    char got[200];

    plain_open(&plain, 60000);
    CHECK(send(plain.fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL) == 18);
    CHECK(hear_all(&plain, got, sizeof got) == 13 && memcmp(got, "in the clear\n", 13) == 0);
    CHECK(counter_read(&tls_metrics(plain.scene.server)->plain) == 1);
    CHECK(counter_read(&tls_metrics(plain.scene.server)->failures) == 0);
    plain_close(&plain);
}

TEST(garbage_gets_an_alert_and_is_counted)
{
    struct plain plain;
    char got[200];

    plain_open(&plain, 60000);
    CHECK(send(plain.fd, "\x16\x03\x01\x00\x05gibberish", 14, MSG_NOSIGNAL) == 14);
    CHECK(hear_all(&plain, got, sizeof got) == 7 && got[0] == 21);
    CHECK(counter_read(&tls_metrics(plain.scene.server)->failures) == 1);
    plain_close(&plain);
}

TEST(a_handshake_that_takes_too_long_is_cut_and_counted)
{
    struct plain plain;

    plain_open(&plain, 1);
    TURN_UNTIL(plain.scene.loop, plain.scene.far.conn == NULL);
    CHECK(plain.scene.far.why == ERR_PEER_SLOW);
    CHECK(counter_read(&tls_metrics(plain.scene.server)->timeouts) == 1);
    plain_close(&plain);
}

TEST(who_only_looks_whether_somebody_is_there_is_no_failure)
{
    struct plain plain;

    plain_open(&plain, 60000);
    (void)close(plain.fd);
    plain.fd = -1;
    TURN_UNTIL(plain.scene.loop, plain.scene.far.conn == NULL);
    CHECK(counter_read(&tls_metrics(plain.scene.server)->failures) == 0);
    plain_close(&plain);
}

static enum err serve_with(const char *certificate, const char *key, struct fault *fault)
{
    struct tls_pair pair = {"test", certificate, key};
    const struct tls_server_settings settings = {.pairs = &pair, .pair_count = 1};
    struct tls *tls = NULL;
    enum err err = tls_server_new(&settings, &tls, fault);

    tls_free(&tls);
    return err;
}

TEST(files_that_are_wrong_are_named_with_the_reason)
{
    struct fault fault;
    char good[32], empty[32];

    write_pem(good, pem);
    write_pem(empty, "");
    CHECK(serve_with(good, good, &fault) == ERR_OK);
    CHECK(serve_with("/nowhere/a.pem", good, &fault) == ERR_DISK);
    CHECK(strstr(fault.text, "the certificate /nowhere/a.pem cannot be read") != NULL);
    CHECK(serve_with(empty, good, &fault) == ERR_SYNTAX);
    CHECK(strstr(fault.text, "is no PEM certificate") != NULL);
    CHECK(serve_with(good, empty, &fault) == ERR_SYNTAX);
    CHECK(strstr(fault.text, "is no PEM key") != NULL);
    (void)unlink(good);
    (void)unlink(empty);
}

TEST(what_cannot_be_loaded_leaves_the_old_in_place)
{
    struct scene scene;
    struct fault fault;
    struct tls_pair pair = {"test", "/nowhere/a.pem", "/nowhere/a.pem"};
    struct tls_server_settings settings = {
        .pairs = &pair, .pair_count = 1, .protocols = protocols, .handshake_ms = 60000};

    scene_open(&scene, "larder.test", 100);
    CHECK(tls_reload(scene.server, &settings, &fault) == ERR_DISK);
    pair.certificate = pair.key = scene.file;
    CHECK(tls_reload(scene.server, &settings, &fault) == ERR_OK);
    stand(&scene); /* it began before */
    CHECK(counter_read(&tls_metrics(scene.server)->reloads) == 1);
    CHECK(counter_read(&tls_metrics(scene.server)->reload_failures) == 1);
    scene_close(&scene);
}
