/* HTTP/2 frames through nghttp2's callbacks into a session: whatever comes, every head that is told
 * is one request and no more, every loan and byte of memory comes back, and the session ends.
 * SPDX-License-Identifier: MIT
 *
 * The first byte says how the rest is cut and how requests are answered; the preface and SETTINGS
 * are there already, so that the fuzzer begins where it matters.
 */
#include "h2/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_SIZE = 40000, PIECE_MAX = 97 };

static const struct http_limits limits = {4096, 1024, 20};

/* A head that the strict parser takes is taken whole: nothing hides behind it. */
static void check_head(struct bytes head)
{
    struct http_head parsed;
    struct http_complaint complaint = {0, NULL};
    size_t size = 0;
    enum err err = http_parse_request(head, &limits, &parsed, &size, &complaint);

    must(err != ERR_AGAIN);
    must(err != ERR_OK || size == head.size);
    must(err != ERR_OK || parsed.minor == 1);
}

static void answer(struct peer *peer, struct peer_stream *mine, unsigned how)
{
    static const uint8_t body[BODY_SIZE];
    struct h2_stream *stream = mine->stream;

    mine->stream = NULL;
    if (how == 0) {
        h2_stream_cut(stream);
        return;
    }
    h2_stream_interim(stream, BYTES("HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n"));
    h2_stream_answer(stream, BYTES(PEER_ANSWER), BYTES("\r\n"), how == 1);
    if (how == 2)
        h2_stream_send(stream, bytes_of(body, 100));
    if (how == 3) {
        peer->loans++;
        h2_stream_lend(stream, bytes_of(body, sizeof body), peer_release, peer);
    }
    h2_stream_end(stream);
}

static void answer_all(struct peer *peer, unsigned *how)
{
    for (size_t i = 0; i < peer->stream_count; i++) {
        if (peer->streams[i].stream != NULL)
            answer(peer, &peer->streams[i], (*how)++ % 4);
    }
}

static bool feed(struct peer *peer, struct bytes bytes, int64_t now_ms)
{
    size_t before = peer->request_count;

    if (h2_session_receive(peer->session, bytes, now_ms) != ERR_OK ||
        h2_session_work(peer->session, now_ms) != ERR_OK)
        return false;
    if (peer->request_count > before && peer->last.size > 0)
        check_head(buf_bytes(&peer->last));
    return !h2_session_is_over(peer->session);
}

static void converse(struct peer *peer, struct bytes rest, unsigned how)
{
    size_t step = how % PIECE_MAX + 1;
    int64_t now_ms = 0;

    while (rest.size > 0) {
        peer->is_congested = (how + rest.size) % 5 == 0;
        now_ms += 100;
        if (!feed(peer, bytes_slice(rest, 0, step), now_ms))
            return;
        rest = bytes_skip(rest, step);
        if (rest.size % 3 == 0)
            answer_all(peer, &how);
        buf_clear(&peer->out);
    }
    peer->is_congested = false;
    (void)h2_session_check(peer->session, 1000, now_ms + 1000);
    h2_session_drain(peer->session);
    h2_session_drain(peer->session);
    answer_all(peer, &how);
    (void)h2_session_work(peer->session, now_ms + 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct peer peer;
    struct buf hello;

    if (size < 2 || size > 8192)
        return 0;
    peer_init(&peer);
    buf_init(&hello, 1024, NULL);
    hello_add(&hello);
    peer.answers = (data[0] & 128) != 0;
    peer.takes = (data[0] & 64) != 0;
    if (feed(&peer, buf_bytes(&hello), 0))
        converse(&peer, bytes_of(data + 1, size - 1), data[0]);
    buf_fini(&hello);
    peer_fini(&peer);
    return 0;
}
