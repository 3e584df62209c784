/* sim_map.c: what is stored, and what purges do to it. SPDX-License-Identifier: MIT */
#include "sim.h"

#include "base/glob.h"
#include "base/number.h"

#include <string.h>

static const unsigned spaces[SIM_SPACES] = {0, 5, CACHE_SPACE_HTTP};

static char long_name[300];
static char long_tag[CACHE_TAG_SIZE_MAX];

/* Names that share prefixes, and three that are unlike any other. */
struct bytes sim_name(int key)
{
    static const char *const names[SIM_NAMES] = {
        "key:00", "key:01", "key:02", "key:03", "key:10", "key:11", "key:12", "key:1",
        "key:20", "key:21", "key:22", "key:2*", "other",  "",       "k",
    };
    unsigned number = (unsigned)key % SIM_NAMES;

    if (number == SIM_NAMES - 1) {
        memset(long_name, 'k', sizeof long_name);
        return bytes_of(long_name, sizeof long_name);
    }
    return bytes_of_text(names[number]);
}

unsigned sim_space(int key)
{
    return spaces[(unsigned)key / SIM_NAMES];
}

struct bytes sim_tag(unsigned tag)
{
    static const char *const names[SIM_TAGS - 1] = {"red", "green", "blue", "key:", ""};

    if (tag == SIM_TAGS - 1) {
        memset(long_tag, 't', sizeof long_tag);
        return bytes_of(long_tag, sizeof long_tag);
    }
    return bytes_of_text(names[tag]);
}

struct cache_key sim_key(const struct sim *sim, int key)
{
    return cache_key(sim->cache, sim_space(key), sim_name(key));
}

int sim_pick_key(struct sim *sim)
{
    return (int)sim_pick(sim, SIM_KEYS);
}

/* ---- values ------------------------------------------------------------------------------ */

/* The number, and then one byte that follows from it, as often as there is room. */
void sim_content(uint64_t id, uint32_t size, uint8_t *out)
{
    for (uint32_t i = 0; i < sizeof id && i < size; i++)
        out[i] = (uint8_t)(id >> (8 * i));
    if (size > sizeof id)
        memset(out + sizeof id, (int)(id * 7 + 1), size - sizeof id);
}

bool sim_is_content(struct bytes value, uint64_t id, uint32_t size)
{
    uint8_t begin[sizeof id + 1];
    uint32_t count = size < sizeof begin ? size : (uint32_t)sizeof begin;

    sim_content(id, count, begin);
    if (value.size != size || (size > 0 && memcmp(value.data, begin, count) != 0))
        return false;
    return size <= sizeof begin ||
           memcmp(value.data + sizeof id, value.data + sizeof begin, size - sizeof begin) == 0;
}

uint64_t sim_id_of(struct bytes value)
{
    uint64_t id = 0;

    for (size_t i = 0; i < sizeof id && i < value.size; i++)
        id |= (uint64_t)value.data[i] << (8 * i);
    return id;
}

/* ---- time -------------------------------------------------------------------------------- */

static enum cache_state state_at(const struct sim_fact *fact, int64_t at_ms)
{
    if (at_ms < fact->expires_ms)
        return CACHE_FRESH;
    if (at_ms < add_saturated(fact->expires_ms, fact->stale_ms))
        return CACHE_STALE;
    return at_ms < add_saturated(fact->expires_ms, fact->error_ms) ? CACHE_GRACE : CACHE_MISS;
}

/* A soft purge may come from a thread whose clock is ahead. */
enum cache_state sim_state(const struct sim_fact *fact, int64_t now_ms)
{
    if (!fact->there)
        return CACHE_MISS;
    return state_at(fact, fact->soft && now_ms < fact->expires_ms ? fact->expires_ms : now_ms);
}

int64_t sim_ends(const struct sim_fact *fact)
{
    return add_saturated(fact->expires_ms, fact->error_ms);
}

