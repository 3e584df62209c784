/* conn_turn.c: what a turn of the loop brings to connections. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/must.h"
#include "net/conn_parts.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { DISCARDED_MAX = 8 * 1024 * 1024 /* bytes read and dropped after conn_close */ };

/* ---- what connections share ----------------------------------------------------------------- */

static void do_work(struct loop_task *task);

/* The loop ends. Connections that were given up in its last turn still have to tell their owners.
 */
static void shared_free(struct loop_local *local)
{
    struct conn_shared *shared = (struct conn_shared *)local;

    while (!list_alone(&shared->work))
        do_work(&shared->task);
    tls_desk_free(&shared->desk);
    mem_free(&shared);
}

struct conn_shared *conn_shared_of(struct loop *loop)
{
    struct conn_shared *shared = (struct conn_shared *)loop_local(loop);

    if (shared == NULL) {
        shared = mem_new(1, sizeof *shared);
        shared->local.end = shared_free;
        shared->loop = loop;
        shared->task.run = do_work;
        list_init(&shared->work);
        loop_set_local(loop, &shared->local);
    }
    return shared;
}

static void post_work(struct conn_shared *shared)
{
    if (shared->posted)
        return;
    shared->posted = true;
    loop_post(shared->loop, &shared->task);
}

void conn_mark_work(struct conn *conn)
{
    if (list_alone(&conn->work))
        list_append(&conn->shared->work, &conn->work);
    post_work(conn->shared);
}

/* ---- dying -------------------------------------------------------------------------------- */

