/* The promises of h2/session.h. SPDX-License-Identifier: MIT */
#include "h2/peer.h"
#include "t.h"

enum {
    FRAME_DATA,
    FRAME_HEADERS,
    FRAME_RESET = 3,
    FRAME_SETTINGS,
    FRAME_PING = 6,
    FRAME_GOAWAY,
    FRAME_WINDOW,
    FRAME_CONTINUATION
};
enum { FLAG_END_STREAM = 1, FLAG_ACK = 1, FLAG_END_HEADERS = 4 };

static struct peer peer;
static struct buf in;

static void begin(void)
{
    peer_init(&peer);
    buf_init(&in, (size_t)16 << 20, NULL);
    hello_add(&in);
}

static void end(void)
{
    peer_fini(&peer);
    buf_fini(&in);
}

static enum err go_at(int64_t now_ms)
{
    enum err err = h2_session_receive(peer.session, buf_bytes(&in), now_ms);

    buf_clear(&in);
    return err == ERR_OK ? h2_session_work(peer.session, now_ms) : err;
}

static enum err go(void)
{
    return go_at(0);
}

static void add_head(struct buf *out, const char *method, const char *path)
{
    field_add(out, ":method", method);
    field_add(out, ":scheme", "http");
    field_add(out, ":authority", "a.example");
    field_add(out, ":path", path);
}

/* A request with one more field; NULL: none. */
static void ask(uint32_t stream, unsigned flags, const char *name, const char *value)
{
    struct buf head;

    buf_init(&head, 1 << 16, NULL);
    add_head(&head, (flags & FLAG_END_STREAM) != 0 ? "GET" : "POST", "/a");
    if (name != NULL)
        field_add(&head, name, value);
    frame_add(&in, FRAME_HEADERS, flags | FLAG_END_HEADERS, stream, buf_bytes(&head));
    buf_fini(&head);
}

static void ask_plainly(uint32_t stream)
{
    ask(stream, FLAG_END_STREAM, NULL, NULL);
}

/* The n-th frame of that type that was sent, from 0. False: there is none. */
static bool find(unsigned type, size_t n, unsigned *ret_flags, struct bytes *ret_payload)
{
    struct bytes rest = buf_bytes(&peer.out);

    while (rest.size >= 9) {
        size_t size = (size_t)rest.data[0] << 16 | (size_t)rest.data[1] << 8 | rest.data[2];

        *ret_flags = rest.data[4];
        *ret_payload = bytes_slice(rest, 9, 9 + size);
        if (rest.data[3] == type && n-- == 0)
            return true;
        rest = bytes_skip(rest, 9 + size);
    }
    return false;
}

static size_t count(unsigned type)
{
    unsigned flags = 0;
    struct bytes payload;
    size_t n = 0;

    while (find(type, n, &flags, &payload))
        n++;
    return n;
}

/* The last 4 bytes of the first 8, or the first 4: where GOAWAY and RST_STREAM have their code. */
static unsigned code_of(unsigned type, size_t n)
{
    unsigned flags = 0;
    struct bytes payload;

    CHECK(find(type, n, &flags, &payload));
    return payload.data[type == FRAME_GOAWAY ? 7 : 3];
}

