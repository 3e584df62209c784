/* Requests: every prefix comes to the same as the whole. SPDX-License-Identifier: MIT */
#include "heads.h"
#include "proto/etag.h"
#include "proto/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct outcome parse(struct bytes input)
{
    struct http_head head;
    struct http_complaint complaint = {0, NULL};
    struct outcome outcome = {ERR_OK, 0, 0};

    outcome.err = http_parse_request(input, &heads_limits, &head, &outcome.size, &complaint);
    outcome.status = complaint.status;
    if (outcome.err == ERR_OK) {
        uint8_t text[URL_HOST_MAX], target[512];
        struct url_host host;
        struct url url;

        heads_check(input, &head, outcome.size);
        must(head.method.size > 0);
        must(head.framing != HTTP_UNTIL_CLOSE);
        must(url_host_normalise(head.host, 80, text, &host) == ERR_OK);
        (void)!url_normalise(head.path, NULL, target, sizeof target, &url);
        (void)precondition_judge(&head, &(struct validators){0}, 0);
    } else {
        must(outcome.err == ERR_AGAIN || (complaint.text != NULL && complaint.status >= 400));
    }
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 2048)
        return 0;
    struct bytes input = heads_exact(data, size);
    struct outcome whole = parse(input);

    heads_forget(input);
    for (size_t i = 0; i < size && i <= heads_limits.head_max; i++) {
        struct bytes prefix = heads_exact(data, i);

        heads_check_prefix(whole, parse(prefix), i);
        heads_forget(prefix);
    }
    return 0;
}
