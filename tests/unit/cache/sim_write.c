/* sim_write.c: what changes the stored values, but for purges. SPDX-License-Identifier: MIT */
#include "sim.h"

#include "base/number.h"

#include <string.h>

/* ---- puts -------------------------------------------------------------------------------- */

static int64_t pick_expiry(struct sim *sim)
{
    int64_t now_ms = sim->actor->now_ms;

    switch (sim_pick(sim, sim->tight ? 5 : 10)) {
    case 0:
        return CACHE_NEVER;
    case 1:
    case 2:
        return now_ms + (int64_t)sim_pick(sim, 20000);
    case 3:
        return now_ms + 1000 * (int64_t)sim_pick(sim, 1000000);
    default:
        return now_ms + (int64_t)sim_pick(sim, 300) - 5;
    }
}

static int64_t pick_distance(struct sim *sim)
{
    if (sim_once_in(sim, 16))
        return CACHE_NEVER;
    return sim_once_in(sim, 2) ? 0 : (int64_t)sim_pick(sim, 200);
}

static uint32_t pick_size(struct sim *sim)
{
    if (sim->tight && !sim_once_in(sim, 3))
        return sim_pick(sim, SIM_VALUE_MAX);
    return sim_pick(sim, sim_once_in(sim, 8) ? 6000 : 60);
}

static void draw_times(struct sim *sim, struct sim_draft *draft)
{
    struct sim_fact *fact = &draft->fact;

    draft->put.expires_ms = fact->expires_ms = pick_expiry(sim);
    if (fact->expires_ms == CACHE_NEVER)
        return;
    fact->stale_ms = pick_distance(sim);
    fact->error_ms = add_saturated(fact->stale_ms, pick_distance(sim));
    draft->put.stale_until_ms = add_saturated(fact->expires_ms, fact->stale_ms);
    draft->put.error_until_ms = sim_ends(fact);
}

void sim_draw(struct sim *sim, int key, struct sim_draft *draft)
{
    uint32_t head = 0;

    memset(draft, 0, sizeof *draft);
    draft->fact = (struct sim_fact){.there = true,
                                    .negative = sim_once_in(sim, 10),
                                    .id = ++sim->ids,
                                    .size = pick_size(sim),
                                    .retry_ms = INT64_MIN};
    draft->put = (struct cache_put){.key = sim_key(sim, key), .negative = draft->fact.negative};
    draw_times(sim, draft);
    head = sim_pick(sim, draft->fact.size + 1);
    sim_content(draft->fact.id, draft->fact.size, sim->scratch);
    draft->put.head = bytes_of(sim->scratch, head);
    draft->put.body = bytes_of(sim->scratch + head, draft->fact.size - head);
    for (unsigned count = sim_pick(sim, 4); count > 0; count--) {
        unsigned tag = sim_pick(sim, SIM_TAGS);

        draft->tags[draft->put.tag_count++] = sim_tag(tag);
        draft->fact.tags |= (uint8_t)(1U << tag);
    }
    draft->put.tags = draft->tags;
    draft->fact.extra = draft->fact.tags != 0 || draft->fact.error_ms > 0;
}

void sim_accept(struct sim *sim, int key, const struct sim_draft *draft)
{
    struct sim_fact *fact = &sim->facts[key];

    *fact = draft->fact;
    fact->version = ++sim->versions;
    fact->there = sim_ends(fact) > sim->actor->now_ms;
}

bool sim_may_be_full(const struct sim *sim, const struct sim_draft *draft)
{
    return sim->tight || draft->put.negative;
}

static void put_draft(struct sim *sim, int key, struct sim_draft *draft)
{
    enum err err = cache_put(sim->actor->thread, &draft->put, sim->actor->now_ms);

    sim_say(sim, "put %d: value %llu of %u bytes until %lld +%lld +%lld, tags %x%s: %s", key,
            (unsigned long long)draft->fact.id, draft->fact.size, (long long)draft->fact.expires_ms,
            (long long)draft->fact.stale_ms, (long long)draft->fact.error_ms,
            (unsigned)draft->fact.tags, draft->fact.object == NULL ? "" : ", an object",
            err_text(err));
    if (err == ERR_FULL) {
        SIM_CHECK(sim, sim_may_be_full(sim, draft));
        return;
    }
    SIM_CHECK(sim, err == ERR_OK);
    if (draft->fact.object != NULL)
        draft->fact.object->taken = true;
    sim_accept(sim, key, draft);
    sim_loads_overtaken(sim, key, &draft->fact);
}

void sim_put(struct sim *sim, int key)
{
    struct sim_draft draft;

    sim_draw(sim, key, &draft);
    put_draft(sim, key, &draft);
}