TEST(a_preface_is_known_by_its_beginning)
{
    CHECK(h2_is_preface(BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")));
    CHECK(h2_is_preface(BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore")));
    CHECK(h2_is_preface(BYTES("PRI * HT")));
    CHECK(!h2_is_preface(BYTES("PRI * HTTP/1.1\r\n\r\n")));
    CHECK(!h2_is_preface(BYTES("GET / HTTP/1.1\r\n")));
}

TEST(a_request_is_told_as_a_head_of_http_1)
{
    begin();
    peer.answers = true;
    ask(1, FLAG_END_STREAM, "x-name", "value");
    CHECK(go() == ERR_OK);
    CHECK(bytes_equal(buf_bytes(&peer.last), BYTES("GET /a HTTP/1.1\r\nhost: a.example\r\n"
                                                   "x-name: value\r\n\r\n")));
    CHECK(count(FRAME_HEADERS) == 1 && count(FRAME_DATA) == 1);
    CHECK(h2_session_stream_count(peer.session) == 0);
    end();
}

TEST(a_body_without_a_length_is_chunked_to_who_reads_the_head)
{
    begin();
    ask(1, 0, NULL, NULL);
    CHECK(go() == ERR_OK);
    CHECK(bytes_equal(buf_bytes(&peer.last), BYTES("POST /a HTTP/1.1\r\nhost: a.example\r\n"
                                                   "transfer-encoding: chunked\r\n\r\n")));
    end();
}

TEST(pieces_of_cookie_are_joined)
{
    struct buf head;

    begin();
    buf_init(&head, 1024, NULL);
    add_head(&head, "GET", "/a");
    field_add(&head, "cookie", "a=1");
    field_add(&head, "x", "y");
    field_add(&head, "cookie", "b=2");
    frame_add(&in, FRAME_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, 1, buf_bytes(&head));
    CHECK(go() == ERR_OK);
    CHECK(bytes_equal(buf_bytes(&peer.last), BYTES("GET /a HTTP/1.1\r\nhost: a.example\r\nx: y\r\n"
                                                   "cookie: a=1; b=2\r\n\r\n")));
    buf_fini(&head);
    end();
}

TEST(a_request_that_is_reset_within_the_same_bytes_never_was)
{
    begin();
    ask_plainly(1);
    frame_add(&in, FRAME_RESET, 0, 1, BYTES("\0\0\0\x08"));
    ask_plainly(3);
    CHECK(go() == ERR_OK);
    CHECK(peer.request_count == 1);
    CHECK(h2_session_counts(peer.session)->resets == 1);
    end();
}

TEST(the_owner_of_a_stream_hears_that_it_is_gone)
{
    begin();
    ask_plainly(1);
    CHECK(go() == ERR_OK && !peer.streams[0].is_gone);
    frame_add(&in, FRAME_RESET, 0, 1, BYTES("\0\0\0\x08"));
    CHECK(go() == ERR_OK && peer.streams[0].is_gone);
    ask_plainly(3);
    CHECK(go() == ERR_OK);
    h2_session_free(&peer.session);
    CHECK(peer.streams[1].is_gone);
    end();
}

TEST(what_was_queued_outside_wakes_the_owner)
{
    begin();
    ask_plainly(1);
    CHECK(go() == ERR_OK && peer.woken == 0);
    peer_answer(peer.streams[0].stream, BYTES("hello"));
    CHECK(peer.woken > 0);
    CHECK(h2_session_work(peer.session, 0) == ERR_OK);
    CHECK(count(FRAME_DATA) == 1 && h2_session_stream_count(peer.session) == 0);
    end();
}

TEST(a_body_goes_out_as_far_as_the_window_lets_it)
{
    static const uint8_t body[100000];
    unsigned flags = 0;
    struct bytes payload;
    size_t sent = 0;

    begin();
    ask_plainly(1);
    CHECK(go() == ERR_OK);
    struct h2_stream *stream = peer.streams[0].stream;

    h2_stream_answer(stream, BYTES(PEER_ANSWER "\r\n"), BYTES(""), false);
    peer.loans = 1;
    h2_stream_lend(stream, bytes_of(body, sizeof body), peer_release, &peer);
    CHECK(h2_stream_is_congested(stream));
    CHECK(h2_session_work(peer.session, 0) == ERR_OK);
    for (size_t i = 0; find(FRAME_DATA, i, &flags, &payload); i++)
        sent += payload.size;
    CHECK(sent == 65535 && peer.loans == 1 && !peer.streams[0].was_drained);
    frame_add(&in, FRAME_WINDOW, 0, 0, BYTES("\0\x10\0\0"));
    frame_add(&in, FRAME_WINDOW, 0, 1, BYTES("\0\x10\0\0"));
    CHECK(go() == ERR_OK);
    CHECK(peer.loans == 0 && peer.streams[0].was_drained && !h2_stream_is_congested(stream));
    h2_stream_end(stream);
    CHECK(h2_session_work(peer.session, 0) == ERR_OK);
    CHECK(h2_session_stream_count(peer.session) == 0);
    end();
}

TEST(what_is_borrowed_is_kept_when_it_cannot_leave)
{
    begin();
    peer.is_congested = true;
    ask_plainly(1);
    CHECK(go() == ERR_OK);
    uint8_t body[] = "hello";

    peer_answer(peer.streams[0].stream, bytes_of(body, 5));
    memset(body, 'x', sizeof body);
    peer.is_congested = false;
    CHECK(h2_session_work(peer.session, 0) == ERR_OK);
    unsigned flags = 0;
    struct bytes payload;

    CHECK(find(FRAME_DATA, 0, &flags, &payload) && bytes_equal(payload, BYTES("hello")));
    CHECK((flags & FLAG_END_STREAM) != 0);
    end();
}

TEST(nothing_is_sent_while_the_connection_is_congested)
{
    begin();
    peer.is_congested = true;
    peer.answers = true;
    ask_plainly(1);
    CHECK(go() == ERR_OK && peer.out.size == 0);
    end();
}

TEST(a_body_opens_its_window_as_it_is_taken)
{
    static const uint8_t body[16384];

    begin();
    peer.takes = false;
    ask(1, 0, NULL, NULL);
    CHECK(go() == ERR_OK);
    size_t before = count(FRAME_WINDOW);

    for (int i = 0; i < 3; i++)
        frame_add(&in, FRAME_DATA, 0, 1, bytes_of(body, sizeof body));
    CHECK(go() == ERR_OK && count(FRAME_WINDOW) == before);
    peer.takes = true;
    frame_add(&in, FRAME_DATA, FLAG_END_STREAM, 1, bytes_of(body, 1));
    CHECK(go() == ERR_OK);
    CHECK(peer.streams[0].received == 3 * sizeof body + 1 && peer.streams[0].has_all);
    end();
}

TEST(who_sends_beyond_a_window_is_stopped)
{
    static const uint8_t body[16384];

    begin();
    peer.takes = false;
    ask(1, 0, NULL, NULL);
    for (int i = 0; i < 5; i++)
        frame_add(&in, FRAME_DATA, 0, 1, bytes_of(body, sizeof body));
    CHECK(go() == ERR_OK);
    CHECK(count(FRAME_RESET) + count(FRAME_GOAWAY) == 1);
    end();
}

TEST(an_answer_before_the_body_is_whole_refuses_the_rest)
{
    begin();
    peer.answers = true;
    ask(1, 0, NULL, NULL);
    CHECK(go() == ERR_OK);
    CHECK(code_of(FRAME_RESET, 0) == 0);
    CHECK(h2_session_counts(peer.session)->resets_sent == 0);
    end();
}

TEST(a_cut_answer_is_reset)
{
    begin();
    ask_plainly(1);
    CHECK(go() == ERR_OK);
    h2_stream_cut(peer.streams[0].stream);
    CHECK(h2_session_work(peer.session, 0) == ERR_OK);
    CHECK(code_of(FRAME_RESET, 0) == 2);
    CHECK(h2_session_stream_count(peer.session) == 0);
    end();
}

TEST(a_frame_that_waits_for_the_connection_may_be_cut)
{
    static const uint8_t body[1000];

    begin();
    ask_plainly(1);
    CHECK(go() == ERR_OK);
    struct h2_stream *stream = peer.streams[0].stream;

    h2_stream_answer(stream, BYTES(PEER_ANSWER "\r\n"), BYTES(""), false);
    CHECK(h2_session_work(peer.session, 0) == ERR_OK);
    h2_stream_send(stream, bytes_of(body, sizeof body));
    peer.fills_up = true; /* between the choice of a frame's size and its sending */
    CHECK(h2_session_work(peer.session, 0) == ERR_OK && count(FRAME_DATA) == 0);
    h2_stream_cut(stream);
    peer.fills_up = peer.is_congested = false;
    CHECK(h2_session_work(peer.session, 0) == ERR_OK);
    CHECK(count(FRAME_DATA) == 0 && count(FRAME_RESET) == 1);
    CHECK(h2_session_stream_count(peer.session) == 0);
    end();
}

TEST(a_head_with_another_host_is_refused)
{
    begin();
    peer.answers = true;
    ask(1, FLAG_END_STREAM, "host", "b.example");
    ask(3, FLAG_END_STREAM, "host", "A.EXAMPLE");
    CHECK(go() == ERR_OK);
    CHECK(peer.request_count == 2 && peer.refused_count == 1);
    end();
}

TEST(a_head_is_waited_for_as_long_as_its_owner_likes)
{
    struct buf head;
    int64_t since_ms = 0;

    begin();
    buf_init(&head, 1024, NULL);
    add_head(&head, "GET", "/a");
    CHECK(go_at(10) == ERR_OK && !h2_session_has_part(peer.session, &since_ms));
    frame_add(&in, FRAME_HEADERS, FLAG_END_STREAM, 1, buf_bytes(&head));
    CHECK(go_at(20) == ERR_OK);
    CHECK(h2_session_has_part(peer.session, &since_ms) && since_ms == 20);
    frame_add(&in, FRAME_CONTINUATION, FLAG_END_HEADERS, 1, BYTES(""));
    CHECK(go_at(30) == ERR_OK && peer.request_count == 1);
    CHECK(!h2_session_has_part(peer.session, &since_ms));
    buf_fini(&head);
    end();
}

TEST(a_window_kept_shut_is_a_stall)
{
    begin();
    buf_clear(&in);
    buf_add_text(&in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frame_add(&in, FRAME_SETTINGS, 0, 0, BYTES("\0\x04\0\0\0\0"));
    peer.answers = true;
    ask_plainly(1);
    CHECK(go_at(0) == ERR_OK);
    CHECK(h2_session_check(peer.session, 1000, 999) == 0);
    CHECK(h2_session_check(peer.session, 1000, 1000) == 1);
    CHECK(h2_session_work(peer.session, 1000) == ERR_OK);
    CHECK(code_of(FRAME_RESET, 0) == 8 && h2_session_stream_count(peer.session) == 0);
    end();
}

TEST(a_flood_is_ended_with_enhance_your_calm)
{
    enum flood_kind kind = FLOOD_RESETS;

    begin();
    for (int i = 0; i < 250; i++)
        frame_add(&in, FRAME_PING, 0, 0, BYTES("12345678"));
    CHECK(go() == ERR_OK);
    CHECK(h2_session_is_flooded(peer.session, &kind) && kind == FLOOD_CONTROL);
    CHECK(code_of(FRAME_GOAWAY, 0) == 11 && h2_session_is_over(peer.session));
    end();
}

TEST(draining_says_so_twice)
{
    begin();
    ask_plainly(1);
    CHECK(go() == ERR_OK);
    h2_session_drain(peer.session);
    CHECK(h2_session_work(peer.session, 0) == ERR_OK);
    CHECK(count(FRAME_GOAWAY) == 1 && count(FRAME_PING) == 1);
    ask_plainly(3); /* was on its way */
    frame_add(&in, FRAME_PING, FLAG_ACK, 0, BYTES("\0\0\0\0\0\0\0\0"));
    CHECK(go() == ERR_OK);
    CHECK(count(FRAME_GOAWAY) == 2 && peer.request_count == 2);
    CHECK(!h2_session_is_over(peer.session));
    for (size_t i = 0; i < 2; i++)
        peer_answer(peer.streams[i].stream, BYTES("hello"));
    CHECK(h2_session_work(peer.session, 0) == ERR_OK);
    CHECK(h2_session_is_over(peer.session));
    end();
}

TEST(draining_does_not_wait_for_ever_to_be_heard)
{
    begin();
    CHECK(go() == ERR_OK);
    h2_session_drain(peer.session);
    h2_session_drain(peer.session);
    CHECK(h2_session_work(peer.session, 0) == ERR_OK);
    CHECK(count(FRAME_GOAWAY) == 2 && h2_session_is_over(peer.session));
    end();
}

TEST(what_is_no_http_2_ends_the_session)
{
    begin();
    buf_clear(&in);
    buf_add_text(&in, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(go() == ERR_PEER_BROKEN);
    end();
}
