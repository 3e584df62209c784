/* rates.c: differences of counts. SPDX-License-Identifier: MIT */
#include "cli/rates.h"

#include "base/mem.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

/* ---- one route ------------------------------------------------------------------------------- */

/* What was counted in between. */
struct count {
    double requests, hits, errors, sent_bytes;
    double fetches, fetch_us;         /* in between, */
    double all_fetches, all_fetch_us; /* and since the beginning */
};

static double member(const json_t *route, const char *name)
{
    return json_number_value(json_object_get(route, name));
}

static double difference(const json_t *before, const json_t *now, const char *name)
{
    double more = member(now, name) - member(before, name);

    return more > 0 ? more : 0;
}

static struct count count_of(const json_t *before, const json_t *now)
{
    return (struct count){
        .requests = difference(before, now, "requests"),
        .hits = difference(before, now, "hit") + difference(before, now, "stale") +
                difference(before, now, "collapsed"),
        .errors = difference(before, now, "errors"),
        .sent_bytes = difference(before, now, "sent_bytes"),
        .fetches = difference(before, now, "fetches"),
        .fetch_us = difference(before, now, "fetch_us"),
        .all_fetches = member(now, "fetches"),
        .all_fetch_us = member(now, "fetch_us"),
    };
}

/* What a fetch takes these days; when there was none lately, what it took so far. */
static double fetch_us_of(const struct count *count)
{
    if (count->fetches > 0)
        return count->fetch_us / count->fetches;
    return count->all_fetches > 0 ? count->all_fetch_us / count->all_fetches : 0;
}

/* ---- percentiles ----------------------------------------------------------------------------- */

/* Pairs of a bucket's least value and its count, in order. */
static uint64_t took_count(const json_t *pairs, uint64_t from)
{
    size_t low = 0, high = json_array_size(pairs);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const json_t *pair = json_array_get(pairs, middle);
        uint64_t at = (uint64_t)json_integer_value(json_array_get(pair, 0));

        if (at == from)
            return (uint64_t)json_integer_value(json_array_get(pair, 1));
        if (at < from)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

static uint64_t took_sum(const json_t *before, const json_t *now, uint64_t limit,
                         uint64_t *ret_from)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < json_array_size(now); i++) {
        const json_t *pair = json_array_get(now, i);
        uint64_t from = (uint64_t)json_integer_value(json_array_get(pair, 0));
        uint64_t count = (uint64_t)json_integer_value(json_array_get(pair, 1));
        uint64_t old = took_count(before, from);

        sum += count > old ? count - old : 0;
        *ret_from = from;
        if (sum >= limit)
            break;
    }
    return sum;
}

static uint64_t took_at(const json_t *before, const json_t *now, double share)
{
    uint64_t from = 0;
    uint64_t sum = took_sum(before, now, UINT64_MAX, &from);
    double wanted = share * (double)sum;
    uint64_t limit = (uint64_t)wanted;

    if (sum == 0)
        return 0;
    if ((double)limit < wanted)
        limit++;
    (void)took_sum(before, now, limit, &from);
    return from;
}

/* ---- all routes ------------------------------------------------------------------------------ */

static const json_t *find(const json_t *routes, const char *name)
{
    for (size_t i = 0; i < json_array_size(routes); i++) {
        const json_t *route = json_array_get(routes, i);
        const char *its = json_string_value(json_object_get(route, "name"));

        if (its != NULL && strcmp(its, name) == 0)
            return route;
    }
    return NULL;
}

static struct rate rate_of(const struct count *count, double saved_us, double seconds)
{
    return (struct rate){
        .requests = count->requests / seconds,
        .hit_ratio = count->requests > 0 ? count->hits / count->requests : -1,
        .sent_bytes = count->sent_bytes / seconds,
        .errors = count->errors / seconds,
        .saved_s = saved_us / 1e6 / seconds,
    };
}

/* Adds `more` to the pairs of all. */
static void merge_took(json_t *all, const json_t *route)
{
    const json_t *pairs = json_object_get(route, "took_us");

    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        json_int_t from = json_integer_value(json_array_get(pair, 0));
        json_int_t count = json_integer_value(json_array_get(pair, 1));
        size_t at = 0;

        while (at < json_array_size(all) &&
               json_integer_value(json_array_get(json_array_get(all, at), 0)) < from)
            at++;
        json_t *here = json_array_get(all, at);

        if (here == NULL || json_integer_value(json_array_get(here, 0)) != from)
            (void)json_array_insert_new(all, at, json_pack("[I, I]", from, count));
        else
            (void)json_array_set_new(
                here, 1, json_integer(json_integer_value(json_array_get(here, 1)) + count));
    }
}

