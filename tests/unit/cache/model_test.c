/* The engine against a plain map: long random runs of every call with a clock that is made up; what
 * the map says must be what the engine says. The seed of a run that fails is printed.
 * SPDX-License-Identifier: MIT */
#include "cache_room.h"
#include "t.h"

#include "base/glob.h"

#include <string.h>

enum { NAMES = 48, SPACES = 2, TAGS = 6, STEPS = 20000, SEEDS = 6 };

/* What the map knows of a key. */
struct fact {
    bool there;
    uint32_t value;
    int64_t expires_ms;
    int64_t stale_ms; /* distances */
    int64_t error_ms;
    bool soft;
    unsigned tags; /* a set of bits */
};

/* A load in flight, as the map sees it. */
struct lead {
    struct cache_lease lease;
    unsigned space;
    unsigned name;
    bool doomed;       /* its value must not be stored, whatever it brings, */
    unsigned bad_tags; /*   or if it brings one of these tags */
    bool active;
};

struct model {
    struct room room;
    struct random random;
    struct fact facts[SPACES][NAMES];
    struct lead leads[8];
    int64_t now_ms;
    uint32_t values;
    uint64_t seed;
};

static unsigned below(struct model *model, unsigned bound)
{
    return (unsigned)random_below(&model->random, bound);
}

static const char *const tag_names[TAGS] = {"red", "green", "blue", "x", "", "a long tag's name"};

static struct cache_key key_of(const struct model *model, unsigned space, const struct name *name)
{
    return cache_key(model->room.cache, space, name_bytes(name));
}

static enum cache_state fact_state(const struct fact *fact, int64_t now_ms)
{
    int64_t at_ms = fact->soft && now_ms < fact->expires_ms ? fact->expires_ms : now_ms;

    if (!fact->there)
        return CACHE_MISS;
    if (at_ms < fact->expires_ms)
        return CACHE_FRESH;
    if (fact->expires_ms == CACHE_NEVER)
        return CACHE_MISS;
    if (at_ms < fact->expires_ms + fact->stale_ms)
        return CACHE_STALE;
    return at_ms < fact->expires_ms + fact->error_ms ? CACHE_GRACE : CACHE_MISS;
}

static void check_key(struct model *model, unsigned space, unsigned number)
{
    struct name name = name_of((int)number);
    const struct fact *fact = &model->facts[space][number];
    struct cache_view view;
    enum cache_state state =
        cache_look(model->room.thread, key_of(model, space, &name), model->now_ms, &view);

    CHECK(state == fact_state(fact, model->now_ms));
    if (state == CACHE_MISS)
        return;
    CHECK(view.value.size == sizeof fact->value);
    CHECK(memcmp(view.value.data, &fact->value, sizeof fact->value) == 0);
    CHECK(view.expires_ms == fact->expires_ms);
    CHECK(view.soft_purged == fact->soft);
}

/* ---- loads in the map -------------------------------------------------------------------- */

static void doom_key(struct model *model, unsigned space, unsigned number)
{
    for (size_t i = 0; i < sizeof model->leads / sizeof model->leads[0]; i++) {
        struct lead *lead = &model->leads[i];

        if (lead->active && lead->space == space && lead->name == number)
            lead->doomed = true;
    }
}

/* ---- what is done ------------------------------------------------------------------------ */

struct draft {
    struct cache_put put;
    struct bytes tags[2 * TAGS];
    struct name name;
    struct fact fact;
};

