/* conn_life.c: making connections, and what their owners ask for. SPDX-License-Identifier: MIT */
#include "net/conn.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/conn_parts.h"

#include <errno.h>
#include <unistd.h>

/* ---- birth -------------------------------------------------------------------------------- */

static struct conn *conn_new(struct loop *loop, int fd, const struct conn_settings *settings,
                             const struct conn_events *events, void *owner)
{
    must(settings->input_max > 0 && settings->output_low <= settings->output_high);
    struct conn *conn = mem_try(sizeof *conn);

    if (conn == NULL)
        return NULL;
    *conn = (struct conn){
        .watch = {.fd = fd, .once = true, .ready = conn_ready},
        .shared = conn_shared_of(loop),
        .settings = settings,
        .events = events,
        .owner = owner,
        .last_input_ms = loop_now_ms(loop),
        .last_progress_ms = loop_now_ms(loop),
    };
    if (settings->account != NULL)
        account_force(settings->account, sizeof *conn);
    list_init(&conn->work);
    input_init(&conn->input, settings->account);
    output_init(&conn->output, settings->account);
    timer_init(&conn->timer, conn_timer_fired);
    return conn;
}

static void conn_unmake(struct conn **owner)
{
    struct conn *conn = *owner;

    tls_session_free(&conn->tls);
    timer_clear(conn->shared->loop, &conn->timer);
    (void)close(conn->watch.fd);
    if (conn->settings->account != NULL)
        account_refund(conn->settings->account, sizeof *conn);
    mem_free(owner);
}

enum err conn_accept(struct loop *loop, int fd, const struct conn_settings *settings,
                     const struct conn_events *events, void *owner, struct conn **ret_conn)
{
    struct conn *conn = conn_new(loop, fd, settings, events, owner);

    if (conn == NULL) {
        (void)close(fd);
        return ERR_FULL;
    }
    conn->state = OPEN;
    conn->peer.size = sizeof conn->peer.local;
    if (getpeername(fd, &conn->peer.any, &conn->peer.size) != 0)
        conn->peer = (struct address){.size = 0};
    conn_set_no_delay(conn);
    conn->watch.wanted = LOOP_READ;
    enum err err = conn_begin(conn);

    if (err == ERR_OK)
        err = watch_start(loop, &conn->watch);
    if (err != ERR_OK) {
        conn_unmake(&conn);
        return err;
    }
    *ret_conn = conn;
    return ERR_OK;
}

enum err conn_connect(struct loop *loop, const struct address *address,
                      const struct conn_settings *settings, const struct conn_events *events,
                      void *owner, struct conn **ret_conn)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return ERR_SYSTEM;
    struct conn *conn = conn_new(loop, fd, settings, events, owner);

    if (conn == NULL) {
        (void)close(fd);
        return ERR_FULL;
    }
    conn->state = CONNECTING;
    conn->peer = *address;
    conn_set_no_delay(conn);
    conn->watch.wanted = LOOP_WRITE;
    bool started = connect(fd, &address->any, address->size) == 0 || errno == EINPROGRESS;

    /* A descriptor that is not connecting would hang up at once and for ever, so it is watched only
     * when it is; otherwise the owner is told by the way of all that die. */
    if (started && watch_start(loop, &conn->watch) != ERR_OK) {
        conn_unmake(&conn);
        return ERR_SYSTEM;
    }
    conn->unwatched = !started;
    if (!started)
        conn_die(conn, ERR_PEER_DOWN, false);
    *ret_conn = conn;
    return ERR_OK;
}

/* ---- what owners ask for ------------------------------------------------------------------ */

struct bytes conn_input(const struct conn *conn)
{
    return conn->state == OPEN ? conn->input.unread : (struct bytes){0};
}

void conn_consume(struct conn *conn, size_t count)
{
    if (conn->state != OPEN)
        return;
    must(count <= conn->input.unread.size);
    conn->input.unread = bytes_skip(conn->input.unread, count);
    if (conn->shared->current != conn)
        conn_mark_work(conn); /* the kept buffer may be free now, and there may be room to read */
}

bool conn_is_congested(const struct conn *conn)
{
    return conn->congested;
}

size_t conn_output_size(const struct conn *conn)
{
    size_t waiting = conn->tls == NULL ? 0 : tls_waiting(conn->tls);

    return conn->output.size + conn_gathered(conn) + waiting;
}

void conn_pause(struct conn *conn)
{
    conn->paused = true;
}

static void look_again(struct conn *conn)
{
    conn->again = true;
    conn_mark_work(conn);
}

void conn_resume(struct conn *conn)
{
    if (!conn->paused)
        return;
    conn->paused = false;
    if (conn->input.unread.size > 0)
        look_again(conn);
    conn_want_input_again(conn);
}

void conn_give(struct conn *conn, const struct conn_events *events, void *owner)
{
    conn->events = events;
    conn->owner = owner;
}

void conn_end(struct conn *conn)
{
    if (conn->state != OPEN || conn->cut)
        return;
    conn->ending = true;
    conn_mark_work(conn);
}

void conn_close(struct conn *conn)
{
    if (conn->state == CONNECTING) {
        conn_die(conn, ERR_STOPPING, false);
        return;
    }
    if (conn->state != OPEN)
        return;
    conn->state = CLOSING;
    timer_set(conn->shared->loop, &conn->timer,
              loop_now_ms(conn->shared->loop) + CONN_STALL_CHECK_MS);
    conn_mark_work(conn);
}

void conn_abort(struct conn *conn)
{
    conn_die(conn, ERR_STOPPING, conn_output_size(conn) > 0);
}

void conn_reset(struct conn *conn)
{
    conn_die(conn, ERR_STOPPING, true);
}

bool conn_has_ended(const struct conn *conn)
{
    return conn->ended;
}

bool conn_is_cut(const struct conn *conn)
{
    return conn->cut || conn->state == DEAD;
}

const struct address *conn_peer(const struct conn *conn)
{
    return &conn->peer;
}

struct bytes conn_protocol(const struct conn *conn)
{
    return conn->tls == NULL ? (struct bytes){0} : tls_protocol(conn->tls);
}

bool conn_is_encrypted(const struct conn *conn)
{
    return conn->tls != NULL;
}

const char *conn_why(const struct conn *conn)
{
    return conn->tls == NULL ? NULL : tls_session_why(conn->tls);
}

int64_t conn_last_input_ms(const struct conn *conn)
{
    return conn->last_input_ms;
}

int64_t conn_last_progress_ms(const struct conn *conn)
{
    return conn->last_progress_ms;
}
