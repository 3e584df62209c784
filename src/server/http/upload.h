/* upload.h: a request's body on its way to the origin, as fast as both sides go.
 * SPDX-License-Identifier: MIT
 *
 * Threads: the loop's own.
 */
#ifndef LARDER_SERVER_HTTP_UPLOAD_H
#define LARDER_SERVER_HTTP_UPLOAD_H

#include "server/http/client.h"

/* The request has a body, and its fetch has begun: from here on input is body. */
/* Reads the body to make it a part of the key; `max` bytes at the most. ERR_FULL: no memory. */
enum err upload_key_body(struct client *client, const struct http_head *head, size_t max);

/* Sends what was gathered with a fetch that no client reads from. */
void upload_again(const struct client *client, struct fetch *fetch);

void upload_begin(struct client *client, const struct http_head *head, struct fetch *fetch);

/* Takes what input there is. */
void upload(struct client *client);

/* It broke HTTP or a limit, or came too slowly: the origin's request is cut, and then the client
 * gets this status (400, 408, 413). */
void upload_refuse(struct client *client, unsigned status);

/* Whether it is slower than `body-rate` allows, after `timeout.body`. */
bool upload_is_slow(const struct client *client);

#endif