static void draw_put(struct model *model, unsigned space, unsigned number, struct draft *draft)
{
    struct fact fact = {.there = true, .value = ++model->values};

    fact.expires_ms = model->now_ms + (int64_t)below(model, 300) - 5;
    fact.stale_ms = below(model, 2) == 0 ? 0 : (int64_t)below(model, 200);
    fact.error_ms = fact.stale_ms + (below(model, 2) == 0 ? 0 : (int64_t)below(model, 200));
    if (below(model, 8) == 0)
        fact = (struct fact){.there = true, .value = fact.value, .expires_ms = CACHE_NEVER};
    draft->name = name_of((int)number);
    draft->put = (struct cache_put){.key = key_of(model, space, &draft->name),
                                    .expires_ms = fact.expires_ms};
    if (fact.expires_ms != CACHE_NEVER) {
        draft->put.stale_until_ms = fact.expires_ms + fact.stale_ms;
        draft->put.error_until_ms = fact.expires_ms + fact.error_ms;
    }
    for (unsigned count = below(model, 4); count > 0; count--) {
        unsigned tag = below(model, TAGS);

        draft->tags[draft->put.tag_count++] = bytes_of_text(tag_names[tag]);
        fact.tags |= 1U << tag;
    }
    draft->fact = fact;
    draft->put.tags = draft->tags;
    draft->put.body = bytes_of(&draft->fact.value, sizeof draft->fact.value);
}

static void accept_put(struct model *model, unsigned space, unsigned number,
                       const struct draft *draft)
{
    struct fact *fact = &model->facts[space][number];

    *fact = draft->fact;
    fact->there = fact_state(fact, model->now_ms) != CACHE_MISS;
}

static void do_put(struct model *model, unsigned space, unsigned number)
{
    struct draft draft;

    draw_put(model, space, number, &draft);
    CHECK(cache_put(model->room.thread, &draft.put, model->now_ms) == ERR_OK);
    doom_key(model, space, number);
    accept_put(model, space, number, &draft);
}

static void do_remove(struct model *model, unsigned space, unsigned number)
{
    struct name name = name_of((int)number);
    struct fact *fact = &model->facts[space][number];
    bool was = fact_state(fact, model->now_ms) != CACHE_MISS;

    CHECK(cache_remove(model->room.thread, key_of(model, space, &name), model->now_ms) == was);
    fact->there = false;
    doom_key(model, space, number);
}

static void do_expiry(struct model *model, unsigned space, unsigned number)
{
    struct name name = name_of((int)number);
    struct fact *fact = &model->facts[space][number];
    bool was = fact_state(fact, model->now_ms) != CACHE_MISS;
    int64_t expires_ms = model->now_ms + (int64_t)below(model, 300) - 5;

    /* A soft purge that was not written down yet would be the map's to know; leave these. */
    if (fact->soft)
        return;
    CHECK(cache_set_expiry(model->room.thread, key_of(model, space, &name), expires_ms,
                           model->now_ms) == was);
    if (!was)
        return;
    fact->expires_ms = expires_ms;
    if (expires_ms <= model->now_ms)
        fact->there = false;
}

static void do_tag(struct model *model, unsigned space, unsigned number)
{
    struct name name = name_of((int)number);
    struct fact *fact = &model->facts[space][number];
    unsigned tag = below(model, TAGS);
    struct bytes text = bytes_of_text(tag_names[tag]);
    enum err err =
        cache_tag(model->room.thread, key_of(model, space, &name), &text, 1, model->now_ms);

    CHECK(err == (fact_state(fact, model->now_ms) == CACHE_MISS ? ERR_MISS : ERR_OK));
    if (err == ERR_OK)
        fact->tags |= 1U << tag;
}

/* ---- purges ------------------------------------------------------------------------------ */

struct purging {
    struct cache_purge purge;
    unsigned tag;
    char text[32];
};

static bool concerns(const struct purging *purging, unsigned space, unsigned number, unsigned tags)
{
    struct name name = name_of((int)number);

    switch (purging->purge.by) {
    case CACHE_BY_TAG:
        return (tags >> purging->tag & 1) != 0;
    case CACHE_BY_PREFIX:
        return space == purging->purge.space &&
               bytes_begin_with(name_bytes(&name), purging->purge.name);
    case CACHE_BY_GLOB:
        return space == purging->purge.space && glob_fits(purging->purge.name, name_bytes(&name));
    case CACHE_BY_SPACE:
        return space == purging->purge.space;
    case CACHE_BY_ALL:
        return true;
    case CACHE_BY_KEY:
        break;
    }
    return false;
}

