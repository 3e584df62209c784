/* sim_load.c: leases and those who wait. SPDX-License-Identifier: MIT
 *
 * A lead is `lost` when the engine does not know its lease any more: whatever it does then must
 * change nothing and wake nobody.
 */
#include "sim.h"

#include "base/number.h"

#include <string.h>

enum { WAITERS_MAX = 4, LATE_MS = 200 };

int sim_lead_number(const struct sim *sim, const struct sim_lead *lead)
{
    return (int)(lead - sim->leads);
}

/* ---- those who wait ---------------------------------------------------------------------- */

static void on_woken(struct cache_waiter *waiter, const struct cache_wake *wake)
{
    struct sim_waiter *one = list_owner(waiter, struct sim_waiter, waiter);

    SIM_CHECK(one->sim, one->waits);
    one->waits = false;
    one->woken = true;
    one->outcome = wake->outcome;
    one->err = wake->err;
    one->shared = wake->shared;
    one->lease = wake->lease;
    if (wake->outcome != CACHE_FILLED)
        return;
    SIM_CHECK(one->sim, wake->view->state != CACHE_MISS);
    one->size = (uint32_t)wake->view->value.size;
    one->id = sim_id_of(wake->view->value);
    if (wake->view->object != NULL)
        one->id = ((const struct sim_object *)wake->view->object)->id;
    else if (one->size >= sizeof(uint32_t))
        SIM_CHECK(one->sim, sim_is_content(wake->view->value, one->id, one->size));
}

static void hold_shared(void *shared)
{
    ((struct sim_lead *)shared)->shares++;
}

void sim_drop_shared(void *shared)
{
    ((struct sim_lead *)shared)->shares--;
}

/* The first who waits for the lead; NULL: nobody. */
static struct sim_waiter *first_waiter(struct sim *sim, int lead)
{
    struct sim_waiter *first = NULL;

    for (unsigned i = 0; i < SIM_WAITERS; i++) {
        struct sim_waiter *one = &sim->waiters[i];

        if (one->lead == lead && (first == NULL || one->order < first->order))
            first = one;
    }
    return first;
}

static unsigned waiter_count(const struct sim *sim, int lead)
{
    unsigned count = 0;

    for (unsigned i = 0; i < SIM_WAITERS; i++)
        count += sim->waiters[i].lead == lead;
    return count;
}

void sim_explain(struct sim *sim, struct sim_waiter *waiter, enum cache_outcome outcome)
{
    SIM_CHECK(sim, waiter->woken);
    SIM_CHECK(sim, waiter->outcome == outcome);
    waiter->woken = false;
    waiter->lead = SIM_NONE;
}

static void explain_filled(struct sim *sim, struct sim_waiter *waiter, const struct sim_fact *fact)
{
    uint8_t bytes[sizeof(uint64_t)];

    sim_explain(sim, waiter, CACHE_FILLED);
    SIM_CHECK(sim, waiter->size == fact->size);
    sim_content(fact->id, fact->size < sizeof bytes ? fact->size : sizeof bytes, bytes);
    if (fact->object != NULL && waiter->id != 0)
        SIM_CHECK(sim, waiter->id == fact->id);
    else if (fact->object == NULL)
        SIM_CHECK(sim, waiter->id == sim_id_of(bytes_of(bytes, fact->size < 8 ? fact->size : 8)));
}

void sim_all_filled(struct sim *sim, int lead, const struct sim_fact *fact, bool late_too)
{
    for (unsigned i = 0; i < SIM_WAITERS; i++) {
        struct sim_waiter *waiter = &sim->waiters[i];

        if (waiter->lead == lead && (late_too || !waiter->late))
            explain_filled(sim, waiter, fact);
    }
}

void sim_all_told(struct sim *sim, int lead, enum cache_outcome outcome)
{
    for (unsigned i = 0; i < SIM_WAITERS; i++) {
        if (sim->waiters[i].lead == lead)
            sim_explain(sim, &sim->waiters[i], outcome);
    }
}

