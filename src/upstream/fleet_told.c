/* fleet_told.c: what /v1/origins tells of a fleet. SPDX-License-Identifier: MIT */
#include "upstream/fleet_parts.h"

static const char *breaker_text(enum breaker_state state)
{
    static const char *const texts[] = {
        [BREAKER_CLOSED] = "closed",
        [BREAKER_OPEN] = "open",
        [BREAKER_HALF_OPEN] = "half-open",
    };

    return texts[state];
}

/* Seconds since 1970. */
static void add_since(struct buf *out, int64_t wall_ms)
{
    buf_printf(out, "\"since\": %lld.%03lld", (long long)(wall_ms / 1000),
               (long long)(wall_ms % 1000));
}

static void add_why(struct buf *out, const char *why)
{
    buf_add_text(out, ", \"why\": \"");
    buf_add_json(out, bytes_of_text(why));
    buf_add_text(out, "\"");
}

static void write_breaker(const struct fleet *fleet, int64_t now_ms, struct buf *out)
{
    struct breaker_counts counts = breaker_counts(&fleet->breaker, &fleet->breaker_rules, now_ms);
    enum breaker_state state = fleet_breaker(fleet);

    buf_printf(out, "\"breaker\": {\"state\": \"%s\", ", breaker_text(state));
    add_since(out, atomic_load(&fleet->breaker_wall_ms));
    if (state != BREAKER_CLOSED)
        add_why(out, err_text((enum err)atomic_load(&fleet->breaker_why)));
    buf_printf(out, ", \"requests\": %llu, \"failures\": %llu}",
               (unsigned long long)counts.requests, (unsigned long long)counts.failures);
}

static void write_member(const struct fleet *fleet, const struct member *member, int64_t now_ms,
                         struct buf *out)
{
    const struct member_metrics *metrics = &member->metrics;
    enum member_state state = member_state(member, now_ms);
    struct member_why why = member_why(member);

    buf_add_text(out, "{\"address\": \"");
    buf_add_json(out, bytes_of_text(member->text));
    buf_add_text(out, "\", \"configured\": \"");
    buf_add_json(out, bytes_of_text(fleet->settings->servers.items[member->line]));
    buf_printf(out, "\", \"state\": \"%s\", ", member_state_text(state));
    add_since(out, atomic_load(&member->since_wall_ms));
    if (state != MEMBER_UP)
        add_why(out, why.text);
    if (fleet_is_spare(fleet, member))
        buf_add_text(out, ", \"spare\": true");
    buf_printf(out, ", \"weight\": %.2f, \"ewma_ms\": %.1f",
               (double)member_weight(member, fleet->settings->slow_start_ms, now_ms) /
                   BALANCE_WEIGHT,
               ewma_read(&member->ewma, now_ms));
#define METRIC(name, kind, text)                                                                   \
    buf_printf(out, ", \"" #name "\": %llu", (unsigned long long)counter_read(&metrics->name));
#include "upstream/member_metrics.def"
#undef METRIC
    buf_add_text(out, "}");
}

void fleet_write_json(struct fleet *fleet, int64_t now_ms, struct buf *out)
{
    struct roster *roster = fleet_roster(fleet);

    write_breaker(fleet, now_ms, out);
    buf_printf(out, ", \"retry_budget\": %.1f, \"servers\": [", budget_read(&fleet->budget));
    for (size_t i = 0; i < roster->count; i++) {
        if (i > 0)
            buf_add_text(out, ", ");
        write_member(fleet, roster->members[i], now_ms, out);
    }
    buf_add_text(out, "]");
    roster_drop(roster);
}
