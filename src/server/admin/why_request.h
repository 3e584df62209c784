/* why_request.h: what `POST /v1/why` asks about, read from its JSON.
 * SPDX-License-Identifier: MIT
 *
 *     {"url": "http://shop.example/api/products/7", "method": "GET",
 *      "headers": ["Accept-Language: de"]}
 *
 * Only the URL has to be there. It becomes the head of a request, so that it is read and judged by
 * what reads and judges requests.
 */
#ifndef LARDER_SERVER_ADMIN_WHY_REQUEST_H
#define LARDER_SERVER_ADMIN_WHY_REQUEST_H

#include "base/buf.h"
#include "base/fault.h"

/* Appends the head to `out`, and tells whether the URL is one of https. ERR_SYNTAX: the fault says
 * what is wrong. */
enum err admin_why_read(struct bytes json, struct buf *out, bool *ret_is_secure,
                        struct fault *fault);

#endif
