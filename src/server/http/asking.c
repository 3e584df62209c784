/* asking.c: answers without a fetch, and requests taken up again. SPDX-License-Identifier: MIT */
#include "server/http/asking.h"

#include "base/must.h"
#include "server/http/change.h"
#include "server/http/compress.h"
#include "server/http/refuse.h"
#include "server/http/serve.h"

enum fetch_why asking_why(const struct asking *asking)
{
    const struct look *look = &asking->look;

    if (look->view.state == CACHE_FRESH)
        return FETCH_REQUEST;
    if (look->has_stored)
        return FETCH_STALE;
    return look->is_variant ? FETCH_VARY_MISS : FETCH_URI_MISS;
}

/* ---- answers ----------------------------------------------------------------------------- */

void asking_serve(struct asking *asking, enum outcome outcome, enum gateway_reason reason)
{
    if ((asking->look.stored.flags & STORED_COMPRESSIBLE) != 0)
        compress_choose(&asking->look);
    serve_stored(asking->client, asking->look.head, &asking->look.view, outcome, reason);
}

bool asking_serve_stale(struct asking *asking, enum failure failure, enum gateway_reason reason)
{
    if (!look_stands_in(&asking->look, failure))
        return false;
    asking_serve(asking, OUTCOME_STALE, reason);
    return true;
}

void asking_refuse_failed(struct asking *asking, enum err err, enum failure failure)
{
    const struct look *look = &asking->look;

    if (asking_serve_stale(asking, failure,
                           failure == FAILURE_STATUS ? REASON_ORIGIN_ERROR : refuse_reason(err)))
        return;
    if (failure == FAILURE_UNREACHABLE && err_class(err) == ERR_CLASS_PEER && look->has_stored &&
        (look->stored.flags & STORED_STRICT) != 0)
        refuse_forwarded(asking->client, look->head,
                         &(const struct refusal){
                             504, OUTCOME_FAILED, REASON_ORIGIN_ERROR,
                             "the origin does not answer, and what is stored must not be used "
                             "without asking it"});
    else
        refuse_err(asking->client, look->head, err);
}

/* ---- later ------------------------------------------------------------------------------- */

bool asking_keep(struct asking *asking)
{
    if (client_keep_request(asking->client, asking->raw) == ERR_OK)
        return true;
    asking->client->keeps_alive = false;
    refuse(asking->client, asking->look.head,
           &(const struct refusal){503, OUTCOME_FAILED, REASON_MEMORY_PRESSURE,
                                   "there is no memory left for this"});
    return false;
}

void asking_become_busy(struct asking *asking)
{
    if (!asking->client->is_busy)
        counter_add(&asking->gate->metrics.requests_waiting, 1);
    asking->client->is_busy = true;
}

/* The body that was gathered becomes part of the key. */
static bool add_body(struct asking *asking)
{
    const struct key_body *key_body = asking->client->request.key_body;

    return look_add_body(&asking->look, bytes_of(key_body->hash, sizeof key_body->hash));
}

void asking_resume(struct client *client, struct asking *ret_asking)
{
    struct http_complaint complaint = {400, ""};

    ret_asking->client = client;
    ret_asking->gate = client->gate;
    ret_asking->raw = bytes_of(client->request.raw, client->request.raw_size);
    const struct http_head *head = client_request_head(client);
    const struct site *site = gate_site(client->gate, client->request.route);
    enum err err = look_begin(client->gate, site, head, &ret_asking->look, &complaint);

    must(err == ERR_OK); /* it was well before */
    if (client->request.key_body != NULL && client->request.key_body->is_whole)
        must(add_body(ret_asking));
}

/* What a request whose body did not become part of the key asks for is not known. */
static bool is_known(const struct asking *asking)
{
    const struct look *look = &asking->look;
    const struct key_body *key_body = asking->client->request.key_body;

    return decide_lookup(look->target.route, look->head, &look->control) == REASON_NONE &&
           (!decide_keys_body(look->target.route, look->head) ||
            (key_body != NULL && key_body->is_whole));
}

void asking_resume_and_look(struct client *client, struct asking *ret_asking)
{
    struct look *look = &ret_asking->look;

    asking_resume(client, ret_asking);
    if (!is_known(ret_asking) || !look_up(look))
        look->has_stored = false;
}
