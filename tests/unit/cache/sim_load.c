/* sim_load.c: leases and those who wait. SPDX-License-Identifier: MIT
 *
 * A lead is `lost` when the engine does not know its lease any more: whatever it does then must
 * change nothing and wake nobody.
 */
#include "sim.h"

#include "base/number.h"

#include <string.h>

enum { WAITERS_MAX = 4, LATE_MS = 200 };

static int number_of(const struct sim *sim, const struct sim_lead *lead)
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

static void drop_shared(void *shared)
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

static void explain(struct sim *sim, struct sim_waiter *waiter, enum cache_outcome outcome)
{
    SIM_CHECK(sim, waiter->woken);
    SIM_CHECK(sim, waiter->outcome == outcome);
    waiter->woken = false;
    waiter->lead = SIM_NONE;
}

static void explain_filled(struct sim *sim, struct sim_waiter *waiter, const struct sim_fact *fact)
{
    uint8_t bytes[sizeof(uint64_t)];

    explain(sim, waiter, CACHE_FILLED);
    SIM_CHECK(sim, waiter->size == fact->size);
    sim_content(fact->id, fact->size < sizeof bytes ? fact->size : sizeof bytes, bytes);
    if (fact->object != NULL && waiter->id != 0)
        SIM_CHECK(sim, waiter->id == fact->id);
    else if (fact->object == NULL)
        SIM_CHECK(sim, waiter->id == sim_id_of(bytes_of(bytes, fact->size < 8 ? fact->size : 8)));
}

static void all_filled(struct sim *sim, int lead, const struct sim_fact *fact, bool late_too)
{
    for (unsigned i = 0; i < SIM_WAITERS; i++) {
        struct sim_waiter *waiter = &sim->waiters[i];

        if (waiter->lead == lead && (late_too || !waiter->late))
            explain_filled(sim, waiter, fact);
    }
}

static void all_told(struct sim *sim, int lead, enum cache_outcome outcome)
{
    for (unsigned i = 0; i < SIM_WAITERS; i++) {
        if (sim->waiters[i].lead == lead)
            explain(sim, &sim->waiters[i], outcome);
    }
}

void sim_check_nobody_woken(struct sim *sim)
{
    for (unsigned i = 0; i < SIM_WAITERS; i++)
        SIM_CHECK(sim, !sim->waiters[i].woken);
}

/* ---- how leads begin and end ------------------------------------------------------------- */

static void lead_lost(struct sim *sim, struct sim_lead *lead)
{
    int number = number_of(sim, lead);

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
    sim->leading[key] = number_of(sim, lead);
    sim->alone_ms[key] = 0;
    return lead;
}

/* The leader is gone: the first who waits leads now. */
static void lead_passed_on(struct sim *sim, struct sim_lead *lead)
{
    int number = number_of(sim, lead);
    struct sim_waiter *first = first_waiter(sim, number);
    struct sim_lead *next = NULL;
    uint64_t replaces = lead->replaces;

    if (lead->state == SIM_DOOMED)
        all_told(sim, number, CACHE_RETRY);
    if (lead->state == SIM_DOOMED || first == NULL) {
        lead_lost(sim, lead);
        return;
    }
    explain(sim, first, CACHE_PROMOTED);
    SIM_CHECK(sim, first->lease.token != lead->lease.token || !lead->active);
    sim->leading[lead->key] = SIM_NONE;
    next = lead_begin(sim, lead->key, first->lease, lead->lease_ms);
    next->replaces = replaces;
    for (unsigned i = 0; i < SIM_WAITERS; i++) {
        if (sim->waiters[i].lead != number)
            continue;
        sim->waiters[i].lead = number_of(sim, next);
        sim->waiters[i].late = false;
    }
    lead_lost(sim, lead);
}

static void lead_doomed(struct sim *sim, struct sim_lead *lead)
{
    int number = number_of(sim, lead);

    lead->state = SIM_DOOMED;
    if (sim->leading[lead->key] == number)
        sim->leading[lead->key] = SIM_NONE;
    if (first_waiter(sim, number) == NULL)
        lead_lost(sim, lead);
}

void sim_loads_overtaken(struct sim *sim, int key, const struct sim_fact *put)
{
    int number = sim->leading[key];

    sim->alone_ms[key] = 0;
    if (number == SIM_NONE)
        return;
    all_filled(sim, number, put, true);
    lead_lost(sim, &sim->leads[number]);
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
            lead_passed_on(sim, lead);
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
        lead_passed_on(sim, &sim->leads[number]);
    number = sim->leading[key];
    return number == SIM_NONE ? NULL : &sim->leads[number];
}

static enum cache_answer expected_of_lead(struct sim *sim, const struct getting *get,
                                          struct sim_lead *lead)
{
    bool full = waiter_count(sim, number_of(sim, lead)) >= WAITERS_MAX;

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
        lead_lost(sim, &sim->leads[number]);
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
        drop_shared(get->shared);
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

/* ---- fill -------------------------------------------------------------------------------- */

struct sim_lead *sim_pick_lead(struct sim *sim)
{
    struct sim_lead *lead = &sim->leads[sim_pick(sim, SIM_LEADS)];