bool sim_visible(const struct sim *sim, int key)
{
    return sim_state(&sim->facts[key], sim->actor->now_ms) != CACHE_MISS;
}

/* ---- what a look shows ------------------------------------------------------------------- */

/* Another thread, whose clock is ahead, may have let it expire; or it was evicted. */
static void check_miss(struct sim *sim, int key)
{
    struct sim_fact *fact = &sim->facts[key];

    if (sim_state(fact, sim->actor->now_ms) == CACHE_MISS)
        return;
    SIM_CHECK(sim, sim->tight || sim_ends(fact) <= sim->newest_ms);
    sim_missed(sim, key);
    fact->there = false;
}

static void note_tag(void *context, struct bytes tag)
{
    unsigned *tags = context;

    for (unsigned i = 0; i < SIM_TAGS; i++) {
        if (bytes_equal(tag, sim_tag(i)))
            *tags |= 1U << i;
    }
}

void sim_check_view(struct sim *sim, int key, const struct cache_view *view)
{
    const struct sim_fact *fact = &sim->facts[key];
    enum cache_state state = sim_state(fact, sim->actor->now_ms);
    unsigned tags = 0;

    if (view->state == CACHE_MISS) {
        check_miss(sim, key);
        return;
    }
    SIM_CHECK(sim, fact->there);
    SIM_CHECK(sim, view->state == state);
    SIM_CHECK(sim, view->negative == fact->negative);
    SIM_CHECK(sim, view->soft_purged == fact->soft);
    SIM_CHECK(sim, view->expires_ms == fact->expires_ms);
    SIM_CHECK(sim, view->stale_until_ms == add_saturated(fact->expires_ms, fact->stale_ms));
    SIM_CHECK(sim, view->error_until_ms == sim_ends(fact));
    SIM_CHECK(sim, view->object == fact->object);
    if (fact->object == NULL)
        SIM_CHECK(sim, sim_is_content(view->value, fact->id, fact->size));
    else
        SIM_CHECK(sim, !fact->object->freed);
    cache_tags_of(sim->actor->thread, view, note_tag, &tags);
    SIM_CHECK(sim, tags == fact->tags);
    SIM_CHECK(sim, cache_cost(sim->actor->thread, view) >= fact->size);
    sim_saw(sim, key, view);
}

/* ---- purges ------------------------------------------------------------------------------ */

bool sim_has_remainder(struct bytes name, unsigned remainder)
{
    return name.size > 0 && name.data[name.size - 1] % 3 == remainder;
}

bool sim_concerns(const struct sim_purge *purge, int key, unsigned tags)
{
    bool same_space = purge->purge.space == sim_space(key);

    switch (purge->purge.by) {
    case CACHE_BY_KEY:
        return purge->key == key;
    case CACHE_BY_TAG:
        return (tags >> purge->tag & 1) != 0;
    case CACHE_BY_PREFIX:
        return same_space && bytes_begin_with(sim_name(key), purge->purge.name);
    case CACHE_BY_GLOB:
        return same_space && glob_fits(purge->purge.name, sim_name(key));
    case CACHE_BY_TEST:
        return same_space && sim_has_remainder(sim_name(key), purge->remainder);
    case CACHE_BY_SPACE:
        return same_space;
    case CACHE_BY_ALL:
        break;
    }
    return true;
}

static void purge_fact(struct sim_fact *fact, bool soft, int64_t now_ms)
{
    if (!soft) {
        fact->there = false;
    } else if (sim_state(fact, now_ms) != CACHE_MISS) {
        if (now_ms < fact->expires_ms)
            fact->expires_ms = now_ms;
        fact->soft = true;
    }
}

void sim_purge_facts(struct sim *sim, const struct sim_purge *purge)
{
    for (int key = 0; key < SIM_KEYS; key++) {
        struct sim_fact *fact = &sim->facts[key];

        if (fact->there && sim_concerns(purge, key, fact->tags))
            purge_fact(fact, purge->purge.soft, sim->actor->now_ms);
    }
}
