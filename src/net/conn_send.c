/* conn_send.c: what leaves through a connection. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "net/conn_parts.h"

#include <errno.h>

enum {
    LOAN_MIN = 4096,           /* smaller loans are copied: that costs less than keeping book */
    DIRECT_MIN = 16 * 1024,    /* larger copies are offered to the socket from where they lie */
    GATHERED_MAX = 128 * 1024, /* bytes, loans included; then they are sent */
    LINGER_MS = 2000,
    STALL_MAX_MS = 30000
};

size_t conn_gathered(const struct conn *conn)
{
    return conn->shared->gathering == conn ? conn->shared->gather.size : 0;
}

/* ---- output ------------------------------------------------------------------------------- */

void conn_timer_fired(struct timer *timer)
{
    struct conn *conn = list_owner(timer, struct conn, timer);

    if (conn->state == LINGERING) {
        conn_die(conn, ERR_OK, false);
    } else if (conn->state == CONNECTING) {
        if (conn->tls != NULL)
            tls_count_timeout(conn->tls);
        conn_die(conn, ERR_PEER_SLOW, true);
    } else if (loop_now_ms(conn->shared->loop) - conn->last_progress_ms >= STALL_MAX_MS) {
        conn_die(conn, ERR_PEER_SLOW, true);
    } else {
        timer_set(conn->shared->loop, timer, loop_now_ms(conn->shared->loop) + CONN_STALL_CHECK_MS);
    }
}

void conn_linger(struct conn *conn)
{
    if (conn->tls != NULL && !conn->cut)
        tls_end(conn->tls);
    if (conn_waits(conn)) {
        conn_want(conn, conn->watch.wanted | LOOP_WRITE); /* its last words */
        return;
    }
    if (conn->ended) {
        conn_die(conn, ERR_OK, false);
        return;
    }
    conn->state = LINGERING;
    if (shutdown(conn->watch.fd, SHUT_WR) != 0) {
        conn_die(conn, ERR_PEER_GONE, false);
        return;
    }
    timer_set(conn->shared->loop, &conn->timer, loop_now_ms(conn->shared->loop) + LINGER_MS);
    conn_want_input_again(conn);
}

void conn_shut(struct conn *conn)
{
    if (!conn->ending || conn->shut || conn->state != OPEN || conn->cut || conn_waits(conn) ||
        conn->shared->gathering == conn)
        return;
    if (conn->tls != NULL)
        tls_end(conn->tls);
    if (conn_waits(conn)) {
        conn_want(conn, conn->watch.wanted | LOOP_WRITE); /* its last words */
        return;
    }
    conn->shut = true;
    (void)shutdown(conn->watch.fd, SHUT_WR); /* who is gone is found out by reading */
}

/* After each attempt to send. */
static void settle_output(struct conn *conn, size_t sent)
{
    unsigned wanted = conn->watch.wanted & ~(unsigned)LOOP_WRITE;

    if (sent > 0)
        conn->last_progress_ms = loop_now_ms(conn->shared->loop);
    if (conn_waits(conn))
        wanted |= LOOP_WRITE;
    if (wanted != conn->watch.wanted)
        conn_want(conn, wanted);
    if (conn->state == CLOSING && !conn_waits(conn))
        conn_linger(conn);
    conn_shut(conn);
}

/* Sending failed. The other side may have answered before it went (and refused the rest of a large
 * request): that is read first. */
static void break_off(struct conn *conn)
{
    bool readable = conn->state == OPEN && !conn->ended && (errno == EPIPE || errno == ECONNRESET);

    if (!readable) {
        conn_die(conn, errno == ENOMEM ? ERR_FULL : ERR_PEER_GONE, true);
        return;
    }
    conn->cut = true;
    output_clear(&conn->output);
    conn_want(conn, conn_wants_input(conn) ? LOOP_READ : 0);
}

void conn_send_kept(struct conn *conn)
{
    ssize_t flushed = conn->tls == NULL ? 0 : tls_flush(conn->tls);
    ssize_t sent = flushed < 0 ? -1 : output_send(&conn->output, conn_outlet(conn));

    if (sent < 0)
        break_off(conn);
    else
        settle_output(conn, (size_t)sent + (size_t)flushed);
}

