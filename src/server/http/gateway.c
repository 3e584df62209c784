/* gateway.c: birth, shutdown and end of a gateway. SPDX-License-Identifier: MIT */
#include "server/http/gateway.h"

#include "base/mem.h"
#include "base/must.h"
#include "server/http/accesslog.h"
#include "server/http/change.h"
#include "server/http/compress.h"
#include "server/http/depart.h"
#include "server/http/proxy_protocol.h"
#include "server/http/talk.h"

enum {
    INPUT_MAX = 64 * 1024,
    OUTPUT_HIGH = 256 * 1024,
    OUTPUT_LOW = 64 * 1024,
    OUTPUT_MAX = 8 * 1024 * 1024,
    TEXT_MAX = 8 * 1024 * 1024,
    DRAIN_CHECK_MS = 20
};

struct door {
    struct gateway *gateway;
    struct listener *listener; /* NULL: none */
    struct listener *next;     /* between gateway_open and gateway_move */
    bool is_moving;            /* to `next`, or to nowhere */
    struct conn_settings conn_settings;
};

struct gateway {
    struct gate gate;
    struct door doors[GATEWAY_DOORS];
    struct listener_limit *limit;
    struct timer drain_timer;
    int64_t drain_until_ms;
    int64_t drain_idle_ms;
    void (*drained)(void *context);
    void *drained_context;
};

static void accepted(void *owner, int fd, const struct address *peer)
{
    const struct door *door = owner;

    (void)peer;
    talk_begin(&door->gateway->gate, &door->conn_settings, door->gateway->limit, fd);
}

static struct bytes refused(void *owner)
{
    (void)owner;
    return BYTES("HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 "Content-Length: 29\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
                 "larder: too many connections\n");
}

static const struct listener_events events = {
    .accepted = accepted,
    .refused = refused,
};

static void gate_init(struct gate *gate, const struct gateway_birth *birth)
{
    gate->number = birth->number;
    gate->loop = birth->loop;
    gate->cache = birth->cache;
    gate->thread = birth->thread;
    gate->site = birth->site;
    gate->origins = birth->origins;
    gate->log = birth->log;
    gate->history = birth->history;
    gate_take_settings(gate);
    gate->h2.account = site_connections(birth->site);
    random_secret(gate->random.state, sizeof gate->random.state);
    list_init(&gate->clients);
    list_init(&gate->fills);
    list_init(&gate->jobs);
    buf_init(&gate->variant, (size_t)KEY_ROOM * 2, NULL);
    buf_init(&gate->text, TEXT_MAX, NULL);
    if (birth->access_log != NULL)
        gate->access = accesslog_new(birth->access_log, &gate->metrics.log_lines_lost);
}

static void gateway_end(struct gateway **owner)
{
    struct gate *gate = &(*owner)->gate;

    gate_forget_pasts(gate);
    accesslog_free(&gate->access);
    buf_fini(&gate->variant);
    buf_fini(&gate->text);
    mem_free(owner);
}

int gateway_fd(const struct gateway *gateway, unsigned door)
{
    const struct listener *listener = gateway->doors[door].listener;

    return listener == NULL ? -1 : listener_fd(listener);
}

static size_t input_max(const struct gate *gate)
{
    size_t size = gate->settings->head_max * 2;

    return size > INPUT_MAX ? size : INPUT_MAX;
}

static enum err open_door(struct gateway *gateway, const struct gateway_birth *birth, unsigned i,
                          struct fault *fault)
{
    struct door *door = &gateway->doors[i];
    const struct listener_birth listening = {
        .address = birth->doors[i].address,
        .handed = birth->doors[i].handed,
        .share = birth->share,
        .limit = birth->limit,
        .events = &events,
        .owner = door,
    };

    door->gateway = gateway;
    door->conn_settings = (struct conn_settings){
        .input_max = input_max(&gateway->gate),
        .output_high = OUTPUT_HIGH,
        .output_low = OUTPUT_LOW,
        .output_max = OUTPUT_MAX,
        .account = site_connections(birth->site),
        .tls = birth->doors[i].tls,
        .preface = birth->doors[i].proxied ? proxy_protocol_read : NULL,
        .preface_ms = site_settings(birth->site)->header_ms,
    };
    if (birth->doors[i].address == NULL)
        return ERR_OK;
    return listener_new(birth->loop, &listening, &door->listener, fault);
}

static void accept_rest(struct gateway *gateway)
{
    for (unsigned i = 0; i < GATEWAY_DOORS; i++) {
        if (gateway->doors[i].listener != NULL)
            listener_accept_rest(gateway->doors[i].listener);
    }
}

static void close_doors(struct gateway *gateway)
{
    for (unsigned i = 0; i < GATEWAY_DOORS; i++)
        listener_free(&gateway->doors[i].listener);
}

enum err gateway_new(const struct gateway_birth *birth, struct gateway **ret_gateway,
                     struct fault *fault)
{
    struct gateway *gateway = mem_new(1, sizeof *gateway);