static void purge_fact(struct fact *fact, bool soft, int64_t now_ms)
{
    if (!soft || fact_state(fact, now_ms) == CACHE_MISS) {
        fact->there = false;
        return;
    }
    if (now_ms < fact->expires_ms)
        fact->expires_ms = now_ms;
    fact->soft = true;
    fact->there = fact_state(fact, now_ms) != CACHE_MISS;
}

static void purge_leads(struct model *model, const struct purging *purging)
{
    for (size_t i = 0; i < sizeof model->leads / sizeof model->leads[0]; i++) {
        struct lead *lead = &model->leads[i];

        if (purging->purge.by == CACHE_BY_TAG)
            lead->bad_tags |= 1U << purging->tag;
        else if (lead->active && concerns(purging, lead->space, lead->name, 0))
            lead->doomed = true;
    }
}

static void do_purge(struct model *model, unsigned space, unsigned number)
{
    static const enum cache_purge_by kinds[] = {CACHE_BY_TAG, CACHE_BY_TAG, CACHE_BY_PREFIX,
                                                CACHE_BY_GLOB};
    struct purging purging = {.tag = below(model, TAGS),
                              .purge = {.by = kinds[below(model, 4)],
                                        .space = (uint8_t)space,
                                        .soft = below(model, 2) == 0}};

    if (below(model, 32) == 0)
        purging.purge.by = below(model, 2) == 0 ? CACHE_BY_SPACE : CACHE_BY_ALL;
    purging.purge.name = bytes_of_text(tag_names[purging.tag]);
    if (purging.purge.by == CACHE_BY_PREFIX || purging.purge.by == CACHE_BY_GLOB) {
        int size =
            snprintf(purging.text, sizeof purging.text,
                     purging.purge.by == CACHE_BY_GLOB ? "*%u" : "key:00000000000%u", number % 10);

        purging.purge.name = bytes_of(purging.text, (size_t)size);
    }
    enum err err = cache_purge(model->room.thread, &purging.purge, model->now_ms, NULL);

    if (err == ERR_FULL) /* too many rules stand: nothing happened */
        return;
    CHECK(err == ERR_OK);
    for (unsigned s = 0; s < SPACES; s++) {
        for (unsigned i = 0; i < NAMES; i++) {
            if (concerns(&purging, s, i, model->facts[s][i].tags))
                purge_fact(&model->facts[s][i], purging.purge.soft, model->now_ms);
        }
    }
    purge_leads(model, &purging);
    /* A soft purge is written down in the entries by the sweep; until then a later one of the same
     * name would take its place. */
    for (int i = 0; purging.purge.soft && i < 40; i++)
        (void)cache_turn(model->room.thread, model->now_ms);
}

static void do_purge_key(struct model *model, unsigned space, unsigned number)
{
    struct name name = name_of((int)number);
    struct cache_purge purge = {
        .by = CACHE_BY_KEY, .key = key_of(model, space, &name), .soft = below(model, 2) == 0};

    CHECK(cache_purge(model->room.thread, &purge, model->now_ms, NULL) == ERR_OK);
    purge_fact(&model->facts[space][number], purge.soft, model->now_ms);
    doom_key(model, space, number);
}

/* ---- loads ------------------------------------------------------------------------------- */

