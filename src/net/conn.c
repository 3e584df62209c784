/* conn.c: the life of a connection. SPDX-License-Identifier: MIT */
#include "net/conn.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/input.h"
#include "net/output.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum {
    SCRATCH_SIZE = 256 * 1024,
    LOAN_MIN = 4096,           /* smaller loans are copied: that costs less than keeping book */
    DIRECT_MIN = 16 * 1024,    /* larger copies are offered to the socket from where they lie */
    GATHERED_MAX = 128 * 1024, /* bytes, loans included; then they are sent */
    DISCARDED_MAX = 8 * 1024 * 1024, /* bytes read and dropped after conn_close */
    LINGER_MS = 2000,
    STALL_CHECK_MS = 10000,
    STALL_MAX_MS = 30000
};

/*  CONNECTING -> OPEN -> CLOSING -> LINGERING -> DEAD      (each but DEAD may go to DEAD at once)
 *                        sends the   its side is ended,
 *                        rest        the other's is read
 */
enum state { CONNECTING, OPEN, CLOSING, LINGERING, DEAD };

struct conn {
    struct watch watch; /* first: a watch is its connection */
    struct house *house;
    const struct conn_settings *settings;
    const struct conn_events *events;
    void *owner;
    struct list_node work; /* in the house's ring while something is to be done in this turn */
    struct input input;
    struct output output;
    struct timer timer; /* CLOSING: is it stalled? LINGERING: enough */
    int64_t last_input_ms;
    int64_t last_progress_ms;
    size_t discarded;
    uint8_t state;
    uint8_t why;
    bool paused : 1;
    bool ended : 1;
    bool unwatched : 1; /* it hung up while paused, which epoll would tell for ever */
    bool again : 1;     /* `received` is to be called for what is kept */
    bool congested : 1;
    bool cut : 1; /* nothing can be sent any more, but what came before is read */
    struct address peer;
};
_Static_assert(sizeof(struct conn) <= 400, "an idle connection is small");

/* What the connections of a loop share. */
struct house {
    struct loop_guest guest; /* first: the loop's guest is the house */
    struct loop *loop;
    struct conn *current;   /* whose owner is being called */
    struct conn *gathering; /* whose bytes are in the gather */
    struct list_node work;
    struct loop_task task;
    bool posted;
    struct gather gather;
    uint8_t scratch[SCRATCH_SIZE];
};

/* ---- the house ---------------------------------------------------------------------------- */

static void do_work(struct loop_task *task);

/* The loop ends. Connections that were given up in its last turn still have to tell their owners.
 */
static void house_free(struct loop_guest *guest)
{
    struct house *house = (struct house *)guest;

    while (!list_alone(&house->work))
        do_work(&house->task);
    mem_free(&house);
}

static struct house *house_of(struct loop *loop)
{
    struct house *house = (struct house *)loop_guest(loop);

    if (house == NULL) {
        house = mem_new(1, sizeof *house);
        house->guest.leave = house_free;
        house->loop = loop;
        house->task.run = do_work;
        list_init(&house->work);
        loop_take_guest(loop, &house->guest);
    }
    return house;
}

static void mark_work(struct conn *conn)
{
    struct house *house = conn->house;

    if (list_alone(&conn->work))
        list_append(&house->work, &conn->work);
    if (!house->posted) {
        house->posted = true;
        loop_post(house->loop, &house->task);
    }
}

/* ---- dying -------------------------------------------------------------------------------- */

static size_t gathered(const struct conn *conn)
{
    return conn->house->gathering == conn ? conn->house->gather.size : 0;
}