void sim_check_nobody_woken(struct sim *sim)
{
    for (unsigned i = 0; i < SIM_WAITERS; i++)
        SIM_CHECK(sim, !sim->waiters[i].woken);
}

/* ---- how leads begin and end ------------------------------------------------------------- */

void sim_lead_lost(struct sim *sim, struct sim_lead *lead)
{
    int number = sim_lead_number(sim, lead);

    SIM_CHECK(sim, waiter_count(sim, number) == 0);
    SIM_CHECK(sim, lead->shares == 0);
    lead->lost = true;
    if (sim->leading[lead->key] == number)
        sim->leading[lead->key] = SIM_NONE;
}

static struct sim_lead *free_lead(struct sim *sim)
{
    for (unsigned i = 0; i < SIM_LEADS; i++) {
        if (!sim->leads[i].active)
            return &sim->leads[i];
    }
    return NULL;
}

static struct sim_lead *lead_begin(struct sim *sim, int key, struct cache_lease lease,
                                   int64_t lease_ms)
{
    struct sim_lead *lead = free_lead(sim);
    const struct sim_fact *fact = &sim->facts[key];

    SIM_CHECK(sim, lead != NULL);
    SIM_CHECK(sim, lease.token != 0);
    SIM_CHECK(sim, sim->leading[key] == SIM_NONE);
    *lead = (struct sim_lead){.active = true,
                              .key = key,
                              .replaces = sim_visible(sim, key) ? fact->version : 0,
                              .lease_ms = lease_ms,
                              .deadline_ms = add_saturated(sim->actor->now_ms, lease_ms),
                              .lease = lease};
    sim->leading[key] = sim_lead_number(sim, lead);
    sim->alone_ms[key] = 0;
    return lead;
}

/* The leader is gone: the first who waits leads now. */
void sim_lead_passed_on(struct sim *sim, struct sim_lead *lead)
{
    int number = sim_lead_number(sim, lead);
    struct sim_waiter *first = first_waiter(sim, number);
    struct sim_lead *next = NULL;
    uint64_t replaces = lead->replaces;

    if (lead->state == SIM_DOOMED)
        sim_all_told(sim, number, CACHE_RETRY);
    if (lead->state == SIM_DOOMED || first == NULL) {
        sim_lead_lost(sim, lead);
        return;
    }
    sim_explain(sim, first, CACHE_PROMOTED);
    SIM_CHECK(sim, first->lease.token != lead->lease.token || !lead->active);
    sim->leading[lead->key] = SIM_NONE;
    next = lead_begin(sim, lead->key, first->lease, lead->lease_ms);
    next->replaces = replaces;
    for (unsigned i = 0; i < SIM_WAITERS; i++) {
        if (sim->waiters[i].lead != number)
            continue;
        sim->waiters[i].lead = sim_lead_number(sim, next);
        sim->waiters[i].late = false;
    }
    sim_lead_lost(sim, lead);
}

static void lead_doomed(struct sim *sim, struct sim_lead *lead)
{
    int number = sim_lead_number(sim, lead);

    lead->state = SIM_DOOMED;
    if (sim->leading[lead->key] == number)
        sim->leading[lead->key] = SIM_NONE;
    if (first_waiter(sim, number) == NULL)
        sim_lead_lost(sim, lead);
}

void sim_loads_overtaken(struct sim *sim, int key, const struct sim_fact *put)
{
    int number = sim->leading[key];

    sim->alone_ms[key] = 0;
    if (number == SIM_NONE)
        return;
    sim_all_filled(sim, number, put, true);
    sim_lead_lost(sim, &sim->leads[number]);
}

void sim_loads_doomed(struct sim *sim, int key)
{
    sim->alone_ms[key] = 0;
    if (sim->leading[key] != SIM_NONE)
        lead_doomed(sim, &sim->leads[sim->leading[key]]);
}

void sim_loads_purged(struct sim *sim, const struct sim_purge *purge)
{
    for (int i = 0; i < SIM_LEADS; i++) {
        struct sim_lead *lead = &sim->leads[i];

        if (!lead->active || lead->lost)
            continue;
        if (purge->purge.by == CACHE_BY_TAG) {
            lead->bad_tags |= (uint8_t)(1U << purge->tag);
            lead->doubtful = true;
        } else if (sim_concerns(purge, lead->key, 0)) {
            lead->purged = true;
            if (sim->leading[lead->key] == i)
                lead_doomed(sim, lead);
        }
    }
}

