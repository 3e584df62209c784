/* gate.c: heads of requests that were kept. SPDX-License-Identifier: MIT */
#include "server/http/gate.h"

#include "base/must.h"

struct http_head *gate_read_kept(struct gate *gate, struct bytes raw)
{
    const struct http_limits limits = {SIZE_MAX, SIZE_MAX, HTTP_FIELDS_MAX};
    struct http_complaint complaint;
    size_t size = 0;

    must(http_parse_request(raw, &limits, &gate->request, &size, &complaint) == ERR_OK);
    return &gate->request;
}