    site_set_cache(birth->site, birth->cache);
    site_set_limits(birth->site);
    gate_init(&gateway->gate, birth);
    gateway->limit = birth->limit;
    for (unsigned i = 0; i < GATEWAY_DOORS; i++) {
        enum err err = open_door(gateway, birth, i, fault);

        if (err == ERR_OK)
            continue;
        close_doors(gateway);
        gateway_end(&gateway);
        return err;
    }
    *ret_gateway = gateway;
    return ERR_OK;
}

const struct address *gateway_address(const struct gateway *gateway, unsigned door)
{
    must(gateway->doors[door].listener != NULL);
    return listener_address(gateway->doors[door].listener);
}

void gateway_change(struct gateway *gateway, const struct site_change *change)
{
    gate_change(&gateway->gate, change);
    for (unsigned i = 0; i < GATEWAY_DOORS; i++)
        gateway->doors[i].conn_settings.input_max = input_max(&gateway->gate);
}

enum err gateway_open(struct gateway *gateway, unsigned door, const struct gateway_door *place,
                      bool share, struct address *ret_address, struct fault *fault)
{
    struct door *it = &gateway->doors[door];
    const struct listener_birth listening = {
        .address = place->address,
        .share = share,
        .limit = gateway->limit,
        .events = &events,
        .owner = it,
    };

    if (place->address != NULL) {
        TRY(listener_new(gateway->gate.loop, &listening, &it->next, fault));
        it->conn_settings.tls = place->tls;
        *ret_address = *listener_address(it->next);
    }
    it->is_moving = true;
    return ERR_OK;
}

bool gateway_is_moving(const struct gateway *gateway, unsigned door)
{
    return gateway->doors[door].is_moving;
}

void gateway_move(struct gateway *gateway)
{
    for (unsigned i = 0; i < GATEWAY_DOORS; i++) {
        struct door *door = &gateway->doors[i];

        if (!door->is_moving)
            continue;
        if (door->listener != NULL)
            listener_accept_rest(door->listener);
        listener_free(&door->listener);
        door->listener = door->next;
        door->next = NULL;
        door->is_moving = false;
    }
}

void gateway_stay(struct gateway *gateway)
{
    for (unsigned i = 0; i < GATEWAY_DOORS; i++) {
        listener_free(&gateway->doors[i].next);
        gateway->doors[i].is_moving = false;
    }
}

/* ---- the end ----------------------------------------------------------------------------- */

static void look_whether_drained(struct timer *timer)
{
    struct gateway *gateway = list_owner(timer, struct gateway, drain_timer);
    struct gate *gate = &gateway->gate;
    int64_t now_ms = loop_now_ms(gate->loop);

    talk_end_idle(gate, gateway->drain_idle_ms);
    if (list_alone(&gate->clients) && list_alone(&gate->fills)) {
        gateway->drained(gateway->drained_context);
        return;
    }
    if (now_ms >= gateway->drain_until_ms) {
        talk_cut(gate);
        while (!list_alone(&gate->fills))
            depart_cancel(list_owner(gate->fills.next, struct fetch, node), ERR_STOPPING);
    }
    timer_set(gate->loop, timer, now_ms + DRAIN_CHECK_MS);
}

void gateway_drain(struct gateway *gateway, int64_t idle_ms, void (*drained)(void *context),
                   void *context)
{
    struct gate *gate = &gateway->gate;

    if (gateway->drained != NULL)
        return;
    accept_rest(gateway);
    close_doors(gateway);
    gate->draining = true;
    gateway->drained = drained;
    gateway->drained_context = context;
    gateway->drain_until_ms = loop_now_ms(gate->loop) + gate->settings->drain_ms;
    gateway->drain_idle_ms = idle_ms;
    talk_drain(gate);
    timer_init(&gateway->drain_timer, look_whether_drained);
    timer_set(gate->loop, &gateway->drain_timer, loop_now_ms(gate->loop) + 1);
}

static void end_empty(struct gate *gate)
{
    struct gateway *gateway = list_owner(gate, struct gateway, gate);

    gateway_end(&gateway);
}

void gateway_free(struct gateway **owner)
{
    struct gateway *gateway = *owner;

    if (gateway == NULL)
        return;
    struct gate *gate = &gateway->gate;

    close_doors(gateway);
    gateway_stay(gateway);
    if (gateway->drained != NULL)
        timer_clear(gate->loop, &gateway->drain_timer);
    talk_cut(gate);
    while (!list_alone(&gate->fills))
        depart_cancel(list_owner(gate->fills.next, struct fetch, node), ERR_STOPPING);
    compress_stop(gate);
    *owner = NULL;
    gate->emptied = end_empty;
    if (list_alone(&gate->clients))
        end_empty(gate);
}

void gateway_turn(struct gateway *gateway)
{
    if (gateway->gate.access != NULL)
        accesslog_write(gateway->gate.access);
}

const struct gateway_metrics *gateway_metrics(const struct gateway *gateway)
{
    return &gateway->gate.metrics;
}
