/* sim_read.c: looks, what they showed, held values, walks, watches. SPDX-License-Identifier: MIT */
#include "sim.h"

#include <string.h>

/* ---- what was looked at ------------------------------------------------------------------ */

static struct sim_seen seen_of(const struct sim_fact *fact, const struct cache_view *view)
{
    return (struct sim_seen){view->value, fact->id, fact->size, fact->object};
}

void sim_saw(struct sim *sim, int key, const struct cache_view *view)
{
    struct sim_actor *actor = sim->actor;

    if (actor->seen_count < SIM_SEEN)
        actor->seen[actor->seen_count++] = seen_of(&sim->facts[key], view);
    for (unsigned i = 0; i < SIM_WATCHES; i++) {
        if (sim->watches[i].set && sim->watches[i].key == key)
            sim->watches[i].unseen = 0;
    }
}

/* It was evicted, or a thread whose clock is ahead took it out: who watches was told. */
void sim_missed(struct sim *sim, int key)
{
    sim->untold = true;
    for (unsigned i = 0; i < SIM_WATCHES; i++) {
        if (sim->watches[i].set && sim->watches[i].key == key)
            SIM_CHECK(sim, sim->watches[i].unseen > 0);
    }
}

static void check_one(const struct sim *sim, const struct sim_seen *seen)
{
    if (seen->object != NULL)
        SIM_CHECK(sim, !seen->object->freed);
    else
        SIM_CHECK(sim, sim_is_content(seen->value, seen->id, seen->size));
}

void sim_check_seen(struct sim *sim, struct sim_actor *actor)
{
    for (unsigned i = 0; i < actor->seen_count; i++)
        check_one(sim, &actor->seen[i]);
}

void sim_look(struct sim *sim, int key)
{
    struct cache_key at = sim_key(sim, key);
    struct cache_view view;
    bool peeks = sim_once_in(sim, 2);

    for (unsigned stage = sim_pick(sim, 4); stage > 0; stage--)
        cache_prefetch(sim->actor->thread, at, stage - 1);
    if (peeks)
        (void)cache_peek(sim->actor->thread, at, sim->actor->now_ms, &view);
    else
        (void)cache_look(sim->actor->thread, at, sim->actor->now_ms, &view);
    sim_say(sim, "look at %d: state %d", key, (int)view.state);
    sim_check_view(sim, key, &view);
}

void sim_look_many(struct sim *sim)
{
    enum { MANY_MAX = 40 };
    struct cache_key keys[MANY_MAX];
    struct cache_view views[MANY_MAX];
    int picked[MANY_MAX];
    unsigned count = sim_pick(sim, MANY_MAX + 1);

    for (unsigned i = 0; i < count; i++) {
        picked[i] = sim_pick_key(sim);
        keys[i] = sim_key(sim, picked[i]);
    }
    sim_say(sim, "look at %u at once", count);
    cache_look_many(sim->actor->thread, keys, count, sim->actor->now_ms, views);
    for (unsigned i = 0; i < count; i++)
        sim_check_view(sim, picked[i], &views[i]);
}

void sim_hold(struct sim *sim, int key)
{
    struct sim_hold *hold = &sim->holds[sim_pick(sim, SIM_HOLDS)];
    struct cache_view view;

    if (hold->entry != NULL) {
        sim_drop(sim, hold);
        return;
    }
    (void)cache_look(sim->actor->thread, sim_key(sim, key), sim->actor->now_ms, &view);
    sim_check_view(sim, key, &view);
    if (view.state == CACHE_MISS || view.object != NULL)
        return;
    sim_say(sim, "hold %d", key);
    hold->entry = cache_hold(sim->cache, &view);
    SIM_CHECK(sim, hold->entry != NULL);
    hold->seen = seen_of(&sim->facts[key], &view);
}

void sim_drop(struct sim *sim, struct sim_hold *hold)
{
    struct cache_entry *entry = hold->entry;

    sim_say(sim, "drop value %llu", (unsigned long long)hold->seen.id);
    check_one(sim, &hold->seen);
    hold->entry = NULL; /* its object may be freed from here on */
    cache_drop(sim->cache, &entry);
    SIM_CHECK(sim, entry == NULL);
}

/* ---- walks ------------------------------------------------------------------------------- */

struct walk {
    struct sim *sim;
    unsigned space;
    unsigned seen[SIM_KEYS];
    unsigned crowd;
    unsigned budget;
};

static int key_of(unsigned space, struct bytes name)
{
    for (int key = 0; key < SIM_KEYS; key++) {
        if (sim_space(key) == space && bytes_equal(sim_name(key), name))
            return key;
    }
    return SIM_NONE;
}

static bool on_entry(void *context, struct bytes name, const struct cache_view *view)
{
    struct walk *walk = context;
    int key = key_of(walk->space, name);

    if (walk->space == SIM_SPACE_CROWD) {
        walk->crowd++;
        return true;
    }
    SIM_CHECK(walk->sim, key != SIM_NONE);
    SIM_CHECK(walk->sim, view->state != CACHE_MISS);
    sim_check_view(walk->sim, key, view);
    walk->seen[key]++;
    return walk->sim->step % 3 != 0;
}

