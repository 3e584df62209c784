/* pool.c: an origin's servers, its queue, its end. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/must.h"
#include "upstream/parts.h"

enum {
    INPUT_MAX = 256 * 1024,
    OUTPUT_HIGH = 256 * 1024,
    OUTPUT_LOW = 64 * 1024,
    OUTPUT_MAX = 16 * 1024 * 1024
};

static void close_expired(struct timer *timer);

static enum err parse_servers(struct origin *origin, struct fault *fault)
{
    const struct text_list *texts = &origin->settings->servers;

    if (texts->count == 0)
        return fault_say(fault, ERR_SYNTAX,
                         "the origin has no servers; write servers: [\"host:port\"]");
    origin->servers = mem_new(texts->count, sizeof *origin->servers);
    origin->server_count = texts->count;
    for (size_t i = 0; i < texts->count; i++) {
        struct server *server = &origin->servers[i];

        TRY(address_parse(bytes_of_text(texts->items[i]), &server->address, fault));
        address_text(&server->address, server->text);
    }
    return ERR_OK;
}

enum err origin_new(struct loop *loop, const struct origin_settings *settings,
                    struct account *account, struct origin **ret_origin, struct fault *fault)
{
    struct origin *origin = mem_new(1, sizeof *origin);

    origin->loop = loop;
    origin->settings = settings;
    origin->account = account;
    origin->is_up = true;
    origin->conn_settings = (struct conn_settings){
        .input_max = INPUT_MAX,
        .output_high = OUTPUT_HIGH,
        .output_low = OUTPUT_LOW,
        .output_max = OUTPUT_MAX,
        .account = account,
    };
    list_init(&origin->idle);
    list_init(&origin->active);
    list_init(&origin->queue);
    timer_init(&origin->idle_timer, close_expired);
    enum err err = parse_servers(origin, fault);

    if (err != ERR_OK) {
        mem_free(&origin->servers);
        mem_free(&origin);
        return err;
    }
    *ret_origin = origin;
    return ERR_OK;
}

static void end_if_last(struct origin *origin)
{
    if (!origin->gone || origin->link_count > 0)
        return;
    mem_free(&origin->servers);
    mem_free(&origin);
}

void origin_link_is_gone(struct origin *origin)
{
    must(origin->link_count > 0);
    origin->link_count--;
    counter_set(&origin->metrics.connections, origin->link_count);
    if (origin->gone)
        end_if_last(origin);
    else
        origin_serve_queue(origin);
}

static void fail_all(struct list_node *ring)
{
    while (!list_alone(ring))
        exchange_fail(list_owner(ring->next, struct exchange, node), ERR_STOPPING);
}

void origin_free(struct origin **owner)
{
    struct origin *origin = *owner;

    if (origin == NULL)
        return;
    *owner = NULL;
    origin->gone = true;
    fail_all(&origin->queue);
    fail_all(&origin->active);
    while (!list_alone(&origin->idle))
        link_drop(list_owner(origin->idle.next, struct link, idle));
    timer_clear(origin->loop, &origin->idle_timer);
    end_if_last(origin);
}

const struct origin_metrics *origin_metrics(const struct origin *origin)
{
    return &origin->metrics;
}

bool origin_is_up(const struct origin *origin)
{
    return origin->is_up;
}

void origin_set_up(struct origin *origin, bool is_up)
{
    origin->is_up = is_up;
}

struct server *origin_pick_server(struct origin *origin)
{
    int64_t now_ms = loop_now_ms(origin->loop);
    struct server *longest = NULL;

    for (size_t i = 0; i < origin->server_count; i++) {
        struct server *server = &origin->servers[(origin->server_next + i) % origin->server_count];

        if (server->down_until_ms <= now_ms) {
            origin->server_next = (size_t)(server - origin->servers) + 1;
            return server;
        }
        if (longest == NULL || server->down_until_ms < longest->down_until_ms)
            longest = server;
    }
    must(longest != NULL);
    return longest;
}

void origin_serve_queue(struct origin *origin)
{
    while (!list_alone(&origin->queue)) {
        struct exchange *exchange = list_owner(origin->queue.next, struct exchange, node);
        enum err err = link_for(exchange);

        if (err == ERR_BUSY)
            return;
        if (err != ERR_OK)
            exchange_fail(exchange, err);
    }
}

/* The last in the ring is idle for longest. */
static void close_expired(struct timer *timer)
{
    struct origin *origin = list_owner(timer, struct origin, idle_timer);

    while (!list_alone(&origin->idle)) {
        struct link *link = list_owner(origin->idle.prev, struct link, idle);
        int64_t until_ms = link->idle_since_ms + origin->settings->idle_ms;

        if (until_ms > loop_now_ms(origin->loop)) {
            timer_set(origin->loop, timer, until_ms);
            return;
        }
        link_drop(link);
    }
}