void sim_loads_turned(struct sim *sim)
{
    for (int i = 0; i < SIM_LEADS; i++) {
        struct sim_lead *lead = &sim->leads[i];
        const struct sim_waiter *first = first_waiter(sim, i);

        if (!lead->active || lead->lost || lead->deadline_ms > sim->actor->now_ms)
            continue;
        if (first == NULL)
            lead->maybe_lost = true;
        else if (first->woken)
            sim_lead_passed_on(sim, lead);
        else
            SIM_CHECK(sim, lead->deadline_ms + LATE_MS > sim->actor->now_ms);
    }
}

/* ---- get --------------------------------------------------------------------------------- */

struct getting {
    int key;
    struct cache_ask ask;
    struct cache_view view;
    struct cache_lease lease;
    void *shared;
    struct sim_waiter *waiter;
};

static bool has_room(struct sim *sim)
{
    unsigned leads = 0, waiters = 0;

    for (unsigned i = 0; i < SIM_LEADS; i++)
        leads += !sim->leads[i].active;
    for (unsigned i = 0; i < SIM_WAITERS; i++)
        waiters += sim->waiters[i].lead != SIM_NONE;
    return leads > waiters + 2;
}

static struct sim_waiter *free_waiter(struct sim *sim)
{
    for (unsigned i = 0; i < SIM_WAITERS; i++) {
        if (sim->waiters[i].lead == SIM_NONE)
            return &sim->waiters[i];
    }
    return NULL;
}

static void draw_ask(struct sim *sim, struct getting *get)
{
    get->waiter = free_waiter(sim);
    get->ask = (struct cache_ask){.lease_ms = sim_once_in(sim, 4) ? 1000000 : 1 + sim_pick(sim, 80),
                                  .refresh = sim_once_in(sim, 3),
                                  .no_stale = sim_once_in(sim, 3),
                                  .no_wait = sim_once_in(sim, 6) || get->waiter == NULL,
                                  .hold_shared = sim_once_in(sim, 2) ? hold_shared : NULL};
}

/* The load as the look-up finds it, when those whose time is over were dealt with. */
static struct sim_lead *find_lead(struct sim *sim, int key)
{
    int number = sim->leading[key];

    if (number != SIM_NONE && sim->leads[number].deadline_ms <= sim->actor->now_ms)
        sim_lead_passed_on(sim, &sim->leads[number]);
    number = sim->leading[key];
    return number == SIM_NONE ? NULL : &sim->leads[number];
}

static enum cache_answer expected_of_lead(struct sim *sim, const struct getting *get,
                                          struct sim_lead *lead)
{
    bool full = waiter_count(sim, sim_lead_number(sim, lead)) >= WAITERS_MAX;

    if (lead->state == SIM_SHARING && lead->doubtful) {
        lead_doomed(sim, lead);
        return CACHE_LEAD;
    }
    if (get->ask.no_wait)
        return CACHE_REFUSED;
    if (lead->state == SIM_SHARING && get->ask.hold_shared != NULL)
        return CACHE_JOIN;
    return full ? CACHE_REFUSED : CACHE_WAIT;
}

static enum cache_answer expected(struct sim *sim, const struct getting *get, struct sim_lead *lead)
{
    const struct sim_fact *fact = &sim->facts[get->key];
    enum cache_state state = get->view.state;
    bool usable = !get->ask.no_stale && (state == CACHE_FRESH || state == CACHE_STALE);
    bool later = state != CACHE_MISS && fact->extra && fact->retry_ms > sim->actor->now_ms;

    if (lead == NULL && sim->alone_ms[get->key] > sim->actor->now_ms)
        return CACHE_LEAD;
    if (usable)
        return lead != NULL || later ? CACHE_HIT_STALE : CACHE_HIT_LEAD;
    if (lead != NULL)
        return expected_of_lead(sim, get, lead);
    return later && !get->ask.no_stale ? CACHE_HIT_STALE : CACHE_LEAD;
}

