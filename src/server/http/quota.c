/* quota.c: rate limits. SPDX-License-Identifier: MIT */
#include "server/http/quota.h"

#include "net/network.h"
#include "server/http/key.h"
#include "server/http/limiter.h"
#include "server/http/refuse.h"
#include "server/http/visitor.h"

#include <stdio.h>

enum { FIELDS_MAX = 512 };

static const int64_t second_ns = 1000000000;

static struct bytes said_by(const struct route *route, const struct http_head *request)
{
    const struct http_field *field = NULL;

    if (route->rate_by == ROUTE_RATE_BY_COOKIE)
        return key_cookie(request, route->rate_name);
    if (route->rate_by == ROUTE_RATE_BY_HEADER)
        field = http_find_text(request, route->rate_name, NULL);
    return field == NULL ? BYTES("") : field->value;
}

/* Never 0. */
static uint64_t visitor_hash(struct client *client, const struct route *route,
                             const struct http_head *request)
{
    struct hash_secret secret = site_secret(client->gate->site);
    struct bytes who = said_by(route, request);
    uint8_t bytes[16];

    secret.words[1] ^= route->rate_salt;
    if (who.size == 0) {
        secret.words[0] ^= 1; /* nobody can be an address by saying it */
        who = bytes_of(
            bytes,
            network_visitor(visitor_address(client->gate, client_visitor(client), request), bytes));
    }
    uint64_t hash = hash_bytes(secret, who);

    return hash == 0 ? 1 : hash;
}

static int64_t whole_seconds(int64_t ns)
{
    return (ns + second_ns - 1) / second_ns;
}

/* draft-ietf-httpapi-ratelimit-headers: a burst may be used up once while it fills again. */
static void refuse_request(struct client *client, const struct route *route,
                           const struct http_head *request, const struct limiter_state *state)
{
    struct limiter_rate rate = route->rate;
    int64_t window_s = whole_seconds(rate.interval_ns * (int64_t)rate.burst);
    int64_t retry_s = whole_seconds(state->retry_ns);
    const char *name = route->settings->name;
    char fields[FIELDS_MAX];
    int size = snprintf(fields, sizeof fields,
                        "Retry-After: %lld\r\nRateLimit-Policy: \"%s\";q=%llu;w=%lld\r\n"
                        "RateLimit: \"%s\";r=0;t=%lld\r\n",
                        (long long)retry_s, name, (unsigned long long)rate.burst,
                        (long long)window_s, name, (long long)retry_s);

    if (size > 0 && (size_t)size < sizeof fields)
        client->gate->refusal_fields = bytes_of(fields, (size_t)size);
    refuse(client, request,
           &(const struct refusal){429, OUTCOME_REFUSED, REASON_RATE_LIMITED,
                                   "too many requests; Retry-After says in how many seconds the "
                                   "next one is welcome"});
    client->gate->refusal_fields = BYTES("");
}

bool quota_allows(struct client *client, const struct route *route, const struct http_head *request)
{
    struct gateway_metrics *metrics = &client->gate->metrics;
    struct limiter_state state;
    bool is_allowed = limiter_take(route->limiter, visitor_hash(client, route, request),
                                   route->rate, client->started_ns, &state);

    if (state.has_evicted)
        counter_add(&metrics->rate_limit_evictions, 1);
    if (is_allowed)
        return true;
    counter_add(&metrics->rate_limited, 1);
    refuse_request(client, route, request, &state);
    return false;
}
