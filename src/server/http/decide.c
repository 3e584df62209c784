/* decide.c: storing and reusing by RFC 9111. SPDX-License-Identifier: MIT */
#include "server/http/decide.h"

#include "base/number.h"
#include "proto/vary.h"

void decide_control(const struct route *route, const struct http_head *request,
                    struct cache_control *ret_control)
{
    cache_control_init(ret_control);
    if (route->settings->client_control)
        cache_control_of_request(request, ret_control);
}

bool decide_keys_body(const struct route *route, const struct http_head *request)
{
    return request->method_id == HTTP_METHOD_QUERY ||
           (request->method_id == HTTP_METHOD_POST && route->settings->cache_post);
}

enum gateway_reason decide_lookup(const struct route *route, const struct http_head *request,
                                  const struct cache_control *control)
{
    bool is_plain = request->method_id == HTTP_METHOD_GET || request->method_id == HTTP_METHOD_HEAD;

    if (!is_plain && !decide_keys_body(route, request))
        return REASON_METHOD;
    if (request->upgrade && route_upgrade(route, request).size > 0)
        return REASON_UPGRADE;
    if (route->settings->cache == ROUTE_CACHE_OFF)
        return REASON_ROUTE_OFF;
    if (is_plain && request->framing != HTTP_NO_BODY)
        return REASON_METHOD;
    if (http_has(request, HTTP_IF_MATCH) || http_has(request, HTTP_IF_UNMODIFIED_SINCE))
        return REASON_CONDITION;
    if (route->settings->authorization == ROUTE_AUTH_NEVER && http_has(request, HTTP_AUTHORIZATION))
        return REASON_AUTHORIZATION;
    if (control->no_store)
        return REASON_REQUEST_NO_STORE;
    return REASON_NONE;
}

/* ---- storing ----------------------------------------------------------------------------- */

/* Statuses whose rules for caching we know (RFC 9110 §15), for must-understand. */
static bool is_understood(unsigned status)
{
    return cache_status_is_heuristic(status) || status == 302 || status == 307 || status == 303 ||
           status == 400 || status == 401 || status == 403 || status == 500 || status == 502 ||
           status == 503 || status == 504;
}

static bool is_failure(unsigned status)
{
    return status == 500 || status == 502 || status == 503 || status == 504;
}

/* What forbids sharing the answer with anybody. */
static enum gateway_reason find_obstacle(const struct decide_facts *facts,
                                         const struct http_head *response,
                                         const struct cache_response *known)
{
    const struct route_settings *settings = facts->route->settings;
    const struct cache_control *control = &known->control;
    bool forced = settings->cache == ROUTE_CACHE_FORCE;
    struct vary vary;

    if (response->status == 206)
        return REASON_RANGE_PARTIAL;
    if (response->status < 200 || response->status == 304 || response->status == 416)
        return REASON_STATUS;
    if (!forced && control->must_understand && !is_understood(response->status))
        return REASON_STATUS;
    if (!forced && control->no_store && !control->must_understand)
        return REASON_NO_STORE;
    if (!forced && control->is_private)
        return REASON_PRIVATE;
    if (settings->set_cookie == ROUTE_COOKIE_BYPASS && http_has(response, HTTP_SET_COOKIE) &&
        !cache_lists_have(&control->private_lists, BYTES("Set-Cookie")) &&
        !cache_lists_have(&control->no_cache_lists, BYTES("Set-Cookie")))
        return REASON_SET_COOKIE;
    if (facts->authorized && !cache_allows_authorized(control))
        return REASON_AUTHORIZATION;
    if (http_has(response, HTTP_VARY) && (vary_of(response, &vary) != ERR_OK || vary.any))
        return REASON_VARY_STAR;
    return REASON_NONE;
}

static void take_route_ttl(struct verdict *verdict, int64_t ttl_ms)
{
    verdict->by_route = true;
    verdict->age_ms = 0;
    verdict->lifetime_ms = ttl_ms;
}

static void find_lifetime(const struct decide_facts *facts, const struct http_head *response,
                          const struct cache_response *known, struct verdict *verdict)
{
    const struct route_settings *settings = facts->route->settings;
    struct freshness freshness = cache_freshness(known, facts->request_s, facts->response_s);
    int64_t ttl_ms = route_ttl_ms(facts->route, response->status);
    bool is_guess = freshness.source == FRESHNESS_NONE || freshness.source == FRESHNESS_HEURISTIC;

    verdict->source = freshness.source;
    verdict->age_ms = multiply_saturated(freshness.age_s, 1000);
    verdict->lifetime_ms = multiply_saturated(freshness.lifetime_s, 1000);
    bool is_forced = settings->cache == ROUTE_CACHE_FORCE;

    if (ttl_ms > 0 && (is_forced || (is_guess && !known->control.no_cache)))
        take_route_ttl(verdict, ttl_ms);
    else if (known->control.no_cache || (is_forced && is_guess))
        verdict->lifetime_ms = 0;
}

static int64_t or_route(int64_t said_s, int64_t route_ms)
{
    return said_s == CACHE_UNSET ? route_ms : multiply_saturated(said_s, 1000);
}

static void find_stale_times(const struct decide_facts *facts, const struct cache_response *known,
                             struct verdict *verdict)
{
    const struct route_settings *settings = facts->route->settings;
    const struct cache_control *control = &known->control;