static void close_socket(struct conn *conn, bool reset)
{
    if (!conn->unwatched)
        watch_stop(conn->shared->loop, &conn->watch);
    if (reset) {
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};

        (void)setsockopt(conn->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    (void)close(conn->watch.fd);
    conn->watch.fd = -1;
}

void conn_die(struct conn *conn, enum err why, bool reset)
{
    if (conn->state == DEAD)
        return;
    close_socket(conn, reset);
    timer_clear(conn->shared->loop, &conn->timer);
    conn->state = DEAD;
    conn->why = (uint8_t)why;
    conn_mark_work(conn);
}

static void finish(struct conn *conn)
{
    struct conn_shared *shared = conn->shared;

    if (shared->gathering == conn) {
        gather_drop(&shared->gather);
        shared->gathering = NULL;
    }
    output_clear(&conn->output);
    input_fini(&conn->input);
    if (conn->settings->account != NULL)
        account_refund(conn->settings->account, sizeof *conn);
    /* The owner may free the settings in there. */
    conn->events->closed(conn, conn->owner, (enum err)conn->why);
    tls_session_free(&conn->tls);
    mem_free(&conn);
}

/* ---- what epoll is asked for -------------------------------------------------------------- */

bool conn_wants_input(const struct conn *conn)
{
    if (conn->state == OPEN)
        return !conn->paused && !conn->ended && conn->input.unread.size < conn->settings->input_max;
    return (conn->state == CLOSING || conn->state == LINGERING) && !conn->ended &&
           conn->discarded < DISCARDED_MAX;
}

void conn_want(struct conn *conn, unsigned wanted)
{
    if (conn->state == DEAD)
        return;
    if (conn->unwatched) {
        conn->watch.wanted = wanted;
        if ((wanted & LOOP_READ) == 0)
            return;
        conn->unwatched = false;
        if (watch_start(conn->shared->loop, &conn->watch) != ERR_OK) {
            conn->unwatched = true;
            conn_die(conn, ERR_SYSTEM, true);
        }
    } else if (watch_want(conn->shared->loop, &conn->watch, wanted) != ERR_OK) {
        conn_die(conn, ERR_SYSTEM, true);
    }
}

void conn_want_input_again(struct conn *conn)
{
    if (!conn_wants_input(conn))
        return;
    if ((conn->watch.wanted & LOOP_READ) == 0)
        conn_want(conn, conn->watch.wanted | LOOP_READ);
    if (conn->unread && conn->state != DEAD)
        conn_mark_work(conn);
}

/* ---- calling the owner -------------------------------------------------------------------- */

void conn_call(struct conn *conn, void (*event)(struct conn *conn, void *owner))
{
    struct conn_shared *shared = conn->shared;

    must(shared->current == NULL);
    shared->current = conn;
    event(conn, conn->owner);
    shared->current = NULL;
    conn_flush(conn);
}

static void give_input(struct conn *conn)
{
    conn->again = false;
    conn_call(conn, conn->events->received);
    if (conn->state != OPEN)
        input_fini(&conn->input);
    else if (!input_keep(&conn->input))
        conn_die(conn, ERR_FULL, true);
    conn_want_input_again(conn);
}

/* The owner may fill the connection again at once; then the next word comes in the next round. */
void conn_tell_drained(struct conn *conn)
{
    if (!conn->congested || conn->state != OPEN ||
        conn->output.size + conn_gathered(conn) > conn->settings->output_low)
        return;
    conn->congested = false;
    if (conn->events->drained == NULL)
        return;
    conn_call(conn, conn->events->drained);
    conn_mark_work(conn); /* it may have consumed input, and then there is room to read on */
}

/* Those that were read ahead get their input, in the order in which it came. */
static void give_ahead(struct conn_shared *shared)
{
    for (unsigned i = 0; i < shared->ahead_count; i++) {
        struct conn *conn = shared->ahead[i];

        if (conn->state == OPEN && !conn->paused)
            give_input(conn);
        else if (conn->state != OPEN)
            input_fini(&conn->input);
        else if (!input_keep(&conn->input))
            conn_die(conn, ERR_FULL, true);
        conn_tell_drained(conn);
    }
    shared->ahead_count = 0;
    shared->scratch_used = 0;
}

static void receive(struct conn *conn, unsigned what);

static void work_on(struct conn *conn)
{
    if (conn->state == DEAD) {
        finish(conn);
        return;
    }
    conn_flush(conn);
    if (conn->state == CLOSING && !conn_waits(conn))
        conn_linger(conn);
    conn_shut(conn);
    if (conn->state != OPEN || conn->input.unread.size == 0)
        input_fini(&conn->input);
    else if (conn->again && !conn->paused)
        give_input(conn);
    if (conn->unread && conn->state == OPEN && conn_wants_input(conn))
        receive(conn, LOOP_LAST); /* epoll may have told of the end before */
    conn_want_input_again(conn);
    conn_tell_drained(conn);
}

static void do_work(struct loop_task *task)
{
    struct conn_shared *shared = list_owner(task, struct conn_shared, task);

    give_ahead(shared);
    struct list_node *last = shared->work.prev;

    /* What is marked meanwhile comes behind `last` and waits for the next round. */
    for (bool done = list_alone(&shared->work); !done;) {
        struct list_node *node = shared->work.next;

        done = node == last;
        list_leave(node);
        work_on(list_owner(node, struct conn, work));
    }
    shared->posted = false;
    if (!list_alone(&shared->work))
        post_work(shared);
}

/* ---- reading ------------------------------------------------------------------------------ */

static ssize_t read_some(struct conn *conn, uint8_t *at, size_t size, bool is_last)
{
    bool more = false;
    ssize_t count;

    if (conn->tls != NULL && conn->state == OPEN) {
        count = tls_read(conn->tls, at, size, is_last, &more);
        conn->unread = more;
        return count;
    }
    do {
        count = recv(conn->watch.fd, at, size, 0);
    } while (count < 0 && errno == EINTR);
    conn->unread = false;
    return count;
}

/* Epoll tells once that something came: who leaves some of it asks to be told again. A read that
 * did not fill its room left nothing, but perhaps the end. */
static ssize_t read_into(struct conn *conn, uint8_t *at, size_t size, unsigned what)
{
    bool is_last = (what & (LOOP_LAST | LOOP_GONE)) != 0;
    ssize_t count = read_some(conn, at, size, is_last);

    if (count < 0 && errno != EAGAIN)
        conn_die(conn, conn->state == LINGERING ? ERR_OK : ERR_PEER_GONE, false);
    if (count > 0)
        conn->last_input_ms = conn->last_progress_ms = loop_now_ms(conn->shared->loop);
    if (count > 0 && !conn->unread && ((size_t)count == size || is_last) &&
        watch_again(conn->shared->loop, &conn->watch) != ERR_OK)
        conn_die(conn, ERR_SYSTEM, true);
    return count;
}

static void end_input(struct conn *conn)
{
    /* What was kept in a pause comes first; a new pause puts the end off, which is read again. */
    if (conn->again && conn->state == OPEN && conn->input.unread.size > 0)
        give_input(conn);
    if (conn->state == OPEN && conn->paused) {
        conn->unread = conn->tls != NULL;
        conn_want(conn, conn->watch.wanted & ~(unsigned)LOOP_READ);
    }
    if (conn->state == DEAD || (conn->state == OPEN && conn->paused))
        return;
    conn->ended = true;
    if (conn->state == LINGERING) {
        conn_die(conn, ERR_OK, false);
        return;
    }
    conn_want(conn, conn->watch.wanted & ~(unsigned)LOOP_READ);
    if (conn->state != OPEN)
        return;
    if (conn->events->ended != NULL)
        conn_call(conn, conn->events->ended);
    else
        conn_close(conn);
    if (conn->cut)
        conn_die(conn, ERR_PEER_GONE, false);
}

static void discard(struct conn *conn, unsigned what)
{
    struct conn_shared *shared = conn->shared;
    ssize_t count = read_into(conn, shared->scratch, sizeof shared->scratch, what);

    if (count == 0) {
        end_input(conn);
    } else if (count > 0) {
        conn->discarded += (size_t)count;
        if (conn->discarded >= DISCARDED_MAX && conn->state == LINGERING)
            conn_die(conn, ERR_OK, false);
    }
}

/* Whether other connections may be read before this one's owner gets its input. */
static bool goes_ahead(const struct conn *conn)
{
    const struct conn_shared *shared = conn->shared;

    return conn->events->ahead != NULL && conn->input.unread.size <= CONN_AHEAD_BYTES &&
           (shared->ahead_count > 0 || loop_has_events(shared->loop));
}

static void look_ahead(struct conn *conn)
{
    struct conn_shared *shared = conn->shared;
    struct bytes input = conn->input.unread;

    shared->ahead[shared->ahead_count++] = conn;
    shared->scratch_used = (size_t)(input.data + input.size - shared->scratch);
    conn->again = true;
    conn->events->ahead(conn, conn->owner);
    if (shared->ahead_count == CONN_AHEAD_MAX)
        give_ahead(shared);
    else
        post_work(shared);
}

/* Reads once: what did not fit is told by epoll in the next turn, after the others had theirs. */
static void receive(struct conn *conn, unsigned what)
{
    struct conn_shared *shared = conn->shared;
    struct input_room room =
        input_room(&conn->input, shared->scratch + shared->scratch_used,
                   sizeof shared->scratch - shared->scratch_used, conn->settings->input_max);

    if (room.at == NULL) {
        conn_die(conn, ERR_FULL, true);
        return;
    }
    ssize_t count = read_into(conn, room.at, room.size, what);

    if (count > 0 && conn->state == OPEN) {
        input_arrived(&conn->input, room, (size_t)count);
        if (goes_ahead(conn))
            look_ahead(conn);
        else
            give_input(conn);
    } else if (count == 0) {
        end_input(conn);
    }
}

/* ---- what epoll tells ---------------------------------------------------------------------- */

int conn_socket_error(const struct conn *conn)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(conn->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error;
}

void conn_set_no_delay(const struct conn *conn)
{
    int on = 1;

    if (conn->peer.any.sa_family != AF_UNIX)
        (void)setsockopt(conn->watch.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* It hung up, and nobody reads: with an error it is over. Without one the other side of a Unix
 * socket closed, and what it sent is still to be read when the owner wants it. */
static void hang_up(struct conn *conn)
{
    if (conn_socket_error(conn) != 0 || conn->ended || conn_waits(conn)) {
        conn_die(conn, conn->state == LINGERING ? ERR_OK : ERR_PEER_GONE, false);
        return;
    }
    watch_stop(conn->shared->loop, &conn->watch);
    conn->watch.wanted = 0;
    conn->unwatched = true;
}

void conn_ready(struct watch *watch, unsigned what)
{
    struct conn *conn = (struct conn *)watch;

    if (conn->state == CONNECTING) {
        conn_come_about(conn, what);
        return;
    }
    if ((what & LOOP_WRITE) != 0 && conn_waits(conn))
        conn_send_kept(conn);
    if ((what & (LOOP_READ | LOOP_GONE)) != 0 && conn_wants_input(conn)) {
        if (conn->state == OPEN)
            receive(conn, what);
        else
            discard(conn, what);
    } else if ((what & LOOP_GONE) != 0 && conn->state != DEAD) {
        hang_up(conn);
    } else if ((what & LOOP_READ) != 0) {
        conn_want(conn, conn->watch.wanted & ~(unsigned)LOOP_READ);
    }
    conn_tell_drained(conn);
}