    if (!lead->active)
        return NULL;
    /* Where the world does not know, the engine may say; a leader that is alive gets more time. */
    if (lead->maybe_lost && !lead->lost) {
        lead->maybe_lost = false;
        if (!cache_extend(sim->actor->thread, &lead->lease, sim->actor->now_ms))
            lead_lost(sim, lead);
        else
            lead->deadline_ms = add_saturated(sim->actor->now_ms, lead->lease_ms);
    }
    return lead;
}

/* A refresh takes the place of the very entry that it was begun for. */
static bool is_replaced(const struct sim *sim, const struct sim_lead *lead)
{
    const struct sim_fact *fact = &sim->facts[lead->key];

    return lead->replaces != 0 && fact->there && fact->version != lead->replaces;
}

/* Whether what the map holds may be gone without anybody having told. */
static bool may_be_gone(const struct sim *sim, const struct sim_fact *fact)
{
    return sim->tight || sim_ends(fact) <= sim->newest_ms;
}

static void fill_ended(struct sim *sim, struct sim_lead *lead, struct sim_draft *draft,
                       enum err err)
{
    const struct sim_fact *fact = &sim->facts[lead->key];
    int number = number_of(sim, lead);
    bool purged = lead->purged || (lead->bad_tags & draft->fact.tags) != 0;
    bool replaced = is_replaced(sim, lead);