static json_t *took_of_all(const json_t *routes)
{
    json_t *all = json_array();

    for (size_t i = 0; i < json_array_size(routes); i++)
        merge_took(all, json_array_get(routes, i));
    return all;
}

static void add(struct count *sum, const struct count *part)
{
    sum->requests += part->requests;
    sum->hits += part->hits;
    sum->errors += part->errors;
    sum->sent_bytes += part->sent_bytes;
}

bool rates_read(const json_t *before, const json_t *now, double seconds, struct rates *ret_rates)
{
    const json_t *routes = json_object_get(now, "routes");
    const json_t *old_routes = json_object_get(before, "routes");
    size_t count = json_array_size(routes);
    struct rates rates = {.count = count < RATES_MAX ? count : RATES_MAX};
    struct count sum = {.requests = 0};
    double saved_us = 0;

    if (!json_is_array(routes))
        return false;
    if (seconds <= 0)
        seconds = 1;
    rates.rows = mem_new(rates.count + 1, sizeof *rates.rows);
    for (size_t i = 0; i < rates.count; i++) {
        const json_t *route = json_array_get(routes, i);
        const char *name = json_string_value(json_object_get(route, "name"));
        const json_t *old = find(old_routes, name == NULL ? "" : name);
        struct count part = count_of(old, route);
        double saved = part.hits * fetch_us_of(&part);

        rates.rows[i] = rate_of(&part, saved, seconds);
        rates.rows[i].name = name == NULL ? "" : name;
        const json_t *took = json_object_get(route, "took_us");
        const json_t *old_took = json_object_get(old, "took_us");

        rates.rows[i].p50_us = took_at(old_took, took, 0.5);
        rates.rows[i].p99_us = took_at(old_took, took, 0.99);
        add(&sum, &part);
        saved_us += saved;
    }
    rates.all = rate_of(&sum, saved_us, seconds);
    rates.all.name = "all";
    json_t *took = took_of_all(routes), *old_took = took_of_all(old_routes);

    rates.all.p50_us = took_at(old_took, took, 0.5);
    rates.all.p99_us = took_at(old_took, took, 0.99);
    json_decref(took);
    json_decref(old_took);
    *ret_rates = rates;
    return true;
}

void rates_free(struct rates *rates)
{
    mem_free(&rates->rows);
    rates->count = 0;
}

/* ---- order ----------------------------------------------------------------------------------- */

const char *rate_order_name(enum rate_order order)
{
    static const char *const names[] = {
        [RATES_BY_REQUESTS] = "requests", [RATES_BY_HITS] = "hits",   [RATES_BY_P99] = "p99",
        [RATES_BY_SAVED] = "saved",       [RATES_BY_BYTES] = "bytes", [RATES_BY_ERRORS] = "errors",
        [RATES_BY_NAME] = "name",
    };

    must(order < RATE_ORDERS);
    return names[order];
}

/* What is worth being seen first is larger. */
static double worth(const struct rate *rate, enum rate_order order)
{
    switch (order) {
    case RATES_BY_REQUESTS:
        return rate->requests;
    case RATES_BY_HITS:
        return rate->hit_ratio < 0 ? -2 : -rate->hit_ratio;
    case RATES_BY_P99:
        return (double)rate->p99_us;
    case RATES_BY_SAVED:
        return rate->saved_s;
    case RATES_BY_BYTES:
        return rate->sent_bytes;
    case RATES_BY_ERRORS:
        return rate->errors;
    case RATES_BY_NAME:
    case RATE_ORDERS:
        break;
    }
    return 0;
}

static int compare(const void *a, const void *b, void *context)
{
    const struct rate *one = a, *other = b;
    enum rate_order order = *(const enum rate_order *)context;
    double difference = worth(other, order) - worth(one, order);

    if (difference != 0)
        return difference > 0 ? 1 : -1;
    return strcmp(one->name, other->name);
}

void rates_sort(struct rates *rates, enum rate_order order)
{
    if (rates->count > 1)
        qsort_r(rates->rows, rates->count, sizeof rates->rows[0], compare, &order);
}
