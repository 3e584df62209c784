/* routes.c: the rows of routes in two shapes. SPDX-License-Identifier: MIT */
#include "cli/routes.h"

#include "cli/metric.h"
#include "server/admin/exposition.h"
#include "server/http/client.h"

/* ---- Prometheus ------------------------------------------------------------------------------ */

/* One family; each needs a walk of its own, for its samples stand together. */
struct family {
    struct buf *out;
    enum series_id id;
};

static void expose_outcomes(const struct family *family, const char *route,
                            const struct tally *tally)
{
    for (unsigned i = 0; i < OUTCOME_MALFORMED; i++) { /* what is malformed has no route */
        const struct exposition_label labels[] = {
            {"route", bytes_of_text(route)},
            {"outcome", bytes_of_text(outcome_text((enum outcome)i))},
            {NULL, {NULL, 0}}};

        exposition_count(family->out, series_rows[family->id].name, "", labels,
                         counter_read(&tally->outcomes[i]));
    }
}

/* Those that did not happen are left out: they are many. */
static void expose_reasons(const struct family *family, const char *route,
                           const struct tally *tally)
{
    for (unsigned i = 0; i < REASONS_COUNT; i++) {
        const struct exposition_label labels[] = {
            {"route", bytes_of_text(route)},
            {"reason", bytes_of_text(gateway_reason_text((enum gateway_reason)i))},
            {NULL, {NULL, 0}}};
        uint64_t count = counter_read(&tally->reasons[i]);

        if (labels[1].value.size > 0 && count > 0)
            exposition_count(family->out, series_rows[family->id].name, "", labels, count);
    }
}

static void expose_took(const struct family *family, const char *route, const struct tally *tally)
{
    enum { LOWEST = 6, HIGHEST = 24 /* octaves: 64 us to 17 s */ };
    const char *name = series_rows[family->id].name;
    struct exposition_label labels[] = {
        {"route", bytes_of_text(route)}, {"le", {NULL, 0}}, {NULL, {NULL, 0}}};
    uint64_t count = tally_below(tally, 1ULL << TALLY_OCTAVES);
    char bound[32];

    for (unsigned octave = LOWEST; octave <= HIGHEST; octave += 2) {
        (void)snprintf(bound, sizeof bound, "%g", (double)(1ULL << octave) / 1e6);
        labels[1].value = bytes_of_text(bound);
        exposition_count(family->out, name, "_bucket", labels, tally_below(tally, 1ULL << octave));
    }
    count += counter_read(&tally->took[TALLY_BUCKETS - 1]);
    labels[1].value = BYTES("+Inf");
    exposition_count(family->out, name, "_bucket", labels, count);
    labels[1].name = NULL;
    exposition_number(family->out, name, "_sum", labels,
                      (double)counter_read(&tally->took_us) / 1e6);
    exposition_count(family->out, name, "_count", labels, count);
}

static void expose_route(void *context, const char *route, const struct tally *tally)
{
    const struct family *family = context;
    const char *name = series_rows[family->id].name;
    const struct exposition_label labels[] = {{"route", bytes_of_text(route)}, {NULL, {NULL, 0}}};

    switch ((unsigned)family->id) {
    case SERIES_route_requests:
        expose_outcomes(family, route, tally);
        break;
    case SERIES_route_answers:
        expose_reasons(family, route, tally);
        break;
    case SERIES_route_seconds:
        expose_took(family, route, tally);
        break;
    case SERIES_route_errors:
        exposition_count(family->out, name, "", labels, counter_read(&tally->errors));
        break;
    case SERIES_route_sent:
        exposition_count(family->out, name, "", labels, counter_read(&tally->sent_bytes));
        break;
    case SERIES_route_fetch_seconds:
        exposition_number(family->out, name, "", labels,
                          (double)counter_read(&tally->fetch_us) / 1e6);
        break;
    default:
        break;
    }
}

void routes_expose(struct tallies *tallies, struct buf *out)
{
    static const enum series_id families[] = {SERIES_route_requests, SERIES_route_answers,
                                              SERIES_route_seconds,  SERIES_route_errors,
                                              SERIES_route_sent,     SERIES_route_fetch_seconds};

    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        const struct series *series = &series_rows[families[i]];
        struct family family = {out, families[i]};

        exposition_begin(out, series->name, series->kind, series->text);
        tallies_read(tallies, expose_route, &family);
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

struct list {
    struct buf *out;
    const char *before;
};

static void write_count(struct buf *out, const char *name, const struct counter *counter)
{
    buf_printf(out, ", \"%s\": %llu", name, (unsigned long long)counter_read(counter));
}

static void write_outcomes(struct buf *out, const struct tally *tally)
{
    uint64_t requests = 0;

    for (unsigned i = 0; i < OUTCOME_MALFORMED; i++) {
        write_count(out, outcome_text((enum outcome)i), &tally->outcomes[i]);
        requests += counter_read(&tally->outcomes[i]);
    }
    buf_printf(out, ", \"requests\": %llu", (unsigned long long)requests);
}

static void write_reasons(struct buf *out, const struct tally *tally)
{
    const char *before = "";

    buf_add_text(out, ", \"reasons\": {");
    for (unsigned i = 0; i < REASONS_COUNT; i++) {
        const char *text = gateway_reason_text((enum gateway_reason)i);
        uint64_t count = counter_read(&tally->reasons[i]);

        if (text[0] == '\0' || count == 0)
            continue;
        buf_printf(out, "%s\"%s\": %llu", before, text, (unsigned long long)count);
        before = ", ";
    }
    buf_add_text(out, "}");
}

static void write_took(struct buf *out, const struct tally *tally)
{
    const char *before = "";

    buf_add_text(out, ", \"took_us\": [");
    for (size_t i = 0; i < TALLY_BUCKETS; i++) {
        uint64_t count = counter_read(&tally->took[i]);

        if (count == 0)
            continue;
        buf_printf(out, "%s[%llu, %llu]", before, (unsigned long long)tally_bucket_us(i),
                   (unsigned long long)count);
        before = ", ";
    }
    buf_add_text(out, "]");
}

static void write_route(void *context, const char *route, const struct tally *tally)
{
    struct list *list = context;
    struct buf *out = list->out;

    buf_printf(out, "%s\n  {\"name\": \"", list->before);
    buf_add_json(out, bytes_of_text(route));
    buf_add_text(out, "\"");
    write_outcomes(out, tally);
    write_count(out, "errors", &tally->errors);
    write_count(out, "sent_bytes", &tally->sent_bytes);
    write_count(out, "fetches", &tally->fetches);
    write_count(out, "fetch_us", &tally->fetch_us);
    write_reasons(out, tally);
    write_took(out, tally);
    buf_add_text(out, "}");
    list->before = ",";
}

void routes_json(struct tallies *tallies, int64_t up_ms, struct buf *out)
{
    struct list list = {out, ""};

    buf_printf(out, "{\"up_ms\": %lld, \"routes\": [", (long long)up_ms);
    tallies_read(tallies, write_route, &list);
    buf_add_text(out, "]}");
}