static unsigned crowd_count(const struct sim *sim)
{
    unsigned count = 0;

    for (unsigned i = 0; i < SIM_CROWD; i++)
        count += sim->crowd[i] != 0;
    return count;
}

/* What is there from the first call to the last is seen; what is not is not. */
static void walk_space(struct sim *sim, unsigned space)
{
    struct walk walk = {.sim = sim, .space = space, .budget = 1 + sim_pick(sim, 2000)};
    uint64_t cursor = 0;

    do
        cursor = cache_scan(sim->actor->thread, space, cursor, walk.budget, on_entry, &walk,
                            sim->actor->now_ms);
    while (cursor != 0);
    sim_say(sim, "walk space %u", space);
    if (sim->tight || sim->skewed)
        return;
    for (int key = 0; key < SIM_KEYS; key++)
        SIM_CHECK(sim, (walk.seen[key] > 0) == (sim_space(key) == space && sim_visible(sim, key)));
    if (space == SIM_SPACE_CROWD)
        SIM_CHECK(sim, walk.crowd == crowd_count(sim));
}

static void draw_one(struct sim *sim, unsigned space)
{
    struct bytes name;
    int key = SIM_NONE;

    if (!cache_random(sim->actor->thread, space, &sim->random, sim->actor->now_ms, &name))
        return;
    key = key_of(space, name);
    sim_say(sim, "one at random of space %u: %d", space, key);
    SIM_CHECK(sim, key != SIM_NONE);
    SIM_CHECK(sim, sim_visible(sim, key));
}

void sim_walk(struct sim *sim)
{
    unsigned space = sim_space(sim_pick_key(sim));

    if (sim_once_in(sim, 3))
        draw_one(sim, space);
    else
        walk_space(sim, sim_once_in(sim, 6) ? (unsigned)SIM_SPACE_CROWD : space);
}

void sim_preview(struct sim *sim, int key)
{
    static const enum cache_purge_by kinds[] = {CACHE_BY_KEY,   CACHE_BY_TAG,   CACHE_BY_PREFIX,
                                                CACHE_BY_SPACE, CACHE_BY_SPACE, CACHE_BY_ALL};
    struct sim_purge purge = {.key = key, .tag = sim_pick(sim, SIM_TAGS)};
    size_t count = 0;

    purge.purge = (struct cache_purge){.by = kinds[sim_pick(sim, 6)],
                                       .space = (uint8_t)sim_space(key),
                                       .key = sim_key(sim, key),
                                       .name = sim_tag(purge.tag)};
    for (int i = 0; i < SIM_KEYS; i++)
        count += sim_visible(sim, i) && sim_concerns(&purge, i, sim->facts[i].tags);
    count += purge.purge.by == CACHE_BY_ALL ? crowd_count(sim) : 0;
    size_t said = cache_purge_preview(sim->actor->thread, &purge.purge, sim->actor->now_ms);

    sim_say(sim, "preview: %zu", said);
    SIM_CHECK(sim, said == count || ((sim->tight || sim->skewed) && said <= count));
}

/* ---- watches ----------------------------------------------------------------------------- */

static void on_change(struct cache_watch *watch)
{
    struct sim_watch *one = list_owner(watch, struct sim_watch, watch);

    one->told++;
    one->unseen++;
}

/* What is there, in one number; 0: nothing. */
static uint64_t digest(const struct sim *sim, int key)
{
    const struct sim_fact *fact = &sim->facts[key];
    uint64_t number = fact->id * 1000003 + (uint64_t)fact->expires_ms * 2 + fact->soft;

    if (fact->object != NULL)
        number += (uint64_t)fact->object->number << 40;
    return sim_visible(sim, key) ? number | 1U << 31 : 0;
}

void sim_watch(struct sim *sim, int key)
{
    struct sim_watch *watch = &sim->watches[sim_pick(sim, SIM_WATCHES)];

    if (watch->set) {
        sim_say(sim, "unwatch %d", watch->key);
        cache_unwatch(sim->actor->thread, &watch->watch);
        watch->set = false;
        return;
    }
    sim_say(sim, "watch %d", key);
    *watch = (struct sim_watch){.set = true, .key = key, .unseen = 1};
    cache_watch(sim->actor->thread, sim_key(sim, key), &watch->watch, on_change);
    watch->before = digest(sim, key);
}

void sim_watches_begin(struct sim *sim)
{
    sim->untold = false;
    for (unsigned i = 0; i < SIM_WATCHES; i++) {
        sim->watches[i].told = 0;
        sim->watches[i].before = digest(sim, sim->watches[i].key);
    }
}

/* Whatever changed in this step was told; or what had been there has left before, and that was. */
void sim_watches_end(struct sim *sim)
{
    for (unsigned i = 0; i < SIM_WATCHES; i++) {
        const struct sim_watch *watch = &sim->watches[i];
        bool left = (sim->tight || sim->skewed) && watch->unseen > 0;

        if (watch->set && !sim->untold && watch->before != digest(sim, watch->key))
            SIM_CHECK(sim, watch->told > 0 || left);
    }
}
