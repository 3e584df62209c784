/* fleet_note.c: what requests and checks say of servers. SPDX-License-Identifier: MIT */
#include "base/number.h"
#include "net/clock.h"
#include "upstream/fleet_parts.h"

/* ---- telling ------------------------------------------------------------------------------ */

static void say_change(const struct fleet *fleet, const struct member *member,
                       enum member_state before, enum member_state now)
{
    struct member_why why = member_why(member);

    switch (now) {
    case MEMBER_UP:
        log_say(fleet->log, LOG_INFO, "upstream",
                "origin %s: the server %s is up again (it was %s)", fleet->name, member->text,
                member_state_text(before));
        return;
    case MEMBER_UNREACHABLE:
        log_say(fleet->log, LOG_WARNING, "upstream",
                "origin %s: the server %s cannot be connected to and is passed over: %s",
                fleet->name, member->text, why.text);
        return;
    case MEMBER_EJECTED:
        log_say(fleet->log, LOG_WARNING, "upstream",
                "origin %s: the server %s failed %llu times in a row and is left out for a while; "
                "the last time: %s",
                fleet->name, member->text, (unsigned long long)fleet->settings->eject_failures,
                why.text);
        return;
    case MEMBER_DOWN:
        log_say(fleet->log, LOG_WARNING, "upstream",
                "origin %s: the server %s is down: %u health checks in a row failed; the last one: "
                "%s",
                fleet->name, member->text, (unsigned)fleet->settings->health_down, why.text);
        return;
    }
}

void fleet_tell_state(const struct fleet *fleet, struct member *member, int64_t now_ms)
{
    enum member_state state = member_state(member, now_ms);
    enum member_state before =
        (enum member_state)atomic_load_explicit(&member->told, memory_order_relaxed);

    if (state == before)
        return;
    before = (enum member_state)atomic_exchange(&member->told, (unsigned)state);
    if (state == before)
        return;
    atomic_store(&member->since_wall_ms, clock_wall_ms());
    if (state == MEMBER_UP)
        atomic_store(&member->back_ms, now_ms);
    if (fleet->log != NULL)
        say_change(fleet, member, before, state);
}

static void set_why(struct member *member, enum err err, unsigned status)
{
    atomic_store_explicit(&member->why, (unsigned)err, memory_order_relaxed);
    atomic_store_explicit(&member->why_status, status, memory_order_relaxed);
}

/* ---- the breaker -------------------------------------------------------------------------- */

enum breaker_leave fleet_ask(struct fleet *fleet, int64_t now_ms)
{
    budget_pay(&fleet->budget, (int64_t)(fleet->settings->retry_share * 1000));
    return breaker_ask(&fleet->breaker, &fleet->breaker_rules, now_ms);
}

static void say_breaker(struct fleet *fleet, enum err err, unsigned status)
{
    char patience[NUMBER_TEXT_SIZE];

    atomic_store(&fleet->breaker_wall_ms, clock_wall_ms());
    atomic_store(&fleet->breaker_why, (unsigned)err);
    if (fleet->log == NULL)
        return;
    number_duration_text(fleet->settings->breaker_open_ms, patience);
    if (fleet_breaker(fleet) == BREAKER_CLOSED)
        log_say(fleet->log, LOG_INFO, "upstream",
                "origin %s: the breaker is closed again: a request went well", fleet->name);
    else if (status != 0)
        log_say(fleet->log, LOG_WARNING, "upstream",
                "origin %s: the breaker opens: too many requests failed; the last was answered %u; "
                "nothing is asked for %s",
                fleet->name, status, patience);
    else
        log_say(fleet->log, LOG_WARNING, "upstream",
                "origin %s: the breaker opens: too many requests failed; the last one: %s; nothing "
                "is asked for %s",
                fleet->name, err_text(err), patience);
}

static bool is_overload(unsigned status)
{
    return status == 502 || status == 503 || status == 504;
}