/* What may have ended at the time of another thread, whose clock is ahead of this one's. */
static void resolve_doubt(struct sim *sim, const struct getting *get, enum cache_answer answer)
{
    int number = sim->leading[get->key];
    bool leads = answer == CACHE_LEAD || answer == CACHE_HIT_LEAD;

    if (number != SIM_NONE && sim->leads[number].maybe_lost &&
        sim->leads[number].deadline_ms > sim->actor->now_ms && leads)
        sim_lead_lost(sim, &sim->leads[number]);
    if (sim->alone_ms[get->key] <= sim->newest_ms &&
        !(answer == CACHE_LEAD && get->lease.token == 0))
        sim->alone_ms[get->key] = 0;
}

static void take_part(struct sim *sim, struct getting *get, enum cache_answer answer)
{
    int number = sim->leading[get->key];

    switch (answer) {
    case CACHE_HIT_LEAD:
    case CACHE_LEAD:
        if (sim->alone_ms[get->key] > sim->actor->now_ms)
            SIM_CHECK(sim, get->lease.token == 0);
        else
            (void)lead_begin(sim, get->key, get->lease, get->ask.lease_ms);
        break;
    case CACHE_WAIT:
        sim->leads[number].maybe_lost = false;
        get->waiter->lead = number;
        get->waiter->late = sim->leads[number].doubtful;
        get->waiter->order = ++sim->orders;
        break;
    case CACHE_JOIN:
        SIM_CHECK(sim, get->shared == &sim->leads[number]);
        sim_drop_shared(get->shared);
        break;
    case CACHE_HIT:
    case CACHE_HIT_STALE:
    case CACHE_REFUSED:
        break;
    }
    if (answer != CACHE_WAIT && get->waiter != NULL)
        get->waiter->waits = false;
}

void sim_get(struct sim *sim, int key)
{
    static const char *const names[] = {"hit",   "hit, stale", "hit, leads", "leads",
                                        "waits", "joins",      "refused"};
    struct getting get = {.key = key};
    enum cache_answer answer = CACHE_HIT;

    if (!has_room(sim))
        return;
    draw_ask(sim, &get);
    if (get.waiter != NULL)
        *get.waiter = (struct sim_waiter){.waiter = {.woken = on_woken},
                                          .sim = sim,
                                          .waits = true,
                                          .lead = SIM_NONE,
                                          .shares = get.ask.hold_shared != NULL};
    answer = cache_get(sim->actor->thread, sim_key(sim, key), &get.ask, sim->actor->now_ms,
                       get.waiter == NULL ? NULL : &get.waiter->waiter, &get.view, &get.lease,
                       &get.shared);
    sim_say(sim, "get %d%s%s%s%s: %s, lease %llu", key, get.ask.refresh ? ", refresh" : "",
            get.ask.no_stale ? ", not stale" : "", get.ask.no_wait ? ", not waiting" : "",
            get.ask.hold_shared != NULL ? ", sharing" : "", names[answer],
            (unsigned long long)get.lease.token);
    sim_check_view(sim, key, &get.view);
    if (get.view.state == CACHE_FRESH && !get.ask.refresh) {
        SIM_CHECK(sim, answer == CACHE_HIT);
    } else {
        resolve_doubt(sim, &get, answer);
        SIM_CHECK(sim, answer == expected(sim, &get, find_lead(sim, key)));
    }
    take_part(sim, &get, answer);
}

void sim_cancel(struct sim *sim)
{
    struct sim_waiter *waiter = &sim->waiters[sim_pick(sim, SIM_WAITERS)];
    bool waits = waiter->lead != SIM_NONE;

    if (waiter->sim == NULL || waiter->waiter.hash == 0)
        return;
    sim_say(sim, "cancel a wait for lead %d", waiter->lead);
    SIM_CHECK(sim, cache_cancel(sim->actor->thread, &waiter->waiter) == waits);
    waiter->waits = false;
    waiter->lead = SIM_NONE;
}
