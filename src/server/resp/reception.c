/* reception.c: one worker's clients, from accepting to closing. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/must.h"
#include "net/clock.h"
#include "server/resp/inside.h"
#include "server/resp/lease.h"
#include "server/resp/pubsub.h"
#include "server/resp/transaction.h"

enum { WALL_DRIFT_MS = 500, KEPT_MAX = 1 << 20 /* bytes of the replies' buffer */ };

const char *const error_kinds[ERROR_KINDS] = {"ERR",      "WRONGTYPE", "NOAUTH",  "WRONGPASS",
                                              "OOM",      "EXECABORT", "NOPROTO", "NOPERM",
                                              "TRYAGAIN", "MISCONF",   "BUSY",    "OTHER"};

void door_count_error(struct resp_door *door, struct bytes kind)
{
    size_t i = 0;

    while (i < ERROR_KINDS - 1 && !bytes_equal(kind, bytes_of_text(error_kinds[i])))
        i++;
    counter_add(&door->errors[i], 1);
}

/* ---- clients ----------------------------------------------------------------------------------
 */

static void join_cards(struct client *client)
{
    struct resp *resp = client->door->resp;

    must(pthread_mutex_lock(&resp->lock) == 0);
    list_append(&resp->cards, &client->card.node);
    must(pthread_mutex_unlock(&resp->lock) == 0);
}

static void leave_cards(struct client *client)
{
    struct resp *resp = client->door->resp;

    must(pthread_mutex_lock(&resp->lock) == 0);
    list_leave(&client->card.node);
    must(pthread_mutex_unlock(&resp->lock) == 0);
    mem_free(&client->card.name);
    mem_free(&client->card.library_name);
    mem_free(&client->card.library_version);
}

static struct client *client_new(struct resp_door *door)
{
    struct client *client = mem_new(1, sizeof *client);
    struct resp *resp = door->resp;

    client->door = door;
    client->resp = resp;
    client->protocol = 2;
    client->authenticated = !atomic_load_explicit(&resp->wants_password, memory_order_relaxed);
    client_set_gate(client, GATE_STRANGER, !client->authenticated);
    client->card.id = atomic_fetch_add(&resp->clients_made, 1) + 1;
    client->card.door = door;
    client->card.since_ms = loop_now_ms(door->loop);
    client->card.active_ms = client->card.since_ms;
    client->card.queued = -1;
    list_init(&client->card.node);
    client->card.protocol = 2;
    list_append(&door->clients, &client->node);
    door->client_count++;
    counter_set(&door->metrics.connections, door->client_count);
    return client;
}

static void client_gone(struct client *client)
{
    struct resp_door *door = client->door;

    leave_cards(client);
    door_forget_ahead(door, client);
    lease_forget(client);
    transaction_reset(client);
    pubsub_forget(client);
    list_leave(&client->node);
    account_refund(&door->resp->connections,
                   client->unfinished.capacity * sizeof client->unfinished.items[0]);
    mem_free(&client->unfinished.items);
    account_refund(&door->resp->connections, sizeof *client);
    listener_limit_leave(&door->resp->limit);
    door->client_count--;
    counter_set(&door->metrics.connections, door->client_count);
    if (door->current == client)
        door->current = NULL;
    mem_free(&client);
}

static void accepted(void *owner, int fd, const struct address *peer)
{
    struct resp_door *door = owner;
    struct client *client = client_new(door);
    enum err err = conn_accept(door->loop, fd, &door->resp->conn_settings, &client_events, client,
                               &client->conn);

    account_force(&door->resp->connections, sizeof *client);
    if (err != ERR_OK) {
        client_gone(client);
        return;
    }
    counter_add(&door->metrics.connections_accepted, 1);
    address_text(peer, client->card.address);
    address_text(&door->resp->address, client->card.local_address);
    join_cards(client);
}

static struct bytes refused(void *owner)
{
    struct resp_door *door = owner;

    counter_add(&door->metrics.connections_refused, 1);
    return BYTES("-ERR max number of clients reached\r\n");
}

