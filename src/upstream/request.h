/* request.h: a request's head as the origin gets it.
 * SPDX-License-Identifier: MIT
 *
 * It is written anew from parsed fields: framing and what belongs to the client's connection is
 * never passed on, so no two programs can disagree about where the request ends.
 *
 * Memory: none of its own. Threads: any.
 */
#ifndef LARDER_UPSTREAM_REQUEST_H
#define LARDER_UPSTREAM_REQUEST_H

#include "upstream/origin.h"

/* ERR_SYNTAX: something in it cannot be written as HTTP. ERR_UNSUPPORTED: CONNECT. */
enum err request_check(const struct exchange_request *request);

/* Bytes that request_write writes. `host` is sent in place of the fields' Host; with `data` NULL
 * theirs goes out, and `fallback` when they have none. */
size_t request_size(const struct exchange_request *request, struct bytes host,
                    struct bytes fallback);
void request_write(const struct exchange_request *request, struct bytes host, struct bytes fallback,
                   uint8_t *to);

#endif