static void do_get(struct model *model, unsigned space, unsigned number)
{
    struct name name = name_of((int)number);
    struct cache_ask ask = {.lease_ms = 1000000, .no_wait = true, .no_stale = below(model, 2) == 0};
    enum cache_state state = fact_state(&model->facts[space][number], model->now_ms);
    struct lead lead = {.space = space, .name = number, .active = true};
    struct cache_view view;
    enum cache_answer answer = cache_get(model->room.thread, key_of(model, space, &name), &ask,
                                         model->now_ms, NULL, &view, &lead.lease, NULL);

    CHECK((answer == CACHE_HIT) == (state == CACHE_FRESH));
    if (answer != CACHE_LEAD && answer != CACHE_HIT_LEAD)
        return;
    CHECK(lead.lease.token != 0);
    for (size_t i = 0; i < sizeof model->leads / sizeof model->leads[0]; i++) {
        if (!model->leads[i].active) {
            model->leads[i] = lead;
            return;
        }
    }
    cache_abandon(model->room.thread, &lead.lease, model->now_ms);
}

static void do_fill(struct model *model)
{
    struct lead *lead = &model->leads[below(model, sizeof model->leads / sizeof model->leads[0])];
    struct draft draft;
    enum err err = ERR_OK;

    if (!lead->active)
        return;
    lead->active = false;
    if (below(model, 8) == 0) {
        cache_abandon(model->room.thread, &lead->lease, model->now_ms);
        return;
    }
    draw_put(model, lead->space, lead->name, &draft);
    err = cache_fill(model->room.thread, &lead->lease, &draft.put, model->now_ms);
    if (lead->doomed || (lead->bad_tags & draft.fact.tags) != 0) {
        CHECK(err == ERR_DROPPED);
        return;
    }
    /* A tag that was given meanwhile makes another entry of the one that is refreshed. */
    if (err == ERR_DROPPED) {
        CHECK(model->facts[lead->space][lead->name].there);
        return;
    }
    CHECK(err == ERR_OK);
    accept_put(model, lead->space, lead->name, &draft);
}

/* ---- all together ------------------------------------------------------------------------ */

static void check_all(struct model *model)
{
    size_t living = 0;

    for (unsigned space = 0; space < SPACES; space++) {
        for (unsigned i = 0; i < NAMES; i++) {
            check_key(model, space, i);
            living += fact_state(&model->facts[space][i], model->now_ms) != CACHE_MISS;
        }
    }
    for (int i = 0; i < 40; i++)
        (void)cache_turn(model->room.thread, model->now_ms);
    CHECK(cache_count(model->room.cache, 0) + cache_count(model->room.cache, 1) >= living);
    if (model->now_ms < INT64_MAX)
        model->now_ms += 100;
    (void)cache_turn(model->room.thread, model->now_ms);
}

static void one_step(struct model *model)
{
    unsigned space = below(model, SPACES);
    unsigned number = below(model, NAMES);

    switch (below(model, 16)) {
    case 0:
    case 1:
    case 2:
        do_put(model, space, number);
        break;
    case 3:
        do_remove(model, space, number);
        break;
    case 4:
        do_expiry(model, space, number);
        break;
    case 5:
        do_tag(model, space, number);
        break;
    case 6:
        do_purge(model, space, number);
        break;
    case 7:
        do_purge_key(model, space, number);
        break;
    case 8:
    case 9:
        do_get(model, space, number);
        break;
    case 10:
    case 11:
        do_fill(model);
        break;
    case 12:
        model->now_ms += below(model, 20);
        (void)cache_turn(model->room.thread, model->now_ms);
        break;
    default:
        check_key(model, space, number);
        break;
    }
}

static void simulate(uint64_t seed)
{
    struct model model = {.room = room_new(64 << 20, "s3fifo"), .now_ms = 1000, .seed = seed};

    (void)printf("         seed %llu\n", (unsigned long long)seed);
    random_init(&model.random, seed);
    for (int step = 0; step < STEPS; step++) {
        one_step(&model);
        if (step % 500 == 0)
            check_all(&model);
    }
    for (size_t i = 0; i < sizeof model.leads / sizeof model.leads[0]; i++) {
        if (model.leads[i].active)
            cache_abandon(model.room.thread, &model.leads[i].lease, model.now_ms);
    }
    room_free(&model.room);
}

TEST(the_engine_says_what_a_plain_map_says)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        simulate(seed);
}
