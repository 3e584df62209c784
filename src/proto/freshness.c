/* freshness.c: how long an answer is fresh, and whether it may be used (RFC 9111 §3 and §4).
 * SPDX-License-Identifier: MIT
 */
#include "base/must.h"
#include "base/number.h"
#include "proto/cachecontrol.h"
#include "proto/date.h"

/* The date of a field that is there exactly once. */
static bool read_date(const struct http_head *head, enum http_name name, int64_t now_s,
                      int64_t *ret_s)
{
    const struct http_field *field = http_find(head, name);

    return field != NULL && http_find_next(head, name, field) == NULL &&
           date_parse(field->value, now_s, ret_s) == ERR_OK;
}

/* RFC 9111 §5.1: the first member of what may be a list; what is no number is ignored. */
static int64_t read_age(const struct http_head *head)
{
    const struct http_field *field = http_find(head, HTTP_AGE);
    uint64_t seconds = 0;

    if (field == NULL)
        return 0;
    struct bytes first = bytes_trim(bytes_slice(field->value, 0, bytes_find(field->value, ',')));
    enum err err = number_u64(first, &seconds);

    if (err == ERR_RANGE || (err == ERR_OK && seconds > CACHE_SECONDS_MAX))
        return CACHE_SECONDS_MAX;
    return err == ERR_OK ? (int64_t)seconds : 0;
}

/* RFC 9213 §2.1: a field that is empty or broken is as if it were not there. */
static bool read_targeted(const struct http_head *head, struct cache_control *ret_control)
{
    bool empty = true;

    cache_control_init(ret_control);
    for (const struct http_field *field = http_find(head, HTTP_CDN_CACHE_CONTROL); field != NULL;
         field = http_find_next(head, HTTP_CDN_CACHE_CONTROL, field)) {
        if (cache_control_add_targeted(ret_control, field->value) != ERR_OK)
            return false;
        empty &= field->value.size == 0;
    }
    return !empty;
}

void cache_response_of(const struct http_head *response, int64_t now_s,
                       struct cache_response *ret_response)
{
    struct cache_response found = {.status = response->status};

    found.is_targeted =
        http_has(response, HTTP_CDN_CACHE_CONTROL) && read_targeted(response, &found.control);
    if (!found.is_targeted) {
        cache_control_init(&found.control);
        for (const struct http_field *field = http_find(response, HTTP_CACHE_CONTROL);
             field != NULL; field = http_find_next(response, HTTP_CACHE_CONTROL, field))
            cache_control_add(&found.control, field->value);
        found.has_expires = http_has(response, HTTP_EXPIRES);
        if (found.has_expires && !read_date(response, HTTP_EXPIRES, now_s, &found.expires_s))
            found.expires_s = 0;
    }
    found.has_date = read_date(response, HTTP_DATE, now_s, &found.date_s);
    found.has_last_modified =
        read_date(response, HTTP_LAST_MODIFIED, now_s, &found.last_modified_s);
    found.age_s = read_age(response);
    *ret_response = found;
}

static int64_t positive(int64_t seconds)
{
    return seconds > 0 ? seconds : 0;
}

static int64_t at_most(int64_t seconds, int64_t most)
{
    return seconds < most ? seconds : most;
}

/* RFC 9111 §4.2.1 and §4.2.2; `date_s`: when the origin made it. */
static void read_lifetime(const struct cache_response *response, int64_t date_s,
                          struct freshness *freshness)
{
    const struct cache_control *control = &response->control;

    if (control->s_maxage_s != CACHE_UNSET) {
        freshness->source = FRESHNESS_S_MAXAGE;
        freshness->lifetime_s = control->s_maxage_s;
    } else if (control->max_age_s != CACHE_UNSET) {
        freshness->source = FRESHNESS_MAX_AGE;
        freshness->lifetime_s = control->max_age_s;
    } else if (response->has_expires) {
        freshness->source = FRESHNESS_EXPIRES;
        freshness->lifetime_s = at_most(positive(response->expires_s - date_s), CACHE_SECONDS_MAX);
    } else if (response->has_last_modified &&
               (cache_status_is_heuristic(response->status) || control->is_public)) {
        freshness->source = FRESHNESS_HEURISTIC;
        freshness->lifetime_s =
            at_most(positive(date_s - response->last_modified_s) / 10, CACHE_HEURISTIC_MAX);
        return;
    }
    if (response->is_targeted && freshness->source != FRESHNESS_NONE)
        freshness->source = FRESHNESS_TARGETED;
}

struct freshness cache_freshness(const struct cache_response *response, int64_t request_s,
                                 int64_t response_s)
{
    struct freshness freshness = {.source = FRESHNESS_NONE};
    int64_t date_s = response->has_date ? response->date_s : response_s;
    int64_t apparent_s = positive(response_s - date_s);
    int64_t corrected_s = response->age_s + positive(response_s - request_s);

    read_lifetime(response, date_s, &freshness);
    freshness.age_s = apparent_s > corrected_s ? apparent_s : corrected_s;
    return freshness;
}

bool cache_status_is_heuristic(unsigned status)
{
    switch (status) {
    case 200:
    case 203:
    case 204:
    case 206:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501:
        return true;
    default:
        return false;
    }
}

bool cache_allows_authorized(const struct cache_control *response)
{
    return response->is_public || response->s_maxage_s != CACHE_UNSET || response->must_revalidate;
}

bool cache_forbids_stale(const struct cache_control *response)
{
    return response->must_revalidate || response->proxy_revalidate ||
           response->s_maxage_s != CACHE_UNSET || response->no_cache;
}

/* What the request says about fresh answers. max-age=0 is how browsers say "reload". */
static bool is_wanted_newer(const struct cache_control *request, int64_t age_s, int64_t left_s)
{
    return request->no_cache || request->max_age_s == 0 ||
           (request->max_age_s != CACHE_UNSET && age_s > request->max_age_s) ||
           (request->min_fresh_s != CACHE_UNSET && left_s < request->min_fresh_s);
}

enum cache_use cache_use_of(const struct cache_control *request,
                            const struct cache_control *response, int64_t age_s, int64_t lifetime_s)
{
    int64_t left_s = lifetime_s - age_s;

    if (response->no_cache || is_wanted_newer(request, age_s, left_s))
        return CACHE_USE_VALIDATE;
    if (left_s > 0)
        return CACHE_USE_FRESH;
    if (request->max_stale_s != CACHE_UNSET && -left_s <= request->max_stale_s &&
        !cache_forbids_stale(response))
        return CACHE_USE_STALE;
    return CACHE_USE_VALIDATE;
}
