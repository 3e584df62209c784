/* refuse.c: errors as statuses and sentences. SPDX-License-Identifier: MIT */
#include "server/http/refuse.h"

void refuse_head(struct client *client, const struct http_complaint *complaint)
{
    const struct told told = {.outcome = OUTCOME_MALFORMED, .reason = REASON_MALFORMED};

    if (complaint->status == 414)
        counter_add(&client->gate->metrics.targets_too_long, 1);
    if (complaint->status == 431)
        counter_add(&client->gate->metrics.headers_too_large, 1);
    client->keeps_alive = false;
    client->is_old = client->is_head = false;
    client->sent_bytes = 0;
    client_refuse(client, NULL, complaint->status, &told, complaint->text);
}

void refuse(struct client *client, const struct http_head *head, const struct refusal *refusal)
{
    const struct told told = {.outcome = refusal->outcome, .reason = refusal->reason};

    client_refuse(client, head, refusal->status, &told, refusal->sentence);
}

void refuse_forwarded(struct client *client, const struct http_head *head,
                      const struct refusal *refusal)
{
    const struct told told = {.outcome = refusal->outcome,
                              .reason = refusal->reason,
                              .forwarded = fetch_why_text(client->request.why)};

    client_refuse(client, head, refusal->status, &told, refusal->sentence);
}

static struct refusal peer_refusal(enum err err)
{
    if (err == ERR_PEER_SLOW)
        return (struct refusal){504, OUTCOME_FAILED, REASON_ORIGIN_TIMEOUT,
                                "the origin took too long to answer"};
    if (err == ERR_PEER_AVOIDED)
        return (struct refusal){503, OUTCOME_FAILED, REASON_BREAKER_OPEN,
                                "the origin failed too often and is left alone for a while; try "
                                "again in a moment"};
    if (err == ERR_PEER_BROKEN)
        return (struct refusal){502, OUTCOME_FAILED, REASON_ORIGIN_BROKEN,
                                "the origin's answer cannot be used"};
    if (err == ERR_PEER_GONE)
        return (struct refusal){502, OUTCOME_FAILED, REASON_ORIGIN_CLOSED,
                                "the origin closed the connection before it had answered"};
    if (err == ERR_PEER_EXPIRED)
        return (struct refusal){502, OUTCOME_FAILED, REASON_ORIGIN_UNTRUSTED,
                                "the origin's certificate has expired, or is not valid yet"};
    if (err == ERR_PEER_MISNAMED)
        return (struct refusal){502, OUTCOME_FAILED, REASON_ORIGIN_UNTRUSTED,
                                "the origin's certificate is for another name"};
    if (err == ERR_PEER_UNTRUSTED)
        return (struct refusal){502, OUTCOME_FAILED, REASON_ORIGIN_UNTRUSTED,
                                "the origin's certificate was issued by somebody who is not "
                                "trusted here"};
    if (err == ERR_PEER_NO_TLS)
        return (struct refusal){502, OUTCOME_FAILED, REASON_ORIGIN_UNTRUSTED,
                                "no TLS could be agreed on with the origin"};
    return (struct refusal){502, OUTCOME_FAILED, REASON_ORIGIN_DOWN,
                            "the origin cannot be reached"};
}

static struct refusal refusal_of(enum err err)
{
    switch (err_class(err)) {
    case ERR_CLASS_CALLER:
        return (struct refusal){400, OUTCOME_MALFORMED, REASON_MALFORMED,
                                "the request cannot be passed on, since it breaks HTTP"};
    case ERR_CLASS_LIMIT:
        return (struct refusal){503, OUTCOME_FAILED,
                                err == ERR_BUSY ? REASON_ORIGIN_BUSY : REASON_MEMORY_PRESSURE,
                                "the origin has too much to do; try again in a moment"};
    case ERR_CLASS_PEER:
        return peer_refusal(err);
    case ERR_CLASS_NONE:
    case ERR_CLASS_STATE:
    case ERR_CLASS_DISK:
        break;
    }
    return (struct refusal){502, OUTCOME_FAILED, REASON_ORIGIN_ERROR,
                            "the origin could not be asked"};
}

enum gateway_reason refuse_reason(enum err err)
{
    return refusal_of(err).reason;
}

void refuse_err(struct client *client, const struct http_head *head, enum err err)
{
    const struct refusal refusal = refusal_of(err);

    refuse_forwarded(client, head, &refusal);
}

void refuse_upload(struct client *client, const struct http_head *head, unsigned status)
{
    const char *sentence = "the request's body breaks HTTP, or is not whole";

    if (status == 413)
        sentence = "the request's body is larger than this route allows";
    if (status == 408)
        sentence = "the request's body came too slowly";
    refuse(client, head,
           &(const struct refusal){status, status == 400 ? OUTCOME_MALFORMED : OUTCOME_REFUSED,
                                   status == 400 ? REASON_MALFORMED : REASON_REFUSED, sentence});
}