void fleet_note_request(struct fleet *fleet, enum err err, unsigned status, bool is_probe,
                        int64_t now_ms)
{
    const struct breaker_outcome outcome = {
        .is_ok = err == ERR_OK && !is_overload(status),
        .is_answered = err == ERR_OK,
        .is_probe = is_probe,
    };

    if (breaker_note(&fleet->breaker, &fleet->breaker_rules, outcome, now_ms))
        say_breaker(fleet, err, err == ERR_OK ? status : 0);
}

/* ---- one server --------------------------------------------------------------------------- */

static size_t count_out(const struct roster *roster, int64_t now_ms)
{
    size_t out = 0;

    for (size_t i = 0; i < roster->count; i++)
        out += ejection_is_out(&roster->members[i]->ejection, now_ms);
    return out;
}

/* A rare event: the lock that holds the roster is in nobody's way. */
static void eject(struct fleet *fleet, struct member *member, int64_t now_ms)
{
    struct roster *roster = fleet_roster(fleet);

    if (ejection_is_allowed(count_out(roster, now_ms), roster->count,
                            fleet->settings->eject_share) &&
        ejection_begin(&member->ejection, fleet->settings->eject_ms, now_ms))
        counter_add_shared(&member->metrics.ejections, 1);
    roster_drop(roster);
}

/* Whether there is one that is well. */
static bool is_any_up(struct fleet *fleet, int64_t now_ms)
{
    struct roster *roster = fleet_roster(fleet);
    bool is_up = false;

    for (size_t i = 0; i < roster->count && !is_up; i++)
        is_up = member_state(roster->members[i], now_ms) == MEMBER_UP;
    roster_drop(roster);
    return is_up;
}

void fleet_note_attempt(struct fleet *fleet, struct member *member, enum err err, unsigned status,
                        int64_t now_ms)
{
    if (err == ERR_OK && status < 500) {
        ejection_note_ok(&member->ejection, fleet->settings->eject_ms, now_ms);
        return;
    }
    counter_add_shared(&member->metrics.failures, 1);
    set_why(member, err, err == ERR_OK ? status : 0);
    if (secure_is_unconnected(err)) {
        counter_add_shared(&member->metrics.connect_failures, 1);
        atomic_store(&member->rest_until_ms, now_ms + MEMBER_REST_MS);
        atomic_store(&member->is_unreachable, true);
        fleet_try_other_family(fleet, member, now_ms);
        if (!is_any_up(fleet, now_ms))
            atomic_store(&fleet->is_up, false);
    }
    if (ejection_note_failure(&member->ejection, fleet->settings->eject_failures))
        eject(fleet, member, now_ms);
    fleet_tell_state(fleet, member, now_ms);
}

void fleet_note_connected(struct fleet *fleet, struct member *member, int64_t now_ms)
{
    if (!atomic_load_explicit(&fleet->is_up, memory_order_relaxed))
        atomic_store(&fleet->is_up, true);
    if (!atomic_load_explicit(&member->is_unreachable, memory_order_relaxed))
        return;
    atomic_store(&member->is_unreachable, false);
    atomic_store(&member->rest_until_ms, 0);
    fleet_tell_state(fleet, member, now_ms);
}

void fleet_note_check(struct fleet *fleet, struct member *member, enum err err, unsigned status,
                      int64_t now_ms)
{
    const struct origin_settings *settings = fleet->settings;

    counter_add_shared(&member->metrics.checks, 1);
    if (err == ERR_OK) {
        member->missed = 0;
        member->passed++;
        fleet_note_connected(fleet, member, now_ms);
        if (member->passed >= settings->health_up)
            atomic_store(&member->is_down, false);
    } else {
        counter_add_shared(&member->metrics.checks_failed, 1);
        member->passed = 0;
        member->missed++;
        set_why(member, err, status);
        if (member->missed >= settings->health_down) {
            atomic_store(&member->is_down, true);
            fleet_try_other_family(fleet, member, now_ms);
        }
    }
    atomic_store(&fleet->is_up, is_any_up(fleet, now_ms));
    fleet_tell_state(fleet, member, now_ms);
}