    if (lead->state == SIM_DOOMED || purged) {
        SIM_CHECK(sim, err == ERR_DROPPED);
        all_filled(sim, number, &draft->fact, !purged);
        lead_passed_on(sim, lead);
        return;
    }
    if (replaced && (err == ERR_DROPPED || !may_be_gone(sim, fact))) {
        SIM_CHECK(sim, err == ERR_DROPPED);
        all_filled(sim, number, &draft->fact, true);
        lead_passed_on(sim, lead);
        return;
    }
    SIM_CHECK(sim, err == ERR_OK || (err == ERR_FULL && sim_may_be_full(sim, draft)));
    all_filled(sim, number, &draft->fact, true);
    lead_lost(sim, lead);
    if (err == ERR_OK)
        sim_accept(sim, lead->key, draft);
    else if (draft->put.negative)
        sim->facts[lead->key].there = false;
}

void sim_fill(struct sim *sim, struct sim_lead *lead)
{
    struct sim_draft draft;
    enum err err = ERR_OK;

    sim_draw(sim, lead->key, &draft);
    err = cache_fill(sim->actor->thread, &lead->lease, &draft.put, sim->actor->now_ms);
    sim_say(sim, "fill %d, lead %d%s: value %llu of %u bytes until %lld +%lld +%lld, tags %x: %s",
            lead->key, number_of(sim, lead), lead->lost ? ", lost" : "",
            (unsigned long long)draft.fact.id, draft.fact.size, (long long)draft.fact.expires_ms,
            (long long)draft.fact.stale_ms, (long long)draft.fact.error_ms,
            (unsigned)draft.fact.tags, err_text(err));
    SIM_CHECK(sim, lead->lease.token == 0);
    if (lead->lost)
        SIM_CHECK(sim, err == ERR_DROPPED);
    else
        fill_ended(sim, lead, &draft, err);
    lead->active = false;
}

/* ---- other ends -------------------------------------------------------------------------- */

static void unchanged(struct sim *sim, struct sim_lead *lead)
{
    struct sim_fact *fact = &sim->facts[lead->key];
    struct sim_draft draft;
    bool fits = !lead->lost && lead->state != SIM_DOOMED && fact->there &&
                fact->version == lead->replaces && (lead->bad_tags & fact->tags) == 0;
    enum err err = ERR_OK;

    sim_draw(sim, lead->key, &draft);
    err = cache_unchanged(sim->actor->thread, &lead->lease, draft.put.expires_ms,
                          draft.put.stale_until_ms, draft.put.error_until_ms, sim->actor->now_ms);
    sim_say(sim, "unchanged %d, lead %d: until %lld +%lld +%lld: %s", lead->key,
            number_of(sim, lead), (long long)draft.fact.expires_ms, (long long)draft.fact.stale_ms,
            (long long)draft.fact.error_ms, err_text(err));
    SIM_CHECK(sim, err == ERR_DROPPED || (err == ERR_OK && fits));
    if (lead->lost)
        return;
    if (err == ERR_DROPPED) {
        if (fits)
            SIM_CHECK(sim, may_be_gone(sim, fact));
        lead_passed_on(sim, lead);
        return;
    }
    sim->untold = true;
    fact->expires_ms = draft.fact.expires_ms;
    fact->stale_ms = draft.fact.stale_ms;
    fact->error_ms = draft.fact.error_ms;
    fact->extra |= fact->error_ms > 0;
    fact->soft = false;
    fact->retry_ms = INT64_MIN;
    fact->version = ++sim->versions;
    all_filled(sim, number_of(sim, lead), fact, true);
    lead_lost(sim, lead);
}

static void fail(struct sim *sim, struct sim_lead *lead)
{
    struct sim_fact *fact = &sim->facts[lead->key];
    int64_t retry_ms = sim_pick(sim, 100);
    int number = number_of(sim, lead);

    sim_say(sim, "fail %d, lead %d%s: next try in %lld", lead->key, number,
            lead->lost ? ", lost" : "", (long long)retry_ms);
    cache_fail(sim->actor->thread, &lead->lease, ERR_PEER_DOWN, retry_ms, sim->actor->now_ms);
    if (lead->lost)
        return;
    if (lead->state != SIM_DOOMED && fact->extra)
        fact->retry_ms = sim->actor->now_ms + retry_ms;
    for (unsigned i = 0; i < SIM_WAITERS; i++) {
        if (sim->waiters[i].lead != number)
            continue;
        explain(sim, &sim->waiters[i], CACHE_FAILED);
        SIM_CHECK(sim, sim->waiters[i].err == ERR_PEER_DOWN);
    }
    lead_lost(sim, lead);
}

static void abandon(struct sim *sim, struct sim_lead *lead)
{
    sim_say(sim, "abandon %d, lead %d%s", lead->key, number_of(sim, lead),
            lead->lost ? ", lost" : "");
    cache_abandon(sim->actor->thread, &lead->lease, sim->actor->now_ms);
    if (!lead->lost)
        lead_passed_on(sim, lead);
}

static void disperse(struct sim *sim, struct sim_lead *lead)
{
    int64_t remember_ms = sim_once_in(sim, 3) ? 0 : (int64_t)sim_pick(sim, 50);
    bool doomed = lead->state == SIM_DOOMED;

    sim_say(sim, "disperse %d, lead %d%s: for %lld", lead->key, number_of(sim, lead),
            lead->lost ? ", lost" : "", (long long)remember_ms);
    cache_disperse(sim->actor->thread, &lead->lease, remember_ms, sim->actor->now_ms);
    if (lead->lost)
        return;
    all_told(sim, number_of(sim, lead), CACHE_RETRY);
    lead_lost(sim, lead);
    if (!doomed && remember_ms > 0)
        sim->alone_ms[lead->key] = sim->actor->now_ms + remember_ms;
}

void sim_end(struct sim *sim, struct sim_lead *lead)
{
    static void (*const ends[])(struct sim * sim, struct sim_lead * lead) = {
        unchanged, unchanged, fail, abandon, disperse};

    ends[sim_pick(sim, sizeof ends / sizeof ends[0])](sim, lead);
    SIM_CHECK(sim, lead->lease.token == 0);
    lead->active = false;
}

/* ---- while it loads ---------------------------------------------------------------------- */

static void share(struct sim *sim, struct sim_lead *lead)
{
    int number = number_of(sim, lead);
    bool may = !lead->lost && lead->state == SIM_LEADING;
    bool shares = false;

    lead->shares = may ? 1 : lead->shares;
    shares = cache_share(sim->actor->thread, &lead->lease, lead, drop_shared, sim->actor->now_ms);
    sim_say(sim, "share %d, lead %d: %s", lead->key, number, shares ? "yes" : "no");
    SIM_CHECK(sim, shares == may);
    if (!shares)
        return;
    lead->state = SIM_SHARING;
    lead->deadline_ms = add_saturated(sim->actor->now_ms, lead->lease_ms);
    for (unsigned i = 0; i < SIM_WAITERS; i++) {
        struct sim_waiter *waiter = &sim->waiters[i];

        if (waiter->lead != number || !waiter->shares || waiter->late)
            continue;
        explain(sim, waiter, CACHE_SHARED);
        SIM_CHECK(sim, waiter->shared == lead);
        drop_shared(lead);
    }
    SIM_CHECK(sim, lead->shares == 1);
}

static void extend(struct sim *sim, struct sim_lead *lead)
{
    bool extended = cache_extend(sim->actor->thread, &lead->lease, sim->actor->now_ms);

    sim_say(sim, "extend %d, lead %d: %s", lead->key, number_of(sim, lead),
            extended ? "yes" : "no");
    SIM_CHECK(sim, extended == !lead->lost);
    if (extended)
        lead->deadline_ms = add_saturated(sim->actor->now_ms, lead->lease_ms);
}

static void ask_whether_purged(struct sim *sim, const struct sim_lead *lead)
{
    unsigned tag = sim_pick(sim, SIM_TAGS);
    struct bytes name = sim_tag(tag);
    bool purged = lead->purged || (lead->bad_tags >> tag & 1) != 0;

    if (lead->lost)
        return;
    SIM_CHECK(sim, cache_is_purged_since(sim->actor->thread, sim_key(sim, lead->key), &name, 1,
                                         lead->lease.sequence) == purged);
}

void sim_continue(struct sim *sim, struct sim_lead *lead)
{
    switch (sim_pick(sim, 4)) {
    case 0:
    case 1:
        share(sim, lead);
        break;
    case 2:
        extend(sim, lead);
        break;
    default:
        ask_whether_purged(sim, lead);
        break;
    }
}
