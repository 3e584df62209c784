/* link.c: connections to an origin: made, used in turn, kept, dropped. SPDX-License-Identifier: MIT
 */
#include "base/mem.h"
#include "base/must.h"
#include "upstream/parts.h"

enum { DOWN_MS = 1000 /* how long a server that could not be reached is passed over */ };

/* ---- the pool ----------------------------------------------------------------------------- */

static void leave_idle(struct link *link)
{
    if (list_alone(&link->idle))
        return;
    list_leave(&link->idle);
    link->origin->idle_count--;
    counter_set(&link->origin->metrics.idle, link->origin->idle_count);
}

static void enter_idle(struct link *link)
{
    struct origin *origin = link->origin;

    link->idle_since_ms = loop_now_ms(origin->loop);
    link->kept = true;
    list_prepend(&origin->idle, &link->idle);
    origin->idle_count++;
    counter_set(&origin->metrics.idle, origin->idle_count);
    if (!timer_is_set(&origin->idle_timer))
        timer_set(origin->loop, &origin->idle_timer,
                  link->idle_since_ms + origin->settings->idle_ms);
}

void link_drop(struct link *link)
{
    leave_idle(link);
    link->exchange = NULL;
    conn_abort(link->conn);
}

void link_release(struct link *link)
{
    struct origin *origin = link->origin;
    bool keep = link->keep && !origin->gone && origin->idle_count < origin->settings->idle_max &&
                origin->settings->idle_ms > 0 && !conn_has_ended(link->conn) &&
                !conn_is_cut(link->conn) && conn_input(link->conn).size == 0 &&
                conn_output_size(link->conn) == 0;

    link->exchange = NULL;
    if (!keep) {
        link_drop(link);
        return;
    }
    conn_resume(link->conn);
    enter_idle(link);
    origin_serve_queue(origin);
}

/* ---- what the connection tells ------------------------------------------------------------ */

static void connected(struct conn *conn, void *owner)
{
    struct link *link = owner;

    (void)conn;
    link->connected = true;
    link->origin->is_up = true;
    link->server->down_until_ms = 0;
    if (link->exchange != NULL)
        exchange_connected(link->exchange);
}

/* Nothing is asked and something comes: whatever it is, it answers nothing. */
static void received(struct conn *conn, void *owner)
{
    struct link *link = owner;

    (void)conn;
    if (link->exchange != NULL)
        exchange_received(link->exchange);
    else
        link_drop(link);
}

static void ended(struct conn *conn, void *owner)
{
    struct link *link = owner;

    (void)conn;
    if (link->exchange != NULL)
        exchange_cut(link->exchange);
    else
        link_drop(link);
}

static void drained(struct conn *conn, void *owner)
{
    struct link *link = owner;

    (void)conn;
    if (link->exchange != NULL)
        exchange_drained(link->exchange);
}

static void note_failure(const struct link *link)
{
    struct origin *origin = link->origin;

    counter_add(&origin->metrics.connect_failures, 1);
    origin->is_up = false;
    link->server->down_until_ms = loop_now_ms(origin->loop) + DOWN_MS;
}

void link_give_up(struct link *link)
{
    note_failure(link);
    link_drop(link);
}

static void closed(struct conn *conn, void *owner, enum err why)
{
    struct link *link = owner;
    struct exchange *exchange = link->exchange;
    struct origin *origin = link->origin;

    (void)conn;
    (void)why;
    leave_idle(link);
    link->exchange = NULL;
    if (exchange != NULL) {
        if (!link->connected)
            note_failure(link);
        exchange->link = NULL;
        exchange_lost(exchange, link);
    }
    if (origin->account != NULL)
        account_refund(origin->account, sizeof *link);
    mem_free(&link);
    origin_link_is_gone(origin);
}

static const struct conn_events link_events = {.connected = connected,
                                               .received = received,
                                               .ended = ended,
                                               .drained = drained,
                                               .closed = closed};

/* ---- finding one -------------------------------------------------------------------------- */

enum err link_new_for(struct exchange *exchange)
{
    struct origin *origin = exchange->origin;
    struct link *link = mem_try(sizeof *link);

    if (link == NULL)
        return ERR_FULL;
    *link = (struct link){.origin = origin, .server = origin_pick_server(origin)};
    list_init(&link->idle);
    enum err err = conn_connect(origin->loop, &link->server->address, &origin->conn_settings,
                                &link_events, link, &link->conn);

    if (err != ERR_OK) {
        counter_add(&origin->metrics.connect_failures, 1);
        mem_free(&link);
        return err;
    }
    if (origin->account != NULL)
        account_force(origin->account, sizeof *link);
    origin->link_count++;
    counter_set(&origin->metrics.connections, origin->link_count);
    counter_add(&origin->metrics.connects, 1);
    exchange->attempts++;
    exchange_attach(exchange, link);
    return ERR_OK;
}

enum err link_for(struct exchange *exchange)
{
    struct origin *origin = exchange->origin;

    if (!list_alone(&origin->idle)) {
        struct link *link = list_owner(origin->idle.next, struct link, idle);

        leave_idle(link);
        exchange_attach(exchange, link);
        return ERR_OK;
    }
    if (origin->link_count >= origin->settings->connections_max)
        return ERR_BUSY;
    return link_new_for(exchange);
}