/* What is beyond a limit changes nothing. */
void sim_put_wrong(struct sim *sim, int key)
{
    static const char much[CACHE_KEY_MAX + 1];
    struct bytes long_tag = bytes_of(much, CACHE_TAG_SIZE_MAX + 1);
    struct sim_draft draft;

    sim_draw(sim, key, &draft);
    switch (sim_pick(sim, 3)) {
    case 0:
        draft.tags[0] = long_tag;
        draft.put.tag_count = 1;
        break;
    case 1:
        draft.put.key = cache_key(sim->cache, 0, bytes_of(much, sizeof much));
        break;
    default:
        SIM_CHECK(sim, cache_tag(sim->actor->thread, draft.put.key, &long_tag, 1,
                                 sim->actor->now_ms) == ERR_TOO_BIG);
        return;
    }
    SIM_CHECK(sim, cache_put(sim->actor->thread, &draft.put, sim->actor->now_ms) == ERR_TOO_BIG);
}

/* ---- objects ----------------------------------------------------------------------------- */

static size_t object_cost(const void *object)
{
    const struct sim_object *one = object;

    return one->cost;
}

static bool is_seen(const struct sim *sim, const struct sim_object *object)
{
    for (unsigned i = 0; i < SIM_ACTORS; i++) {
        for (unsigned k = 0; k < sim->actors[i].seen_count; k++) {
            if (sim->actors[i].seen[k].object == object)
                return true;
        }
    }
    return false;
}

static void object_free(void *object)
{
    struct sim_object *one = object;

    SIM_CHECK(one->sim, !one->freed);
    SIM_CHECK(one->sim, !is_seen(one->sim, one));
    one->freed = true;
}

struct cache_object_ops sim_object_ops(void)
{
    return (struct cache_object_ops){object_cost, object_free};
}

void sim_put_object(struct sim *sim, int key)
{
    struct sim_draft draft;
    struct sim_object *object = &sim->objects[sim->object_count];

    if (sim->object_count == SIM_OBJECTS)
        return;
    sim->object_count++;
    sim_draw(sim, key, &draft);
    *object = (struct sim_object){sim, draft.fact.id, 0, 1 + sim_pick(sim, 5000), false, false};
    draft.put.head = draft.put.body = bytes_of(NULL, 0);
    draft.put.negative = draft.fact.negative = false;
    draft.put.kind = SIM_KIND_OBJECT;
    draft.put.object = draft.fact.object = object;
    draft.fact.size = 0;
    put_draft(sim, key, &draft);
}

/* In place, under the key's lock. */
void sim_change_object(struct sim *sim, int key)
{
    struct cache_key at = sim_key(sim, key);
    struct cache_view view;
    bool locks = sim->depth == 0;

    if (locks)
        cache_lock(sim->actor->thread, &at, 1);
    (void)cache_look(sim->actor->thread, at, sim->actor->now_ms, &view);
    sim_check_view(sim, key, &view);
    if (view.state != CACHE_MISS && view.object != NULL) {
        struct sim_object *object = view.object;

        object->number++;
        object->cost = 1 + sim_pick(sim, 5000);
        cache_object_changed(sim->actor->thread, at, sim->actor->now_ms);
        sim_say(sim, "change the object of %d", key);
    }
    if (locks)
        cache_unlock(sim->actor->thread);
}

/* ---- smaller changes --------------------------------------------------------------------- */

void sim_remove(struct sim *sim, int key)
{
    bool visible = sim_visible(sim, key);
    bool was = cache_remove(sim->actor->thread, sim_key(sim, key), sim->actor->now_ms);
    struct sim_fact *fact = &sim->facts[key];

    sim_say(sim, "remove %d: %s", key, was ? "was there" : "was not there");
    if (was != visible) {
        SIM_CHECK(sim, !was);
        SIM_CHECK(sim, sim->tight || sim_ends(fact) <= sim->newest_ms);
        sim_missed(sim, key);
    }
    fact->there = false;
    sim_loads_doomed(sim, key);
}

void sim_set_expiry(struct sim *sim, int key)
{
    struct sim_fact *fact = &sim->facts[key];
    int64_t expires_ms = pick_expiry(sim);
    bool visible = sim_visible(sim, key);
    bool was =
        cache_set_expiry(sim->actor->thread, sim_key(sim, key), expires_ms, sim->actor->now_ms);

    sim_say(sim, "set the expiry of %d: %lld: %s", key, (long long)expires_ms,
            was ? "was there" : "was not there");
    if (was != visible) {
        SIM_CHECK(sim, !was);
        SIM_CHECK(sim, sim->tight || sim_ends(fact) <= sim->newest_ms);
        sim_missed(sim, key);
        fact->there = false;
    }
    if (!was)
        return;
    if (expires_ms <= sim->actor->now_ms)
        fact->there = false;
    /* What a soft purge has made stale does not become fresh by that. */
    else if (!fact->soft || expires_ms < fact->expires_ms)
        fact->expires_ms = expires_ms;
}

