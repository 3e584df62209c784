/* sim_purge.c: purges of every kind. SPDX-License-Identifier: MIT */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

/* ---- purges by test ---------------------------------------------------------------------- */

struct remainder_test {
    struct cache_test test;
    struct sim *sim;
    unsigned remainder;
};

static bool has_remainder(const struct cache_test *test, struct bytes name)
{
    return sim_has_remainder(name, ((const struct remainder_test *)test)->remainder);
}

static void drop_remainder(struct cache_test *test)
{
    struct remainder_test *one = (struct remainder_test *)test;

    SIM_CHECK(one->sim, one->sim->tests > 0);
    one->sim->tests--;
    free(one);
}

static struct cache_test *new_test(struct sim *sim, unsigned remainder)
{
    struct remainder_test *one = malloc(sizeof *one);

    SIM_CHECK(sim, one != NULL);
    *one = (struct remainder_test){{has_remainder, drop_remainder}, sim, remainder};
    sim->tests++;
    return &one->test;
}

/* ---- what is drawn ----------------------------------------------------------------------- */

static void pick_name(struct sim *sim, struct sim_purge *purge)
{
    static const char *const prefixes[] = {"key:0", "key:1", "key:", "k", "other", ""};
    static const char *const globs[] = {"key:?1", "*", "key:2\\*", "[ko]*", "key:[0-1]*", "x*"};
    unsigned number = sim_pick(sim, 6);

    if (purge->purge.by == CACHE_BY_PREFIX)
        purge->purge.name = bytes_of_text(prefixes[number]);
    else if (purge->purge.by == CACHE_BY_GLOB)
        purge->purge.name = bytes_of_text(globs[number]);
    else
        purge->purge.name = sim_tag(purge->tag);
}

/* The engine keeps the times of two soft purges of a name exactly; a third waits here until what
 * the others left was written down. */
static bool softens(struct sim *sim, const struct sim_purge *purge)
{
    uint8_t *counts[SIM_SPACES + 1] = {NULL};
    unsigned count = 0;
    bool many = false;

    if (purge->purge.by == CACHE_BY_TAG)
        counts[count++] = &sim->softened[purge->tag];
    for (int i = 0; i < SIM_SPACES; i++) {
        if (purge->purge.by == CACHE_BY_ALL ||
            (purge->purge.by == CACHE_BY_SPACE && purge->purge.space == sim_space(i * SIM_NAMES)))
            counts[count++] = &sim->emptied[i];
    }
    for (unsigned i = 0; i < count; i++)
        many |= *counts[i] >= 2;
    if (many && sim->depth > 0)
        return false;
    if (many && !sim_settle(sim))
        return false;
    for (unsigned i = 0; i < count; i++)
        (*counts[i])++;
    return true;
}

static void draw_purge(struct sim *sim, int key, struct sim_purge *purge)
{
    static const enum cache_purge_by kinds[] = {CACHE_BY_TAG,  CACHE_BY_TAG,  CACHE_BY_TAG,
                                                CACHE_BY_TAG,  CACHE_BY_GLOB, CACHE_BY_PREFIX,
                                                CACHE_BY_TEST, CACHE_BY_SPACE};

    *purge = (struct sim_purge){
        .tag = sim_pick(sim, SIM_TAGS), .remainder = sim_pick(sim, 3), .key = SIM_NONE};
    purge->purge = (struct cache_purge){.by = kinds[sim_pick(sim, sizeof kinds / sizeof kinds[0])],
                                        .space = (uint8_t)sim_space(key),
                                        .soft = sim_once_in(sim, 2)};
    if (purge->purge.by == CACHE_BY_SPACE && sim_once_in(sim, 3))
        purge->purge.by = CACHE_BY_ALL;
    /* Where memory is to be short, something must be left. */
    if (sim->tight && purge->purge.by != CACHE_BY_TAG && !sim_once_in(sim, 8))
        purge->purge.by = CACHE_BY_TAG;
    pick_name(sim, purge);
}

/* ---- what is done ------------------------------------------------------------------------ */

void sim_purge(struct sim *sim, int key)
{
    static const char *const names[] = {"key", "tag", "prefix", "pattern", "test", "space", "all"};
    struct sim_purge purge;
    uint64_t number = 0;
    enum err err = ERR_OK;

    draw_purge(sim, key, &purge);
    if (purge.purge.soft && !softens(sim, &purge))
        return;
    if (purge.purge.by == CACHE_BY_TEST)
        purge.purge.test = new_test(sim, purge.remainder);
    err = cache_purge(sim->actor->thread, &purge.purge, sim->actor->now_ms, &number);
    sim_say(sim, "%s purge by %s %.8s (tag %u, space %u): %s", purge.purge.soft ? "soft" : "hard",
            names[purge.purge.by], (const char *)purge.purge.name.data, purge.tag,
            (unsigned)purge.purge.space, err_text(err));
    if (err == ERR_FULL) { /* too many rules stand: nothing happened */
        SIM_CHECK(sim, purge.purge.by == CACHE_BY_PREFIX || purge.purge.by == CACHE_BY_GLOB ||
                           purge.purge.by == CACHE_BY_TEST);
        if (purge.purge.test != NULL)
            purge.purge.test->drop(purge.purge.test);
        return;
    }
    SIM_CHECK(sim, err == ERR_OK);
    SIM_CHECK(sim, number > 0);
    sim_purge_facts(sim, &purge);
    sim_loads_purged(sim, &purge);
    if (purge.purge.by == CACHE_BY_ALL)
        memset(sim->crowd, 0, sizeof sim->crowd);
}

void sim_purge_key(struct sim *sim, int key)
{
    struct sim_purge purge = {.key = key};

    purge.purge = (struct cache_purge){
        .by = CACHE_BY_KEY, .key = sim_key(sim, key), .soft = sim_once_in(sim, 2)};
    sim_say(sim, "%s purge of %d", purge.purge.soft ? "soft" : "hard", key);
    SIM_CHECK(sim,
              cache_purge(sim->actor->thread, &purge.purge, sim->actor->now_ms, NULL) == ERR_OK);
    sim_purge_facts(sim, &purge);
    sim_loads_doomed(sim, key);
}
