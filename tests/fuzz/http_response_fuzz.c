/* Responses: every prefix comes to the same as the whole. SPDX-License-Identifier: MIT */
#include "heads.h"
#include "proto/cachecontrol.h"
#include "proto/etag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct outcome parse(struct bytes input, bool to_head)
{
    struct http_head head;
    struct http_complaint complaint = {0, NULL};
    struct outcome outcome = {ERR_OK, 0, 0};

    outcome.err =
        http_parse_response(input, &heads_limits, to_head, &head, &outcome.size, &complaint);
    outcome.status = complaint.status;
    if (outcome.err == ERR_OK) {
        struct cache_response response;

        heads_check(input, &head, outcome.size);
        must(head.status >= 100 && head.status <= 599);
        must(!to_head || head.framing == HTTP_NO_BODY);
        must(head.framing != HTTP_UNTIL_CLOSE || !head.keep_alive);
        cache_response_of(&head, 784111777, &response);
        struct freshness freshness = cache_freshness(&response, 784111777, 784111778);

        must(freshness.lifetime_s >= 0 && freshness.lifetime_s <= CACHE_SECONDS_MAX);
        must(freshness.age_s >= 0);
        (void)validators_of(&head, 784111777);
    } else {
        must(outcome.err == ERR_AGAIN || (complaint.text != NULL && complaint.status >= 400));
    }
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 2048)
        return 0;
    bool to_head = size % 2 == 0;
    struct bytes input = heads_exact(data, size);
    struct outcome whole = parse(input, to_head);

    heads_forget(input);
    for (size_t i = 0; i < size && i <= heads_limits.head_max; i++) {
        struct bytes prefix = heads_exact(data, i);

        heads_check_prefix(whole, parse(prefix, to_head), i);
        heads_forget(prefix);
    }
    return 0;
}