static void ahead(struct conn *conn, void *owner)
{
    struct client *client = owner;

    (void)conn;
    door_look_ahead(client->door, client);
}

static void received(struct conn *conn, void *owner)
{
    struct client *client = owner;

    (void)conn;
    door_serve(client->door, client);
}

static void drained(struct conn *conn, void *owner)
{
    struct client *client = owner;

    atomic_store_explicit(&client->card.output_bytes, conn_output_size(conn), memory_order_relaxed);
}

static void closed(struct conn *conn, void *owner, enum err why)
{
    struct client *client = owner;

    (void)conn;
    if (why == ERR_TOO_BIG)
        counter_add(&client->door->metrics.connections_overrun, 1);
    client_gone(client);
}

const struct conn_events client_events = {
    .ahead = ahead, .received = received, .drained = drained, .closed = closed};

const struct listener_events door_listener_events = {.accepted = accepted, .refused = refused};

void door_flush(struct resp_door *door, struct client *client)
{
    if (door->out.size == 0)
        return;
    counter_add(&door->metrics.output_bytes, door->out.size);
    conn_send(client->conn, buf_bytes(&door->out));
    if (door->out.capacity > KEPT_MAX)
        buf_fini(&door->out);
    buf_clear(&door->out);
}

void door_check_output(struct resp_door *door, struct client *client)
{
    size_t waits = conn_output_size(client->conn);

    atomic_store_explicit(&client->card.output_bytes, waits, memory_order_relaxed);
    if ((client->gate & GATE_SUBSCRIBER) == 0 || waits <= door->resp->settings.pubsub_output_max ||
        client->leaving)
        return;
    counter_add(&door->metrics.connections_overrun, 1);
    client->leaving = true;
    conn_abort(client->conn);
}

/* ---- time -------------------------------------------------------------------------------------
 */

static void close_idle(struct resp_door *door, int64_t idle_ms)
{
    int64_t now_ms = loop_now_ms(door->loop);

    for (struct list_node *node = door->clients.next; node != &door->clients; node = node->next) {
        struct client *client = list_owner(node, struct client, node);

        if ((client->gate & GATE_SUBSCRIBER) != 0 || client->leaving || client->waits != NULL ||
            now_ms - conn_last_progress_ms(client->conn) < idle_ms)
            continue;
        counter_add(&door->metrics.connections_idled, 1);
        client_leave(client);
    }
}

/* People's clock may be set: expiry times in it follow, but not every millisecond of drift. */
static void follow_wall(struct resp *resp)
{
    int64_t offset = clock_wall_ms() - clock_now_ms();
    int64_t kept = atomic_load_explicit(&resp->wall_offset_ms, memory_order_relaxed);

    if (offset - kept > WALL_DRIFT_MS || kept - offset > WALL_DRIFT_MS)
        atomic_store_explicit(&resp->wall_offset_ms, offset, memory_order_relaxed);
}

/* Frees some of what large values left, a little every millisecond. */
void door_dig(struct timer *timer)
{
    struct resp_door *door = list_owner(timer, struct resp_door, digging);

    if (type_rules_dig(door->resp->rules, DOOR_DIG_NODES))
        timer_set(door->loop, timer, loop_now_ms(door->loop) + 1);
}

void door_tick(struct timer *timer)
{
    struct resp_door *door = list_owner(timer, struct resp_door, tick);
    int64_t idle_ms = atomic_load_explicit(&door->resp->idle_ms, memory_order_relaxed);

    follow_wall(door->resp);
    door_dig(&door->digging);
    if (idle_ms > 0)
        close_idle(door, idle_ms);
    timer_set(door->loop, timer, loop_now_ms(door->loop) + DOOR_TICK_MS);
}

void door_release_all(struct resp_door *door)
{
    timer_clear(door->loop, &door->release);
    for (struct list_node *node = door->clients.next; node != &door->clients; node = node->next) {
        struct client *client = list_owner(node, struct client, node);

        if (client->held && client->waits == NULL) {
            client->held = false;
            conn_resume(client->conn);
        }
    }
}

void door_release(struct timer *timer)
{
    door_release_all(list_owner(timer, struct resp_door, release));
}
