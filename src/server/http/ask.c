/* ask.c: what is to be done with a request. SPDX-License-Identifier: MIT */
#include "server/http/ask.h"

#include "net/clock.h"
#include "server/http/cors.h"
#include "server/http/history.h"
#include "server/http/lead.h"
#include "server/http/pump.h"
#include "server/http/purge.h"
#include "server/http/quota.h"
#include "server/http/refuse.h"
#include "server/http/seek.h"
#include "server/http/serve.h"
#include "server/http/tunnel.h"
#include "server/http/upload.h"
#include "server/http/visitor.h"
#include "server/http/wait.h"

/* ---- bodies that say what is asked for --------------------------------------------------- */

static void with_key_body(struct client *client)
{
    struct asking asking;

    asking_resume(client, &asking);
    if (client->request.key_body->is_whole)
        seek(&asking);
    else
        lead_pass(&asking, REASON_BODY_TOO_LARGE_FOR_KEY, FETCH_METHOD);
}

static void take_key_body(struct asking *asking)
{
    struct client *client = asking->client;
    const struct http_head *head = asking->look.head;
    size_t max = asking->look.target.route->settings->key_body_max;

    if (head->framing == HTTP_SIZED && head->content_length > max) {
        lead_pass(asking, REASON_BODY_TOO_LARGE_FOR_KEY, FETCH_METHOD);
        return;
    }
    if (!asking_keep(asking))
        return;
    if (upload_key_body(client, head, max) != ERR_OK) {
        client->keeps_alive = false;
        refuse(client, head,
               &(const struct refusal){503, OUTCOME_FAILED, REASON_MEMORY_PRESSURE,
                                       "there is no memory left for this"});
        return;
    }
    asking_become_busy(asking);
    if (client->request.key_body->is_whole)
        with_key_body(client);
}

/* ---- the request ------------------------------------------------------------------------- */

static void remember_purge(const struct asking *asking)
{
    struct history_purge purge = {.wall_ms = clock_wall_ms(), .by = HISTORY_BY_URL, .door = "http"};
    char who[ADDRESS_TEXT_SIZE];

    if (asking->gate->history == NULL)
        return;
    address_text(
        visitor_address(asking->client->gate, client_visitor(asking->client), asking->look.head),
        who);
    history_purge_init(&purge, bytes_of_text(who), asking->look.target.url);
    history_purged(asking->gate->history, &purge);
}

static void purge(struct asking *asking)
{
    struct gate *gate = asking->gate;
    const struct purge_place place = {gate->site, gate->thread, gate->cache, &gate->keys,
                                      asking_now_ms(asking)};

    counter_add(&gate->metrics.invalidated, 1);
    purge_url(&place, asking->look.target.url, false);
    remember_purge(asking);
    refuse(asking->client, asking->look.head,
           &(const struct refusal){200, OUTCOME_REFUSED, REASON_METHOD, "purged"});
}

/* What routes and limits forbid, and what is answered here. */
static bool is_settled(struct asking *asking)
{
    const struct http_head *head = asking->look.head;
    const struct route *route = asking->look.target.route;

    if (head->framing == HTTP_SIZED && head->content_length > route->settings->request_body_max) {
        refuse_upload(asking->client, head, 413);
        return true;
    }
    if (cors_is_preflight(route, head)) {
        serve_preflight(asking->client, head);
        return true;
    }
    bool is_purge = head->method_id == HTTP_METHOD_PURGE;

    if (is_purge && route->settings->purge_method) {
        purge(asking);
        return true;
    }
    if (is_purge || head->method_id == HTTP_METHOD_TRACE ||
        head->method_id == HTTP_METHOD_CONNECT || !route_allows_method(route, head->method)) {
        refuse(asking->client, asking->look.head,
               &(const struct refusal){405, OUTCOME_REFUSED, REASON_REFUSED,
                                       "this method is not allowed here"});
        return true;
    }
    return false;
}

static enum fetch_why why_passed(enum gateway_reason reason)
{
    if (reason == REASON_METHOD)
        return FETCH_METHOD;
    return reason == REASON_REQUEST_NO_STORE ? FETCH_REQUEST : FETCH_BYPASS;
}

void ask(struct client *client, const struct http_head *head, struct bytes raw)
{
    struct asking asking;
    struct http_complaint complaint = {400, ""};

    asking.client = client;
    asking.gate = client->gate;
    asking.raw = raw;
    asking.look.head = head;
    client->request.tries = 0;
    client->request.upload_fault = 0;
    client->request.reason = REASON_NONE;
    if (bytes_equal(head->path, BYTES("*"))) {
        refuse(client, asking.look.head,
               &(const struct refusal){204, OUTCOME_REFUSED, REASON_NONE, ""});
        return;
    }
    enum err err = look_begin(client->gate, client->gate->site, head, &asking.look, &complaint);

    if (err != ERR_OK) {
        client->keeps_alive = client->keeps_alive && err == ERR_MISS;
        refuse(client, asking.look.head,
               &(const struct refusal){
                   complaint.status, err == ERR_MISS ? OUTCOME_REFUSED : OUTCOME_MALFORMED,
                   err == ERR_MISS ? REASON_REFUSED : REASON_MALFORMED, complaint.text});
        return;
    }
    client->request.route = asking.look.target.route;
    if (asking.look.target.route->limiter != NULL &&
        !quota_allows(client, asking.look.target.route, head))
        return;
    if (is_settled(&asking))
        return;
    enum gateway_reason reason =
        decide_lookup(asking.look.target.route, head, &asking.look.control);

    if (reason == REASON_UPGRADE && !tunnel_has_room(client->gate))
        tunnel_refuse(client, head);
    else if (reason != REASON_NONE)
        lead_pass(&asking, reason, why_passed(reason));
    else if (decide_keys_body(asking.look.target.route, head))
        take_key_body(&asking);
    else
        seek(&asking);
}

/* ---- later ------------------------------------------------------------------------------- */

static void failed(struct client *client, enum err err, enum failure failure)
{
    struct asking asking;

    asking_resume_and_look(client, &asking);
    if (client->request.upload_fault != 0)
        refuse_upload(client, asking.look.head, client->request.upload_fault);
    else
        asking_refuse_failed(&asking, err, failure);
    client->hooks->idle(client);
}

static void again(struct client *client)
{
    struct asking asking;

    asking_resume(client, &asking);
    seek(&asking);
    if (!client->is_busy)
        client->hooks->idle(client);
}

static bool takes_stale(struct client *client)
{
    struct asking asking;

    asking_resume_and_look(client, &asking);
    return look_stands_in(&asking.look, FAILURE_STATUS);
}

static void part(struct client *client)
{
    struct asking asking;

    asking_resume(client, &asking);
    lead_pass(&asking, REASON_TOO_LARGE, FETCH_PARTIAL);
    if (!client->is_busy)
        client->hooks->idle(client);
}

const struct client_asks ask_later = {
    .failed = failed,
    .again = again,
    .takes_stale = takes_stale,
    .part = part,
    .with_key_body = with_key_body,
};

void ask_end(struct client *client)
{
    (void)wait_cancel(client);
    pump_end(client);
}
