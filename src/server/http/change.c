/* change.c: old sites, and who still uses them. SPDX-License-Identifier: MIT */
#include "server/http/change.h"

#include "base/mem.h"
#include "base/must.h"
#include "server/http/client.h"

enum { LOOK_MS = 100 };

struct gate_past {
    struct gate_past *next; /* the one after it */
    struct gate_generation generation;
    void (*left)(void *context);
    void *context;
};

struct gate_generation gate_generation(const struct gate *gate, const struct route *route)
{
    if (!site_has_route(gate->site, route)) {
        for (const struct gate_past *past = gate->pasts; past != NULL; past = past->next) {
            if (site_has_route(past->generation.site, route))
                return past->generation;
        }
        never("a request with a route of no site");
    }
    return (struct gate_generation){gate->site, gate->origins};
}

void gate_take_settings(struct gate *gate)
{
    const struct gateway_settings *settings = site_settings(gate->site);

    gate->settings = settings;
    gate->limits =
        (struct http_limits){settings->head_max, settings->target_max, settings->fields_max};
    gate->h2.streams_max = settings->h2_streams_max;
    gate->h2.window = settings->h2_window;
    gate->h2.head_max = settings->head_max;
    gate->h2.fields_max = settings->fields_max;
    gate->h2.score_max = settings->h2_score_max;
}

/* A route that an idle client had for its last request is no use of it, and is forgotten. */
static bool is_in_use(struct client *client, const struct site *site)
{
    struct request *request = &client->request;

    if (request->route == NULL || !site_has_route(site, request->route))
        return false;
    if (client->is_busy || request->is_waiting || request->reader.stream != NULL)
        return true;
    request->route = NULL;
    return false;
}

static bool has_users(const struct gate *gate, const struct site *site)
{
    bool is_used = false;

    for (const struct list_node *at = gate->clients.next; at != &gate->clients; at = at->next)
        is_used |= is_in_use(list_owner(at, struct client, node), site);
    for (const struct list_node *at = gate->fills.next; at != &gate->fills && !is_used;
         at = at->next)
        is_used = site_has_route(site, list_owner(at, struct fetch, node)->route);
    return is_used;
}

static void let_go(struct gate *gate)
{
    struct gate_past *past = gate->pasts;

    gate->pasts = past->next;
    past->left(past->context);
    mem_free(&past);
}

static void look(struct timer *timer)
{
    struct gate *gate = list_owner(timer, struct gate, past_timer);

    while (gate->pasts != NULL && !has_users(gate, gate->pasts->generation.site))
        let_go(gate);
    if (gate->pasts != NULL)
        timer_set(gate->loop, timer, loop_now_ms(gate->loop) + LOOK_MS);
}

void gate_change(struct gate *gate, const struct site_change *change)
{
    struct gate_past *past = mem_new(1, sizeof *past);
    struct gate_past **last = &gate->pasts;

    if (gate->pasts == NULL) {
        timer_init(&gate->past_timer, look);
        timer_set(gate->loop, &gate->past_timer, loop_now_ms(gate->loop) + LOOK_MS);
    }
    *past = (struct gate_past){NULL, {gate->site, gate->origins}, change->left, change->context};
    while (*last != NULL)
        last = &(*last)->next;
    *last = past;
    gate->site = change->site;
    gate->origins = change->origins;
    gate_take_settings(gate);
}

void gate_forget_pasts(struct gate *gate)
{
    if (gate->pasts != NULL)
        timer_clear(gate->loop, &gate->past_timer);
    while (gate->pasts != NULL)
        let_go(gate);
}