    if (settings->cache != ROUTE_CACHE_FORCE && cache_forbids_stale(control)) {
        verdict->flags |= STORED_STRICT;
        return;
    }
    verdict->swr_ms = or_route(control->stale_while_revalidate_s, settings->swr_ms);
    verdict->sie_ms = or_route(control->stale_if_error_s, settings->sie_ms);
    verdict->grace_ms = settings->grace_ms;
}

bool decide_unshared(const struct cache_control *control, struct cache_lists *ret_lists)
{
    const struct cache_lists *more = &control->no_cache_lists;

    *ret_lists = control->private_lists;
    for (size_t i = 0; i < more->count; i++) {
        if (ret_lists->count == CACHE_LISTS_MAX)
            return false;
        ret_lists->items[ret_lists->count++] = more->items[i];
    }
    return true;
}

/* What is too old from the beginning, or must be asked about each time: worth keeping if the origin
 * can be asked whether it still holds, or if it may be served stale. */
static void judge_stale(const struct http_head *response, const struct cache_response *known,
                        struct verdict *verdict)
{
    const struct cache_control *control = &known->control;
    bool is_said = verdict->source != FRESHNESS_NONE && verdict->source != FRESHNESS_HEURISTIC;
    bool is_asked = control->no_cache &&
                    (is_said || control->is_public || cache_status_is_heuristic(response->status));
    int64_t stale_ms = verdict->swr_ms > verdict->sie_ms ? verdict->swr_ms : verdict->sie_ms;
    bool is_useful = http_has(response, HTTP_ETAG) || http_has(response, HTTP_LAST_MODIFIED) ||
                     verdict->lifetime_ms + stale_ms > verdict->age_ms;

    /* Those who asked before it was made have it too; nobody later. */
    verdict->share = (is_said && !control->no_cache) || verdict->is_error;
    verdict->store = (is_said || is_asked) && is_useful && !verdict->is_error;
    if (control->no_cache)
        verdict->flags |= STORED_ASK;
    if (!verdict->store)
        verdict->reason = verdict->is_error && !is_said ? REASON_STATUS : REASON_NO_FRESHNESS;
}

void decide_store(const struct decide_facts *facts, const struct http_head *response,
                  struct verdict *ret_verdict)
{
    const struct route_settings *settings = facts->route->settings;
    struct verdict verdict = {.reason = REASON_NONE};
    struct cache_response known;

    cache_response_of(response, facts->response_s, &known);
    known.age_s += facts->update_age_s;
    known.control.no_cache |= !decide_unshared(&known.control, &verdict.unshared);
    verdict.is_error = is_failure(response->status);
    verdict.strip_cookie = settings->set_cookie == ROUTE_COOKIE_STRIP;
    verdict.reason = find_obstacle(facts, response, &known);
    find_lifetime(facts, response, &known, &verdict);
    if (verdict.reason != REASON_NONE) {
        *ret_verdict = verdict;
        return;
    }
    if (cache_allows_authorized(&known.control))
        verdict.flags |= STORED_PUBLIC;
    find_stale_times(facts, &known, &verdict);
    if (response->has_content_length && response->content_length > settings->body_max)
        verdict.reason = REASON_TOO_LARGE;
    else if (verdict.lifetime_ms <= verdict.age_ms)
        judge_stale(response, &known, &verdict);
    else
        verdict.store = verdict.share = true;
    *ret_verdict = verdict;
}

/* ---- reuse ------------------------------------------------------------------------------- */

enum reuse decide_reuse(enum cache_state state, const struct stored *stored,
                        const struct cache_control *control, const struct cache_control *response,
                        int64_t now_ms)
{
    int64_t age_s = stored_age_s(stored, now_ms);
    int64_t lifetime_s = stored->lifetime_ms / 1000;
    enum cache_use use = cache_use_of(control, response, age_s, lifetime_s);

    if (use == CACHE_USE_FRESH || state == CACHE_FRESH)
        return use == CACHE_USE_VALIDATE ? REUSE_REFRESH : decide_reuse_plain(state);
    if (stored->flags & STORED_STRICT)
        return REUSE_REFRESH;
    if (use == CACHE_USE_STALE)
        return REUSE_SERVE;
    bool is_demanding = control->no_cache || control->min_fresh_s != CACHE_UNSET ||
                        (control->max_age_s != CACHE_UNSET && age_s > control->max_age_s);

    return state == CACHE_STALE && !is_demanding ? REUSE_SERVE : REUSE_REFRESH;
}

bool decide_stand_in(const struct stored *stored, enum failure failure,
                     const struct cache_control *control, int64_t now_ms)
{
    int64_t stale_ms = stored_stale_ms(stored, now_ms);
    int64_t allowed_ms = stored->swr_ms > stored->sie_ms ? stored->swr_ms : stored->sie_ms;

    if (control->stale_if_error_s != CACHE_UNSET &&
        multiply_saturated(control->stale_if_error_s, 1000) > allowed_ms)
        allowed_ms = multiply_saturated(control->stale_if_error_s, 1000);
    if (failure == FAILURE_UNREACHABLE && stored->grace_ms > allowed_ms)
        allowed_ms = stored->grace_ms;
    if (stale_ms <= 0)
        return !control->no_cache;
    return !(stored->flags & STORED_STRICT) && !control->no_cache && stale_ms <= allowed_ms;
}