static void send_gathered(struct conn *conn)
{
    struct conn_shared *shared = conn->shared;
    size_t sent = 0;

    shared->gathering = NULL;
    if (conn->state == DEAD || conn->state == LINGERING || conn->cut)
        gather_drop(&shared->gather);
    else if (gather_send(&shared->gather, conn_outlet(conn), &conn->output, &sent))
        settle_output(conn, sent);
    else
        break_off(conn);
}

void conn_flush(struct conn *conn)
{
    if (conn->shared->gathering == conn)
        send_gathered(conn);
    else if (conn_waits(conn) && (conn->state == OPEN || conn->state == CLOSING) &&
             (conn->watch.wanted & LOOP_WRITE) == 0)
        conn_send_kept(conn);
}

/* Whether this connection may use the gather now: nothing of it is kept (the order!), and the
 * gather is not another's whose owner is being called. */
static bool may_gather(struct conn *conn)
{
    struct conn_shared *shared = conn->shared;

    if (shared->gathering == conn)
        return true;
    if (conn->state != OPEN || conn_waits(conn) ||
        (shared->current != NULL && shared->current != conn))
        return false;
    if (shared->gathering != NULL)
        send_gathered(shared->gathering);
    shared->gathering = conn;
    if (shared->current != conn)
        conn_mark_work(conn);
    return true;
}

static void keep(struct conn *conn, struct bytes bytes)
{
    if (!output_copy(&conn->output, bytes))
        conn_die(conn, ERR_FULL, true);
    else
        conn_mark_work(conn);
}

/* After bytes were added: sends when much waits, and sees who takes too much. */
static void feel_pressure(struct conn *conn)
{
    size_t waiting = conn->output.size + conn_gathered(conn);

    if (waiting > conn->settings->output_high || conn_gathered(conn) >= GATHERED_MAX)
        conn_flush(conn);
    if (conn->output.size > conn->settings->output_high)
        conn->congested = true;
    if (conn->output.copied > conn->settings->output_max)
        conn_die(conn, ERR_TOO_BIG, true);
}

static bool takes_output(const struct conn *conn)
{
    return (conn->state == OPEN && !conn->cut && !conn->ending) || conn->state == CONNECTING;
}

static void send_direct(struct conn *conn, struct bytes bytes)
{
    ssize_t sent = output_send_direct(&conn->output, conn_outlet(conn), bytes);

    if (sent < 0)
        break_off(conn);
    else
        settle_output(conn, (size_t)sent);
}

static void send_small(struct conn *conn, struct bytes bytes)
{
    struct gather *gather = &conn->shared->gather;

    if (may_gather(conn)) {
        if (gather_copy(gather, bytes))
            return;
        send_gathered(conn);
    }
    bool at_once = conn->state == OPEN && !conn_waits(conn);

    if (!takes_output(conn))
        return;
    if (at_once && bytes.size >= DIRECT_MIN)
        send_direct(conn, bytes);
    else if (at_once && may_gather(conn))
        must(gather_copy(gather, bytes)); /* it is empty now */
    else
        keep(conn, bytes);
}

void conn_send(struct conn *conn, struct bytes bytes)
{
    if (bytes.size == 0 || !takes_output(conn))
        return;
    send_small(conn, bytes);
    feel_pressure(conn);
}

static void lend(struct conn *conn, struct bytes bytes, struct output_loan loan)
{
    struct gather *gather = &conn->shared->gather;

    if (may_gather(conn)) {
        if (gather_lend(gather, bytes, loan))
            return;
        send_gathered(conn);
        if (may_gather(conn)) {
            must(gather_lend(gather, bytes, loan)); /* it is empty now */
            return;
        }
    }
    if (!takes_output(conn))
        loan.release(loan.context);
    else if (!output_lend(&conn->output, bytes, loan))
        conn_die(conn, ERR_FULL, true);
    else
        conn_mark_work(conn);
}

void conn_send_loan(struct conn *conn, struct bytes bytes, void (*release)(void *context),
                    void *context)
{
    if (bytes.size < LOAN_MIN || !takes_output(conn)) {
        conn_send(conn, bytes);
        release(context);
        return;
    }
    lend(conn, bytes, (struct output_loan){release, context});
    feel_pressure(conn);
}
