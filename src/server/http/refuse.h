/* refuse.h: which status and which sentence a client gets when it gets nothing else.
 * SPDX-License-Identifier: MIT
 *
 * Each finishes the request. Threads: the loop's own.
 */
#ifndef LARDER_SERVER_HTTP_REFUSE_H
#define LARDER_SERVER_HTTP_REFUSE_H

#include "server/http/client.h"

/* The head is none, or breaks a limit of heads. */
void refuse_head(struct client *client, const struct http_complaint *complaint);

/* By Larder's own rules. */
struct refusal {
    unsigned status;
    enum outcome outcome;
    enum gateway_reason reason;
    const char *sentence;
};

void refuse(struct client *client, const struct http_head *head, const struct refusal *refusal);

/* The same for a request that was on its way to the origin. */
void refuse_forwarded(struct client *client, const struct http_head *head,
                      const struct refusal *refusal);

/* The origin could not be asked, or did not answer. */
void refuse_err(struct client *client, const struct http_head *head, enum err err);

/* The reason that it gives. */
enum gateway_reason refuse_reason(enum err err);

/* The request's body was not as it should be: 400, 408, 413. */
void refuse_upload(struct client *client, const struct http_head *head, unsigned status);

#endif