static void close_socket(struct conn *conn, bool reset)
{
    if (!conn->unwatched)
        watch_stop(conn->house->loop, &conn->watch);
    if (reset) {
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};

        (void)setsockopt(conn->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    (void)close(conn->watch.fd);
    conn->watch.fd = -1;
}

/* The owner is told later in this turn. */
static void die(struct conn *conn, enum err why, bool reset)
{
    if (conn->state == DEAD)
        return;
    close_socket(conn, reset);
    timer_clear(conn->house->loop, &conn->timer);
    conn->state = DEAD;
    conn->why = (uint8_t)why;
    mark_work(conn);
}

static void finish(struct conn *conn)
{
    struct house *house = conn->house;

    if (house->gathering == conn) {
        gather_drop(&house->gather);
        house->gathering = NULL;
    }
    output_clear(&conn->output);
    input_fini(&conn->input);
    if (conn->settings->account != NULL)
        account_refund(conn->settings->account, sizeof *conn);
    /* The owner may free the settings in there. */
    conn->events->closed(conn, conn->owner, (enum err)conn->why);
    mem_free(&conn);
}

/* ---- what epoll is asked for -------------------------------------------------------------- */

static bool wants_input(const struct conn *conn)
{
    if (conn->state == OPEN)
        return !conn->paused && !conn->ended && conn->input.unread.size < conn->settings->input_max;
    return (conn->state == CLOSING || conn->state == LINGERING) && !conn->ended &&
           conn->discarded < DISCARDED_MAX;
}

static void want(struct conn *conn, unsigned wanted)
{
    if (conn->state == DEAD)
        return;
    if (conn->unwatched) {
        conn->watch.wanted = wanted;
        if ((wanted & LOOP_READ) == 0)
            return;
        conn->unwatched = false;
        if (watch_start(conn->house->loop, &conn->watch) != ERR_OK) {
            conn->unwatched = true;
            die(conn, ERR_SYSTEM, true);
        }
    } else if (watch_want(conn->house->loop, &conn->watch, wanted) != ERR_OK) {
        die(conn, ERR_SYSTEM, true);
    }
}

/* Reading is switched off lazily, when input comes that nobody wants: most pauses end before. */
static void want_input_again(struct conn *conn)
{
    if ((conn->watch.wanted & LOOP_READ) == 0 && wants_input(conn))
        want(conn, conn->watch.wanted | LOOP_READ);
}

/* ---- output ------------------------------------------------------------------------------- */

static void linger_ends(struct timer *timer)
{
    struct conn *conn = list_owner(timer, struct conn, timer);

    if (conn->state == LINGERING) {
        die(conn, ERR_OK, false);
    } else if (loop_now_ms(conn->house->loop) - conn->last_progress_ms >= STALL_MAX_MS) {
        die(conn, ERR_PEER_SLOW, true);
    } else {
        timer_set(conn->house->loop, timer, loop_now_ms(conn->house->loop) + STALL_CHECK_MS);
    }
}

static void start_lingering(struct conn *conn)
{
    if (conn->ended) {
        die(conn, ERR_OK, false);
        return;
    }
    conn->state = LINGERING;
    if (shutdown(conn->watch.fd, SHUT_WR) != 0) {
        die(conn, ERR_PEER_GONE, false);
        return;
    }
    timer_set(conn->house->loop, &conn->timer, loop_now_ms(conn->house->loop) + LINGER_MS);
    want_input_again(conn);
}

/* After each attempt to send. */
static void settle_output(struct conn *conn, size_t sent)
{
    unsigned wanted = conn->watch.wanted & ~(unsigned)LOOP_WRITE;

    if (sent > 0)
        conn->last_progress_ms = loop_now_ms(conn->house->loop);
    if (conn->output.first != NULL)
        wanted |= LOOP_WRITE;
    if (wanted != conn->watch.wanted)
        want(conn, wanted);
    if (conn->state == CLOSING && conn->output.first == NULL)
        start_lingering(conn);
}

/* Sending failed. The other side may have answered before it went (and refused the rest of a large
 * request): that is read first. */
static void break_off(struct conn *conn)
{
    bool readable = conn->state == OPEN && !conn->ended && (errno == EPIPE || errno == ECONNRESET);

    if (!readable) {
        die(conn, errno == ENOMEM ? ERR_FULL : ERR_PEER_GONE, true);
        return;
    }
    conn->cut = true;
    output_clear(&conn->output);
    want(conn, wants_input(conn) ? LOOP_READ : 0);
}

static void send_kept(struct conn *conn)
{
    ssize_t sent = output_send(&conn->output, conn->watch.fd);

    if (sent < 0)
        break_off(conn);
    else
        settle_output(conn, (size_t)sent);
}

static void send_gathered(struct conn *conn)
{
    struct house *house = conn->house;
    size_t sent = 0;

    house->gathering = NULL;
    if (conn->state == DEAD || conn->state == LINGERING || conn->cut)
        gather_drop(&house->gather);
    else if (gather_send(&house->gather, conn->watch.fd, &conn->output, &sent))
        settle_output(conn, sent);
    else
        break_off(conn);
}

static void flush(struct conn *conn)
{
    if (conn->house->gathering == conn)
        send_gathered(conn);
    else if (conn->output.first != NULL && (conn->state == OPEN || conn->state == CLOSING) &&
             (conn->watch.wanted & LOOP_WRITE) == 0)
        send_kept(conn);
}

/* Whether this connection may use the gather now: nothing of it is kept (the order!), and the
 * gather is not another's whose owner is being called. */
static bool may_gather(struct conn *conn)
{
    struct house *house = conn->house;

    if (house->gathering == conn)
        return true;
    if (conn->state != OPEN || conn->output.first != NULL ||
        (house->current != NULL && house->current != conn))
        return false;
    if (house->gathering != NULL)
        send_gathered(house->gathering);
    house->gathering = conn;
    if (house->current != conn)
        mark_work(conn);
    return true;
}

static void keep(struct conn *conn, struct bytes bytes)
{
    if (!output_copy(&conn->output, bytes))
        die(conn, ERR_FULL, true);
    else
        mark_work(conn);
}

/* After bytes were added: sends when much waits, and sees who takes too much. */
static void feel_pressure(struct conn *conn)
{
    size_t waiting = conn->output.size + gathered(conn);

    if (waiting > conn->settings->output_high || gathered(conn) >= GATHERED_MAX)
        flush(conn);
    if (conn->output.size > conn->settings->output_high)
        conn->congested = true;
    if (conn->output.copied > conn->settings->output_max)
        die(conn, ERR_TOO_BIG, true);
}

static bool takes_output(const struct conn *conn)
{
    return (conn->state == OPEN && !conn->cut) || conn->state == CONNECTING;
}

static void send_direct(struct conn *conn, struct bytes bytes)
{
    ssize_t sent = output_send_direct(&conn->output, conn->watch.fd, bytes);

    if (sent < 0)
        break_off(conn);
    else
        settle_output(conn, (size_t)sent);
}

static void send_small(struct conn *conn, struct bytes bytes)
{
    struct gather *gather = &conn->house->gather;

    if (may_gather(conn)) {
        if (gather_copy(gather, bytes))
            return;
        send_gathered(conn);
    }
    bool at_once = conn->state == OPEN && conn->output.first == NULL;

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
    struct gather *gather = &conn->house->gather;

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
        die(conn, ERR_FULL, true);
    else
        mark_work(conn);
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

/* ---- calling the owner -------------------------------------------------------------------- */

static void call(struct conn *conn, void (*event)(struct conn *conn, void *owner))
{
    struct house *house = conn->house;

    must(house->current == NULL);
    house->current = conn;
    event(conn, conn->owner);
    house->current = NULL;
    flush(conn);
}

static void give_input(struct conn *conn)
{
    conn->again = false;
    call(conn, conn->events->received);
    if (conn->state != OPEN)
        input_fini(&conn->input);
    else if (!input_keep(&conn->input))
        die(conn, ERR_FULL, true);
    want_input_again(conn);
}

/* The owner may fill the connection again at once; then the next word comes in the next round. */
static void tell_drained(struct conn *conn)
{
    if (!conn->congested || conn->state != OPEN ||
        conn->output.size + gathered(conn) > conn->settings->output_low)
        return;
    conn->congested = false;
    if (conn->events->drained == NULL)
        return;
    call(conn, conn->events->drained);
    if (conn->congested)
        mark_work(conn);
}

static void work_on(struct conn *conn)
{
    if (conn->state == DEAD) {
        finish(conn);
        return;
    }
    flush(conn);
    if (conn->state == CLOSING && conn->output.first == NULL)
        start_lingering(conn);
    if (conn->state != OPEN || conn->input.unread.size == 0)
        input_fini(&conn->input);
    else if (conn->again && !conn->paused)
        give_input(conn);
    want_input_again(conn);
    tell_drained(conn);
}

static void do_work(struct loop_task *task)
{
    struct house *house = list_owner(task, struct house, task);
    struct list_node *last = house->work.prev;

    /* What is marked meanwhile comes behind `last` and waits for the next round. */
    for (bool done = list_alone(&house->work); !done;) {
        struct list_node *node = house->work.next;

        done = node == last;
        list_leave(node);
        work_on(list_owner(node, struct conn, work));
    }
    house->posted = false;
    if (!list_alone(&house->work)) {
        house->posted = true;
        loop_post(house->loop, &house->task);
    }
}

/* ---- reading ------------------------------------------------------------------------------ */

static ssize_t read_into(struct conn *conn, uint8_t *at, size_t size)
{
    ssize_t count;

    do {
        count = recv(conn->watch.fd, at, size, 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno != EAGAIN)
        die(conn, conn->state == LINGERING ? ERR_OK : ERR_PEER_GONE, false);
    if (count > 0)
        conn->last_input_ms = conn->last_progress_ms = loop_now_ms(conn->house->loop);
    return count;
}

static void end_input(struct conn *conn)
{
    /* What was kept in a pause comes first; a new pause puts the end off, which is read again. */
    if (conn->again && conn->state == OPEN && conn->input.unread.size > 0)
        give_input(conn);
    if (conn->state == DEAD || (conn->state == OPEN && conn->paused))
        return;
    conn->ended = true;
    if (conn->state == LINGERING) {
        die(conn, ERR_OK, false);
        return;
    }
    want(conn, conn->watch.wanted & ~(unsigned)LOOP_READ);
    if (conn->state != OPEN)
        return;
    if (conn->events->ended != NULL)
        call(conn, conn->events->ended);
    else
        conn_close(conn);
    if (conn->cut)
        die(conn, ERR_PEER_GONE, false);
}

static void discard(struct conn *conn)
{
    struct house *house = conn->house;
    ssize_t count = read_into(conn, house->scratch, sizeof house->scratch);

    if (count == 0) {
        end_input(conn);
    } else if (count > 0) {
        conn->discarded += (size_t)count;
        if (conn->discarded >= DISCARDED_MAX && conn->state == LINGERING)
            die(conn, ERR_OK, false);
    }
}

/* Reads once: what did not fit is told by epoll in the next turn, after the others had theirs. */
static void receive(struct conn *conn)
{
    struct house *house = conn->house;
    struct input_room room =
        input_room(&conn->input, house->scratch, sizeof house->scratch, conn->settings->input_max);

    if (room.at == NULL) {
        die(conn, ERR_FULL, true);
        return;
    }
    ssize_t count = read_into(conn, room.at, room.size);

    if (count > 0) {
        input_arrived(&conn->input, room, (size_t)count);
        give_input(conn);
    } else if (count == 0) {
        end_input(conn);
    }
}

/* ---- what epoll tells ---------------------------------------------------------------------- */

static int socket_error(const struct conn *conn)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(conn->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error;
}

static void set_no_delay(const struct conn *conn)
{
    int on = 1;

    if (conn->peer.any.sa_family != AF_UNIX)
        (void)setsockopt(conn->watch.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void finish_connecting(struct conn *conn)
{
    if (socket_error(conn) != 0) {
        die(conn, ERR_PEER_DOWN, false);
        return;
    }
    conn->state = OPEN;
    conn->last_progress_ms = loop_now_ms(conn->house->loop);
    want(conn, LOOP_READ);
    flush(conn);
    if (conn->events->connected != NULL && conn->state == OPEN)
        call(conn, conn->events->connected);
    tell_drained(conn);
}

/* It hung up, and nobody reads: with an error it is over. Without one the other side of a Unix
 * socket closed, and what it sent is still to be read when the owner wants it. */
static void hang_up(struct conn *conn)
{
    if (socket_error(conn) != 0 || conn->ended || conn->output.first != NULL) {
        die(conn, conn->state == LINGERING ? ERR_OK : ERR_PEER_GONE, false);
        return;
    }
    watch_stop(conn->house->loop, &conn->watch);
    conn->watch.wanted = 0;
    conn->unwatched = true;
}

static void ready(struct watch *watch, unsigned what)
{
    struct conn *conn = (struct conn *)watch;

    if (conn->state == CONNECTING) {
        finish_connecting(conn);
        return;
    }
    if ((what & LOOP_WRITE) != 0 && conn->output.first != NULL)
        send_kept(conn);
    if ((what & (LOOP_READ | LOOP_GONE)) != 0 && wants_input(conn)) {
        if (conn->state == OPEN)
            receive(conn);
        else
            discard(conn);
    } else if ((what & LOOP_GONE) != 0 && conn->state != DEAD) {
        hang_up(conn);
    } else if ((what & LOOP_READ) != 0) {
        want(conn, conn->watch.wanted & ~(unsigned)LOOP_READ);
    }
    tell_drained(conn);
}

/* ---- birth -------------------------------------------------------------------------------- */

static struct conn *conn_new(struct loop *loop, int fd, const struct conn_settings *settings,
                             const struct conn_events *events, void *owner)
{
    must(settings->input_max > 0 && settings->output_low <= settings->output_high);
    struct conn *conn = mem_try(sizeof *conn);

    if (conn == NULL)
        return NULL;
    *conn = (struct conn){
        .watch = {.fd = fd, .ready = ready},
        .house = house_of(loop),
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
    timer_init(&conn->timer, linger_ends);
    return conn;
}

static void conn_unmake(struct conn **owner)
{
    struct conn *conn = *owner;

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
    set_no_delay(conn);
    conn->watch.wanted = LOOP_READ;
    if (watch_start(loop, &conn->watch) != ERR_OK) {
        conn_unmake(&conn);
        return ERR_SYSTEM;
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
    set_no_delay(conn);
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
        die(conn, ERR_PEER_DOWN, false);
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
    if (conn->house->current != conn)
        mark_work(conn); /* the kept buffer may be free now, and there may be room to read */
}

bool conn_is_congested(const struct conn *conn)
{
    return conn->congested;
}

size_t conn_output_size(const struct conn *conn)
{
    return conn->output.size + gathered(conn);
}

void conn_pause(struct conn *conn)
{
    conn->paused = true;
}

static void look_again(struct conn *conn)
{
    conn->again = true;
    mark_work(conn);
}

void conn_resume(struct conn *conn)
{
    if (!conn->paused)
        return;
    conn->paused = false;
    if (conn->input.unread.size > 0)
        look_again(conn);
    want_input_again(conn);
}

void conn_close(struct conn *conn)
{
    if (conn->state == CONNECTING) {
        die(conn, ERR_STOPPING, false);
        return;
    }
    if (conn->state != OPEN)
        return;
    conn->state = CLOSING;
    timer_set(conn->house->loop, &conn->timer, loop_now_ms(conn->house->loop) + STALL_CHECK_MS);
    mark_work(conn);
}

void conn_abort(struct conn *conn)
{
    die(conn, ERR_STOPPING, conn_output_size(conn) > 0);
}

void conn_reset(struct conn *conn)
{
    die(conn, ERR_STOPPING, true);
}

void conn_give(struct conn *conn, const struct conn_events *events, void *owner)
{
    conn->events = events;
    conn->owner = owner;
    if (conn->input.unread.size > 0)
        look_again(conn);
}

bool conn_has_ended(const struct conn *conn)
{
    return conn->ended;
}

bool conn_is_cut(const struct conn *conn)
{
    return conn->cut || conn->state == DEAD;
}

struct loop *conn_loop(const struct conn *conn)
{
    return conn->house->loop;
}

const struct address *conn_peer(const struct conn *conn)
{
    return &conn->peer;
}

int64_t conn_last_input_ms(const struct conn *conn)
{
    return conn->last_input_ms;
}

int64_t conn_last_progress_ms(const struct conn *conn)
{
    return conn->last_progress_ms;
}
