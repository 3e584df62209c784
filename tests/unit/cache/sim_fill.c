/* sim_fill.c: what leaders do: share, and end their loads. SPDX-License-Identifier: MIT */
#include "sim.h"

#include "base/number.h"

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
            sim_lead_lost(sim, lead);
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
    int number = sim_lead_number(sim, lead);
    bool purged = lead->purged || (lead->bad_tags & draft->fact.tags) != 0;
    bool replaced = is_replaced(sim, lead);

    if (lead->state == SIM_DOOMED || purged) {
        SIM_CHECK(sim, err == ERR_DROPPED);
        sim_all_filled(sim, number, &draft->fact, !purged);
        sim_lead_passed_on(sim, lead);
        return;
    }
    if (replaced && (err == ERR_DROPPED || !may_be_gone(sim, fact))) {
        SIM_CHECK(sim, err == ERR_DROPPED);
        sim_all_filled(sim, number, &draft->fact, true);
        sim_lead_passed_on(sim, lead);
        return;
    }
    SIM_CHECK(sim, err == ERR_OK || (err == ERR_FULL && sim_may_be_full(sim, draft)));
    sim_all_filled(sim, number, &draft->fact, true);
    sim_lead_lost(sim, lead);
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
            lead->key, sim_lead_number(sim, lead), lead->lost ? ", lost" : "",
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
            sim_lead_number(sim, lead), (long long)draft.fact.expires_ms,
            (long long)draft.fact.stale_ms, (long long)draft.fact.error_ms, err_text(err));
    SIM_CHECK(sim, err == ERR_DROPPED || (err == ERR_OK && fits));
    if (lead->lost)
        return;
    if (err == ERR_DROPPED) {
        if (fits)
            SIM_CHECK(sim, may_be_gone(sim, fact));
        sim_lead_passed_on(sim, lead);
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
    sim_all_filled(sim, sim_lead_number(sim, lead), fact, true);
    sim_lead_lost(sim, lead);
}

static void fail(struct sim *sim, struct sim_lead *lead)
{
    struct sim_fact *fact = &sim->facts[lead->key];
    int64_t retry_ms = sim_pick(sim, 100);
    int number = sim_lead_number(sim, lead);

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
        sim_explain(sim, &sim->waiters[i], CACHE_FAILED);
        SIM_CHECK(sim, sim->waiters[i].err == ERR_PEER_DOWN);
    }
    sim_lead_lost(sim, lead);
}

static void abandon(struct sim *sim, struct sim_lead *lead)
{
    sim_say(sim, "abandon %d, lead %d%s", lead->key, sim_lead_number(sim, lead),
            lead->lost ? ", lost" : "");
    cache_abandon(sim->actor->thread, &lead->lease, sim->actor->now_ms);
    if (!lead->lost)
        sim_lead_passed_on(sim, lead);
}

static void disperse(struct sim *sim, struct sim_lead *lead)
{
    int64_t remember_ms = sim_once_in(sim, 3) ? 0 : (int64_t)sim_pick(sim, 50);
    bool doomed = lead->state == SIM_DOOMED;

    sim_say(sim, "disperse %d, lead %d%s: for %lld", lead->key, sim_lead_number(sim, lead),
            lead->lost ? ", lost" : "", (long long)remember_ms);
    cache_disperse(sim->actor->thread, &lead->lease, remember_ms, sim->actor->now_ms);
    if (lead->lost)
        return;
    sim_all_told(sim, sim_lead_number(sim, lead), CACHE_RETRY);
    sim_lead_lost(sim, lead);
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
    int number = sim_lead_number(sim, lead);
    bool may = !lead->lost && lead->state == SIM_LEADING;
    bool shares = false;

    lead->shares = may ? 1 : lead->shares;
    shares =
        cache_share(sim->actor->thread, &lead->lease, lead, sim_drop_shared, sim->actor->now_ms);
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
        sim_explain(sim, waiter, CACHE_SHARED);
        SIM_CHECK(sim, waiter->shared == lead);
        sim_drop_shared(lead);
    }
    SIM_CHECK(sim, lead->shares == 1);
}

static void extend(struct sim *sim, struct sim_lead *lead)
{
    bool extended = cache_extend(sim->actor->thread, &lead->lease, sim->actor->now_ms);

    sim_say(sim, "extend %d, lead %d: %s", lead->key, sim_lead_number(sim, lead),
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
