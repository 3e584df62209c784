/* conn_shake.c: how a connection comes to stand: connecting, a preface, the handshake of TLS.
 * SPDX-License-Identifier: MIT
 */
#include "base/must.h"
#include "net/conn_parts.h"

#include <errno.h>
#include <sys/socket.h>

static enum err begin_tls(struct conn *conn)
{
    struct conn_shared *shared = conn->shared;
    struct tls *tls = conn->settings->tls;

    if (shared->desk == NULL)
        shared->desk = tls_desk_new();
    conn->tls = tls_session_new(tls, conn->watch.fd, shared->desk, conn->settings->account);
    if (conn->tls == NULL)
        return ERR_FULL;
    conn->state = CONNECTING;
    if (tls_is_server(tls))
        timer_set(shared->loop, &conn->timer, loop_now_ms(shared->loop) + tls_handshake_ms(tls));
    return ERR_OK;
}

enum err conn_begin(struct conn *conn)
{
    struct loop *loop = conn->shared->loop;

    if (conn->settings->preface == NULL)
        return conn->settings->tls == NULL ? ERR_OK : begin_tls(conn);
    conn->state = CONNECTING;
    timer_set(loop, &conn->timer, loop_now_ms(loop) + conn->settings->preface_ms);
    return ERR_OK;
}

static void stand(struct conn *conn)
{
    conn->state = OPEN;
    conn->last_progress_ms = loop_now_ms(conn->shared->loop);
    timer_clear(conn->shared->loop, &conn->timer);
    conn_want(conn, LOOP_READ | (conn_waits(conn) ? (unsigned)LOOP_WRITE : 0));
    conn_flush(conn);
    if (conn->events->connected != NULL && conn->state == OPEN)
        conn_call(conn, conn->events->connected);
    /* What came right behind the handshake was read with it; what came behind a preface was told.
     */
    conn->unread = conn->tls != NULL || conn->prefaced;
    conn_want_input_again(conn);
    conn_tell_drained(conn);
}

/* The words go out as they are; what was asked is not read. */
static void answer_plain(struct conn *conn)
{
    tls_session_free(&conn->tls);
    timer_clear(conn->shared->loop, &conn->timer);
    conn->state = OPEN;
    conn_send(conn, tls_plain_answer(conn->settings->tls));
    conn_close(conn);
}

/* A client is told by an alert why it is refused, and gets the time to read it. */
static void break_handshake(struct conn *conn)
{
    if (!tls_is_server(conn->settings->tls)) {
        conn_die(conn, tls_session_err(conn->tls), false);
        return;
    }
    conn->state = OPEN;
    conn_close(conn);
}

static void shake(struct conn *conn, unsigned what)
{
    bool is_last = (what & (LOOP_LAST | LOOP_GONE)) != 0;

    if (tls_flush(conn->tls) < 0) {
        conn_die(conn, ERR_PEER_GONE, false);
        return;
    }
    switch (tls_shake(conn->tls, is_last)) {
    case TLS_STANDS:
        stand(conn);
        return;
    case TLS_AGAIN:
        conn_want(conn, LOOP_READ | (conn_waits(conn) ? (unsigned)LOOP_WRITE : 0));
        return;
    case TLS_PLAIN:
        answer_plain(conn);
        return;
    case TLS_BROKEN:
        break_handshake(conn);
        return;
    }
    never("a step that is none");
}

/* Takes the bytes that were only looked at so far. */
static bool take(const struct conn *conn, size_t size)
{
    uint8_t unused[CONN_PREFACE_MAX];

    return recv(conn->watch.fd, unused, size, 0) == (ssize_t)size;
}

/* Looks at what came until the preface is whole: it is small, and comes in one piece but for
 * those who want to see what happens otherwise. False: there is nothing more to be done now. */
static bool read_preface(struct conn *conn)
{
    uint8_t bytes[CONN_PREFACE_MAX];
    struct address peer = {.size = 0};
    size_t size = 0;
    ssize_t count;

    do {
        count = recv(conn->watch.fd, bytes, sizeof bytes, MSG_PEEK);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN)
        return false;
    if (count <= 0) {
        conn_die(conn, ERR_PEER_GONE, false);
        return false;
    }
    enum err err = conn->settings->preface(bytes_of(bytes, (size_t)count), &peer, &size);

    if (err == ERR_AGAIN && (size_t)count < sizeof bytes)
        return false;
    if (err != ERR_OK || !take(conn, size)) {
        conn_die(conn, ERR_PEER_BROKEN, true);
        return false;
    }
    if (peer.size > 0)
        conn->peer = peer;
    conn->prefaced = true;
    timer_clear(conn->shared->loop, &conn->timer);
    return true;
}

static bool wants_preface(const struct conn *conn)
{
    return conn->settings->preface != NULL && !conn->prefaced;
}

void conn_come_about(struct conn *conn, unsigned what)
{
    if (conn->tls == NULL && conn_socket_error(conn) != 0) {
        conn_die(conn, ERR_PEER_DOWN, false);
        return;
    }
    if (wants_preface(conn) && !read_preface(conn))
        return;
    if (conn->tls == NULL && conn->settings->tls != NULL && begin_tls(conn) != ERR_OK) {
        conn_die(conn, ERR_FULL, false);
        return;
    }
    if (conn->tls != NULL)
        shake(conn, what);
    else
        stand(conn);
}
