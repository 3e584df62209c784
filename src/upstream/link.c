/* link.c: connections to an origin: made, used in turn, kept, dropped. SPDX-License-Identifier: MIT
 */
#include "base/mem.h"
#include "base/must.h"
#include "upstream/parts.h"

/* ---- the pool ----------------------------------------------------------------------------- */

static void leave_idle(struct link *link)
{
    if (list_alone(&link->idle))
        return;
    list_leave(&link->idle);
    list_leave(&link->in_pool);
    link->origin->idle_count--;
    counter_set(&link->origin->metrics.idle, link->origin->idle_count);
}

static void enter_idle(struct link *link)
{
    struct origin *origin = link->origin;

    link->idle_since_ms = loop_now_ms(origin->loop);
    link->kept = true;
    list_prepend(&origin->idle, &link->idle);
    list_prepend(&link->pool->idle, &link->in_pool);
    origin->idle_count++;
    counter_set(&origin->metrics.idle, origin->idle_count);
    if (!timer_is_set(&origin->idle_timer))
        timer_set(origin->loop, &origin->idle_timer,
                  link->idle_since_ms + origin->settings->idle_ms);
}

/* Its exchange goes, and the server has one less. */
static void detach(struct link *link)
{
    if (link->exchange != NULL)
        counter_sub_shared(&link->pool->member->metrics.active, 1);
    link->exchange = NULL;
}

void link_drop(struct link *link)
{
    leave_idle(link);
    detach(link);
    conn_abort(link->conn);
}

void link_switch(struct link *link)
{
    struct origin *origin = link->origin;

    must(!link->switched && origin->link_count > 0);
    link->switched = true;
    origin->link_count--;
    origin->switched_count++;
    counter_set(&origin->metrics.connections, origin->link_count);
    counter_set(&origin->metrics.switched, origin->switched_count);
    origin_serve_queue(origin);
}

void link_close(struct link *link)
{
    detach(link);
    conn_close(link->conn);
}

void link_release(struct link *link)
{
    struct origin *origin = link->origin;
    bool keep = link->keep && !origin->gone && !link->pool->is_retired &&
                origin->idle_count < origin->settings->idle_max && origin->settings->idle_ms > 0 &&
                !conn_has_ended(link->conn) && !conn_is_cut(link->conn) &&
                conn_input(link->conn).size == 0 && conn_output_size(link->conn) == 0;

    detach(link);
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
    fleet_note_connected(link->origin->fleet, link->pool->member, loop_now_ms(link->origin->loop));
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

static void closed(struct conn *conn, void *owner, enum err why)
{
    struct link *link = owner;
    struct exchange *exchange = link->exchange;
    struct origin *origin = link->origin;
    struct pool *pool = link->pool;
    bool was_switched = link->switched;

    link->lost = conn_why(conn) == NULL ? ERR_PEER_DOWN : why;
    leave_idle(link);
    detach(link);
    if (exchange != NULL) {
        exchange->link = NULL;
        exchange_lost(exchange, link);
    }
    if (origin->account != NULL)
        account_refund(origin->account, sizeof *link);
    mem_free(&link);
    origin_link_is_gone(origin, pool, was_switched);
}

static const struct conn_events link_events = {.connected = connected,
                                               .received = received,
                                               .ended = ended,
                                               .drained = drained,
                                               .closed = closed};

/* ---- finding one -------------------------------------------------------------------------- */

static enum err link_new(struct pool *pool, struct exchange *exchange)
{
    struct origin *origin = exchange->origin;
    struct link *link = mem_try(sizeof *link);

    if (link == NULL)
        return ERR_FULL;
    *link = (struct link){.origin = origin, .pool = pool, .lost = ERR_PEER_DOWN};
    list_init(&link->idle);
    list_init(&link->in_pool);
    enum err err = conn_connect(origin->loop, &pool->member->address, &pool->conn_settings,
                                &link_events, link, &link->conn);

    if (err != ERR_OK) {
        counter_add(&origin->metrics.connect_failures, 1);
        mem_free(&link);
        return err;
    }
    if (origin->account != NULL)
        account_force(origin->account, sizeof *link);
    pool->link_count++;
    origin->link_count++;
    counter_set(&origin->metrics.connections, origin->link_count);
    counter_add(&origin->metrics.connects, 1);
    exchange->attempts++;
    exchange_attach(exchange, link);
    return ERR_OK;
}

enum err link_new_for(struct exchange *exchange)
{
    struct pool *pool = NULL;

    TRY(origin_pick(exchange->origin, exchange, &pool));
    return link_new(pool, exchange);
}

/* A connection that nobody uses, to another server, makes room. */
static bool make_room(struct origin *origin)
{
    if (origin->link_count < origin->settings->connections_max)
        return true;
    if (list_alone(&origin->idle))
        return false;
    link_drop(list_owner(origin->idle.prev, struct link, idle));
    return true;
}

enum err link_for(struct exchange *exchange)
{
    struct origin *origin = exchange->origin;
    struct pool *pool = NULL;

    if (list_alone(&origin->idle) && origin->link_count >= origin->settings->connections_max)
        return ERR_BUSY;
    TRY(origin_pick(origin, exchange, &pool));
    if (!list_alone(&pool->idle)) {
        struct link *link = list_owner(pool->idle.next, struct link, in_pool);

        leave_idle(link);
        exchange_attach(exchange, link);
        return ERR_OK;
    }
    return make_room(origin) ? link_new(pool, exchange) : ERR_BUSY;
}