void sim_give_tag(struct sim *sim, int key)
{
    struct sim_fact *fact = &sim->facts[key];
    unsigned tag = sim_pick(sim, SIM_TAGS);
    struct bytes name = sim_tag(tag);
    enum err err = cache_tag(sim->actor->thread, sim_key(sim, key), &name, 1, sim->actor->now_ms);

    sim_say(sim, "give %d tag %u: %s", key, tag, err_text(err));
    if (err == ERR_MISS) {
        if (!sim_visible(sim, key))
            return;
        SIM_CHECK(sim, sim->tight || sim_ends(fact) <= sim->newest_ms);
        sim_missed(sim, key);
        fact->there = false;
        return;
    }
    SIM_CHECK(sim, sim_visible(sim, key));
    if (err == ERR_FULL && sim->tight)
        return;
    SIM_CHECK(sim, err == ERR_OK);
    if ((fact->tags >> tag & 1) == 0)
        fact->version = ++sim->versions;
    fact->tags |= (uint8_t)(1U << tag);
    fact->extra = true;
}

/* ---- a crowd of small values --------------------------------------------------------------- */

static struct cache_key crowd_key(const struct sim *sim, unsigned number, char *text)
{
    int size = snprintf(text, 16, "%u", number);

    return cache_key(sim->cache, SIM_SPACE_CROWD, bytes_of(text, (size_t)size));
}

static void crowd_put(struct sim *sim, unsigned number)
{
    char text[16];
    uint32_t value = (uint32_t)++sim->ids;
    struct cache_put put = {.key = crowd_key(sim, number, text),
                            .body = bytes_of(&value, sizeof value),
                            .expires_ms = CACHE_NEVER};
    enum err err = cache_put(sim->actor->thread, &put, sim->actor->now_ms);

    SIM_CHECK(sim, err == ERR_OK || (sim->tight && err == ERR_FULL));
    if (err == ERR_OK)
        sim->crowd[number] = value;
}

static void crowd_look(struct sim *sim, unsigned number)
{
    char text[16];
    struct cache_view view;
    uint32_t value = 0;

    if (cache_look(sim->actor->thread, crowd_key(sim, number, text), sim->actor->now_ms, &view) ==
        CACHE_MISS) {
        SIM_CHECK(sim, sim->tight || sim->crowd[number] == 0);
        sim->crowd[number] = 0;
        return;
    }
    SIM_CHECK(sim, view.value.size == sizeof value);
    memcpy(&value, view.value.data, sizeof value);
    SIM_CHECK(sim, value == sim->crowd[number]);
}

static void crowd_remove(struct sim *sim, unsigned number)
{
    char text[16];
    bool was = cache_remove(sim->actor->thread, crowd_key(sim, number, text), sim->actor->now_ms);

    SIM_CHECK(sim, was == (sim->crowd[number] != 0) || (sim->tight && !was));
    sim->crowd[number] = 0;
}

/* Many come, are looked at, or go. */
void sim_crowd(struct sim *sim)
{
    struct cache_purge purge = {.by = CACHE_BY_SPACE, .space = SIM_SPACE_CROWD};
    unsigned kind = sim_pick(sim, 8);
    unsigned first = sim_pick(sim, SIM_CROWD);
    unsigned count = sim_pick(sim, kind < 3 ? 600 : 100);

    sim_say(sim, "crowd: kind %u, %u from %u", kind, count, first);
    if (kind == 7) {
        SIM_CHECK(sim, cache_purge(sim->actor->thread, &purge, sim->actor->now_ms, NULL) == ERR_OK);
        memset(sim->crowd, 0, sizeof sim->crowd);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned number = (first + i) % SIM_CROWD;

        if (kind < 3)
            crowd_put(sim, number);
        else if (kind < 5)
            crowd_look(sim, number);
        else
            crowd_remove(sim, number);
    }
}

/* ---- several steps as one ---------------------------------------------------------------- */

static void one_of_many(struct sim *sim, int key)
{
    static void (*const acts[])(struct sim * sim, int key) = {
        sim_put,        sim_look,      sim_look, sim_remove,        sim_put_object, sim_give_tag,
        sim_set_expiry, sim_purge_key, sim_get,  sim_change_object, sim_hold};

    acts[sim_pick(sim, sizeof acts / sizeof acts[0])](sim, key);
}

void sim_step_of_many(struct sim *sim)
{
    enum { KEYS_MAX = 5 };
    struct cache_key keys[KEYS_MAX];
    int picked[KEYS_MAX] = {0};
    unsigned count = 1 + sim_pick(sim, KEYS_MAX);
    bool all = sim_once_in(sim, 4);

    for (unsigned i = 0; i < count; i++) {
        picked[i] = sim_pick_key(sim);
        keys[i] = sim_key(sim, picked[i]);
    }
    sim_say(sim, "a step over %s%u keys:", all ? "all, of " : "", count);
    if (all)
        cache_lock_all(sim->actor->thread);
    else
        cache_lock(sim->actor->thread, keys, count);
    sim->depth++;
    for (unsigned i = 2 + sim_pick(sim, 6); i > 0; i--) {
        sim_watches_begin(sim);
        if (all && sim_once_in(sim, 6))
            sim_purge(sim, picked[0]);
        else
            one_of_many(sim, picked[sim_pick(sim, count)]);
        sim_watches_end(sim);
        sim_check_nobody_woken(sim);
    }
    sim->depth--;
    cache_unlock(sim->actor->thread);
    sim_say(sim, "end of the step");
}
